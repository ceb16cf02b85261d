"""One run of `fit`, epoch after epoch: the loop, and what is looked after between two epochs.

All options are checked before (`fit.py`). Between epochs the state is whole: there the weights are kept for a run that
breaks off, validation and callbacks see the network, and the checkpoint is written.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tinygrad_ed.errors import Diverged
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.metrics import Metric
from tinygrad_ed.train.checkpoint import Best, Checkpoint
from tinygrad_ed.train.elementwise import Optimizer
from tinygrad_ed.train.gradients import Gradients
from tinygrad_ed.train.history import Callback, Epoch, History, wants_to_stop
from tinygrad_ed.train.methods import batches, updates_an_epoch
from tinygrad_ed.train.optim import GradientDescent
from tinygrad_ed.train.progress import NoBar
from tinygrad_ed.train.schedules import Schedule, factor_at
from tinygrad_ed.train.stored import Rows, answers


@dataclass
class Validation:
    """Held-out data, their cost, and what else is measured on them."""

    x: Rows
    rho: Array
    cost: Callable[[Array, Array], float]
    metrics: Mapping[str, Metric]
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
        self._rate = getattr(optimizer, "learning_rate", None)  # without the schedule's factor
        self._as_one = [self.theta], [gradients.arena.gradient]

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        at = self.plan.checkpoint
        if at is not None and at.path.exists():
            self.history = at.load(self.theta, self.mlp, self.optimizer, self.rng, self.best)
            for array, parameter in zip(self.gradients.arena.parameters, self.mlp.parameters(), strict=True):
                array[:] = parameter.value

    def go(self, bar: NoBar) -> History:
        """Train until the last epoch, until a callback or Ctrl-C stops it, or until the cost is no longer finite.

        Raises:
            Diverged: for a cost or weights that are not finite.
        """
        history, began, before = self.history, time.perf_counter(), self.history.seconds
        kept, take_best = self.theta.copy(), False
        try:
            with np.errstate(all="ignore"):  # what overflows ends in Diverged, which says more than a warning
                while history.epochs < self.plan.epochs and history.stopped is None:
                    cost, updates, computations = self._updates()
                    self._check_weights(updates)
                    measured = self._validate()
                    kept[:] = self.theta
                    history.cost.append(cost)
                    self._note(measured)
                    history.updates += updates
                    history.gradient_computations += computations
                    history.epochs += 1
                    history.seconds = before + time.perf_counter() - began
                    self._decide()
                    self._save()
                    bar.update(self._told())
            take_best = self.plan.validation is not None and self.plan.validation.patience is not None
        except KeyboardInterrupt:
            history.stopped, take_best = "interrupted", True
            for values in (history.cost, history.validation, *history.metrics.values()):
                del values[history.epochs :]  # of an epoch that was not counted yet
        finally:  # also after an error: the network gets the weights of the last whole epoch, or the best
            self.theta[:] = self.best.theta if take_best and history.best_epoch else kept
            self._give()
            if self._rate is not None:
                self.optimizer.learning_rate = self._rate  # type: ignore[attr-defined]  # it was read from there
            bar.close()
            history.seconds = before + time.perf_counter() - began
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
        for batch in batches(plan.method, gradients.samples, plan.batch_size, plan.sampling, self.rng):
            if per_update or not seen:
                self._set_rate(len(seen) / count)
                scale = optimizer.learning_rate if plain else 1.0  # type: ignore[attr-defined]  # plain: it is there
            error = gradients.descend(batch, scale) if plain else gradients.compute(batch, 1.0)
            if not math.isfinite(error):
                raise Diverged(
                    f"the cost became {error} at update {self.history.updates + len(seen) + 1} (epoch "
                    f"{self.history.epochs + 1}); try a smaller learning_rate. The network has the weights of the last "
                    "whole epoch"
                )
            if not plain:
                optimizer.step(parameters, gradient)
            seen.append(error)
            computations += gradients.samples if isinstance(batch, slice) else len(batch)
        return sum(seen) / len(seen), len(seen), computations

    def _set_rate(self, part: float) -> None:
        """Ask the schedule, some part of the epoch being done."""
        if self.plan.schedule is not None and self._rate is not None:
            factor = factor_at(self.plan.schedule, self.history.epochs + part)
            self.optimizer.learning_rate = self._rate * factor  # type: ignore[attr-defined]  # it was read from there

    def _check_weights(self, updates: int) -> None:
        """See that all weights are finite: the sum of their squares is, or each of them."""
        if not math.isfinite(self.theta.dot(self.theta)) and not np.isfinite(self.theta).all():
            raise Diverged(
                f"the weights are no longer finite after update {self.history.updates + updates} (epoch "
                f"{self.history.epochs + 1}); try a smaller learning_rate. The network has the weights of the last "
                "whole epoch"
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
        output = answers(self.mlp, held_out.x)
        measured = {name: float(metric(output, held_out.rho)) for name, metric in held_out.metrics.items()}
        return {"": float(held_out.cost(output, held_out.rho)), **measured}

    def _note(self, measured: dict[str, float]) -> None:
        """Write down what was measured after this epoch, and keep its weights if they are the best."""
        for name, value in measured.items():
            (self.history.metrics.setdefault(name, []) if name else self.history.validation).append(value)
        if measured and self.best.see(measured[""], self.theta):
            self.history.best_epoch = self.history.epochs + 1

    def _decide(self) -> None:
        """See whether the run shall stop here: for want of patience, or because a callback says so."""
        history, held_out = self.history, self.plan.validation
        if held_out and held_out.patience and history.epochs - (history.best_epoch or 0) >= held_out.patience:
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
        # All are called: one that keeps a record must not miss an epoch because another one stops the run.
        if any([wants_to_stop(callback, told) for callback in self.plan.callbacks]):
            history.stopped = history.stopped or "callback"

    def _save(self) -> None:
        at, history = self.plan.checkpoint, self.history
        if at is None:
            return
        if history.stopped or history.epochs == self.plan.epochs or history.epochs % at.every == 0:
            self._give()
            at.save(self.mlp, self.optimizer, self.rng, self.best, history)

    def _told(self) -> str:
        history = self.history
        checked = f", validation {history.validation[-1]:.4g}" if history.validation else ""
        measured = "".join([f", {name} {values[-1]:.4g}" for name, values in history.metrics.items()])
        return f"cost {history.cost[-1]:.4g}{checked}{measured}"
