"""Algebra on arrays of symbols: NumPy's own functions run on them, and SymPy decides whether two results are equal.

Sums and products of `Symbols` are NumPy's, `np.exp` and its like become SymPy's functions, and a comparison becomes the
condition of a piecewise expression. `unknown` makes a function of which nothing is known but its name.
"""

import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal

import numpy as np

from tinygrad_ed.errors import InvalidType, MissingExtra
from tinygrad_ed.nn.guard import guarded

try:
    import sympy as sympy  # the other files of a proof take it from here, so that a missing extra is said
    from sympy.core.function import AppliedUndef
    from sympy.core.relational import Relational
    from sympy.logic.boolalg import BooleanAtom, BooleanFunction
except ImportError:
    raise MissingExtra('a proof needs SymPy; install it with: python -m pip install "tinygrad_ed[proof]"') from None

Expr = Any  # SymPy publishes no types
Decision = Literal["holds", "fails", "not decided"]
CONDITIONS = (Relational, BooleanFunction, BooleanAtom)  # SymPy's Boolean counts symbols, too
BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
CONSTANTS = (sympy.pi, sympy.pi / 180, 180 / sympy.pi, *[sympy.log(n) ** k for k in (1, -1) for n in (2, 10)])
LONG = 300  # characters of a formula in words
POINTS = 1000  # where SymPy cannot decide, the two sides are compared at so many


class Symbols(np.ndarray[Any, np.dtype[Any]]):
    """An array of expressions, for NumPy's functions."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        plain = [np.asarray(each) if isinstance(each, np.ndarray) else each for each in inputs]
        name = ufunc.__name__
        if method == "reduce" and name in ("maximum", "minimum"):
            return _extreme(plain[0], keywords)
        asked = method == "reduce" and name in ("logical_and", "logical_or")
        if asked and not all([isinstance(each, CONDITIONS) for each in plain[0].ravel()]):
            raise InvalidType("np.all and np.any ask which numbers are zero; of symbols nobody knows")
        if method == "__call__" and name in FUNCTIONS and not keywords.get("out"):
            return _wrapped(np.frompyfunc(FUNCTIONS[name], ufunc.nin, 1)(*plain))
        if out := keywords.get("out"):
            keywords["out"] = tuple([np.asarray(each) for each in out])
        try:
            with np.errstate(all="ignore"):  # a comparison of expressions sets NumPy's flags by chance
                return _wrapped(getattr(ufunc, method)(*map(_numbers, plain), **keywords))
        except (TypeError, AttributeError):
            raise InvalidType(f"np.{name} has no meaning for symbols here; a proof cannot run this rule") from None

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        if function is np.where:
            with np.errstate(all="ignore"):
                return _wrapped(np.frompyfunc(_chosen, 3, 1)(*[np.asarray(each) for each in args]))
        return super().__array_function__(function, types, args, keywords)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Fill in; where a mask of conditions is the index, each entry becomes piecewise."""
        if isinstance(key, np.ndarray) and key.dtype == object:
            value = np.frompyfunc(_chosen, 3, 1)(np.asarray(key), np.asarray(value), np.asarray(self))
            key = ...
        super().__setitem__(key, value)

    def astype(self, dtype: Any, *args: Any, **keywords: Any) -> Any:
        """Return the numbers; a condition becomes 1 where it is true, else 0."""
        return _wrapped(np.frompyfunc(_number, 1, 1)(np.asarray(self)))


def symbols(name: str, *shape: int) -> Symbols:
    """Return an array of real symbols, whose indices count from 1, such as w₁,₂."""
    array = np.empty(shape, object)
    for place in np.ndindex(*shape):
        array[place] = sympy.Symbol(f"{name}{','.join([str(i + 1) for i in place]).translate(BELOW)}", real=True)
    return array.view(Symbols)


@cache
def unknown(name: str, arity: int = 1) -> Callable[..., Expr]:
    """Return a function of which nothing is known; its derivatives are functions as unknown as it is."""

    def fdiff(self: Any, argindex: int = 1) -> Expr:
        return slope_of(name, argindex, arity)(*self.args)

    return type(name, (AppliedUndef,), {"fdiff": fdiff, "nargs": arity, "is_real": True, "__module__": __name__})


def slope_of(name: str, argument: int, arity: int) -> Callable[..., Expr]:
    """Return the derivative of an unknown function by one of its arguments, from 1."""
    return unknown(f"{name}'" if arity == 1 else f"{name}_{argument}", arity)


def decided(difference: Expr, seconds: float = 5.0) -> tuple[Decision, str]:
    """Return whether an expression is zero for all values of its symbols, and how that was found.

    At 1,000 random rational points a difference shows itself first; then SymPy is asked, piece by piece, for as many
    seconds. What is zero at all points, and not decided by then, is "not decided".
    """
    difference, decimals = _exact(sympy.sympify(difference))
    difference, end = _flat(difference), time.monotonic() + seconds
    if difference.has(sympy.nan, sympy.zoo):
        return "fails", "it is no number"
    if difference == 0 or sympy.expand(difference) == 0:
        return "holds", "by expanding"
    if any(_far_from_zero(difference, seed) for seed in range(8)):
        return "fails", "at a random point"
    if all(_simplified(piece, end, decimals) for piece in _pieces(difference)):
        return "holds", "by simplifying"
    for seed in range(8, POINTS):
        if _far_from_zero(difference, seed):
            return "fails", "at a random point"
        if time.monotonic() > end + seconds:
            return "not decided", f"zero at {seed + 1} random points"
    return "not decided", f"zero at {POINTS} random points"


def point(expression: Expr, seed: int) -> dict[Expr, Expr]:
    """Return rational numbers for all symbols of an expression, the same from the same seed; no two are equal, or 0."""
    draw = random.Random(seed)  # noqa: S311  # points, no secrets
    free = sorted(expression.free_symbols, key=str)
    return {
        symbol: sympy.Rational(draw.choice((-1, 1)) * draw.randint(1, 250), sympy.nextprime(250 + 6 * i))
        for i, symbol in enumerate(free)
    }


def _far_from_zero(difference: Expr, seed: int) -> bool:
    value = difference.subs(point(difference, seed))
    if value.is_Rational:
        return bool(value != 0)
    found = abs(sympy.N(value, 30))
    return bool(found.is_Number and found > sympy.Float("1e-12"))


def _exact(expression: Expr) -> tuple[Expr, bool]:
    """Return the expression with a fraction or a constant for each decimal number, and whether there are fractions.

    With 15 digits, sums and products of decimals that are equal stay equal.
    """
    table = {}
    for each in expression.atoms(sympy.Float):
        size = abs(float(each))
        known = next((c for c in CONSTANTS if abs(float(c) - size) < 1e-14 * size), None)
        table[each] = sympy.sign(each) * (sympy.Rational(f"{size:.15g}") if known is None else known)
    return expression.xreplace(table), any(each.is_Rational for each in table.values())


def _flat(expression: Expr) -> Expr:
    """Put a symbol in the place of each application of an unknown function: they are independent."""
    known: dict[Any, Expr] = {}
    names = {}
    for each in sorted(expression.atoms(AppliedUndef), key=sympy.default_sort_key):
        same = (type(each).__name__, tuple([sympy.expand(arg) for arg in each.args]))
        names[each] = known.setdefault(same, sympy.Dummy(real=True))
    return expression.xreplace(names)


def _pieces(expression: Expr, signs: tuple[tuple[Expr, int], ...] = ()) -> Iterator[Expr]:
    """Yield the expression on each side of each of its conditions; on the boundary itself it may have a kink."""
    relations = [each for each in expression.atoms(Relational) if not each.has(sympy.Piecewise)]
    if not relations:
        yield expression
        return
    border = min([_border(each) for each in relations], key=sympy.default_sort_key)
    for sign in (1, -1):
        # An expression and the same plus a number cannot lie on the sides of zero that turn away from each other.
        if not any([(border - other).is_number and sign != s and sign * (border - other) <= 0 for other, s in signs]):
            chosen = {each: _truth(each, border, sign) for each in relations if _border(each) == border}
            yield from _pieces(expression.xreplace(chosen), (*signs, (border, sign)))


def _border(relation: Expr) -> Expr:
    """Return what is zero where the condition changes, with the factor 1 at its first symbol."""
    difference = sympy.expand(relation.lhs - relation.rhs)
    first = min(difference.free_symbols, key=sympy.default_sort_key, default=None)
    slope = difference.coeff(first) if first is not None else sympy.Integer(1)
    return sympy.expand(difference / slope) if slope.is_number and slope != 0 else difference


def _truth(relation: Expr, border: Expr, sign: int) -> Expr:
    """Return whether a relation is true where its border has this sign."""
    ratio = sympy.simplify((relation.lhs - relation.rhs) / border)
    if not ratio.is_number:
        return relation
    side = sign if ratio > 0 else -sign
    return sympy.sympify(
        {">": side > 0, ">=": side > 0, "<": side < 0, "<=": side < 0, "==": False}.get(relation.rel_op, True)
    )


def _simplified(expression: Expr, end: float, decimals: bool) -> bool:
    """Tell whether SymPy finds it to be zero in time."""
    ways: list[Callable[[Expr], Expr]] = [
        sympy.expand,
        lambda e: sympy.numer(sympy.together(e.rewrite(sympy.exp))).expand().powsimp(),
    ]
    if not decimals:  # long fractions would become exponents, and no time limit stops such a power
        ways.append(sympy.simplify)
    for way in ways:
        if (left := end - time.monotonic()) <= 0:
            return False
        found, problem = guarded("SymPy", way, expression, seconds=left)
        if problem or found == 0:
            return not problem
    return False


def readable(formula: Any) -> str:
    """Return a formula as text; a long one is cut off."""
    text = str(formula).replace("**", "^").replace("*", "·")
    return text if len(text) <= LONG else text[: LONG - 3] + "..."


def _wrapped(result: Any) -> Any:
    if isinstance(result, np.ndarray):
        return result.view(Symbols) if result.dtype == object else result
    return result


def _numbers(array: Any) -> Any:
    """Return an array whose conditions are numbers, 1 where they are true."""
    return np.frompyfunc(_number, 1, 1)(array) if isinstance(array, np.ndarray) and array.dtype == object else array


def _number(entry: Any) -> Expr:
    return sympy.Piecewise((1, entry), (0, True)) if isinstance(entry, CONDITIONS) else entry


def _chosen(condition: Any, yes: Any, no: Any) -> Expr:
    if isinstance(condition, CONDITIONS):
        return sympy.Piecewise((_number(yes), condition), (_number(no), True))
    return yes if condition else no


def _extreme(array: Any, keywords: dict[str, Any]) -> Any:
    """Return a fresh symbol for each greatest or least entry: a rule that is right does not depend on it."""
    shape = np.empty(array.shape).max(axis=keywords.get("axis"), keepdims=keywords.get("keepdims", False)).shape
    found = np.empty(shape, object)
    for place in np.ndindex(*shape):
        found[place] = sympy.Dummy("m", real=True)
    return _wrapped(found)


def _sign(x: Any) -> Expr:
    return sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True))


FUNCTIONS: dict[str, Callable[..., Expr]] = {
    **dict.fromkeys(("maximum", "fmax"), lambda x, y: _chosen(sympy.sympify(x > y), x, y)),
    **dict.fromkeys(("minimum", "fmin"), lambda x, y: _chosen(sympy.sympify(x < y), x, y)),
    "clip": lambda x, low, high: sympy.Piecewise((low, x < low), (high, x > high), (x, True)),
    "absolute": lambda x: sympy.Piecewise((x, x >= 0), (-x, True)),
    "sign": _sign,
    "heaviside": lambda x, half: sympy.Piecewise((1, x > 0), (0, x < 0), (half, True)),
    "greater": lambda x, y: sympy.sympify(x > y),
    "greater_equal": lambda x, y: sympy.sympify(x >= y),
    "less": lambda x, y: sympy.sympify(x < y),
    "less_equal": lambda x, y: sympy.sympify(x <= y),
    "deg2rad": lambda x: x * sympy.pi / 180,
    "rad2deg": lambda x: x * 180 / sympy.pi,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log1p": lambda x: sympy.log(1 + x),
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "exp2": lambda x: 2**x,
    "logaddexp2": lambda x, y: sympy.log(2**x + 2**y) / sympy.log(2),
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "square": lambda x: x**2,
    "cbrt": lambda x: _sign(x) * _chosen(x > 0, x, -x) ** sympy.Rational(1, 3),
    "reciprocal": lambda x: 1 / x,
    "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
    **{
        name: getattr(sympy, theirs)
        for name, theirs in {
            "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh",
            "tanh": "tanh", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
            "arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2", "sqrt": "sqrt", "equal": "Eq", "invert": "Not",
            "not_equal": "Ne", "logical_not": "Not", "bitwise_and": "And", "logical_and": "And", "bitwise_or": "Or",
            "logical_or": "Or",
        }.items()
    },
}  # fmt: skip
"""NumPy's ufuncs as SymPy writes them; sums and products need no entry."""
