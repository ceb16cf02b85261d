"""Checkpoints: the whole state of a run in a file, so that the run can go on from there bit for bit.

What the next update depends on: the parameters, the optimizer's buffers, the state of the random generator (which
batches come next), and the history, whose length says where the schedule and the patience stand. A file also says
which run it belongs to, its data (by a digest) and its options, and another run is not continued from it.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.errors import FileProblem, InvalidType, InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.train.elementwise import Optimizer
from tinygrad_ed.train.history import History
from tinygrad_ed.train.stored import Rows, blocks


@dataclass
class Best:
    """The weights with the lowest validation cost so far; before the first epoch, those of the beginning."""

    theta: Array
    cost: float = float("inf")

    def see(self, cost: float, theta: Array) -> bool:
        """Take these weights if their cost is lower; return whether it is."""
        if not cost < self.cost:
            return False
        self.cost, self.theta[:] = cost, theta
        return True


@dataclass
class Checkpoint:
    """The file of a run.

    Args:
        path: where it is.
        every: it is written after every so many epochs, and after the last.
        run: what tells this run from others, by name: texts and numbers.
    """

    path: Path
    every: int
    run: dict[str, Any]

    def save(self, mlp: MLP, optimizer: Optimizer, rng: np.random.Generator, best: Best, history: History) -> None:
        """Write the state after a whole epoch, whose weights the network has.

        Raises:
            FileProblem: if it cannot be written; then the last one is still there.
        """
        about, arrays = mlp.parts()
        kept = optimizer.state()  # type: ignore[attr-defined]  # `check_optimizer` saw it
        about |= {
            "run": self.run,
            "rng": _encoded(rng.bit_generator.state),
            "history": asdict(history),
            "best": best.cost,
            "optimizer": {name: value for name, value in kept.items() if not isinstance(value, np.ndarray)},
        }
        arrays |= {f"optimizer.{name}": value for name, value in _named(kept, "").items()}
        storage.write(self.path, "training", about, arrays | {"best": best.theta})

    def load(self, theta: Array, mlp: MLP, optimizer: Optimizer, rng: np.random.Generator, best: Best) -> History:
        """Bring everything to the state in the file; return the history.

        Args:
            theta: the arena's parameters: those of the network are filled in by the caller.
            mlp: it gets the weights.
            optimizer: gets its buffers.
            rng: gets its state.
            best: gets the best weights so far.

        Raises:
            InvalidValue: for the file of another run; it is said what differs.
            FileProblem: for a file that cannot be used.
        """
        _, about, arrays = storage.read(self.path, "training")
        self._same_run(about.get("run"))
        weights = MLP.from_parts(self.path, about, arrays)
        try:
            history = _history(about["history"])
            kept = about["optimizer"] | _named(arrays, "optimizer.")
            if arrays["best"].shape != theta.shape or weights.sizes != mlp.sizes:
                raise ValueError("its parameters have other shapes")
            if getattr(optimizer, "elementwise", False) and any(
                [value.shape != theta.shape or value.dtype != theta.dtype for value in _named(kept, "").values()]
            ):
                raise ValueError("the optimizer's buffers have another shape or dtype")
            rng.bit_generator.state = _decoded(about["rng"])
            optimizer.restore(kept)  # type: ignore[attr-defined]  # as above
            best.theta[:], best.cost = arrays["best"], float(about["best"])
        except storage.DAMAGE as error:
            raise FileProblem(f"{str(self.path)!r} cannot be resumed from: {type(error).__name__}: {error}") from error
        for new, parameter in zip(weights.parameters(), mlp.parameters(), strict=True):
            parameter.value = new.value
        return history

    def _same_run(self, run: Any) -> None:
        if not isinstance(run, dict) or run.keys() != self.run.keys():
            raise FileProblem(f"{str(self.path)!r} does not say which run it belongs to")
        for name, mine in self.run.items():
            if run[name] != mine:
                what = "other data" if name in ("x", "rho", "validation") else f"{name}={run[name]!r}"
                now = name if name in ("x", "rho", "validation") else f"{name}={mine!r}"
                raise InvalidValue(
                    f"{str(self.path)!r} is of a run with {what}, but now it is {now}; resume with the same arguments "
                    "(only epochs may differ), or give another file"
                )


def begin(path: str | os.PathLike[str], every: int, resume: bool, run: dict[str, Any]) -> Checkpoint:
    """Return the checkpoint of a run that begins, or goes on from its file.

    Raises:
        InvalidValue: if the file is there although the run is not to be resumed, or for a bad suffix.
        FileProblem: if there is no folder for it.
    """
    place = storage.placed(path)
    if place.exists() and not resume:
        raise InvalidValue(
            f"{str(place)!r} is there already; resume=True goes on with that run, or give another file, or delete it"
        )
    return Checkpoint(place, every, run)


def check_optimizer(optimizer: Any) -> None:
    """See that a file can keep the state of an optimizer.

    Raises:
        InvalidType: if it has no `state` or no `restore`.
    """
    if not callable(getattr(optimizer, "state", None)) or not callable(getattr(optimizer, "restore", None)):
        raise InvalidType(
            f"a checkpoint keeps the optimizer's state, but {optimizer!r} has no methods state() -> dict of "
            "numbers and arrays, and restore(dict)"
        )


def digest(*arrays: Rows) -> str:
    """Return a short text that tells these arrays from others."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape}".encode())
        for block in blocks(array):
            found.update(np.ascontiguousarray(block).data)
    return found.hexdigest()[:16]


def name_of(thing: Any) -> str:
    """Return a text for an option that is the same in the next process: its repr, or what it is called.

    >>> name_of(max), name_of(lambda t: t), name_of(None)
    ('max', '<lambda>', 'None')
    """
    said = repr(thing)
    if " at 0x" not in said and not said.startswith("<"):
        return said
    return str(getattr(thing, "__qualname__", type(thing).__qualname__))


def _named(values: Mapping[str, Any], start: str) -> dict[str, Array]:
    """Return the arrays among the values whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(start): value
        for name, value in values.items()
        if name.startswith(start) and isinstance(value, np.ndarray)
    }


def _history(kept: dict[str, Any]) -> History:
    """Return a history of the right types: it came from a file."""
    history = History(**kept)
    fresh = History()
    for each in fields(History):
        value, like = getattr(history, each.name), getattr(fresh, each.name)
        if like is not None and type(value) is not type(like):
            raise TypeError(f"{each.name} is {value!r}")
    for values in (history.cost, history.validation, *history.metrics.values()):
        if not isinstance(values, list) or not all([isinstance(value, float) for value in values]):
            raise TypeError(f"{values!r} is no list of costs")
    if not isinstance(history.best_epoch, int | None) or not isinstance(history.stopped, str | None):
        raise TypeError(f"best_epoch is {history.best_epoch!r}, stopped {history.stopped!r}")
    if len(history.cost) != history.epochs:
        raise ValueError(f"{len(history.cost)} costs of {history.epochs} epochs")
    return history


def _encoded(state: Any) -> Any:
    """Return the state of a bit generator as JSON knows it: some hold arrays."""
    if isinstance(state, np.ndarray):
        return {"dtype": str(state.dtype), "values": state.tolist()}
    if isinstance(state, dict):
        return {name: _encoded(value) for name, value in state.items()}
    return state.item() if isinstance(state, np.generic) else state


def _decoded(state: Any) -> Any:
    if isinstance(state, dict):
        if state.keys() == {"dtype", "values"}:
            return np.array(state["values"], state["dtype"])
        return {name: _decoded(value) for name, value in state.items()}
    return state
