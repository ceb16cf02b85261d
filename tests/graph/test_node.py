"""What a Node is: how it is made, what it holds and gives out, its truth and its hash (contract: "Values")."""

import copy
import pickle

import numpy as np
import pytest
from node_arrays import MATRIX, VECTOR

import tinygrad_ed as tg
from tinygrad_ed import Node

# --- construction ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", [2, 2.0, np.float64(2), np.float32(2), np.int8(2), np.uint64(2), np.array(2), np.array(2.0)]
)
def test_a_number_becomes_a_float(number):
    x = Node(number)
    assert (type(x.value), x.value, x.shape, x.ndim, x.size, x.dtype) == (float, 2.0, (), 0, 1, np.float64)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2, 3], np.float64),
        ((1.0, 2.0), np.float64),
        (np.arange(3, dtype=np.int32), np.float64),
        (np.arange(3, dtype=np.uint8), np.float64),
        (np.ones(2, np.float32), np.float32),
        (np.ones((2, 3)), np.float64),
        (range(4), np.float64),
        ([[1, 2], [3, 4.5]], np.float64),
        ([], np.float64),
        (np.ones((0, 3)), np.float64),
    ],
)
def test_an_array_like_becomes_a_float_array_and_float32_stays(value, dtype):
    x = Node(value)
    assert (x.dtype, x.shape, x.ndim, x.size) == (dtype, np.shape(value), np.ndim(value), np.size(value))
    np.testing.assert_array_equal(x.value, np.asarray(value, float))


def test_the_array_is_copied():
    mine = np.ones(3)
    x = Node(mine)
    mine[0] = 9.0
    np.testing.assert_array_equal(x.value, np.ones(3))


@pytest.mark.parametrize(
    ("value", "lesson"),
    [
        (True, r"not bool \(True\): write 1.0 and 0.0"),
        (np.array([True]), "not bool .*keep the mask outside"),
        (1j, "not complex128 .*the real and the imaginary part"),
        (np.ones(2, complex), "not complex128"),
        ("1.5", "not <U3 .*turn text into numbers"),
        (["a", "b"], "turn text into numbers"),
        (b"1", "turn text into numbers"),
        (None, "not object .*give numbers"),
        (object(), "not object"),
        ({"a": 1}, "not object"),
        (np.array(["2020-01-01"], "M8[D]"), "not datetime64"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), "a masked array would lose its mask"),
    ],
)
def test_what_is_not_a_real_number_is_refused_with_a_lesson(value, lesson):
    for make in (Node, lambda v: tg.grad(lambda x: x)(v)) if not isinstance(value, dict | list) else (Node,):
        with pytest.raises(tg.InvalidType, match=lesson) as caught:
            make(value)
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, tg.Error)


def test_ragged_lists_and_nodes_are_refused():
    with pytest.raises(tg.InvalidValue, match="cannot make one array of"):
        Node([[1.0], [1.0, 2.0]])
    with pytest.raises(tg.GraphDropped, match=r"Node\(1.0\) would become a plain number .*node.value"):
        Node(Node(1.0))
    with pytest.raises(tg.GraphDropped, match=r"tg.array\(\[...\]\)"):
        Node([Node(1.0), 2.0])


def test_a_leaf_has_no_past():
    x = Node(0.6, name="x")
    assert (x.op, x.args, x.parents, x.grad, x.name) == (None, (), (), None, "x")


def test_a_result_knows_its_op_its_inputs_in_order_and_its_parents():
    x, y = Node(2.0), Node(VECTOR)
    z = x * y
    assert z.op.name == "multiply"
    assert z.args[0] is x
    assert z.args[1] is y
    w = 3 - x
    assert w.op.name == "subtract"
    assert w.args[0] == 3.0
    assert type(w.args[0]) is float
    assert w.parents == (x,)
    square = x * x
    assert len(square.parents) == 2
    assert square.parents[0] is square.parents[1] is x


def test_ids_are_the_order_of_creation():
    x = Node(1.0)
    y = x + 1
    z = y * x
    assert x.id < y.id < z.id


def test_a_name_can_be_given_later():
    x = Node(1.0)
    y = x + 1
    y.name = "y"
    assert (y.name, repr(y)) == ("y", "Node(2.0, op='add', name='y')")
    y.name = None
    assert (y.name, repr(y)) == (None, "Node(2.0, op='add')")
    with pytest.raises(tg.InvalidType, match="a Node's name is text, not 3"):
        y.name = 3
    with pytest.raises(tg.InvalidType, match="a Node's name is text, not 3"):
        Node(1.0, name=3)


def test_the_parameters_of_an_op_are_kept_beside_its_inputs():
    x = Node(MATRIX)
    assert [y.params for y in (x, x + x, x.sum(), x.sum(axis=0), x[0])] == [None, None, None, {"axis": 0}, {"index": 0}]
    three = tg.where(MATRIX > 1, x, 0.0)
    again = pickle.loads(pickle.dumps(tg.concatenate([x.sum(axis=0), three[0]])))  # noqa: S301  # our own
    total = tg.op("variadic_total", lambda *xs: sum(xs), lambda g, y, i, *xs: g, variadic=True)
    many = total(x), total(x, 2.0), total(x, x, x)
    assert [len(y.args) for y in (x, x + x, x.sum(axis=0), three, *many)] == [0, 2, 1, 3, 1, 2, 3]
    assert [y.params for y in (three, *many)] == [None] * 4
    assert [arg.params for arg in again.args] == [{"axis": 0}, {"index": 0}]
    again.backward([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    np.testing.assert_array_equal(again.args[0].args[0].grad, [[1.0, 2.0, 9.0], [1.0, 2.0, 3.0]])


def test_a_node_has_no_other_attributes():
    with pytest.raises(AttributeError):
        Node(1.0).color = "red"


@pytest.mark.parametrize("attribute", ["grad", "shape", "parents", "dtype", "size", "ndim"])
def test_computed_attributes_cannot_be_assigned(attribute):
    with pytest.raises(AttributeError):
        setattr(Node(1.0), attribute, 1.0)


# --- values given out, values assigned -------------------------------------------------------------------------------


def test_values_and_gradients_are_read_only_views():
    x = Node(VECTOR)
    (x * x).sum().backward()
    for given in (x.value, x.grad, tg.stop_gradient(x)):
        with pytest.raises(ValueError, match="read-only"):
            given[0] = 1.0


def test_a_leaf_can_be_given_a_new_value_and_an_array_is_copied():
    x, new = Node(VECTOR), np.ones(2, np.float32)
    x.value = new
    new[0] = 9.0
    assert (x.value.tolist(), x.dtype) == ([1.0, 1.0], np.float32)
    x.value = 3
    assert x.value == 3.0
    with pytest.raises(tg.InvalidType, match="not <U1"):
        x.value = "a"
    assert x.value == 3.0  # a refused value changes nothing


def test_a_computed_value_cannot_be_assigned():
    y = Node(1.0) + 2
    with pytest.raises(tg.InvalidType, match=r"was computed by 'add' and cannot be assigned; assign to the leaves"):
        y.value = 2.0


def test_item_and_tolist():
    assert [type(Node(v).item()) for v in (2, [2.0], np.ones((1, 1), np.float32))] == [float] * 3
    assert Node(MATRIX).tolist() == MATRIX.tolist()
    assert Node(2).tolist() == 2.0
    with pytest.raises(tg.ShapeError, match=r"item\(\) wants exactly one entry, but .* has shape \(3,\)"):
        Node(VECTOR).item()


def test_representation_and_format():
    assert repr(Node(0.5)) == "Node(0.5)"
    assert repr(Node([1.0, 2.0], name="w")) == "Node([1., 2.], name='w')"
    assert "..." in repr(Node(np.zeros(1000)))
    assert f"{Node(2.0):.3f} {Node(2.0)}" == "2.000 Node(2.0)"


# --- truth, length, membership, hash ---------------------------------------------------------------------------------


def test_truth_length_and_membership():
    assert bool(Node(2.0))
    assert not Node(0.0)
    assert bool(Node([[1.0]]))
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Node(VECTOR))
    assert len(Node(MATRIX)) == 2
    with pytest.raises(tg.InvalidType, match=r"is a scalar and has no length"):
        len(Node(2.0))
    assert 3.0 in Node(VECTOR)
    assert Node(4.0) not in Node(VECTOR)


def test_nodes_are_dict_keys_by_identity():
    x, y = Node(1.0), Node(1.0)
    assert x == y
    assert {x: "x", y: "y"}[x] == "x"
    assert len({x, y, x}) == 2
    v, w = Node(VECTOR), Node(VECTOR)
    assert {v: 1, w: 2}[w] == 2
    assert hash(v) != hash(w)


def test_nodes_can_be_ordered_and_summed_by_python():
    xs = [Node(3.0), Node(1.0), Node(2.0)]
    assert [x.item() for x in sorted(xs)] == [1.0, 2.0, 3.0]
    assert max(xs) is xs[0]
    total = sum(xs)
    assert total.item() == 6.0
    assert tg.gradients(total, xs) == (1.0, 1.0, 1.0)


def test_copies_of_a_leaf():
    x = Node(VECTOR, name="x")
    for y in (copy.copy(x), copy.deepcopy(x)):
        assert y is not x
        assert (y.value.tolist(), y.name, y.op) == (VECTOR.tolist(), "x", None)
