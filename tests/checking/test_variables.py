# ruff: noqa: N803, N806
"""Which gradient a variable is: one that is used again is each that it was; 1/M is missing where the others have it."""

import itertools

import numpy as np
import pytest
from own_programs import changed, load

import tinygrad_ed as tg

PROGRAM = """
def phi(z):
    return {phi}
def forward(X, Y, W1, b1, W2):
    {forward}
    out = h @ W2
    return ((out - Y) ** 2).sum(), (X, Y, W2, h, out)
def backward(cache):
    X, Y, W2, h, out = cache
    dout = 2 * (out - Y)
    dW2 = h.T @ dout
    dh = dout @ W2.T
    {back}
    dW1 = X.T @ dh
    db1 = dh.sum(axis=0)
    return {{"W1": dW1, "b1": db1, "W2": dW2}}
"""
FORWARDS = ("z = X @ W1 + b1; h = {}", "h = phi(X @ W1 + b1)", "h = X @ W1 + b1; h = phi(h)")
PHIS = {
    "np.maximum(0, z)": ("dh[h <= 0] = 0", "dh *= h > 0", "dh = dh * (h > 0)", "dh = np.where(h > 0, dh, 0)"),
    "z * (z > 0)": ("dh[h == 0] = 0", "dh *= h > 0"),
    "np.where(z > 0, z, 0.1 * z)": ("dh[h <= 0] *= 0.1", "dh = dh * np.where(h > 0, 1, 0.1)"),
    "np.tanh(z)": ("dh *= 1 - h**2", "dh = dh * (1 - h**2)", "dh = dh - dh * h * h"),
    "1 / (1 + np.exp(-z))": ("dh *= h * (1 - h)", "dh *= h; dh *= 1 - h"),
    "np.log(1 + np.exp(z))": ("dh *= 1 - np.exp(-h)",),
}
SLIPS = (  # the line counted from that of `dh`, the finding, and the words
    ("dh.sum(axis=0)", "dh.mean(axis=0)", 3, "db1", "1/5 times"),
    ("dh.sum(axis=0)", "-dh.sum(axis=0)", 3, "db1", "the sign is wrong"),
    ("X.T @ dh", "2 * X.T @ dh", 2, "dW1", "a factor of 2 too much"),
    ("h.T @ dout", "2 * h.T @ dout", -1, "dW2", "a factor of 2 too much"),
    ("dout @ W2.T", "3.7 * dout @ W2.T", 0, "dh", "3.7 times the right numbers"),
)
CASES = [(phi, back) for phi, backs in PHIS.items() for back in backs]


def judged(forward, phi, back, *slips):
    """Return what is said of a program, and the line in which `dh` is first."""
    source = PROGRAM.format(phi=phi, forward=forward.format(phi), back=back)
    line = source.splitlines().index("    dh = dout @ W2.T") + 1
    for right, wrong in slips:
        assert right in source
        source = source.replace(right, wrong)
    shapes = ((5, 4), (5, 2), (4, 6), (6,), (6, 2))
    rng = np.random.default_rng(3)
    return tg.check_program(*load(source), *[rng.normal(size=shape) for shape in shapes]), line


@pytest.mark.parametrize(("phi", "back"), CASES, ids=[back for _, back in CASES])
def test_a_name_that_is_used_again_is_accused_of_nothing_that_it_was(phi, back):
    for forward, (right, wrong, after, name, words) in itertools.product(FORWARDS, SLIPS):
        check, line = judged(forward, phi, back, (right, wrong))
        assert [(one.quantity, one.where) for one in check.diagnosis] == [(name, f"line {line + after}")], str(check)
        assert words in check.diagnosis[0].mistake


@pytest.mark.parametrize("forward", FORWARDS)
def test_a_wrong_slope_that_is_multiplied_into_a_name_is_found_in_its_line(forward):
    for phi, right, wrong in (
        ("np.maximum(0, z)", "dh[h <= 0] = 0", "dh[h >= 1] = 0"),
        ("np.maximum(0, z)", "dh *= h > 0", "dh *= h <= 0"),
        ("np.tanh(z)", "dh *= 1 - h**2", "dh *= 1 + h**2"),
        ("np.tanh(z)", "dh = dh * (1 - h**2)", "dh = dh * (1 - h)"),
    ):
        check, line = judged(forward, phi, right, (right, wrong))
        assert [(one.quantity, one.where) for one in check.diagnosis] == [("dh", f"line {line + 1}")], str(check)


@pytest.mark.parametrize("forward", FORWARDS)
def test_the_gradient_of_the_net_input_may_be_called_after_the_activation(forward):
    whole = ("dh = dout @ W2.T\n    dh *= h > 0", "dh = (dout @ W2.T) * (h > 0)")
    check, line = judged(forward, "np.maximum(0, z)", "dh *= h > 0", whole, ("dh.sum(axis=0)", "dh.mean(axis=0)"))
    assert [(one.quantity, one.where) for one in check.diagnosis] == [("db1", f"line {line + 2}")], str(check)


NAMES = {"as they are": (), "without a name": (("dZ2", "delta"), ("dZ1", "hidden"), ("dA1", "back"))}


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("where", ["dW1", "db1", "dW1 db1", "dW2", "db2", "dW2 db2"])
def test_one_over_m_is_missing_where_it_is_missing(names, where):
    lines = {
        "dW1": ("dZ1 @ X.T / m", "dZ1 @ X.T"),
        "db1": ("np.sum(dZ1, axis=1, keepdims=True) / m", "np.sum(dZ1, axis=1, keepdims=True)"),
        "dW2": ("dZ2 @ A1.T / m", "dZ2 @ A1.T"),
        "db2": ("np.sum(dZ2, axis=1, keepdims=True) / m", "np.sum(dZ2, axis=1, keepdims=True)"),
    }
    forward, backward, args, _ = changed("cols", *[lines[name] for name in where.split()], *NAMES[names])
    check = tg.check_program(forward, backward, *args)
    assert {found.quantity for found in check.diagnosis} == set(where.split()), str(check)
    assert all(found.mistake.startswith("6 times the right numbers") for found in check.diagnosis)


def test_one_over_m_is_missing_in_several_layers():
    def forward(X, Y, W1, W2, W3):
        A1 = np.tanh(X @ W1)
        A2 = np.tanh(A1 @ W2)
        Z3 = A2 @ W3
        return ((Z3 - Y) ** 2).sum() / 2 / len(X), (X, Y, A1, A2, Z3, W2, W3)

    def backward(cache):
        X, Y, A1, A2, Z3, W2, W3 = cache
        dZ3 = Z3 - Y
        dA2 = dZ3 @ W3.T
        dA1 = (dA2 * (1 - A2**2)) @ W2.T
        return {
            "dW3": A2.T @ dZ3 / len(X),
            "dW2": A1.T @ (dA2 * (1 - A2**2)),
            "dW1": X.T @ (dA1 * (1 - A1**2)),
        }

    rng = np.random.default_rng(0)
    args = [rng.normal(size=shape) for shape in ((7, 3), (7, 2), (3, 4), (4, 5), (5, 2))]
    check = tg.check_program(forward, backward, *args)
    assert {found.quantity for found in check.diagnosis} == {"dW1", "dW2"}, str(check)
