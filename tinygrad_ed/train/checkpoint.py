"""Checkpoints: the whole state of a run in a file, so that the run can go on from there bit for bit.

What the next update depends on: the parameters, the optimizer's buffers, the state of the random generator (which
batches come next), and the history, whose length says where the schedule and the patience stand. A file also says
which run it belongs to, its data (by a digest) and its options, and another run is not continued from it. How long the
run shall be, its epochs, patience and callbacks, may be another each time.
"""

import copy
import hashlib
import json
import os
from array import array as floats
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.data.files import DAMAGE, held, writable
from tinygrad_ed.errors import FileProblem, InvalidType, InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.train.history import History
from tinygrad_ed.train.optim import Optimizer
from tinygrad_ed.train.stored import Rows, blocks

Length = dict[str, Any]
"""How long a run shall be: its "epochs", "patience", and "waits_from", the epoch from which patience is counted."""
COUNTED = ("epochs", "updates", "gradient_computations", "seconds", "best_epoch")
DATA = {"x": "the inputs x", "rho": "the expected outputs rho", "validation": "the validation data"}


@dataclass
class Best:
    """The weights with the lowest validation cost so far; before the first epoch, those of the beginning."""

    theta: Array
    cost: float = float("inf")


@dataclass
class Checkpoint:
    """The file of a run, written after every so many epochs, and when the run ends, however it ends.

    What tells this run from others stands in `run` by name, in texts and numbers.
    """

    path: Path
    every: int
    run: dict[str, Any]
    epochs: int = -1  # how many are in what is kept
    _kept: tuple[dict[str, Any], dict[str, Array], History] | None = None
    _curves: dict[str, "floats[float]"] = field(default_factory=dict)

    def keep(
        self, mlp: MLP, optimizer: Optimizer, rng: np.random.Generator, best: Best, history: History, length: Length
    ) -> None:
        """Remember the state after a whole epoch, whose weights the network has."""
        about, arrays = mlp.parts()
        kept = {}
        if history.epochs:  # an optimizer of one's own may have no state before its first step
            kept = copy.deepcopy(optimizer.state())  # type: ignore[attr-defined]  # `begin` saw it
        about |= {
            "run": self.run,
            "rng": rng.bit_generator.state,
            "history": {name: getattr(history, name) for name in COUNTED} | {"metrics": list(history.metrics)},
            "best": best.cost,
            "length": length.copy(),
            "optimizer": {name: value for name, value in kept.items() if not isinstance(value, np.ndarray)},
        }
        arrays |= {f"optimizer.{name}": value for name, value in _named(kept, "").items()}
        self._kept = about, arrays | {"best": best.theta}, history
        self.epochs = history.epochs

    def write(self) -> None:
        """Write what was kept last, unless the file has it; if that fails, the last one is still there."""
        if self._kept is None:
            return
        about, arrays, history = self._kept
        stopped = None if history.stopped == "interrupted" else history.stopped
        about["history"]["stopped"], about["rng"] = stopped, _encoded(about["rng"])
        for name, values in _curves(history):
            curve = self._curves.setdefault(name, floats("d"))
            curve.extend(values[len(curve) : about["history"]["epochs"]])  # so that old epochs take no time
            arrays[name] = np.array(curve)
        storage.write(self.path, "training", about, arrays)
        self._kept = None

    def load(
        self, arena: Arena, mlp: MLP, optimizer: Optimizer, rng: np.random.Generator, best: Best
    ) -> tuple[History, Length]:
        """Bring everything to the state in the file; return the history, and how long the run should have been.

        The file of another run is refused, and it is said what differs.
        """
        theta = arena.theta
        _, about, arrays = storage.read(self.path, "training")
        self._same_run(about.get("run"))
        weights = MLP.from_parts(self.path, about, arrays)
        try:
            history, length = _history(about["history"], arrays), about["length"]
            if not isinstance(length["waits_from"], int):
                raise TypeError(f"patience is counted from {length['waits_from']!r}")
            kept = about["optimizer"] | _named(arrays, "optimizer.")
            if arrays["best"].shape != theta.shape or weights.sizes != mlp.sizes:
                raise ValueError("its parameters have other shapes")
            if getattr(optimizer, "elementwise", False) and any(
                [value.shape != theta.shape or value.dtype != theta.dtype for value in _named(kept, "").values()]
            ):
                raise ValueError("the optimizer's buffers have another shape or dtype")
            rng.bit_generator.state = _decoded(about["rng"])
            if history.epochs:
                optimizer.restore(kept)  # type: ignore[attr-defined]  # as above
            best.theta, best.cost = arrays["best"].copy(), float(about["best"])
        except DAMAGE as error:
            raise FileProblem(f"{str(self.path)!r} cannot be resumed from: {type(error).__name__}: {error}") from error
        for new, array, parameter in zip(weights.parameters(), arena.parameters, mlp.parameters(), strict=True):
            array[:] = parameter.value = new.value
        self.epochs = history.epochs
        return history, length

    def _same_run(self, run: Any) -> None:
        if not isinstance(run, dict) or run.keys() != self.run.keys():
            raise FileProblem(f"{str(self.path)!r} does not say which run it belongs to")
        differ = [name for name, mine in self.run.items() if run[name] != mine]
        data = [words for name, words in DATA.items() if name in differ]
        said = [f"{name.replace('_', ' ')} {run[name]}, now {self.run[name]}" for name in differ if name not in DATA]
        if data:
            why = ", as they do where a table is split by another seed" if "seed" in differ else ""
            said.append(f"other numbers in {', '.join(data)}{why}")
        if differ:
            raise InvalidValue(
                f"{str(self.path)!r} is of a run with {'; '.join(said)}. Resume with the same data and options (only "
                "epochs, patience, callbacks and how often the file is written may change), or give another file"
            )


@contextmanager
def begin(
    path: str | os.PathLike[str], every: int, resume: bool, run: dict[str, Any], optimizer: Any
) -> Iterator[Checkpoint]:
    """Hold the checkpoint of a run that begins, or goes on from its file, until the run has ended."""
    if not callable(getattr(optimizer, "state", None)) or not callable(getattr(optimizer, "restore", None)):
        raise InvalidType(
            f"a checkpoint keeps the optimizer's state, but {optimizer!r} has no methods state() -> dict of "
            "numbers and arrays, and restore(dict)"
        )
    place = writable(storage.placed(path))
    with held(place):
        if place.exists() and not resume:
            raise InvalidValue(
                f"{str(place)!r} is there already; resume=True goes on with that run, or give another file, or delete "
                "it"
            )
        yield Checkpoint(place, every, run)


def digest(*arrays: Rows) -> str:
    """Return a short text that tells these arrays from others."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape}".encode())
        for _, block in blocks(array):
            found.update(np.ascontiguousarray(block).data)
    return found.hexdigest()[:16]


def name_of(thing: Any) -> str:
    """Return a text for an option that is the same in the next process: its repr, or what it is called."""
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


def _curves(history: History) -> Iterator[tuple[str, list[float]]]:
    """Yield what has one entry an epoch, by its name in the file."""
    yield "history.cost", history.cost
    yield "history.validation", history.validation
    for k, values in enumerate(history.metrics.values()):
        yield f"history.metrics.{k}", values


def _history(kept: dict[str, Any], arrays: Mapping[str, Array]) -> History:
    """Return a history of the right types: it came from a file."""
    metrics: dict[str, list[float]] = {name: [] for name in kept["metrics"]}
    history = History(**{name: kept[name] for name in (*COUNTED, "stopped")}, metrics=metrics)
    for name in COUNTED[:-1]:
        if type(getattr(history, name)) is not type(getattr(History(), name)):
            raise TypeError(f"{name} is {kept[name]!r}")
    if not isinstance(history.best_epoch, int | None) or not isinstance(history.stopped, str | None):
        raise TypeError(f"best_epoch is {history.best_epoch!r}, stopped {history.stopped!r}")
    for name, values in _curves(history):
        curve = arrays[name]
        lengths = {history.epochs} if name == "history.cost" else {0, history.epochs}  # 0: nothing was measured
        if curve.dtype != np.float64 or curve.ndim != 1 or len(curve) not in lengths:
            raise ValueError(f"{name} holds {curve.shape} {curve.dtype}, not one float64 for each of {lengths} epochs")
        values.extend(curve.tolist())
    return history


def _encoded(state: Any) -> Any:
    """Return the state of a bit generator as JSON knows it: some hold arrays."""

    def plain(value: Any) -> Any:
        return {"dtype": str(value.dtype), "values": value.tolist()} if value.ndim else value.item()

    return json.loads(json.dumps(state, default=plain))


def _decoded(state: Any) -> Any:
    def array(found: dict[str, Any]) -> Any:
        return np.array(found["values"], found["dtype"]) if found.keys() == {"dtype", "values"} else found

    return json.loads(json.dumps(state), object_hook=array)
