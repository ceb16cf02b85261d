"""`tg.compile(f)`: `f` recorded once for each signature, and replayed.

A call first asks the program of the last call whether the arguments are of its kind; the program's own text does that,
entry by entry, while it takes the arguments apart. Each running call has a set of buffers of its own, so that threads
do not disturb each other. A new recording is checked: `f` is run again, without recording, and must give the same
numbers, or it does something that a program cannot repeat (a random draw).
"""

import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, StaleGraph
from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.nested import leaves, name_of, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Lifted
from tinygrad_ed.tape.program import Undecided
from tinygrad_ed.tape.record import Recording, collector_off, is_input
from tinygrad_ed.tape.tape import Tape, largest
from tinygrad_ed.tape.unpack import OTHER
from tinygrad_ed.tape.watch import Watch

MOST = 16
"""So many signatures are recorded, at most."""


P = ParamSpec("P")
R = TypeVar("R")


class Compiled(Generic[P, R]):
    """A function that is recorded and replayed; made by `compile`.

    Attributes:
        tapes: the tape of each signature, by signature, in the order of recording.
    """

    def __init__(self, f: Callable[P, R], reuse: bool) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._reuse = reuse
        self._lock = threading.RLock()
        self._latest: Tape | None = None
        self.tapes: dict[Any, Tape] = {}

    @overload  # what is written with Nodes is called with plain values, and gives them
    def __call__(self: "Compiled[..., Node]", *args: Any, **keywords: Any) -> Any: ...
    @overload
    def __call__(self, *args: P.args, **keywords: P.kwargs) -> R: ...
    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Return what `f` returns, as numbers and arrays."""
        tape = self._latest
        if tape is None or observer.get() is not None:
            return self._first(args, keywords)
        try:
            result = tape.replay(args, keywords)
        except Undecided as decision:
            self._refuse(tape, decision, args, keywords)
        return self._first(args, keywords) if result is OTHER else result

    def __get__(self, instance: Any, owner: type) -> "Compiled[P, R]":
        if instance is not None:
            raise InvalidType(
                f"tg.compile takes a function, and {name_of(self._f)} is a method, whose `self` is no number: compile "
                f"the bound method, as in `self.fast = tg.compile(self.{name_of(self._f)})`"
            )
        return self

    @property
    def tape(self) -> Tape:
        """The tape of the last signature."""
        if self._latest is None:
            raise InvalidValue(f"nothing is recorded yet: call {name_of(self._f)} once, then look at the tape")
        return self._latest

    def __str__(self) -> str:
        return str(self._latest) if self._latest else f"{name_of(self._f)}, not recorded yet"

    def source(self) -> str:
        """Return the last tape as the text of a Python module, which runs with NumPy alone; see `Tape.source`."""
        return self.tape.source()

    def forget(self) -> None:
        """Drop all tapes: the next call records anew."""
        with self._lock:
            self._latest = None
            self.tapes.clear()

    def _first(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Return a call for which the last tape was not made: find the tape, or record one."""
        given = leaves([args, keywords])
        if observer.get() is not None or any([isinstance(x, Node | Lifted) for x in given]):
            return self._f(*args, **keywords)  # inside another transform, a recording, or tg.debug()
        args, keywords = rebuilt([args, keywords], iter([_base(x) for x in given]))
        key = _signature((args, keywords))
        with self._lock:
            tape = self.tapes.get(key)
            if tape is None:
                with collector_off():
                    tape = self._recorded(args, keywords)
                self.tapes[key] = tape
            self._latest = tape
        try:
            return tape.replay(args, keywords)
        except Undecided as decision:
            self._refuse(tape, decision, args, keywords)

    def _recorded(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Tape:
        if len(self.tapes) >= MOST:
            raise InvalidValue(
                f"{name_of(self._f)} was called with {MOST} different signatures (shapes, dtypes, whole numbers, "
                "switches), and each needs a program of its own; give arrays of few shapes and numbers as floats, or "
                "call forget()"
            )
        watch = Watch(self._f)
        dice = watch.random_state()
        recording = Recording(self._f, args, keywords)
        self._check_unchanged(watch, dice)
        watch.add_nodes(recording.captured)
        tape = Tape(name_of(self._f), recording, args, keywords, watch, self._reuse)
        self._check_by_running(tape, args, keywords)
        return tape

    def _check_by_running(self, tape: Tape, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """See that `f`, run again without recording, gives what the program gives."""
        expected = [plain(y) for y in leaves(self._plainly(args, keywords))]
        found = leaves(tape.replay(args, keywords))
        precision = 1e-4 if tape.program.single else 1e-9
        # Rounding is small beside the largest number of the result, and beside what is usual on the way.
        smallest = float(np.finfo(np.float32 if tape.program.single else float).eps)
        noise = precision * largest(expected) + 100 * smallest * tape.usual
        for a, b in itertools.zip_longest(expected, found):
            if (
                a is None
                or b is None
                or np.shape(a) != np.shape(b)
                or not np.all(np.isclose(a, b, rtol=precision, atol=noise, equal_nan=True))
            ):
                raise InvalidValue(
                    f"{name_of(self._f)} gives different results for the same arguments ({a!r}, then {b!r}): a random "
                    "draw, the time or a counter inside would stay what it was in the recording: make it an argument. "
                    "(Or it writes into an array that it has computed with before: make a new one; or it asks for the "
                    "kind of its arguments, as isinstance and hasattr do: in a recording these are no arrays.)"
                )

    def _plainly(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run `f` without recording; on Nodes, if it uses what they have and arrays have not (`x.relu()`)."""
        try:
            return self._f(*args, **keywords)
        except AttributeError as error:
            if not isinstance(error.obj, np.ndarray | float):
                raise
            nodes = iter([Node(x) if is_input(x) else x for x in leaves([args, keywords])])
            args, keywords = rebuilt([args, keywords], nodes)
            return self._f(*args, **keywords)

    def _check_unchanged(self, watch: Watch, dice: Any) -> None:
        changed = "the state of random numbers" if watch.random_state() != dice else watch.changed()
        if changed:
            raise InvalidValue(
                f"{name_of(self._f)} itself changes {changed} while it runs: a replay would not do that. Draw random "
                "numbers outside and pass them as arguments, and return what changes as a result"
            )

    def _refuse(self, tape: Tape, decision: Undecided, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Return the program does not hold for these numbers. If `f` itself refuses them, its own words are better."""
        number, now = decision.args
        self._plainly(args, keywords)
        _, was, line = tape.program.decisions[number]
        what = "a shape that depends on numbers" if isinstance(was, tuple) else "a branch on a number"
        raise StaleGraph(
            f"{name_of(self._f)} has {what} at {line}: it was {was} when tg.compile recorded, and is {now} for these "
            "arguments, so the recorded program does not hold; choose with np.where, keep shapes fixed, or do not "
            "compile this function"
        ) from None


@overload
def compile(f: Callable[P, R], reuse: bool = False) -> Compiled[P, R]: ...
@overload  # mypy finds no P and R for the gradients of transforms.py
def compile(f: Callable[Concatenate[Any, P], R], reuse: bool = False) -> Compiled[Concatenate[Any, P], R]: ...
def compile(f: Callable[..., Any], reuse: bool = False) -> Compiled[..., Any]:
    """Return `f` as a function that is recorded once and then replayed as a flat program.

    The first call with a signature (nesting, shapes, dtypes; the values of truth values, texts and None) records all
    that `f` computes from its arguments, sweeps of `tg.grad` and its kin included; later calls run the record as
    straight lines of NumPy that write into buffers planned beforehand. `f` gets what stands for plain arrays and
    numbers.

    Args:
        f: a function of numbers and arrays, also in nested lists, tuples and dicts.
        reuse: hand out the program's own buffers, which the next call overwrites, in place of new arrays.

    Raises (the returned function):
        StaleGraph: if what `f` read from outside has changed since, or a branch or shape that depends on numbers
            falls otherwise than it was recorded.
        GraphDropped: while recording, if a number would leave the record (`float(x)`, `x.item()`).
        InvalidValue: for a random draw inside, and beyond 16 signatures.

    >>> import numpy as np
    >>> from tinygrad_ed.transforms.functions import grad
    >>> slope = compile(grad(lambda x: (x**3).sum()))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    if not callable(f):
        raise InvalidType(f"tg.compile takes a function, but got {f!r}")
    return Compiled(f, reuse)


def _base(x: Any) -> Any:
    """Return an entry of the arguments as the program takes it: subclasses of ndarray become arrays."""
    if isinstance(x, np.ma.MaskedArray):
        raise InvalidType("a masked array would lose its mask in a program; fill it first (`array.filled(...)`)")
    if not isinstance(x, np.ndarray):
        return x
    return np.asarray(x).view(_one_of_equal(x.dtype))


@functools.cache
def _one_of_equal(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the one of all equal dtypes that programs compare with: for the machine's byte order NumPy's own."""
    return np.dtype(dtype.type) if dtype == np.dtype(dtype.type) else dtype


def _signature(tree: Any) -> Any:
    if isinstance(tree, dict):
        return "dict", tuple([(key, _signature(branch)) for key, branch in tree.items()])
    if isinstance(tree, list | tuple):
        return type(tree), tuple([_signature(branch) for branch in tree])
    if isinstance(tree, np.ndarray):
        if tree.dtype.kind not in "fiub":
            raise InvalidType(f"tg.compile takes arrays of real numbers, not of {tree.dtype}")
        return tree.shape, tree.dtype
    if isinstance(tree, bool | int | str | np.integer | np.bool_ | None):
        return type(tree), tree
    if isinstance(tree, float | np.floating):
        return type(tree)
    raise InvalidType(
        "tg.compile takes numbers and arrays, in lists, tuples and dicts, and switches (True, None, text), but got "
        f"{tree!r}"
    )
