"""The sweep on random shapes, indices and axes: what is broadcast, picked or folded is undone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_ed as tg
from tinygrad_ed import Node

bounded = settings(max_examples=80, deadline=None, derandomize=True)


entries = st.floats(-3.0, 3.0, allow_nan=False).map(lambda v: round(v, 3))


@bounded
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), st.integers(0, 2**32 - 1))
def test_broadcasting_is_undone_for_any_shapes(shapes, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(0.5, 2.0, shape) for shape in shapes.input_shapes]
    weights = rng.standard_normal(shapes.result_shape)
    a, b, c = (Node(array) for array in arrays)
    y = a * b / c + np.maximum(a, 1.2) - np.where(weights > 0, b, c)
    assert y.shape == shapes.result_shape
    found = tg.gradients((weights * y).sum(), (a, b, c))
    x, z, w = arrays
    ones = np.ones(shapes.result_shape)
    whole = [
        weights * (z / w + (x > 1.2)),
        weights * (x / w - (weights > 0)),
        weights * (-x * z / w**2 - (weights <= 0)),
    ]
    for gradient, array, full in zip(found, arrays, whole, strict=True):
        np.testing.assert_allclose(gradient, folded(full * ones, array.shape), rtol=1e-10, atol=1e-10)


def folded(full, shape):
    """Sum what was repeated: the textbook's way, one axis at a time."""
    while full.ndim > len(shape):
        full = full.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            full = full.sum(axis=axis, keepdims=True)
    return full


@bounded
@given(st.data())
def test_any_index_sends_gradients_back_to_where_they_came_from(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    kind = data.draw(st.sampled_from(["basic", "integers", "mask"]))
    if kind == "basic":
        index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    elif kind == "integers":
        index = data.draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=5)))
    else:
        index = data.draw(hnp.arrays(bool, shape))
    array = np.arange(np.prod(shape, dtype=float)).reshape(shape)
    x = Node(array)
    y = x[index]
    assert y.shape == array[index].shape
    seed = np.arange(1.0, 1.0 + y.size).reshape(y.shape)
    expected = np.zeros(shape)
    np.add.at(expected, index, seed)
    np.testing.assert_array_equal(tg.gradients(y, x, seed=seed if y.ndim else float(seed)), expected)
    second = tg.gradients(y * y, x, seed=seed if y.ndim else float(seed), create_graph=True)
    np.testing.assert_allclose(second.value, 2 * array * expected)
    np.testing.assert_allclose(tg.gradients(second.sum(), x), 2 * expected)


@bounded
@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), st.integers(0, 2**32 - 1), st.data())
def test_reductions_over_any_axes(shape, seed, data):
    x = np.random.default_rng(seed).permutation(int(np.prod(shape))).reshape(shape) / 7.0 + 0.3
    axis = data.draw(st.none() | hnp.valid_tuple_axes(len(shape)) | st.integers(-len(shape), len(shape) - 1))
    keepdims = data.draw(st.booleans())
    for reduce, local in {
        np.sum: lambda x, y: np.ones_like(x),
        np.max: lambda x, y: x == y,
        np.prod: lambda x, y: y / x,
    }.items():
        node = Node(x)
        y = reduce(node, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(y.value, reduce(x, axis=axis, keepdims=keepdims))
        expected = local(x, reduce(x, axis=axis, keepdims=True))
        np.testing.assert_allclose(tg.gradients(y.sum(), node), expected, rtol=1e-10)
