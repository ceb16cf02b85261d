"""NumPy's functions on Nodes, in units of NumPy's own time: the value, and the value with its gradient.

Run `python benchmarks/functions.py --help`. Each line of the table is a call. It tells NumPy's time, how many times as
long the value on Nodes takes, and the value with a sweep; then how much longer the three take for four times the size.
Calls that NumPy answers in less than 0.2 ms (with a view, most of them) are left out of the count of slow ones.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import write

import tinygrad_ed as tg
from tinygrad_ed.ops.numpy.coverage import coverage

ENOUGH = 2e-4  # seconds
TARGETS = 3.0, 6.0

# The calls, by what x and y are: vectors, tables of ten columns, square matrices, and small ones for linear algebra.
VECTORS = """
np.absolute(x) np.arccos(x) np.arccosh(1+x) np.arcsin(x) np.arcsinh(x) np.arctan(x) np.arctanh(x) np.cbrt(x)
np.clip(x,.2,.8) np.conjugate(x) np.copy(x) np.cos(x) np.cosh(x) np.deg2rad(x) np.degrees(x) np.exp(x) np.exp2(x)
np.expm1(x) np.fabs(x) np.frexp(x) np.heaviside(0,x) np.ldexp(x,2) np.log(x) np.log10(x) np.log1p(x) np.log2(x)
np.modf(x) np.nan_to_num(x) np.negative(x) np.positive(x) np.rad2deg(x) np.radians(x) np.real(x) np.real_if_close(x)
np.reciprocal(x) np.sin(x) np.sinc(x) np.sinh(x) np.sqrt(x) np.square(x) np.tan(x) np.tanh(x) np.astype(x,np.float32)
np.add(x,y) np.arctan2(x,y) np.copysign(x,y) np.divide(x,y) np.divmod(x,y) np.float_power(x,y) np.fmax(x,y)
np.fmin(x,y) np.fmod(x,y) np.hypot(x,y) np.logaddexp(x,y) np.logaddexp2(x,y) np.maximum(x,y) np.minimum(x,y)
np.multiply(x,y) np.power(x,y) np.remainder(x,y) np.subtract(x,y) np.where(MASK,x,y) np.power(x,3)
np.piecewise(x,[MASK],[np.sin,np.cos]) np.select([MASK],[x],y) np.choose(INTS%2,[x,y]) np.amax(x) np.amin(x)
np.average(x,weights=y) np.cumprod(x) np.cumsum(x) np.cumulative_prod(x) np.cumulative_sum(x) np.diff(x) np.ediff1d(x)
np.gradient(x) np.max(x) np.mean(x) np.median(x) np.min(x) np.nancumprod(x) np.nancumsum(x) np.nanmax(x) np.nanmean(x)
np.nanmedian(x) np.nanmin(x) np.nanpercentile(x,30) np.nanprod(x) np.nanquantile(x,.3) np.nanstd(x) np.nansum(x)
np.nanvar(x) np.partition(x,9) np.percentile(x,30) np.prod(x) np.ptp(x) np.quantile(x,.3) np.quantile(x,[.1,.5])
np.sort(x) np.std(x) np.sum(x) np.trapezoid(x) np.trapezoid(x,y) np.unwrap(9*x) np.var(x) np.bincount(INTS%999,x)
np.interp(x,KNOTS,KNOTS) np.convolve(x,y[:99]) np.convolve(x,y[:99],'valid') np.correlate(x,y[:99]) np.linalg.norm(x)
np.linalg.norm(x,1) np.linalg.norm(x,3) np.linalg.vector_norm(x) np.dot(x,y) np.inner(x,y) np.vdot(x,y) np.vecdot(x,y)
np.append(x,y) np.array_split(x,3) np.atleast_1d(x) np.atleast_2d(x) np.atleast_3d(x) np.block([x,y])
np.broadcast_arrays(x,y) np.broadcast_to(x,(3,x.size)) np.column_stack([x,y]) np.compress(MASK,x)
np.concatenate([x,y]) np.delete(x,[3,5]) np.dstack([x,y]) np.expand_dims(x,0) np.extract(MASK,x) np.fft.fftshift(x)
np.fft.ifftshift(x) np.flip(x) np.full_like(x,y[0]) np.hstack([x,y]) np.insert(x,[3,5],y[:2])
np.lib.stride_tricks.sliding_window_view(x,3) np.pad(x,5) np.pad(x,5,'reflect') np.ravel(x) np.repeat(x,3)
np.resize(x,2*x.size) np.roll(x,7) np.split(x,2) np.squeeze(x) np.stack([x,y]) np.take(x,INTS)
np.take_along_axis(x,INTS,0) np.tile(x,3) np.unstack(x.reshape(2,-1)) np.vstack([x,y]) np.polyadd(x,y) np.polyder(x)
np.polydiv(x[:3999],y[:3900]) np.polyint(x) np.polymul(x[:2000],y[:2000]) np.polysub(x,y) np.polyval(y[:9],x)
np.poly(x[:500]) np.polyfit(x,y,5) np.vander(x,4) np.linspace(x,y,4) np.geomspace(x,y,4) np.logspace(x,y,4)
np.einsum('i,i',x,y) x[MASK] x[INTS] x[3:-5] x[::-2]
"""
TABLES = """
np.sum(x,axis=0) np.sum(x,axis=1) np.mean(x,axis=1) np.max(x,axis=0) np.max(x,axis=1) np.prod(x,axis=0)
np.prod(x,axis=1) np.std(x,axis=1) np.cumsum(x,axis=1) np.cumprod(x,axis=0) np.cumprod(x,axis=1) np.diff(x,axis=0)
np.median(x,axis=1) np.quantile(x,[.1,.5],axis=1) np.median(x,axis=0) np.sort(x,axis=1) np.sort(x,axis=0)
np.gradient(x,axis=0) np.trapezoid(x,axis=1) np.apply_over_axes(np.sum,x,[0]) np.cross(x[:,:3],y[:,:3])
np.linalg.cross(x[:,:3],y[:,:3]) np.linalg.norm(x,axis=1) np.linalg.vector_norm(x,axis=1) np.vecdot(x,y)
np.linalg.vecdot(x,y) np.cov(x.T) np.corrcoef(x.T) np.hsplit(x,2) np.vsplit(x,2) np.dsplit(x.reshape(-1,5,2),2)
np.einsum('ij,kj->ik',x[:1000],y[:999]) np.einsum('ij,ij->i',x,y) np.tensordot(x,y,((0,),(0,))) np.repeat(x,2,axis=1)
np.roll(x,3,axis=1) np.average(x,axis=1) np.nanmedian(x,axis=1) np.ptp(x,axis=1)
"""
MATRICES = """
np.transpose(x) np.swapaxes(x,0,1) np.moveaxis(x,0,1) np.rollaxis(x,1) np.matrix_transpose(x)
np.linalg.matrix_transpose(x) np.fliplr(x) np.flipud(x) np.rot90(x) np.tril(x) np.triu(x) np.trace(x) np.diagonal(x)
np.diag(x) np.diag(x[0]) np.diagflat(x[0]) np.linalg.trace(x) np.linalg.diagonal(x) np.outer(x[0],y[0])
np.linalg.outer(x[0],y[0]) np.kron(x[:30,:30],y[:30,:30]) np.meshgrid(x[0],y[0]) np.matvec(x,y[0]) np.vecmat(x[0],y)
np.matmul(x,y[0]) np.reshape(x,-1) np.linalg.matrix_norm(x) np.linalg.norm(x,1) np.linalg.norm(x,np.inf)
np.apply_along_axis(np.sum,1,x)
"""
SMALL = """
np.linalg.cholesky(x@x.T+np.eye(len(x))) np.linalg.cond(x) np.linalg.cond(x,1) np.linalg.det(x) np.linalg.slogdet(x)
np.linalg.eigh(x) np.linalg.eigvalsh(x) np.linalg.inv(x) np.linalg.solve(x,y) np.linalg.lstsq(x,y,None)
np.linalg.pinv(x) np.linalg.qr(x) np.linalg.svd(x) np.linalg.svdvals(x) np.linalg.norm(x,2) np.linalg.norm(x,'nuc')
np.linalg.matrix_power(x,5) np.linalg.multi_dot([x,y,x,y[0]]) np.matmul(x,y) np.linalg.matmul(x,y)
np.linalg.tensordot(x,y) np.einsum('ij,jk,kl',x,y,x,optimize=True) np.linalg.tensorinv(x.reshape(len(x),1,len(x)),1)
np.linalg.tensorsolve(x,y[0])
"""
GROUPS = {  # the calls, the shape of x and y for n entries, and the largest n
    VECTORS: (lambda n: (n,), 400_000),
    TABLES: (lambda n: (n // 10, 10), 400_000),
    MATRICES: (lambda n: (round(n**0.5), round(n**0.5)), 1_000_000),
    SMALL: (lambda n: (round(n**0.5), round(n**0.5)), 40_000),
}


def timed(step: Callable[[], Any], seconds: float = 0.3) -> float:
    """The least time of a few runs: noise only adds."""
    times, end = [], time.process_time() + seconds
    while not times or (time.process_time() < end and len(times) < 50):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return min(times)


def total(result: Any) -> Any:
    """One number that depends on all of a result."""
    parts = result if isinstance(result, list | tuple) else [result]
    return sum([part.sum() for part in parts if isinstance(part, tg.Node)])


def prepared(text: str, shape: tuple[int, ...]) -> tuple[Callable[..., Any], Any, Any]:
    """The call of a line of the table, and its x and y."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 0.9, (2, *shape))
    around = {"np": np, "MASK": x > 0.5, "INTS": rng.integers(0, len(x), len(x)), "KNOTS": np.linspace(0, 1, 100)}
    return eval(f"lambda x, y: {text}", around), x, y  # noqa: S307  # a line of the table above


def measure(text: str, shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Seconds for NumPy, for the value on Nodes, and for the value with a sweep."""
    call, x, y = prepared(text, shape)
    a, b = tg.Node(x), tg.Node(y)
    return timed(lambda: call(x, y)), timed(lambda: call(a, b)), timed(lambda: total(call(a, b)).backward())


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", help="calls with this text in them")
    parser.add_argument("--slow", action="store_true", help="print the slow ones only")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    lines, slow = ["| call | NumPy | value | with gradient | four times the size |", "|---|---|---|---|---|"], 0
    for calls, (shape, size) in GROUPS.items():
        for text in [text for text in calls.split() if options.only in text]:
            large, small = [measure(text, shape(n)) for n in (size, size // 4)]
            ratios = large[1] / large[0], large[2] / large[0]
            counts = large[0] >= ENOUGH and any(r > t for r, t in zip(ratios, TARGETS, strict=True))
            slow += counts
            growth = ", ".join([f"{a / b:.1f}" for a, b in zip(large, small, strict=True)])
            line = f"| `{text}` | {large[0] * 1e3:.2f} ms | {ratios[0]:.1f} | {ratios[1]:.1f} | {growth} |"
            if counts or not options.slow:
                print(line, "<-" if counts else "", flush=True)
            lines.append(line)
    named = {text.split("(")[0].removeprefix("np.") for calls in GROUPS for text in calls.split()}
    left = [entry.name for entry in coverage() if entry.kind == "differentiable" and entry.name not in named]
    print(f"{slow} calls are slower than {TARGETS}; not measured: {', '.join(left) or 'none'}")
    if options.write:
        write(options.write, "NumPy's functions", "\n".join(lines))


if __name__ == "__main__":
    main()
