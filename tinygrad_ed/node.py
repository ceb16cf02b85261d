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
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

from tinygrad_ed.errors import GraphDropped, InvalidType, InvalidValue, NoDerivativeRule, ShapeError
from tinygrad_ed.operators import Operators
from tinygrad_ed.recording import mode as _mode
from tinygrad_ed.recording import no_grad as no_grad
from tinygrad_ed.recording import recording as recording
from tinygrad_ed.values import Array as Array  # "as": for the rooms above, too
from tinygrad_ed.values import Lifted, leaf_value, read_only, short
from tinygrad_ed.values import Value as Value
from tinygrad_ed.values import constant as constant
from tinygrad_ed.values import shape_of as shape_of

Rule = Callable[..., Any]

_clock = itertools.count()


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
        if name is not None and not isinstance(name, str):
            raise InvalidType(f"a Node's name is text, not {name!r}")
        self._value = leaf_value(value)
        self._grad = None
        self.op = None
        self.args = ()
        self.params = None
        self.name = name
        self.id = next(_clock)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """Take over what was pickled or copied, with an id of this process: inputs come first."""
        for name, value in state[1].items():
            setattr(self, name, value)
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

    __slots__ = (
        "any_params",
        "arity",
        "broadcasts",
        "forward",
        "guarded",
        "known",
        "name",
        "params",
        "rules",
        "scalar",
        "variadic",
    )

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
        # A reader's function could write into the arrays that it is given; the ops of the package do not.
        self.guarded = True
        takes = next((list(inspect.signature(rule).parameters.values()) for rule in rules if rule), [])
        after = takes[2 + self.arity :]
        self.params = tuple([p.name for p in after if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)])
        self.known = frozenset(self.params)
        self.any_params = not takes or any([p.kind is p.VAR_KEYWORD for p in takes])

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], "Op"], tuple[str]]:
        """A pickled graph holds the names of its ops; their rules are functions, which no file can hold."""
        if OPS.get(self.name) is not self:
            raise InvalidType(f"op {self.name!r} cannot be pickled: another op has the same name; rename this one")
        return find_op, (self.name,)

    def __deepcopy__(self, memo: object) -> "Op":
        return self

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Compute the value; remember op and inputs if there is a Node among them."""
        if len(inputs) != self.arity or not (params.keys() <= self.known):
            inputs, params = self._bound(inputs, params)
        values: list[Any] = []
        recorded, floats, as_given = False, True, True
        for x in inputs:
            if type(x) is float:
                values.append(x)
            elif isinstance(x, Node):
                recorded = True
                value = x._value
                values.append(value)
                floats = floats and type(value) is float
            elif isinstance(x, Lifted):
                return x.through(self, inputs, params)
            else:
                value = constant(x)
                values.append(value)
                floats = floats and type(value) is float
                as_given = False
        value = self._evaluate(values, params, inputs, floats)
        if not recorded:
            return value
        node = Node.__new__(Node)
        node._value = value
        node._grad = node.name = None
        node.id = next(_clock)
        mode = _mode.get()
        if mode:
            node.op, node.params = self, params or None
            # Nodes and floats are kept as they came; arrays, lists and other numbers as they were read.
            node.args = (
                inputs
                if as_given
                else tuple([x if isinstance(x, Node) else v for x, v in zip(inputs, values, strict=True)])
            )
            if mode is not True:
                mode.made(node)
        else:
            node.op, node.args, node.params = None, (), None
        return node

    def __get__(self, instance: Any, owner: type) -> Any:
        """As an attribute of a class an op is a method, as a function is: `Node.exp = exp`."""
        return self if instance is None else MethodType(self, instance)

    def _evaluate(self, values: list[Any], params: dict[str, Any], inputs: tuple[Any, ...], floats: bool) -> Value:
        if floats and self.scalar is not None:
            try:
                return self.scalar(*values, **params)
            except (ArithmeticError, ValueError):
                pass  # let NumPy say inf or nan, with its warning
        if self.guarded:
            values = [read_only(value) for value in values]
        try:
            result = self.forward(*values, **params)
        except ValueError as error:
            if type(error) is not ValueError:
                raise  # AxisError and LinAlgError already say what is wrong
            shapes = " and ".join(f"{shape_of(v)}{_called(x)}" for v, x in zip(values, inputs, strict=True))
            raise ShapeError(f"{self.name}: inputs of shape {shapes} do not fit: {error}") from error
        if type(result) is np.ndarray and result.ndim and result.dtype.kind == "f":
            return result
        if isinstance(result, tuple):
            raise InvalidType(f"{self.name}: the forward function returned a tuple, but an op has one result")
        array = np.asarray(result)
        if array.dtype.kind != "f":
            if array.dtype.kind not in "iub":
                raise InvalidType(f"{self.name}: the result is {array.dtype}, but a Node holds real numbers only")
            array = array.astype(float)
        return array if array.ndim else float(array)

    def _bound(self, inputs: tuple[Any, ...], params: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sort positional arguments that follow the inputs into the parameters, as in `tg.sum(x, 0)`; check names.

        A parameter that the rules do not know is refused: they would answer as if it were not there.
        """
        if not self.variadic and len(inputs) != self.arity:
            extra = inputs[self.arity :]
            if len(inputs) < self.arity or len(extra) > len(self.params):
                wanted = f"{self.arity} input{'s' * (self.arity != 1)}"
                more = f" and then {', '.join(self.params)}" if self.params else ""
                raise InvalidType(f"{self.name} takes {wanted}{more}; it got {len(inputs)} positional arguments")
            inputs = inputs[: self.arity]
            params = {**dict(zip(self.params, extra, strict=False)), **params}
        unknown = [] if self.any_params else [name for name in params if name not in self.params]
        if unknown:
            raise NoDerivativeRule(
                f"{self.name} does not take {', '.join(f'{name}=' for name in unknown)} "
                f"(known: {', '.join(self.params) or 'none'})"
            )
        return inputs, params


OPS: dict[str, "Op"] = {}
"""Every op by its name, the first one that got it."""

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
    OPS.setdefault(name, made)
    if is_numpy_function(forward):
        HANDLERS.setdefault(forward, made)
    return made


def find_op(name: str) -> Op:
    """Return the op of that name (for pickled graphs).

    Raises:
        InvalidValue: if there is none: an op of one's own must be made before its graph is loaded.

    >>> find_op("cube") if "cube" in OPS else "not made"
    'not made'
    """
    if name not in OPS:
        raise InvalidValue(f"there is no op {name!r}; make it with tg.op before you load a graph that uses it")
    return OPS[name]


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


def _called(x: object) -> str:
    return f" ({x.name!r})" if isinstance(x, Node) and x.name is not None else ""
