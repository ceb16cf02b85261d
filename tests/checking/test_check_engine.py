"""A scalar engine of one's own: right ones pass, and each planted fault is named."""

import math
import sys

import pytest

import tinygrad_ed as tg


class Value:
    """A right engine; `parts` of it are replaced by what learners write."""

    start, seed = 0.0, 1.0

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents, self.push = data, self.start, parents, lambda: None

    def made(self, data, *edges):
        out = type(self)(data, [node for node, _ in edges])

        def push():
            for node, slope in edges:
                node.grad = self.added(node.grad, slope * out.grad)

        out.push = push
        return out

    def added(self, before, new):
        return before + new

    def of(self, other):
        return other if isinstance(other, Value) else type(self)(other)

    def __add__(self, other):
        other = self.of(other)
        return self.made(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = self.of(other)
        return self.made(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, k):
        return self.made(self.data**k, (self, k * self.data ** (k - 1)))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -self.of(other)

    def __rsub__(self, other):
        return self.of(other) - self

    def __truediv__(self, other):
        return self * self.of(other) ** -1

    def __rtruediv__(self, other):
        return self.of(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def tanh(self):
        t = math.tanh(self.data)
        return self.made(t, (self, 1 - t * t))

    def exp(self):
        return self.made(math.exp(self.data), (self, math.exp(self.data)))

    def relu(self):
        return self.made(max(0.0, self.data), (self, float(self.data > 0)))

    def order(self):
        """All nodes, each before those that use it: a loop, no recursion."""
        found, seen, todo = [], set(), [(self, False)]
        while todo:
            node, done = todo.pop()
            if done:
                found.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                todo += [(node, True), *[(parent, False) for parent in node.parents]]
        return found

    def backward(self):
        self.grad = self.seed
        for node in reversed(self.order()):
            node.push()


class Recursive(Value):
    """As micrograd sorts: by a function that calls itself."""

    def order(self):
        found, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    visit(parent)
                found.append(node)

        visit(self)
        return found


class Replaces(Value):
    def backward(self):
        for node in self.order():
            node.grad = 0.0
        super().backward()


class FreesInnerNodes(Value):
    def backward(self):
        super().backward()
        for node in self.order()[:-1]:
            if node.parents:
                node.grad = None


class OnlyTwo:
    """Only what is asked for, under other names."""

    def __init__(self, data):
        self.inner = Value(data)

    value, gradient = property(lambda self: self.inner.data), property(lambda self: self.inner.grad)

    def __add__(self, other):
        out = OnlyTwo(0.0)
        out.inner = self.inner + other.inner
        return out

    def __mul__(self, other):
        out = OnlyTwo(0.0)
        out.inner = self.inner * other.inner
        return out

    def backward(self):
        self.inner.backward()


@pytest.mark.parametrize("engine", [Value, Recursive, Replaces, FreesInnerNodes, OnlyTwo, tg.Node])
def test_a_right_engine_is_right(engine):
    check = tg.check_engine(engine)
    assert check.agree, check
    assert check.rows[0].quantity == "a + b"


def test_what_a_second_backward_does_is_said():
    assert "a second backward() adds to the gradients that are there, as in PyTorch" in str(tg.check_engine(Value))
    assert "build the graph anew" in str(tg.check_engine(Value))
    notes = tg.check_engine(Replaces).notes
    assert notes[-1] == "a second backward() replaces the gradients that are there, as in tinygrad_ed"


def test_what_is_missing_is_said_and_not_accused():
    (note,) = [note for note in tg.check_engine(OnlyTwo).notes if note.startswith("not there, and not judged: ")]
    assert {"-a", "2 * a", "1 - a", "a + 2", "a.tanh()"} <= set(note.partition(": ")[2].split(", "))
    assert "not there, and not judged: a.log(), a.sigmoid()" in tg.check_engine(Value).notes


def power(self, n, slope=lambda x, n: n * x ** (n - 1)):
    """A power, with its slope or another one in the rule."""
    return self.made(self.data**n, (self, slope(self.data, n)))


def test_the_exponents_that_were_tried_are_said_and_a_rule_for_one_of_them_is_wrong():
    said = [note for note in tg.check_engine(tg.Node).notes if "exponents" in note]
    assert said == ["exponents that were tried: 3, 2, -1, 0.5; others were not"]
    cubes = type("Cubes", (Value,), {"__pow__": lambda self, n: power(self, n, lambda x, n: 3 * x**2)})
    found = tg.check_engine(cubes).diagnosis
    assert found[0].quantity == "a ** 2"
    assert not any("random" in one.quantity for one in found)  # it would say that all of them were right


def test_an_engine_for_whole_exponents_alone_is_right():
    def whole(self, n):
        assert isinstance(n, int)
        assert n > 0
        return power(self, n)

    division = lambda self, other: self.made(self.data / self.of(other).data, *quotient(self, self.of(other)))  # noqa: E731
    quotient = lambda a, b: ((a, 1 / b.data), (b, -a.data / b.data**2))  # noqa: E731
    check = tg.check_engine(type("Whole", (Value,), {"__pow__": whole, "__truediv__": division}))
    assert check.agree, str(check)
    assert "exponents that were tried: 3, 2; others were not" in check.notes


def test_a_method_that_is_there_and_fails_is_accused():
    broken = type("Broken", (Value,), {"tanh": lambda self: self.dta})
    assert "it raised AttributeError: 'Broken' object has no attribute 'dta'" in str(tg.check_engine(broken))


def test_a_recursion_is_named_and_only_said():
    check = tg.check_engine(Recursive)
    assert check.rows[-1].verdict == "recursion"
    assert "recursion: backward() fails on a chain of 2000 nodes" in str(check)


class Overwrites(Value):
    def added(self, before, new):
        return new


class OverwritesInMul(Value):
    def __mul__(self, other):
        other, out = self.of(other), super().__mul__(other)

        def push():
            self.grad = other.data * out.grad
            other.grad = self.data * out.grad

        out.push = push
        return out


class OverwritesInTanh(Value):
    def tanh(self):
        out = super().tanh()
        out.push = lambda: setattr(self, "grad", (1 - out.data**2) * out.grad)
        return out


class EachUse(Value):
    """Without an order: each node calls its parents, once for each use."""

    def backward(self):
        self.grad = 1.0
        self.walk()

    def walk(self):
        self.push()
        for node in self.parents:
            node.walk()


class TooEarly(Value):
    """Breadth first: a node is visited when it is first met."""

    def order(self):
        found = [self]
        for node in found:
            found += [parent for parent in node.parents if parent not in found]
        return found[::-1]


class Forwards(Value):
    def backward(self):
        self.grad = 1.0
        for node in self.order():
            node.push()


class OverwritesBetweenNodes(Value):
    """Adds within one operation, and overwrites what another has sent."""

    def made(self, data, *edges):
        out = super().made(data, *edges)

        def push():
            for node, _ in edges:
                node.grad = 0.0
            for node, slope in edges:
                node.grad += slope * out.grad

        out.push = push
        return out


class WrongInside(Value):
    def backward(self):
        super().backward()
        for node in self.order()[:-1]:
            node.grad *= 2 if node.parents else 1


class Seed(Value):
    seed = 2.0


class NoSeed(Value):
    seed = 0.0


class StartsAtOne(Value):
    start = 1.0

    def backward(self):
        self.grad = 1.0
        for node in reversed(self.order()):
            node.push()


class TanhOfInput(Value):
    def tanh(self):
        return self.made(math.tanh(self.data), (self, 1 - self.data**2))


class Reversed(Value):
    def __rsub__(self, other):
        return self - other


class NoGradientOfPower(Value):
    def __pow__(self, k):
        return type(self)(self.data**k)


class ReluAtTheWrongSide(Value):
    def relu(self):
        return self.made(max(0.0, self.data), (self, 1.0))


FAULTS = {
    Overwrites: ("a + a", r"`=` in place of `\+=` in the rule of `\+`"),
    OverwritesInMul: ("a * a", r"`=` in place of `\+=` in the rule of `\*`"),
    OverwritesInTanh: ("a.tanh() + a.tanh()", r"`=` in place of `\+=` in the rule of `tanh\(\)`"),
    EachUse: ("d = a + b, used four times", "no topological order.* more than once"),
    TooEarly: ("d = a + b, used four times", "no topological order.* before all of it has arrived"),
    Forwards: ("(a * b) * (a + b)", "no topological order, or the wrong way round"),
    OverwritesBetweenNodes: ("(a * b) * (a + b)", r"`=` in place of `\+=`"),
    WrongInside: ("(a * b) * (a + b)", "gradients of inner nodes are wrong: 4, 1.82"),
    Seed: ("a + b", "the gradient of the result itself is 2: the seed of the sweep is not 1"),
    NoSeed: ("a + b", "the gradient of the result itself is 0"),
    StartsAtOne: ("a + b", "gradients start at 1: they are not zeroed"),
    TanhOfInput: ("a.tanh()", "its rule is wrong: the gradients of a, b, c are 0.51, 0, 0"),
    Reversed: ("1 - a", "its value is -0.3"),
    NoGradientOfPower: ("a ** 3", "its rule is wrong: the gradients of a, b, c are 0, 0, 0"),
    ReluAtTheWrongSide: ("c.relu()", "its rule is wrong"),
}


@pytest.mark.parametrize("engine", FAULTS, ids=lambda engine: engine.__name__)
def test_each_fault_is_named(engine):
    check = tg.check_engine(engine, tell="mend")
    quantity, words = FAULTS[engine]
    assert not check.agree
    assert check.first_divergence.quantity == quantity
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check.first_divergence.mistake)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("__add__", lambda self, other: sys.exit(0), "it ended the program"),
        ("__mul__", None, "it raised TypeError"),
        ("backward", None, "it raised TypeError"),
        ("backward", lambda self: [1 for _ in iter(int, 1)], "it was stopped after 0.2 seconds"),
        ("data", property(lambda self: "text", lambda self, x: None), "it raised"),
    ],
)
def test_an_engine_that_cannot_be_judged_is_a_finding(name, value, words):
    check = tg.check_engine(type("Broken", (Value,), {name: value}), seconds=0.2)
    assert not check.agree
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check.first_divergence.mistake)


def test_what_is_no_class_is_refused():
    with pytest.raises(tg.InvalidType, match="takes a class such as Value, not 3"):
        tg.check_engine(3)
