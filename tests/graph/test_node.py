"""What a Node is and how it behaves in Python's and NumPy's hands (contract: "Values")."""

import asyncio
import copy
import math
import operator
import pickle
import threading

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import Node

VECTOR = np.array([1.0, -2.0, 3.0])
MATRIX = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])


def plain(y):
    return y.value if isinstance(y, Node) else y


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


# --- operators -------------------------------------------------------------------------------------------------------

ARITHMETIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.pow,
    operator.mod,
    operator.floordiv,
]
SCALARS = [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2), np.array(2.0)]
ARRAYS = [
    np.array([1.0, 2.0, 4.0]),
    np.array([1, 2, 4]),
    [1.0, 2.0, 4.0],
    (1, 2, 4),
    np.array([1, 2, 4], np.float32),
    np.array([True] * 3),
]


@pytest.mark.parametrize("combine", ARITHMETIC, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", SCALARS + ARRAYS, ids=lambda o: f"{type(o).__name__} {getattr(o, 'dtype', '')}")
@pytest.mark.parametrize("value", [3.0, np.array([3.0, 5.0, 7.0])], ids=["scalar", "vector"])
def test_arithmetic_from_both_sides(combine, other, value):
    for found, expected in (
        (combine(Node(value), other), combine(np.asarray(value), np.asarray(other, float))),
        (combine(other, Node(value)), combine(np.asarray(other, float), np.asarray(value))),
    ):
        assert isinstance(found, Node) == (combine is not operator.floordiv)
        assert not (isinstance(found, np.ndarray) and found.dtype == object)
        np.testing.assert_allclose(
            plain(found), expected, rtol=1e-6 if np.asarray(other).dtype == np.float32 else 1e-15
        )
    both = combine(Node(value), Node([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(plain(both), combine(value, np.array([1.0, 2.0, 4.0])), rtol=1e-15)


@pytest.mark.parametrize("other", [MATRIX, MATRIX.tolist(), Node(MATRIX)], ids=["array", "list", "Node"])
def test_matrix_products_from_both_sides(other):
    x = Node(VECTOR)
    np.testing.assert_allclose((other @ x).value, MATRIX @ VECTOR)
    np.testing.assert_allclose((Node([1.0, 2.0]) @ other).value, np.array([1.0, 2.0]) @ MATRIX)
    with pytest.raises(tg.ShapeError, match="matmul"):
        x @ 2.0


def test_signs_and_magnitude():
    x = Node(VECTOR)
    for found, expected in ((-x, -VECTOR), (+x, VECTOR), (abs(x), abs(VECTOR))):
        assert isinstance(found, Node)
        np.testing.assert_array_equal(found.value, expected)
    assert abs(Node(-2.0)).value == 2.0


def test_divmod_from_both_sides():
    quotient, rest = divmod(Node(7.5), 2)
    assert (quotient, rest.value, type(quotient)) == (3.0, 1.5, float)
    quotient, rest = divmod([7.0, 8.0, 9.0], Node(VECTOR))
    np.testing.assert_array_equal(quotient, np.floor_divide([7.0, 8.0, 9.0], VECTOR))
    np.testing.assert_array_equal(rest.value, np.remainder([7.0, 8.0, 9.0], VECTOR))


def test_in_place_operators_make_new_nodes():
    x = y = Node(VECTOR)
    y += np.ones(3)
    y *= 2
    np.testing.assert_array_equal(y.value, (VECTOR + 1) * 2)
    np.testing.assert_array_equal(x.value, VECTOR)
    array = np.ones(3)
    with pytest.raises(tg.NoDerivativeRule, match=r"write `a = a \+ node`"):
        array += x
    np.testing.assert_array_equal(array, np.ones(3))


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_comparisons_are_plain(compare):
    assert compare(Node(2.0), 3) is compare(2.0, 3)
    assert compare(2.0, Node(2.0)) is compare(2.0, 2.0)
    assert compare(Node(2.0), Node(3.0)) is compare(2.0, 3.0)
    for found in (compare(Node(VECTOR), 1.0), compare(Node(VECTOR), [1.0, 1.0, 1.0]), compare(Node(VECTOR), Node(1.0))):
        assert (type(found), found.dtype) == (np.ndarray, bool)
        np.testing.assert_array_equal(found, compare(VECTOR, 1.0))
    np.testing.assert_array_equal(compare(VECTOR, Node(VECTOR)), compare(VECTOR, VECTOR))
    np.testing.assert_array_equal(compare(np.float64(1), Node(VECTOR)), compare(1.0, VECTOR))


class Stranger:
    """Answers every operator itself."""

    def __radd__(self, other):
        return "radd"

    __rmul__ = __rsub__ = __rpow__ = __rmatmul__ = __rtruediv__ = __rmod__ = __rfloordiv__ = __rdivmod__ = __radd__

    def __eq__(self, other):
        return "eq"

    def __gt__(self, other):
        return "gt"

    __hash__ = None


def test_unknown_operands_are_left_to_python():
    x = Node(VECTOR)
    for combine in [*ARITHMETIC, operator.matmul, divmod]:
        assert combine(x, Stranger()) == "radd"
    assert (x == Stranger(), x < Stranger()) == ("eq", "gt")
    assert (x == None, x != None, x == "text") == (False, True, False)  # noqa: E711 # what == gives is the question
    for other in (None, "text", 1j, {}, object()):
        with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate|must be str"):
            x + other
        with pytest.raises(TypeError):
            other + x
        with pytest.raises(TypeError, match="not supported between"):
            x < other  # noqa: B015 # it must raise
        assert x.__add__(other) is NotImplemented
        assert x.__eq__(other) is NotImplemented


def test_arrays_that_are_not_real_are_refused_as_operands():
    x = Node(VECTOR)
    for other in (np.ones(3, complex), np.array(["a", "b", "c"]), np.array([None] * 3), np.complex128(1)):
        with pytest.raises(tg.InvalidType, match="only real numbers and arrays can"):
            x * other
        with pytest.raises(tg.InvalidType, match="only real numbers and arrays can"):
            other * x
    with pytest.raises(tg.InvalidType, match="would lose its mask"):
        x * np.ma.array(VECTOR, mask=[True, False, False])
    with pytest.raises(tg.GraphDropped):
        x * [x, 1.0, 2.0]


def test_subclasses_of_ndarray_become_plain_constants():
    class Special(np.ndarray):
        pass

    special = VECTOR.view(Special)
    for y in (Node(VECTOR) * special, special * Node(VECTOR)):
        assert isinstance(y, Node)
        assert type(y.value) is np.ndarray
        assert [type(arg) for arg in y.args if not isinstance(arg, Node)] == [np.ndarray]
    assert type(Node(special).value) is np.ndarray


def test_weak_scalars_keep_float32():
    x = Node(VECTOR.astype(np.float32))
    for y in (x + 1, 2.0 * x, x / 3, x**2, np.float64(2) * x, np.float32(2) * x, x - np.array(1.0)):
        assert y.dtype == np.float32
    assert (x * VECTOR).dtype == np.float64


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


# --- indexing and iteration ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [None, ..., (), (None, ...), (None, None)])
def test_a_scalar_can_be_indexed_as_numpy_does(index):
    y = Node(2.0)[index]
    assert isinstance(y, Node)
    assert y.shape == np.float64(2.0)[index].shape
    assert tg.grad(lambda x: x[index].sum())(2.0) == 1.0


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        slice(1, None),
        (slice(None), 1),
        (0, 1),
        None,
        ...,
        (..., None, 0),
        [1, 0],
        np.array([[0], [1]]),
        MATRIX > 0,
        ([0, 1], [2, 2]),
        np.int64(1),
        [],
        [True, False],
    ],
    ids=str,
)
def test_indexing_equals_numpys(index):
    y = Node(MATRIX)[index]
    assert isinstance(y, Node)
    np.testing.assert_array_equal(y.value, MATRIX[index])


def test_iteration_and_unpacking():
    rows = list(Node(MATRIX))
    assert [type(row) for row in rows] == [Node, Node]
    np.testing.assert_array_equal(rows[1].value, MATRIX[1])
    a, b, c = Node(VECTOR)
    assert (a.item(), b.item(), c.item()) == (1.0, -2.0, 3.0)
    assert [x.item() for x in reversed(Node(VECTOR))] == [3.0, -2.0, 1.0]
    with pytest.raises(tg.InvalidType, match="scalar"):
        iter(Node(2.0))


def test_bad_indices():
    x = Node(VECTOR)
    with pytest.raises(IndexError, match="out of bounds"):
        x[5]
    with pytest.raises(IndexError, match="too many indices"):
        Node(2.0)[0]
    with pytest.raises(
        tg.InvalidType, match=r"cannot be an index: a position has no derivative; use int\(node.item\(\)\)"
    ):
        x[Node(1.0)]
    with pytest.raises(tg.InvalidType, match="cannot be an index"):
        Node(MATRIX)[0, Node(1.0)]
    for index in ([Node(1.0)], slice(Node(1.0), None)):
        with pytest.raises(tg.GraphDropped):
            x[index]
    with pytest.raises(tg.GraphDropped):
        VECTOR[Node(1.0)]


# --- methods ---------------------------------------------------------------------------------------------------------

METHODS = {
    "sum": [(), (0,), (-1,)],
    "prod": [(), (1,)],
    "mean": [(), (0,)],
    "var": [(), (1,)],
    "std": [(), (0,)],
    "max": [(), (0,)],
    "min": [(), (1,)],
    "cumsum": [(), (1,)],
    "reshape": [(3, 2), ((3, 2),), ([6],), (-1,), (2, -1, 1), (np.int64(6),)],
    "transpose": [(), (1, 0), ((1, 0),), ([1, 0],), (None,), (-1, -2), (np.int64(1), np.int64(0))],
    "ravel": [()],
    "flatten": [()],
    "squeeze": [()],
    "swapaxes": [(0, 1), (0, -1)],
    "repeat": [(2,), (2, 1), ([1, 2], 0)],
    "take": [([0, 2],), ([1, 1], 1), (0,)],
    "diagonal": [(), (1,)],
    "trace": [(), (1,)],
    "dot": [(VECTOR,), (VECTOR.tolist(),)],
    "clip": [(-1.0, 2.0), (-1.0,), (None, 2.0), (np.zeros(3), 2.0)],
    "astype": [(np.float32,), ("float64",)],
    "copy": [()],
}
PLAIN_METHODS = {
    "round": [(), (1,)],
    "argmax": [(), (0,)],
    "argmin": [(), (1,)],
    "argsort": [(), (0,)],
    "nonzero": [()],
    "any": [(), (0,)],
    "all": [(), (1,)],
    "astype": [(int,), (bool,), (np.int8,)],
}
KEYWORDS = {
    "sum": {"axis": 0, "keepdims": True},
    "prod": {"axis": (0, 1)},
    "mean": {"axis": 1, "keepdims": True},
    "var": {"axis": 0, "ddof": 1},
    "std": {"ddof": 1, "keepdims": True},
    "max": {"axis": -1, "keepdims": True},
    "min": {"axis": (0,)},
    "cumsum": {"axis": 0},
    "repeat": {"repeats": 2, "axis": 0},
    "take": {"indices": [0], "axis": -1},
    "trace": {"offset": -1},
    "diagonal": {"offset": 1, "axis1": 1, "axis2": 0},
    "clip": {"max": 1.0},
    "squeeze": {"axis": ()},
    "astype": {"dtype": np.float32},
    "argmax": {"axis": 1},
}


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, cases in METHODS.items() for given in cases], ids=str
)
def test_methods_equal_those_of_ndarray(name, given):
    y = getattr(Node(MATRIX), name)(*given)
    assert isinstance(y, Node)
    expected = getattr(MATRIX, name)(*given)
    assert (y.shape, y.dtype) == (np.shape(expected), np.asarray(expected).dtype)
    np.testing.assert_allclose(y.value, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "given"), [(n, given) for n, cases in PLAIN_METHODS.items() for given in cases], ids=str
)
def test_methods_without_a_derivative_are_plain(name, given):
    found, expected = getattr(Node(MATRIX), name)(*given), getattr(MATRIX, name)(*given)
    assert type(found) is type(expected)
    np.testing.assert_equal(found, expected)


@pytest.mark.parametrize("name", KEYWORDS)
def test_methods_take_the_keywords_of_ndarray(name):
    np.testing.assert_allclose(
        plain(getattr(Node(MATRIX), name)(**KEYWORDS[name])), getattr(MATRIX, name)(**KEYWORDS[name])
    )


def test_methods_of_a_scalar():
    x = Node(2.0)
    for y in (
        x.sum(),
        x.mean(),
        x.max(),
        x.prod(),
        x.reshape(()),
        x.reshape(),
        x.squeeze(),
        x.transpose(),
        x.T,
        x.copy(),
    ):
        assert type(y.value) is float
        assert y.value == 2.0
    assert (x.var().value, x.std().value, x.clip(0, 1).value) == (0.0, 0.0, 1.0)
    assert (x.ravel().shape, x.reshape(1, 1).shape, x.repeat(2).shape) == ((1,), (1, 1), (2,))
    assert (round(x, 1), x.round(), x.argmax()) == (2.0, 2.0, 0)


def test_transposes():
    x = Node(np.arange(24.0).reshape(2, 3, 4))
    assert (x.T.shape, x.mT.shape) == ((4, 3, 2), (2, 4, 3))
    np.testing.assert_array_equal(x.mT.value, x.value.mT)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "exp", "log"])
def test_functions_as_methods(name):
    x = Node([0.5, 2.0])
    y = getattr(x, name)()
    assert y.op.name == name
    np.testing.assert_array_equal(y.value, getattr(tg, name)(x.value))


# --- NumPy's protocols -----------------------------------------------------------------------------------------------


def test_ufuncs_and_functions_give_nodes():
    x = Node(MATRIX)
    for y in (
        np.tanh(x),
        np.sum(x, axis=0),
        np.concatenate([x, MATRIX]),
        np.concatenate([MATRIX, x], axis=1),
        np.float64(2) * x,
        MATRIX.T @ x,
        np.add(MATRIX, x),
        np.add(1, x),
        np.where(MATRIX > 0, x, 0.0),
        np.dot([1, 2], x),
        np.inner(2, x),
        np.stack([x, MATRIX]),
        np.maximum([0, 0, 0], x),
        np.tensordot(MATRIX.tolist(), x),
        np.outer([1, 2], x),
    ):
        assert isinstance(y, Node)


REFUSED = {
    "np.add.at": lambda x: np.add.at(x, [0], 1.0),
    "np.add.at of an array": lambda x: np.add.at(np.ones(3), [0, 1, 2], x),
    "np.add.reduce": np.add.reduce,
    "np.multiply.accumulate": np.multiply.accumulate,
    "np.add.outer": lambda x: np.add.outer(x, x),
    "np.add does not take out": lambda x: np.add(x, 1.0, out=np.ones(3)),
    "np.sin does not take out": lambda x: np.sin(np.ones(3), out=x),
    "np.add does not take where": lambda x: np.add(x, 1.0, where=np.array([True, False, True])),
    "np.add does not take dtype": lambda x: np.add(x, 1.0, dtype=np.float32),
    "np.sum does not take out": lambda x: np.sum(x, out=np.ones(())),
    "np.put": lambda x: np.put(x, [0], 1.0),
    "np.copyto": lambda x: np.copyto(x, 1.0),
    "np.copyto from": lambda x: np.copyto(np.ones(3), x),
    "np.putmask": lambda x: np.putmask(x, [True] * 3, 1.0),
    "np.place": lambda x: np.place(x, [True] * 3, [1.0]),
    "np.fill_diagonal": lambda x: np.fill_diagonal(x, 1.0),
    "np.nextafter": lambda x: np.nextafter(x, 1.0),
    "np.histogram": np.histogram,
    "np.linalg.eig": np.linalg.eig,
    "np.roots": np.roots,
    "np.fft.fft": np.fft.fft,
    "np.spacing": np.spacing,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_rule_is_refused_by_name(name):
    said = name.split(" of ")[0].replace(" does not take ", ".* does not take .*").removesuffix(" from")
    with pytest.raises(tg.NoDerivativeRule, match=said) as caught:
        REFUSED[name](Node(VECTOR))
    assert isinstance(caught.value, TypeError)


def test_functions_that_write_are_refused_with_the_way_out():
    for write in (
        lambda x: np.put(x, [0], 1.0),
        lambda x: np.copyto(np.ones(3), x),
        lambda x: np.fill_diagonal(x, 1.0),
    ):
        with pytest.raises(tg.NoDerivativeRule, match=r"writes into an array.*tg.where\(mask, new, old\)"):
            write(Node(VECTOR))


def test_the_refusal_says_how_to_add_a_rule():
    with pytest.raises(
        tg.NoDerivativeRule, match=r"node.value.*spacing = tg.op\('spacing', np.spacing, lambda g, y, x: ...\)"
    ):
        np.spacing(Node(1.0))
    with pytest.raises(tg.NoDerivativeRule, match=r"use np\.sum itself, or plain values"):
        np.add.reduce(Node(VECTOR))


DROPPED = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "math.trunc": math.trunc,
    "operator.index": operator.index,
    "range": range,
    "np.array": lambda x: np.array([x]),
    "np.array of rows": lambda x: np.array([[x, 1.0]]),
    "np.asarray": np.asarray,
    "np.sum of a list": lambda x: np.sum([x, x]),
    "np.float64": np.float64,
    "np.full": lambda x: np.full(3, x),
    "array[:] =": lambda x: np.ones(3).__setitem__(slice(None), x),
    "np.linspace": lambda x: np.asarray(x, dtype=float),
    "np.array object": lambda x: np.array(x, dtype=object),
}


@pytest.mark.parametrize("name", DROPPED)
def test_nothing_drops_the_derivative_silently(name):
    with pytest.raises(tg.GraphDropped, match=r"node.item\(\).*tg.exp.*tg.array\(\[...\]\)") as caught:
        DROPPED[name](Node(2.0))
    assert isinstance(caught.value, TypeError)


def test_items_cannot_be_assigned():
    x = Node(VECTOR)
    with pytest.raises(tg.GraphDropped, match=r"tg.where\(mask, new, node\)"):
        x[0] = 1
    with pytest.raises(tg.GraphDropped, match="in place"):
        x[0] += 1
    array = np.ones(3)
    with pytest.raises((ValueError, TypeError)):  # NumPy's own words, ours are its cause
        array[0] = x[0]


def test_array_makes_one_node_of_several():
    x, y = Node(2.0), Node(VECTOR)
    z = tg.array([[x, 1.0], [0, x * x]])
    np.testing.assert_array_equal(z.value, [[2.0, 1.0], [0.0, 4.0]])
    assert tg.gradients(z.sum(), x) == 5.0
    np.testing.assert_array_equal(tg.array((y, [1, 2, 3])).value, [VECTOR, [1, 2, 3]])
    assert tg.array(x) is x
    assert tg.array([1, 2]).dtype == float
    with pytest.raises(tg.ShapeError, match="stack"):
        tg.array([x, y])


# --- no_grad, stop_gradient, threads ---------------------------------------------------------------------------------


def test_no_grad_keeps_no_graph():
    x = Node(2.0)
    with tg.no_grad():
        y = x * x
        assert (y.op, y.args, y.value) == (None, (), 4.0)
        with tg.no_grad():
            pass
        assert (x * x).op is None
    assert (x * x).op is not None
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        1 / 0  # noqa: B018 # the context must end on errors too
    assert (x * x).op is not None


def test_no_grad_belongs_to_its_thread():
    seen = {}
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.update(op=(Node(1.0) + 1).op))
        thread.start()
        thread.join()
        assert (Node(1.0) + 1).op is None
    assert seen["op"].name == "add"


def test_no_grad_belongs_to_its_task():
    async def quiet(ready, done):
        with tg.no_grad():
            ready.set()
            await done.wait()

    async def loud():
        ready, done = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(quiet(ready, done))
        await ready.wait()
        op = (Node(1.0) + 1).op
        done.set()
        await task
        return op

    assert asyncio.run(loud()).name == "add"


def test_graphs_can_be_built_in_several_threads():
    found = [None] * 8

    def work(i):
        x = Node(float(i))
        y = x
        for _ in range(200):
            y = y + x
        found[i] = tg.gradients(y, x)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [201.0] * 8


def test_stop_gradient_gives_the_plain_value():
    x = Node(3.0)
    assert type(tg.stop_gradient(x)) is float
    assert tg.gradients(x * tg.stop_gradient(x), x) == 3.0
    assert type(tg.stop_gradient(Node(VECTOR))) is np.ndarray
    assert tg.stop_gradient(2.5) == 2.5
