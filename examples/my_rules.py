"""Derive the rules yourself, and have them judged. Run: python examples/my_rules.py.

Three versions of the rule for B of a hidden layer, against the other roads: a right one, one with the derivative of Φ
taken at the activation, and one that forgets to transpose the weights.
"""

import numpy as np

import tinygrad_ed as tg

mlp = tg.nn.MLP([2, 3, 3, 1], activation="sigmoid", rng=0)
rng = np.random.default_rng(0)
x, rho = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))


def right(zeta, omega_next, B_next, dphi):
    """B^j = Φ'(ζ^j) ⊙ (B^{j+1} [Ω^{j+1}]^T)."""
    return dphi(zeta) * np.einsum("ik,jk->ij", B_next, omega_next)


def at_the_activation(zeta, omega_next, B_next, dphi):
    """Φ' taken at α = Φ(ζ) in place of ζ."""
    return dphi(1 / (1 + np.exp(-zeta))) * (B_next @ omega_next.T)


def not_transposed(zeta, omega_next, B_next, dphi):
    """Ω in place of its transpose."""
    return dphi(zeta) * (B_next @ omega_next)


for rule in (right, at_the_activation, not_transposed):
    check = tg.crosscheck(mlp, x, rho, rules={"B_hidden": rule})
    print(f"{rule.__name__:<18} {check.first_divergence or 'agrees with all roads'}")
