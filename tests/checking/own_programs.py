"""Whole programs as learners write them: a forward and a backward pass in plain NumPy, and their arguments."""

import numpy as np

PROGRAMS = {}
PROGRAMS["cols"] = (
    """
def forward(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    loss = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    return loss, (X, Y, Z1, A1, W1, W2, A2)

def backward(cache):
    X, Y, Z1, A1, W1, W2, A2 = cache
    m = X.shape[1]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1 ** 2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
""",
    lambda r: (
        r.normal(size=(3, 6)),
        (r.random((2, 6)) > 0.5) * 1.0,
        r.normal(size=(4, 3)),
        r.normal(size=(4, 1)),
        r.normal(size=(2, 4)),
        r.normal(size=(2, 1)),
    ),
)
PROGRAMS["rows"] = (
    """
def forward(X, Y, W1, b1, W2, b2):
    z1 = X @ W1 + b1
    a1 = np.maximum(0, z1)
    z2 = a1 @ W2 + b2
    diff = z2 - Y
    loss = np.mean(np.sum(diff ** 2, axis=1)) / 2
    return loss

def backward(X, Y, W1, b1, W2, b2):
    z1 = X @ W1 + b1
    a1 = np.maximum(0, z1)
    z2 = a1 @ W2 + b2
    delta2 = (z2 - Y) / len(X)
    dW2 = a1.T @ delta2
    db2 = delta2.sum(axis=0)
    delta1 = (delta2 @ W2.T) * (z1 > 0)
    dW1 = X.T @ delta1
    db1 = delta1.sum(axis=0)
    return None, None, dW1, db1, dW2, db2
""",
    lambda r: (
        r.normal(size=(7, 3)),
        r.normal(size=(7, 2)),
        r.normal(size=(3, 5)),
        r.normal(size=5),
        r.normal(size=(5, 2)),
        r.normal(size=2),
    ),
)
PROGRAMS["softmax"] = (
    """
def forward(X, y, W, b):
    n = X.shape[0]
    logits = X @ W + b
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    probs = e / e.sum(axis=1, keepdims=True)
    logprobs = np.log(probs[np.arange(n), y])
    loss = -logprobs.mean()
    return loss, (X, y, probs)

def backward(cache):
    X, y, probs = cache
    n = X.shape[0]
    dlogits = probs.copy()
    dlogits[np.arange(n), y] -= 1
    dlogits /= n
    dW = X.T @ dlogits
    db = dlogits.sum(axis=0)
    return dW, db
""",
    lambda r: (r.normal(size=(8, 4)), r.integers(0, 3, 8), r.normal(size=(4, 3)), r.normal(size=3)),
)
PROGRAMS["bn"] = (
    """
def forward(x, W, gamma, beta, target):
    N = x.shape[0]
    h = x @ W
    mu = h.sum(axis=0, keepdims=True) / N
    xmu = h - mu
    sq = xmu ** 2
    var = sq.sum(axis=0, keepdims=True) / (N - 1)
    sqrtvar = np.sqrt(var + 1e-3)
    ivar = 1 / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    diff = out - target
    loss = 0.5 * np.sum(diff ** 2) / N
    cache = dict(x=x, W=W, gamma=gamma, xmu=xmu, sqrtvar=sqrtvar, ivar=ivar, xhat=xhat, diff=diff)
    return loss, cache

def backward(cache):
    x, W, gamma = cache["x"], cache["W"], cache["gamma"]
    xmu, ivar, xhat, sqrtvar = cache["xmu"], cache["ivar"], cache["xhat"], cache["sqrtvar"]
    N = x.shape[0]
    dout = cache["diff"] / N
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    divar = (dxhat * xmu).sum(axis=0, keepdims=True)
    dxmu = dxhat * ivar
    dsqrtvar = -divar / sqrtvar ** 2
    dvar = 0.5 * dsqrtvar / sqrtvar
    dsq = np.ones_like(xmu) * dvar / (N - 1)
    dxmu += 2 * xmu * dsq
    dmu = -dxmu.sum(axis=0, keepdims=True)
    dh = dxmu + np.ones_like(xmu) * dmu / N
    dW = x.T @ dh
    return {"W": dW, "gamma": dgamma, "beta": dbeta}
""",
    lambda r: (
        r.normal(size=(9, 3)),
        r.normal(size=(3, 4)),
        r.normal(size=4) + 1,
        r.normal(size=4),
        r.normal(size=(9, 4)),
    ),
)
PROGRAMS["attn"] = (
    """
def forward(X, Wq, Wk, Wv, T):
    Q = X @ Wq
    K = X @ Wk
    V = X @ Wv
    d = Q.shape[1]
    S = Q @ K.T / np.sqrt(d)
    E = np.exp(S - S.max(axis=1, keepdims=True))
    A = E / E.sum(axis=1, keepdims=True)
    O = A @ V
    loss = 0.5 * np.sum((O - T) ** 2)
    return loss, (X, Q, K, V, A, O, T)

def backward(cache):
    X, Q, K, V, A, O, T = cache
    d = Q.shape[1]
    dO = O - T
    dV = A.T @ dO
    dA = dO @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    dQ = dS @ K / np.sqrt(d)
    dK = dS.T @ Q / np.sqrt(d)
    dWq = X.T @ dQ
    dWk = X.T @ dK
    dWv = X.T @ dV
    return {"dWq": dWq, "dWk": dWk, "dWv": dWv}
""",
    lambda r: (
        r.normal(size=(5, 4)),
        r.normal(size=(4, 3)),
        r.normal(size=(4, 3)),
        r.normal(size=(4, 3)),
        r.normal(size=(5, 3)),
    ),
)
PROGRAMS["rnn"] = (
    """
def forward(xs, h0, Wx, Wh, b, Wy, ys):
    h = h0
    hs = [h0]
    loss = 0.0
    outs = []
    for t in range(len(xs)):
        z = xs[t] @ Wx + h @ Wh + b
        h = np.tanh(z)
        hs.append(h)
        o = h @ Wy
        outs.append(o)
        loss = loss + 0.5 * np.sum((o - ys[t]) ** 2)
    return loss, (xs, hs, outs, ys, Wx, Wh, b, Wy)

def backward(cache):
    xs, hs, outs, ys, Wx, Wh, b, Wy = cache
    dWx = np.zeros_like(Wx)
    dWh = np.zeros_like(Wh)
    db = np.zeros_like(b)
    dWy = np.zeros_like(Wy)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        do = outs[t] - ys[t]
        dWy += np.outer(hs[t + 1], do)
        dh = Wy @ do + dhnext
        dz = (1 - hs[t + 1] ** 2) * dh
        dWx += np.outer(xs[t], dz)
        dWh += np.outer(hs[t], dz)
        db += dz
        dhnext = Wh @ dz
    return {"Wx": dWx, "Wh": dWh, "b": db, "Wy": dWy}
""",
    lambda r: (
        r.normal(size=(4, 3)),
        r.normal(size=5),
        r.normal(size=(3, 5)),
        r.normal(size=(5, 5)) * 0.5,
        r.normal(size=5),
        r.normal(size=(5, 2)),
        r.normal(size=(4, 2)),
    ),
)
PROGRAMS["conv"] = (
    """
def forward(X, K, b, y):
    n, k = len(X), len(K)
    windows = np.stack([X[i:i + k] for i in range(n - k + 1)])
    z = windows @ K + b
    a = np.maximum(z, 0)
    p = a.mean()
    loss = 0.5 * (p - y) ** 2
    return loss, (X, K, z, a, p, y, windows)

def backward(cache):
    X, K, z, a, p, y, windows = cache
    k = len(K)
    dp = p - y
    da = np.full_like(a, dp) / a.size
    dz = da * (z > 0)
    dK = windows.T @ dz
    db = dz.sum()
    dX = np.zeros_like(X)
    for i in range(len(dz)):
        dX[i:i + k] += K * dz[i]
    return {"dX": dX, "dK": dK, "db": db}
""",
    lambda r: (r.normal(size=8), r.normal(size=3), float(r.normal()), 3.0),
)
PROGRAMS["convloop"] = (
    """
def forward(X, K, b, Y):
    H, k = X.shape[0] - K.shape[0] + 1, K.shape[0]
    Z = np.zeros((H, H))
    for i in range(H):
        for j in range(H):
            Z[i, j] = np.sum(X[i:i + k, j:j + k] * K) + b
    A = np.maximum(Z, 0)
    loss = np.sum((A - Y) ** 2)
    return loss, (X, K, Z, A, Y)

def backward(cache):
    X, K, Z, A, Y = cache
    k = K.shape[0]
    dA = 2 * (A - Y)
    dZ = dA * (Z > 0)
    dK = np.zeros_like(K)
    dX = np.zeros_like(X)
    for i in range(dZ.shape[0]):
        for j in range(dZ.shape[1]):
            dK += X[i:i + k, j:j + k] * dZ[i, j]
            dX[i:i + k, j:j + k] += K * dZ[i, j]
    db = dZ.sum()
    return {"X": dX, "K": dK, "b": db}
""",
    lambda r: (r.normal(size=(5, 5)), r.normal(size=(3, 3)), float(r.normal()), r.normal(size=(3, 3))),
)
PROGRAMS["emb"] = (
    """
def forward(ix, y, C, W, b):
    emb = C[ix]
    x = emb.reshape(len(ix), -1)
    z = x @ W + b
    h = np.tanh(z)
    loss = np.mean((h[:, 0] - y) ** 2)
    return loss, (ix, y, C, W, emb, x, h)

def backward(cache):
    ix, y, C, W, emb, x, h = cache
    dh = np.zeros_like(h)
    dh[:, 0] = 2 * (h[:, 0] - y) / len(y)
    dz = dh * (1 - h ** 2)
    dW = x.T @ dz
    db = dz.sum(axis=0)
    dx = dz @ W.T
    demb = dx.reshape(emb.shape)
    dC = np.zeros_like(C)
    for k in range(ix.shape[0]):
        for j in range(ix.shape[1]):
            dC[ix[k, j]] += demb[k, j]
    return {"dC": dC, "dW": dW, "db": db}
""",
    lambda r: (
        np.array([[0, 1], [1, 1], [2, 0], [3, 1]]),
        r.normal(size=4),
        r.normal(size=(5, 2)),
        r.normal(size=(4, 3)),
        r.normal(size=3),
    ),
)
PROGRAMS["mlp_dicts"] = (
    """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def forward(params, X, Y):
    A = X
    cache = {"A0": X}
    L = len(params) // 2
    for l in range(1, L + 1):
        Z = params["W" + str(l)] @ A + params["b" + str(l)]
        A = sigmoid(Z) if l == L else np.tanh(Z)
        cache["Z" + str(l)] = Z
        cache["A" + str(l)] = A
    m = X.shape[1]
    cost = np.sum((A - Y) ** 2) / (2 * m)
    return cost, (params, cache, Y)

def backward(state):
    params, cache, Y = state
    grads = {}
    L = len(params) // 2
    m = Y.shape[1]
    A = cache["A" + str(L)]
    delta = (A - Y) * A * (1 - A)
    for l in range(L, 0, -1):
        grads["dW" + str(l)] = delta @ cache["A" + str(l - 1)].T / m
        grads["db" + str(l)] = delta.sum(axis=1, keepdims=True) / m
        if l > 1:
            da = params["W" + str(l)].T @ delta
            delta = da * (1 - cache["A" + str(l - 1)] ** 2)
    return grads
""",
    lambda r: (
        {
            "W1": r.normal(size=(4, 3)),
            "b1": r.normal(size=(4, 1)),
            "W2": r.normal(size=(5, 4)),
            "b2": r.normal(size=(5, 1)),
            "W3": r.normal(size=(2, 5)),
            "b3": r.normal(size=(2, 1)),
        },
        r.normal(size=(3, 6)),
        r.normal(size=(2, 6)),
    ),
)


def load(source):
    """Return the two functions of a program."""
    names = {"np": np}
    exec(compile(source, "<a learner's program>", "exec"), names)  # noqa: S102  # a program of ours
    return names["forward"], names["backward"]


def changed(name, *slips):
    """Return a program whose backward pass has slips, its arguments, and the line of the first slip."""
    source, arguments = PROGRAMS[name]
    head, tail = source.split("def backward")
    for right, wrong in slips:
        assert right in tail
        tail = tail.replace(right, wrong)
    lines = (source.splitlines(), f"{head}def backward{tail}".splitlines())
    line = next((i for i, (a, b) in enumerate(zip(*lines, strict=False), 1) if a != b), 0)
    return *load(f"{head}def backward{tail}"), arguments(np.random.default_rng(3)), line
