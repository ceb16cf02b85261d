"""Optimizers against the published formulas, number by number, and the schedules of their rate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.train import schedules
from tinygrad_ed.train.schedules import Constant, Cosine, Exponential, Step, WarmUp

# The formulas once more, in plain Python, for one parameter: as PyTorch documents them. Each is a coroutine that gets
# gradients and gives parameters.


def sgd(theta, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    b, t = 0.0, 0
    while True:
        g = (yield theta) + weight_decay * theta
        t += 1
        if momentum:
            b = momentum * b + g if t > 1 else g
            g = g + momentum * b if nesterov else b
        theta = theta - lr * g


def rmsprop(theta, lr, alpha, eps, weight_decay):
    v = 0.0
    while True:
        g = (yield theta) + weight_decay * theta
        v = alpha * v + (1 - alpha) * g * g
        theta = theta - lr * g / (math.sqrt(v) + eps)


def adam(theta, lr, beta_1, beta_2, eps, weight_decay, decoupled):
    m, v, t = 0.0, 0.0, 0
    while True:
        g = yield theta
        t += 1
        if decoupled:
            theta = theta - lr * weight_decay * theta
        else:
            g = g + weight_decay * theta
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        m_hat = m / (1 - beta_1**t)
        v_hat = v / (1 - beta_2**t)
        theta = theta - lr * m_hat / (math.sqrt(v_hat) + eps)


CASES = {
    "gradient": (lambda: tg.train.GradientDescent(0.1), lambda x: sgd(x, 0.1)),
    "gradient, decay": (lambda: tg.train.GradientDescent(0.1, 0.03), lambda x: sgd(x, 0.1, weight_decay=0.03)),
    "momentum": (lambda: tg.train.Momentum(0.1, 0.8), lambda x: sgd(x, 0.1, 0.8)),
    "momentum, decay": (lambda: tg.train.Momentum(0.1, 0.8, 0.2), lambda x: sgd(x, 0.1, 0.8, 0.2)),
    "nesterov": (lambda: tg.train.Nesterov(0.1, 0.8), lambda x: sgd(x, 0.1, 0.8, nesterov=True)),
    "nesterov, decay": (lambda: tg.train.Nesterov(0.1, 0.8, 0.2), lambda x: sgd(x, 0.1, 0.8, 0.2, nesterov=True)),
    "rmsprop": (lambda: tg.train.RMSprop(0.1, 0.9, 1e-3), lambda x: rmsprop(x, 0.1, 0.9, 1e-3, 0.0)),
    "rmsprop, decay": (lambda: tg.train.RMSprop(0.1, 0.9, 1e-3, 0.2), lambda x: rmsprop(x, 0.1, 0.9, 1e-3, 0.2)),
    "adam": (lambda: tg.train.Adam(0.1, (0.8, 0.95), 1e-3), lambda x: adam(x, 0.1, 0.8, 0.95, 1e-3, 0.0, False)),
    "adam, decay": (
        lambda: tg.train.Adam(0.1, (0.8, 0.95), 1e-3, 0.2),
        lambda x: adam(x, 0.1, 0.8, 0.95, 1e-3, 0.2, False),
    ),
    "adamw": (lambda: tg.train.AdamW(0.1, (0.8, 0.95), 1e-3, 0.2), lambda x: adam(x, 0.1, 0.8, 0.95, 1e-3, 0.2, True)),
    "adam without means": (lambda: tg.train.Adam(0.1, (0.0, 0.0)), lambda x: adam(x, 0.1, 0.0, 0.0, 1e-8, 0.0, False)),
}


def expected_of(formula, start, gradients):
    """The parameters after each step, every entry by a formula of its own."""
    results = np.empty((len(gradients), start.size))
    for k, entry in enumerate(start.ravel()):
        running = formula(float(entry))
        next(running)
        results[:, k] = [running.send(float(g.ravel()[k])) for g in gradients]
    return results.reshape(len(gradients), *start.shape)


@pytest.mark.parametrize("case", CASES)
def test_ten_steps_are_those_of_the_published_formula(case):
    make, formula = CASES[case]
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal((3, 2)), rng.standard_normal((10, 3, 2))
    gradients[4] = 0.0
    optimizer, parameter = make(), start.copy()
    for gradient, expected in zip(gradients, expected_of(formula, start, gradients), strict=True):
        given_gradient = gradient.copy()
        optimizer.step([parameter], [given_gradient])
        np.testing.assert_allclose(parameter, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(given_gradient, gradient)  # it is not the optimizer's to change


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    case=st.sampled_from(sorted(CASES)),
    shapes=st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3),
    seed=st.integers(0, 100),
)
def test_shapes_do_not_matter(case, shapes, seed):
    make, formula = CASES[case]
    rng = np.random.default_rng(seed)
    start, gradients = [rng.standard_normal(s) for s in shapes], [rng.standard_normal((3, *s)) for s in shapes]
    parameters, optimizer = [p.copy() for p in start], make()
    parameters[0] = np.asfortranarray(parameters[0])  # one that is not in one piece
    for k in range(3):
        optimizer.step(parameters, [g[k] for g in gradients])
    for parameter, begin, gradient in zip(parameters, start, gradients, strict=True):
        np.testing.assert_allclose(parameter, expected_of(formula, begin, gradient)[-1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", tg.train.OPTIMIZERS)
def test_float32_stays_float32_and_a_rate_may_be_changed_between_steps(name):
    make = tg.train.OPTIMIZERS[name]
    rng = np.random.default_rng(1)
    single = [rng.standard_normal(5).astype(np.float32)]
    double = [single[0].astype(float)]
    one, two = make(learning_rate=np.float64(0.01)), make(learning_rate=0.01)
    for rate in (0.01, 0.1, 0.02):
        gradient = rng.standard_normal(5).astype(np.float32)
        one.learning_rate = two.learning_rate = rate
        one.step(single, [gradient])
        two.step(double, [gradient.astype(float)])
    assert single[0].dtype == np.float32
    assert {array.dtype for array in one.state().values() if isinstance(array, np.ndarray)} <= {np.dtype(np.float32)}
    np.testing.assert_allclose(single[0], double[0], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", tg.train.OPTIMIZERS)
def test_a_state_that_was_kept_goes_on_bit_for_bit_and_reset_forgets(name):
    make = tg.train.OPTIMIZERS[name]
    gradients = np.random.default_rng(2).standard_normal((6, 4))

    def steps(optimizer, theta, some):
        for gradient in some:
            optimizer.step([theta], [gradient])
        return theta

    whole = make(learning_rate=0.1)
    expected = steps(whole, np.ones(4), gradients)
    first = make(learning_rate=0.1)
    halfway = steps(first, np.ones(4), gradients[:3])
    second = make(learning_rate=0.1)
    kept = first.state()
    second.restore(kept)
    before = {name: np.copy(value) for name, value in kept.items()}
    np.testing.assert_array_equal(steps(second, halfway, gradients[3:]), expected)
    for name_, value in before.items():
        np.testing.assert_array_equal(kept[name_], value)
    whole.reset()
    np.testing.assert_array_equal(steps(whole, np.ones(4), gradients), expected)
    fresh = make(learning_rate=0.1)
    fresh.restore(make(learning_rate=0.1).state())
    np.testing.assert_array_equal(steps(fresh, np.ones(4), gradients), expected)


@pytest.mark.parametrize("name", tg.train.OPTIMIZERS)
def test_fit_uses_an_optimizer_on_all_parameters_the_same_way_on_both_roads(name):
    rng = np.random.default_rng(0)
    x, rho = rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
    optimizer = tg.train.OPTIMIZERS[name](learning_rate=0.01, weight_decay=0.1)
    trained = []
    for road in ("rules", "graph", "by hand"):
        mlp = tg.nn.MLP([3, 4, 2], rng=1)
        if road == "by hand":
            own = tg.train.OPTIMIZERS[name](learning_rate=0.01, weight_decay=0.1)
            for _ in range(4):
                found = tg.gradients(tg.nn.costs.mse(mlp(x), rho), mlp.parameters())
                arrays = [p.value.copy() for p in mlp.parameters()]
                own.step(arrays, found)
                for parameter, array in zip(mlp.parameters(), arrays, strict=True):
                    parameter.value = array
        else:  # one optimizer for two runs: the second does not feel the first
            tg.train.fit(mlp, x, rho, method="gradient", epochs=4, optimizer=optimizer, road=road)
        trained.append(np.concatenate([p.value.ravel() for p in mlp.parameters()]))
    np.testing.assert_allclose(trained[0], trained[1], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(trained[0], trained[2], rtol=1e-11, atol=1e-12)


def test_adam_gets_where_it_should():
    """The minimum of a narrow valley, where gradient descent with the same rate crawls."""
    theta, optimizer = [np.array([3.0, 3.0])], tg.train.Adam(0.05)
    for _ in range(600):
        optimizer.step(theta, [np.array([1.0, 1000.0]) * theta[0]])
    assert np.abs(theta[0]).max() < 1e-2


def test_an_optimizer_of_another_network_is_refused():
    optimizer = tg.train.Adam()
    optimizer.step([np.ones(3)], [np.ones(3)])
    with pytest.raises(
        tg.ShapeError, match=r"remembers parameters of the shapes \[\(3,\)\], but got \[\(4,\)\].*reset"
    ):
        optimizer.step([np.ones(4)], [np.ones(4)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tg.train.Momentum(0.0), "learning_rate must be a positive, finite number"),
        (lambda: tg.train.Momentum(0.1, 1.0), "momentum must be a number of at least 0 and below 1, got 1.0"),
        (lambda: tg.train.Nesterov(0.1, -0.5), "momentum must be a number of at least 0"),
        (lambda: tg.train.RMSprop(alpha=1.5), "alpha must be a number of at least 0 and below 1"),
        (lambda: tg.train.RMSprop(eps=0.0), "eps must be a number above 0, got 0.0"),
        (lambda: tg.train.Adam(betas=(0.9, 1.0)), "the second of betas must be a number of at least 0 and below 1"),
        (lambda: tg.train.Adam(betas=(2.0, 0.9)), "the first of betas must be"),
        (lambda: tg.train.Adam(betas=0.9), "betas must be two numbers"),
        (lambda: tg.train.AdamW(weight_decay=-1.0), "weight_decay must be a number of at least 0, got -1.0"),
        (lambda: tg.train.AdamW(weight_decay=math.nan), "weight_decay must be .* not finite"),
        (lambda: Step(0), "every must be a number above 0, got 0"),
        (lambda: Step(5, 0.0), "gamma must be a number above 0"),
        (lambda: Exponential(-0.5), "gamma must be a number above 0"),
        (lambda: Cosine(-3), "epochs must be a number above 0"),
        (lambda: Cosine(3, 1.5), "final must be a number of at least 0 and at most 1, got 1.5"),
        (lambda: WarmUp(3, start=-0.1), "start must be a number of at least 0 and at most 1"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(tg.InvalidValue, match=message):
        make()


def test_things_that_are_no_numbers_or_schedules_are_refused():
    with pytest.raises(tg.InvalidType, match="momentum must be a number"):
        tg.train.Momentum(0.1, "much")
    with pytest.raises(tg.InvalidType, match="a schedule is a function of the time in epochs"):
        WarmUp(3, then=0.5)


def test_an_optimizer_says_what_it_is():
    assert repr(tg.train.Momentum(0.1)) == "Momentum(learning_rate=0.1, weight_decay=0.0, momentum=0.9)"


# Schedules


@pytest.mark.parametrize("t", [0, 1, 2.5, 3, 7, 10, 11, 40])
def test_schedules_are_their_formulas(t):
    assert Constant()(t) == 1.0
    assert Step(3, 0.5)(t) == 0.5 ** int(t / 3)
    assert Exponential(0.9)(t) == pytest.approx(0.9**t, rel=1e-15)
    half_wave = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * t / 10)) if t < 10 else 0.1
    assert Cosine(10, final=0.1)(t) == pytest.approx(half_wave, rel=1e-14)
    warm = WarmUp(4, Exponential(0.5), start=0.25)(t)
    assert warm == pytest.approx(0.25 + 0.75 * t / 4 if t < 4 else 0.5 ** (t - 4), rel=1e-14)


def test_only_the_warm_up_asks_before_each_update_unless_told():
    assert [s.per_update for s in (Constant(), Step(3), Exponential(0.9), Cosine(5), WarmUp(2))] == [False] * 4 + [True]
    assert Cosine(5, per_update=True).per_update
    assert not WarmUp(5, per_update=False).per_update


class Recording(tg.train.GradientDescent):
    """Gradient descent that writes down its rates."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate)
        self._rates = []

    def step(self, parameters, gradients):
        self._rates.append(self.learning_rate)
        super().step(parameters, gradients)


@pytest.mark.parametrize("per_update", [False, True])
def test_fit_asks_the_schedule_before_each_epoch_or_update(per_update):
    optimizer = Recording(0.5)
    times = [0, 0, 0, 1, 1, 1] if not per_update else [0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3]
    schedule = Exponential(0.5, per_update=per_update)
    tg.train.fit(
        tg.nn.MLP([1, 1]),
        np.ones((6, 1)),
        np.ones((6, 1)),
        batch_size=2,
        epochs=2,
        optimizer=optimizer,
        schedule=schedule,
    )
    assert optimizer._rates == pytest.approx([0.5 * 0.5**t for t in times], rel=1e-14)
    assert optimizer.learning_rate == 0.5, "after the run the optimizer has its own rate again"


@pytest.mark.parametrize("make", [tg.train.GradientDescent, Recording])
def test_a_scheduled_rate_is_the_one_that_is_used(make):
    """Also where the rate is in the gradient already: plain gradient descent."""
    x, rho = np.array([[1.0], [2.0]]), np.array([[1.0], [-1.0]])
    mlp = tg.nn.MLP([1, 1], rng=0)
    w, b = mlp.layers[0].weights.value.item(), 0.0
    for rate in (0.4, 0.2, 0.1):
        error = [w * a + b - r for a, r in ((1.0, 1.0), (2.0, -1.0))]
        w, b = w - rate * (error[0] + 2 * error[1]) / 2, b - rate * sum(error) / 2
    told = []
    options = {"method": "gradient", "epochs": 3, "schedule": Step(1, 0.5), "callbacks": [told.append]}
    tg.train.fit(mlp, x, rho, optimizer=make(0.4), **options)
    assert mlp.layers[0].weights.value.item() == pytest.approx(w, rel=1e-13)
    assert mlp.layers[0].bias.value.item() == pytest.approx(b, rel=1e-13)
    assert [epoch.learning_rate for epoch in told] == pytest.approx([0.4, 0.2, 0.1])


def test_a_function_may_be_a_schedule_and_its_answers_are_checked():
    data = np.ones((2, 1)), np.ones((2, 1))
    one, two = tg.nn.MLP([1, 1]), tg.nn.MLP([1, 1])
    tg.train.fit(one, *data, schedule=lambda t: 0.9**t)
    tg.train.fit(two, *data, schedule=Exponential(0.9))
    assert one.layers[0].weights.value.item() == pytest.approx(two.layers[0].weights.value.item(), rel=1e-14)
    for schedule, error in ((lambda t: -1.0, tg.InvalidValue), (lambda t: "low", tg.InvalidType)):
        with pytest.raises(error, match="what a schedule gives at time 0 must be a number of at least 0"):
            tg.train.fit(tg.nn.MLP([1, 1]), *data, schedule=schedule)
    with pytest.raises(tg.InvalidType, match="a schedule is a function"):
        tg.train.fit(tg.nn.MLP([1, 1]), *data, schedule="cosine")


def test_a_schedule_needs_an_optimizer_with_a_rate():
    class Own:
        def step(self, parameters, gradients):
            pass

    with pytest.raises(tg.InvalidType, match=r"a schedule changes the learning_rate of the optimizer, but .* has none"):
        tg.train.fit(tg.nn.MLP([1, 1]), [[1.0]], [[1.0]], optimizer=Own(), schedule=schedules.Constant())
