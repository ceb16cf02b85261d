"""Sets to learn from: real ones that ship with the package, and toys: two classes in the plane, made from a seed.

The files of the real ones lie beside this one; SOURCES.txt there names source, license and changes, and
docs/make_datasets.py made them. Every call reads them anew, so the arrays are the caller's own.

The classes of the toys take turns (0, 1, 0, 1, ...), so they are balanced to within one sample. With `noise=0` the
points lie exactly on their curves; `noise` is the standard deviation of what is added to each coordinate. A number of
samples, a noise or a seed that cannot be used is an InvalidType or InvalidValue.
"""

import math
from importlib.resources import files

import numpy as np

from tinygrad_ed.data.dataset import Array, Dataset
from tinygrad_ed.errors import InvalidValue, generator, real_number, storable, whole_number

Rng = int | np.random.Generator


def moons(n: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return two half circles that interlock: `(cos t, sin t)` and `(1 - cos t, 1/2 - sin t)`, t in 0..π.

    >>> moons(n=4, noise=0, rng=1).x.round(2)
    array([[-0.04,  1.  ],
           [ 1.99,  0.35],
           [ 0.9 ,  0.44],
           [ 1.99,  0.34]])
    """
    n, y, noise, random = _checked(n, noise, rng)
    t = random.uniform(0, math.pi, n)
    x = np.where(y == 0, [np.cos(t), np.sin(t)], [1 - np.cos(t), 0.5 - np.sin(t)]).T
    return _toy("moons", x, y, ("upper", "lower"), noise, random)


def circles(n: int = 200, noise: float = 0.1, rng: Rng = 0, *, factor: float = 0.5) -> Dataset:
    """Return two circles around the origin: class 0 of radius 1, class 1 of radius `factor` (between 0 and 1).

    >>> data = circles(n=100, noise=0, factor=0.25)
    >>> np.unique(np.hypot(*data.x.T).round(12))
    array([0.25, 1.  ])
    """
    n, y, noise, random = _checked(n, noise, rng)
    wanted = "the radius of the inner circle, between 0 and 1"
    if not 0 < real_number("factor", factor, wanted) < 1:
        raise InvalidValue(f"factor must be {wanted}, got {factor!r}")
    t = random.uniform(0, 2 * math.pi, n)
    x = np.where(y == 0, 1.0, factor)[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1)
    return _toy("circles", x, y, ("outer", "inner"), noise, random)


def spirals(n: int = 200, noise: float = 0.03, rng: Rng = 0, *, turns: float = 1.5) -> Dataset:
    """Return two spiral arms, half a turn apart: radius r in 0..1 at the angle `2π turns r`; more turns are harder.

    >>> data = spirals(n=100, noise=0, turns=2)
    >>> bool(np.hypot(*data.x.T).max() <= 1), np.bincount(data.y)
    (True, array([50, 50]))
    """
    n, y, noise, random = _checked(n, noise, rng)
    wanted = "how often an arm goes round, more than 0"
    if not real_number("turns", turns, wanted) > 0:
        raise InvalidValue(f"turns must be {wanted}, got {turns!r}")
    r = np.sqrt(random.uniform(0, 1, n))  # the root spreads the points evenly over the disc
    angle = 2 * math.pi * turns * r + math.pi * y
    x = r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _toy("spirals", x, y, ("first", "second"), noise, random)


def xor(n: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return the exclusive or: the four corners (0, 0), (0, 1), (1, 1), (1, 0) in turn, class 1 where they differ.

    >>> data = xor(n=4, noise=0)
    >>> data.x, data.y
    (array([[0., 0.],
           [0., 1.],
           [1., 1.],
           [1., 0.]]), array([0, 1, 0, 1]))
    """
    n, y, noise, random = _checked(n, noise, rng, at_least=4)
    first = np.arange(n) // 2 % 2
    x = np.stack([first, first ^ y], axis=1).astype(float)
    return _toy("xor", x, y, ("same", "different"), noise, random)


def _toy(name: str, x: Array, y: Array, classes: tuple[str, str], noise: float, random: np.random.Generator) -> Dataset:
    return Dataset(name, x + noise * random.standard_normal(x.shape), y, classes, ("x1", "x2"), source="generated")


def _checked(n: int, noise: float, rng: Rng, at_least: int = 2) -> tuple[int, Array, float, np.random.Generator]:
    n = whole_number("n", n, at_least)
    storable("a data set", n, 2)
    wanted = "a standard deviation, 0 or more"
    if not real_number("noise", noise, wanted) >= 0:
        raise InvalidValue(f"noise must be {wanted}, got {noise!r}")
    return n, np.arange(n) % 2, float(noise), generator(rng)


def digits() -> Dataset:
    r"""Return 1797 handwritten digits, images of 8 by 8 pixels, with 10 classes.

    Each image is a row of 64 numbers (`x[i].reshape(8, 8)` is the picture): the pixels 0..16 of the
    source, divided by 16, so 0 is paper and 1 is full ink.

    Source: E. Alpaydin & C. Kaynak (1998), Optical Recognition of Handwritten Digits (the test part), UCI
    Machine Learning Repository, https://doi.org/10.24432/C50P49, license CC BY 4.0.

    >>> data = digits()
    >>> data
    Dataset(digits: 1797 samples, 64 features; target 'digit': 10 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
    >>> data.x.shape, data.rho.shape, data.y[:5], data.x.max()
    ((1797, 64), (1797, 10), array([0, 1, 2, 3, 4]), np.float64(1.0))
    >>> print("\n".join("".join(".-+*#"[int(4 * ink)] for ink in row) for row in data.x[0].reshape(8, 8)))
    ..-*+...
    ..**+*-.
    ..*..++.
    .-*..++.
    .-+..++.
    .-+..*-.
    ..*-+*..
    ..-*+...
    """
    pixels, labels = _load("digits.npz", "pixels", "labels")
    features = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    source = "Alpaydin & Kaynak (1998), UCI, https://doi.org/10.24432/C50P49, CC BY 4.0"
    return Dataset("digits", pixels / 16.0, labels.astype(int), tuple("0123456789"), features, "digit", source)


def iris() -> Dataset:
    """Return 150 iris flowers, 4 measures in centimetres each, with 3 species of 50.

    Source: R. A. Fisher (1936), The use of multiple measurements in taxonomic problems, Annals of Eugenics
    7(2), 179-188; Iris, UCI Machine Learning Repository, https://doi.org/10.24432/C56C76, license CC BY 4.0;
    rows 35 and 38 are as in the paper.

    >>> iris()
    Dataset(iris: 150 samples, 4 features; target 'species': 3 classes (setosa, versicolor, virginica))
    >>> iris().features
    ('sepal length', 'sepal width', 'petal length', 'petal width')
    >>> iris().x.mean(axis=0).round(2)
    array([5.84, 3.06, 3.76, 1.2 ])
    """
    measures, species = _load("iris.npz", "measures", "species")
    classes, features = (
        ("setosa", "versicolor", "virginica"),
        ("sepal length", "sepal width", "petal length", "petal width"),
    )
    source = "Fisher (1936), UCI, https://doi.org/10.24432/C56C76, CC BY 4.0"
    return Dataset("iris", measures, species.astype(int), classes, features, "species", source)


def _load(file: str, *names: str) -> tuple[Array, ...]:
    with files("tinygrad_ed.data").joinpath(file).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return tuple(arrays[name] for name in names)
