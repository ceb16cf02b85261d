"""Networks for the tests of the diagnosis, and mistakes in the rules as students write them."""

import itertools

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.rules import RULES

PHIS, COST_NAMES = sorted(ACTIVATIONS), sorted(COSTS)
EXACT = ("graph", "rules", "jacobians")
GENERIC = {"sizes": [3, 4, 5, 2], "phis": ["tanh", "sigmoid", "softplus"], "cost": "logistic", "M": 6}


def network(sizes, phis, seed=0):
    """A network with biases that are not zero, and an activation of its own for each layer."""
    rng = np.random.default_rng(seed)
    mlp = tg.nn.MLP(sizes, rng=seed)
    pairs = zip(itertools.pairwise(sizes), phis, strict=True)
    mlp.layers = [tg.nn.Dense(*n, phi, rng=rng, number=j) for j, (n, phi) in enumerate(pairs, start=1)]
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out)
    return mlp


def batch(mlp, cost, M, seed=0):
    rng, n = np.random.default_rng(seed), mlp.sizes[-1]
    x, rho = rng.normal(size=(M, mlp.sizes[0])), rng.normal(size=(M, n))
    if cost in ("logistic", "hinge"):
        rho = np.where(rho > 0, 1.0, -1.0)
    if cost == "bce":
        rho = np.where(rho > 0, 1.0, 0.0)
    return x, rng.dirichlet(np.ones(n), size=M) if cost == "cross_entropy" else rho


def generic(rules, seed=0, **changes):
    """A cross-check on data that hide nothing: all sizes differ, none is 1 or 2 but that of the output."""
    made = {**GENERIC, **changes}
    mlp = network(made["sizes"], made["phis"], seed)
    data = batch(mlp, made["cost"], made["M"], seed)
    return tg.crosscheck(mlp, *data, made["cost"], roads=EXACT, rules=rules, seconds=made.get("seconds"))


def random_network(seed):
    """Everything is drawn: depth, widths (often equal), activations, cost, batch."""
    rng = np.random.default_rng(seed)
    L, M, cost = int(rng.integers(1, 5)), int(rng.integers(1, 8)), str(rng.choice(COST_NAMES))
    sizes = [int(n) for n in (rng.integers(1, 7, L + 1) if rng.random() < 0.7 else [rng.integers(1, 6)] * (L + 1))]
    mlp = network(sizes, [str(phi) for phi in rng.choice(PHIS, L)], seed)
    return mlp, *batch(mlp, cost, M, seed), cost


# Mistakes as students write them: the rule, how the words begin, and its code. None is taken from the table.

CODE = [
    ("zeta", "bias forgotten", lambda a, w, b: np.einsum("mi,ik->mk", a, w)),
    ("zeta", "bias subtracted", lambda a, w, b: -b + np.dot(a, w)),
    ("zeta", "bias added twice", lambda a, w, b: (a @ w + b) + b),
    ("zeta", "transposed weights", lambda a, w, b: a.dot(w.transpose()) + b),
    ("zeta", "mean over the inputs", lambda a, w, b: (a[:, :, None] * w[None]).mean(axis=1) + b),
    ("zeta", "Ωᵀα as for samples in columns", lambda a, w, b: np.dot(w.T, a) + b),
    ("alpha", "Φ forgotten", lambda z, phi: z.copy()),
    ("alpha", "Φ applied twice", lambda z, phi: phi(phi(z))),
    ("alpha", "relu in place of Φ", lambda z, phi: z * (z > 0)),
    ("alpha", "wrong sign", lambda z, phi: -phi(z)),
    ("B_last", "missing 1/M", lambda z, a, r, d, g: g(a, r) * d(z)),
    ("B_last", "1/M twice", lambda z, a, r, d, g: g(a, r) / len(z) * d(z) / len(z)),
    ("B_last", "wrong sign of ∇C", lambda z, a, r, d, g: -(g(a, r) / len(z)) * d(z)),
    ("B_last", "Φ' taken at α instead of ζ", lambda z, a, r, d, g: g(a, r) / len(z) * d(a)),
    ("B_last", "Φ' forgotten", lambda z, a, r, d, g: g(a, r) / len(z)),
    ("B_last", "Φ in place of Φ'", lambda z, a, r, d, g: g(a, r) / len(z) * a),
    ("B_last", "a factor of 2 too much", lambda z, a, r, d, g: d(z) * (2 * g(a, r)) / a.shape[0]),
    ("B_last", "a factor of 1/2 too much", lambda z, a, r, d, g: d(z) * (g(a, r) / 2) / a.shape[0]),
    ("B_last", "1/n_L in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) / a.shape[1]),
    ("B_last", "2/n_L in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) * 2 / a.shape[1]),
    ("B_last", "1/(M n_L) in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) / (a.shape[1] * a.shape[0])),
    ("B_last", "2/(M n_L) in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) / np.prod(a.shape) * 2),
    ("B_last", "∇C at ζ instead of α", lambda z, a, r, d, g: d(z) * g(z, r) / len(a)),
    ("B_last", "∇C = α - ρ", lambda z, a, r, d, g: d(z) * (a - r) / len(a)),
    ("B_last", "∇C of huber", lambda z, a, r, d, g: d(z) * np.clip(a - r, -1, 1) / len(a)),
    ("B_last", "sigmoid' in place of Φ'", lambda z, a, r, d, g: np.exp(-z) / (1 + np.exp(-z)) ** 2 * g(a, r) / len(a)),
    ("B_hidden", "Φ' forgotten", lambda z, w, B, d: np.einsum("mk,ik->mi", B, w)),
    ("B_hidden", "transposed weights", lambda z, w, B, d: d(z) * np.dot(B, w)),
    ("B_hidden", "1/M again", lambda z, w, B, d: d(z) * (B @ w.T) / z.shape[0]),
    ("B_hidden", "wrong sign", lambda z, w, B, d: -d(z) * (B @ w.T)),
    ("B_hidden", "ΩB as for samples in columns", lambda z, w, B, d: d(z) * (w @ B)),
    ("B_hidden", "Φ' applied twice", lambda z, w, B, d: d(z) * d(z) * (w @ B.T).T),
    ("B_hidden", "tanh' in place of Φ'", lambda z, w, B, d: np.cosh(z) ** -2.0 * (B @ w.T)),
    ("P", "transposed weights", lambda w, B: B.dot(w)),
    ("P", "wrong sign", lambda w, B: -(w @ B.T).T),
    ("P", "1/M again", lambda w, B: (w @ B.T).T / len(B)),
    ("grad_omega", "mean in place of sum", lambda a, B: (a[:, :, None] * B[:, None, :]).mean(axis=0)),
    ("grad_omega", "transposed", lambda a, B: sum(np.outer(q, p) for p, q in zip(a, B, strict=True))),
    ("grad_omega", "wrong sign", lambda a, B: -a.T @ B),
    ("grad_omega", "only the first sample", lambda a, B: a[:1].T @ B[:1]),
    ("grad_omega", "only the last sample", lambda a, B: a[-1:].T @ B[-1:]),
    ("grad_omega", "mean of α times mean of B", lambda a, B: np.outer(a.mean(0), B.mean(0))),
    ("grad_omega", "α and B summed before their product", lambda a, B: np.outer(a.sum(0), B.sum(0))),
    ("grad_omega", "a factor of M too much", lambda a, B: a.T @ B * len(a)),
    ("grad_beta", "mean in place of sum", lambda B: np.average(B, axis=0)),
    ("grad_beta", "summed over the wrong axis", lambda B: np.sum(B, axis=1)),
    ("grad_beta", "summed over all axes", lambda B: np.sum(B)),
    ("grad_beta", "summed over all axes", lambda B: np.full(B.shape[1], B.sum())),
    ("grad_beta", "not summed over the samples", lambda B: B.copy()),
    ("grad_beta", "summed with its axis kept", lambda B: np.ones((1, len(B))) @ B),
    ("grad_beta", "only the first sample", lambda B: B[0, :]),
    ("grad_beta", "only the last sample", lambda B: B[-1, :]),
    ("grad_beta", "wrong sign", lambda B: -sum(list(B))),
]


def at_alpha(mlp):
    """Φ' at α: the rule is not given α, so it counts the layers."""
    layers = iter(mlp.layers[-2::-1])
    return {"B_hidden": lambda z, w, B, d: d(next(layers).activate(z)) * (B @ w.T)}


def from_the_weight_product(mlp):
    kept = {}

    def grad_omega(a, B):
        kept["product"] = a.T @ B
        return kept["product"]

    return {"grad_omega": grad_omega, "grad_beta": lambda B: kept["product"].sum(axis=0)}


def b_of_the_last_layer(mlp):
    kept = []

    def b_last(*args):
        kept.append(RULES["B_last"](*args))
        return kept[0]

    return {"B_last": b_last, "B_hidden": lambda z, w, B, d: d(z) * (kept[0] @ w.T)}


def b_of_the_layer_above(mlp):
    kept = []

    def keep(name):
        return lambda *args: (kept.append(RULES[name](*args)), kept[-1])[1]

    layer = itertools.count(1)

    def grad_beta(B):
        return kept[::-1][min(next(layer), len(kept) - 1)].sum(axis=0)

    return {"B_last": keep("B_last"), "B_hidden": keep("B_hidden"), "grad_beta": grad_beta}


def alpha_of_its_own_layer(mlp):
    kept = []

    def alpha(z, phi):
        kept.append(phi(z))
        return kept[-1]

    layer = itertools.count()
    return {"alpha": alpha, "grad_omega": lambda a, B: kept[next(layer)].T @ B}


def slope_of_the_layer_above(mlp):
    kept = []

    def b_last(z, *args):
        kept.append(z)
        return RULES["B_last"](z, *args)

    def b_hidden(z, w, B, d):
        kept.append(z)
        return d(kept[-2]) * (B @ w.T)

    return {"B_last": b_last, "B_hidden": b_hidden}


STATEFUL = [
    ("B_hidden", "Φ' taken at α instead of ζ", at_alpha),
    ("grad_beta", "taken from the weight product (its sum over the inputs)", from_the_weight_product),
    ("B_hidden", "B of the wrong layer (the last)", b_of_the_last_layer),
    ("grad_beta", "B of the wrong layer (the one above)", b_of_the_layer_above),
    ("grad_omega", "α of the wrong layer (this one)", alpha_of_its_own_layer),
    ("B_hidden", "Φ' at ζ of the wrong layer (the one above)", slope_of_the_layer_above),
]
PLANTED = [(rule, words, lambda mlp, rule=rule, code=code: {rule: code}) for rule, words, code in CODE] + STATEFUL
NAMES = [f"{rule}: {words}" for rule, words, _ in PLANTED]
