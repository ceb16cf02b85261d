"""Every op as its users write it, with the points at which `test_ops.py` checks it.

A row's `call` takes a namespace and the arguments, so that one line runs on NumPy, on HIPS autograd and on
`tinygrad_ed` itself: `lambda np, x: np.sum(x, axis=0)`. Where NumPy has no such function (sigmoid), `twin`
says it with functions that all three have. The points lie away from kinks; `test_kinks.py` has those by hand.
"""

import entrywise_rows
import linalg_rows
import numpy_rows
import product_rows
import reduction_rows
import rule_rows
import shape_rows

ROWS = [
    *entrywise_rows.ROWS,
    *reduction_rows.ROWS,
    *shape_rows.ROWS,
    *product_rows.ROWS,
    *numpy_rows.ROWS,
    *linalg_rows.ROWS,
    *rule_rows.ROWS,
]
