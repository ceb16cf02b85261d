"""SciPy's functions on Nodes: values and derivatives to second order, at poles and limits, in every road."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import special

import tinygrad_ed as tg
from tinygrad_ed.ops.numpy.special import SPECIAL

FUNCTIONS = [made.forward for made in SPECIAL]
X = np.linspace(0.1, 0.9, 5)
ORDER = np.full(5, 1.7)


def of_its_arguments(f):
    """Return a function of the arguments that have a derivative, and points for them."""
    (made,) = [made for made in SPECIAL if made.forward is f]
    if made.rules[0] is None:
        return (lambda x: f(ORDER, x)), [X + 0.3]
    return (lambda *xs: f(*xs)), [ORDER, X + 0.3][: f.nin] if f.nin == 2 else [X]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_derivatives_to_second_order(f):
    of, points = of_its_arguments(f)
    tg.check_grads(of, *points, order=2)
    np.testing.assert_array_equal(of(*[tg.Node(x) for x in points]).value, of(*points))


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if f.nin == 1], ids=lambda f: f.__name__)
def test_derivatives_far_out_and_at_zero(f):
    for x in (-30.0, -2.5, -0.3, 0.0, 0.5, 1.0, 2.5, 30.0):
        h = 1e-5 * max(1.0, abs(x))
        with np.errstate(all="ignore"):
            around = np.array([f(x - h), f(x), f(x + h)])
            slope, curve = tg.grad(f)(x), tg.grad(tg.grad(f))(x)
        if np.isfinite(around).all() and np.ptp(around) < 1e6 and not (f is special.gammaln and x == 0):
            assert slope == pytest.approx((around[2] - around[0]) / (2 * h), rel=3e-5, abs=1e-7)
            assert np.isfinite(curve)


def test_they_compile_and_have_jacobians():
    def f(x):
        return special.erf(x) * special.gammaln(x + 1.0)

    step = tg.compile(tg.value_and_grad(lambda x: np.sum(f(x))))
    for _ in range(3):
        value, gradient = step(X)
    assert value == pytest.approx(np.sum(f(X)))
    np.testing.assert_allclose(np.diag(tg.jacobian(f)(X)), gradient)
    np.testing.assert_allclose(
        np.diag(tg.jacobian(tg.elementwise_grad(f))(X)), np.diag(tg.hessian(lambda x: np.sum(f(x)))(X))
    )


def test_a_rule_of_the_readers_own_stays(monkeypatch):
    from tinygrad_ed.graph.op import HANDLERS

    monkeypatch.setitem(HANDLERS, special.erf, tg.op("mine", special.erf, lambda g, y, x: 100.0 * g))
    special.gammaln(tg.Node(1.0))  # so that the others are made
    assert tg.grad(special.erf)(0.5) == 100.0


def test_scipy_is_imported_by_its_user_alone():
    code = "import sys, numpy as np, tinygrad_ed as tg; tg.grad(np.tanh)(0.5); assert 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
