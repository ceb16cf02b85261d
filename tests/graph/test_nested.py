"""Arguments that are nested too deep, or hold themselves: one lesson at every door, and never a RecursionError."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP


def deep(kind, levels=900):
    tree = 1.0
    for _ in range(levels):
        tree = {"list": [tree], "tuple": (tree,), "dict": {"a": tree}}[kind]
    return tree


def in_itself(kind):
    if kind == "dict":
        tree = {"a": 1.0}
        tree["b"] = tree
        return tree
    tree = [1.0]
    tree.append(tree if kind == "list" else (tree,))
    return tree


TREES = {
    **{f"a deep {kind}": deep(kind) for kind in ("list", "tuple", "dict")},
    **{f"a {kind} in itself": in_itself(kind) for kind in ("list", "tuple", "dict")},
}


def net():
    return MLP([1, 1])


FIRST = {
    "Node": tg.Node,
    "array": tg.array,
    "value": lambda v: setattr(tg.Node([1.0]), "value", v),
    "grad": tg.grad(lambda x: 1.0),
    "value_and_grad": tg.value_and_grad(lambda x: 1.0),
    "vjp": lambda v: tg.vjp(lambda x: tg.Node(1.0), v),
    "jvp": lambda v: tg.jvp(lambda x: 1.0, (v,), (v,)),
    "the direction of jvp": lambda v: tg.jvp(lambda x: x * 1.0, (1.0,), (v,)),
    "jacobian": tg.jacobian(lambda x: tg.Node(1.0)),
    "hessian": tg.hessian(lambda x: tg.Node(1.0)),
    "hvp": lambda v: tg.hvp(lambda x: tg.Node(1.0), (v,), (v,)),
    "elementwise_grad": tg.elementwise_grad(lambda x: x),
    "check_grads": lambda v: tg.check_grads(lambda x: 1.0, v),
    "a result": lambda v: tg.grad(lambda x: v)(1.0),
    "the pullback": lambda v: tg.vjp(lambda x: x * 1.0, 1.0)[1](v),
    "compile": lambda v: tg.compile(lambda x: 1.0)(v),
    "a seed": lambda v: (tg.Node(1.0) * 2.0).backward(v),
    "wrt": lambda v: tg.gradients(tg.Node(1.0) * 2.0, v),
    "exp": tg.exp,
    "stack": lambda v: tg.stack([v, tg.Node(1.0)]),
    "np.concatenate": lambda v: np.concatenate([tg.Node([1.0]), v]),
    "np.isin": lambda v: np.isin(tg.Node([1.0]), [v, [1.0, [2.0]]]),
    "np.add": lambda v: np.add(tg.Node(1.0), v),
    "+": lambda v: tg.Node(1.0) + v,
    "@": lambda v: tg.Node([1.0]) @ v,
    "an index": lambda v: tg.Node([1.0])[v],
    "an axis": lambda v: tg.sum(tg.Node([1.0]), axis=v),
    "a parameter": lambda v: tg.op("p", lambda x, k=0: x, lambda g, y, x, k=0: g)(tg.Node(1.0), k=v),
    "mlp": lambda v: net()(v),
    "predict": lambda v: net().predict(v),
    "from_weights": MLP.from_weights,
    "weights": lambda v: MLP.from_weights([v]),
    "biases": lambda v: MLP.from_weights([[[1.0]]], v),
    "sizes": MLP,
    "bias": lambda v: MLP([1, 1], bias=v),
    "activation": lambda v: MLP([1, 1], activation=v),
    "fit": lambda v: tg.train.fit(net(), v, [[1.0]]),
    "crosscheck": lambda v: tg.crosscheck(net(), [[1.0]], v),
    "roads": lambda v: tg.crosscheck(net(), [[1.0]], [[1.0]], roads=v),
    "rules": lambda v: tg.crosscheck(net(), [[1.0]], [[1.0]], rules=v),
    "derive": lambda v: tg.lecture.derive(net(), v, [1.0]),
    "draw.network": lambda v: tg.draw.network(net(), v, [1.0]),
    "draw.graph": tg.draw.graph,
}
OF_PYTHON = {
    "+",
    "@",
    "an index",
    "an axis",
    "a parameter",
    "np.concatenate",
    "np.isin",
    "stack",
}  # here Python or NumPy may say it


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("door", FIRST)
def test_one_lesson_at_every_door(door, tree):
    refusal = (tg.Error, TypeError, ValueError, IndexError) if door in OF_PYTHON else tg.Error
    with pytest.raises(refusal) as caught:
        FIRST[door](TREES[tree])
    assert not isinstance(caught.value, RecursionError)
    assert str(caught.value)


def test_what_a_compiled_function_reads_from_outside():
    for kind in ("list", "tuple", "dict"):
        tree = deep(kind)
        with pytest.raises(tg.InvalidType, match=r"what <lambda> reads from outside is nested too deep"):
            tg.compile(lambda x, tree=tree: [x * 2.0, len(tree)])(1.0)


def test_the_lesson_names_the_limit():
    with pytest.raises(tg.InvalidType, match="nested more than 300 levels deep, or one of them holds itself"):
        tg.grad(lambda x: 1.0)(in_itself("list"))
    with pytest.raises(tg.InvalidValue, match="cannot make one array of"):
        tg.Node(1.0) * [[1.0], [1.0, 2.0]]
    assert tg.grad(lambda x: x[0][0] * 3.0)([[2.0]]) == [[3.0]]
    shallow = deep("list", 250)
    assert tg.grad(lambda x: 1.0)(shallow) is not None
