"""Op: a differentiable function, its forward computation and its derivative rules together.

Calling an op with a Node among its inputs computes the value with NumPy (or `math`, for floats) and makes the new Node
that remembers op and inputs. The ops themselves are in `ops/`, one line each.
"""

import inspect
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, NoDerivativeRule, ShapeError, printable
from tinygrad_ed.graph.grad_mode import mode, observer
from tinygrad_ed.graph.meaning import meaning
from tinygrad_ed.graph.node import Node, clock
from tinygrad_ed.graph.values import Plain, Value, constant, exact, kept, lifted_among, owned, read_only, shape_of
from tinygrad_ed.notation.op_formulas import described

Rule = Callable[..., Any]

# Bound once: each is called for every node.
blank, recording_mode = partial(object.__new__, Node), mode.get

edits = [0]
"""How often the rules of an op have been replaced: what was recorded under other rules is outdated."""


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
        variadic: any number of inputs; the only rule takes the input's position, `rule(g, y, i, *inputs)`. One that
            needs no inputs takes none, `rule(g, y, i)`: of thousands, each would be handed all the others.

    Raises:
        InvalidType: if `forward` or a rule cannot be called.
        InvalidValue: without any rule.

    Calling it with plain numbers and arrays gives a plain result; with a Node among them, a Node. That is
    what lets a rule be written once: at first order it runs on plain NumPy values, and in a sweep with
    `create_graph=True` the same rule builds the graph of the gradient.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rules: tuple[Rule | None, ...],
        scalar: Callable[..., float] | None = None,
        broadcasts: bool = False,
        variadic: bool = False,
    ) -> None:
        signatures = _checked(name, forward, rules, variadic)
        self.trusted: tuple[tuple[Rule | None, ...], bool, bool] | None = None
        self.name, self.forward, self.rules, self.scalar = name, forward, rules, scalar
        self.broadcasts, self.variadic = broadcasts, variadic
        self.arity, self.single = len(rules), len(rules) == 1 and not variadic
        self.shortly: Callable[..., Node | None] | None = None  # for `quick.py`: a short way without parameters
        takes = list(signatures[0].parameters.values()) if signatures else []
        self.reads_inputs = not variadic or any([p.kind is p.VAR_POSITIONAL for p in takes])
        after = takes[2 + self.arity :]
        self.params = tuple([p.name for p in after if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)])
        self.any_params = not takes or any([p.kind is p.VAR_KEYWORD for p in takes])
        # `help`, `inspect.signature` and editors see a function of the inputs and parameters.
        inputs = takes[2:]
        if variadic:
            inputs = [inspect.Parameter("inputs", inspect.Parameter.VAR_POSITIONAL)]
        elif any([p.kind is p.VAR_POSITIONAL for p in takes]):  # a rule that any op may have, such as that of a sum
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            inputs = [inspect.Parameter(letter, kind) for letter in ("x" if self.single else "abcdefgh"[: self.arity])]
        self.__name__ = self.__qualname__ = name.strip("_")
        names = ["*inputs"] if variadic else [p.name for p in inputs[: self.arity]]
        self.__doc__ = described(self.__name__, names, self.params)
        self.__module__, self.__signature__ = "tinygrad_ed", inspect.Signature(inputs)

    def trust(self, quick: bool, entrywise: bool) -> None:
        """Take the op, with the rules that it has now, for one of the package; `quick.py` says what that allows it."""
        self.trusted = self.rules, quick, entrywise
        self.rules = self.rules

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field. With other rules than those that are trusted the op is guarded.

        A reader's function could write into the arrays that it is given, and its rules could give anything. The ops of
        the package never write into their inputs, and their rules give floats for floats.
        """
        if name == "rules" and getattr(self, name, value) is not value:
            edits[0] += 1
        object.__setattr__(self, name, value)
        if name == "rules":
            ours = self.trusted is not None and value is self.trusted[0]
            self.guarded, self.quick, self.entrywise = (False, *self.trusted[1:]) if ours else (True, False, False)  # type: ignore[index]

    def __repr__(self) -> str:
        return f"<op {printable(self.name)}>"

    def __reduce__(self) -> tuple[Callable[[str, str], "Op"], tuple[str, str]]:
        """Pickle an op by its name and its meaning; its rules are functions, which no file can hold."""
        if OPS.get(self.name) is not self:
            raise InvalidType(f"op {self.name!r} cannot be pickled: another op has the same name; rename this one")
        return find_op, (self.name, meaning(self))

    def __deepcopy__(self, memo: object) -> "Op":
        return self

    @overload
    def __call__(self, x: Node, /, *inputs: Any, **params: Any) -> Node: ...
    @overload
    def __call__(self, x: Plain, y: Node, /, *inputs: Any, **params: Any) -> Node: ...
    @overload
    def __call__(self, x: Plain, y: Plain, z: Node, /, *inputs: Any, **params: Any) -> Node: ...
    @overload
    def __call__(self, x: Plain, /, *inputs: Any, **params: Any) -> Any: ...
    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Compute the value; remember op and inputs if there is a Node among them."""
        if self.shortly is not None and not params and len(inputs) == self.arity and Node in map(type, inputs):
            node = self.shortly(*inputs)
            if node is not None:
                return node
        if len(inputs) != self.arity or (params and params.keys() - self.params):
            inputs, params = self._bound(inputs, params)
        recorded = any([isinstance(x, Node) for x in inputs])
        watcher = recorded and recording_mode()
        read = kept if watcher else constant
        values: list[Any] = [x._value if isinstance(x, Node) else x if type(x) is float else read(x) for x in inputs]
        floats, lifted = True, None
        for value in values:
            if type(value) is not float:
                floats = False
                lifted = lifted if type(value) is np.ndarray else value
        if lifted is None and params and observer.get() is not None:
            lifted = lifted_among(params)
        if lifted is not None:
            value = lifted.through(self, values, params)
        elif watcher is True or watcher is False:
            value = self._evaluate(values, params, inputs, floats)
        else:
            watcher.given(*inputs, *params.values())
            value = watcher.computed(partial(self._evaluate, values, params, inputs, floats))
        if not recorded:
            return value
        if self.trusted:  # whole numbers would wrap in its rules; a reader's may read entries by them
            values = [exact(v) for v in values]
        args = tuple([x if isinstance(x, Node) else v for x, v in zip(inputs, values, strict=True)])
        return self._remembered(value, args, owned(params) if params else params)

    def _remembered(self, value: Value, args: tuple[Any, ...], params: dict[str, Any]) -> Node:
        """Return the new node; one that remembers nothing if recording is off."""
        node, recording = blank(), recording_mode()
        node._value, node.id = value, next(clock)
        node._grad = node.op = node._first = node._second = None
        if recording:
            node.op = self
            if params or self.variadic or len(args) > 2:
                node._first, node._second = args, params or None
            elif self.single:
                node._first = args[0]
            else:
                node._first, node._second = args
            if recording is not True:
                recording.made(node)
        return node

    def __get__(self, instance: Any, owner: type) -> Any:
        """Bind the op as a method where it is an attribute of a class, as functions do: `Node.exp = exp`."""
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
            names = [f" ({x.name!r})" if isinstance(x, Node) and x.name is not None else "" for x in inputs]
            shapes = " and ".join([f"{shape_of(v)}{name}" for v, name in zip(values, names, strict=True)])
            raise ShapeError(f"{self.name}: inputs of shape {shapes} do not fit: {error}") from error
        if type(result) is np.ndarray and result.ndim and result.dtype.kind == "f":
            return result.copy() if self.guarded else result  # the reader may use it again
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
        InvalidType, InvalidValue: as the class.

    >>> cube = op("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    >>> cube(2.0), cube(Node(2.0))
    (8.0, Node(8.0, op='cube'))
    """
    made = Op(name, forward, rules, scalar, broadcasts, variadic)
    OPS.setdefault(name, made)
    if is_numpy_function(forward):
        HANDLERS.setdefault(forward, made)
    return made


def _checked(name: str, forward: Any, rules: tuple[Rule | None, ...], variadic: bool) -> list[inspect.Signature]:
    """See that a rule can be called with g, y and the inputs, each of them; return what the rules take."""
    for what in (forward, *rules):
        if what is not None and not callable(what):
            raise InvalidType(f"op {name!r}: {what!r} cannot be called; give functions (None: no gradient)")
    if not rules:
        raise InvalidValue(
            f"op {name!r} has no rules; give one for each input: lambda g, y, x: ... (None: no gradient)"
        )
    inputs = 1 if variadic else len(rules)
    given = [(rule, inspect.signature(rule)) for rule in rules if rule is not None]
    for rule, signature in given:
        try:
            signature.bind(*range(2 + inputs))
        except TypeError:
            code = getattr(rule, "__code__", None)
            place = f" at {code.co_filename}:{code.co_firstlineno}" if code else ""
            raise InvalidType(
                f"a derivative rule of op {name!r} does not take (g, y, and {inputs} input{'s' * (inputs != 1)}), "
                f"but {signature}{place}; there is one rule for each input, and each takes all of them"
            ) from None
    return [signature for _, signature in given]


def find_op(name: str, meant: str) -> Op:
    """Return the op of that name and that meaning (for pickled graphs): one's own is made before, by the same code."""
    if name not in OPS:
        raise InvalidValue(f"there is no op {name!r}; make it with tg.op before you load a graph that uses it")
    if meaning(OPS[name]) != meant:
        raise InvalidValue(
            f"the op {name!r} here is not the one of the pickled graph: its forward function or its rules have other "
            "code, or another version of Python made it; build the graph again, or give the other op another name"
        )
    return OPS[name]


def is_numpy_function(function: object) -> bool:
    """Tell whether NumPy asks our protocols before it runs `function` on a Node."""
    return isinstance(function, np.ufunc | type(np.sum))


def is_exact(value: object) -> bool:
    """Tell whether a value is an int that a float holds to the last digit."""
    return type(value) is int and -(2**53) <= value <= 2**53
