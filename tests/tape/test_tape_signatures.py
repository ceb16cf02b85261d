"""What makes another tape of a compiled function, how many there may be, and what is no argument at all."""

import numpy as np
import pytest
from test_tape_refusals import X, scaled

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs
from tinygrad_ed.tape.compiled import MOST


def test_there_is_a_limit_to_signatures_and_it_is_said():
    compiled = compile(lambda x: x * 2.0)
    for n in range(MOST):
        compiled(np.ones(n))
    with pytest.raises(tg.InvalidValue, match=rf"{MOST} different signatures"):
        compiled(np.ones(MOST))
    np.testing.assert_array_equal(compiled(np.ones(2)), [2.0, 2.0])  # those that are known go on
    compiled.forget()
    compiled(np.ones(MOST))


def test_shape_dtype_count_nesting_and_kind_make_other_tapes():
    compiled = compile(lambda *xs: xs)
    kinds = [
        (X,),
        (X[:2],),
        (X.astype(np.float32),),
        (X, X),
        ([X],),
        ((X,),),
        ({"a": X},),
        ({"b": X},),
        (1.0,),
        (1,),
        (True,),
    ]
    for args in kinds:
        compiled(*args)
        compiled(*args)
    assert len(compiled.tapes) == len(kinds)


@pytest.mark.parametrize("thing", [object(), {1, 2}, np.array(["a"]), np.array([1j])])
def test_what_is_no_number_is_no_argument(thing):
    with pytest.raises(tg.InvalidType, match=r"tg\.compile takes"):
        compile(lambda x: 1.0)(thing)


def test_a_masked_array_is_refused_and_so_is_what_cannot_be_called():
    with pytest.raises(tg.InvalidType, match="mask"):
        compile(lambda x: x)(np.ma.masked_array([1.0, 2.0], [0, 1]))
    with pytest.raises(tg.InvalidType, match="takes a function"):
        compile(3.0)


def test_before_a_call_there_is_nothing_to_read():
    compiled = compile(scaled)
    assert str(compiled) == "scaled, not recorded yet"
    with pytest.raises(tg.InvalidValue, match="call scaled once"):
        compiled.source()


def test_a_method_is_compiled_where_it_is_bound():
    class Net:
        @compile
        def step(self, x):
            return x * 2.0

        def __init__(self):
            self.fast = compile(self.slow)

        def slow(self, x):
            return x * 3.0

    assert Net().fast(1.5) == 4.5
    with pytest.raises(tg.InvalidType, match=r"step is a method.*tg\.compile\(self\.step\)"):
        Net().step(1.5)
    assert isinstance(Net.step, type(compile(scaled)))


def test_asking_for_the_kind_of_an_argument_is_found():
    with pytest.raises(tg.StaleGraph, match="asks for the kind of its arguments"):
        compile(lambda x: x * 2.0 if isinstance(x, np.ndarray) else x * 3.0)(X)
