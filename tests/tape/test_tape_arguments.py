"""Arguments and results of a compiled function: nesting, signatures, dtypes, the order in memory, operands by name."""

import numpy as np
import pytest
from tape_examples import B, W, X, Y, cost, equal

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs


def test_arguments_and_results_keep_their_nesting():
    def f(p, scale, *, flag=True):
        return {"a": [p["w"] * scale, (p["v"][0] + 1.0,)], "b": 3.0 if flag else 4.0}

    compiled = compile(f)
    p = {"w": X, "v": (B, 2.0)}
    found = compiled(p, 2.0)
    assert list(found) == ["a", "b"]
    assert type(found["a"]) is list
    assert type(found["a"][1]) is tuple
    equal(found, f(p, 2.0))
    equal(compiled(p, 2.0, flag=False), f(p, 2.0, flag=False))
    assert len(compiled.tapes) == 2


def test_each_signature_has_a_tape_and_whole_numbers_belong_to_it():
    compiled = compile(lambda x, n: x**n)
    equal(compiled(X, 2), X**2)
    equal(compiled(X, 3), X**3)
    equal(compiled(X.astype(np.float32), 3), X.astype(np.float32) ** 3)
    equal(compiled(B, 2), B**2)
    equal(compiled(X, 2), X**2)
    assert len(compiled.tapes) == 4
    assert compile(lambda x, n: [x * i for i in range(n)])(2.0, 3) == [0.0, 2.0, 4.0]


def test_views_and_arrays_in_column_order_are_taken_as_they_are():
    f = tg.grad(cost)
    compiled = compile(f)
    p = {"W": W, "b": B}
    for x in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        equal(compiled(p, x, Y), f(p, np.asarray(x), Y))
    assert len(compiled.tapes) == 1


def test_arrays_in_another_byte_order_are_taken_again_and_again():
    f = tg.value_and_grad(lambda x: (x * x).sum())
    compiled = compile(f)
    for _ in range(3):
        equal(compiled(X.astype(">f8")), f(X.astype(">f8")))
    assert len(compiled.tapes) == 1


def test_numbers_of_numpy_become_floats_in_a_node():
    f = tg.value_and_grad(lambda xs: sum([x * x * 0.5 - x / 3.0 for x in xs]))
    compiled = compile(f)
    for count in (2, 1000):  # lines of Python, and levels
        xs = [np.float32(0.1 * k) for k in range(count)]
        equal(compiled(xs), f(xs))
        assert {type(y) for y in leaves(compiled(xs))} == {float}


def test_column_order_is_kept():
    def f(x):
        y = 2.0 * x
        return np.reshape(y, (2, 3), order="F"), np.ravel(y, "F"), y.reshape(6, order="F"), np.ravel(y)

    compiled = compile(f)
    for x in (X, np.asfortranarray(X)):
        equal(compiled(x), f(x))


def test_numbers_beside_float32_are_as_weak_as_in_the_engine():
    def f(x, y):
        return tg.multiply(x, y.sum()), tg.add(x, x.max()), x * 2.0, tg.Node(x) * float(2), x * np.float64(2.0)

    x = X.astype(np.float32)
    compiled = compile(f)
    expected = [y.value if isinstance(y, tg.Node) else y for y in f(x, X)]
    equal(compiled(x, X), tuple(expected))
    assert [y.dtype for y in compiled(x, X)] == [np.float32] * 4 + [np.float64]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.transpose(a=x),
        lambda x: np.sum(a=x),
        lambda x: np.sum(keepdims=True, axis=0, a=x),
        lambda x: np.reshape(x, shape=(6,)),
        lambda x: np.clip(a_max=1.0, a_min=0.0, a=x),
        lambda x: np.take(indices=[1, 0], a=x, axis=1),
        lambda x: np.broadcast_to(array=x, shape=(2, 3, 2)),
        lambda x: np.tensordot(b=W, a=x, axes=1),
    ],
)
def test_operands_may_be_given_by_name(f):
    for g in (f, tg.grad(lambda x: (f(x) * f(x)).sum())):
        compiled = compile(g)
        for x in (X, X * 0.999):
            equal(compiled(x), g(x))


def test_reductions_keep_what_they_were_told():
    def f(x):
        more = np.add.reduce(x, axis=0, initial=1.0), np.add.reduce(x, 0, where=x > 0), np.maximum.reduce(x, 1, None)
        return *more, np.add.reduce(x, axis=0, dtype=np.float32), np.multiply.reduce(x, axis=(0, 1), initial=2.0)

    equal(compile(f)(X), f(X))

    def of_one_row(x, r):
        row = x[:1]
        more = np.maximum.reduce(row, axis=0, initial=9.0), np.multiply.reduce(row, axis=0, where=row > 0)
        return 1.0 - r * np.add.reduce(row, axis=0, initial=10.0), *more, np.sum(x, axis=np.int64(0))

    compiled = compile(of_one_row)
    for r in (0.0, 1.0):
        equal(compiled(X, r), of_one_row(X, r))
    single = compile(lambda x: np.sum(x.sum(), axis=0) + 1.0)
    equal(single(X), X.sum() + 1.0)


def test_the_gradient_by_a_plain_number_is_a_float():
    single = np.linspace(0.0, 1.0, 5, dtype=np.float32)

    def slope(s):
        return tg.grad(lambda s: np.sum(np.abs(s * single)))(s)

    for f, args in (
        (slope, (0.3,)),
        (lambda s: single * tg.grad(lambda s: np.sum(np.abs(s * X)))(s), (0.5,)),
        (lambda s: s + 0.1 * slope(s), (np.float32(0.7),)),
        (lambda s: s + 0.1 * tg.grad(lambda s: np.sum(np.abs(s)))(s), (np.float32(0.7),)),
        (lambda s: s - 0.1 * slope(s), (0.7,)),
    ):
        compiled = compile(f)
        equal(compiled(*args), f(*args), 1e-6)
        assert type(compiled(*args)) is type(f(*args))


def test_a_number_of_numpy_keeps_its_dtype_as_an_array():
    for f in (lambda x: np.sum(x).reshape(-1), lambda x: np.reshape(np.sum(x), (1, 1)), lambda x: np.sum(x).ravel()):
        equal(compile(f)(X.astype(np.float32)), f(X.astype(np.float32)))
