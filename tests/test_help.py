"""What `help`, `inspect` and an editor say of the public names."""

import inspect
import pydoc
from contextlib import nullcontext
from types import FunctionType

import pytest

import tinygrad_ed as tg
from tinygrad_ed.graph.op import Op
from tinygrad_ed.notation.op_formulas import CONVENTIONS

ROOMS = {"closed_form", "data", "draw", "experiments", "export", "lecture", "nn", "notation", "plots", "train"}
NAMES = sorted(set(tg.__all__) - ROOMS - {"__version__"})


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_at_home_in_the_package_and_has_a_signature_and_a_text(name):
    found = getattr(tg, name)
    assert found.__module__ == "tinygrad_ed"
    assert inspect.getdoc(found)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        assert inspect.signature(found)
    shown = pydoc.plain(pydoc.render_doc(found))
    assert name in shown
    assert "tinygrad_ed" in shown.splitlines()[0]


OPS = sorted(name for name in tg.ops.__all__ if isinstance(getattr(tg, name), Op))


@pytest.mark.parametrize("name", OPS)
def test_an_op_is_shown_as_a_function_with_its_formula_and_its_convention(name):
    found = getattr(tg, name)
    first, *more = found.__doc__.split("\n\n")
    assert first.startswith(f"{found.__name__}(")
    assert ": y = " in first
    assert not {"$", "{", '"'} & set(found.__doc__)
    if found.name in CONVENTIONS:
        assert more[-1].endswith(CONVENTIONS[found.name])
    parameters = list(inspect.signature(found).parameters)
    assert len(parameters) == found.arity + len(found.params)


def test_the_conventions_are_those_of_the_rules():
    for name in ("absolute", "relu"):
        assert tg.grad(getattr(tg, name))(0.0) == 0.0
    assert tg.grad(tg.leaky_relu)(0.0) == 0.01
    assert tg.grad(tg.maximum, (0, 1))(1.0, 1.0) == (0.5, 0.5)
    assert tg.grad(tg.hypot, (0, 1))(0.0, 0.0) == (0.0, 0.0)


def test_the_words_of_an_op():
    assert tg.relu.__doc__ == "relu(x): y = max(0, x)\n\n∂y/∂x = 1 if x > 0 else 0. At 0 the derivative is 0."
    assert str(inspect.signature(tg.sum)) == "(x, axis=None, keepdims=False)"
    own = tg.op("my_op", lambda x, k=2: k * x, lambda g, y, x, k=2: k * g)
    assert str(inspect.signature(own)) == "(x, k=2)"
    assert own.__doc__ == "my_op(x, k): y = my_op(x)"


@pytest.mark.parametrize("ways", [nullcontext, tg.readable])
def test_a_method_and_an_operator_of_a_node_have_their_name_and_a_text(ways):
    with ways():
        found = {name: value for name, value in vars(tg.Node).items() if isinstance(value, FunctionType)}
        found |= {name: getattr(tg.Node, name) for name in ("exp", "tanh", "__add__", "__rmul__", "__lt__", "__neg__")}
        local = ["method", "mirrored", "short", "<lambda>"]
        assert [name for name, value in found.items() if value.__name__ in local or "locals" in value.__name__] == []
        assert tg.Node.__radd__.__name__ == "__radd__"
        assert tg.Node.__add__.__doc__.startswith("add(a, b): y = a + b")
        assert tg.Node.exp.__doc__ == tg.exp.__doc__
        assert tg.Node.argmax.__doc__ == "Call `numpy.ndarray.argmax` of the value; the result is plain."
        assert str(inspect.signature(tg.Node.exp)) == str(inspect.signature(tg.exp))
