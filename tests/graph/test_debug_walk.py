"""Every op of the table under `tg.debug()` and every transform: the same numbers as without it, or the NaN is named."""

import warnings

import numpy as np
import pytest
from op_table import ROWS

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves


def every(xs):
    return tuple(range(len(xs)))


def squares(f):
    return lambda *xs: np.sum(np.square(f(*xs)))


def along(xs):
    return [np.full_like(x, 1.5) if np.ndim(x) else 1.5 for x in xs]


TRANSFORMS = {
    "grad": lambda f, xs: tg.grad(squares(f), every(xs))(*xs),
    "elementwise_grad": lambda f, xs: tg.elementwise_grad(f, every(xs))(*xs),
    "vjp": lambda f, xs: (lambda y, pullback: (y, pullback(y)))(*tg.vjp(f, *xs)),
    "jvp": lambda f, xs: tg.jvp(f, xs, along(xs)),
    "jacobian": lambda f, xs: tg.jacobian(f, every(xs))(*xs),
    "hessian": lambda f, xs: tg.hessian(squares(f), every(xs))(*xs),
    "hvp": lambda f, xs: tg.hvp(squares(f), xs, along(xs)),
    "check_grads": lambda f, xs: tg.check_grads(f, *xs),
    "compile": lambda f, xs: tg.compile(tg.grad(squares(f), every(xs)))(*xs),
}


def named_at_once(f, xs):
    """Whether the row puts a NaN in itself, as those of nansum do: the value alone is refused then, and says so."""
    with tg.debug():
        try:
            f(*map(tg.Node, xs))
        except tg.NotFinite as error:
            said = str(error)
        else:
            return False
    assert "'where' gave nan" in said
    assert "from a constant" in said
    return True


def numbers(result):
    return [x for x in leaves(result) if x is not None]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_numbers_are_the_same(row):
    xs = row.arguments()

    def f(*xs):
        return row.call(tg if row.twin else np, *xs)

    if named_at_once(f, xs):
        return
    for name, transform in TRANSFORMS.items():
        expected = outcome(transform, f, xs)
        with tg.debug():
            found = outcome(transform, f, xs)
        if isinstance(expected, type):  # what a program cannot hold is run as it is under debug
            assert name == "compile"
            assert expected in (tg.GraphDropped, tg.InvalidValue)
            continue
        for a, b in zip(found, expected, strict=True):
            # A compiled function is run as it is under debug, and a program may round in another order.
            np.testing.assert_allclose(a, b, rtol=1e-9 if name == "compile" else 0, atol=1e-12 * (name == "compile"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_nan_an_infinity_or_a_zero_among_the_numbers_is_harmless_or_named(row, bad):
    """No error comes but `NotFinite` that does not come without `debug`; where none comes, all numbers are finite."""
    xs = row.arguments()
    if np.ndim(xs[0]):
        xs[0].flat[:1] = bad
    else:
        xs[0] = bad

    def f(*xs):
        return row.call(tg if row.twin else np, *xs)

    x, *others = row.arguments()
    if named_at_once(f, [x, *others]) or f(x := tg.Node(x), *others) is x:  # what computes nothing cannot be named
        return
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("grad", "jacobian", "hessian", "jvp"):
            transform = TRANSFORMS[name]
            expected = outcome(transform, f, xs)
            with tg.debug():
                found = outcome(transform, f, xs)
            if found is tg.NotFinite:
                continue
            if isinstance(expected, type):
                assert found is expected
            else:
                assert all([np.all(np.isfinite(b)) for b in expected])
                for a, b in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(a, b)


def outcome(transform, f, xs):
    """The numbers, or what kind of error."""
    try:
        return numbers(transform(f, xs))
    except Exception as error:  # noqa: BLE001  # it is compared
        return type(error)
