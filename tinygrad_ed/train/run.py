"""One run of `fit`, epoch after epoch: the loop, and what is looked after between two epochs.

All options are checked before (`fit.py`). Between epochs the state is whole: there it is kept for a run that breaks
off, validation and callbacks see the network, and the checkpoint is written.
"""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from tinygrad_ed.errors import Diverged, InvalidType, MissingExtra, TrainingWarning, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.metrics import Metric, measured
from tinygrad_ed.train.checkpoint import Best, Checkpoint, Length
from tinygrad_ed.train.checks import number_between
from tinygrad_ed.train.gradients import Gradients
from tinygrad_ed.train.history import Callback, Epoch, History
from tinygrad_ed.train.methods import batches, updates_an_epoch
from tinygrad_ed.train.optim import Elementwise, GradientDescent, Optimizer
from tinygrad_ed.train.schedules import Schedule
from tinygrad_ed.train.stored import Rows, answered


@dataclass
class Validation:
    """Held-out data, their cost, and what else is measured on them."""

    x: Rows
    rho: Array
    shares: Array | None  # of the samples in the cost
    cost: Callable[..., float]
    metrics: Mapping[str, Metric]
    by_blocks: bool  # all metrics are means over the samples
    patience: int | None


@dataclass
class Plan:
    """The options of a run, checked."""

    method: str
    batch_size: int
    sampling: str
    epochs: int
    schedule: Schedule | None
    validation: Validation | None
    callbacks: Sequence[Callback]
    checkpoint: Checkpoint | None


class TrainingRun:
    """A network in training."""

    def __init__(
        self, mlp: MLP, gradients: Gradients, optimizer: Optimizer, rng: np.random.Generator, plan: Plan
    ) -> None:
        self.mlp, self.gradients, self.optimizer, self.rng, self.plan = mlp, gradients, optimizer, rng, plan
        self.theta = gradients.arena.theta
        self.best, self.history = Best(self.theta.copy()), History()
        self._patience = plan.validation.patience if plan.validation else None
        self._length: Length = {"epochs": plan.epochs, "patience": self._patience, "waits_from": 0}
        self._rate = getattr(optimizer, "learning_rate", None)  # without the schedule's factor
        self._as_one = [self.theta], [gradients.arena.gradient]
        self._exploded = False
        # An optimizer of the reader's own is watched: what it has not changed yet, and which of that it should have.
        watched = [] if isinstance(optimizer, Elementwise) else gradients.arena.parameters
        self._unmoved = {k: parameter.copy() for k, parameter in enumerate(watched)}
        self._pulled: set[int] = set()

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one; else keep the beginning."""
        at = self.plan.checkpoint
        if at is None:
            return
        if at.path.exists():
            self.history, before = at.load(self.gradients.arena, self.mlp, self.optimizer, self.rng, self.best)
            self._take_up(before)
        else:
            self._keep()

    def _take_up(self, before: Length) -> None:
        """See whether something is left to do after the epochs in the checkpoint, and say it in the history."""
        history, done, stopped = self.history, self.history.epochs, self.history.stopped
        self._length["waits_from"] = before["waits_from"]
        if self._waited() and before == self._length:
            history.stopped = "patience"
            history.taken_up = (
                f"nothing was left to do: a patience of {self._patience} had stopped the run after epoch {done}; more "
                "epochs, another patience or none let it go on"
            )
        elif done >= self.plan.epochs:
            history.taken_up = f"nothing was left to do: {done} epochs were done already"
        else:
            history.stopped = None
            history.taken_up = f"taken up after epoch {done}" + (f", where {stopped} had stopped it" if stopped else "")
            if self._waited():
                self._length["waits_from"] = done
                history.taken_up += "; patience counts from there"

    def go(self, bar: Any) -> History:
        """Train until the last epoch, until a callback or Ctrl-C stops it, or until the cost is no longer finite."""
        history, began, before = self.history, time.perf_counter(), self.history.seconds
        kept, take_best, at = self.theta.copy(), False, self.plan.checkpoint
        try:
            with np.errstate(all="ignore"):  # what overflows ends in Diverged, which says more than a warning
                while history.epochs < self.plan.epochs and history.stopped is None:
                    cost, updates, computations = self._updates()
                    self._check_weights(updates)
                    found = self._validate()
                    kept[:] = self.theta
                    history.cost.append(cost)
                    self._note(found)
                    history.updates += updates
                    history.gradient_computations += computations
                    history.epochs += 1
                    history.seconds = before + time.perf_counter() - began
                    self._keep()
                    self._decide()
                    if at and (history.stopped or history.epochs == self.plan.epochs or history.epochs % at.every == 0):
                        at.write()
                    if bar is not None:
                        bar.set_postfix_str(self._told(), refresh=False)
                        bar.update()
            take_best = self._patience is not None
            self._check_moved()
        except KeyboardInterrupt:
            history.stopped, take_best = "interrupted", True
            for values in (history.cost, history.validation, *history.metrics.values()):
                del values[history.epochs :]  # of an epoch that was not counted yet
            if at is not None and at.epochs < history.epochs:  # one that was counted, but not kept yet
                self._keep()
        finally:  # also after an error: the network gets the weights of the last whole epoch, or the best
            self.theta[:] = self.best.theta if take_best and history.best_epoch else kept
            self._give()
            if self._rate is not None:
                self.optimizer.learning_rate = self._rate  # type: ignore[attr-defined]  # it was read from there
            if bar is not None:
                bar.close()
            history.seconds = before + time.perf_counter() - began
            if at is not None and (history.epochs or history.stopped):  # after an error in epoch 1 nothing is worth it
                at.write()
        if at is not None and history.stopped == "interrupted":
            history.kept = f"the state after epoch {history.epochs} is in {str(at.path)!r}"
        return history

    def _updates(self) -> tuple[float, int, int]:
        """Do the updates of one epoch. Return the mean of the costs, each before its update, and the two counts."""
        plan, gradients, optimizer = self.plan, self.gradients, self.optimizer
        arena = gradients.arena
        # Plain gradient descent is the road's own business: η goes into the gradient.
        plain = type(optimizer) is GradientDescent and not optimizer.weight_decay
        whole = getattr(optimizer, "elementwise", False)
        parameters, gradient = self._as_one if whole else (arena.parameters, arena.gradients)
        per_update = getattr(plan.schedule, "per_update", False)
        count, scale = updates_an_epoch(plan.method, gradients.samples, plan.batch_size), 1.0
        seen: list[float] = []
        computations = 0
        bound = 1e12 * max(self.history.cost[0], 1.0) if self.history.cost else -math.inf
        for batch in batches(plan.method, gradients.samples, plan.batch_size, plan.sampling, self.rng):
            if per_update or not seen:
                self._set_rate(len(seen) / count)
                scale = optimizer.learning_rate if plain else 1.0  # type: ignore[attr-defined]  # plain: it is there
            error = gradients.descend(batch, scale) if plain else gradients.compute(batch, 1.0)
            if not error <= bound:
                bound = self._check_cost(error, len(seen), bound)
            if self._unmoved and not seen:
                self._pulled |= {k for k in self._unmoved if _pulls(arena.gradients[k], arena.parameters[k])}
            if not plain:
                optimizer.step(parameters, gradient)
            seen.append(error)
            computations += gradients.samples if isinstance(batch, slice) else len(batch)
        return sum(seen) / len(seen), len(seen), computations

    def _set_rate(self, part: float) -> None:
        """Ask the schedule, some part of the epoch being done."""
        if self.plan.schedule is not None and self._rate is not None:
            t = self.history.epochs + part
            factor = number_between(f"what a schedule gives at time {t:g}", self.plan.schedule(t), closed="[")
            self.optimizer.learning_rate = self._rate * factor  # type: ignore[attr-defined]  # it was read from there

    def _check_cost(self, error: float, before: int, bound: float) -> float:
        """Look at a cost beyond the bound: the first of all, one that explodes, or no number. Return the next bound."""
        if not math.isfinite(error):
            raise self._diverged(f"the cost became {error} at", before + 1)
        if bound < 0:  # one batch says less than an epoch
            return 1e20 * max(error, 1.0)
        if not self._exploded:
            self._exploded = True
            warnings.warn(
                f"the cost became {error:.3g} at update {self.history.updates + before + 1} (epoch "
                f"{self.history.epochs + 1}): it explodes, and will soon be no number; stop the run, and try a smaller "
                "learning_rate",
                TrainingWarning,
                stacklevel=5,
            )
        return bound

    def _check_moved(self) -> None:
        """Say which parameters the reader's optimizer has never changed, although it should have."""
        parameters = self.mlp.parameters()
        still = [str(parameters[k].name) for k in sorted(self._unmoved.keys() & self._pulled)]
        if still:
            warnings.warn(
                f"{', '.join(still)} never changed in this run, although the gradient is not zero. step(parameters, "
                "gradients) must change the arrays in place: `parameter -= rate * gradient`; `parameter = parameter - "
                "...` makes a new array, which fit never sees",
                TrainingWarning,
                stacklevel=4,
            )

    def _check_weights(self, updates: int) -> None:
        """See that all weights are finite: the sum of their squares is, or each of them."""
        if not math.isfinite(self.theta.dot(self.theta)) and not np.isfinite(self.theta).all():
            raise self._diverged("the weights are no longer finite after", updates)

    def _diverged(self, what: str, updates: int) -> Diverged:
        return Diverged(
            f"{what} update {self.history.updates + updates} (epoch {self.history.epochs + 1}); try a smaller "
            "learning_rate. The network has the weights of the last whole epoch"
        )

    def _give(self) -> None:
        """Give the network its new weights."""
        for parameter, array in zip(self.mlp.parameters(), self.gradients.arena.parameters, strict=True):
            parameter.value = array

    def _validate(self) -> dict[str, float]:
        """Return the cost of the validation data and what else is measured on them."""
        held_out = self.plan.validation
        if held_out is None:
            return {}
        self._give()
        parts = answered(self.mlp, held_out.x)
        found = dict.fromkeys(["", *held_out.metrics], 0.0)
        for start, output in parts if held_out.by_blocks else [(0, np.concatenate([output for _, output in parts]))]:
            rows, share = slice(start, start + len(output)), len(output) / len(held_out.x)
            shares = None if held_out.shares is None else held_out.shares[rows] / share
            found[""] += share * float(held_out.cost(output, held_out.rho[rows], shares))
            for name, metric in held_out.metrics.items():
                found[name] += share * measured(metric, output, held_out.rho[rows])
        return found

    def _note(self, measured: dict[str, float]) -> None:
        """Write down what was measured after this epoch, and keep its weights if they are the best."""
        for name, value in measured.items():
            (self.history.metrics.setdefault(name, []) if name else self.history.validation).append(value)
        if measured and measured[""] < self.best.cost:
            self.best.cost, self.best.theta = measured[""], self.theta.copy()
            self.history.best_epoch = self.history.epochs + 1

    def _decide(self) -> None:
        """See whether the run shall stop here: for want of patience, or because a callback says so."""
        history = self.history
        if self._waited():
            history.stopped = "patience"
        if not self.plan.callbacks:
            return
        self._give()
        told = Epoch(
            history.epochs,
            self.plan.epochs,
            history.cost[-1],
            history.validation[-1] if history.validation else None,
            MappingProxyType({name: values[-1] for name, values in history.metrics.items()}),
            getattr(self.optimizer, "learning_rate", None),
            history.seconds,
            tuple([parameter.value for parameter in self.mlp.parameters()]),
        )
        answers: list[Any] = [callback(told) for callback in self.plan.callbacks]  # of all: some may keep a record
        for callback, answer in zip(self.plan.callbacks, answers, strict=True):
            if not isinstance(answer, bool | np.bool_ | None):
                raise InvalidType(
                    f"the callback {shown(callback)} returned {shown(answer)}; a callback returns True to stop the "
                    "run, or False or None to go on"
                )
        history.stopped = history.stopped or ("callback" if any(answers) else None)

    def _keep(self) -> None:
        """Keep the state as it is now for the checkpoint, and forget which parameters have changed by now."""
        at, arena = self.plan.checkpoint, self.gradients.arena
        if at is not None:
            self._give()
            at.keep(self.mlp, self.optimizer, self.rng, self.best, self.history, self._length)
        self._unmoved = {k: old for k, old in self._unmoved.items() if np.array_equal(old, arena.parameters[k])}

    def _waited(self) -> bool:
        """Tell whether patience is at its end: so many epochs without a lower validation cost."""
        since = max(self.history.best_epoch or 0, self._length["waits_from"])
        return self._patience is not None and self.history.epochs - since >= self._patience

    def _told(self) -> str:
        history = self.history
        curves = {"cost": history.cost, "validation": history.validation, **history.metrics}
        return ", ".join([f"{name} {values[-1]:.4g}" for name, values in curves.items() if values])


def _pulls(gradient: Array, parameter: Array) -> bool:
    """Tell whether a gradient would change a parameter at any usual rate: whether it is more than rounding."""
    return bool((np.abs(gradient) > 1e4 * np.finfo(gradient.dtype).eps * np.abs(parameter)).any())


def bar_for(progress: bool | None) -> Callable[[int, int], Any]:
    """Return what makes a tqdm bar of `epochs`, of which some are `done`: always (True), never (False), or by itself.

    By itself (None) there is one on a terminal where there is tqdm, in runs of more than a second. No bar is None.
    """
    if not isinstance(progress, bool | None):
        raise InvalidType(f"progress must be True, False or None, not {shown(progress)}")
    if progress is False:
        return lambda epochs, done: None
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise MissingExtra(
                'progress=True needs tqdm; install it with: python -m pip install "tinygrad_ed[progress]"'
            ) from None
        return lambda epochs, done: None
    quiet: dict[str, Any] = {"disable": False, "delay": 0} if progress else {"disable": None, "delay": 1}
    return lambda epochs, done: tqdm(total=epochs, initial=done, unit="epoch", **quiet)
