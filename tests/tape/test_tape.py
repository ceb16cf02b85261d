"""tg.compile: a compiled function gives what the function gives, for every op, activation and cost, to second order."""

import gc
import sys
import threading
import tracemalloc

import numpy as np
import numpy_rows  # noqa: F401 # adds its rows to the table
import pytest
from op_table import ROWS, Row
from test_ops import space_of, weighted

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.ops.linalg import LARGE_PRODUCT
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs
from tinygrad_ed.tape.program import interpreted
from tinygrad_ed.tape.replay import LARGE
from tinygrad_ed.tape.traced import Traced

NOT_IN_A_PROGRAM = {
    "interp": "positions from plain numbers",
    "nanmedian": "counts decide how far it sorts",
    "nanquantile": "counts decide how far it sorts",
    "nanpercentile": "counts decide how far it sorts",
    "piecewise": "shapes depend on numbers",
    "polydiv": "leading zeros are cut off",
    "polymul": "leading zeros are cut off",
}
"""Functions of the table that turn numbers into Python integers: they are refused, and little else is."""

X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
W = np.array([[0.2, -0.4, 0.1], [0.3, 0.7, -0.6]])
B = np.array([0.1, -0.2, 0.3])
Y = np.array([[0.5, 0.1, -0.2], [0.0, 1.0, 0.3], [0.2, 0.2, 0.9]])


def equal(found, expected, rtol=1e-12):
    """The same nesting, shapes and numbers; to the last bits where no sum is taken in another order."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 10)


def layer(p, x):
    return np.tanh(x @ p["W"] + p["b"])


def cost(p, x, y):
    return (0.5 * np.square(layer(p, x) - y)).sum() / len(x)


def shifted(xs):
    return [x * 0.999 for x in xs]


def refused(row: Row) -> bool:
    return row.op in NOT_IN_A_PROGRAM or row.note == "(A)"  # the order in memory


def by_name(rows):
    """One row of each op."""
    return list({row.op: row for row in rows}.values())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_compiled_gradient_of_every_op_is_the_gradient(row):
    f = tg.value_and_grad(weighted(row), tuple(range(len(row.shapes))))
    xs = row.arguments()
    compiled = compile(f)
    try:
        first = compiled(*xs)
    except (tg.GraphDropped, tg.InvalidValue):
        assert refused(row)
        return
    equal(first, f(*xs))
    equal(compiled(*shifted(xs)), f(*shifted(xs)))  # a replay at another point


@pytest.mark.parametrize("row", by_name([row for row in ROWS if not refused(row)]), ids=str)
def test_compiled_jacobians_and_second_derivatives_are_those_of_the_op(row):
    xs, places = row.arguments(), tuple(range(len(row.shapes)))
    space = space_of(row)
    jacobian = tg.jacobian(lambda *xs: row.call(space, *xs), places)
    first = tg.grad(weighted(row), places)
    second = tg.grad(lambda *xs: sum([np.sum(g * g) for g in first(*xs)]), places)
    for f in (jacobian, second):
        compiled = compile(f)
        equal(compiled(*xs), f(*xs), 1e-9)
        equal(compiled(*shifted(xs)), f(*shifted(xs)), 1e-9)


@pytest.mark.parametrize("activation", sorted(tg.nn.activations.NAMES))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_activation_compiles_on_arrays_and_on_single_numbers(activation, dtype):
    phi = tg.nn.activations.find(activation)
    f = tg.value_and_grad(lambda x: phi(x).sum())
    compiled = compile(f)
    for x in (X, -3.0 * X, 100.0 * X):
        equal(compiled(x.astype(dtype)), f(x.astype(dtype)), 1e-6 if dtype is np.float32 else 1e-12)
    g = tg.value_and_grad(phi)
    of_number = compile(g)
    for x in (0.7, -0.7, 0.0, 40.0):
        equal(of_number(x), g(x))


@pytest.mark.parametrize("name", sorted(tg.nn.costs.NAMES))
def test_every_cost_compiles_with_labels_as_arguments(name):
    expected = {"logistic": np.sign(Y - 0.15), "hinge": np.sign(Y - 0.15), "cross_entropy": np.array([2, 0, 1])}.get(
        name, Y
    )
    chosen = tg.nn.costs.find(name)
    f = tg.value_and_grad(lambda p, x, y: chosen(layer(p, x), y))
    compiled = compile(f)
    for x in (X, 2.0 * X):
        equal(compiled({"W": W, "b": B}, x, expected), f({"W": W, "b": B}, x, expected))


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


def test_views_subclasses_and_arrays_in_column_order_are_taken_as_they_are():
    f = tg.grad(cost)
    compiled = compile(f)
    p = {"W": W, "b": B}
    for x in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.view(type("Mine", (np.ndarray,), {}))):
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


def test_factors_are_not_joined_where_the_product_would_overflow():
    for c in (2.0**600, 2.0**-600):
        compiled = compile(lambda x, c=c: c * (c * x))
        x = np.array([1.0 / c, 1.0])
        with np.errstate(over="ignore", under="ignore"):
            equal(compiled(x), c * (c * x))


def test_column_order_is_kept():
    def f(x):
        y = 2.0 * x
        return np.reshape(y, (2, 3), order="F"), np.ravel(y, "F"), y.reshape(6, order="F"), np.ravel(y)

    compiled = compile(f)
    for x in (X, np.asfortranarray(X)):
        equal(compiled(x), f(x))


def test_parts_of_a_division_are_recorded():
    equal(compile(lambda x: (*divmod(x, 0.4), *divmod(2.0, x)))(1.5), (*divmod(1.5, 0.4), *divmod(2.0, 1.5)))


def test_a_node_can_be_shown_while_a_function_is_recorded():
    def f(x):
        node = tg.Node(x) * 2.0
        assert "op='multiply'" in repr(node)
        return node * 1.0

    assert compile(f)(1.5) == 3.0


def test_results_belong_to_the_caller():
    compiled = compile(lambda x: (x, x.T, np.tanh(x), np.tanh(x), B))
    first = compiled(X)
    kept = [np.array(y) for y in first]
    for y in first:
        assert not np.shares_memory(y, X)
        y += 1.0
    equal(compiled(X), kept)
    assert not np.shares_memory(first[2], first[3])
    assert B[0] == 0.1


def test_large_results_take_turns_only_when_the_caller_has_let_go():
    compiled = compile(lambda x: x * 2.0)
    x = np.arange(LARGE / 8.0)
    kept = [compiled(x + k) for k in range(6)]
    views = [compiled(x + k)[:3] for k in range(6)]
    for k in range(6):
        np.testing.assert_array_equal(kept[k], 2 * (x + k))
        np.testing.assert_array_equal(views[k], 2 * (x + k)[:3])


def test_a_product_that_becomes_a_result_is_written_over_only_if_nobody_else_reads_it():
    def f(x, w, rate):
        product = x.T @ x
        other = x.T @ (x * 2.0)
        return w - rate * product, other, w + other, np.tanh(product)

    compiled = compile(f)
    w = np.arange(4.0).reshape(2, 2)
    for x in (X, 2.0 * X):
        equal(compiled(x, w, 0.1), f(x, w, 0.1))


def test_a_factor_goes_to_the_smaller_side_of_a_product():
    compiled = compile(lambda x, y, rate: rate * (x.T @ y))
    x, y = np.arange(40.0).reshape(2, 20), np.arange(20.0).reshape(2, 10)
    equal(compiled(x, y, 0.3), 0.3 * (x.T @ y))
    assert "rate * y" in compiled.source()

    def shared(x, y, rate):
        product = x.T @ y
        return product, rate * product

    both = compile(shared)
    equal(both(x, y, 0.3), shared(x, y, 0.3))
    assert both.source().count("@") == 1  # made once, as the function says


def test_where_no_sum_is_reordered_the_bits_are_the_same():
    def f(x):
        signs = x * np.array([0.0, -0.0]), x * 0.0, x * -0.0
        return 0.1 * (0.3 * x), 0.5 * (0.3 * x), *signs, x / 3.0 * 3.0, np.tanh(x) ** 2, x @ x.T

    compiled = compile(f)
    for x in (X, np.random.default_rng(0).standard_normal((3, 2))):
        for found, expected in zip(compiled(x), f(x), strict=True):
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("columns", [3, 200])  # a product below and above LARGE_PRODUCT entries
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrix_products_are_made_by_the_function_that_made_them_eagerly(columns, dtype):
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((200, 5)).astype(dtype), rng.standard_normal((5, columns)).astype(dtype)

    def f(x, weights):
        return np.tanh(x @ weights).sum()

    compiled = compile(tg.value_and_grad(f, (0, 1)))
    value, gradients = tg.value_and_grad(f, (0, 1))(x, weights)
    for _ in range(2):  # recorded, then replayed
        found, of = compiled(x, weights)
        assert found == value
        assert [g.tobytes() for g in of] == [g.tobytes() for g in gradients]
    large = 200 * columns >= LARGE_PRODUCT
    assert ("np.matmul" in compiled.tape.text) == large  # the others are small in any case


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


def test_a_product_with_a_vector_or_of_a_stack_is_not_turned():
    def f(a, v):
        return (a @ v).T * 2.0, (v @ a).T + 1.0

    a = np.arange(27.0).reshape(3, 3, 3)
    compiled = compile(f)
    for v in (np.zeros(3), np.array([1.0, -2.0, 0.5])):
        equal(compiled(a, v), f(a, v))


def test_of_two_repeated_operands_none_loses_its_shape():
    def f(x, y, r):
        both = np.broadcast_to(x, (2, 1, 3)) + np.broadcast_to(y, (2, 1, 3))
        return both.sum(axis=0), 1.0 / r

    compiled, ones = compile(f), np.ones((1, 3))
    equal(compiled(ones, ones, 2.0), f(ones, ones, 2.0))
    with np.errstate(divide="ignore"):
        found, infinite = compiled(ones, ones, 0.0)
    equal(found, np.array([[4.0, 4.0, 4.0]]))
    assert infinite == np.inf
    space = {"np": np}
    exec(compiled.source(), space)  # noqa: S102  # that it can be executed is what is tested
    equal(space["f"](ones, ones, 2.0), f(ones, ones, 2.0))


def test_reuse_hands_out_the_buffers_themselves():
    compiled = compile(lambda x: np.tanh(x) * 2.0, reuse=True)
    first = compiled(X)
    assert compiled(2.0 * X) is first
    equal(first, np.tanh(2.0 * X) * 2.0)


@pytest.mark.parametrize("reuse", [False, True])
def test_a_replay_makes_no_node_and_allocates_nothing_but_its_results(reuse):
    rng = np.random.default_rng(0)
    p = {"W": rng.standard_normal((100, 200)), "b": np.zeros(200)}
    x, y = rng.standard_normal((400, 100)), rng.standard_normal((400, 200))
    compiled = compile(tg.value_and_grad(cost), reuse=reuse)
    compiled(p, x, y)
    held = [compiled(p, x, y) for _ in range(2)]
    before = tg.Node(0.0).id
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = compiled(p, x, y)
        peak = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
    assert tg.Node(0.0).id == before + 1
    # NumPy has a buffer of 8192 numbers while it broadcasts; one array on the way has 80,000.
    assert peak < (0 if reuse else p["W"].nbytes + p["b"].nbytes) + 8192 * 8 + 3000
    equal(result, held[0])


def test_an_array_program_runs_without_the_interpreter_and_both_agree():
    compiled = compile(tg.value_and_grad(cost))
    compiled({"W": W, "b": B}, X, Y)
    program = compiled.tape.program
    entries = interpreted(program, [W, B, X, Y])
    equal(entries, leaves(compiled({"W": W, "b": B}, X, Y)), 1e-12)


def test_numbers_that_python_refuses_are_left_to_numpy():
    inverse, growth = compile(lambda x: 1.0 / x), compile(tg.value_and_grad(tg.exp))
    assert inverse(2.0) == 0.5
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert inverse(0.0) == np.inf
    assert growth(1.0) == (np.e, np.e)
    with pytest.warns(RuntimeWarning, match="overflow"):
        value, slope = growth(1e4)
    assert (value, slope) == (np.inf, np.inf)
    assert type(slope) is float


def test_a_mask_of_numbers_is_part_of_the_program():
    f = tg.value_and_grad(lambda x: np.where(x > 0, x * x, -x).sum())
    compiled = compile(f)
    of_number = compile(tg.grad(lambda x: tg.where(x > 0, x * x, -x)))
    for sign in (1.0, -1.0):
        equal(compiled(sign * X), f(sign * X))
        assert of_number(sign * 3.0) == (6.0 if sign > 0 else -1.0)


def test_positions_of_numbers_are_part_of_the_program():
    f = tg.value_and_grad(lambda x: (np.sort(x) * np.arange(3.0)).sum() + x.value[np.argmax(x)] * x[0])
    compiled = compile(f)
    for x in (B, B[::-1].copy(), -B):
        equal(compiled(x), f(x))


def test_a_constant_array_can_be_read_at_recorded_positions():
    table = np.arange(12.0).reshape(4, 3)
    compiled = compile(lambda x, labels: (tg.take(table, labels, axis=0) * x).sum())
    for labels in (np.array([0, 3]), np.array([2, 2])):
        equal(compiled(B, labels), (table[labels] * B).sum())


def test_what_leaves_the_graph_stays_in_the_program():
    f = tg.grad(lambda x: (tg.stop_gradient(x) * x + np.sign(x) * x.value).sum())
    compiled = compile(f)
    equal(compiled(X), f(X))
    equal(compiled(-3.0 * X), f(-3.0 * X))


def test_a_function_may_use_the_methods_of_nodes():
    compiled = compile(lambda x, y: (x.relu() * y.sigmoid() + x.tanh().exp() - (y * y + 1.0).log()).sum())
    for x in (X, -2.0 * X):
        node = tg.Node(x)
        expected = (node.relu() * node.sigmoid() + node.tanh().exp() - (node * node + 1.0).log()).sum()
        equal(compiled(x, x), expected.item())
    assert compile(lambda x: x.relu())(-1.0) == 0.0
    with pytest.raises(AttributeError, match="nothing"):
        compile(lambda x: x.nothing)(X)


def test_second_order_transforms_compile():
    def f(x):
        return (np.tanh(x) ** 3).sum()

    for g in (
        tg.hessian(f),
        tg.grad(lambda x: (tg.grad(f)(x) ** 2).sum()),
        tg.elementwise_grad(tg.elementwise_grad(np.tanh)),
    ):
        compiled = compile(g)
        compiled(X)
        equal(compiled(2.0 * X), g(2.0 * X))
    product = compile(lambda x, v: tg.hvp(f, (x,), (v,)))
    product(X, X)
    equal(product(2.0 * X, X), tg.hvp(f, (2.0 * X,), (X,)))
    slope = compile(tg.grad(tg.grad(lambda x: tg.sin(x) * x)))
    assert slope(0.3) == pytest.approx(tg.grad(tg.grad(lambda x: tg.sin(x) * x))(0.3), rel=1e-14)
    tangent = compile(lambda x, v: tg.jvp(np.tanh, (x,), (v,)))
    tangent(X, X)
    equal(tangent(2.0 * X, X), tg.jvp(np.tanh, (2.0 * X,), (X,)))


def test_a_whole_training_step_compiles():
    mlp = tg.nn.MLP([2, 4, 3], rng=0)

    def step(parameters, x, y, rate):
        def error(parameters):
            a = x
            for k in range(0, len(parameters), 2):
                a = np.tanh(a @ parameters[k] + parameters[k + 1])
            return tg.nn.costs.mse(a, y)

        value, slopes = tg.value_and_grad(error)(parameters)
        return value, [p - rate * g for p, g in zip(parameters, slopes, strict=True)]

    compiled = compile(step)
    plain = ours = [p.value for p in mlp.parameters()]
    for _ in range(5):
        value, plain = step(plain, X, Y, 0.1)
        found, ours = compiled(ours, X, Y, 0.1)
        equal((found, ours), (value, plain))


def test_inside_another_transform_a_compiled_function_is_the_function():
    inner = compile(lambda x: (x * x).sum())
    inner(X)
    equal(tg.grad(inner)(X), 2.0 * X)
    outer = compile(lambda x: inner(x) + 1.0)
    outer(X)
    assert outer(2.0 * X) == pytest.approx(4.0 * np.sum(X * X) + 1.0)
    logarithm = compile(tg.grad(lambda x: np.log(x).sum()))
    with tg.debug():
        equal(logarithm(np.abs(X)), 1.0 / np.abs(X))
        with pytest.raises(tg.NotFinite):
            logarithm(-np.abs(X))
    assert logarithm.tapes == {}


def test_threads_have_buffers_of_their_own():
    f = tg.grad(cost)
    compiled = compile(f)
    p = {"W": W, "b": B}
    wrong = []
    start = threading.Barrier(4)

    def work(k):
        expected = f(p, k * X, Y)
        start.wait()
        for _ in range(200):
            found = compiled(p, k * X, Y)
            if not all([np.array_equal(a, b) for a, b in zip(leaves(found), leaves(expected), strict=True)]):
                wrong.append(k)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert len(compiled.tapes) == 1


def test_a_recording_leaves_the_collector_as_it_was_and_no_garbage():
    gc.collect()
    assert gc.isenabled()
    compile(tg.grad(cost))({"W": W, "b": B}, X, Y)
    assert gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        before = sum([type(x) is Traced for x in gc.get_objects()])
        compiled = compile(tg.grad(cost))
        compiled({"W": W, "b": B}, X, Y)
        assert not gc.isenabled()
        kept = len(compiled.tape.program.steps) + len(compiled.tape.program.inputs)
        assert sum([type(x) is Traced for x in gc.get_objects()]) == before + kept
        del compiled
        assert sum([type(x) is Traced for x in gc.get_objects()]) == before
    finally:
        gc.enable()


@pytest.mark.parametrize("turned", [lambda x: x.T, lambda x: np.transpose(x), lambda x: np.swapaxes(x, 0, 1)])
def test_the_transpose_of_a_product_is_a_product_of_transposes(turned):
    constant = np.arange(4.0).reshape(2, 2) / 7.0
    for f in (
        lambda a, b: turned(a @ b) + 1.0,
        lambda a, b: turned(turned(b) @ turned(a)) * 2.0,
        lambda a, b: turned(a @ constant) + turned(a @ b),
    ):
        compiled = compile(f)
        compiled(X, W[:, :2])
        equal(compiled(2.0 * X, 3.0 * W[:, :2]), f(2.0 * X, 3.0 * W[:, :2]))
        products = [step for step in compiled.tape.program.steps if step.fn is np.matmul]
        moved = {x for step in compiled.tape.program.steps if step.fn in (np.transpose, np.swapaxes) for x in step.args}
        assert products
        assert not moved & set(products)


def test_a_product_that_is_read_twice_is_not_turned():
    compiled = compile(lambda a, b: [a @ b, (a @ b).T])
    compiled(X, W)
    equal(compiled(2.0 * X, W), [2.0 * X @ W, (2.0 * X @ W).T])
    assert sum([step.fn is np.matmul for step in compiled.tape.program.steps]) == 1


def test_what_is_repeated_only_to_fit_is_not_repeated():
    x, row = X, np.array([[2.0, -3.0]])
    for f in (
        lambda x, row: x * np.broadcast_to(row, (3, 2)),
        lambda x, row: np.broadcast_to(row, (3, 2)) - x,
        lambda x, row: x + np.broadcast_to(row.sum(), (3, 2)),
    ):
        compiled = compile(f)
        compiled(x, row)
        equal(compiled(2.0 * x, 3.0 * row), f(2.0 * x, 3.0 * row))
        assert np.broadcast_to not in [step.fn for step in compiled.tape.program.steps]


def test_what_is_repeated_stays_so_where_it_brings_the_shape_or_the_dtype():
    row = np.array([[2.0, -3.0]])
    for x in (np.float32(1.0) * np.ones((1, 2), np.float32), np.ones((3, 2), np.float32), np.ones((3, 1))):
        for f in (
            lambda x, row: x * np.broadcast_to(row, (3, 2)),
            lambda x, row: x * np.broadcast_to(row.sum(), (3, 2)),
        ):
            compiled = compile(f)
            compiled(x, row)
            equal(compiled(2.0 * x, row), f(2.0 * x, row))


def test_a_number_that_is_repeated_makes_float64_of_float32_as_in_numpy():
    def f(x, number):
        return x * np.broadcast_to(number, (3, 2))

    x = np.ones((3, 2), np.float32)
    compiled = compile(f)
    compiled(x, 2.0)
    equal(compiled(2.0 * x, 0.1), f(2.0 * x, 0.1))


def test_a_gradient_that_is_zero_but_for_rounding_is_no_random_draw():
    rng = np.random.default_rng(0)
    half, labels = rng.standard_normal((5, 3)), rng.standard_normal((5, 1))
    x, y = np.concatenate([half, -half]), np.concatenate([labels, labels])

    def descend(weights):
        return weights - 0.3 * tg.grad(lambda w: tg.nn.costs.mse(x @ w, y))(weights)

    assert np.abs(compile(descend)(np.zeros((3, 1)))).max() < 1e-16
    for seed in range(20):
        point = np.random.default_rng(seed).standard_normal(20).astype(np.float32)
        found = compile(tg.grad(lambda x: np.sum((x * 0.3) * x) / np.sum(x * x)))(point)
        assert np.abs(found).max() < 1e-6


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


def test_a_spread_of_equal_numbers_is_no_branch():
    f = tg.value_and_grad(lambda x: np.sum((x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1e-3) * X))
    compiled = compile(f)
    for x in (np.zeros((3, 2)), X, np.ones((3, 2)), X * 0.5):
        equal(compiled(x), f(x))


def test_a_number_of_numpy_keeps_its_dtype_as_an_array():
    for f in (lambda x: np.sum(x).reshape(-1), lambda x: np.reshape(np.sum(x), (1, 1)), lambda x: np.sum(x).ravel()):
        equal(compile(f)(X.astype(np.float32)), f(X.astype(np.float32)))
