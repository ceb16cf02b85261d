"""Matrices of every kind, singular ones among them, for the tests of linear algebra."""

import numpy as np

L = np.linalg


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def made(kind, n):
    a = numbers(n, n, seed=n)
    u, _, vh = L.svd(a)
    few = np.arange(n) < max(n - 2, 0)
    return {
        "regular": a,
        "rank n-1": a @ (np.eye(n) - np.ones((n, n)) / n),
        "rank n-2": u @ np.diag(few * (1.0 + np.arange(n))) @ vh,
        "a zero column": a * (np.arange(n) > 0),
        "two equal rows of whole numbers": np.round(2 * a)[np.arange(n) % max(n - 1, 1)],
        "zero": 0.0 * a,
        "orthogonal": u,
        "ill-conditioned": u @ np.diag(10.0 ** -np.linspace(0, 13, n)) @ vh,
        "small": 1e-8 * a,
        "reflection": np.diag(np.where(np.arange(n) == 0, -1.0, 1.0)),
    }[kind]
