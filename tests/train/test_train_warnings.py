"""Training tells: a cost that explodes, and parameters that an optimizer of one's own never changes."""

import numpy as np
import pytest

import tinygrad_ed as tg

X = np.random.default_rng(0).standard_normal((12, 3))
RHO = np.random.default_rng(1).standard_normal((12, 2))


def network(**options):
    return tg.nn.MLP([3, 4, 2], rng=1, **options)


class Grows:
    """Adds 1 to every weight and multiplies it by a factor, in each update."""

    def __init__(self, factor):
        self.factor = factor

    def step(self, parameters, gradients):
        for parameter in parameters:
            parameter += 1.0
            parameter *= self.factor


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["gradient", "sgd"])
def test_a_cost_that_explodes_is_said_once_before_it_overflows(dtype, method):
    factor = 1e3 if method == "gradient" else 10.0
    mlp = tg.nn.MLP([3, 2], rng=1, dtype=dtype)
    epochs = 4 if method == "gradient" else 1
    with pytest.warns(tg.TrainingWarning) as said:
        history = tg.train.fit(mlp, X, RHO, method=method, epochs=epochs, optimizer=Grows(factor))
    assert np.isfinite(history.cost).all()
    assert [warning.filename for warning in said] == [__file__]
    assert str(said[0].message).startswith("the cost became ")
    assert "it explodes, and will soon be no number; stop the run, and try a smaller learning_rate" in str(
        said[0].message
    )


@pytest.mark.parametrize("first", [1e-12, 1.0, 1e6])
def test_costs_of_any_unit_that_do_not_explode_are_no_alarm(first, recwarn):
    """Targets in small and in large units, and a cost that grows a millionfold on the way."""
    tg.train.fit(network(), X, first * RHO, method="sgd", epochs=3, learning_rate=1e-3)
    tg.train.fit(tg.nn.MLP([3, 2], rng=1), X, first * RHO, epochs=3, optimizer=Grows(10.0))
    assert not recwarn


def test_a_cost_that_grew_in_a_resumed_run_is_compared_with_its_first_epoch(tmp_path):
    class Kept(Grows):
        def state(self):
            return {}

        def restore(self, state):
            pass

        def __repr__(self):
            return "Kept()"

    options = {"method": "gradient", "checkpoint": tmp_path / "run.npz", "resume": True}
    tg.train.fit(tg.nn.MLP([3, 2], rng=1), X, RHO, epochs=2, optimizer=Kept(1e3), **options)
    with pytest.warns(tg.TrainingWarning, match=r"at update 3 \(epoch 3\)"):
        tg.train.fit(tg.nn.MLP([3, 2], rng=1), X, RHO, epochs=4, optimizer=Kept(1e3), **options)


class Replaces:
    """The mistake: new arrays, which fit never sees; some parameters in place, by their numbers."""

    def __init__(self, in_place=()):
        self.in_place = in_place

    def step(self, parameters, gradients):
        for k, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            if k in self.in_place:
                parameter -= 0.1 * gradient
            else:
                parameter = parameter - 0.1 * gradient
        gradients[0][:] = 0.0  # some forget the gradient after the step


@pytest.mark.parametrize("road", ["rules", "graph", "tape"])
def test_parameters_that_never_change_are_named_with_the_way_out(road):
    with pytest.warns(tg.TrainingWarning) as said:
        tg.train.fit(network(), X, RHO, epochs=3, optimizer=Replaces(), road=road)
    assert [warning.filename for warning in said] == [__file__]
    assert str(said[0].message) == (
        "W1, b1, W2, b2 never changed in this run, although the gradient is not zero. step(parameters, gradients) must "
        "change the arrays in place: `parameter -= rate * gradient`; `parameter = parameter - ...` makes a new array, "
        "which fit never sees"
    )
    with pytest.warns(tg.TrainingWarning, match="^b1, W2 never changed"):
        tg.train.fit(network(), X, RHO, epochs=3, optimizer=Replaces([0, 3]), road=road)


def test_a_parameter_without_a_gradient_is_not_accused(recwarn):
    """Dead relu neurons: W1 and b1 get no gradient at all; and tanh at its end: a gradient below rounding."""
    dead = network(activation="relu")
    dead.layers[0].bias = np.full(4, -1e3)
    full = network()
    full.layers[0].weights, full.layers[0].bias = np.full((3, 4), 1e-9), np.full(4, 18.0)
    for mlp in (dead, full):
        before = [parameter.value.copy() for parameter in mlp.parameters()]
        tg.train.fit(mlp, X, RHO, epochs=3, optimizer=Replaces([0, 1, 2, 3]))
        same = [np.array_equal(a, b.value) for a, b in zip(before, mlp.parameters(), strict=True)]
        assert same[1]
        assert not same[3]
    assert not recwarn


def test_a_late_change_and_our_own_optimizers_are_no_alarm(recwarn):
    class Late(Replaces):
        steps = 0

        def step(self, parameters, gradients):
            self.steps += 1
            self.in_place = range(4) if self.steps == 3 else ()
            super().step(parameters, gradients)

    tg.train.fit(network(), X, RHO, epochs=3, optimizer=Late())
    for make in tg.train.OPTIMIZERS.values():
        tg.train.fit(network(), X, RHO, epochs=1, optimizer=make(1e-300))
    assert not recwarn
