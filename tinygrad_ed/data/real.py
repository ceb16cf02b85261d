"""Real data that ship with the package: handwritten digits and iris flowers.

The files lie beside this one; SOURCES.txt there names source, license and changes, and
docs/make_datasets.py made them. Every call reads them anew, so the arrays are the caller's own.
"""

from importlib.resources import files

import numpy as np

from tinygrad_ed.data.dataset import Array, Dataset


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
    return Dataset(
        name="digits",
        x=pixels / 16.0,
        y=labels.astype(int),
        classes=tuple("0123456789"),
        features=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        target="digit",
        source="Alpaydin & Kaynak (1998), UCI, https://doi.org/10.24432/C50P49, CC BY 4.0",
    )


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
    return Dataset(
        name="iris",
        x=measures,
        y=species.astype(int),
        classes=("setosa", "versicolor", "virginica"),
        features=("sepal length", "sepal width", "petal length", "petal width"),
        target="species",
        source="Fisher (1936), UCI, https://doi.org/10.24432/C56C76, CC BY 4.0",
    )


def _load(file: str, *names: str) -> tuple[Array, ...]:
    with files("tinygrad_ed.data").joinpath(file).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return tuple(arrays[name] for name in names)
