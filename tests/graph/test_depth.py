"""Depth: where `backward` goes, everything goes. Nothing calls itself once for each node, or it says where it ends."""

import copy
import gc
import io
import itertools
import pickle
import time

import numpy as np
import pytest

import tinygrad_ed as tg

DEEP = 400_000
X = np.array([0.3, 0.2])


def chained(x, depth):
    """x (0.999 + 0.999^2 + ...), one step at a time."""
    y = x
    for _ in range(depth):
        y = y * 0.999 + x
    return y


def slope(depth):
    return (1 - 0.999 ** (depth + 1)) / (1 - 0.999)


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))  # noqa: S301  # our own


def pickled_by_python(thing):
    """The same in Python, where more of the machine's stack is used, and more of a list is asked for at once."""
    file = io.BytesIO()
    pickle._Pickler(file).dump(thing)
    file.seek(0)
    return pickle._Unpickler(file).load()


COPIES = {
    "pickle": pickled,
    "pickle, protocol 0": lambda thing: pickle.loads(pickle.dumps(thing, 0)),  # noqa: S301  # our own
    "pickle, protocol 2": lambda thing: pickle.loads(pickle.dumps(thing, 2)),  # noqa: S301  # our own
    "pickle in Python": pickled_by_python,
    "deepcopy": copy.deepcopy,
}
by_copy = pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)


# --- pickle and copy -------------------------------------------------------------------------------------------------


@by_copy
@pytest.mark.parametrize("depth", [1, 400, 5_000])
def test_a_chain_is_pickled_and_copied_and_can_be_swept(duplicate, depth):
    y = chained(tg.Node(0.5, name="x"), depth)
    again = duplicate(y)
    assert again is not y
    assert again.value == y.value
    again.backward()
    leaf = min(tg.graph.backward.walk(again), key=lambda node: node.id)
    assert (leaf.name, leaf.op) == ("x", None)
    assert leaf.grad == pytest.approx(slope(depth))
    assert y.grad is None


@pytest.mark.parametrize("duplicate", [pickled, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_it_goes_as_deep_as_backward(duplicate):
    x = tg.Node(0.5)
    again, leaf = duplicate([chained(x, DEEP // 2), x])
    again.backward()
    assert leaf.grad == pytest.approx(slope(DEEP // 2))


@by_copy
def test_what_is_shared_stays_shared_also_between_several_roots(duplicate):
    x, w = tg.Node(X, name="x"), tg.Node(2.0, name="w")
    hidden = np.tanh(w * x)
    y, z = np.square(hidden).sum(), np.prod(hidden)
    for order in ([y, x, w, z, hidden], [x, y, z, hidden, w], [hidden, z, x, w, y], [z, z, y, x, w, hidden]):
        again = dict(zip(order, duplicate(order), strict=True))
        y2, z2, x2, w2, hidden2 = [again[node] for node in (y, z, x, w, hidden)]
        assert y2.args[0].args[0] is z2.args[0] is hidden2
        assert hidden2.args[0].args[0] is w2
        assert hidden2.args[0].args[1] is x2
        for root, root2 in ((y, y2), (z, z2)):
            root.backward()
            root2.backward()
            np.testing.assert_array_equal(x2.grad, x.grad)
            assert w2.grad == w.grad


@by_copy
@pytest.mark.parametrize("turn", [1, -1])
def test_a_list_of_all_nodes_of_a_chain_is_one_graph_and_takes_no_more_than_its_last_node(duplicate, turn):
    chain = [tg.Node(0.5)]
    for _ in range(3_000):
        chain.append(chain[-1] * 0.999)
    assert len(pickle.dumps(chain[::turn])) < 1.2 * len(pickle.dumps(chain[-1]))
    again = duplicate(chain[::turn])[::turn]
    assert all([b.args[0] is a for a, b in itertools.pairwise(again)])
    ids = [node.id for node in again]
    assert ids == sorted(ids)


def test_a_pickler_that_is_kept_does_not_make_others_call_themselves():
    y = chained(tg.Node(0.5), 3_000)
    kept = pickle.Pickler(io.BytesIO())
    kept.dump(y)
    for root in (y, y * 2.0, y.args[0]):
        for duplicate in COPIES.values():
            assert duplicate(root).value == root.value
    kept.dump([y, y * 2.0])


def test_size_and_time_are_linear():
    def cost(depth):
        y = chained(tg.Node(0.5), depth)
        began = time.process_time()
        text = pickle.dumps(y)
        pickle.loads(text)  # noqa: S301  # our own
        copy.deepcopy(y)
        return len(text), time.process_time() - began

    cost(10)
    (size, seconds), (larger, longer) = cost(2_000), cost(20_000)
    assert larger < 11 * size
    assert longer < 40 * max(seconds, 1e-3)  # 10 times, on a quiet machine; 100 times if each node looked at all others


def test_after_a_pickle_that_failed_the_next_one_goes_as_deep():
    x = tg.Node(0.5)
    own = tg.Op("not registered", lambda x: x, (lambda g, y, x: g,))
    y = chained(x, 2_000)
    z = own(y)
    for duplicate in (pickled, copy.deepcopy, pickled):
        if duplicate is pickled:
            with pytest.raises(tg.InvalidType, match="cannot be pickled"):
                duplicate([z, y])
        assert duplicate(y).value == y.value


def test_a_leaf_with_a_new_value_is_newer_than_the_graph_in_a_copy_as_well():
    x, w = tg.Node(2.0), tg.Node(3.0)
    y = x * w
    x.value = 5.0
    z = x * w
    for duplicate in (pickled, copy.deepcopy):
        for order in ((y, z, x), (z, y, x), (x, z, y)):
            again = dict(zip(order, duplicate(order), strict=True))
            with pytest.raises(tg.StaleGraph):
                again[y].backward()
            again[z].backward()
            assert again[x].grad == 3.0
    with pytest.raises(tg.StaleGraph):
        copy.copy(y).backward()


def test_a_shallow_copy_has_the_same_inputs_and_is_newer():
    x = tg.Node(2.0, name="x")
    y = chained(x, 3)
    y.name = "y"
    again = copy.copy(y)
    assert again is not y
    assert (again.args, again.op, again.name, again.value) == (y.args, y.op, "y", y.value)
    assert again.id > y.id
    again.backward()
    assert x.grad == pytest.approx(slope(3))


def test_gradients_names_parameters_and_dtypes_come_along():
    x = tg.Node(np.ones((2, 3), np.float32), name="x")
    y = np.concatenate([np.sum(x, axis=0), x[0, ::2]])
    y.backward(np.ones(5))
    for duplicate in COPIES.values():
        x2, y2 = duplicate([x, y])
        np.testing.assert_array_equal(x2.grad, x.grad)
        assert (x2.dtype, x2.name, y2.op) == (np.float32, "x", y.op)
        assert y2.args[0].params == {"axis": 0}
        y2.backward(np.arange(5.0))
        np.testing.assert_array_equal(x2.grad, tg.gradients(y, x, np.arange(5.0)))


def test_a_network_in_the_middle_of_its_training_is_copied_with_its_graph():
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    cost = tg.nn.costs.mse(mlp(np.ones((4, 2))), np.zeros((4, 1)))
    for duplicate in (pickled, copy.deepcopy):
        mlp2, cost2 = duplicate((mlp, cost))
        cost2.backward()
        cost.backward()
        for p, p2 in zip(mlp.parameters(), mlp2.parameters(), strict=True):
            assert p is not p2
            np.testing.assert_array_equal(p2.grad, p.grad)
            p2.value = 0.0 * p2.value
        assert np.any(mlp.predict(np.ones((1, 2))) != mlp2.predict(np.ones((1, 2))))


def test_a_graph_whose_derivative_was_found_by_differences_says_why_it_is_not_pickled():
    def plain_rule(g, y, x):
        d = g.copy()
        d[x <= 0] = 0
        return d

    op = tg.op("own relu, pickled", lambda x: np.maximum(x, 0.0), plain_rule)
    x = tg.Node(X)
    slopes = tg.gradients(op(x * x).sum(), x, create_graph=True)
    with pytest.raises(
        tg.InvalidType, match=r"\"own relu, pickled'\" cannot be pickled: it takes differences of a rule"
    ):
        pickle.dumps(slopes)
    assert copy.deepcopy(slopes).shape == (2,)


# --- everything else that goes through a graph -----------------------------------------------------------------------


def of_arrays(depth):
    return lambda x: chained(x, depth).sum()


def under_debug(f):
    with tg.debug():
        return f()


ROADS = {
    "repr": lambda n: repr(chained(tg.Node(0.5), n)),
    "format": lambda n: f"{chained(tg.Node(0.5), n)} {chained(tg.Node(0.5), n):.3f}",
    "backward": lambda n: chained(tg.Node(0.5), n).backward(),
    "gradients": lambda n: tg.gradients(chained(x := tg.Node(0.5), n), x, create_graph=True),
    "grad": lambda n: tg.grad(lambda x: chained(x, n))(0.5),
    "grad of grad": lambda n: tg.grad(tg.grad(lambda x: chained(x, n)))(0.5),
    "jvp": lambda n: tg.jvp(lambda x: chained(x, n), (0.5,), (1.0,)),
    "hvp": lambda n: tg.hvp(of_arrays(n), (X,), (X,)),
    "jacobian": lambda n: tg.jacobian(lambda x: chained(x, n))(X),
    "hessian": lambda n: tg.hessian(of_arrays(n))(X),
    "check_grads": lambda n: tg.check_grads(lambda x: chained(x, n), 0.5),
    "compile": lambda n: tg.compile(tg.grad(lambda x: chained(x, n)))(0.5),
    "compile, of arrays": lambda n: tg.compile(tg.grad(of_arrays(n)))(X),
    "source": lambda n: _source(n),
    "debug": lambda n: under_debug(lambda: tg.hessian(of_arrays(n))(X)),
    "trace": lambda n: tg.draw.trace(chained(tg.Node(0.5), n)),
    "trace, fresh": lambda n: tg.draw.trace(chained(tg.Node(0.5), n), fresh=True),
    "compare": lambda n: str(tg.draw.trace(chained(tg.Node(0.5), n)).compare(tg.draw.trace(chained(tg.Node(0.6), n)))),
    "let go": lambda n: (chained(tg.Node(0.5), n), None)[1] or gc.collect(),
    "copy": lambda n: copy.copy(chained(tg.Node(0.5), n)),
}


def _source(n):
    step = tg.compile(tg.grad(lambda x: chained(x, n)))
    step(0.5)
    return step.source(), str(step)


@pytest.mark.parametrize("depth", [400, 5_000])
@pytest.mark.parametrize("road", ROADS)
def test_every_road_through_a_graph_goes_deep(road, depth):
    ROADS[road](depth)


def test_a_trace_of_a_deep_graph_is_written_and_read_and_drawn(tmp_path):
    y = chained(tg.Node(0.5), 2_000)
    tg.draw.trace(y).save(tmp_path / "deep.json")
    assert len(tg.draw.Trace.load(tmp_path / "deep.json").nodes) == len(tg.draw.trace(y).nodes)
    tg.draw.graph(y).save(tmp_path / "deep.dot")
    with pytest.raises(tg.InvalidValue, match="the player takes at most"):
        tg.draw.player(y)


@pytest.mark.parametrize("road", ["backward", "let go", "copy"])
def test_the_quick_ones_go_as_deep_as_anybody_wants(road):
    ROADS[road](DEEP // 2)


def test_an_op_of_ones_own_may_be_in_a_deep_graph_as_often_as_one_likes():
    def plain_rule(g, y, x):
        d = g.copy()
        d[:] = 0.999 * g
        return d

    shrink = tg.op("own shrink", lambda x: 0.999 * x, plain_rule)

    def f(x):
        for _ in range(300):
            x = shrink(x)
        return x

    np.testing.assert_allclose(tg.jacobian(f)(X), 0.999**300 * np.eye(2))
    np.testing.assert_allclose(tg.jvp(f, (X,), (X,))[1], 0.999**300 * X)
    np.testing.assert_allclose(tg.hvp(lambda x: np.sum(f(x) ** 2), (X,), (X,))[0], 2 * 0.999**600 * X)


# --- nested arguments ------------------------------------------------------------------------------------------------


def nest(depth, kind):
    tree = 2.0
    for _ in range(depth):
        tree = {"a": tree} if kind is dict else kind([tree])
    return tree


def innermost(tree):
    while isinstance(tree, list | tuple | dict):
        tree = tree["a"] if isinstance(tree, dict) else tree[0]
    return tree


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_arguments_may_be_nested_to_some_depth_and_deeper_ones_are_refused(kind):
    f = tg.grad(lambda t: innermost(t) ** 3)
    assert innermost(f(nest(250, kind))) == 12.0
    for depth in (400, 900, 100_000):
        tree = nest(depth, kind)
        for call in (
            lambda tree: tg.grad(lambda t: innermost(t) ** 3)(tree),
            lambda tree: tg.jacobian(lambda t: innermost(t) ** 3)(tree),
            lambda tree: tg.jvp(lambda t: innermost(t) ** 3, (tree,), (tree,)),
            lambda tree: tg.check_grads(lambda t: innermost(t) ** 3, tree),
            lambda tree: tg.compile(lambda t: innermost(t) * 2.0)(tree),
            lambda tree: tg.vjp(lambda x: tree, 1.0),
        ):
            with pytest.raises(tg.InvalidType, match="nested more than 300 levels deep, or one of them holds itself"):
                call(tree)


def test_a_list_that_holds_itself_is_refused():
    loop = [1.0]
    loop.append(loop)
    with pytest.raises(tg.InvalidType, match="holds itself"):
        tg.grad(lambda t: t[0])(loop)
    with pytest.raises(tg.InvalidType, match="holds itself"):
        tg.array([tg.Node(1.0), loop])
    with pytest.raises(tg.InvalidValue, match=r"cannot make one array of \[\[\[\[\[\["):
        tg.Node(nest(2_000, list))
