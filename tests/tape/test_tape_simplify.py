"""What shortens a program changes no dtype, no shape and no number: cases in which a pass must keep its hands off."""

import decimal
import enum
import re

import numpy as np
import pytest
from tape_examples import equal
from test_tape_reading import run

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

SINGLE = np.full(3, 1 / 3, np.float32)
STACK = np.arange(8.0).reshape(2, 2, 2)
TURNED = [(-1, -2), (-2, -1), (-2, -1)]


class Axis(enum.IntEnum):
    COLUMNS = 1


def masked_and_scaled(y):
    return 1.0 * np.sum((np.where(y > 0.1, 0.25, 0.25) * (y * np.array(2.0)))[:1, None] * 2.0) ** 2


CASES = {
    "a choice of equal numbers is float64": (lambda x: np.where(x > 0, 0.1, 0.1) * x, (SINGLE,), (-SINGLE,)),
    "and so is what a factor meets": (
        tg.value_and_grad(masked_and_scaled),
        (np.zeros(4, np.float32),),
        (np.float32([1.5, -2.0, 0.25, 3.0]),),
    ),
    "one of two repeated operands brings the shape": (
        lambda x, y: np.where(x > 0, 0.25, 0.25) * np.broadcast_to(y, (4, 4)),
        (np.ones((4, 4)), np.ones((1, 4))),
        (np.ones((4, 4)), np.full((1, 4), 3.0)),
    ),
    "whole numbers are added as whole numbers": (
        lambda x: tg.ops.sum(x * x),
        (np.ones(4, np.int32),),
        (np.full(4, 30_000, np.int32),),
    ),
    "truth values, too": (lambda x: tg.ops.sum(x * x), (np.array([True, False]),), (np.array([True, True]),)),
    "a factor beside a smaller float32": (
        lambda a, b: 0.1 * (a @ b),
        (np.ones((9, 1)), np.full((1, 4), 1 / 3, np.float32)),
        (np.full((9, 1), 3.0), np.full((1, 4), 1 / 3, np.float32)),
    ),
    "a factor beside smaller whole numbers": (
        lambda a, b: 0.1 * (a @ b),
        (np.ones((9, 1)), np.ones((1, 4), int)),
        (np.ones((9, 1)), np.full((1, 4), 3)),
    ),
    "two turns by name": (
        lambda x: np.swapaxes(np.swapaxes(x, axis1=0, axis2=1), axis1=0, axis2=2),
        (np.ones((2, 2, 2)),),
        (STACK,),
    ),
    "two turns by an array": (
        lambda x: np.transpose(np.transpose(x, np.array([1, 2, 0])), np.array([1, 2, 0])),
        (np.ones((2, 2, 2)),),
        (STACK,),
    ),
    "two turns back": (
        lambda x: np.swapaxes(np.swapaxes(x, 0, 2), 0, 2) + x.T.T + np.transpose(np.transpose(x, None), None),
        (np.ones((2, 2, 2)),),
        (STACK,),
    ),
    "axes of a product": (lambda a, b: np.matmul(a, b, axes=TURNED), (np.eye(2),) * 2, (STACK[0], STACK[1])),
    "axes of a product that is turned and scaled": (
        lambda a, b: (np.matmul(a, b, axes=TURNED).T, 0.1 * np.matmul(b, a, axes=TURNED)),
        (np.eye(2),) * 2,
        (STACK[0], STACK[1]),
    ),
    "the dtype of a product": (
        lambda a: np.matmul(a, a, dtype=np.float64),
        (np.ones((2, 2), np.float32),),
        (np.full((2, 2), 1 / 3, np.float32),),
    ),
    "a list as a factor": (lambda x: (x @ [[1.0, 2.0], [3.0, 4.0]]).T, (np.ones((2, 2)),), (STACK[1],)),
    "a list as a factor that is scaled": (
        lambda x: 0.1 * (x @ [[1.0, 2.0], [3.0, 4.0]]),
        (np.ones((9, 2)),),
        (np.arange(18.0).reshape(9, 2),),
    ),
    "the dtype of a row of arrays": (
        lambda x: np.concatenate([x, x], dtype=np.float32),
        (np.ones(3),),
        (np.arange(3.0),),
    ),
    "out=None": (lambda x: np.clip(x, None, 2.0, out=None), (np.ones(3),), (np.arange(3.0) + 0.5,)),
    "no dtype and no out": (lambda x: np.cumsum(x, 0, None, None), (np.ones(3),), (np.arange(3.0),)),
    "a number in another dtype": (
        lambda x: x * np.subtract(1.0, x[0]).astype(np.float32),
        (np.ones(3),),
        (np.arange(3.0) + 0.5,),
    ),
    "a number that is an argument in another dtype": (lambda s: np.subtract(s, 3.0).astype(np.float32), (0.5,), (2.0,)),
    "a number with a name": (
        lambda x: np.sum(x, axis=Axis.COLUMNS) * Axis.COLUMNS,
        (np.ones((2, 3)),),
        (np.arange(6.0).reshape(2, 3),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_program_gives_what_the_function_gives(name):
    f, *points = CASES[name]
    compiled = compile(f)
    for args in points:
        equal(compiled(*args), f(*args))
        equal(run(compiled, *args), f(*args))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: x[np.arange(3), i].sum(),  # the cross-entropy of class numbers
        lambda x, i: (x[i, 1] * x[:, i[0]]).sum(),
        lambda x, i: (x[..., i] ** 2).sum(),
        lambda x, i: x[np.arange(3), np.argmax(x, 1)].sum() + x[i].sum(),
    ],
)
def test_the_gradient_at_positions_that_are_arguments(f):
    gradient = tg.grad(f)
    compiled, rng = compile(gradient), np.random.default_rng(0)
    for positions in ([0, 1, 2], [2, 0, 0], [1, 1, 1]):
        args = rng.standard_normal((3, 3)), np.array(positions)
        equal(compiled(*args), gradient(*args))
        equal(run(compiled, *args), gradient(*args))


EXPONENTIALS = {"sigmoid": 1, "tanh": 1, "softplus": 1, "silu": 1, "gelu": 1, "elu": 2}  # elu: near 0 and far below


@pytest.mark.parametrize(("activation", "count"), EXPONENTIALS.items())
@pytest.mark.parametrize("cost", ["mse", "logistic"])
def test_a_layer_takes_one_exponential_for_its_activation_and_the_derivative(activation, count, cost):
    phi, chosen = tg.nn.activations.find(activation), tg.nn.costs.find(cost)
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal((3, 4)), draw.standard_normal((4, 2))]
    x, y = draw.standard_normal((5, 3)), np.sign(draw.standard_normal((5, 2)))
    compiled = compile(tg.grad(lambda weights, x, y: chosen(phi(phi(x @ weights[0]) @ weights[1]), y)))
    compiled(weights, x, y)
    found = re.findall(r"np\.(?:exp|expm1|tanh)\(", compiled.source())
    assert len(found) == 2 * count + (cost == "logistic")


def test_the_size_of_whole_numbers_is_left_alone():
    equal(compile(lambda x: abs(-x))(np.uint8([1, 200])), np.uint8([255, 56]))


def sigmoid_of(z):
    return 1 / (1 + (-z).exp())


def test_the_derivative_of_the_sigmoid_has_all_digits_far_out():
    """sigma'(z) = sigma(z) sigma(-z), to 60 digits; 1 - sigma(z) would have none beyond 37."""
    zs = np.concatenate([np.linspace(-700.0, 700.0, 141), np.linspace(-40.0, 40.0, 161)])
    slope = tg.grad(lambda z: tg.sigmoid(z).sum())
    with decimal.localcontext(prec=60, Emin=-10_000, Emax=10_000):
        exact = [sigmoid_of(decimal.Decimal(z)) * sigmoid_of(-decimal.Decimal(z)) for z in zs.tolist()]
        one = [tg.grad(tg.sigmoid)(z) for z in zs.tolist()]
        for found in (slope(zs), compile(slope)(zs), run_at(compile(slope), zs), one):
            errors = [abs(decimal.Decimal(float(a)) / b - 1) for a, b in zip(found, exact, strict=True)]
            assert max(errors) < decimal.Decimal("1e-14")


def run_at(compiled, zs):
    compiled(zs)
    return run(compiled, zs)
