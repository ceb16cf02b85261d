"""The promise of tg.compile: functions of their arguments. What takes a number out of the record is refused at once."""

import copy
import time
from collections import Counter, OrderedDict, deque, namedtuple

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

X = np.array([1.0, 2.0, 3.0])
HERE = r"test_tape_promise\.py:\d+"


@pytest.mark.parametrize(
    ("leaves", "as_what"),
    [
        (lambda x: x if x in {1.0: 2.0} else -x, "a key of a dict"),
        (lambda x: {1.0: 2.0}.get(x, 3.0) * x, "a key of a dict"),
        (lambda x: {x: 1.0}[x], "a key of a dict"),
        (lambda x: len({x, 1.0}) * x, "a key of a dict or an entry of a set"),
        (lambda x: hash(x) * x, "a key of a dict"),
        (lambda x: len(f"{x}") * x, "text"),
        (lambda x: len(f"{x:.3f}") * x, "text"),
        (lambda x: len(format(x)) * x, "text"),
        (lambda x: len(str(x)) * x, "text"),
        (lambda x: len("%s" % x) * x, "text"),  # noqa: UP031  # that way, too
        (lambda x: len(np.array2string(x * np.ones(2))) * x, "text"),
        (lambda x: len(np.array_str(x * np.ones(2))) * x, "text"),
        (lambda x: float(x) * x, "a plain number"),
        (lambda x: int(x) * x, "a plain number"),
        (lambda x: complex(x) * x, "a plain number"),
        (lambda x: x * [1.0, 2.0, 3.0][int(x)], "a plain number"),
        (lambda x: x.item() * x, "a plain number"),
        (lambda x: x.tolist(), "a plain number"),
        (lambda x: round(x) * x, "a plain number"),
        (lambda x: np.asarray(x) * x, "a plain number"),
    ],
)
@pytest.mark.parametrize("kind", ["number", "under grad"])
def test_a_number_that_leaves_the_record_is_refused_with_the_line(leaves, as_what, kind):
    f = leaves if kind == "number" else tg.grad(lambda w, x: w * leaves(x))
    args = (2.0,) if kind == "number" else (1.0, 2.0)
    with pytest.raises(tg.GraphDropped, match=rf"would become {as_what}.* at .*{HERE}"):
        compile(f)(*args)


def test_what_counts_its_arguments_hashes_them():
    with pytest.raises(tg.GraphDropped, match="would become a key of a dict"):
        compile(lambda x: Counter([x])[2.0] * x)(2.0)


def test_the_text_of_a_traced_value_for_error_messages_holds_no_number():
    texts = deque()  # in which nobody looks for changes
    compile(lambda x: texts.append(repr(x * 1.2345)) or x, verify=False)(2.0)
    assert list(texts) == ["Traced(value, shape ())"]


def aliased(x, s):
    y = x + 1.0
    z = y
    y *= s
    return z


def view_of_it(x, s):
    y = x + 1.0
    z = y[1:]
    z -= s
    return y


@pytest.mark.parametrize(
    "f",
    [
        *(aliased, view_of_it),
        lambda x, s: (x + s).sort(),
        lambda x, s: (x + s).fill(0.0),
        lambda x, s: np.add(x, s, out=np.zeros(3)),
        lambda x, s: np.add.at(x, [0], s),
        lambda x, s: np.copyto(x, s),
        lambda x, s: np.put(np.zeros(3), 0, x),
        lambda x, s: np.clip(x, 0.0, s, out=x),
    ],
)
def test_a_change_in_place_is_refused_with_the_line(f):
    with pytest.raises(tg.GraphDropped, match=rf" at .*{HERE} writes into an array"):
        compile(f)(X, 2.0)


def test_a_number_may_be_added_to_as_a_name_takes_another_number():
    def f(xs, s):
        total, before = 0.0, 1.0 * s
        kept = before
        for x in xs:
            total += x * s
            before *= s
        return total, before, kept

    compiled = compile(f)
    for s in (2.0, 3.0):
        assert compiled([1.0, 2.0], s) == f([1.0, 2.0], s)


def with_a_fallback(x):
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return np.zeros((2, 2))


def by_asking(x):
    try:
        return x * float(x[0, 0])
    except TypeError:
        return x * 2.0


@pytest.mark.parametrize(("f", "x"), [(with_a_fallback, -np.eye(2)), (by_asking, np.eye(2))])
def test_an_error_that_the_function_catches_is_refused(f, x):
    with pytest.raises(tg.InvalidValue, match=rf"{f.__name__} caught an error of a traced value at .*{HERE}"):
        compile(f)(x)


def test_an_error_that_the_function_does_not_catch_comes_out_and_so_it_does_at_each_call():
    compiled = compile(lambda x: np.linalg.cholesky(x))
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError):
            compiled(-np.eye(2))
        np.testing.assert_array_equal(compiled(4.0 * np.eye(2)), 2.0 * np.eye(2))


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (X.view(type("Mine", (np.ndarray,), {})), r"ndarrays themselves, .*Mine.*np\.asarray\(x\)"),
        (type("Rows", (list,), {})([1.0]), r"lists themselves, .*Rows.*list\(x\)"),
        (OrderedDict(a=1.0), r"dicts themselves, .*OrderedDict.*dict\(x\)"),
        (Counter(a=1), r"dicts themselves"),
    ],
)
def test_subclasses_of_arrays_lists_and_dicts_are_no_arguments(thing, words):
    compiled = compile(lambda x: 1.0)
    for given in (thing, [thing], {"a": thing}):
        with pytest.raises(tg.InvalidType, match=words):
            compiled(given)


def test_tuples_with_names_are_arguments():
    pair = namedtuple("pair", "a b")
    assert compile(lambda p: p.a * p.b)(pair(2.0, 3.0)) == 6.0


@pytest.mark.parametrize(
    "f",
    [lambda xs, d: xs.append(1.0) or xs[0], lambda xs, d: xs.pop(), lambda xs, d: d.update(b=1.0) or d["a"]],
)
def test_a_list_or_dict_of_the_arguments_that_the_function_changes_is_refused(f):
    xs, d = [1.0, 2.0], {"a": 3.0}
    with pytest.raises(tg.InvalidValue, match="changes a list or dict that it was given"):
        compile(f)(xs, d)
    assert (xs, d) == ([1.0, 2.0], {"a": 3.0})


@pytest.mark.parametrize(
    "clock",
    [lambda x: x * np.random.standard_normal(3), lambda x: x * time.perf_counter()],
)
def test_draws_and_clocks_are_found_at_the_first_call(clock):
    with pytest.raises(tg.StaleGraph, match=rf"it draws, or asks the time.* at .*{HERE} \(cross-check at call 1\)"):
        compile(clock)(X)


def test_a_copy_is_the_value_itself():
    compiled = compile(lambda x: copy.copy(x) + copy.deepcopy(x) * x.copy())
    for x in (X, 2.0 * X):
        np.testing.assert_array_equal(compiled(x), x + x * x)
