"""Numbers that would leave the record of a compiled function, and writes into arrays between its ops, are refused."""

import numpy as np
import pytest
from test_tape_refusals import X

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs


@pytest.mark.parametrize(
    "f",
    [
        lambda x: float(x.sum()),
        lambda x: x * x.sum().item(),
        lambda x: x * int(x[0]),
        lambda x: list(range(x[0])),
        lambda x: x * np.asarray(x),
        lambda x: x * np.array([x[0], 1.0, 1.0]),
        lambda x: np.arange(3.0)[x.argmax()],
        lambda x: x.tolist(),
        tg.grad(lambda x: x.sum() * x.sum().item()),
        tg.grad(lambda x: x.sum() * float(x.value.sum())),
    ],
)
def test_a_number_that_would_leave_the_record_is_refused(f):
    with pytest.raises((tg.GraphDropped, TypeError), match=r"would become a plain number|only integer|integer"):
        compile(f)(X)


def test_a_write_into_an_array_is_refused():
    def assigns(x):
        out = np.zeros(3)
        out[0] = x[0]
        return out

    def assigns_to_it(x):
        x[0] = 1.0
        return x

    for f in (assigns, lambda x: np.add(x, x, out=np.zeros(3)), lambda x: np.put(x, 0, 1.0), assigns_to_it):
        with pytest.raises(tg.GraphDropped, match=r"writes into an array|would become a plain number"):
            compile(f)(X)


def test_an_array_that_the_function_makes_and_writes_into_is_used_as_it_was():
    def f(x):
        weights = np.zeros(3)
        first = x * weights + held
        weights[0] = 5.0
        return first + x * weights

    held = np.ones(3)  # that arrays from outside are known must change nothing
    compiled = compile(f)
    for x in (X, 2.0 * X):
        np.testing.assert_array_equal(compiled(x), f(x))


def test_a_value_that_was_kept_from_a_recording_is_refused():
    class Kept:
        pass

    kept = Kept()

    def f(x):
        before = getattr(kept, "x", None)  # no name of an attribute
        setattr(kept, "x", x)  # noqa: B010  # nor here
        return x * 1.0 if before is None else x * before

    with pytest.raises(tg.StaleGraph, match="a recording that is over"):
        compile(f)(X)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, old: x + old,
        lambda x, old: old + x,
        lambda x, old: np.add(x, old),
        lambda x, old: tg.ops.multiply(old, x),
        lambda x, old: np.where(x > 0, x, old),
        lambda x, old: np.stack([x, old]),
        lambda x, old: [v * old for v in [x] * 2000],  # by levels
        lambda x, old: x > old,
        lambda x, old: round(old),
        lambda x, old: old,
    ],
)
def test_a_value_of_another_recording_is_refused_wherever_it_stands(use):
    class Kept:
        pass

    kept, old = Kept(), []
    kept.keep = old.append

    def keeping(x):
        products = [x * (2.0 + k) for k in range(3000)]  # levelled, so that each has its place there
        getattr(kept, "keep")(products[2900])  # noqa: B009  # so that the watch does not see it
        return products

    compile(keeping)(1.5)
    with pytest.raises(tg.StaleGraph, match="a recording that is over"):
        compile(lambda x: use(x, old[0]))(2.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.ravel(x * 2.0, order="K"),
        lambda x: np.reshape(x, (-1,), "A"),
        lambda x: x.reshape(-1, order="A"),
        lambda x: x if x.flags.c_contiguous else x.T,
    ],
)
def test_what_depends_on_the_order_in_memory_is_refused(f):
    with pytest.raises(tg.InvalidValue, match="how an array lies in memory"):
        compile(f)(X)


@pytest.mark.parametrize(("result", "words"), [(None, "is a `return` missing"), ("text", "numbers and arrays only")])
def test_a_result_that_is_no_number_is_refused(result, words):
    with pytest.raises(tg.InvalidType, match=words):
        compile(lambda x: result)(X)


def test_backward_on_an_argument_says_what_to_compile():
    with pytest.raises(tg.InvalidType, match=r"compile tg\.grad"):
        compile(lambda x: x.sum().backward())(X)


@pytest.mark.parametrize("read", ["value", "now", "item"])
def test_a_readers_rule_cannot_put_the_numbers_of_one_call_into_a_program(read):
    def numbers(x):
        found = getattr(x, read, x)
        return np.asarray(
            found() if callable(found) and not isinstance(x, np.ndarray) else x if callable(found) else found
        )

    cube = tg.op(f"cube that reads {read}", lambda x: x**3, lambda g, y, x: g * 3 * numbers(x) ** 2)
    x, z = np.array([1.0, 2.0]), np.array([3.0, -4.0])
    for transform in (tg.grad, tg.hessian):
        slope = transform(lambda x: cube(x).sum())
        program = tg.compile(slope)
        for point in (x, z):
            right = 3 * point**2 if transform is tg.grad else np.diag(6 * point)
            np.testing.assert_allclose(program(point), right, rtol=1e-6)
            np.testing.assert_allclose(slope(point), right, rtol=1e-6)
