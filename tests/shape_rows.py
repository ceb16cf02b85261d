"""The rows of `op_table.py` for shapes, indices and joins."""

from typing import Any

import numpy
from op_row import MASK, Rows

ROWS = Rows()
add = ROWS.add

# Shapes

add("reshape", lambda np, x: np.reshape(x, (3, 2)), (2, 3), (6,), (1, 6, 1))
add("reshape", lambda np, x: np.reshape(x, -1), (2, 3), (0, 2), (1, 1), note="(-1)")
add("reshape", lambda np, x: np.reshape(x, ()), (1,), (1, 1), note="(())")
add("reshape", lambda np, x: np.reshape(x, (1, 1)), (), (1,), note="((1, 1))")
add("reshape", lambda np, x: x.reshape(2, -1) * x.reshape((2, 3)), (6,), (3, 2), note="(method)")
add("transpose", lambda np, x: np.transpose(x), (2, 3), (3,), (2, 1, 3), (0, 2))
add("transpose", lambda np, x: np.transpose(x, (1, 2, 0)), (2, 3, 4), note="((1, 2, 0))")
add("transpose", lambda np, x: np.transpose(x, (0, -1, 1)), (2, 3, 4), oracle=False, note="((0, -1, 1))")
add("transpose", lambda np, x: x.T @ x, (2, 3), (3,), note="(T)")
add("ravel", lambda np, x: np.ravel(x), (2, 3), (0, 2), (3,))
add("ravel", lambda np, x: np.ravel(x), (), oracle=False, note="(scalar)")
add("ravel", lambda np, x: x.ravel() * x.flatten(), (2, 3), note="(methods)")
add("expand_dims", lambda np, x: np.expand_dims(x, 0), (2, 3), (3,), ())
add("expand_dims", lambda np, x: np.expand_dims(x, -1), (2, 3), (0,), note="(-1)")
add("expand_dims", lambda np, x: np.expand_dims(x, (0, 2)), (3,), note="((0, 2))", oracle=False)
add("squeeze", lambda np, x: np.squeeze(x), (1, 3, 1), (2, 3), (1, 1))
add("squeeze", lambda np, x: np.squeeze(x, -1), (1, 3, 1), note="(-1)")
add("squeeze", lambda np, x: np.squeeze(x, (0, 2)), (1, 3, 1), note="((0, 2))")
add("swapaxes", lambda np, x: np.swapaxes(x, 0, -1), (2, 3), (2, 3, 4), (3,))
add("moveaxis", lambda np, x: np.moveaxis(x, 0, -1), (2, 3, 4), (2, 3))
add("moveaxis", lambda np, x: np.moveaxis(x, (0, -1), (1, 0)), (2, 3, 4), note="(tuples)")
add("broadcast_to", lambda np, x: np.broadcast_to(x, (2, 3)), (1, 3), (2, 1), (2, 3))
add("broadcast_to", lambda np, x: np.broadcast_to(x, (2, 3)), (), (3,), oracle=False, note="(new axes)")
add("broadcast_to", lambda np, x: np.broadcast_to(x, (2, 0)), (1,), (2, 1), oracle=False, note="((2, 0))")
add("flip", lambda np, x: np.flip(x), (2, 3), (3,), (0,), oracle=False)
add("flip", lambda np, x: np.flip(x, axis=-1), (2, 3), (3,), oracle=False, note="(-1)")
add("flip", lambda np, x: np.flip(x, (0, 1)), (2, 3), oracle=False, note="((0, 1))")
add("roll", lambda np, x: np.roll(x, 2), (2, 3), (5,), (0,))
add("roll", lambda np, x: np.roll(x, -1, axis=1), (2, 3), note="(-1, axis=1)")
add("roll", lambda np, x: np.roll(x, (1, 2), axis=(0, -1)), (2, 3), oracle=False, note="(tuples)")
add("repeat", lambda np, x: np.repeat(x, 3), (2, 2), (3,))
add("repeat", lambda np, x: np.repeat(x, 2, axis=1), (2, 2), (0, 2), note="(axis=1)")
add("repeat", lambda np, x: np.repeat(x, 2, axis=-1), (2, 2), (0, 2), oracle=False, note="(axis=-1)")
add("repeat", lambda np, x: np.repeat(x, [1, 0, 2], axis=0), (3, 2), oracle=False, note="(list)")
add("take", lambda np, x: np.take(x, [2, 0, 0]), (2, 3), (3,), oracle=False)
add("take", lambda np, x: np.take(x, [[1, -1]], axis=-1), (2, 3), oracle=False, note="(axis=-1)")
add("take", lambda np, x: np.take(x, 1, axis=0), (2, 3), (3,), oracle=False, note="(one)")
add("diagonal", lambda np, x: np.diagonal(x), (3, 3), (2, 3), (3, 2), oracle=False)
add("diagonal", lambda np, x: np.diagonal(x, 1, 0, 2), (2, 3, 4), note="(1, 0, 2)", oracle=False)
add("diagonal", lambda np, x: np.diagonal(x, offset=-1, axis1=-1, axis2=0), (2, 3, 4), note="(-1)", oracle=False)
add("diagonal", lambda np, x: np.linalg.diagonal(x, offset=1), (2, 2, 3), note="(linalg)", oracle=False)
add("trace", lambda np, x: np.trace(x), (3, 3), (2, 3))
add("trace", lambda np, x: np.trace(x, offset=1), (3, 3), note="(1)")
add("trace", lambda np, x: np.linalg.trace(x), (3, 2, 2), note="(linalg)", oracle=False)
add("astype", lambda np, x: np.astype(x, numpy.float64), (3,), (2, 2), oracle=False)

INDICES: dict[str, Any] = {
    "0": 0,
    "-1": -1,
    "1:": slice(1, None),
    "::-1": slice(None, None, -1),
    "..., 1": (..., 1),
    "None": None,
    ":, None, 1": (slice(None), None, 1),
    "[0, 0, 1]": [0, 0, 1],
    "array": numpy.array([[1, -2], [0, 0]]),
    "((0, 0),)": ((0, 0),),
    ":, [2, 2]": (slice(None), [2, 2]),
    "[0, 1], [2, 2]": ([0, 1, 0], [2, 2, 2]),
    "0, array": (0, numpy.array([1, 1])),
    "mask": MASK,
    "mask row": numpy.array([True, False]),
    "empty": numpy.array([], int),
    "0, 1": (0, 1),
    "5:": slice(5, None),
    "range": range(2),
}
for text, index in INDICES.items():
    add("getitem", lambda np, x, index=index: x[index], (2, 3), note=f"[{text}]", oracle=text != "range")
for text, index in {"None": None, "...": ..., "()": ()}.items():
    twin = lambda np, x, index=index: np.reshape(x, (1,) if index is None else ())  # noqa: E731 # bound in a loop
    add("getitem", lambda np, x, index=index: x[index], (), note=f"[{text}]", twin=twin)
add(
    "scatter_add",
    lambda np, x: np.scatter_add(x, index=[1, 1, 0], shape=(4,)),
    (3,),
    twin=lambda np, x: np.stack([x[2], x[0] + x[1], 0.0 * x[0], 0.0 * x[0]]),
)
add(
    "scatter_add",
    lambda np, x: np.scatter_add(x, index=(slice(None), 1), shape=(2, 3)),
    (2,),
    note="(column)",
    twin=lambda np, x: np.stack([0.0 * x, x, 0.0 * x], axis=1),
)

# Joins

add("concatenate", lambda np, a, b: np.concatenate([a, b]), [(2, 3), (1, 3)], [(2,), (0,)], [(0,), (0,)])
add("concatenate", lambda np, a, b: np.concatenate((a, b), axis=-1), [(2, 3), (2, 1)], [(2,), (3,)], note="(axis=-1)")
add("concatenate", lambda np, a, b: np.concatenate((a, b, a), 1), [(2, 1), (2, 2)], note="(1)")
add("concatenate", lambda np, a, b: np.concatenate((a, b), axis=None), [(2, 1), (3,)], note="(None)", oracle=False)
add("concatenate", lambda np, x: np.concatenate([x, [1.0, 2.0], x]), (3,), note="(list)")
add("stack", lambda np, a, b: np.stack([a, b, a]), [(2, 3), (2, 3)], [(2,), (2,)], [(), ()], [(0,), (0,)])
add("stack", lambda np, a, b: np.stack((a, b), axis=-1), [(2, 3), (2, 3)], [(), ()], note="(axis=-1)")
add("stack", lambda np, a, b: np.stack((a, b), 1), [(2, 3), (2, 3)], note="(1)")
add(
    "array",
    lambda np, a, b: np.array([[a, 1.0, a * b], [b, 2, 0.5]]),
    [(), ()],
    twin=lambda np, a, b: np.stack([np.stack([a, 1.0, a * b]), np.stack([b, 2.0, 0.5])]),
)
