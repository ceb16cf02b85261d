"""How far two right roads may differ: the rounding of every quantity, carried along from layer to layer.

Errors of many terms are added as in physics, by their squares, for they are of either sign (Higham & Mary 2019). A
function of one number, such as Φ', turns an error e at ζ into the difference of its values there and at ζ - e or
ζ + e. This holds at a kink too: rounding may put a net input on either side of it, and then Φ' is 0 on one road and 1
on another, and both are right. Tiny gradients have tiny allowances, so that a wrong rule is found there too.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.checking.roads import NOISE, STEP, reach_of
from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.graph.values import Array

UNITS = 64  # how many times the spacing of floats one operation is allowed to be off
JUMP = 1e-3  # a change that no rounding explains: the point lies at a kink
FLOOR = float(np.sqrt(np.finfo(float).tiny))  # 1.5e-154: what is smaller has no square


def allowances(
    omega: Mapping[int, Array],
    beta: Mapping[int, Array],
    activations: Mapping[int, str],
    x: Array,
    rho: Array,
    cost: str,
) -> dict[str, Any]:
    """Return, for every quantity of the slides, how far off rounding may bring each entry, in float64.

    Under `"numeric grad_omega[j]"` stands how far off central differences are at most where they are not NaN.
    """
    u, L, M = UNITS * float(np.finfo(float).eps), len(omega), len(x)
    book: dict[str, Any] = rules.quantities(omega, beta, activations, x, rho, cost)
    off: dict[str, Any] = {"alpha[0]": np.zeros_like(x)}
    for j in range(1, L + 1):
        below, alpha, zeta = book[f"alpha[{j - 1}]"], book[f"alpha[{j}]"], book[f"zeta[{j}]"]
        e = off[f"zeta[{j}]"] = _product(off[f"alpha[{j - 1}]"], below, omega[j], u) + u * np.abs(beta.get(j, 0.0))
        off[f"alpha[{j}]"] = _spread(ACTIVATIONS[activations[j]].phi, zeta, e) + u * (np.abs(alpha) + np.abs(zeta))

    alpha, P, e = book[f"alpha[{L}]"], book[f"P[{L + 1}]"], off[f"alpha[{L}]"]
    off["cost"] = float(np.sqrt(np.sum((P * e) ** 2)) + u * (book["cost"] + np.max(np.abs(alpha) + np.abs(rho))))
    if COSTS[cost].expects == "shares":  # the softmax depends on all entries of its row
        row = np.max(2 * e + u * (1 + np.ptp(alpha, axis=1, keepdims=True)), axis=1, keepdims=True)
        off[f"P[{L + 1}]"] = (P * M + rho) * row / M + u * np.abs(P)
    else:
        off[f"P[{L + 1}]"] = _spread(lambda a: COSTS[cost].grad_C(a, rho), alpha, e) / M + u * np.abs(P)

    for j in range(L, 0, -1):
        dphi, zeta = ACTIVATIONS[activations[j]].dphi, book[f"zeta[{j}]"]
        P, B = book[f"P[{j + 1}]"], book[f"B[{j}]"]
        off[f"B[{j}]"] = (
            np.abs(P) * (_spread(dphi, zeta, off[f"zeta[{j}]"]) + u) + np.abs(dphi(zeta)) * off[f"P[{j + 1}]"]
        )
        off[f"P[{j}]"] = _product(off[f"B[{j}]"], B, omega[j].T, u)
    numeric = 3 * NOISE * max(1.0, book["cost"]) + off["cost"] / STEP / UNITS
    for j in range(L, 0, -1):
        alpha, B, e = book[f"alpha[{j - 1}]"], book[f"B[{j}]"], off[f"B[{j}]"]
        off[f"grad_omega[{j}]"] = _product(e.T, B.T, alpha, u).T + np.sqrt((off[f"alpha[{j - 1}]"] ** 2).T @ B**2)
        off[f"grad_beta[{j}]"] = _product(e.T, B.T, np.ones(M), u)
        off[f"numeric grad_omega[{j}]"] = numeric * reach_of(alpha)
        off[f"numeric grad_beta[{j}]"] = numeric
    return off


def _product(off: Array, a: Array, b: Array, u: float) -> Array:
    """Return the error of `a @ b`, where a is off by `off`: each of n terms is rounded, and so are their n sums."""
    error: Array = np.sqrt((off**2 + len(b) * (u * a) ** 2) @ b**2)
    return error + FLOOR


def _spread(f: Callable[[Array], Array], at: Array, off: Array) -> Array:
    """Tell how far a function of single numbers moves at most when its argument moves by `off` to either side."""
    here = f(at)
    farther: Array = np.maximum(np.abs(f(at + off) - here), np.abs(here - f(at - off)))
    return np.where(farther > JUMP, 10 * farther, farther)  # several jumps at once do not cancel, as roundings do
