"""Python's operators on Nodes, from both sides: what they give is NumPy's, and what they refuse."""

import operator

import numpy as np
import pytest
from node_arrays import MATRIX, VECTOR, plain

import tinygrad_ed as tg
from tinygrad_ed import Node

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
