"""Graphs that come again (`tape/again.py`): a replayed Hessian is the swept one, and nothing that f does is missed."""

import itertools
import threading

import numpy as np
import numpy_rows  # noqa: F401 # adds its rows to the table
import pytest
from hypothesis import given
from op_table import ROWS
from test_fuzz import bounded, described, ours, programs, weights
from test_ops import direction, weighted

import tinygrad_ed as tg
from tinygrad_ed.tape import again as room
from tinygrad_ed.tape.tape import Tape

POINT = np.array([0.3, -0.7, 1.1])
DIRECTION = np.array([1.0, -2.0, 0.5])


@pytest.fixture(autouse=True)
def empty_room(monkeypatch):
    """No kinds from other tests."""
    monkeypatch.setattr(room, "_kinds", room.OrderedDict())


def programs_kept():
    return [known for known in room._kinds.values() if isinstance(known, Tape)]


def swept(transform, *args):
    """What the sweeps alone give."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "LARGEST", -1)
        return transform(*args)


def wave(x):
    return (np.sin(x) * x[::-1]).sum() ** 2 + 0.5 * np.exp(-x[0])


def test_from_the_third_graph_on_a_program_is_replayed_with_the_same_numbers():
    hessian = tg.hessian(wave)
    for n in range(6):
        x = POINT * (1.0 + 0.3 * n)
        expected = swept(hessian, x)
        np.testing.assert_allclose(hessian(x), expected, rtol=1e-14, atol=1e-15)
        assert len(programs_kept()) == (n >= room.TIMES - 1)


@pytest.mark.filterwarnings("ignore:divide by zero|invalid value:RuntimeWarning")
@bounded
@given(programs())
def test_random_programs_agree_with_their_sweeps(program):
    inputs, steps = program
    f, vs = ours(steps), tuple([weights(np.shape(x)) + 0.2 for x in inputs])
    hessian = tg.hessian(f, tuple(range(len(inputs))))
    for n in range(room.TIMES + 2):
        xs = tuple([x * (1.0 - 0.4 * n) for x in inputs])  # across zero, where rules that look at numbers change sides
        for transform in (lambda *xs: tg.hvp(f, xs, vs), hessian):
            found, expected = transform(*xs), swept(transform, *xs)
            for a, b in zip(flat(found), flat(expected), strict=True):
                assert type(a) is type(b)
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10, err_msg=described(program))


def flat(tree):
    return [leaf for branch in tree for leaf in flat(branch)] if isinstance(tree, tuple) else [tree]


@pytest.mark.parametrize("row", list({row.op: row for row in ROWS}.values()), ids=str)
def test_every_op_is_replayed_or_swept_with_the_same_numbers(row):
    f, vs = weighted(row), tuple(direction(row))
    for n in range(room.TIMES + 2):
        xs = tuple([x * (1.0 - 0.001 * n) for x in row.arguments()])
        for a, b in zip(tg.hvp(f, xs, vs), swept(tg.hvp, f, xs, vs), strict=True):
            assert type(a) is type(b)
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)
    assert None not in room._kinds.values(), "this op is not recorded"


def test_the_function_itself_runs_at_every_call():
    calls, factor = [], 1.0

    def f(x):
        calls.append(x)
        return factor * (x**3).sum() + (x * weights_outside).sum() ** 2

    weights_outside = np.array([1.0, 2.0, 3.0])
    for n in range(1, 8):
        factor = float(n)
        weights_outside[0] = n
        expected = np.diag(6 * factor * POINT) + 2 * np.outer(weights_outside, weights_outside)
        np.testing.assert_allclose(tg.hessian(f)(POINT), expected, rtol=1e-14)
    assert len(calls) == 7
    assert len(programs_kept()) == 1


def test_a_branch_on_a_number_is_another_kind():
    def f(x):
        return (x**3).sum() if x[0].item() > 0 else np.square(x).sum()

    for sign in [1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0]:
        expected = np.diag(6 * sign * POINT) if sign * POINT[0] > 0 else 2 * np.eye(3)
        np.testing.assert_allclose(tg.hessian(f)(sign * POINT), expected, rtol=1e-13)
    assert len(programs_kept()) == 2


def test_other_shapes_and_dtypes_are_other_kinds():
    for x in [POINT, POINT.astype(np.float32), np.append(POINT, 1.0)] * 5:
        (found,) = tg.hvp(lambda x: (x**3).sum(), (x,), (np.ones_like(x),))
        assert found.dtype == x.dtype
        np.testing.assert_allclose(found, 6 * x, rtol=1e-6)
    assert len(programs_kept()) == 3


def test_parameters_of_ops_are_compared_by_type_and_value():
    """1, True and 1.0 are equal and hash alike, and so are 0.0 and -0.0."""
    a, b = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    for keepdims, axis in itertools.product([False, True], [0, 1]):
        for _ in range(room.TIMES + 1):
            (found,) = tg.hvp(lambda x, k=keepdims, i=axis: ((x**2).sum(axis=i, keepdims=k) ** 2).sum(), (a,), (b,))
            total = (a * a).sum(axis=axis, keepdims=True)
            np.testing.assert_allclose(found, 4 * total * b + 8 * a * (a * b).sum(axis=axis, keepdims=True))
    assert len(programs_kept()) == 4


def test_results_are_the_callers_own():
    v = DIRECTION.copy()
    products = [tg.hvp(lambda x: 0.5 * (x * x).sum(), (POINT,), (v,))[0] for _ in range(6)]
    for n, product in enumerate(products):
        np.testing.assert_array_equal(product, v)
        assert not np.shares_memory(product, v)
        assert not any([np.shares_memory(product, other) for other in products[:n]])
        product += 1.0
    matrices = [tg.hessian(lambda x: (x * x[::-1]).sum())(POINT) for _ in range(6)]
    for matrix in matrices:
        np.testing.assert_array_equal(matrix, 2 * np.eye(3)[::-1])
        matrix[:] = 0.0


def test_numbers_and_variables_without_influence():
    for n in range(1, 6):
        xs = (float(n), POINT, np.ones((2, 2)))
        a, b, c = tg.hvp(lambda x, y, z: x**3 * 2.0, xs, (1.0, DIRECTION, np.ones((2, 2))))
        assert type(a) is float
        assert a == 12.0 * n
        np.testing.assert_array_equal(b, np.zeros(3))
        np.testing.assert_array_equal(c, np.zeros((2, 2)))
    assert len(programs_kept()) == 1


def test_the_shape_of_a_variable_without_influence_counts():
    for shape in [(2,), (3,)] * (room.TIMES + 1):
        found = tg.hessian(lambda x, y: x**2, (0, 1))(2.0, np.ones(shape))
        assert found[1][1].shape == (*shape, *shape)


def test_an_op_of_ones_own_is_always_swept():
    calls = []

    def rule(g, y, x):
        calls.append(1)
        return g * 3.0 * x * x

    cube = tg.op("cube of my own", lambda x: x**3, rule)
    for _ in range(6):
        np.testing.assert_allclose(tg.hessian(lambda x: cube(x).sum())(POINT), np.diag(6 * POINT))
    assert not programs_kept()
    assert len(calls) >= 6


def test_debugging_still_finds_what_is_not_finite():
    hessian = tg.hessian(lambda x: np.log(x).sum())
    for _ in range(room.TIMES + 2):
        hessian(np.array([1.0, 2.0]))
    assert programs_kept()
    with tg.debug(), pytest.raises(tg.NotFinite, match="log"), np.errstate(divide="ignore"):
        hessian(np.array([1.0, 0.0]))
    root = tg.hessian(lambda x: np.sqrt(x).sum())  # finite itself at 0, but not its derivative
    for _ in range(room.TIMES + 2):
        root(np.array([1.0, 2.0]))
    with tg.debug(), pytest.raises(tg.NotFinite, match="sqrt"), np.errstate(divide="ignore"):
        root(np.array([1.0, 0.0]))


def test_what_the_function_has_computed_is_not_computed_again():
    for _ in range(room.TIMES + 1):
        tg.hessian(lambda x: np.exp(x).sum())(POINT)
    (program,) = programs_kept()
    assert np.exp not in [step.fn for step in program.program.steps]


def test_a_constant_function_is_a_kind_too():
    for _ in range(room.TIMES + 2):
        np.testing.assert_array_equal(tg.hessian(lambda x: 3.0)(POINT), np.zeros((3, 3)))
    assert len(programs_kept()) == 1


def test_where_a_rule_decides_otherwise_the_graph_is_swept(monkeypatch):
    for _ in range(room.TIMES + 1):
        tg.hessian(wave)(POINT)

    def undecided(*_):
        raise room.Undecided(0, True)

    monkeypatch.setattr(Tape, "replay", undecided)
    np.testing.assert_array_equal(tg.hessian(wave)(POINT), swept(tg.hessian(wave), POINT))


def test_where_a_number_of_python_would_raise_the_result_says_inf():
    curvature = tg.hessian(lambda x: 1.0 / x)
    for _ in range(room.TIMES + 2):
        assert curvature(2.0) == 0.25
    with np.errstate(all="ignore"):
        assert np.isinf(curvature(0.0)) or np.isnan(curvature(0.0))
        assert repr(curvature(0.0)) == repr(swept(curvature, 0.0))


def test_inside_other_transforms_and_programs():
    def trace_of_hessian(x):
        return tg.hessian(lambda y: (y**4).sum())(x).sum()

    compiled = tg.compile(trace_of_hessian)
    for n in range(1, 6):
        np.testing.assert_allclose(tg.grad(trace_of_hessian)(n * POINT), 24 * n * POINT)
        np.testing.assert_allclose(trace_of_hessian(n * POINT), (12 * (n * POINT) ** 2).sum())
        np.testing.assert_allclose(compiled(n * POINT), (12 * (n * POINT) ** 2).sum())


def test_only_so_many_kinds_are_remembered_and_the_last_seen_stay():
    def product(n):
        return tg.hvp(lambda x: (x**2).sum(), (np.ones(n),), (np.ones(n),))

    for n in range(1, 2 * room.KINDS):
        product(n)
        product(1)
    assert len(room._kinds) == room.KINDS
    assert len(programs_kept()) == 1


def test_a_large_graph_is_swept(monkeypatch):
    monkeypatch.setattr(room, "LARGEST", 100)
    for n in (10, 200):
        for _ in range(room.TIMES + 1):
            tg.hvp(lambda x: (x**2).sum(), (np.ones(n),), (np.ones(n),))
    assert len(programs_kept()) == 1
    for _ in range(room.TIMES + 1):  # as many sweeps as entries
        tg.hessian(lambda x: (x**2).sum())(np.ones(10))
    assert len(programs_kept()) == 1


def test_many_threads_share_the_programs():
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(40):
            x = rng.standard_normal(3)
            if not np.allclose(tg.hessian(lambda x: (x**3).sum())(x), np.diag(6 * x), rtol=1e-12):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(programs_kept()) == 1


def test_a_rule_that_cannot_be_recorded_is_left_to_the_sweeps(monkeypatch):
    def refuse(*_):
        raise TypeError("it looks at its numbers")

    monkeypatch.setattr(room, "_program", refuse)
    for _ in range(room.TIMES + 3):
        np.testing.assert_allclose(tg.hessian(wave)(POINT), swept(tg.hessian(wave), POINT))
    assert None in room._kinds.values()


@pytest.mark.parametrize("recorded", [3.0, 0.0])
def test_an_exponent_that_changes_keeps_the_convention_at_zero(recorded):
    """The rule of a power asks whether a constant exponent is zero; that is a question anew at each call."""
    exponent = [recorded]

    def f(x):
        return (x ** exponent[0]).sum()

    x, v = np.array([0.0, 2.0]), np.ones(2)
    for _ in range(room.TIMES + 1):
        tg.hvp(f, (x,), (v,))
    expected = {3.0: [0.0, 12.0], 2.0: [2.0, 2.0], 1.0: [0.0, 0.0], 0.0: [0.0, 0.0]}
    for exponent[0], second in expected.items():
        np.testing.assert_array_equal(tg.hvp(f, (x,), (v,))[0], second)
