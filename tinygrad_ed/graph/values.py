"""What a Node holds: a float or a float array. What becomes one, what is refused, and how values are handed out."""

import operator
import reprlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.graph.nested import check_level

Array = np.ndarray[Any, np.dtype[Any]]  # NDArray[Any], without the time that numpy.typing takes to import
Value = float | Array
HALF = np.dtype(np.float16)
"""Two bytes have three digits: what is of this dtype is added up in float32, as NumPy does. So its gradient in a sweep
is of float32, and what is handed out is of float16 again."""


class ArrayLike(Protocol):
    """An array, one of NumPy's numbers, or what says how it becomes an array."""

    def __array__(self) -> Array: ...


Plain = float | ArrayLike | Sequence[float] | list[Any] | tuple[Any, ...]
"""What becomes a float or an array: numbers, arrays, and lists of them."""


class Lifted:
    """A value of another kind, such as a batch of gradients: an op that meets one hands itself to it."""

    __slots__ = ()
    many = False  # whether it stands for several values, which `rows` gives one by one and `of` puts together
    _now: Callable[[], Any]  # the numbers that it stands for at the moment
    rows: Callable[[], list[Any]]
    of: Callable[[list[Any]], Any]

    def through(self, op: Any, values: list[Any], params: dict[str, Any]) -> Any:
        """Return what `op` gives for these values, of which at least one is lifted."""
        raise NotImplementedError

    def as_number(self) -> Any:
        """Return what a float beside it would be: itself, if it is none of NumPy's numbers."""
        return self

    def undone_if_it_fails(self) -> AbstractContextManager[None]:
        """Return a context that forgets what was done with the value inside, if that ends in an error."""
        return nullcontext()

    def as_leaf(self) -> Any:
        """Return what a leaf made of it keeps."""
        raise InvalidType(f"a Node holds real numbers, not a {type(self).__name__}")


def leaf_value(value: object) -> Value:
    """Return what a leaf keeps: a float, or a float array of its own (a lifted value as it is)."""
    if type(value) is float:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return _float_of_int(value)
    if isinstance(value, Lifted):
        return value.as_leaf()  # type: ignore[no-any-return]  # it stands for an array
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidType("a masked array would lose its mask in a Node; fill it first (`array.filled(...)`)")
    array = as_array(value)
    kind = array.dtype.kind
    if kind in "fiu":  # as it lies: what is told to read in that order must find it
        return array.astype(array.dtype if kind == "f" else float, "K") if array.ndim else float(array)
    hint = {
        "b": "write 1.0 and 0.0, or keep the mask outside of the graph, as in `node * mask`",
        "c": "only real numbers have derivatives here; pass the real and the imaginary part as two Nodes",
        "U": "turn text into numbers first",
        "S": "turn text into numbers first",
    }.get(kind, "give numbers; for a list with Nodes in it use tg.array([...])")
    raise InvalidType(f"a Node holds real numbers, not {array.dtype} ({reprlib.repr(value)}): {hint}")


def constant(value: object) -> Any:
    """Return a plain operand of an op as a float or an array; refuse what is not a real number."""
    if type(value) is np.ndarray and value.ndim and value.dtype.kind in "fiub":
        return value
    if isinstance(value, float | bool):
        return float(value)
    if isinstance(value, int):
        return _float_of_int(value)
    if isinstance(value, Lifted):
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidType(
            "a masked array would lose its mask here; fill it first (`array.filled(...)`), or use tg.where"
        )
    array = as_array(value)
    if array.dtype.kind not in "fiub":
        raise InvalidType(
            f"{reprlib.repr(value)} ({array.dtype}) cannot be combined with a Node: only real numbers and arrays can"
        )
    return array if array.ndim else float(array)


def kept(value: object) -> Any:
    """Return an operand as the graph keeps it: an array is copied, because its owner may change it before a sweep."""
    read = constant(value)
    return read.copy() if isinstance(read, np.ndarray) else read


def exact(operand: Any) -> Any:
    """Return an operand as rules see it: whole numbers as float64, in which squares and products do not wrap."""
    whole = type(operand) is not float and operand.shape and operand.dtype.kind in "iu"
    return operand.astype(float) if whole else operand


def _float_of_int(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InvalidValue(f"an integer of {len(str(value))} digits is too large for a float (about 1e308)") from None


def read_only(value: Value) -> Value:
    """Return an array as a view that cannot be written, anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.setflags(False)  # type: ignore[call-arg]  # write=False; given by name it takes twice the time
    return view


def wide(x: Any) -> Any:
    """Give float16 the range and the digits of float32, to add up in; anything else as it is."""
    return x.astype(np.float32) if getattr(x, "dtype", None) == HALF else x


def as_array(value: Any) -> Any:
    """Return a number or a list as an array; what is one, or stands for one, as it is."""
    try:
        return value if isinstance(value, Lifted) else np.asarray(value)
    except ValueError as error:
        raise InvalidValue(f"cannot make one array of {reprlib.repr(value)}: {error}") from error


_FIXED = frozenset([int, float, bool, str, type(None)])


def owned(param: Any, level: int = 0) -> Any:
    """Return a parameter of an op as it is now: what its owner could change before the sweep is copied."""
    kind = type(param)
    check_level(level)
    if kind in _FIXED:
        return param
    if kind is tuple or kind is list:
        return kind([owned(part, level + 1) for part in param])
    if kind is slice:
        return slice(*[owned(part) for part in (param.start, param.stop, param.step)])
    if kind is dict:
        return {key: owned(part, level + 1) for key, part in param.items()}
    if isinstance(param, np.ndarray):
        return param.copy()
    try:  # a position of another's making is what it is now
        return param if isinstance(param, np.generic | Lifted) else operator.index(param)
    except TypeError:
        return param


def lifted_among(params: dict[str, Any]) -> Lifted | None:
    """Return the lifted value among the parameters of an op, such as positions in an index."""
    parts = [part for x in params.values() for part in (x if isinstance(x, tuple | list) else (x,))]
    return next((part for part in parts if isinstance(part, Lifted)), None)


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of a number, an array, a list or a Node."""
    if type(value) is float:
        return ()
    try:
        return value.shape  # type: ignore[no-any-return]
    except AttributeError:  # an int or a list
        return np.shape(value)


def short(value: Any) -> str:
    """Return the array in one line, shortened: messages and labels are lines."""
    if not isinstance(value, np.ndarray):
        return " ".join(repr(value).split())
    return " ".join(np.array2string(value, separator=", ", threshold=12, edgeitems=2).split())
