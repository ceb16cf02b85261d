"""`fit`: draw a batch, compute the gradient on one of the roads, update, and repeat.

    theta <- theta - eta * gradient of the mean cost over the batch

The road only says who computes the gradient: `rules` (the closed form, the fast one) or `graph` (a graph of
Nodes, built and swept for each update). From the same seed both give the same weights. Here the options are checked;
the loop is in `run.py`.
"""

from collections.abc import Iterable, Sequence, Sized
from concurrent.futures import Executor
from contextlib import nullcontext
from os import PathLike
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, generator, shown, storable, whole_number
from tinygrad_ed.graph.values import Plain
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn import metrics as measures
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import restored
from tinygrad_ed.train import checkpoint as files
from tinygrad_ed.train import schedules
from tinygrad_ed.train.checks import samples, weighted
from tinygrad_ed.train.gradients import ROADS, Rules, mean_cost, with_rules
from tinygrad_ed.train.history import Callback, History
from tinygrad_ed.train.methods import check_method
from tinygrad_ed.train.optim import GradientDescent, Optimizer
from tinygrad_ed.train.run import Plan, TrainingRun, Validation, bar_for
from tinygrad_ed.train.shards import ByShards, Data


def fit(
    mlp: MLP,
    x: Plain | Sized,
    rho: Plain | Sized,
    cost: str = "mse",
    method: str = "minibatch",
    batch_size: int = 32,
    learning_rate: float = 0.1,
    epochs: int = 10,
    sampling: str = "uniform",
    road: str = "rules",
    optimizer: Optimizer | None = None,
    validation: Iterable[Plain | Sized] | None = None,
    rng: int | np.random.Generator | None = 0,
    progress: bool | None = None,
    *,
    schedule: schedules.Schedule | None = None,
    patience: int | None = None,
    metrics: "Sequence[str | measures.Metric] | None" = None,
    callbacks: Iterable[Callback] = (),
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    executor: Executor | None = None,
    shards: int = 4,
    rules: Rules | None = None,
    weights: Plain | None = None,
) -> History:
    """Train a network in place and return what happened (lecture, section 1).

    Args:
        mlp: the network; its parameters get their new values at the end, or after each epoch for a callback.
        x: the inputs `(N, n_0)`. A `numpy.memmap`, or an object with `len` and batch indexing, is read in batches only.
        rho: the expected outputs `(N, n_L)`; for cross_entropy class numbers `(N,)` as well.
        cost: its name, see `nn.costs`. Labels are -1 and +1 for logistic, hinge and margin, and 0 and 1 for bce.
        method: "gradient" (all samples, one update an epoch), "sgd" (one sample an update) or "minibatch".
        batch_size: M, for mini-batches. It may be larger than N: then an update sees M draws from the N samples with
            sampling "uniform", and all samples once with "shuffle".
        learning_rate: eta.
        epochs: how many times N samples are seen.
        sampling: "uniform" (drawn with replacement, as in the lecture) or "shuffle" (each sample once an epoch).
        road: who computes the gradient: "rules", "graph", or "tape" (the graph, recorded once and replayed).
        optimizer: such as `Adam(0.001)`, or something of your own with `step(parameters, gradients)`, in place of plain
            gradient descent; it has its own learning rate. What it remembers of another run is forgotten first.
        validation: `(x, rho)`, or `(x, rho, weights)`, whose cost and metrics are computed after every epoch.
        rng: a seed or a generator, for the draw of the batches; None draws a seed.
        progress: True shows a bar (extra `progress`), False none; by default one on a terminal, in longer runs.
        schedule: how the learning rate changes: the factor on it as a function of the time in epochs, see `schedules`.
        patience: stop after so many epochs without a lower validation cost. The network then has the weights of the
            epoch in which it was lowest, also if the run is not stopped.
        metrics: names or functions (output, expected) for the validation data, see `nn.metrics`; by default accuracy
            where classes are learned and R² where numbers are.
        callbacks: functions that are called with an `Epoch` after each epoch. If one returns True, the run stops.
        checkpoint: a file (.npz; .safetensors with that extra) with the state of the run; one run at a time holds it.
        checkpoint_every: it is written after every so many epochs, and when the run ends, also by Ctrl-C or an error.
        resume: go on with the run in the checkpoint's file, if it is there, bit for bit as if it had never stopped.
            Give the same arguments; only epochs, patience, callbacks, progress and checkpoint_every may be others. Then
            a run that patience or a callback has stopped goes on; `print(history)` says from where.
        executor: a `concurrent.futures.Executor` whose workers compute parts of each gradient, see `shards.py`.
        shards: into how many parts a batch is cut for them.
        rules: your own version of some of `closed_form.rules.RULES`, right or wrong, by name: the road `rules` runs on
            them, so that the history shows what a mistake does to learning. They get read-only copies.
        weights: what each sample counts in the mean cost of its batch, `(N,)`: Σ w C / Σ w. Weight 0 leaves it out.

    Raises:
        InvalidValue, InvalidType, ShapeError: for bad options or data, before anything is changed.
        Diverged: if the cost is no longer finite. The network has the weights of the last whole epoch.
        WorkerLost: if a part of a gradient did not come back. Likewise.
        FileProblem: for a checkpoint that cannot be read or written, or that another run holds.
        RuleError: for one of your rules that fails; the message names rule and layer.
        MissingExtra: for `progress=True`, or a checkpoint that ends with .safetensors, without the extra.

    Ctrl-C ends the run, and `fit` returns its history: `history.stopped` is "interrupted", and the network has the
    weights of the epoch with the lowest validation cost, or without validation data those of the last whole epoch. The
    checkpoint has the state after that epoch; in the first epoch, that of the beginning.

    Warns:
        TrainingWarning: once, if the cost is more than 1e12 times that of the first epoch; and for parameters that an
            optimizer of your own never changes, although their gradient is not zero.

    >>> from tinygrad_ed.data import xor
    >>> history = fit(MLP([2, 8, 2], rng=1), *xor(100), cost="cross_entropy", learning_rate=0.5, epochs=40)
    >>> history.updates, history.gradient_computations, history.cost[-1] < 0.1
    (160, 5120, True)
    """
    if not isinstance(mlp, MLP):
        raise InvalidType(f"fit trains a tg.nn.MLP, but got {shown(mlp)}")
    costs.find(cost)
    check_method(method, sampling)
    by_road = with_rules(chosen("road", road, ROADS), road, rules)
    if rules is not None and executor is not None:
        raise InvalidValue("rules of your own run in this process; leave executor out")
    batch_size, epochs = whole_number("batch_size", batch_size), whole_number("epochs", epochs)
    if sampling == "uniform":  # with "shuffle" a batch is at most all samples
        storable("a batch", batch_size, max(mlp.sizes))
    optimizer = _with_a_step(GradientDescent(learning_rate) if optimizer is None else optimizer, schedule)
    shards, checkpoint_every = whole_number("shards", shards), whole_number("checkpoint_every", checkpoint_every)
    inputs, expected, counted = weighted(*samples(mlp, x, rho, cost), weights)
    held_out = _validation(mlp, validation, cost, metrics, patience)
    followers = _callbacks(callbacks)
    seed = rng if isinstance(rng, int | None) else type(rng).__name__
    rng, bar = generator(rng), bar_for(progress)
    run: dict[str, Any] = {}
    if checkpoint is not None:
        run = {
            "seed": seed,
            "network": repr(mlp),
            "dtype": str(mlp.dtype),
            "rows": len(inputs),
            "x": files.digest(inputs),
            "rho": files.digest(expected, *([] if counted is None else [counted])),
            "cost": cost,
            "method": method,
            "batch_size": batch_size if method == "minibatch" else None,
            "sampling": sampling,
            "road": road if rules is None else f"{road}, with {', '.join(rules)} of your own",
            "optimizer": files.name_of(optimizer),
            "schedule": files.name_of(schedule),
            "validation": held_out and files.digest(held_out.x, held_out.rho),
            "metrics": list(held_out.metrics) if held_out else None,
            "shards": None if executor is None else shards,
        }
    elif resume:
        raise InvalidValue("resume=True needs the file to resume from: checkpoint='run.npz'")

    holding = nullcontext() if checkpoint is None else files.begin(checkpoint, checkpoint_every, resume, run, optimizer)
    with holding as file, nullcontext() if rules is None else restored():
        if executor is None:
            gradients = by_road(mlp, inputs, expected, cost, counted)
        else:
            gradients = ByShards(Data(mlp, inputs, expected, cost, road, counted), executor, shards)
        if callable(forget := getattr(optimizer, "reset", None)):
            forget()
        plan = Plan(method, batch_size, sampling, epochs, schedule, held_out, followers, file)
        training = TrainingRun(mlp, gradients, optimizer, rng, plan)
        training.resume()
        return training.go(bar(epochs, training.history.epochs))


def _with_a_step(optimizer: Any, schedule: Any) -> Optimizer:
    """Return an optimizer, if it is one, and a schedule, if there is one, can change its rate."""
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise InvalidType(
            f"optimizer must be an object with a method step(parameters, gradients), such as "
            f"tg.train.Adam(0.001), not {shown(optimizer)}"
        )
    if schedule is not None:
        schedules.checked(schedule)
        if not isinstance(getattr(optimizer, "learning_rate", None), int | float):
            raise InvalidType(f"a schedule changes the learning_rate of the optimizer, but {shown(optimizer)} has none")
    return optimizer  # type: ignore[no-any-return]  # that is what was checked


def _validation(mlp: MLP, validation: Any, cost: str, metrics: Any, patience: int | None) -> Validation | None:
    if patience is not None:
        patience = whole_number("patience", patience)
    if validation is None:
        if patience is not None or metrics is not None:
            raise InvalidValue(
                f"{'metrics' if patience is None else 'patience'} needs validation data: validation=(x, rho), "
                "such as those of data.split()"
            )
        return None
    try:
        x, rho, weights = validation if len(validation) == 3 else (*validation, None)
    except (TypeError, ValueError):
        raise InvalidType(
            f"validation must be a pair (x, rho), such as (test.x, test.rho), not {shown(validation)}"
        ) from None
    x, rho, weights = weighted(*samples(mlp, x, rho, cost, "validation"), weights)
    if isinstance(metrics, str) or not isinstance(metrics, Iterable | None):
        raise InvalidType(f"metrics is a list, such as ['accuracy'], not {shown(metrics)}")
    wanted = [measures.suiting(cost)] if metrics is None else list(metrics)
    names = [m if isinstance(m, str) else str(getattr(m, "__name__", type(m).__name__)) for m in wanted]
    found = {name: measures.find(metric) for name, metric in zip(names, wanted, strict=True)}
    if len(found) < len(wanted):
        raise InvalidValue(f"two of the metrics have one name: {', '.join(found)}; give each a name of its own (def)")
    rho = rho[:]  # read, if it is stored: it is as large as the answers
    by_numbers = all([metric in measures.BY_NUMBERS for metric in wanted])
    if not by_numbers:  # others expect rows
        rho = costs.one_hot(rho, mlp.sizes[-1], mlp.dtype)
    shares = None if weights is None else weights / weights.sum()
    return Validation(x, rho, shares, mean_cost(cost), found, by_numbers, patience)


def _callbacks(callbacks: Any) -> list[Callback]:
    found: list[Any] = list(callbacks) if isinstance(callbacks, Iterable) else [None]
    if not all([callable(callback) and not isinstance(callback, type) for callback in found]):
        raise InvalidType(f"callbacks is a list of functions of an Epoch, not {shown(callbacks)}")
    return found
