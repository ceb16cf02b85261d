"""The rows of `op_table.py` for NumPy's less common functions, one call and more for each."""

import numpy
from op_row import POSITIVE, REAL, UNIT, Rows

ROWS = Rows()
add = ROWS.add
HALVES = (0.55, 0.95)
NANS = numpy.array([[False, True, False, False], [False, False, False, False], [True, False, False, True]])
KNOTS = numpy.array([-2.5, -1.0, 0.5, 1.0, 2.5])


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
