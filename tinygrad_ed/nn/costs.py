"""The cost functions: E = the mean over samples of C, and C = the sum over the neurons (lecture, section 1).

Every cost takes `(output, expected)`: `(M, n)` against `(M, n)`, or one sample, `(n,)` against `(n,)`.
They are written with the ops of the graph, so with a Node they give a Node, with arrays a float; all are
stable for arguments up to 1e4. At a kink (l1 at 0, margin at 0, hinge at 1) the derivative is 0.

>>> mse(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
2.5
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidValue, ShapeError, shown
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array, Lifted, Plain
from tinygrad_ed.nn.checks import chosen, numbers, own_answer, own_row
from tinygrad_ed.ops import absolute, logsumexp, relu, softplus, square, where
from tinygrad_ed.ops.typed import typed

CostFunction = Callable[..., Any]
_ROUNDING = 1e-5  # what expected rows may miss: a softmax in float32 sums to one within this


# The cost of each neuron, `(..., n)`; C is their sum


def _mse(y_hat: Any, y: Any) -> Any:
    return 0.5 * square(y_hat - y)


def _l1(y_hat: Any, y: Any) -> Any:
    return absolute(y_hat - y)


def _huber(y_hat: Any, y: Any, delta: float = 1.0) -> Any:
    size = absolute(y_hat - y)
    return where(plain(size) <= delta, 0.5 * square(y_hat - y), delta * (size - delta / 2.0))


def _logistic(y_hat: Any, y: Any) -> Any:
    return softplus(-y * y_hat)


def _bce(y_hat: Any, y: Any) -> Any:
    return y * softplus(-y_hat) + (1.0 - y) * softplus(y_hat)


def _hinge(y_hat: Any, y: Any) -> Any:
    return relu(1.0 - y * y_hat)


def _margin(y_hat: Any, y: Any) -> Any:
    return relu(y - y_hat)


def _cross_entropy(y_hat: Any, y: Any) -> Any:
    # Less their largest, a constant that C does not see: then large outputs lose no digits.
    y_hat = y_hat - np.max(plain(y_hat), axis=-1, keepdims=True)
    if y.dtype.kind == "i":  # class numbers, one a sample
        chosen_class = y_hat[(..., np.arange(len(y)), y) if y.ndim else (..., y)]
        return (logsumexp(y_hat, axis=-1) - chosen_class)[..., None]
    return y * (logsumexp(y_hat, axis=-1, keepdims=True) - y_hat)


@typed
def mse(output: Any, expected: Node | Plain) -> Any:
    """Return the mean square error, C = sum 1/2 (y - y_hat)^2 (the half is part of the definition)."""
    return _mean(_mse(*_pair("mse", output, expected)))


@typed
def l1(output: Any, expected: Node | Plain) -> Any:
    """Return the mean absolute error, C = sum |y - y_hat|, robust against outliers."""
    return _mean(_l1(*_pair("l1", output, expected)))


@typed
def huber(output: Any, expected: Node | Plain, delta: float = 1.0) -> Any:
    """Return Huber's cost: (y - y_hat)^2 / 2 up to a distance of delta, delta (|y - y_hat| - delta/2) beyond.

    Raises:
        InvalidValue: for a delta that is not above zero.
    """
    if not delta > 0:
        raise InvalidValue(f"huber: delta is a distance above zero, not {shown(delta)}")
    return _mean(_huber(*_pair("huber", output, expected), delta))


@typed
def logistic(output: Any, expected: Node | Plain) -> Any:
    """Return the logistic cost, C = sum log(1 + exp(-y y_hat)), for labels y of -1 and +1."""
    return _mean(_logistic(*_pair("logistic", output, expected)))


@typed
def bce(output: Any, expected: Node | Plain) -> Any:
    """Return the binary cross-entropy after a sigmoid, C = sum -y log σ(y_hat) - (1 - y) log(1 - σ(y_hat)).

    The labels are 0 and 1, or a share between them. The sigmoid is in the cost, as the softmax is in `cross_entropy`:
    the last layer keeps "identity", and no output overflows, however large. The gradient is σ(y_hat) - y.

    >>> bce(np.array([[0.0], [1e4]]), np.array([[1.0], [1.0]]))
    0.34657359027997264
    """
    return _mean(_bce(*_pair("bce", output, expected)))


@typed
def hinge(output: Any, expected: Node | Plain) -> Any:
    """Return the hinge cost, C = sum max(0, 1 - y y_hat), for labels y of -1 and +1."""
    return _mean(_hinge(*_pair("hinge", output, expected)))


@typed
def margin(output: Any, expected: Node | Plain) -> Any:
    """Return the margin cost, C = sum max(0, y - y_hat), one-sided as on the slide."""
    return _mean(_margin(*_pair("margin", output, expected)))


@typed
def cross_entropy(output: Any, expected: Node | Plain) -> Any:
    """Return the cross-entropy after a softmax, C = sum_k y_k (log(sum exp y_hat) - y_hat_k).

    `expected` holds rows that sum to one, or class numbers: `(M,)` integers (one integer for one sample).

    >>> cross_entropy(np.array([[0.0, 0.0]]), [1])
    0.6931471805599453
    """
    return _mean(_cross_entropy(*_pair("cross_entropy", output, expected)))


def _defined(name: str) -> CostFunction:
    """Return the cost of a row of the table that is not written with ops here: its definition, run on Nodes."""

    def cost(output: Any, expected: Any) -> Any:
        y_hat, y = _pair(name, output, expected)
        return _mean(individual(name)(y_hat, y)[..., None])

    return cost


_OWN: dict[str, CostFunction] = {"mse": mse, "l1": l1, "huber": huber, "logistic": logistic, "bce": bce}
_OWN |= {"hinge": hinge, "margin": margin, "cross_entropy": cross_entropy}
NAMES: dict[str, CostFunction] = {name: _OWN.get(name) or _defined(name) for name in COSTS}
"""The costs by name, those of `closed_form/derivatives.py`."""

_OURS = frozenset(NAMES)


def Cost(  # noqa: N802  # it makes one, and is used as a class would be
    name: str,
    C: Callable[[Any, Any], Any],
    grad_C: Callable[[Any, Any], Any],  # noqa: N803
    expects: Literal["numbers", "labels", "bits", "shares"] = "numbers",
    classes: bool = False,
    kinks: Sequence[float] = (),
    bends: Sequence[float] = (),
) -> str:
    """Make a cost of your own known under its name, on every road, and return the name.

    Args:
        name: what it is called. A second one of that name takes the place of the first.
        C: the cost of each sample, `(M, n)` and `(M, n)` to `(M,)`, written with NumPy's functions: the graph
            differentiates it. The mean over the samples is taken for you.
        grad_C: ∇C of plain arrays, `(M, n)`, without 1/M: what the closed form uses. A wrong one is found by the
            cross-check.
        expects: "numbers", "labels" (-1 and +1), "bits" (0 and 1) or "shares" (rows that sum to one).
        classes: whether classes are learned with it; then `score` gives the accuracy.
        kinks: the distances ŷ - y at which ∇C jumps.
        bends: those at which ∇C has a kink itself.

    Raises:
        InvalidValue: for the name of one of the package's own, or another word for what it expects.
        InvalidType, ShapeError: for functions that do not give arrays of these shapes.

    >>> quartic = Cost("quartic", lambda a, y: ((a - y) ** 4).sum(axis=1) / 4, lambda a, y: (a - y) ** 3)
    >>> find(quartic)([[3.0, 1.0]], [[1.0, 1.0]])
    4.0
    >>> del COSTS[quartic], NAMES[quartic]  # to forget it
    """
    own_row("cost", name, _OURS)
    chosen("kind of expected values", expects, dict.fromkeys(("numbers", "labels", "bits", "shares")))
    alpha, rho = np.array([[0.5, 2.0, -1.0], [1.5, 0.25, 3.0]]), np.eye(3)[:2]
    own_answer(f"C of {name}", C, (2,), alpha, rho)
    own_answer(f"grad_C of {name}", grad_C, (2, 3), alpha, rho)
    COSTS[name] = derivatives.Cost(C, grad_C, expects, classes, tuple(kinks), tuple(bends))
    NAMES[name] = _defined(name)
    return name


_TERMS = {"mse": _mse, "l1": _l1, "huber": _huber, "logistic": _logistic, "hinge": _hinge, "margin": _margin}
_TERMS |= {"bce": _bce, "cross_entropy": _cross_entropy}


def individual(name: str) -> CostFunction:
    """Return the individual cost C as a function of outputs and expected values `(..., M, n)` that were checked."""
    if name in _TERMS:
        return lambda y_hat, y: _TERMS[name](y_hat, y).sum(axis=-1)

    def cost(y_hat: Any, y: Any) -> Any:
        rows = COSTS[name].C(
            y_hat.reshape(-1, y_hat.shape[-1]), np.broadcast_to(y, y_hat.shape).reshape(-1, y.shape[-1])
        )
        return rows.reshape(y_hat.shape[:-1])

    return cost


def find(name: str) -> CostFunction:
    """Return the cost function of that name; an unknown one is refused, and the nearest suggested."""
    return chosen("cost", name, NAMES)


def matching(cost: str, output: Any, expected: Any) -> Array:
    """Return the expected values as an array of the output's shape and dtype, after the checks of that cost.

    The class numbers of cross_entropy stay such, one integer a sample: rows would take as much room as the output.
    `(M,)` against `(M, 1)` would broadcast to `(M, M)`, and is refused like other shapes that differ.
    """
    shape, rho, expects = output.shape, numbers(f"{cost}: expected", expected), COSTS[cost].expects
    if not 1 <= len(shape) <= 2:
        raise ShapeError(f"{cost}: the output has shape {shape}; a cost takes (M, n), or (n,) for one sample")
    if 0 in shape:
        raise InvalidValue(f"{cost}: the output has shape {shape}: the mean over an empty batch does not exist")
    if expects == "shares" and rho.dtype.kind in "iu" and rho.shape == shape[:-1]:
        said = f"class number {{}} does not exist: {shape[-1]} outputs have classes 0 to {shape[-1] - 1}"
        _refuse(cost, rho, (rho < 0) | (rho >= shape[-1]), said)
        rho = rho.astype(np.intp, copy=False)
        return rho if cost in _TERMS else one_hot(rho, shape[-1], output.dtype)
    if rho.shape != shape:
        hint = _hint(rho.shape, shape, expects == "shares")
        raise ShapeError(f"{cost}: the output has shape {shape}, but expected has shape {rho.shape}{hint}")
    if expects == "labels":
        refuse_labels(cost, rho)
    elif expects == "bits":
        said = "labels must be 0 and 1, but expected holds {}; map labels -1 and +1 by (y + 1) / 2"
        _refuse(cost, rho, ~((rho >= 0) & (rho <= 1)), said)
    elif expects == "shares":
        advice = "{}; give one-hot rows, or class numbers of shape (M,)"
        wrong, sums = ~((rho >= -_ROUNDING) & (rho <= 1.0 + _ROUNDING)), np.sum(rho, axis=-1, keepdims=True)
        _refuse(cost, rho, wrong, f"expected rows hold shares between 0 and 1, but one is {advice}")
        wrong = np.abs(sums - 1.0) > _ROUNDING
        _refuse(cost, sums, wrong, f"expected rows must sum to one, but a row sums to {advice}")
    return rho.astype(output.dtype, copy=False)


def refuse_labels(cost: str, rho: Array) -> None:
    """Refuse labels other than -1 and +1."""
    said = "labels must be -1 and +1, but expected holds {}; map labels 0 and 1 by 2 * y - 1"
    _refuse(cost, rho, (rho != 1) & (rho != -1), said)


def _refuse(cost: str, rho: Array, wrong: Array, said: str) -> None:
    if wrong.any():
        raise InvalidValue(f"{cost}: {said.format(rho[wrong][0])}")


def _hint(given: tuple[int, ...], wanted: tuple[int, ...], shares: bool) -> str:
    """Return what to do about expected values of another shape, for the usual slips."""
    if given == wanted[:-1] and wanted[-1] == 1:
        return "; give one column, expected.reshape(-1, 1), or the difference would have shape (M, M)"
    if given[:-1] == wanted[:-1] and (given[-1], wanted[-1]) == (2, 1):
        return "; one output learns labels: give one column of -1 and +1 (of a Dataset: data.signs)"
    if shares and given == wanted[:-1]:
        return "; class numbers must be integers: expected.astype(int)"
    return ""


def one_hot(rho: Array, n: int, dtype: Any = float) -> Array:
    """Return rows of shares, `(M, n)`, for class numbers; rows stay as they are."""
    return rho if rho.dtype.kind == "f" else np.equal(rho[..., None], np.arange(n)).astype(dtype)


def _pair(cost: str, output: Any, expected: Any) -> tuple[Any, Any]:
    """Return output and expected values in one shape and dtype; a Node stays a Node, so no derivative is dropped."""
    if not isinstance(output, Node):
        output = numbers(f"{cost}: the output", output)
        output = output if output.dtype.kind == "f" else output.astype(float)
    y = matching(cost, output, expected)
    return output, expected if isinstance(expected, Node) else y


def _mean(individual: Any) -> Any:
    """Return the sum over all neurons, divided by the number of samples."""
    mean = individual.sum() / (len(individual) if individual.ndim == 2 else 1)
    return mean if isinstance(mean, Node | Lifted) else float(mean)
