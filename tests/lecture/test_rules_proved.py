"""The rule table, proved: the rules of each elementwise op are SymPy's derivatives, for all x of each piece."""

import numpy as np
import pytest
import sympy

import tinygrad_ed as tg
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS
from tinygrad_ed.graph.op import OPS, Op
from tinygrad_ed.lecture.algebra import Symbols, decided, symbols

MATRICES = {"matmul", "solve", "vecdot", "matvec", "vecmat", "matrix_transpose"}
MATRICES |= {"inv", "inverse", "det", "logdet", "inverse_of_lower", "linspace", "geomspace"}
BY_NUMBERS = {
    "remainder": "whole multiples, whose number jumps",
    "fmod": "whole multiples, whose number jumps",
    "copysign": "it reads the sign of zero",
    "cbrt": "SymPy's root of a negative number is another one",
    "sinc": "at 0 it is a limit",
}
"""The ops whose rules are checked by numbers only, and why."""


def _entrywise():
    for name, op in OPS.items():
        single = (op.arity == 1 or (op.arity == 2 and op.broadcasts)) and not (op.variadic or op.params)
        if single and name not in MATRICES and (hasattr(tg, name) or hasattr(np, name)):  # a test may have made others
            yield name


NAMES = sorted(set(_entrywise()) - set(BY_NUMBERS))


@pytest.fixture
def on_symbols(monkeypatch):
    """Let the ops that rules are written with take arrays of symbols."""
    usual = Op.__call__

    def call(self, *args, **keywords):
        if not any(isinstance(each, Symbols) for each in args):
            return usual(self, *args, **keywords)
        return np.asarray(self.forward(*args, **keywords), object).view(Symbols)

    monkeypatch.setattr(Op, "__call__", call)


def _derivatives(op):
    """Give, for each input, SymPy's derivative of the forward and what the rule gives for an upstream of g."""
    inputs, g = [symbols(letter, 1) for letter in "xy"[: op.arity]], symbols("g", 1)
    y = np.asarray(op.forward(*inputs), object).view(Symbols)
    for x, rule in zip(inputs, op.rules, strict=True):
        if rule is not None:
            yield g[0] * sympy.diff(y[0], x[0]), np.asarray(rule(g, y, *inputs), object).ravel()[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_the_derivative_for_all_numbers(name, on_symbols):
    assert [decided(right - found)[0] for right, found in _derivatives(OPS[name])].count("holds") >= 1
    assert all(decided(right - found)[0] == "holds" for right, found in _derivatives(OPS[name]))


@pytest.mark.parametrize("name", ["multiply", "tanh", "maximum", "sigmoid", "power"])
def test_a_planted_factor_is_refuted(name, on_symbols):
    assert all(decided(right - 2 * found)[0] == "fails" for right, found in _derivatives(OPS[name]))


def test_all_ops_without_parameters_are_proved_but_for_those_that_are_named():
    assert len(NAMES) == 46
    assert set(BY_NUMBERS) <= set(_entrywise())


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_second_derivative_is_that_of_the_first_by_the_closed_form(name):
    zeta = symbols("ζ", 1)
    first = ACTIVATIONS[name].dphi(zeta)[0]
    assert decided(sympy.diff(ACTIVATIONS[name].phi(zeta)[0], zeta[0], 2) - sympy.diff(first, zeta[0]))[0] == "holds"


SHAPES = [((2, 3), (3, 2)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 2, 3), (3, 2))]


@pytest.mark.parametrize("shapes", SHAPES)
def test_the_rules_of_a_product_of_matrices_are_its_derivatives(shapes, on_symbols):
    inputs = [symbols(letter, *shape) for letter, shape in zip("xy", shapes, strict=True)]
    value = inputs[0] @ inputs[1]
    g = symbols("g", *np.shape(value)) if np.ndim(value) else symbols("g", 1)[0]
    along = np.sum(g * value)
    for x, rule in zip(inputs, OPS["matmul"].rules, strict=True):
        found = np.asarray(rule(g, value, *inputs), object)
        found = found.sum(axis=0) if found.ndim > x.ndim else found  # broadcasting is undone for every op in one place
        right = [sympy.diff(along, entry) for entry in x.ravel()]
        assert all(decided(a - b)[0] == "holds" for a, b in zip(right, found.ravel(), strict=True))


@pytest.fixture
def linalg_on_symbols(on_symbols, monkeypatch):
    """Let `np.linalg` take matrices of symbols, by SymPy's adjugate and determinant."""
    inv, solve, finite = np.linalg.inv, np.linalg.solve, np.isfinite

    def inverse(x):
        return _inverse(x) if x.dtype == object else inv(x)

    def solved(a, b):
        return inverse(a) @ b if a.dtype == object else solve(a, b)

    monkeypatch.setattr(np.linalg, "inv", inverse)
    monkeypatch.setattr(np.linalg, "solve", solved)
    monkeypatch.setattr(OPS["solve"], "forward", solved)
    monkeypatch.setattr(np, "isfinite", lambda x: np.ones(x.shape, bool) if x.dtype == object else finite(x))


def _inverse(x):
    matrix = sympy.Matrix(np.asarray(x))
    return np.array(matrix.adjugate() / matrix.det(), object).view(Symbols)


VALUES = {
    "det": lambda x: sympy.Matrix(x).det(),
    "logdet": lambda x: sympy.log(sympy.Matrix(x).det()),
    "inv": _inverse,
    "inverse": _inverse,
    "solve": lambda a, b: _inverse(a) @ b,
}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", VALUES)
def test_the_rules_of_determinants_inverses_and_equations_are_their_derivatives(name, n, linalg_on_symbols):
    inputs = [symbols("x", n, n)] + ([symbols("b", n, 1)] if name == "solve" else [])
    value = np.asarray(VALUES[name](*inputs), object).view(Symbols)
    g = symbols("g", value.size).reshape(value.shape)
    for x, rule in zip(inputs, OPS[name].rules, strict=True):
        found = np.asarray(rule(g, value, *inputs), object)
        for place in np.ndindex(x.shape):
            right = sympy.diff(np.sum(g * value), x[place])
            assert sympy.cancel(right - found[place]) == 0
            assert found[place] != 0  # so a factor that is planted would show
