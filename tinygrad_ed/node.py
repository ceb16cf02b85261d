"""Node and Op: a value that remembers how it was made.

This is where the walk begins. `Node(0.6)` is a *leaf*: a value and nothing else. Calling an `Op` on
Nodes computes the value with NumPy (or `math`, for floats) and returns a new Node that keeps the op
and its `args`. Those references are the whole computational graph; `backward.py` walks them.

>>> x = Node(0.6, name="x")
>>> double = Op("double", lambda x: 2 * x, (lambda g, y, x: 2 * g,))
>>> y = double(x)
>>> y, y.op.name, y.args
(Node(1.2, op='double'), 'double', (Node(0.6, name='x'),))

A scalar is a Python float, never a 0-d array: arithmetic on floats costs a tenth of that on arrays.
The operators (`x * y`, `x[0]`, `x.sum()`) are listed in `operators.py` and attached in `ops/__init__.py`.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MethodType
from typing import Any

import numpy as np

from tinygrad_ed.errors import GraphDropped, InvalidType, InvalidValue, NoDerivativeRule, ShapeError
from tinygrad_ed.operators import Operators
from tinygrad_ed.values import Array as Array  # "as": for the rooms above, too
from tinygrad_ed.values import Value, leaf_value, read_only, short
from tinygrad_ed.values import constant as constant
from tinygrad_ed.values import shape_of as shape_of

Rule = Callable[..., Any]

_clock = itertools.count()
_recording: ContextVar[bool] = ContextVar("recording", default=True)


class Node(Operators):
    """A value in a computational graph.

    Args:
        value: a number (becomes a float) or an array-like (copied; float32 stays, ints become float64).
        name: what pictures and messages call it.

    Raises:
        InvalidType: for bool, complex, text or object input.

    `grad` is None until a sweep has reached the node: "not computed" is not zero. `id` is the moment at
    which the node got its value, so ids are a topological order; giving a leaf a new value gives it a
    new id, and that is how a sweep through an outdated graph is noticed.

    >>> x = Node([1, 2, 3], name="x")
    >>> x.shape, x.dtype, x.grad
    ((3,), dtype('float64'), None)
    """

    __slots__ = ("__weakref__", "_grad", "_value", "args", "id", "name", "op", "params")

    _value: Value
    _grad: Value | None
    op: "Op | None"
    args: tuple[Any, ...]
    params: dict[str, Any] | None
    name: str | None
    id: int

    def __init__(self, value: object, name: str | None = None) -> None:
        self._value = leaf_value(value)
        self._grad = None
        self.op = None
        self.args = ()
        self.params = None
        self.name = name
        self.id = next(_clock)

    @property
    def value(self) -> Any:
        """The number (a float) or a read-only view of the array."""
        return read_only(self._value)

    @value.setter
    def value(self, new: object) -> None:
        if self.op is not None:
            raise InvalidType(
                f"the value of {self!r} was computed by {self.op.name!r} and cannot be assigned; "
                "assign to the leaves it came from and build the graph again"
            )
        self._value = leaf_value(new)
        self.id = next(_clock)

    @property
    def grad(self) -> Any:
        """The gradient that the last sweep left here (plain, read-only), or None where none arrived."""
        return None if self._grad is None else read_only(self._grad)

    @property
    def parents(self) -> "tuple[Node, ...]":
        """The Nodes among `args`, in order, repeated where repeated: `x * x` has two."""
        return tuple(arg for arg in self.args if isinstance(arg, Node))

    @property
    def shape(self) -> tuple[int, ...]:
        """The value's shape; `()` for a float."""
        return shape_of(self._value)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return 1 if type(self._value) is float else self._value.size  # type: ignore[union-attr]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the entries; float64 for a float."""
        return np.dtype(float) if type(self._value) is float else self._value.dtype  # type: ignore[union-attr]

    def item(self) -> float:
        """Return the single entry as a plain float, outside of the graph.

        Raises:
            ShapeError: if there is more than one entry.
        """
        if self.size != 1:
            raise ShapeError(f"item() wants exactly one entry, but {self!r} has shape {self.shape}; index it first")
        return float(self._value) if type(self._value) is float else self._value.item()  # type: ignore[union-attr]

    def tolist(self) -> Any:
        """Return the value as nested lists of plain floats, outside of the graph."""
        return self._value if type(self._value) is float else self._value.tolist()  # type: ignore[union-attr]

    def __repr__(self) -> str:
        value = repr(self._value) if type(self._value) is float else short(self._value)
        made = f", op={self.op.name!r}" if self.op else ""
        named = f", name={self.name!r}" if self.name is not None else ""
        return f"Node({value}{made}{named})"

    def __format__(self, spec: str) -> str:
        return format(self._value, spec) if spec else repr(self)

    __hash__ = object.__hash__

    def __len__(self) -> int:
        if type(self._value) is float:
            raise InvalidType(f"{self!r} is a scalar and has no length")
        return len(self._value)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return bool(self._value)

    def __contains__(self, item: object) -> bool:
        return bool(np.any(self._value == plain(item)))

    def __setitem__(self, index: object, new: object) -> None:
        raise GraphDropped(
            "a Node cannot be changed in place, because the graph needs the old entries; "
            "use tg.where(mask, new, node), or assign a whole new array to `leaf.value`"
        )

    def _dropped(self, *_: Any, **__: Any) -> Any:
        raise GraphDropped(
            f"{self!r} would become a plain number here and its derivative would be lost; "
            "use node.item() (or node.value) for the plain value, tg.exp, np.exp, ... in place of the functions "
            "of `math`, and tg.array([...]) in place of np.array([...]) to make one Node of several"
        )

    __float__ = __int__ = __index__ = __complex__ = __array__ = _dropped
    __trunc__ = __floor__ = __ceil__ = _dropped

    def __round__(self, digits: int = 0) -> Any:
        return round(self._value, digits) if type(self._value) is float else np.round(self._value, digits)


class Op:
    """A differentiable function: the forward computation and one derivative rule for each input.

    Args:
        name: what pictures and messages call it.
        forward: the NumPy function, `forward(*inputs, **params)`.
        rules: for each input, `rule(g, y, *inputs, **params)`: the gradient of a scalar with respect to
            that input, where `g` is its gradient with respect to the result `y`; or None for an input
            that has no gradient. What a rule takes after the inputs are the op's parameters, such as `axis`.
        scalar: a quicker forward for floats, from `math` or `operator`.
        broadcasts: the inputs broadcast; `backward.py` sums the rule's gradient to the input's shape.
        variadic: any number of inputs; the only rule takes the input's position, `rule(g, y, i, *inputs)`.

    Calling it with plain numbers and arrays gives a plain result; with a Node among them, a Node. That is
    what lets a rule be written once: at first order it runs on plain NumPy values, and in a sweep with
    `create_graph=True` the same rule builds the graph of the gradient.
    """

    __slots__ = ("any_params", "arity", "broadcasts", "forward", "name", "params", "rules", "scalar", "variadic")

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rules: tuple[Rule | None, ...],
        scalar: Callable[..., float] | None = None,
        broadcasts: bool = False,
        variadic: bool = False,
    ) -> None:
        self.name = name
        self.forward = forward
        self.rules = rules
        self.scalar = scalar
        self.broadcasts = broadcasts
        self.variadic = variadic
        self.arity = len(rules)
        takes = next((list(inspect.signature(rule).parameters.values()) for rule in rules if rule), [])
        after = takes[2 + self.arity :]
        self.params = tuple([p.name for p in after if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)])
        self.any_params = not takes or any([p.kind is p.VAR_KEYWORD for p in takes])

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Compute the value; remember op and inputs if there is a Node among them."""
        if len(inputs) != self.arity and not self.variadic:
            inputs, params = self._sorted(inputs, params)
        if params and not self.any_params:
            self._check(params)
        values: list[Any] = []
        recorded = False
        for x in inputs:
            if isinstance(x, Node):
                recorded = True
                values.append(x._value)
            elif type(x) is float:
                values.append(x)
            else:
                values.append(constant(x))
        value = self._evaluate(values, params, inputs)
        if not recorded:
            return value
        node = Node.__new__(Node)
        node._value = value
        node._grad = None
        if _recording.get():
            node.op = self
            node.args = tuple([x if isinstance(x, Node) else v for x, v in zip(inputs, values, strict=True)])
            node.params = params or None
        else:
            node.op, node.args, node.params = None, (), None
        node.name = None
        node.id = next(_clock)
        return node

    def __get__(self, instance: Any, owner: type) -> Any:
        """As an attribute of a class an op is a method, as a function is: `Node.exp = exp`."""
        return self if instance is None else MethodType(self, instance)

    def rule(self, position: int) -> Rule | None:
        """The rule for the input at `position`."""
        return self.rules[0] if self.variadic else self.rules[position]

    def _evaluate(self, values: list[Any], params: dict[str, Any], inputs: tuple[Any, ...]) -> Value:
        if self.scalar is not None and all([type(v) is float for v in values]):
            try:
                return self.scalar(*values, **params)
            except (ArithmeticError, ValueError):
                pass  # let NumPy say inf or nan, with its warning
        try:
            result = self.forward(*values, **params)
        except ValueError as error:
            if type(error) is not ValueError:
                raise  # AxisError and LinAlgError already say what is wrong
            shapes = " and ".join(f"{shape_of(v)}{_called(x)}" for v, x in zip(values, inputs, strict=True))
            raise ShapeError(f"{self.name}: inputs of shape {shapes} do not fit: {error}") from error
        if type(result) is float:
            return result
        if isinstance(result, tuple):
            raise InvalidType(f"{self.name}: the forward function returned a tuple, but an op has one result")
        array = np.asarray(result)
        if array.dtype.kind != "f":
            if array.dtype.kind not in "iub":
                raise InvalidType(f"{self.name}: the result is {array.dtype}, but a Node holds real numbers only")
            array = array.astype(float)
        return array if array.ndim else float(array)

    def _sorted(self, inputs: tuple[Any, ...], params: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sort positional arguments that follow the inputs into the parameters, as in `tg.sum(x, 0)`."""
        extra = inputs[self.arity :]
        if len(inputs) < self.arity or len(extra) > len(self.params):
            wanted = f"{self.arity} input{'s' * (self.arity != 1)}"
            more = f" and then {', '.join(self.params)}" if self.params else ""
            raise InvalidType(f"{self.name} takes {wanted}{more}; it got {len(inputs)} positional arguments")
        return inputs[: self.arity], {**dict(zip(self.params, extra, strict=False)), **params}

    def _check(self, params: dict[str, Any]) -> None:
        """Refuse a parameter that the rules do not know: they would answer as if it were not there."""
        unknown = [name for name in params if name not in self.params]
        if unknown:
            raise NoDerivativeRule(
                f"{self.name} does not take {', '.join(f'{name}=' for name in unknown)} "
                f"(known: {', '.join(self.params) or 'none'})"
            )


HANDLERS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What a NumPy function does when it meets a Node: filled by `op` and `ops/`, read by `ops/protocols.py`."""


def op(
    name: str,
    forward: Callable[..., Any],
    *rules: Rule | None,
    scalar: Callable[..., float] | None = None,
    broadcasts: bool = False,
    variadic: bool = False,
) -> Op:
    """Make an `Op`; the arguments are those of the class. One op, one line.

    If `forward` is a NumPy function for which Nodes have no rule yet, NumPy's own name works from then on.

    Raises:
        InvalidType: if `forward` or a rule cannot be called.
        InvalidValue: without any rule.

    >>> cube = op("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    >>> cube(2.0), cube(Node(2.0))
    (8.0, Node(8.0, op='cube'))
    """
    for what in (forward, *rules):
        if what is not None and not callable(what):
            raise InvalidType(f"op {name!r}: {what!r} cannot be called; give functions (None: no gradient)")
    if not rules:
        raise InvalidValue(
            f"op {name!r} has no rules; give one for each input: lambda g, y, x: ... (None: no gradient)"
        )
    made = Op(name, forward, rules, scalar, broadcasts, variadic)
    if is_numpy_function(forward):
        HANDLERS.setdefault(forward, made)
    return made


def is_numpy_function(function: object) -> bool:
    """Whether NumPy asks our protocols before it runs `function` on a Node."""
    return isinstance(function, np.ufunc | type(np.sum))


def plain(value: Any) -> Any:
    """Return the value of a Node, and anything else as it is."""
    return value._value if isinstance(value, Node) else value


def stop_gradient(x: Any) -> Any:
    """Return the plain value of `x`: a constant for every derivative.

    >>> x = Node(3.0)
    >>> (x * stop_gradient(x)).args
    (Node(3.0), 3.0)
    """
    return read_only(x._value) if isinstance(x, Node) else x


@contextmanager
def recording(on: bool) -> Iterator[None]:
    """Switch recording on or off for this thread or task."""
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)


def no_grad() -> Any:
    """Return a context in which results are leaves: no graph is kept (this thread or task only).

    >>> with no_grad():
    ...     print(Node(2.0) * 3.0)
    Node(6.0)
    """
    return recording(False)


def _called(x: object) -> str:
    return f" ({x.name!r})" if isinstance(x, Node) and x.name is not None else ""
