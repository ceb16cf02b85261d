"""tinygrad_ed: automatic differentiation that shows, checks and draws every number of backpropagation.

The public names, and nothing else; most rooms are imported when they are first used. Where to read on: `graph/node.py`
(a value that remembers how it was made), `ops/` (every op beside its rules), `graph/backward.py` (the sweep),
`closed_form/` (the lecture's rules).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_ed import ops
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
    TrainingWarning,
    WorkerLost,
)
from tinygrad_ed.graph.backward import gradients
from tinygrad_ed.graph.grad_mode import no_grad
from tinygrad_ed.graph.node import Node, stop_gradient
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.quick import readable
from tinygrad_ed.ops import abs as abs
from tinygrad_ed.ops.elementwise import *
from tinygrad_ed.ops.linalg import *
from tinygrad_ed.ops.reduce import *
from tinygrad_ed.ops.shape import *
from tinygrad_ed.transforms.flatten import flatten, objective
from tinygrad_ed.transforms.functions import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tinygrad_ed import closed_form, data, draw, export, lecture, nn, notation, plots, train
    from tinygrad_ed import sklearn as sklearn  # needs its extra, so `import *` leaves it out
    from tinygrad_ed.checking.check_engine import check_engine
    from tinygrad_ed.checking.check_gradient import check_gradient
    from tinygrad_ed.checking.check_step import check_step
    from tinygrad_ed.checking.crosscheck import CrossCheck, crosscheck, ledger
    from tinygrad_ed.checking.gradcheck import check_grads
    from tinygrad_ed.checking.programs import check_program
    from tinygrad_ed.checking.your_pass import check_pass
    from tinygrad_ed.graph.debug import debug
    from tinygrad_ed.graph.differences import numeric_derivative
    from tinygrad_ed.lecture import experiments
    from tinygrad_ed.tape import Tape, compile

__version__ = "0.1.0"

_ROOMS = ("closed_form", "data", "draw", "export", "lecture", "nn", "notation", "plots", "sklearn", "train")
_LATER = {  # what is imported when it is first used, and where it is
    **{room: f"{__name__}.{room}" for room in _ROOMS},
    "experiments": f"{__name__}.lecture.experiments",
    **dict.fromkeys(("CrossCheck", "crosscheck", "ledger"), f"{__name__}.checking.crosscheck"),
    **dict.fromkeys(("Tape", "compile"), f"{__name__}.tape"),
    **{name: f"{__name__}.checking.{name}" for name in ("check_engine", "check_gradient", "check_step")},
    "check_grads": f"{__name__}.checking.gradcheck",
    "check_pass": f"{__name__}.checking.your_pass",
    "check_program": f"{__name__}.checking.programs",
    "debug": f"{__name__}.graph.debug",
    "numeric_derivative": f"{__name__}.graph.differences",
}


if not TYPE_CHECKING:  # it knows the names from above, and finds those that do not exist

    def __getattr__(name: str) -> Any:
        """Import what is not there yet; then it is a name like any other."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = import_module(_LATER[name])
        globals()[name] = found = getattr(home, name, home)
        if found is not home:
            found.__module__ = __name__
        return found


def __dir__() -> list[str]:
    return sorted(__all__)


def _show(node: Node, *which: Any, **kinds: Any) -> dict[str, str]:
    """Return what a notebook shows of a Node; the first time, it imports all that draws."""
    from tinygrad_ed import draw

    return draw.show(node, *which, **kinds)


Node._repr_mimebundle_ = _show  # type: ignore[attr-defined]  # the one thing that a Node gets from above

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
    "TrainingWarning",
    "WorkerLost",
    "__version__",
    "check_engine",
    "check_gradient",
    "check_grads",
    "check_pass",
    "check_program",
    "check_step",
    "closed_form",
    "compile",
    "crosscheck",
    "data",
    "debug",
    "draw",
    "elementwise_grad",
    "experiments",
    "export",
    "flatten",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "lecture",
    "ledger",
    "nn",
    "no_grad",
    "notation",
    "numeric_derivative",
    "objective",
    "op",
    "plots",
    "readable",
    "stop_gradient",
    "train",
    "value_and_grad",
    "vjp",
]
__all__ += ops.__all__

for _name in __all__:  # so tracebacks and `help` say where a reader finds it
    _found = globals().get(_name)
    if hasattr(_found, "__module__") and not isinstance(_found, Op):
        _found.__module__ = __name__
