"""What people try on a Node, and what they are told: the names exist, and what is advised works."""

import functools
import itertools
import math
import re
import statistics

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.sparse
import scipy.special
import scipy.stats

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS

VECTOR = np.array([0.2, 0.5, 0.8])
MASK = VECTOR > 0.3
LOST = r"would become a plain number here and its derivative would be lost; "

NUMBER = LOST + r"use node.item\(\) .*tg.exp.*`math`.*tg.array\(\[\.\.\.\]\)"
ARRAY = LOST + r"NumPy's arrays hold plain numbers: .*node.item\(\).*tg.exp.*tg.array\(\[\.\.\.\]\).*tg.full"
LIBRARY = LOST + r"scipy asks for plain numbers here: .*node.value.*tg.op\('f'"
ASKED = {
    "float": (lambda x: float(x[0]), NUMBER),
    "int": (lambda x: int(x[0]), NUMBER),
    "complex": (lambda x: complex(x[0]), NUMBER),
    "math.exp": (lambda x: math.exp(x[0]), NUMBER),
    "math.floor": (lambda x: math.floor(x[0]), NUMBER),
    "math.fsum": math.fsum,
    "math.hypot": (lambda x: math.hypot(*x), NUMBER),
    "statistics.fmean": statistics.fmean,
    "statistics.mean": statistics.mean,
    "statistics.stdev": statistics.stdev,
    "%": (lambda x: "%.3f" % x[0], NUMBER),  # noqa: UP031  # it is what people write
    "range": (lambda x: range(x[0]), NUMBER),
    "an index of a list": (lambda x: [1, 2][x[0]], NUMBER),
    "np.array": (np.array, ARRAY),
    "np.array of several": (lambda x: np.array([x[0], x[1]]), ARRAY),
    "np.asarray": (np.asarray, ARRAY),
    "np.float64": (lambda x: np.float64(x[0]), ARRAY),
    "np.full": (lambda x: np.full(3, x[0]), ARRAY),
    "np.random": (lambda x: np.random.default_rng(0).normal(x), ARRAY),
    "array[:] =": (lambda x: np.ones(3).__setitem__(slice(None), x), ARRAY),
    "tg.Node of Nodes": (lambda x: tg.Node([x[0], x[1]]), ARRAY),
    "np.polynomial": (np.polynomial.Polynomial([1, 2]), ARRAY),
    "scipy.sparse": (lambda x: scipy.sparse.eye_array(3) @ x, LIBRARY),
    "scipy.special.logsumexp": (scipy.special.logsumexp, LIBRARY),
    "scipy.special.softmax": (scipy.special.softmax, LIBRARY),
    "scipy.linalg": (lambda x: scipy.linalg.solve(np.eye(3), x), LIBRARY),
    "scipy.stats": (scipy.stats.norm.pdf, LIBRARY),
    "scipy.integrate": (lambda x: scipy.integrate.quad(lambda t: x[0] * t, 0, 1), LIBRARY),
}
ASKED = {name: entry if isinstance(entry, tuple) else (entry, NUMBER) for name, entry in ASKED.items()}


@pytest.mark.parametrize("name", ASKED)
def test_who_asks_for_a_plain_number_decides_what_is_said(name):
    call, message = ASKED[name]
    with pytest.raises(tg.GraphDropped, match=message) as caught:
        call(tg.Node(VECTOR))
    assert_names_exist(caught.value)


def test_another_library_is_called_by_its_name():
    """Whatever lies among the installed packages and asks NumPy for an array is no code of the reader's."""
    path = "/opt/lib/python3/site-packages/pandas/core/construction.py"
    library = {"__name__": "pandas.core.construction"}
    exec(compile("import numpy\nSeries = lambda data: numpy.asarray(data)", path, "exec"), library)  # noqa: S102
    with pytest.raises(tg.GraphDropped, match=r"pandas asks for plain numbers here: give it node.value"):
        library["Series"](tg.Node(VECTOR))


def test_an_entry_of_an_array_cannot_be_a_node_and_the_cause_says_what_can():
    out, x = np.zeros(3), tg.Node(VECTOR)
    for fill in (lambda: out.__setitem__(0, x[0] ** 2), lambda: np.fromiter([x[0], x[1]], float)):
        with pytest.raises(ValueError, match="setting an array element with a sequence") as caught:
            fill()
        assert isinstance(caught.value.__cause__, tg.GraphDropped)
        assert re.search(
            r"`array\[i\] = node`, make one Node of a list of Nodes: tg.array", str(caught.value.__cause__)
        )
    assert tg.array([x[0] ** 2, x[1]]).shape == (2,)


# --- NumPy's and SciPy's functions without a rule, methods of ufuncs, keywords ----------------------------------------

OUT = r": a Node is never written into, and a plain array cannot hold one \(write `a = a \+ node`"
REFUSED = {
    "scipy.special.ellipk": (scipy.special.ellipk, r"has no .*tg.op\('ellipk', scipy.special.ellipk, lambda g"),
    "scipy.special.struve": (lambda x: scipy.special.struve(x, x), r"lambda g, y, a, b: .*, lambda"),
    "np.frompyfunc": (np.frompyfunc(math.exp, 1, 1), r"^a ufunc of np.frompyfunc, exp \(.*call the function itself"),
    "np.spacing": (np.spacing, r"^np.spacing has no derivative rule .*spacing = tg.op\('spacing', np.spacing"),
    "np.linalg.eig": (lambda x: np.linalg.eig(x * np.eye(3)), r"^np.linalg.eig .* is complex.*use np.linalg.eigh or"),
    "np.fft.rfft": (np.fft.rfft, r"^np.fft.rfft has .*result is complex, and a Node is real: products with np.cos and"),
    "np.roots": (np.roots, r"^np.roots has .*result is complex.*plain values \(node.value\)$"),
    "np.histogram": (np.histogram, r"^np.histogram has .*several results, and an op has one"),
    "np.savez": (lambda x: np.savez("never.npz", x), r"^np.savez has .*writes plain numbers to a file: give it node.v"),
    "np.put": (lambda x: np.put(x, 0, 1.0), r"^np.put writes into an array.*tg.where\(mask, new, old\)"),
    "np.copyto": (lambda x: np.copyto(np.ones(3), x), r"^np.copyto writes into an array"),
    "subtract.outer": (lambda x: np.subtract.outer(x, x), r"^np.subtract.outer .*; write x\[:, None\] - y for vectors"),
    "hypot.outer": (lambda x: np.hypot.outer(x, x), r"write np.hypot\(x\[:, None\], y\) for vectors"),
    "add.reduce": (np.add.reduce, r"use np.sum itself, or plain values \(node.value\)"),
    "maximum.reduce": (np.maximum.reduce, r"use np.max itself"),
    "logaddexp.reduce": (np.logaddexp.reduce, r"use tg.logsumexp itself"),
    "hypot.reduce": (np.hypot.reduce, r"functools.reduce\(np.hypot, x\)"),
    "multiply.accumulate": (np.multiply.accumulate, r"use np.cumprod itself"),
    "maximum.accumulate": (np.maximum.accumulate, r"tg.stack\(\[\*itertools.accumulate\(x, np.maximum\)\]\)"),
    "add.reduceat": (lambda x: np.add.reduceat(x, [0, 1]), r"take slices, as in x\[i:j\]"),
    "add.at": (lambda x: np.add.at(np.ones(3), [0], x[:1]), r"never written into, .*tg.scatter_add and tg.where make"),
    "out=": (lambda x: np.exp(x, out=np.ones(3)), r"^np.exp on a Node does not take out= \(known: none\)" + OUT),
    "out= of a Node": (lambda x: np.exp(VECTOR, out=x), OUT),
    "out= of a plain one": (lambda x: np.floor(VECTOR, out=x), r"np.floor on a Node does not take out=" + ".*" + OUT),
    "+=": (lambda x: np.ones(3).__iadd__(x), r"^np.add on a Node does not take out=.*" + OUT),
    "@=": (lambda x: np.eye(3).__imatmul__(x * np.eye(3)), r"^np.matmul on a Node does not take .*out=.*" + OUT),
    "where=": (
        lambda x: np.exp(x, where=MASK),
        r"does not take where=.*: pick entries with tg.where\(mask, node, other\)",
    ),
    "dtype=": (
        lambda x: np.exp(x, dtype=np.float32),
        r"take dtype=.*: convert what you give, .*: node.astype\(dtype\)",
    ),
    "casting=": (lambda x: np.exp(x, casting="unsafe"), r"^np.exp on a Node does not take casting= .*: leave it out"),
    "dtype= of a function": (
        lambda x: np.sum(x, dtype=np.float32),
        r"np.sum on a Node does not take dtype= \(known: axis",
    ),
    "out= of a function": (lambda x: np.sum(x, out=np.ones(())), r"np.sum .* does not take out=.*" + OUT),
    "out= where entries are moved": (
        lambda x: np.choose([0, 1, 0], [x, x], out=np.ones(3)),
        r"np.choose .*out=.*" + OUT,
    ),
    "dtype= where entries are moved": (lambda x: np.vstack([x, x], dtype=np.float32), r"np.vstack .*take dtype="),
    "**kwargs of NumPy's": (lambda x: np.clip(x, 0, 1, where=MASK), r"np.clip on a Node does not take where="),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_what_to_do_instead(name):
    call, message = REFUSED[name]
    with pytest.raises(tg.NoDerivativeRule, match=message) as caught:
        call(tg.Node(VECTOR))
    assert_names_exist(caught.value)


def test_what_is_numpys_default_is_no_keyword():
    x = tg.Node(VECTOR)
    for keywords in ({"where": True}, {"casting": "same_kind"}, {"order": "K"}, {"dtype": None}, {"subok": True}):
        assert np.exp(x, **keywords).op.name == "exp"


def test_a_plain_function_takes_every_keyword_and_method():
    x, out = tg.Node(VECTOR), np.full(3, 7.0)
    assert np.floor(10 * x, out=out) is out
    np.testing.assert_array_equal(out, [2.0, 5.0, 8.0])
    out //= x
    np.testing.assert_array_equal(out, [2.0, 5.0, 8.0] // VECTOR)
    np.testing.assert_array_equal(np.greater.outer(x, x), np.greater.outer(VECTOR, VECTOR))
    np.testing.assert_array_equal(np.isnan(x, where=MASK, out=np.ones(3, bool)), [True, False, False])
    assert np.logical_or.reduce(x)


# --- what is advised works -------------------------------------------------------------------------------------------


def test_scipys_function_as_an_op(monkeypatch):
    monkeypatch.setitem(HANDLERS, scipy.special.ellipk, None)  # so that it is undone
    del HANDLERS[scipy.special.ellipk]
    ellipk, ellipe = scipy.special.ellipk, scipy.special.ellipe
    ours = tg.op("ellipk", ellipk, lambda g, y, x: g * (ellipe(x) - (1 - x) * y) / (2 * x * (1 - x)))
    tg.check_grads(ours, VECTOR, order=1, modes=("rev",))
    assert ellipk(tg.Node(0.5)).value == ellipk(0.5)


def test_a_product_with_a_sparse_matrix_as_an_op():
    matrix = scipy.sparse.csr_array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    times = tg.op("times", lambda x: matrix @ x, lambda g, y, x: matrix.T @ g)
    tg.check_grads(times, VECTOR, order=1, modes=("rev",))


def test_what_is_the_same_is_the_same():
    x, y = tg.Node(VECTOR), tg.Node(VECTOR + 1)
    plain = VECTOR, VECTOR + 1
    for ours, theirs in (
        (tg.logsumexp(x), scipy.special.logsumexp(plain[0])),
        (x[:, None] - y, np.subtract.outer(*plain)),
        (np.hypot(x[:, None], y), np.hypot.outer(*plain)),
        (functools.reduce(np.hypot, x), np.hypot.reduce(plain[0])),
        (tg.stack([*itertools.accumulate(x, np.maximum)]), np.maximum.accumulate(plain[0])),
        (tg.logsumexp(x), np.logaddexp.reduce(plain[0])),
        (np.sum(x.astype(np.float32)), np.sum(plain[0], dtype=np.float32)),
        (np.sum(tg.where(MASK, x, 0.0)), np.sum(plain[0], where=MASK)),
        (tg.full((2, 2), x[0]), np.full((2, 2), plain[0][0])),
    ):
        np.testing.assert_allclose(ours.value, theirs, rtol=1e-12)


def test_a_step_is_an_assignment():
    w = tg.Node(VECTOR)
    (w * w).sum().backward()
    with pytest.raises(ValueError, match="output array is read-only"):  # NumPy's own: see docs/training.md
        w.value -= 0.1 * w.grad
    w.value = w.value - 0.1 * w.grad
    np.testing.assert_allclose(w.value, 0.8 * VECTOR)


def test_a_rule_that_cannot_be_called_is_named_with_its_line():
    rule = lambda g, x: g  # noqa: E731
    line = rule.__code__.co_firstlineno
    with pytest.raises(tg.InvalidType) as caught:
        tg.op("short", np.sin, rule)
    assert re.fullmatch(
        r"a derivative rule of op 'short' does not take \(g, y, and 1 input\), but \(g, x\) at .*test_messages.py:"
        rf"{line}; there is one rule for each input, and each takes all of them",
        str(caught.value),
    )
    with pytest.raises(tg.InvalidType, match=r"but \(g, y, a\); there is one rule for each input"):
        tg.op("two", np.add, lambda g, y, a, b: g, functools.partial(lambda n, g, y, a: g, 1))


# --- names -----------------------------------------------------------------------------------------------------------

HOMES = {"tg": tg, "np": np, "scipy": scipy, "math": math, "functools": functools, "itertools": itertools}


def assert_names_exist(error):
    """Every name with a dot that a message has can be looked up."""
    for name in re.findall(r"\b(?:tg|np|scipy|math|functools|itertools)(?:\.\w+)+", str(error)):
        home, *path = name.split(".")
        functools.reduce(getattr, path, HOMES[home])


def test_a_name_that_does_not_exist_would_be_seen():
    with pytest.raises(AttributeError, match="erf"):
        assert_names_exist(ValueError("use np.strings.erf"))
