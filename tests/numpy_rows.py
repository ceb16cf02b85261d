"""The rows of `op_table.py` for NumPy's less common functions, one call and more for each."""

import numpy
from op_table import POSITIVE, REAL, UNIT, add

from tinygrad_ed.ops import elementwise
from tinygrad_ed.ops.numpy import decompose, polynomial, scan, spectral
from tinygrad_ed.ops.numpy import order as ordering

SPD = "a matrix is made symmetric and positive definite from any square one"
HALVES = (0.55, 0.95)
NANS = numpy.array([[False, True, False, False], [False, False, False, False], [True, False, False, True]])
KNOTS = numpy.array([-2.5, -1.0, 0.5, 1.0, 2.5])


def spd(np, x):
    """Make a well-conditioned symmetric matrix of any square one."""
    return x @ np.swapaxes(x, -1, -2) + 2.0 * numpy.eye(3)


def with_nans(np, x):
    """Put NaN into some entries of a (3, 4) array."""
    return np.where(NANS, numpy.nan, x)


# Moving entries

add("append", lambda np, a, b: np.append(a, b), [(3,), (2,)], [(2, 2), ()], oracle=False)
add("append", lambda np, a, b: np.append(a, b, axis=1), [(2, 3), (2, 1)], note="(axis=1)")
add("array_split", lambda np, x: np.array_split(x, 3)[1] * 2.0, (5,), (4, 2))
add("split", lambda np, x: np.split(x, 2, axis=1)[0] * np.split(x, 2, axis=1)[1], (3, 4))
add("split", lambda np, x: np.split(x, [1, 3])[1], (5,), note="(list)")
add("hsplit", lambda np, x: np.hsplit(x, 2)[1], (3, 4))
add("hsplit", lambda np, x: np.hsplit(x, 2)[1], (4,), oracle=False, note="(vector)")
add("vsplit", lambda np, x: np.vsplit(x, 3)[1], (3, 4))
add("dsplit", lambda np, x: np.dsplit(x, 2)[0], (2, 3, 4))
add("atleast_1d", lambda np, x: np.atleast_1d(x), (), (3,), (2, 0))
add("atleast_2d", lambda np, x: np.atleast_2d(x), (), (3,), (2, 3))
add("atleast_3d", lambda np, x: np.atleast_3d(x), (), (3,), (2, 3), (1, 2, 3))
add("block", lambda np, a, b: np.block([[a, b], [b, a * a]]), [(2, 3), (2, 3)], oracle=False)
add("broadcast_arrays", lambda np, a, b: np.broadcast_arrays(a, b)[0] * b, [(3,), (2, 1)], [(), (2,)], oracle=False)
add("choose", lambda np, a, b: np.choose([0, 1, 1], [a, b]), [(3,), (3,)], [(), (3,)], oracle=False)
add("column_stack", lambda np, a, b: np.column_stack([a, b]), [(3,), (3, 2)])
add("compress", lambda np, x: np.compress([True, False, True], x, axis=0), (3, 2), (3,), oracle=False)
add("delete", lambda np, x: np.delete(x, [1, 2], axis=1), (3, 4), oracle=False)
add("delete", lambda np, x: np.delete(x, slice(0, 2)), (3, 2), oracle=False, note="(flat)")
add("diag", lambda np, x: np.diag(x), (3,), (3, 3))
add("diag", lambda np, x: np.diag(x), (2, 3), oracle=False, note="(wide)")
add("diag", lambda np, x: np.diag(x, -1), (3,), (3, 3), note="(-1)")
add("diagflat", lambda np, x: np.diagflat(x, 1), (2, 2), (3,), oracle=False)
add("dstack", lambda np, a, b: np.dstack([a, b]), [(2, 3), (2, 3)], oracle=False)
add("extract", lambda np, x: np.extract([True, False, True], x), (3,), oracle=False)
add("fliplr", lambda np, x: np.fliplr(x), (2, 3))
add("flipud", lambda np, x: np.flipud(x), (2, 3), (3,))
add("fftshift", lambda np, x: np.fft.fftshift(x), (5,), (2, 3))
add("ifftshift", lambda np, x: np.fft.ifftshift(x, axes=0), (5,), (3, 2), note="(axes=0)")
add("hstack", lambda np, a, b: np.hstack([a, b]), [(2, 3), (2, 1)], [(2,), (0,)])
add("insert", lambda np, a, b: np.insert(a, [1, 3], b, axis=1), [(2, 3), (2,)], [(2, 3), ()], oracle=False)
add("insert", lambda np, a, b: np.insert(a, 1, b), [(3,), ()], [(2, 2), (3,)], oracle=False, note="(flat)")
add("sliding_window_view", lambda np, x: numpy.lib.stride_tricks.sliding_window_view(x, 2), (4,), oracle=False)
add("matrix_transpose", lambda np, x: np.matrix_transpose(x), (2, 3), (2, 3, 1), oracle=False)
add("matrix_transpose", lambda np, x: np.linalg.matrix_transpose(x), (2, 3), oracle=False, note="(linalg)")
add("meshgrid", lambda np, a, b: np.meshgrid(a, b)[0] * np.meshgrid(a, b)[1], [(3,), (2,)], oracle=False)
add("pad", lambda np, x: np.pad(x, 1), (2, 3), (3,), oracle=False)
add("pad", lambda np, x: np.pad(x, ((1, 0), (2, 1)), mode="constant"), (2, 3), note="(constant)")
add("pad", lambda np, a, b: np.pad(a, 1, constant_values=b), [(3,), ()], [(2, 2), ()], oracle=False, note="(value)")
for mode in ("edge", "reflect", "symmetric", "wrap"):
    add("pad", lambda np, x, mode=mode: np.pad(x, 2, mode=mode), (3,), (3, 4), oracle=False, note=f"({mode})")
add("insert", lambda np, a, b: np.insert(a, [3, 1, 1], b), [(5,), (3,)], oracle=False, note="(twice)")
add("insert", lambda np, a, b: np.insert(a, 1, b, axis=-1), [(2, 3), (2,)], oracle=False, note="(a column)")
add("resize", lambda np, x: np.resize(x, (3, 3)), (2, 2), (3,), oracle=False)
add("rollaxis", lambda np, x: np.rollaxis(x, 2), (2, 3, 4))
add("rollaxis", lambda np, x: np.rollaxis(x, 0, 2), (2, 3, 4), note="(0, 2)")
add("rot90", lambda np, x: np.rot90(x), (2, 3))
add("rot90", lambda np, x: np.rot90(x, -1, (1, 2)), (2, 3, 1), oracle=False, note="(-1)")
add("select", lambda np, a, b: np.select([a > 0.5, a < -0.5], [a * a, b], default=b), [(5,), (5,)], oracle=False)
add("take_along_axis", lambda np, x: np.take_along_axis(x, numpy.array([[0, 1, 1]]), 0), (2, 3), oracle=False)
add("tile", lambda np, x: np.tile(x, (2, 2)), (2, 3), (3,))
add("tile", lambda np, x: np.tile(x, 3), (), (2, 0), oracle=False, note="(3)")
add("tile", lambda np, x: np.tile(x, (2, 0)), (2, 3), oracle=False, note="(none)")
add("repeat", lambda np, x: np.repeat(x, 17, axis=1), (2, 3), note="(17)")
add("tril", lambda np, x: np.tril(x), (3, 3), (2, 3, 3))
add("triu", lambda np, x: np.triu(x, 1), (3, 3), (2, 3))
add("unstack", lambda np, x: np.unstack(x, axis=1)[2], (2, 3), oracle=False)
add("vstack", lambda np, a, b: np.vstack([a, b]), [(2, 3), (1, 3)], [(2,), (2,)])

# Order

add("sort", lambda np, x: np.sort(x), (5,))
add("sort", lambda np, x: np.sort(x), (3, 4), oracle=False, note="(rows)")
add("sort", lambda np, x: np.sort(x, axis=0), (3, 4), oracle=False, note="(axis=0)")
add("sort", lambda np, x: np.sort(x, axis=None), (3, 4), oracle=False, note="(None)")
add("partition", lambda np, x: np.sort(np.partition(x, 2)[:3]), (5,))
add("partition", lambda np, x: np.partition(x, 1, axis=None)[1], (2, 2), oracle=False, note="(None)")
add("median", lambda np, x: np.median(x), (4,), (5,), (2, 3), (), oracle=False)
add("median", lambda np, x: np.median(x, axis=(0, 2), keepdims=True), (2, 3, 2), oracle=False, note="(axes)")
add("quantile", lambda np, x: np.quantile(x, [0.2, 0.7], axis=1), (3, 4), oracle=False)
for method in ("hazen", "weibull", "nearest", "inverted_cdf", "midpoint", "median_unbiased"):
    call = lambda np, x, method=method: np.quantile(x, 0.3, axis=0, method=method)  # noqa: E731 # bound in a loop
    add("quantile", call, (5, 2), oracle=False, note=f"({method})")
add("percentile", lambda np, x: np.percentile(x, 30, axis=-1, keepdims=True), (3, 4), (4,), oracle=False)
add("nanmedian", lambda np, x: np.nanmedian(with_nans(np, x), axis=1), (3, 4), oracle=False)
add("nanquantile", lambda np, x: np.nanquantile(with_nans(np, x), [0.2, 0.6], axis=1), (3, 4), oracle=False)
add("nanpercentile", lambda np, x: np.nanpercentile(with_nans(np, x), 20, axis=0), (3, 4), oracle=False)

# Statistics

add("ptp", lambda np, x: np.ptp(x), (4,), (2, 3), oracle=False)
add("ptp", lambda np, x: np.ptp(x, axis=0, keepdims=True), (3, 2), oracle=False, note="(axis=0)")
add("average", lambda np, x: np.average(x, axis=1), (2, 3), oracle=False)
add("average", lambda np, a, w: np.average(a, axis=1, weights=w), [(2, 3), (3,)], [(2, 3), (2, 3)],
    domain=[REAL, POSITIVE], oracle=False, note="(weights)")  # fmt: skip
add("average", lambda np, a, w: np.average(a, weights=w, returned=True)[1] * a, [(2, 3), (2, 3)],
    domain=[REAL, POSITIVE], oracle=False, note="(returned)")  # fmt: skip
add("cov", lambda np, x: np.cov(x), (2, 4), (4,), oracle=False)
add("cov", lambda np, a, b: np.cov(a, b, rowvar=False, bias=True), [(4, 2), (4, 1)], oracle=False, note="(two)")
add(
    "cov", lambda np, x: np.cov(x, aweights=[1, 2, 3, 4], fweights=[1, 2, 1, 1]), (2, 4), oracle=False, note="(weights)"
)
add("corrcoef", lambda np, x: np.corrcoef(x), (3, 4), oracle=False)
for name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd"):
    call = lambda np, x, name=name: getattr(np, name)(with_nans(np, x), axis=1)  # noqa: E731 # bound in a loop
    add(name, call, (3, 4), oracle=False)
    call = lambda np, x, name=name: getattr(np, name)(with_nans(np, x), axis=(0, 1), keepdims=True)  # noqa: E731 # ditto
    add(name, call, (3, 4), oracle=False, note="(axes)")
for name in ("nancumsum", "nancumprod"):
    call = lambda np, x, name=name: getattr(np, name)(with_nans(np, x), axis=0)  # noqa: E731 # bound in a loop
    add(name, call, (3, 4), oracle=False)
add("bincount", lambda np, x: np.bincount([0, 1, 1, 4, 0], x, 6), (5,), oracle=False)

# Running, differences, integrals

add("cumprod", lambda np, x: np.cumprod(x), (5,), (2, 3), (0,), (1,), oracle=False)
add("cumprod", lambda np, x: np.cumprod(x, axis=-1), (2, 3), oracle=False, note="(axis=-1)")
add("cumulative_sum", lambda np, x: np.cumulative_sum(x, axis=0, include_initial=True), (2, 3), oracle=False)
add("cumulative_prod", lambda np, x: np.cumulative_prod(x, include_initial=True), (4,), oracle=False)
add("diff", lambda np, x: np.diff(x), (4,), (2, 3))
add("diff", lambda np, x: np.diff(x, 2, axis=0), (4, 2), note="(2, axis=0)")
add("diff", lambda np, a, b: np.diff(a, prepend=b, append=0.5), [(3,), ()], oracle=False, note="(edges)")
add("ediff1d", lambda np, a, b: np.ediff1d(a, to_end=b, to_begin=b), [(4,), (2,)], [(2, 2), ()], oracle=False)
add("trapezoid", lambda np, x: np.trapezoid(x, dx=0.3, axis=0), (4, 2), (3,), oracle=False)
add("trapezoid", lambda np, a, b: np.trapezoid(a, b), [(2, 3), (3,)], oracle=False, note="(x)")
add("gradient", lambda np, x: np.gradient(x), (4,), oracle=False)
add("gradient", lambda np, x: np.gradient(x, axis=1), (3, 4), note="(axis=1)")
add(
    "gradient",
    lambda np, x: np.gradient(x, 0.5, 0.2)[0] * np.gradient(x, 0.5, 0.2)[1],
    (3, 4),
    oracle=False,
    note="(two)",
)
add("gradient", lambda np, x: np.gradient(x, [0, 1, 3, 4.5], axis=1, edge_order=2), (3, 4), oracle=False, note="(list)")
add("interp", lambda np, x: np.interp(x, KNOTS, numpy.cos(KNOTS)), (), (4,), (2, 3), oracle=False)
add("interp", lambda np, x, f: np.interp(x, KNOTS, f), [(4,), (5,)], oracle=False, note="(values)")
add("interp", lambda np, x, k: np.interp(x, KNOTS + 0.1 * k, numpy.sin(KNOTS), left=0.1, right=k[0]), [(4,), (5,)],
    domain=[(-3.5, 3.5), UNIT], oracle=False, note="(knots)")  # fmt: skip
for mode in ("full", "same", "valid"):
    call = lambda np, a, b, mode=mode: np.convolve(a, b, mode)  # noqa: E731 # bound in a loop
    add("convolve", call, [(5,), (2,)], [(5,), (3,)], [(2,), (4,)], [(3,), (3,)], oracle=False, note=f"({mode})")
    call = lambda np, a, b, mode=mode: np.correlate(a, b, mode)  # noqa: E731 # bound in a loop
    add("correlate", call, [(5,), (2,)], [(5,), (3,)], [(2,), (4,)], [(3,), (3,)], oracle=False, note=f"({mode})")
add("linspace", lambda np, a, b: np.linspace(a, b, 4), [(), ()], [(3,), (3,)])
add(
    "linspace",
    lambda np, a, b: np.linspace(a, b, 4, endpoint=False, axis=-1),
    [(3,), ()],
    oracle=False,
    note="(axis=-1)",
)
add("logspace", lambda np, a, b: np.logspace(a, b, 3), [(), ()], oracle=False)
add("geomspace", lambda np, a, b: np.geomspace(a, b, 4), [(), ()], [(2,), (2,)], domain=POSITIVE, oracle=False)
add("unwrap", lambda np, x: np.unwrap(5.0 * x), (6,), oracle=False)
add("apply_along_axis", lambda np, x: np.apply_along_axis(lambda row: row * row[0], 0, x), (3, 2), oracle=False)
add("apply_along_axis", lambda np, x: np.apply_along_axis(lambda row: np.sum(row * row), 1, x), (2, 3, 2), oracle=False,
    note="(scalar)")  # fmt: skip
add("apply_over_axes", lambda np, x: np.apply_over_axes(np.sum, x, [0, 2]), (2, 3, 2), oracle=False)

# Linear algebra

add("inv", lambda np, x: np.linalg.inv(spd(np, x)), (3, 3), (2, 3, 3))
add("inv", lambda np, x: np.linalg.inv(x + 4.0 * numpy.eye(3)), (3, 3), note="(general)")
add("det", lambda np, x: np.linalg.det(x), (3, 3), (2, 2, 2), (1, 1))
add("slogdet", lambda np, x: np.linalg.slogdet(x)[1], (3, 3), (2, 2, 2))
add("solve", lambda np, a, b: np.linalg.solve(spd(np, a), b), [(3, 3), (3,)], [(3, 3), (3, 2)])
STACKS: list[list[tuple[int, ...]]] = [[(2, 3, 3), (3, 1)], [(3, 3), (2, 3, 2)], [(2, 3, 3), (3,)]]
add("solve", lambda np, a, b: np.linalg.solve(spd(np, a), b), *STACKS, oracle=False, note="(stacks)")
add("cholesky", lambda np, x: np.linalg.cholesky(spd(np, x)), (3, 3), (2, 3, 3))
add("cholesky", lambda np, x: np.linalg.cholesky(0.1 * x + 2.0 * numpy.eye(3)), (3, 3), oracle=False, note="(lower)")
add("cholesky", lambda np, x: np.linalg.cholesky(spd(np, x), upper=True), (3, 3), oracle=False, note="(upper)")
add("eigh", lambda np, x: np.linalg.eigh(spd(np, x))[1] ** 2 + np.linalg.eigh(spd(np, x))[0], (3, 3))
add("eigh", lambda np, x: np.linalg.eigh(x, "U")[0], (3, 3), (2, 3, 3), oracle=False, note="(U)")
add("eigvalsh", lambda np, x: np.linalg.eigvalsh(x), (3, 3), (2, 2, 2), oracle=False)
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[1], (3, 4), (2, 3, 2))
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[0] ** 2, (3, 2), (2, 2), (2, 3), note="(U)")
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[2] ** 2, (3, 2), (2, 2), (2, 3), note="(V)")
add("svd", lambda np, x: np.linalg.svd(x, compute_uv=False), (3, 2), note="(values)")
add("svdvals", lambda np, x: np.linalg.svdvals(x), (3, 2), (2, 2, 3), oracle=False)
add("qr", lambda np, x: np.linalg.qr(x)[0], (3, 3), (4, 2), (2, 3), (2, 3, 2), oracle=False)
add("qr", lambda np, x: np.linalg.qr(x)[1], (3, 3), (4, 2), (2, 3), oracle=False, note="(R)")
add("qr", lambda np, x: np.linalg.qr(x, mode="r"), (3, 2), oracle=False, note="(r)")
add("pinv", lambda np, x: np.linalg.pinv(x), (3, 2), (2, 3), (2, 2))
add("pinv", lambda np, x: np.linalg.pinv(x), (2, 3, 2), oracle=False, note="(stack)")
for part in (0, 1, 3):
    call = lambda np, a, b, part=part: np.linalg.lstsq(a, b, rcond=None)[part]  # noqa: E731 # bound in a loop
    add("lstsq", call, [(4, 2), (4,)], [(4, 2), (4, 3)], oracle=False, note=f"[{part}]")
add("norm", lambda np, x: np.linalg.norm(x), (3,), (2, 3), (2, 3, 2))
for order in (1, 2, 3, numpy.inf, -numpy.inf, 2.5):
    call = lambda np, x, order=order: np.linalg.norm(x, order, axis=0)  # noqa: E731 # bound in a loop
    add("norm", call, (3,), (3, 2), oracle=False, note=f"({order})")
for order in (1, -1, 2, -2, "fro", "nuc", numpy.inf, -numpy.inf):
    call = lambda np, x, order=order: np.linalg.norm(x, order, axis=(0, -1), keepdims=True)  # noqa: E731 # ditto
    add("norm", call, (3, 2), (2, 2, 3), oracle=False, note=f"(matrix, {order})")
add("vector_norm", lambda np, x: np.linalg.vector_norm(x), (3,), (2, 3), (), oracle=False)
add(
    "vector_norm",
    lambda np, x: np.linalg.vector_norm(x, ord=3, axis=1, keepdims=True),
    (2, 3),
    oracle=False,
    note="(3)",
)
add("matrix_norm", lambda np, x: np.linalg.matrix_norm(x), (3, 2), (2, 3, 2), oracle=False)
add(
    "matrix_norm",
    lambda np, x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True),
    (2, 3, 2),
    oracle=False,
    note="(nuc)",
)
for order in (None, 2, -2, 1, "fro", numpy.inf):
    call = lambda np, x, order=order: np.linalg.cond(x + 4.0 * numpy.eye(3), order)  # noqa: E731 # bound in a loop
    add("cond", call, (3, 3), oracle=False, note=f"({order})")
for n in (1, 2, 5, -2):
    call = lambda np, x, n=n: np.linalg.matrix_power(x + 3.0 * numpy.eye(2), n)  # noqa: E731 # bound in a loop
    add("matrix_power", call, (2, 2), (3, 2, 2), oracle=False, note=f"({n})")
add("multi_dot", lambda np, a, b: np.linalg.multi_dot([a, b, a]), [(2, 3), (3, 2)], oracle=False)
add("tensorinv", lambda np, x: np.linalg.tensorinv(x + 5.0 * numpy.eye(4).reshape(4, 2, 2), 1), (4, 2, 2), oracle=False)
add("tensorsolve", lambda np, a, b: np.linalg.tensorsolve(a + 5.0 * numpy.eye(4).reshape(2, 2, 4), b),
    [(2, 2, 4), (2, 2)], oracle=False)  # fmt: skip

# Products

EINSUMS: dict[str, list[tuple[int, ...]]] = {
    "ij,jk->ik": [(2, 3), (3, 2)],
    "ij,jk": [(2, 3), (3, 2)],
    "ij->ji": [(2, 3)],
    "ij->j": [(2, 3)],
    "i,j->": [(2,), (3,)],
    ",->": [(), ()],
    ",i": [(), (3,)],
    "...j,jk": [(2, 3, 4), (4, 2)],
    "...,...->...": [(3,), (2, 3)],
    "b...i,bi->b...": [(2, 3, 4), (2, 4)],
    "ii": [(3, 3)],
    "ii->i": [(3, 3)],
    "ij,ij,jk->k": [(2, 3), (2, 3), (3, 2)],
    "iij,j->i": [(2, 2, 3), (3,)],
}
for text, shapes in EINSUMS.items():
    call = lambda np, *xs, text=text: np.einsum(text, *xs)  # noqa: E731 # bound in a loop
    add("einsum", call, shapes, note=f"({text})", oracle=text in ("ij,jk->ik", "ij->ji", "ij,ij,jk->k"))
add("kron", lambda np, a, b: np.kron(a, b), [(2, 2), (2, 3)])
add("kron", lambda np, a, b: np.kron(a, b), [(3,), (2,)], [(2,), (2, 3)], oracle=False, note="(vectors)")
add("cross", lambda np, a, b: np.cross(a, b), [(3,), (3,)], [(2, 3), (2, 3)], [(2, 3), (3,)], oracle=False)
add("cross", lambda np, a, b: np.cross(a, b, axis=0), [(3, 2), (3, 2)], oracle=False, note="(axis=0)")
add("cross", lambda np, a, b: np.linalg.cross(a, b), [(2, 3), (2, 3)], oracle=False, note="(linalg)")
add("vdot", lambda np, a, b: np.vdot(a, b), [(3,), (3,)], [(2, 3), (2, 3)], oracle=False)
add("vecdot", lambda np, a, b: np.vecdot(a, b), [(3,), (3,)], [(2, 3), (3,)], oracle=False)
add("vecdot", lambda np, a, b: np.linalg.vecdot(a, b, axis=0), [(3, 2), (3, 2)], oracle=False, note="(axis=0)")
add("matvec", lambda np, a, b: np.matvec(a, b), [(2, 3), (3,)], [(4, 2, 3), (3,)], [(2, 3), (4, 3)], oracle=False)
add("vecmat", lambda np, a, b: np.vecmat(a, b), [(2,), (2, 3)], [(4, 2), (2, 3)], oracle=False)
add("matmul", lambda np, a, b: np.linalg.matmul(a, b), [(2, 3), (3, 2)], oracle=False, note="(linalg)")
add("outer", lambda np, a, b: np.linalg.outer(a, b), [(2,), (3,)], oracle=False, note="(linalg)")
add("tensordot", lambda np, a, b: np.linalg.tensordot(a, b, axes=1), [(2, 3), (3, 2)], oracle=False, note="(linalg)")

# Polynomials

add("poly", lambda np, x: np.poly(x), (3,), oracle=False)
add("polyadd", lambda np, a, b: np.polyadd(a, b), [(4,), (2,)], [(2,), (3,)], oracle=False)
add("polysub", lambda np, a, b: np.polysub(a, b), [(2,), (3,)], oracle=False)
add("polymul", lambda np, a, b: np.polymul(a, b), [(3,), (2,)], oracle=False)
add(
    "poly",
    lambda np, x: np.poly(x[[0, 0, 1, 1]] * numpy.array([1, 1, 0, 0], numpy.int8)),
    (2,),
    oracle=False,
    note="(equal)",
)
add("polydiv", lambda np, a, b: np.concatenate(np.polydiv(a, b)), [(7,), (3,)], domain=[REAL, POSITIVE], oracle=False,
    note="(both)")  # fmt: skip
add("polydiv", lambda np, a, b: np.polydiv(a, b)[0], [(4,), (2,)], domain=[REAL, POSITIVE], oracle=False)
add("polydiv", lambda np, a, b: np.polydiv(a, b)[1], [(4,), (3,)], domain=[REAL, POSITIVE], oracle=False, note="(rest)")
add("polyder", lambda np, x: np.polyder(x, 2), (4,), oracle=False)
add("polyint", lambda np, x: np.polyint(x, 2), (3,), oracle=False)
add("polyval", lambda np, p, x: np.polyval(p, x), [(3,), ()], [(3,), (2, 2)], oracle=False)
add("polyfit", lambda np, y: np.polyfit([0.1, 0.5, 0.9, 1.4, 2.0], y, 2), (5,), oracle=False)
add("vander", lambda np, x: np.vander(x, 3), (4,), oracle=False)
add("vander", lambda np, x: np.vander(x, increasing=True), (3,), oracle=False, note="(increasing)")

# Parts and pieces

add("sinc", lambda np, x: np.sinc(x), (), (7,), (2, 3))
add("sinc", lambda np, x: np.sinc(0.0 * x + [0.0, 0.1591, 0.1592, 1.0]), (4,), oracle=False, note="(list)")
add("nan_to_num", lambda np, x: np.nan_to_num(with_nans(np, x), nan=3.0), (3, 4), oracle=False)
add("real", lambda np, x: np.real(x) * x, (), (3,))
add("real_if_close", lambda np, x: np.real_if_close(x), (3,))
add("ldexp", lambda np, x: np.ldexp(x, 3), (), (3,), oracle=False)
add("frexp", lambda np, x: np.frexp(x)[0], (3,), domain=HALVES, oracle=False)
add("heaviside", lambda np, x: np.heaviside([0.0, 1.0, -1.0], x), (3,), (), oracle=False)
add("modf", lambda np, x: np.modf(x)[0], (3,), domain=HALVES, oracle=False)
add(
    "piecewise",
    lambda np, x: np.piecewise(x, [x < -0.5, x > 0.5], [lambda t: t * t, lambda t: 3 * t]),
    (6,),
    oracle=False,
)
add("piecewise", lambda np, x: np.piecewise(x, [x < 0], [lambda t: t * t, 1.0]), (5,), oracle=False, note="(rest)")

# Found by a reviewer

add(
    "full",
    lambda np, x: np.full((2, 3), x),
    (),
    (3,),
    (2, 1),
    twin=lambda np, x: np.broadcast_to(x, (2, 3)),
    oracle=False,
)
for order in ("F", "A"):
    call = lambda np, x, order=order: x.reshape((3, 2), order=order)  # noqa: E731 # bound in a loop
    add("reshape", call, (2, 3), (6,), oracle=False, note=f"({order})")
    call = lambda np, x, order=order: np.ravel(x.T, order=order) * x.T.reshape(-1, order=order)  # noqa: E731 # ditto
    add("ravel", call, (2, 3), oracle=False, note=f"({order})")
for mode in ("wrap", "clip"):
    call = lambda np, x, mode=mode: np.take(x, [0, 5, -7], axis=0, mode=mode)  # noqa: E731 # bound in a loop
    add("take", call, (3, 2), oracle=False, note=f"({mode})")
add(
    "einsum",
    lambda np, a, b: np.einsum("ij,jk->ik", a, b, optimize=True),
    [(2, 3), (3, 2)],
    note="(optimize)",
    oracle=False,
)
add("einsum", lambda np, a, b: np.einsum("ij,jk->ik", a, b), [(2, 1), (3, 4)], note="(length 1)", oracle=False)
add("einsum", lambda np, a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), [(2, 3), (3, 2)], note="(lists)", oracle=False)
add("einsum", lambda np, a, b: np.einsum(a, [..., 0], b, [0]), [(2, 3), (3,)], note="(lists, ...)", oracle=False)
add("eigvalsh", lambda np, x: np.linalg.eigvalsh(x), (0, 3, 3), oracle=False, note="(no matrix)")
add("svdvals", lambda np, x: np.linalg.svdvals(x), (0, 3, 2), oracle=False, note="(no matrix)")
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[0], (0, 3, 2), oracle=False, note="(no matrix)")

# Ops that stand in rules only


def cofactors(np, x):
    """The matrix of cofactors of a regular matrix."""
    return np.reshape(np.linalg.det(x), (*x.shape[:-2], 1, 1)) * np.swapaxes(np.linalg.inv(x), -1, -2)


def moved(np, g, x):
    """How the cofactors of a regular matrix move along g."""
    back = np.swapaxes(np.linalg.inv(x), -1, -2)
    return np.linalg.det(x) * (np.sum(back * g) * back - back @ g.T @ back)


def spectrum(np, g, x):
    """The matrix with the eigenvectors of x and other eigenvalues."""
    v = np.linalg.eigh(x)[1]
    return (v * g) @ np.swapaxes(v, -1, -2)


def singular(np, g, x):
    """The matrix with the singular vectors of x and other singular values."""
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return (u * g) @ vh


add("over", lambda np, a, b: elementwise.over(a, b), [(3,), (2, 3)], [(), ()], domain=POSITIVE,
    twin=lambda np, a, b: a / b)  # fmt: skip
add(
    "cofactors",
    lambda np, x: decompose._cofactors(x, decompose.det(x)),
    (3, 3),
    (2, 2, 2),
    twin=cofactors,
    oracle=False,
)
add("inverse_of_lower", lambda np, x: decompose._inverse_of_lower(numpy.tri(3) * x + 3.0 * numpy.eye(3)), (3, 3),
    oracle=False, twin=lambda np, x: np.linalg.inv(numpy.tri(3) * x + 3.0 * numpy.eye(3)),
    note="(float64)")  # fmt: skip
add("long_division", lambda np, u, v: polynomial._divided(u, v), [(5,), (3,)], [(3,), (1,)], domain=[REAL, POSITIVE],
    twin=lambda np, u, v: np.concatenate(np.polydiv(u, v)), oracle=False)  # fmt: skip
add("cofactors_moved", lambda np, g, x: decompose._moved(g, x), [(3, 3), (3, 3)], twin=moved, oracle=False)
add(
    "divided",
    lambda np, n, d: spectral._divided(n, d + 3.0, 1e-9),
    [(2, 3), (1, 3)],
    twin=lambda np, n, d: n / (d + 3.0),
)
add("symmetric", lambda np, g, x: spectral._symmetric(g, x, spectral._eigh(x)), [(1, 3), (3, 3)], twin=spectrum,
    oracle=False)  # fmt: skip
TIED = numpy.array([[True, True, False], [True, True, False], [False, False, True]])
add("alike", lambda np, g: spectral._alike(g, TIED, numpy.zeros((1, 3), bool)), (1, 3), oracle=False,
    twin=lambda np, g: (g @ (TIED / [2.0, 2.0, 1.0])).astype(g.dtype))  # fmt: skip
add("rectangular", lambda np, g, x: spectral._rectangular(g, x, spectral._svd(x)), [(1, 2), (3, 2)], [(1, 2), (2, 3)],
    twin=singular, oracle=False)  # fmt: skip


def slopes_matrix(n):
    """Row k of the transpose has the part of entry k in each slope."""
    return numpy.gradient(numpy.eye(n), 0.5, axis=0).T


def recurrence(np, a, c):
    """y_k = a_k y_(k-1) + c_k, one after the other."""
    y = [c[0]]
    for k in range(1, len(c)):
        y.append(a[k] * y[-1] + c[k])
    return np.stack(y)


ORDER = numpy.array([2, 0, 1])
add("of_neighbors", lambda np, x: scan._of_neighbors(x), (3,), (2, 3), oracle=False, note="(float64)",
    twin=lambda np, x: -numpy.diff(x, prepend=0.0, append=0.0))  # fmt: skip
add(
    "of_slope",
    lambda np, x: scan._of_slope(x, spacing=0.5),
    (4,),
    twin=lambda np, x: slopes_matrix(4) @ x,
    note="(float64)",
    oracle=False,
)
add("recurrence", lambda np, a, c: scan._recurrence(a, c), [(5,), (5,)], [(3, 2), (3, 2)], [(9, 2), (9, 2)],
    [(150,), (150,)], domain=[UNIT, REAL], twin=recurrence, oracle=False)  # fmt: skip
add("moments", lambda np, g, x: polynomial._moments(g, x, count=3), [(4,), (4,)], [(2, 3), (2, 3)], oracle=False,
    twin=lambda np, g, x: np.stack([np.sum(g * x**k) for k in (2, 1, 0)]))  # fmt: skip
add("placed", lambda np, x: ordering._placed(x, order=ORDER), (3,), oracle=False,
    twin=lambda np, x: x[numpy.argsort(ORDER)])  # fmt: skip
