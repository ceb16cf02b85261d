"""Views in a compiled function: a buffer is kept as long as anything that lies in it is read."""

import numpy as np
import pytest
from tape_examples import X, equal
from test_tape_reading import run

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

FLIPPED = tg.op("flipped", lambda x: x[::-1], lambda g, y, x: g[::-1])
SQUARE = np.arange(16.0).reshape(4, 4) / 7.0

VIEWS = {
    "flipud": np.flipud,
    "fliplr": np.fliplr,
    "rot90": np.rot90,
    "split": lambda x: np.split(x, 2)[1],
    "two of a split": lambda x: np.concatenate(np.split(x, 2)[::-1]),
    "hsplit": lambda x: np.hsplit(x, 2)[0],
    "array_split": lambda x: np.array_split(x, 3)[0],
    "unstack": lambda x: np.unstack(x)[2],
    "a view of a part": lambda x: np.unstack(x)[2][::-1].T,
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, np.ones((2, 1, 1)))[0],
    "meshgrid": lambda x: np.meshgrid(x[0], x[1], copy=False)[1],
    "diag": np.diag,
    "diagonal": lambda x: np.linalg.diagonal(x),
    "real": np.real,
    "rollaxis": lambda x: np.rollaxis(x, 1),
    "atleast_3d": np.atleast_3d,
    "matrix_transpose": np.matrix_transpose,
    "astype": lambda x: np.astype(x, float, copy=False),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1),
    "an op of one's own": FLIPPED,
}


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("name", VIEWS)
def test_nobody_writes_over_what_a_view_still_shows(name, reuse):
    view = VIEWS[name]

    def f(x):
        shown = view(np.tanh(x))
        more = np.sinh(x) * np.sin(x) + np.exp(np.cos(x))  # would take the buffer of tanh
        return more, shown * 2.0, shown.sum() * more, view(np.tanh(x))

    compiled = compile(f, reuse=reuse)
    for x in (np.zeros((4, 4)), SQUARE, -SQUARE):
        equal(compiled(x), f(x))
        equal(run(compiled, x), f(x))


def test_a_product_with_a_view_that_is_read_later_is_not_written_over():
    def f(x):
        product = x @ x
        shown = np.flipud(product)
        return np.exp(product), shown.sum()

    compiled = compile(f)
    for x in (SQUARE, SQUARE / 2.0):
        equal(compiled(x), f(x))


def test_what_the_function_itself_gives_is_handed_out_as_copies_too():
    constant = np.arange(3)

    def f(x, s):
        return x, 1.0 / s, constant

    compiled, x = compile(f), X[:, 0].copy()
    compiled(x, 2.0)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        same, infinite, other = compiled(x, 0.0)  # Python cannot divide by zero, NumPy can
    assert infinite == np.inf
    same[:], other[:] = 7.0, 9
    np.testing.assert_array_equal(x, X[:, 0])
    np.testing.assert_array_equal(compiled(x, 1.0)[2], [0, 1, 2])
    np.testing.assert_array_equal(constant, [0, 1, 2])


def test_an_argument_is_not_changed_in_place():
    def f(x):
        x -= x.min()
        return x.sum()

    x = X.copy()
    with pytest.raises(tg.GraphDropped, match=r"`x \+= \.\.\.` at .*test_tape_buffers\.py:\d+ writes into an array"):
        compile(f)(x)
    np.testing.assert_array_equal(x, X)
    with pytest.raises(tg.GraphDropped, match=r"np\.nan_to_num at .* writes into an array"):
        compile(lambda x: np.nan_to_num(x * 1.0, copy=False))(x)
