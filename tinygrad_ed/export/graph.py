"""A recorded program as the nodes of an ONNX graph, for any number of samples.

The function was recorded for two numbers of samples. A number that differs between both programs, such as the 1/M of a
mean, is computed from the rows that come in. Every operator here runs in onnxruntime in float32 and in float64: what
it has in float32 alone, such as Sinh, is written with others.
"""

import math
import operator
from typing import Any, NoReturn

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.op import OPS
from tinygrad_ed.graph.values import Array
from tinygrad_ed.tape.record import Recording
from tinygrad_ed.tape.traced import Traced, converted, operands, traced_in

OPSET, IR = 18, 9

_PAIRS = """add Add subtract Sub multiply Mul divide Div power Pow negative Neg absolute Abs sign Sign sqrt Sqrt
reciprocal Reciprocal exp Exp log Log sin Sin cos Cos tanh Tanh sigmoid Sigmoid relu Relu maximum Max minimum Min
greater Greater greater_equal GreaterOrEqual less Less less_equal LessOrEqual equal Equal where Where floor Floor
ceil Ceil bitwise_and And bitwise_or Or logical_and And logical_or Or invert Not logical_not Not positive Identity
identity Identity"""
DIRECT: dict[str, str] = dict(zip(_PAIRS.split()[::2], _PAIRS.split()[1::2], strict=True))
"""The operator for each function that works entry by entry, where there is one."""

LN2, LN10 = math.log(2.0), math.log(10.0)
COMPOSED: dict[str, list[Any]] = {
    "square": ["Mul", 0, 0],
    "tan": ["Div", ["Sin", 0], ["Cos", 0]],
    "sinh": ["Mul", 0.5, ["Sub", ["Exp", 0], ["Exp", ["Neg", 0]]]],
    "cosh": ["Mul", 0.5, ["Add", ["Exp", 0], ["Exp", ["Neg", 0]]]],
    "log2": ["Div", ["Log", 0], LN2],
    "log10": ["Div", ["Log", 0], LN10],
    "exp2": ["Exp", ["Mul", 0, LN2]],
    "hypot": ["Sqrt", ["Add", ["Mul", 0, 0], ["Mul", 1, 1]]],
    "not_equal": ["Not", ["Equal", 0, 1]],
    "isfinite": ["Not", ["Or", ["IsInf", 0], ["IsNaN", 0]]],
    "clip": ["Min", ["Max", 0, 1], 2],
}
"""Others, as a tree: an int is an input, a float a constant."""

REDUCTIONS = {"add": "Sum", "maximum": "Max", "minimum": "Min", "multiply": "Prod"}  # by ufunc
REDUCTIONS |= {"sum": "Sum", "max": "Max", "amax": "Max", "min": "Min", "amin": "Min", "prod": "Prod", "mean": "Mean"}
TURNS = frozenset(["transpose", "swapaxes", "moveaxis"])
RESHAPES = frozenset(["reshape", "ravel", "squeeze", "expand_dims"])

_NAMES = {fn: op.name for op in reversed(OPS.values()) for fn in (op.scalar, op.forward, op) if fn is not None}
_OTHERS = {converted: "astype", float: "identity", operator.getitem: "getitem", operator.truediv: "divide"}


class OtherProgram(Exception):
    """The function does other things for other numbers of samples."""


def word(fn: Any) -> str:
    """Return what the tables call a function: NumPy's name, or that of our op."""
    return str(_OTHERS.get(fn) or _NAMES.get(fn) or getattr(fn, "__name__", ""))


class Graph:
    """The nodes and constants of a graph, while it is written.

    Attributes:
        sizes: the two numbers of samples of the recordings.
        samples: the name of an input with a row for each sample; empty where there is none.
        names: what each traced value is called.
        real: the dtype of single numbers.
    """

    def __init__(self, onnx: Any, sizes: tuple[int, int], lines: dict[int, str], real: Any = np.float64) -> None:
        self.onnx, self.sizes, self.lines, self.real = onnx, sizes, lines, real
        self.nodes: list[Any] = []
        self.constants: dict[Any, tuple[str, Array]] = {}
        self.names: dict[Traced, str] = {}
        self.samples = ""
        self._written: dict[Any, str] = {}

    def kind(self, x: Traced) -> Any:
        """Return the dtype of a value; a Python float is as wide as the arrays are, as in NumPy's arithmetic."""
        return self.real if isinstance(x.value, float) else x.dtype

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Write a node; return the name of its result."""
        key = (kind, inputs, str(attributes))
        if key not in self._written:  # what was computed before is computed once
            self._written[key] = f"t{len(self.nodes)}"
            self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [self._written[key]], **attributes))
        return self._written[key]

    def constant(self, value: Any, dtype: Any) -> str:
        """Return the name of a constant; equal ones are one."""
        array = np.asarray(value, dtype)
        key = (array.tobytes(), array.dtype.str, array.shape)
        return self.constants.setdefault(key, (f"c{len(self.constants)}", array))[0]

    def cast(self, name: str, dtype: Any) -> str:
        """Return the name of a value in another dtype."""
        return self.node("Cast", name, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def entry(self, name: str, dtype: Any, shape: Any) -> Any:
        """Return how an input or a result is declared."""
        helper = self.onnx.helper
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    def rows(self) -> str:
        """Return the number of samples that come in, in int64."""
        if not self.samples:
            raise OtherProgram
        return self.node("Gather", self.node("Shape", self.samples), self.constant(0, np.int64))

    def step(self, x: Traced, y: Traced) -> None:
        """Write a step, which both programs have."""
        if x.fn != y.fn or len(x.args) != len(y.args):
            raise OtherProgram
        name = word(x.fn)
        if name in DIRECT or name in COMPOSED:
            made = self._entrywise(name, x, y)
        elif name in TURNS:
            axes = x.fn(np.empty(range(1, np.ndim(x.args[0]) + 1)), *x.args[1:], **(x.kwargs or {})).shape
            made = self.node("Transpose", self.operand(x.args[0]), perm=[n - 1 for n in axes])
        elif name in RESHAPES:
            made = self.node("Reshape", self.operand(x.args[0]), self._shape(x.shape, y.shape))
        elif name == "broadcast_to":
            made = self.node("Expand", self.operand(x.args[0], self.kind(x)), self._shape(x.shape, y.shape))
        elif name == "reduce" or name in REDUCTIONS:
            made = self._reduction(x, y)
        elif name == "astype":
            made = self.cast(self.operand(x.args[0]), self.kind(x))
        else:
            made = getattr(self, f"_{name}", self._refuse)(x, y)
        self.names[x] = made

    def steps(self, first: Recording, second: Recording) -> None:
        """Write the steps that a result depends on: checks of the data are none of these."""
        if len(first.steps) != len(second.steps):
            raise OtherProgram
        wanted: set[Traced] = set()
        left = [x for x in first.results if isinstance(x, Traced)]
        while left:
            x = left.pop()
            if x not in wanted:
                wanted.add(x)
                left += operands(x)
        for x, y in zip(first.steps, second.steps, strict=True):
            if x in wanted:
                self.step(x, y)

    def operand(self, x: Any, dtype: Any = None, y: Any = None) -> str:
        """Return the name of an operand: a traced value or a constant, in that dtype. `y`: in the other program."""
        if isinstance(x, Traced):
            return self.names[x] if dtype is None or self.kind(x) == dtype else self.cast(self.names[x], dtype)
        y, x = np.asarray(x if y is None else y), np.asarray(x)
        dtype = x.dtype if dtype is None else dtype
        if x.shape == y.shape and np.array_equal(x, y):
            return self.constant(x, dtype)
        if x.ndim == 1 and np.array_equal(x, np.arange(len(x))) and np.array_equal(y, np.arange(len(y))):
            return self.node("Range", self.constant(0, np.int64), self.rows(), self.constant(1, np.int64))
        alike = x.ndim == y.ndim and x.size and y.size and np.ptp(x) == 0 == np.ptp(y)
        if not alike:
            raise OtherProgram
        number = self._of_rows(x.flat[0], y.flat[0], dtype)  # it broadcasts, as the array would
        return number if not x.ndim else self.node("Expand", number, self._shape(x.shape, y.shape))

    def _of_rows(self, x: float, y: float, dtype: Any) -> str:
        """Return a number that grows with the rows, or with 1 by them."""
        if x == y:
            return self.constant(x, dtype)
        (m, n), close = self.sizes, 1e-6 if np.dtype(dtype).itemsize < 8 else 1e-13
        for kind, a, b in (("Div", x * m, y * n), ("Mul", x / m, y / n)):
            if math.isclose(a, b, rel_tol=close):
                value = round(a) if math.isclose(a, round(a), rel_tol=close) else a  # 1/11 in float32 times 11
                number, rows = self.constant(value, dtype), self.cast(self.rows(), dtype)
                return self.node(kind, *((number, rows) if kind == "Div" else (rows, number)))
        raise OtherProgram

    def _shape(self, a: tuple[int, ...], b: tuple[int, ...]) -> str:
        """Return a shape, some of whose sizes may grow with the rows."""
        if a == b:
            return self.constant(a, np.int64)
        if len(a) != len(b):
            raise OtherProgram
        one = self.constant([1], np.int64)
        sizes = [self.node("Reshape", self._of_rows(*pair, np.int64), one) for pair in zip(a, b, strict=True)]
        return self.node("Concat", *sizes, axis=0)

    def _entrywise(self, name: str, x: Traced, y: Traced) -> str:
        """Write what works entry by entry; operators here want inputs of one dtype."""
        if (x.kwargs or {}).keys() - {"dtype"}:
            self._refuse(x, y)
        kinds = [np.dtype(self.kind(a)) for a in x.args if isinstance(a, Traced) and a.dtype != np.bool_]
        wide = self.kind(x) if self.kind(x) != np.bool_ or not kinds else max(kinds, key=lambda kind: kind.itemsize)
        given = [
            self.operand(a, np.bool_ if name == "where" and not i else wide, b)
            for i, (a, b) in enumerate(zip(x.args, y.args, strict=True))
        ]
        return self.node(DIRECT[name], *given) if name in DIRECT else self._tree(COMPOSED[name], given, wide)

    def _tree(self, tree: Any, given: list[str], dtype: Any) -> str:
        if isinstance(tree, int):
            return given[tree]
        if isinstance(tree, float):
            return self.constant(tree, dtype)
        return self.node(tree[0], *[self._tree(branch, given, dtype) for branch in tree[1:]])

    def _log1p(self, x: Traced, y: Traced) -> str:
        """Write log(1 + x) without loss near 0: x log(u) / (u - 1), where u is what 1 + x became."""
        value, one = self.operand(x.args[0]), self.constant(1.0, self.kind(x))
        return self._near_one(value, self.node("Add", value, one), value, True, one)

    def _expm1(self, x: Traced, y: Traced) -> str:
        """Write exp(x) - 1 without loss near 0: x (u - 1) / log(u), where u is exp(x)."""
        value, one = self.operand(x.args[0]), self.constant(1.0, self.kind(x))
        u = self.node("Exp", value)
        minus_one = self.constant(-1.0, self.kind(x))
        near = self._near_one(value, u, value, False, one)
        small = self.node("Less", self.node("Abs", value), self.constant(0.5, self.kind(x)))
        return self.node("Where", small, near, self.node("Add", u, minus_one))

    def _near_one(self, value: str, u: str, limit: str, log_above: bool, one: str) -> str:
        exact = self.node("Equal", u, one)
        safe = self.node("Where", exact, self.node("Add", one, one), u)  # the other branch is computed, too
        log, less = self.node("Log", safe), self.node("Sub", safe, one)
        ratio = self.node("Div", *((log, less) if log_above else (less, log)))
        return self.node("Where", exact, limit, self.node("Mul", value, ratio))

    def _matmul(self, x: Traced, y: Traced) -> str:
        return self.node("MatMul", *[self.operand(a, self.kind(x), b) for a, b in zip(x.args, y.args, strict=True)])

    _dot = _matmul

    def _reduction(self, x: Traced, y: Traced) -> str:
        """Write a sum, product, maximum, minimum or mean along axes."""
        of_ufunc = word(x.fn) == "reduce"
        fold = REDUCTIONS.get(x.fn.__self__.__name__ if of_ufunc else word(x.fn))
        given = {"axis": (*x.args, 0 if of_ufunc else None)[1], "keepdims": False, **(x.kwargs or {})}
        if fold is None or given.keys() - {"axis", "keepdims", "dtype"} or len(x.args) > 2:
            self._refuse(x, y)
        axes = [] if given["axis"] is None else [self.constant(np.atleast_1d(given["axis"]), np.int64)]
        return self.node(f"Reduce{fold}", self.operand(x.args[0], self.kind(x)), *axes, keepdims=int(given["keepdims"]))

    def _getitem(self, x: Traced, y: Traced) -> str:
        """Write x[index], as a choice among the entries of all, or of each row."""
        source = self.operand(x.args[0])
        if self._is_of_places(x.args[1]):
            return self.node("GatherND", source, self._places(x.args[1], y.args[1]))
        flat, chosen = self._chosen(x.args[0].shape, y.args[0].shape, x.args[1])
        rows = self.node("Reshape", source, self.constant(flat, np.int64))
        found = self.node("Gather", rows, self.constant(chosen, np.int64), axis=len(flat) - 1)
        return self.node("Reshape", found, self._shape(x.shape, y.shape))

    def _scatter_add(self, x: Traced, y: Traced) -> str:
        """Write zeros, to which entries are added at an index."""
        added, kind, index = self.operand(x.args[0], self.kind(x)), self.kind(x), (x.kwargs or {})["index"]
        zero = self.constant(0.0, kind)
        if self._is_of_places(index):
            zeros = self.node("Expand", zero, self._shape(x.shape, y.shape))
            places = self._places(index, (y.kwargs or {})["index"])
            return self.node("ScatterND", zeros, places, added, reduction="add")
        flat, chosen = self._chosen(x.shape, y.shape, index)
        rows = [(n, n) for n in (len(chosen), math.prod(x.shape[len(flat) - 1 :]))]
        several = [self.sizes] if len(flat) == 2 else []
        part, whole = [self._shape(*zip(*several, n, strict=True)) for n in rows]
        zeros = self.node("Expand", zero, whole)
        places = self.node("Expand", self.constant(chosen, np.int64), part)
        added = self.node("Reshape", added, self.constant(flat, np.int64))
        found = self.node("ScatterElements", zeros, places, added, axis=len(flat) - 1, reduction="add")
        return self.node("Reshape", found, self._shape(x.shape, y.shape))

    def _chosen(self, a: tuple[int, ...], b: tuple[int, ...], index: Any) -> tuple[list[int], Array]:
        """Return how the source is flattened, all of it or row by row, and which entries an index chooses there."""
        if traced_in(index):
            raise OtherProgram
        if a == b:
            return [-1], np.arange(math.prod(a)).reshape(a)[index].ravel()
        first, *rest = index if isinstance(index, tuple) else (index,)
        if a[1:] != b[1:] or not (first is Ellipsis or (isinstance(first, slice) and first == slice(None))):
            raise OtherProgram
        row = np.arange(math.prod(a[1:])).reshape(a[1:])
        return [0, -1], row[(..., *rest) if first is Ellipsis else tuple(rest)].ravel()

    def _is_of_places(self, index: Any) -> bool:
        """Tell whether an index is arrays of whole numbers, one for each of the first axes."""
        index = index if isinstance(index, tuple) else (index,)
        return all([np.ndim(i) and getattr(i, "dtype", np.dtype(object)).kind in "iu" for i in index])

    def _places(self, index: Any, other: Any) -> str:
        """Return an index for GatherND and ScatterND: the arrays side by side along a new last axis."""
        pairs = zip(*[i if isinstance(i, tuple) else (i,) for i in (index, other)], strict=True)
        last = self.constant([-1], np.int64)
        return self.node(
            "Concat", *[self.node("Unsqueeze", self.operand(i, np.int64, j), last) for i, j in pairs], axis=-1
        )

    def _refuse(self, x: Traced, y: Traced) -> NoReturn:
        line = self.lines.get(id(x), "").replace("\\", "/").rpartition("/")[2]
        raise InvalidValue(
            f"ONNX has no operator here for {word(x.fn) or x.fn!r}{f' ({line})' if line else ''}: arithmetic, "
            "comparisons, NumPy's elementary functions, sums, products of matrices, shapes and indices can be "
            "exported. Write this step with those, or leave it out of the function"
        )
