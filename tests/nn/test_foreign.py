"""Networks that scikit-learn, PyTorch and Keras have made, brought in: their outputs, and what is refused by name.

PyTorch and Keras are too large to install for a test. Their objects are asked for a few attributes only, which the
classes below have. `.ci/with_torch.py` does the same with the real PyTorch.
"""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)) * [1.0, 5.0, 0.2] + [0.0, 3.0, -1.0]
CLASSES, TWO = RNG.integers(3, size=40), RNG.integers(2, size=40)
TARGETS = np.stack([X[:, 0] - X[:, 1], X[:, 2] ** 2], axis=1)


def scaled(estimator, **options):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(**options), estimator)


@pytest.fixture(params=["identity", "logistic", "tanh", "relu"])
def fitted(request):
    """Return scikit-learn's networks by kind, with one activation."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    options = {"hidden_layer_sizes": (4, 5), "activation": request.param, "max_iter": 3, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        return {
            "classes": scaled(MLPClassifier(**options)).fit(X, CLASSES),
            "two": MLPClassifier(**options).fit(X, TWO),
            "labels": MLPClassifier(**options).fit(X, np.stack([TWO, CLASSES == 1], axis=1)),
            "numbers": scaled(scaled(MLPRegressor(**options), with_mean=False), with_std=False).fit(X, TARGETS),
            "float32": MLPRegressor(**options).fit(X.astype(np.float32), TARGETS.astype(np.float32)),
        }


def test_the_networks_of_scikit_learn(fitted):
    for kind in ("classes", "two", "labels"):
        ours = MLP.from_sklearn(fitted[kind])
        np.testing.assert_allclose(ours.predict_proba(X), fitted[kind].predict_proba(X), atol=1e-12)
    ours = MLP.from_sklearn(fitted["numbers"])
    np.testing.assert_allclose(ours.predict(X), fitted["numbers"].predict(X), rtol=1e-12, atol=1e-12)
    assert tg.crosscheck(ours, X[:3], TARGETS[:3]).agree
    single = MLP.from_sklearn(fitted["float32"])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single.predict(X), fitted["float32"].predict(X.astype(np.float32)), atol=1e-4, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*L-BFGS-B:DeprecationWarning")  # of older versions with a newer SciPy
def test_the_linear_models_of_scikit_learn():
    from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge

    for model in (LinearRegression(), LinearRegression(fit_intercept=False), Ridge(), Lasso(alpha=0.01)):
        for targets in (TARGETS, TARGETS[:, 0]):
            there = scaled(model).fit(X, targets)
            ours = MLP.from_sklearn(there)
            np.testing.assert_allclose(ours.predict(X).reshape(targets.shape), there.predict(X), rtol=1e-11, atol=1e-11)
    for labels in (CLASSES, TWO):
        there = scaled(LogisticRegression()).fit(X, labels)
        np.testing.assert_allclose(MLP.from_sklearn(there).predict_proba(X), there.predict_proba(X), atol=1e-12)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:the training ended with max_iter")
def test_what_scikit_learn_has_and_a_network_here_has_not():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeRegressor

    with pytest.raises(tg.InvalidType, match=r"from_sklearn takes a fitted MLPClassifier.*not DecisionTreeRegressor"):
        MLP.from_sklearn(DecisionTreeRegressor())
    with pytest.raises(tg.InvalidType, match="only StandardScaler is known, not PCA"):
        MLP.from_sklearn(make_pipeline(PCA(2), LinearRegression()).fit(X, TARGETS))
    with pytest.raises(tg.InvalidValue, match="this LinearRegression is not fitted; call its fit first"):
        MLP.from_sklearn(LinearRegression())
    with pytest.raises(tg.InvalidType, match="not list"):
        MLP.from_sklearn([])
    ours = tg.sklearn.MLPClassifier(max_iter=1).fit(X, TWO)
    with pytest.raises(tg.InvalidType, match=r"of tg\.sklearn: its network is the attribute network_"):
        MLP.from_sklearn(ours)
    counts = MLPRegressor(max_iter=1).fit(X, TWO)
    counts.out_activation_ = "exp"  # what newer versions have with loss="poisson"
    with pytest.raises(tg.InvalidValue, match="outputs of this MLPRegressor are exp of a sum"):
        MLP.from_sklearn(counts)


@pytest.mark.parametrize("outputs", [1, 3])
def test_outputs_of_a_sigmoid_are_probabilities_by_themselves(outputs):
    mlp = MLP([3, outputs], output="sigmoid", rng=1)
    found, answers = mlp.predict_proba(X), mlp.predict(X)
    np.testing.assert_array_equal(found, answers if outputs > 1 else np.concatenate([1 - answers, answers], axis=1))


class Module:
    """A module of PyTorch's, as far as it is read."""

    def __init_subclass__(cls):
        cls.__module__ = "torch.nn.modules"

    def __init__(self, **attributes):
        self.__dict__ |= attributes

    def named_children(self):
        return list(self.__dict__.get("inside", {}).items())

    def children(self):
        return iter(self.__dict__.get("inside", {}).values())

    def parameters(self):
        return iter([value for value in self.__dict__.values() if isinstance(value, np.ndarray)])


def kind(name, **attributes):
    return type(name, (Module,), {})(**attributes)


def sequential(*modules):
    return kind("Sequential", inside={str(i): module for i, module in enumerate(modules)})


def linear(n_in, n_out, bias=True):
    rng = np.random.default_rng(n_in)
    return kind("Linear", weight=rng.normal(size=(n_out, n_in)), bias=rng.normal(size=n_out) if bias else None)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (kind("ReLU", inplace=False), "relu"),
        (kind("Sigmoid"), "sigmoid"),
        (kind("Tanh"), "tanh"),
        (kind("LeakyReLU", negative_slope=0.01), "leaky_relu"),
        (kind("Softplus", beta=1.0, threshold=20.0), "softplus"),
        (kind("ELU", alpha=1.0), "elu"),
        (kind("SiLU"), "silu"),
        (kind("GELU", approximate="tanh"), "gelu"),
        (kind("Identity"), "identity"),
    ],
)
def test_a_sequential_of_pytorch(theirs, ours):
    first, second, third = linear(3, 4), linear(4, 2, bias=False), linear(2, 1)
    there = sequential(
        kind("Flatten"), first, theirs, kind("Dropout", p=0.5), sequential(second, third), kind("Softmax")
    )
    mlp = MLP.from_torch(there)
    assert [layer.activation for layer in mlp.layers] == [ours, "identity", "identity"]
    alpha = tg.nn.activations.find(ours)(X @ first.weight.T + first.bias)
    np.testing.assert_allclose(mlp.predict(X), alpha @ second.weight.T @ third.weight.T + third.bias, rtol=1e-12)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([kind("GELU", approximate="none")], "module 1 is GELU with form none; here gelu has form tanh"),
        ([kind("LeakyReLU", negative_slope=0.2)], "module 1 is LeakyReLU with slope 0.2"),
        ([kind("ELU", alpha=0.5)], "module 1 is ELU with alpha 0.5"),
        ([kind("ReLU6")], "module 1 is ReLU6, which is none of the activations here: identity, sigmoid"),
        ([kind("BatchNorm1d", weight=np.ones(4))], "module 1 is a BatchNorm1d; a Sequential of Linear and activations"),
        ([kind("Tanh"), kind("ReLU")], "module 2 follows no matrix of weights"),
        ([kind("Softmax"), linear(4, 2)], "module 1 is followed by module 2; a softmax can stand at the end alone"),
    ],
)
def test_modules_that_no_layer_here_can_be(modules, message):
    with pytest.raises(tg.InvalidValue, match=message):
        MLP.from_torch(sequential(linear(3, 4), *modules))


def test_a_state_dict_and_its_file(tmp_path):
    from safetensors.numpy import save_file

    state = {}
    for i in range(11):  # so that "10" must not come before "2"
        state |= {f"body.{i}.weight": RNG.normal(size=(3, 3)), f"body.{i}.bias": RNG.normal(size=3)}
    wanted = X
    for i in range(11):
        wanted = np.tanh(wanted @ state[f"body.{i}.weight"].T + state[f"body.{i}.bias"])
    save_file(state, tmp_path / "net.safetensors")
    for source in (state, tmp_path / "net.safetensors", str(tmp_path / "net.safetensors")):
        np.testing.assert_allclose(MLP.from_torch(source, "tanh", "tanh").predict(X), wanted, rtol=1e-11)


def test_what_a_state_dict_may_not_be(tmp_path):
    for source, error, message in [
        (
            {"a.weight": np.ones((2, 2, 3, 3))},
            tg.ShapeError,
            r"a.weight has shape \(2, 2, 3, 3\); the weights of a layer",
        ),
        ({"a.weight": np.ones((2, 2)), "a.running_mean": np.ones(2)}, tg.InvalidValue, "'a.running_mean' is neither"),
        ({}, tg.InvalidValue, "there is no matrix of weights in it"),
        (tmp_path / "net.pt", tg.FileProblem, r"net.pt' is no .safetensors file.*could run.*weights_only=True"),
        (tmp_path / "none.safetensors", tg.FileProblem, "none.safetensors' cannot be read"),
        (3, tg.InvalidType, "not int"),
    ]:
        with pytest.raises(error, match=message):
            MLP.from_torch(source, None if source == 3 else "relu")
    with pytest.raises(tg.InvalidValue, match="a state dict does not say its activations"):
        MLP.from_torch({"weight": np.ones((2, 2))})
    with pytest.raises(tg.InvalidValue, match="a module says its activations itself"):
        MLP.from_torch(sequential(linear(3, 1)), "relu")
    (tmp_path / "bad.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(tg.FileProblem, match="cannot be read"):
        MLP.from_torch(tmp_path / "bad.safetensors", "relu")


def keras_layer(class_name, **config):
    return {"class_name": class_name, "config": config}


def dense(activation, use_bias=True):
    return keras_layer("Dense", activation=activation, use_bias=use_bias)


KERAS_ARRAYS = [
    RNG.normal(size=(3, 4)),
    RNG.normal(size=4),
    RNG.normal(size=(4, 4)),
    RNG.normal(size=(4, 2)),
    np.ones(2),
]


def test_a_network_of_keras(tmp_path):
    import h5py

    layers = [
        keras_layer("InputLayer"),
        dense("relu"),
        keras_layer("Dropout", rate=0.1),
        dense("linear", use_bias=False),
        keras_layer("LeakyReLU", negative_slope=0.01),
        dense({"class_name": "ELU", "config": {"alpha": 1.0}}),
    ]
    config = {"layers": layers}
    W1, b1, W2, W3, b3 = KERAS_ARRAYS  # noqa: N806
    second = np.maximum(X @ W1 + b1, 0) @ W2
    wanted = tg.nn.activations.find("elu")(np.where(second > 0, second, 0.01 * second) @ W3 + b3)
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        for name, arrays in (("dense", [W1, b1]), ("dense_1", [W2]), ("dense_10", [W3, b3])):
            for i, array in enumerate(arrays):
                file[f"layers/{name}/vars/{i}"] = array

    class Model:
        def get_weights(self):
            return KERAS_ARRAYS

        def get_config(self):
            return config

    for mlp in (
        MLP.from_keras(Model()),
        MLP.from_keras(KERAS_ARRAYS, config),
        MLP.from_keras(tmp_path / "net.weights.h5", config),
        MLP.from_keras(KERAS_ARRAYS, activation=["relu", "leaky_relu", "elu"]),
    ):
        np.testing.assert_allclose(mlp.predict(X), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([dense("gelu")], "layer 'Dense' is gelu with form exact; here gelu has form tanh"),
        ([dense("leaky_relu")], "is leaky_relu with slope 0.2"),
        ([dense("relu"), keras_layer("BatchNormalization", name="norm")], "layer 'norm' is BatchNormalization"),
        ([dense("linear"), keras_layer("ReLU", max_value=6.0)], "is ReLU with largest 6.0"),
        ([dense("linear"), keras_layer("ReLU", negative_slope=0.1)], "is ReLU with slope 0.1"),
        ([dense("linear"), dense("tanh")], "needs a matrix and a bias, which the weights do not hold"),
        ([keras_layer("Conv2D")], "is Conv2D"),
    ],
)
def test_layers_of_keras_that_no_layer_here_can_be(layers, message):
    with pytest.raises(tg.Error, match=message):
        MLP.from_keras([np.ones((3, 4)), np.ones(4)], {"layers": layers})


def test_weights_and_configs_of_keras_that_do_not_belong_together(tmp_path):
    with pytest.raises(tg.ShapeError, match="the layers leave 3 of the arrays over"):
        MLP.from_keras(KERAS_ARRAYS, {"layers": [dense("relu")]})
    with pytest.raises(tg.InvalidType, match=r"config is what model.get_config\(\) gives"):
        MLP.from_keras(KERAS_ARRAYS, {"no layers": 1})
    with pytest.raises(tg.InvalidValue, match="a list of weights does not say its activations"):
        MLP.from_keras(KERAS_ARRAYS)
    with pytest.raises(tg.InvalidValue, match="the config says the activations itself"):
        MLP.from_keras(KERAS_ARRAYS, {"layers": []}, activation="relu")
    with pytest.raises(tg.FileProblem, match="cannot be read"):
        MLP.from_keras(tmp_path / "none.weights.h5", activation="relu")
