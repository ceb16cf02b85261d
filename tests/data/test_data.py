import hashlib
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import Dataset, circles, digits, iris, moons, spirals, xor
from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError

TOYS = [moons, circles, spirals, xor]


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


# --- real data -------------------------------------------------------------------------------------------------------


def test_digits_are_the_known_ones():
    data = digits()
    assert data.x.shape == (1797, 64)
    assert data.x.dtype == np.float64
    assert (data.x.min(), data.x.max()) == (0.0, 1.0)
    assert np.bincount(data.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert 16 * data.x.mean() == pytest.approx(4.884164579855314, abs=1e-12)
    pixels = (16 * data.x).astype(np.uint8)
    assert (16 * data.x == pixels).all()
    assert sha256(pixels) == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    assert sha256(data.y.astype(np.uint8)) == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"
    assert data.classes == tuple("0123456789")
    assert data.features[8] == "pixel_1_0"


def test_iris_is_the_table_of_the_paper():
    data = iris()
    assert data.x.shape == (150, 4)
    assert np.bincount(data.y).tolist() == [50, 50, 50]
    assert data.classes == ("setosa", "versicolor", "virginica")
    assert data.x.mean(axis=0).round(3).tolist() == [5.843, 3.057, 3.758, 1.199]
    assert (data.x.min(axis=0).tolist(), data.x.max(axis=0).tolist()) == ([4.3, 2.0, 1.0, 0.1], [7.9, 4.4, 6.9, 2.5])
    # The two rows in which the UCI copy differs from Fisher's paper.
    assert data.x[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert data.x[37].tolist() == [4.9, 3.6, 1.4, 0.1]
    assert sha256(data.x.astype("<f8")) == "012f498fe9c8b3b34212c3c5d98e1f03f2f79931cd49349beb1bad64dcf164a7"


def test_files_are_small_and_name_source_and_license():
    folder = files("tinygrad_ed.data")
    assert sum(len(folder.joinpath(name).read_bytes()) for name in ("digits.npz", "iris.npz")) < 150_000
    text = folder.joinpath("SOURCES.txt").read_text(encoding="utf-8")
    for data, doi in ((digits, "10.24432/C50P49"), (iris, "10.24432/C56C76")):
        assert doi in text
        assert doi in data().source
        assert doi in data.__doc__
        assert "CC BY 4.0" in data.__doc__
    assert "Creative Commons" in text


@pytest.mark.parametrize("make", [digits, iris, *TOYS])
def test_arrays_are_the_callers_own(make):
    first = make()
    kept = first.x.copy()
    first.x[:] = -1.0
    first.y[:] = 0
    assert (make().x == kept).all()
    assert first.rho is not first.rho


# --- Dataset ---------------------------------------------------------------------------------------------------------


def test_rho_is_one_hot_and_unpacks_with_x():
    data = iris()
    x, rho = data
    assert x is data.x
    assert rho.dtype == np.float64
    assert rho.shape == (150, 3)
    assert (rho.sum(axis=1) == 1).all()
    assert (rho.argmax(axis=1) == data.y).all()


def test_numbers_to_learn_give_a_column():
    y = np.array([1, 2, 4])
    data = Dataset("line", np.array([[1], [2], [3]]), y, target="height")
    assert data.rho.tolist() == [[1.0], [2.0], [4.0]]
    data.rho[:] = 0
    data.y[0] = 7
    assert (data.y.tolist(), y.tolist()) == ([7.0, 2.0, 4.0], [1, 2, 4])
    assert repr(data) == "Dataset(line: 3 samples, 1 features; target 'height': numbers)"


def test_repr_is_one_short_line():
    assert repr(iris()) == (
        "Dataset(iris: 150 samples, 4 features; target 'species': 3 classes (setosa, versicolor, virginica))"
    )
    many = Dataset("many", np.zeros((12, 1)), np.arange(12), tuple(f"k{i}" for i in range(12)))
    assert many.said == "target 'class': 12 classes (k0, k1, k2, ..., k11)"


def test_a_dataset_cannot_be_reassigned():
    with pytest.raises(AttributeError, match="cannot assign"):
        iris().x = 0


def test_signs_are_minus_one_and_one():
    data = xor(n=6)
    assert data.signs.tolist() == [[-1.0], [1.0]] * 3


def test_signs_want_two_classes():
    with pytest.raises(
        InvalidValue, match=r"-1 and \+1 of two classes, but 'iris' has 3 classes; use .rho.*'cross_ent"
    ):
        _ = iris().signs
    with pytest.raises(InvalidValue, match=r"but 'line' has a target of numbers; use .rho, with cost 'mse'"):
        _ = Dataset("line", np.zeros((2, 1)), np.zeros(2)).signs


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"'d': x must be \(N, n\).*got x \(3, 2\), y \(2,\) and 2 names"):
        Dataset("d", np.zeros((3, 2)), np.zeros(2, int), ("a", "b"))
    with pytest.raises(ShapeError, match=r"got x \(3,\)"):
        Dataset("d", np.zeros(3), np.zeros(3, int), ("a", "b"))
    with pytest.raises(ShapeError, match="and 1 names"):
        Dataset("d", np.zeros((3, 2)), np.zeros(3, int), ("a", "b"), features=("only",))
    for y in ([0, 1, 2], [0, -1, 1], [0.0, 1.0, 1.0]):
        with pytest.raises(InvalidValue, match=r"'d': y must hold class numbers 0\.\.1 as integers"):
            Dataset("d", np.zeros((3, 2)), np.array(y), ("a", "b"))


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    test=st.floats(0.05, 0.95),
    seed=st.integers(0, 1000),
)
def test_split_keeps_every_sample_once_and_each_class_its_share(sizes, test, seed):
    y = np.repeat(np.arange(len(sizes)), sizes)
    n = len(y)
    data = Dataset("d", np.arange(n)[:, None], y, tuple("abcde"[: len(sizes)]))
    size = round(test * n)
    if not 0 < size < n:
        with pytest.raises(InvalidValue, match="leaves samples in both parts"):
            data.split(test, seed)
        return
    train, held = data.split(test, seed)
    assert sorted(np.concatenate([train.x, held.x]).ravel().tolist()) == list(range(n))
    assert len(held) == size
    for part in (train, held):
        assert (y[part.x.ravel().astype(int)] == part.y).all()
    for k, count in enumerate(sizes):
        assert abs((held.y == k).sum() - count * size / n) < 1


def test_split_is_reproducible_and_random():
    data = digits()
    train, test = data.split(rng=3)
    again, _ = data.split(rng=np.random.default_rng(3))
    other, _ = data.split(rng=4)
    assert (train.x == again.x).all()
    assert not (train.x == other.x).all()
    assert (len(train), len(test)) == (1348, 449)
    assert (train.name, test.name, test.classes) == ("digits (train)", "digits (test)", data.classes)
    assert len(set(iris().split()[0].y[:20].tolist())) == 3  # the classes come mixed


def test_split_of_numbers_is_random():
    data = Dataset("line", np.arange(40)[:, None], np.arange(40))
    train, test = data.split(test=0.25)
    assert sorted([*train.y, *test.y]) == list(range(40))
    assert len(test) == 10
    assert sorted(test.y.tolist()) != test.y.tolist()


@pytest.mark.parametrize("bad", [0, 1, -0.1, 1.5, 0.001, 0.999])
def test_split_refuses_fractions_that_leave_a_part_empty(bad):
    with pytest.raises(InvalidValue, match=r"fraction between 0 and 1 .* got .* for the 150 samples of 'iris'"):
        iris().split(bad)


def test_split_refuses_what_is_no_fraction():
    for bad in ("0.25", None, True, [0.2]):
        with pytest.raises(InvalidType, match=r"test must be the fraction .* such as 0\.25, got"):
            iris().split(bad)
    with pytest.raises(InvalidValue, match="nan, which is not finite"):
        iris().split(float("nan"))


# --- toy sets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", TOYS)
@pytest.mark.parametrize("n", [4, 7, 200])
def test_toys_are_balanced_and_reproducible(make, n):
    data = make(n=n, rng=5)
    assert data.x.shape == (n, 2)
    assert len(data.classes) == 2
    assert np.bincount(data.y).tolist() == [(n + 1) // 2, n // 2]
    assert (data.x == make(n=n, rng=5).x).all()
    assert (data.x == make(n=n, rng=np.random.default_rng(5)).x).all()
    assert not (data.x == make(n=n, rng=6).x).any()


@pytest.mark.parametrize("make", TOYS)
def test_noise_is_the_standard_deviation_added(make):
    clean, noisy = make(n=4000, noise=0), make(n=4000, noise=0.2)
    assert (noisy.x - clean.x).std() == pytest.approx(0.2, rel=0.05)


def test_clean_moons_lie_on_their_half_circles():
    data = moons(n=100, noise=0)
    upper, lower = data.x[data.y == 0], data.x[data.y == 1]
    assert np.hypot(*upper.T) == pytest.approx(1)
    assert np.hypot(*(lower - [1, 0.5]).T) == pytest.approx(1)
    assert (upper[:, 1] >= 0).all()
    assert (lower[:, 1] <= 0.5).all()


def test_clean_circles_have_their_radii():
    data = circles(n=100, noise=0, factor=0.3)
    assert np.hypot(*data.x.T) == pytest.approx(np.where(data.y == 0, 1, 0.3))


def test_clean_spirals_wind_as_often_as_asked():
    data = spirals(n=1000, noise=0, turns=2)
    radius = np.hypot(*data.x.T)
    angle = 4 * np.pi * radius + np.pi * data.y
    assert np.cos(angle) * radius == pytest.approx(data.x[:, 0])
    assert np.sin(angle) * radius == pytest.approx(data.x[:, 1])
    assert radius.max() > 0.99


def test_clean_xor_is_the_truth_table():
    data = xor(n=8, noise=0)
    assert (data.y == (data.x[:, 0] != data.x[:, 1])).all()
    assert len(np.unique(data.x, axis=0)) == 4


@pytest.mark.parametrize("make", TOYS)
def test_toys_refuse_bad_arguments(make):
    for bad in (0, 1, -5):
        with pytest.raises(InvalidValue, match=rf"n must be a whole number of at least [24], not {bad}"):
            make(n=bad)
    for bad in (10.0, "10", None, True):
        with pytest.raises(InvalidType, match="n must be a whole number of at least"):
            make(n=bad)
    with pytest.raises(InvalidValue, match=r"noise must be a standard deviation, 0 or more, got -0\.1"):
        make(noise=-0.1)
    for bad in (float("nan"), float("inf")):
        with pytest.raises(InvalidValue, match=r"noise must be .* not finite"):
            make(noise=bad)
    with pytest.raises(InvalidType, match="noise must be a standard deviation, 0 or more, got 'big'"):
        make(noise="big")
    with pytest.raises(InvalidValue, match=r"rng must be .* a seed of at least 0, not -1"):
        make(rng=-1)
    for bad in (0.5, "0", False):
        with pytest.raises(InvalidType, match=r"rng must be a numpy\.random\.Generator or a seed"):
            make(rng=bad)
    with pytest.raises(InvalidValue, match=r"noise must be .* an integer beyond all floats"):
        make(noise=10**400)
    with pytest.raises(InvalidValue, match="a data set would hold more numbers than any memory can"):
        make(n=10**20)


def test_factor_and_turns_are_checked():
    for bad in (0, 1, 1.5, -0.5):
        with pytest.raises(InvalidValue, match=f"factor must be the radius of the inner circle, .* got {bad}"):
            circles(factor=bad)
    for bad in (0, -1):
        with pytest.raises(InvalidValue, match=f"turns must be how often an arm goes round, more than 0, got {bad}"):
            spirals(turns=bad)
    with pytest.raises(InvalidType, match="turns must be"):
        spirals(turns="two")


def test_no_seed_is_another_draw_each_time():
    assert not np.array_equal(moons(rng=None).x, moons(rng=None).x)


@pytest.mark.parametrize("x", [[[1.0], [2.0, 3.0]], [["one"], ["two"]], [[object()], [1.0]]])
def test_samples_that_are_no_numbers_are_refused(x):
    with pytest.raises(InvalidType, match="data set 'd': x and y must be arrays of numbers, but"):
        Dataset("d", x, [0.5, 1.5])
