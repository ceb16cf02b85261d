"""Many arrays joined, and many parts: each gets its part of the gradient. (Times: `benchmarks/functions.py`.)"""

import numpy as np
import pytest

import tinygrad_ed as tg

CONDITIONS = np.random.default_rng(0).random((50, 8)) < 0.1


def nested(arrays):
    return tg.array([[x, x] for x in arrays])


JOINS = {
    "stack": np.stack,
    "stack at the end": lambda arrays: np.stack(arrays, axis=-1),
    "concatenate": lambda arrays: np.concatenate([np.atleast_1d(x) for x in arrays]),
    "concatenate flat": lambda arrays: np.concatenate(arrays, axis=None),
    "tg.array": tg.array,
    "tg.array of pairs": nested,
    "hstack": np.hstack,
    "vstack": np.vstack,
    "dstack": np.dstack,
    "column_stack": np.column_stack,
    "block": np.block,
    "block of columns": lambda arrays: np.block([[x] for x in arrays]),
    "broadcast_arrays": lambda arrays: np.concatenate(np.broadcast_arrays(*arrays), axis=None),
    "atleast_2d": lambda arrays: np.concatenate(np.atleast_2d(*arrays)),
    "select": lambda arrays: np.select([*CONDITIONS[: len(arrays)]], arrays),
    "append": lambda arrays: np.append(arrays[0], np.stack(arrays[1:])),
}
CUTS = {
    "iteration": lambda x: [*x],
    "unstack": lambda x: np.unstack(x),
    "unstack at the end": lambda x: np.unstack(x.T, axis=-1),
    "split": lambda x: np.split(x, len(x)),
    "split in pairs": lambda x: np.split(x, len(x) // 2),
    "split at places": lambda x: np.split(x, [*range(1, len(x))]),
    "array_split": lambda x: np.array_split(x, len(x) // 3),
    "vsplit": lambda x: np.vsplit(x, len(x)),
    "hsplit": lambda x: np.hsplit(x.T, len(x)),
    "rows": lambda x: np.apply_along_axis(np.cumsum, 1, x),
    "indices": lambda x: [x[i] for i in range(len(x))],
}


@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
@pytest.mark.parametrize("name", [*JOINS])
def test_each_of_many_arrays_gets_its_part(name, shape):
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape) if shape else float(rng.standard_normal()) for _ in range(50)]
    join = JOINS[name]
    if name == "select":
        conditions = [rng.random(shape or (4,)) < 0.1 for _ in values]
        join = lambda arrays: np.select(conditions, arrays, 0.5)  # noqa: E731
    twins = {"tg.array": np.array, "tg.array of pairs": lambda arrays: np.array([[x, x] for x in arrays])}
    plain = np.asarray(twins.get(name, join)(values))
    nodes = [tg.Node(x) for x in values]
    np.testing.assert_array_equal(join(nodes).value, plain)
    weights = rng.standard_normal(plain.shape)
    cubes = lambda arrays: (weights * join(arrays) ** 3).sum()  # noqa: E731
    slopes = tg.gradients(cubes(nodes), nodes)
    direction = [rng.standard_normal(shape) for _ in values]
    ahead, behind = [
        cubes([tg.Node(x + step * v) for x, v in zip(values, direction, strict=True)]).item() for step in (1e-6, -1e-6)
    ]
    along = sum([np.vdot(slope, v) for slope, v in zip(slopes, direction, strict=True)])
    np.testing.assert_allclose(along, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-6)
    # Second order: the sum of cubes has the curvature 6 x where the slope is 3 x^2.
    curved = tg.gradients(sum([g.sum() for g in tg.gradients(cubes(nodes), nodes, create_graph=True)]), nodes)
    for x, first, second in zip(values, slopes, curved, strict=True):
        np.testing.assert_allclose(np.asarray(second) * x, 2 * np.asarray(first), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("count", [1, 3, 16, 17, 18, 50])
@pytest.mark.parametrize("name", CUTS)
def test_many_parts_send_back_to_their_places(name, count):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((6 * count if "pairs" in name or "array" in name else count, 2))
    parts, found = CUTS[name](x), CUTS[name](tg.Node(x))
    assert len(parts) == len(found)
    for part, node in zip(parts, found, strict=True):
        np.testing.assert_array_equal(node.value, part)
    weights = [rng.standard_normal(np.shape(part)) for part in parts]
    f = lambda x: sum([(w * part**2).sum() for w, part in zip(weights, CUTS[name](x), strict=True)])  # noqa: E731
    slope = tg.grad(f)(x)
    tangent = tg.jvp(f, (x,), (np.cos(x),))[1]
    h = 1e-6 * np.cos(x)
    np.testing.assert_allclose(tangent, (f(x + h) - f(x - h)) / 2e-6, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(np.sum(slope * np.cos(x)), tangent, rtol=1e-10)
    np.testing.assert_allclose(np.sum(slope * x), 2 * f(x), rtol=1e-10)  # of squares
    np.testing.assert_allclose(np.sum(tg.hvp(f, (x,), (x,))[0] * x), 2 * f(x), rtol=1e-10)


def test_parts_that_overlap_or_are_empty():
    x = np.random.default_rng(3).standard_normal((7, 2))
    for places in ([3, 1], [0, 0, 9], [-2], [5, 2, 4] * 9):
        for part, node in zip(np.split(x, places), np.split(tg.Node(x), places), strict=True):
            np.testing.assert_array_equal(node.value, part)
        sent = tg.grad(
            lambda x, places=places: sum([(i + 1) * part.sum() for i, part in enumerate(np.split(x, places))])
        )(x)
        expected = np.zeros_like(x)
        for i, part in enumerate(np.split(np.arange(7), places)):
            expected[part] += i + 1
        np.testing.assert_array_equal(sent, expected)
    assert np.split(tg.Node(np.ones((0, 2))), 3)[2].shape == (0, 2)
    assert [*tg.Node(np.ones((0, 2)))] == []
