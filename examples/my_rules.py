"""Derive the rules yourself, and have them judged. Run: python examples/my_rules.py.

Five versions of the rule for B of a hidden layer, against the other roads: two right ones, one with the derivative of Φ
taken at the activation, one that forgets to transpose the weights, and one with a mistake that is not known.
"""

import numpy as np

import tinygrad_ed as tg

mlp = tg.nn.MLP([2, 3, 3, 1], activation="sigmoid", rng=0)
rng = np.random.default_rng(0)
x, rho = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))


def right(zeta, omega_next, B_next, dphi):
    """B^j = Φ'(ζ^j) ⊙ (B^{j+1} [Ω^{j+1}]^T)."""
    return dphi(zeta) * np.einsum("ik,jk->ij", B_next, omega_next)


def lucky(zeta, omega_next, B_next, dphi):
    """The derivative of the sigmoid, which is right only while Φ is the sigmoid: the note says so."""
    sigma = 1 / (1 + np.exp(-zeta))
    return sigma * (1 - sigma) * (B_next @ omega_next.T)


def at_the_activation(zeta, omega_next, B_next, dphi):
    """Φ' taken at α = Φ(ζ) in place of ζ."""
    return dphi(1 / (1 + np.exp(-zeta))) * (B_next @ omega_next.T)


def not_transposed(zeta, omega_next, B_next, dphi):
    """Ω in place of its transpose."""
    return dphi(zeta) * (B_next @ omega_next)


def odd(zeta, omega_next, B_next, dphi):
    """Something else."""
    return dphi(zeta) * (B_next @ omega_next.T) / 3


for rule in (right, lucky, at_the_activation, not_transposed, odd):
    check = tg.crosscheck(mlp, x, rho, rules={"B_hidden": rule})
    print(f"{rule.__name__}: {check.first_divergence or 'agrees with all roads'}")
    for line in [*check.diagnosis, *check.notes]:
        print(f"    {line}")
