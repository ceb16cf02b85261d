"""The estimators on data of every kind: labels, sparse matrices, tables of pandas, and files larger than the memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.preprocessing import StandardScaler

from tinygrad_ed.data import iris
from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs are enough here

X, Y = StandardScaler().fit_transform(iris().x), iris().y
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 30, "learning_rate_init": 0.02, "random_state": 0}
SPARSE = [getattr(scipy.sparse, f"{form}_{kind}") for form in ("csr", "csc", "coo") for kind in ("array", "matrix")]


def test_several_labels_a_sample():
    x, y = make_multilabel_classification(200, random_state=0)
    model = MLPClassifier(**{**OPTIONS, "max_iter": 200}).fit(x, y)
    there, proba = model.predict(x), model.predict_proba(x)
    assert there.shape == proba.shape == (200, 5)
    assert set(np.unique(there)) == {0, 1}
    assert there.dtype.kind == "i"
    np.testing.assert_array_equal(there, proba > 0.5)
    assert (there == y).mean() > 0.8
    assert model.score(x, y) == (there == y).all(axis=1).mean()
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(MLPClassifier(**OPTIONS).fit(x, scipy.sparse.csr_array(y)).predict(x).shape, (200, 5))
    by_parts = MLPClassifier(**OPTIONS)
    for _ in range(30):
        by_parts.partial_fit(x, y)
    assert (by_parts.predict(x) == y).mean() > 0.7
    with pytest.raises(InvalidValue, match="says of each label whether it is there, by 0 and 1 alone"):
        MLPClassifier().fit(x, y + 1)
    with pytest.raises(InvalidValue, match="goes on with the classes"):
        by_parts.partial_fit(x, y[:, :3])
    with pytest.raises(InvalidValue, match="goes on with the classes"):  # five classes are not five labels
        by_parts.partial_fit(x, y[:, 0], classes=range(5))


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_sparse_matrix_is_learned_as_the_dense_one(form, early_stopping):
    models = [MLPClassifier(**OPTIONS, early_stopping=early_stopping) for _ in range(2)]
    weight = np.arange(150) % 3
    sparse, dense = [model.fit(x, Y, weight) for model, x in zip(models, (form(X), X), strict=True)]
    np.testing.assert_array_equal(sparse.coefs_[0], dense.coefs_[0])
    np.testing.assert_array_equal(sparse.predict_proba(form(X)), dense.predict_proba(X))
    np.testing.assert_array_equal(MLPRegressor(**OPTIONS).fit(form(X), Y).predict(form(X)).shape, (150,))


def test_a_sparse_matrix_is_never_dense():
    """As an array it were 400 MB."""
    x = scipy.sparse.random_array((5000, 10_000), density=1e-4, format="csr", rng=np.random.default_rng(0))
    tracemalloc.start()
    MLPRegressor((2,), max_iter=1, random_state=0, batch_size=50).fit(x, np.ones(5000)).predict(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6, f"{peak / 1e6:.0f} MB"


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (pd.Series(Y, dtype="Int64"), "i"),
        (pd.Series(Y, dtype="UInt8"), "u"),
        (pd.Series(Y > 0, dtype="boolean"), "b"),
        (pd.Series(Y > 0), "b"),
        (pd.Series(Y).map({0: "s", 1: "t", 2: "u"}).astype("string"), "O"),
        (pd.Series(Y).map({0: "s", 1: "t", 2: "u"}).astype("category"), "O"),
    ],
)
def test_a_table_of_pandas_with_nullable_dtypes(y, kind):
    table = pd.DataFrame(X, columns=list("abcd")).astype({"a": "Float64", "b": "Float32"})
    model = MLPClassifier(**OPTIONS).fit(table, y)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.classes_.dtype.kind == model.predict(table).dtype.kind == kind
    assert model.score(table, y) > 0.9
    np.testing.assert_allclose(
        model.predict_proba(table), MLPClassifier(**OPTIONS).fit(X, y).predict_proba(X), atol=1e-4
    )
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(table[list("bacd")])
    with pytest.raises(ValueError, match=r"yet now missing:\n- d"):
        model.predict(table[list("abc")])
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- z"):
        model.partial_fit(table.rename(columns={"a": "z"}), y)
    gap = table.copy()
    gap.loc[3, "a"] = pd.NA
    with pytest.raises(ValueError, match="contains NaN"):
        MLPClassifier().fit(gap, y)
    with pytest.raises(ValueError, match="y contains NaN"):
        MLPRegressor().fit(table, pd.Series([1, pd.NA] * 75, dtype="Int64"))


class Rows:
    """Rows that another library keeps; `most` is how many were asked for at once."""

    most = 0

    def __init__(self, array):
        self._array = array

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        found = self._array[rows]
        Rows.most = max(Rows.most, len(found))
        return found


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_are_read_in_batches(make, early_stopping, tmp_path, monkeypatch):
    monkeypatch.setattr("tinygrad_ed.train.stored.AT_ONCE", 200)  # blocks of 25 rows
    monkeypatch.setattr(Rows, "most", 0)
    kept = np.memmap(tmp_path / "x", np.float64, "w+", shape=X.shape)
    kept[:] = X
    options = {**OPTIONS, "batch_size": 20, "early_stopping": early_stopping}
    weight = np.arange(150) % 4
    models = [make(**options).fit(x, Y, weight) for x in (X, kept, Rows(X))]
    for model, x in zip(models, (X, kept, Rows(X)), strict=True):
        np.testing.assert_array_equal(model.coefs_[0], models[0].coefs_[0])
        np.testing.assert_array_equal(model.predict(x), models[0].predict(X))
        assert model.n_features_in_ == 4
    assert Rows.most == 25
    again = make(**OPTIONS, batch_size=20)
    for _ in range(2):
        again.partial_fit(Rows(X), Y, **({"classes": [0, 1, 2]} if make is MLPClassifier else {}))
    assert Rows.most == 25
    with pytest.raises(ValueError, match=r"has 3 features, but MLP(Classifier|Regressor) is expecting 4"):
        again.predict(Rows(X[:, :3]))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(Rows(X), Y[:5])
    gap = X.copy()
    gap[30, 1] = np.nan
    with pytest.raises(InvalidValue, match=r"^(validation )?x holds nan at \[30, 1\]: the value in row 30"):
        make(**options).fit(Rows(gap), Y)
    with pytest.raises(InvalidValue, match="x holds NaN or infinite numbers in the rows from 25 to 49"):
        again.predict(Rows(gap))
    with pytest.raises(InvalidType, match=r"data are read in batches.* but Rows answered TypeError"):
        make().fit(Rows(7), Y)
