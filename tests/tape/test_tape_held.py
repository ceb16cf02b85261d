"""What a compiled function finds outside of itself, by any road that its text names: a change is refused, and named."""

import functools
import operator
import sys
import types
from contextlib import contextmanager

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

HERE = sys.modules[__name__]
ACT, GAIN, mean = np.tanh, 2.0, 1.0
TABLE, ROW = {"act": np.tanh}, [np.exp]
OUTSIDE = types.ModuleType("outside")
OUTSIDE.inner = types.ModuleType("outside.inner")
OUTSIDE.inner.rate = 0.1


class Config:
    rate = 0.1


class Base:
    rate = 0.1

    def step(self, x):
        return x * self.rate

    @staticmethod
    def still(x):
        return x * GAIN

    @classmethod
    def of_class(cls, x):
        return x * cls.rate


class Net:
    def __init__(self):
        self.act = np.tanh
        self.gain = GAIN

    def __call__(self, x):
        return self.act(x)

    def scaled(self, x):
        return x * self.gain


class Other(Net):
    pass


KIND, BASE, OTHER_BASE, NET = Net, Base(), Base(), Net()


@contextmanager
def changed(home, name, new):
    """Another entry or attribute for a while."""
    space = home if isinstance(home, dict | list) else None
    had = True if space is not None else name in vars(home)
    old = space[name] if space is not None else getattr(home, name)
    put = functools.partial(operator.setitem if space is not None else setattr, home, name)
    put(new)
    yield
    if had:
        put(old)
    else:
        delattr(home, name)


def importing(x):
    import outside  # found where modules are

    return x * outside.inner.rate


@pytest.mark.parametrize(
    ("f", "home", "name", "new", "words"),
    [
        (lambda x: ACT(x), HERE, "ACT", np.sin, r"ACT \(it is another ufunc"),
        (lambda x: NET(x), NET, "act", np.sin, r"NET\.act \(it is another ufunc"),
        (lambda x: TABLE["act"](x), TABLE, "act", np.sin, r"TABLE\['act'\]"),
        (lambda x: ROW[0](x), ROW, 0, np.sin, r"ROW\[0\]"),
        (lambda x: x * Config.rate, Config, "rate", 0.5, r"Config\.rate \(it was 0\.1 and is 0\.5"),
        (lambda x: BASE.step(x), Base, "rate", 0.5, r"BASE\.rate"),
        (lambda x: OTHER_BASE.step(x), OTHER_BASE, "rate", 0.5, r"OTHER_BASE\.rate \(it was 0\.1 and is 0\.5"),
        (lambda x: BASE.step(x), Base, "step", lambda self, x: x, r"BASE\.step \(it is another method"),
        (lambda x: Base.still(x), HERE, "GAIN", 3.0, "GAIN"),
        (lambda x: BASE.still(x), HERE, "GAIN", 3.0, "GAIN"),
        (lambda x: Base.of_class(x), Base, "rate", 0.5, r"Base\.rate"),
        (lambda x: Net().scaled(x), HERE, "GAIN", 3.0, "GAIN"),
        (lambda x: KIND()(x), HERE, "KIND", Other, r"KIND \(it is another type"),
        (lambda x: x * OUTSIDE.inner.rate, OUTSIDE.inner, "rate", 0.5, r"OUTSIDE\.inner\.rate"),
        (importing, OUTSIDE.inner, "rate", 0.5, r"outside\.inner\.rate"),
    ],
)
def test_what_is_named_on_the_way_is_watched(f, home, name, new, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "outside", OUTSIDE)
    compiled = compile(f)
    value = compiled(1.0)
    with changed(home, name, new), pytest.raises(tg.StaleGraph, match=f"another value of {words}"):
        compiled(1.0)
    assert compiled(1.0) == value  # all is as it was


@pytest.mark.parametrize(
    ("f", "name", "new"),
    [
        (lambda x: x.mean(), "mean", 5.0),  # a method of x, not the name
        (lambda x: x * GAIN, "GAIN", np.float64(2.0).item()),  # another object, the same number
        (lambda x: x * 1.0, "ACT", np.sin),
    ],
)
def test_what_is_not_read_may_change(f, name, new, monkeypatch):
    compiled = compile(f)
    value = compiled(np.ones(3))
    monkeypatch.setattr(HERE, name, new)
    np.testing.assert_array_equal(compiled(np.ones(3)), value)


def test_a_module_of_ones_own_may_have_a_name_of_pythons(monkeypatch):
    own = types.ModuleType("code")
    own.__file__, own.rate = "/home/me/code.py", 0.1
    monkeypatch.setitem(sys.modules, "code", own)
    compiled = compile(types.FunctionType((lambda x: x * rate).__code__, vars(own)))  # noqa: F821  # it is in `own`
    assert compiled(1.0) == 0.1
    own.rate = 0.5
    with pytest.raises(tg.StaleGraph, match=r"another value of rate \(it was 0\.1 and is 0\.5"):
        compiled(1.0)
