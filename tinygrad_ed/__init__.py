"""tinygrad_ed: automatic differentiation that shows, checks and draws every number of backpropagation.

The public names, and nothing else. Where to read on: `node.py` (a value that remembers how it was made),
`ops/` (every op beside its rules), `backward.py` (the sweep), `closed_form/` (the lecture's rules).
"""

from tinygrad_ed import closed_form, data, draw, experiments, nn, ops, plots, train
from tinygrad_ed.backward import gradients
from tinygrad_ed.crosscheck import CrossCheck, crosscheck, ledger
from tinygrad_ed.debug import debug
from tinygrad_ed.differences import numeric_derivative
from tinygrad_ed.errors import (
    Diverged,
    Error,
    FileProblem,
    GradientMismatch,
    GraphDropped,
    InvalidType,
    InvalidValue,
    MissingExtra,
    NoDerivativeRule,
    NotFinite,
    RuleError,
    ShapeError,
    StaleGraph,
    WorkerLost,
)
from tinygrad_ed.gradcheck import check_grads
from tinygrad_ed.node import Node, stop_gradient
from tinygrad_ed.operation import Op, op
from tinygrad_ed.ops import *
from tinygrad_ed.recording import no_grad
from tinygrad_ed.tape import Tape, compile
from tinygrad_ed.transforms import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__version__ = "0.1.0"

__all__ = [
    "CrossCheck",
    "Diverged",
    "Error",
    "FileProblem",
    "GradientMismatch",
    "GraphDropped",
    "InvalidType",
    "InvalidValue",
    "MissingExtra",
    "NoDerivativeRule",
    "Node",
    "NotFinite",
    "Op",
    "RuleError",
    "ShapeError",
    "StaleGraph",
    "Tape",
    "WorkerLost",
    "__version__",
    "check_grads",
    "closed_form",
    "compile",
    "crosscheck",
    "data",
    "debug",
    "draw",
    "elementwise_grad",
    "experiments",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "ledger",
    "nn",
    "no_grad",
    "numeric_derivative",
    "op",
    "plots",
    "stop_gradient",
    "train",
    "value_and_grad",
    "vjp",
]
__all__ += ops.__all__
