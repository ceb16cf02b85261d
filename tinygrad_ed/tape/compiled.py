"""`tg.compile(f)`: `f` recorded once for each signature, replayed, and cross-checked.

A call first asks the program of the last call whether the arguments are of its kind; the program's own text does that,
entry by entry, while it takes the arguments apart. Each running call has a set of buffers of its own, so that threads
do not disturb each other. At calls 1, 2, 4, 8, ... `f` itself runs beside the program (`verify.py`).
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.nested import leaves, name_of, rebuilt
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Lifted
from tinygrad_ed.tape.javascript import javascript
from tinygrad_ed.tape.record import collector_off
from tinygrad_ed.tape.tape import Tape
from tinygrad_ed.tape.unpack import OTHER
from tinygrad_ed.tape.verify import plainly

MOST = 16
"""So many signatures are recorded, at most."""

P = ParamSpec("P")
R = TypeVar("R")
Verify = Literal["doubling", "always", False]


class Compiled(Generic[P, R]):
    """A function that is recorded and replayed; made by `compile`.

    Attributes:
        tapes: the tape of each signature, by signature, in the order of recording.
    """

    def __init__(self, f: Callable[P, R], reuse: bool, verify: Verify) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._reuse = reuse
        self._verify = verify
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
        result = tape.replay(args, keywords)
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

    def javascript(self) -> str:
        """Return the last tape as a function of JavaScript that needs nothing else, for pages and for `node`.

        Arrays go in and come out as Float64Array (of float32: Float32Array), row after row; lists, tuples and dicts as
        arrays and objects. Arguments that have as many rows as the last array are the samples: their number `M` is one
        more argument, at the end, which follows from that array if it is left out.

        Raises:
            InvalidValue: for a step that has no text in JavaScript, with its line; and if nothing is recorded yet.
        """
        args, keywords = self.tape.given
        return javascript(self._f, args, keywords)

    def forget(self) -> None:
        """Drop all tapes: the next call records anew."""
        self._latest = None
        self.tapes.clear()

    def _first(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Return a call for which the last tape was not made: find the tape, or record one."""
        given = leaves([args, keywords])
        if observer.get() is not None or any([isinstance(x, Node | Lifted) for x in given]):
            return self._f(*args, **keywords)  # inside another transform, a recording, or tg.debug()
        key = _signature((args, keywords))
        args, keywords = rebuilt([args, keywords], iter([_base(x) for x in given]))
        tape = self.tapes.get(key)
        if tape is None:  # two threads may record at once: no lock, which a fork could keep closed
            if len(self.tapes) >= MOST:
                raise InvalidValue(
                    f"{name_of(self._f)} was called with {MOST} different signatures (shapes, dtypes, whole numbers, "
                    "switches), and each needs a program of its own; give arrays of few shapes and numbers as floats, "
                    "or call forget()"
                )
            with collector_off():
                tape = Tape(self._f, args, keywords, self._verify, self._reuse)
        self._latest = self.tapes[key] = tape
        result = tape.replay(args, keywords)
        # Where a guard of the program does not hold, the function itself runs.
        return plainly(self._f, args, keywords) if result is OTHER else result


@overload
def compile(f: Callable[P, R], reuse: bool = False, verify: Verify = "doubling") -> Compiled[P, R]: ...
@overload  # mypy finds no P and R for the gradients of transforms.py
def compile(
    f: Callable[Concatenate[Any, P], R], reuse: bool = False, verify: Verify = "doubling"
) -> Compiled[Concatenate[Any, P], R]: ...
def compile(f: Callable[..., Any], reuse: bool = False, verify: Verify = "doubling") -> Compiled[..., Any]:
    """Return `f` as a function that is recorded once and then replayed as a flat program.

    It is for functions of their arguments. The first call with a signature (nesting, shapes, dtypes; the values of
    truth values, texts and None) records all that `f` computes from its arguments, sweeps of `tg.grad` and its kin
    included; later calls run the record as straight lines of NumPy that write into buffers planned beforehand. `f`
    gets what stands for plain arrays and numbers.

    Args:
        f: a function of numbers and arrays, also in nested lists, tuples and dicts.
        reuse: hand out the program's own buffers, which the next call overwrites, in place of new arrays.
        verify: when `f` itself runs beside the program and all results are compared: at calls 1, 2, 4, 8, ...
            ("doubling"), at each ("always"), or never (False).

    Raises (the returned function):
        StaleGraph: if what `f` read from outside has changed since, a branch or shape that depends on numbers falls
            otherwise than it was recorded, or the cross-check finds another result (a random draw, the time).
        GraphDropped: while recording, if a number would leave the record (`float(x)`, `f"{x}"`, `{x: 1}`), or an
            array is written into (`y *= s`).
        InvalidValue: if `f` catches an error of a traced value or changes a list that it was given, and beyond 16
            signatures.
        InvalidType: for subclasses of ndarray, list and dict among the arguments, and what holds no real numbers.

    >>> import numpy as np
    >>> from tinygrad_ed.transforms.functions import grad
    >>> slope = compile(grad(lambda x: (x**3).sum()))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    if not callable(f):
        raise InvalidType(f"tg.compile takes a function, but got {f!r}")
    if verify not in ("doubling", "always", False):
        raise InvalidValue(f"verify is 'doubling', 'always' or False, not {verify!r}")
    return Compiled(f, reuse, verify)


def _base(x: Any) -> Any:
    """Return an array with the dtype that programs compare with: of all that are equal, NumPy's own."""
    return x.view(_one_of_equal(x.dtype)) if isinstance(x, np.ndarray) else x


@functools.cache
def _one_of_equal(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(dtype.type) if dtype == np.dtype(dtype.type) else dtype


def _signature(tree: Any) -> Any:
    kind = type(tree)
    if kind is dict:
        return "dict", tuple([(key, _signature(branch)) for key, branch in tree.items()])
    if kind is list or isinstance(tree, tuple):
        return kind, tuple([_signature(branch) for branch in tree])
    if kind is np.ndarray:
        if tree.dtype.kind not in "fiub":
            raise InvalidType(f"tg.compile takes arrays of real numbers, not of {tree.dtype}")
        return tree.shape, tree.dtype
    if isinstance(tree, np.ma.MaskedArray):
        raise InvalidType("a masked array would lose its mask in a program; fill it first (`array.filled(...)`)")
    if isinstance(tree, np.ndarray | list | dict):
        base = next(x for x in (np.ndarray, list, dict) if isinstance(tree, x))
        how = "np.asarray(x)" if base is np.ndarray else f"{base.__name__}(x)"
        raise InvalidType(
            f"tg.compile takes {base.__name__}s themselves, and a {kind.__name__} may do other things: give {how}"
        )
    if isinstance(tree, bool | int | str | np.integer | np.bool_ | None):
        return kind, tree
    if isinstance(tree, float | np.floating):
        return kind
    raise InvalidType(
        "tg.compile takes numbers and arrays, in lists, tuples and dicts, and switches (True, None, text), but got "
        f"{tree!r}"
    )
