"""The value of every function of np.linalg on a Node is NumPy's, to the last bit: all keywords, all kinds of shapes."""

import inspect
import itertools

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.ops.numpy.protocols import path

L = np.linalg
SQUARE = [(3, 3), (2, 4, 4), (2, 1, 3, 3), (1, 1), (0, 0), (0, 2, 2), (2, 0, 0), (7, 7)]
TALL_AND_WIDE = [(4, 2), (2, 5), (3, 4, 2), (2, 3, 5), (1, 3), (3, 1), (0, 3), (3, 0), (0, 4, 2), (9, 6)]
VECTORS = [(4,), (1,), (0,)]
SOLID = [(2, 3, 4), (2, 0, 3)]
ANY = SQUARE + TALL_AND_WIDE


def draw(shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def positive(x):
    return x @ np.swapaxes(x, -1, -2) + 0.5 * np.eye(x.shape[-1])


def low_rank(x):
    """Rank one less than it could have."""
    return np.concatenate([x[..., :-1], x[..., :1]], axis=-1) if x.shape[-1] > 1 else 0.0 * x


def each(function, shapes, make=lambda x: x, **keywords):
    """A case for each shape: (function, the arguments that become Nodes, keywords)."""
    for shape in shapes:
        yield function, (make(draw(shape)),), keywords


def spectra():
    for triangle in ("L", "U", "l", "u"):
        yield from each(L.eigh, SQUARE, UPLO=triangle)
        yield from each(L.eigvalsh, SQUARE, UPLO=triangle)
    for hermitian, uv, full in itertools.product((False, True), repeat=3):
        shapes = SQUARE if hermitian else ANY
        yield from each(L.svd, shapes, full_matrices=full, compute_uv=uv, hermitian=hermitian)
    yield from each(L.svdvals, ANY)
    for upper in (False, True):
        yield from each(L.cholesky, SQUARE, positive, upper=upper)
    for mode in ("reduced", "complete", "r"):
        yield from each(L.qr, ANY, mode=mode)
        yield from each(L.qr, ANY, low_rank, mode=mode)


def of_any_rank():
    for rank, hermitian in itertools.product((lambda x: x, low_rank), (False, True)):
        shapes = SQUARE if hermitian else ANY
        yield from each(L.pinv, shapes, rank, hermitian=hermitian)
        yield from each(L.matrix_rank, shapes, rank, hermitian=hermitian)
        for cut in (1e-10, 0.3):
            yield from each(L.pinv, shapes, rank, rcond=cut, hermitian=hermitian)
            yield from each(L.pinv, shapes, rank, rtol=cut, hermitian=hermitian)
            yield from each(L.matrix_rank, shapes, rank, tol=cut, hermitian=hermitian)
            yield from each(L.matrix_rank, shapes, rank, rtol=cut, hermitian=hermitian)
    yield from each(L.pinv, ANY, rtol=None)
    yield from each(L.pinv, [(3, 4, 2)], rcond=np.array([0.1, 1e-5, 0.9]))
    for rank in (lambda x: x, low_rank, np.zeros_like):
        yield from each(L.det, SQUARE, rank)
        yield from each(L.slogdet, SQUARE, rank)
        for p in (None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"):
            yield from each(L.cond, [*SQUARE, (4, 2), (2, 3, 5)], rank, p=p)
    yield from each(L.inv, SQUARE)
    for n in range(-4, 9):
        yield from each(L.matrix_power, SQUARE, n=n)


def norms():
    for keepdims in (False, True):
        for shape in [*VECTORS, *ANY, *SOLID]:
            yield from each(L.norm, [shape], keepdims=keepdims)
            yield from each(L.vector_norm, [shape], keepdims=keepdims)
        for kind in (None, 0, 1, 2, 3, 0.5, -1, -2, 2.5, np.inf, -np.inf):
            for shape in [*VECTORS, *TALL_AND_WIDE, *SOLID]:
                given = {} if kind is None else {"ord": kind}
                yield from each(L.norm, [shape], ord=kind, axis=-1, keepdims=keepdims)
                yield from each(L.norm, [shape], ord=kind, axis=(0,), keepdims=keepdims)
                yield from each(L.vector_norm, [shape], axis=0, keepdims=keepdims, **given)
                yield from each(L.vector_norm, [shape], axis=None, keepdims=keepdims, **given)
                yield from each(L.vector_norm, [shape], axis=(0, -1)[: len(shape)], keepdims=keepdims, **given)
            yield from each(L.norm, VECTORS, ord=kind, keepdims=keepdims)
            yield from each(L.vector_norm, [(2, 3, 4)], axis=(2, 0, 1), keepdims=keepdims, **given)
        for kind in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
            for shape in [*ANY, *SOLID]:
                for axis in [(-2, -1), (-1, -2), *([(0, 2)] if len(shape) == 3 else [])]:
                    yield from each(L.norm, [shape], ord=kind, axis=axis, keepdims=keepdims)
                if len(shape) == 2:
                    yield from each(L.norm, [shape], ord=kind, keepdims=keepdims)
                if kind is not None:
                    yield from each(L.matrix_norm, [shape], ord=kind, keepdims=keepdims)


def equations():
    for a, b in [
        *[((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 1)), ((3, 3), (2, 3, 2))],
        *[((1, 1), (1,)), ((0, 0), (0,)), ((2, 0, 0), (2, 0, 3)), ((3, 3), (3, 0))],
    ]:
        yield L.solve, (draw(a), draw(b, 1)), {}
    for a, b in [((5, 2), (5,)), ((5, 2), (5, 3)), ((3, 3), (3,)), ((2, 4), (2, 2)), ((3, 2), (3, 0)), ((3, 0), (3,))]:
        for rcond in (None, -1, 1e-3, 0.5):
            for rank in (lambda x: x, low_rank):
                yield L.lstsq, (rank(draw(a)), draw(b, 1)), {"rcond": rcond}
    for ind, shape in [(1, (4, 2, 2)), (2, (2, 3, 6)), (2, (4, 6, 8, 3)), (3, (2, 2, 1, 4))]:
        yield L.tensorinv, (draw(shape),), {"ind": ind}
    for axes, a, b in [
        (None, (2, 3, 6), (2, 3)),
        ((0, 2), (6, 2, 3), (2,)),
        ((1,), (2, 6, 3), (2, 3)),
        (None, (2, 2), (2,)),
    ]:
        yield L.tensorsolve, (draw(a), draw(b, 1)), {"axes": axes}


def products():
    for shapes in [
        [(2, 3), (3, 4)],
        [(2, 3), (3, 4), (4, 5)],
        [(10, 2), (2, 10), (10, 3)],
        [(3,), (3, 4), (4, 5), (5,)],
        [(3,), (3, 4), (4, 2)],
        [(2, 3), (3, 3), (3,)],
        [(3,), (3, 3), (3,)],
        [(5, 1), (1, 6), (6, 2), (2, 7), (7, 3)],
        [(2, 2)] * 6,
    ]:
        yield L.multi_dot, ([draw(shape, i) for i, shape in enumerate(shapes)],), {}
    yield from each(L.matrix_transpose, ANY)
    for offset in (-1, 0, 1):
        yield from each(L.trace, ANY, offset=offset)
        yield from each(L.diagonal, ANY, offset=offset)
    for a, b in [((2, 3), (3, 4)), ((3,), (3,)), ((4, 2, 3), (3, 2)), ((3,), (3, 2))]:
        yield L.matmul, (draw(a), draw(b, 1)), {}
    yield L.outer, (draw((3,)), draw((4,), 1)), {}
    for axis in (-1, 0):
        yield L.cross, (draw((3, 3)), draw((3, 3), 1)), {"axis": axis}
        yield L.vecdot, (draw((3, 3)), draw((3, 3), 1)), {"axis": axis}
    for axes in (0, 1, 2, ((0, 1), (1, 0))):
        yield L.tensordot, (draw((3, 3)), draw((3, 3), 1)), {"axes": axes}


CASES = [*spectra(), *of_any_rank(), *norms(), *equations(), *products()]


def nodes(tree):
    return [nodes(part) for part in tree] if isinstance(tree, list | tuple) else tg.Node(tree)


def plain(tree):
    return tuple(plain(part) for part in tree) if isinstance(tree, tuple) else getattr(tree, "value", tree)


def single(tree):
    return [single(part) for part in tree] if isinstance(tree, list | tuple) else tree.astype(np.float32)


def name(case):
    function, arguments, keywords = case
    shapes = [x.shape for x in (arguments[0] if isinstance(arguments[0], list) else arguments)]
    return f"{path(function)}{shapes}{keywords}"


@np.errstate(all="ignore")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", sorted({case[0] for case in CASES}, key=path), ids=path)
def test_the_value_of_a_node_is_numpys_to_the_last_bit(function, dtype):
    for case in [case for case in CASES if case[0] is function]:
        _, arguments, keywords = case
        arguments = arguments if dtype == "float64" else single(arguments)
        try:
            expected = function(*arguments, **keywords)
        except ValueError:  # what NumPy refuses (its LinAlgError is one)
            with pytest.raises(ValueError):
                function(*nodes(arguments), **keywords)
            continue
        found = function(*nodes(arguments), **keywords)
        assert type(found) is type(expected) or isinstance(found, tg.Node), name(case)
        pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
        for ours, theirs in pairs:
            value = np.asarray(plain(ours))
            assert value.shape == np.shape(theirs), name(case)
            assert value.dtype == np.asarray(theirs).dtype or value.shape == (), name(case)
            np.testing.assert_array_equal(value, theirs, err_msg=name(case))


def test_the_walk_has_every_function_that_is_not_refused():
    refused = {"eig", "eigvals"}
    public = {f for n in L.__all__ if inspect.isfunction(f := getattr(L, n)) or callable(f)}
    known = {path(f).split(".")[-1] for f in public if not isinstance(f, type)} - refused
    assert known == {path(case[0]).split(".")[-1] for case in CASES}
