"""The definitions of all activations and costs in plain Python, and data that suit a cost."""

import math

import numpy as np

ACTIVATIONS = ["elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]
COSTS = ["bce", "cross_entropy", "hinge", "huber", "l1", "logistic", "margin", "mse"]
DTYPES = [np.float32, np.float64]
H = 1e-6


def sigma(z):
    return 1 / (1 + math.exp(-z))


PHI = {  # the definitions, in plain Python
    "identity": lambda z: z,
    "sigmoid": sigma,
    "tanh": lambda z: (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)),
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "elu": lambda z: z if z > 0 else math.exp(z) - 1,
    "silu": lambda z: z * sigma(z),
    "gelu": lambda z: z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
}


def softmax(row):
    total = sum(math.exp(v) for v in row)
    return [math.exp(v) / total for v in row]


C_OF_NEURON = {  # of y_hat and y
    "mse": lambda y_hat, y: 0.5 * (y - y_hat) ** 2,
    "l1": lambda y_hat, y: abs(y - y_hat),
    "huber": lambda y_hat, y: (y - y_hat) ** 2 / 2 if abs(y - y_hat) <= 1 else abs(y - y_hat) - 0.5,
    "logistic": lambda y_hat, y: math.log(1 + math.exp(-y * y_hat)),
    "bce": lambda y_hat, y: -y * math.log(sigma(y_hat)) - (1 - y) * math.log(1 - sigma(y_hat)),
    "hinge": lambda y_hat, y: max(0.0, 1 - y * y_hat),
    "margin": lambda y_hat, y: max(0.0, y - y_hat),
}


def plain_cost(name, output, expected):
    """The mean over the samples of the sum over the neurons, in plain Python."""
    total = 0.0
    for y_hats, ys in zip(output, expected, strict=True):
        if name == "cross_entropy":
            total += -sum(y * math.log(p) for p, y in zip(softmax(y_hats), ys, strict=True))
        else:
            total += sum(C_OF_NEURON[name](y_hat, y) for y_hat, y in zip(y_hats, ys, strict=True))
    return total / len(output)


def problem(name, M=4, n=3, seed=0):
    """Outputs and expected values that suit the cost, far from all kinks."""
    rng = np.random.default_rng(seed)
    output = rng.normal(size=(M, n)) * 2
    if name in ("logistic", "hinge"):
        rho = rng.choice([-1.0, 1.0], size=(M, n))
    elif name == "bce":
        rho = rng.choice([0.0, 1.0], size=(M, n))
    elif name == "cross_entropy":
        rho = rng.dirichlet(np.ones(n), size=M)
    else:
        rho = output + rng.choice([-1.0, 1.0], size=(M, n)) * rng.choice([0.3, 0.6, 1.7], size=(M, n))
    return output, rho
