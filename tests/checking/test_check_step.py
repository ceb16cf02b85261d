"""Update rules of one's own: right ones pass in every usual form, and each planted mistake is named."""

import sys

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.checking.check_step import KNOWN, right_formula
from tinygrad_ed.train import OPTIMIZERS

ADAM = """
def step(ps, gs, state):
    m, v, t = state or ([0 * p for p in ps], [0 * p for p in ps], 0)
    t = t + 1
    new = []
    for k, (p, g) in enumerate(zip(ps, gs)):
        m[k] = 0.9 * m[k] + (1 - 0.9) * g
        v[k] = 0.999 * v[k] + (1 - 0.999) * g**2
        mhat, vhat = m[k] / (1 - 0.9**t), v[k] / (1 - 0.999**t)
        new.append(p - 0.001 * mhat / (np.sqrt(vhat) + 1e-8))
    return new, (m, v, t)
"""
MOMENTUM = """
def step(ps, gs, vs):
    vs = vs or [0 * p for p in ps]
    new = []
    for k, (p, g) in enumerate(zip(ps, gs)):
        old = vs[k]
        vs[k] = 0.9 * vs[k] + g
        new.append(p - 0.01 * vs[k])
    return new, vs
"""
NESTEROV = MOMENTUM.replace("0.01 * vs[k]", "0.01 * (g + 0.9 * vs[k])")
RMSPROP = """
def step(ps, gs, vs):
    vs = vs or [0 * p for p in ps]
    new = []
    for k, (p, g) in enumerate(zip(ps, gs)):
        vs[k] = 0.99 * vs[k] + (1 - 0.99) * g**2
        new.append(p - 0.01 * g / (np.sqrt(vs[k]) + 1e-8))
    return new, vs
"""
DESCENT = """
def step(ps, gs, state):
    return [p - 0.1 * g for p, g in zip(ps, gs)], state
"""
DECAYED = DESCENT.replace("g for", "(g + 0.2 * p) for")
ADAMW = ADAM.replace("new.append(p ", "new.append(p * (1 - 0.001 * 0.01) ")
RIGHT = {
    "gradient_descent": DESCENT,
    "momentum": MOMENTUM,
    "nesterov": NESTEROV,
    "rmsprop": RMSPROP,
    "adam": ADAM,
    "adamw": ADAMW,
}


def written(text, before="", after=""):
    assert before in text
    names = {"np": np}
    exec(text.replace(before, after, 1) if before else text, names)  # noqa: S102  # our own text
    return names["step"]


@pytest.mark.parametrize("like", OPTIMIZERS)
def test_the_formulas_are_the_optimizers_of_train(like):
    rng = np.random.default_rng(1)
    for more in ({}, {"weight_decay": 0.3}):
        options = {**KNOWN[like][0], **more}
        start = [rng.normal(size=(2, 3)), rng.normal(size=3)]
        gradients = [[rng.normal(size=p.shape) for p in start] for _ in range(5)]
        optimizer, theta = OPTIMIZERS[like](**options), [p.copy() for p in start]
        wanted = right_formula(like, options).path(start, gradients)
        for gs, after in zip(gradients, wanted, strict=True):
            optimizer.step(theta, gs)
            np.testing.assert_allclose(theta[0], after[0], rtol=1e-12)
            np.testing.assert_allclose(theta[1], after[1], rtol=1e-12)


@pytest.mark.parametrize("like", OPTIMIZERS)
def test_right_rules_and_our_own_optimizers_are_right(like):
    assert tg.check_step(written(RIGHT[like]), like).agree
    assert tg.check_step(OPTIMIZERS[like](**KNOWN[like][0]), like, steps=7).agree


def test_a_right_rule_is_right_over_so_many_steps_and_a_note_says_so():
    for steps in (3, 7):
        (note,) = tg.check_step(written(RIGHT["adam"]), "adam", steps=steps).notes
        assert note == f"right over {steps} steps; what goes wrong only later does not show (see `steps`)"


def in_place(ps, gs, state):
    for p, g in zip(ps, gs, strict=True):
        p -= 0.1 * g


def rebound_in_the_list(ps, gs):
    for k, g in enumerate(gs):
        ps[k] = ps[k] - 0.1 * g


def of_a_dict(ps, gs, state):
    return {name: p - 0.1 * gs[name] for name, p in ps.items()}, state


def into_a_dict(ps, gs, state):
    for name in gs:
        ps[name] -= 0.1 * gs[name]
    return ps, state


def of_a_dict_with_d(ps, gs, state):
    return {name: ps[name] - 0.1 * gs["d" + name] for name in ("W1", "b1", "W2", "b2")}


def of_an_array(p, g, state):
    return p - 0.1 * g, None


def in_float32(ps, gs, state):
    return [np.float32(p) - np.float32(0.1) * np.float32(g) for p, g in zip(ps, gs, strict=True)], state


class WithItsOwnState:
    def __init__(self):
        self.velocity, self.t = {}, 0

    def step(self, ps, gs):
        self.t += 1
        for name, p in ps.items():
            self.velocity[name] = 0.9 * self.velocity.get(name, 0) + 0.01 * gs[name]
            p -= self.velocity[name]


class AdamOfDicts:
    """It counts its steps before it looks at what it was given."""

    def __init__(self):
        self.m, self.v, self.t = {}, {}, 0

    def step(self, ps, gs):
        self.t += 1
        for name in ps.keys():  # noqa: SIM118
            self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * gs[name]
            self.v[name] = 0.999 * self.v.get(name, 0) + 0.001 * gs[name] ** 2
            mean, squares = self.m[name] / (1 - 0.9**self.t), self.v[name] / (1 - 0.999**self.t)
            ps[name] -= 0.001 * mean / (np.sqrt(squares) + 1e-8)


def velocity_inside_and_added(ps, gs, vs):
    vs = [0.9 * v - 0.01 * g for v, g in zip(vs or [0, 0, 0, 0], gs, strict=True)]
    return [p + v for p, v in zip(ps, vs, strict=True)], vs


def keras_nesterov(ps, gs, vs):
    vs = [0.9 * v - 0.01 * g for v, g in zip(vs or [0, 0, 0, 0], gs, strict=True)]
    return [p + 0.9 * v - 0.01 * g for p, v, g in zip(ps, vs, gs, strict=True)], vs


@pytest.mark.parametrize(
    ("step", "like"),
    [
        *[
            (step, "gradient_descent")
            for step in (
                in_place,
                rebound_in_the_list,
                of_a_dict,
                into_a_dict,
                of_a_dict_with_d,
                of_an_array,
                in_float32,
            )
        ],
        (WithItsOwnState(), "momentum"),
        (AdamOfDicts(), "adam"),
        (WithItsOwnState().step, "momentum"),
        (velocity_inside_and_added, "momentum"),
        (keras_nesterov, "nesterov"),
    ],
)
def test_every_usual_form_is_taken(step, like):
    check = tg.check_step(step, like)
    assert check.agree, check


def test_adam_as_keras_writes_it_is_right_and_said_to_be_another_convention():
    keras = ADAM.replace(
        "mhat / (np.sqrt(vhat) + 1e-8)", "np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m[k] / (np.sqrt(v[k]) + 1e-8)"
    )
    check = tg.check_step(written(keras), "adam")
    assert check.agree
    assert check.notes[0].startswith("right, as Keras writes it: ε stands beside the uncorrected root")


MISTAKES = [
    ("gradient_descent", "p - 0.1", "p + 0.1", "uphill"),
    ("gradient_descent", "0.1 * g", "g", "the learning rate η is left out"),
    ("gradient_descent", "0.1", "0.3", "the step is 3 times the right one: another learning rate"),
    ("momentum", "0.01 * vs[k]", "0.01 * old", "the velocity from before this step"),
    ("momentum", "0.9 * vs[k]", "0.9 * 0.01 * vs[k]", "μ is multiplied by η"),
    ("momentum", "0.9 * vs[k]", "-0.9 * vs[k]", "the sign of μ is wrong"),
    ("momentum", "0.9 * vs[k] + g", "0.9 * vs[k] + 0.1 * g", "times 1 - μ"),
    ("momentum", "0.9 * vs[k] + g", "0.9 * vs[k] - g", "uphill"),
    ("momentum", "0.9 * vs[k] + g", "0.9 * (vs[k] + g)", "μ multiplies the new gradient as well"),
    ("momentum", "0.9 * vs[k]", "vs[k]", "the velocity never fades"),
    ("momentum", "0.01 * vs[k]", "0.01 * (g + 0.9 * vs[k])", "Nesterov's momentum in place of the plain one"),
    ("momentum", "return new, vs", "return new, None", "nothing is kept between the steps"),
    ("nesterov", "(g + 0.9 * vs[k])", "vs[k]", "plain momentum in place of Nesterov's"),
    ("nesterov", "(g + 0.9 * vs[k])", "(g + 0.9 * old)", "the velocity from before this step"),
    ("rmsprop", "np.sqrt(vs[k]) + 1e-8", "np.sqrt(vs[k] + 1e-8)", "ε inside the root"),
    ("rmsprop", "np.sqrt(vs[k]) + 1e-8", "vs[k] + 1e-8", "no root"),
    ("rmsprop", " + 1e-8", "", "ε is left out"),
    ("rmsprop", "0.99 * vs[k] + (1 - 0.99)", "(1 - 0.99) * vs[k] + 0.99", "α and 1 - α are exchanged"),
    ("rmsprop", "(1 - 0.99) * g**2", "g**2", "without its factor 1 - α"),
    ("rmsprop", "return new, vs", "return new, None", "nothing is kept"),
    ("adam", "mhat / (np.sqrt(vhat) + 1e-8)", "m[k] / (np.sqrt(v[k]) + 1e-8)", "no bias correction"),
    ("adam", "mhat / (", "m[k] / (", "the first moment is not corrected"),
    ("adam", "np.sqrt(vhat)", "np.sqrt(v[k])", "the second moment is not corrected"),
    ("adam", "t = t + 1", "t, now = t + 1, t\n    t = now", "t starts at 0"),
    ("adam", "ps], 0)", "ps], 1)", "t starts at 2"),
    ("adam", "        m[k] =", "        t = t + (k > 0)\n        m[k] =", "t is counted once for each parameter"),
    ("adam", "return new, (m, v, t)", "return new, (m, v, 0)", "t stays at 1"),
    ("adam", "np.sqrt(vhat) + 1e-8", "np.sqrt(vhat + 1e-8)", "ε inside the root"),
    ("adam", "np.sqrt(vhat) + 1e-8", "vhat + 1e-8", "no root"),
    ("adam", "(1 - 0.9) * g", "g", "g enters m without its factor"),
    ("adam", "mhat, vhat =", "mhat, vhat = m[k], v[k] =", "the corrected moments are kept"),
    ("adam", "p - 0.001", "p + 0.001", "uphill"),
    ("adamw", "(1 - 0.001 * 0.01)", "(1 - 0.01)", "the weight decay is not multiplied by η"),
    ("adamw", "(1 - 0.001 * 0.01)", "(1 + 0.001 * 0.01)", "the sign of the weight decay"),
    ("adamw", "* (1 - 0.001 * 0.01)", "", "the weight decay is left out"),
    ("adamw", "p * (1 - 0.001 * 0.01)", "p", "the weight decay is left out"),
]  # fmt: skip


@pytest.mark.parametrize(("like", "before", "after", "words"), MISTAKES)
def test_a_mistake_is_named(like, before, after, words):
    check = tg.check_step(written(RIGHT[like], before, after), like, tell="mend")
    assert not check.agree
    assert words in check.first_divergence.mistake
    assert "θ ← θ - η" in check.first_divergence.mend


def test_a_tiny_epsilon_is_seen_too():
    text = RMSPROP.replace("1e-8", "1e-18")
    assert tg.check_step(written(text), "rmsprop", eps=1e-18).agree
    inside = written(text, "np.sqrt(vs[k]) + 1e-18", "np.sqrt(vs[k] + 1e-18)")
    assert "ε inside the root" in str(tg.check_step(inside, "rmsprop", eps=1e-18))


def test_exchanged_betas_are_named():
    text = ADAM.replace("0.999", "B2").replace("0.9", "0.999").replace("B2", "0.9")
    assert tg.check_step(written(text), "adam").first_divergence.mistake == "β₁ and β₂ are exchanged"


def test_weight_decay_added_to_the_gradient_is_told_from_that_of_adamw():
    coupled = ADAM.replace("        m[k] =", "        g = g + 0.01 * p\n        m[k] =", 1)
    assert tg.check_step(written(coupled), "adam", weight_decay=0.01).agree
    words = tg.check_step(written(coupled), "adamw").first_divergence.mistake
    assert words == "weight decay added to the gradient, as in Adam"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("+ 0.2 * p", "", "the weight decay is left out"),
        ("+ 0.2", "- 0.2", "the sign of the weight decay is wrong"),
        ("0.2", "2 * 0.2", "twice the weight decay"),
        ("0.2", "0.1", "half the weight decay"),
    ],
)
def test_a_mistake_in_the_weight_decay_is_named(before, after, words):
    assert tg.check_step(written(DECAYED), "gradient_descent", weight_decay=0.2).agree
    check = tg.check_step(written(DECAYED, before, after), "gradient_descent", weight_decay=0.2)
    assert check.first_divergence.mistake == words


def rebinds(ps, gs, state):
    for p, g in zip(ps, gs, strict=True):
        p = p - 0.1 * g


def returns_too_early(ps, gs, state):
    for k, g in enumerate(gs):
        ps[k] = ps[k] - 0.1 * g
        return ps, state
    return None


def bias_uphill(ps, gs, state):
    return [ps[0] - 0.1 * gs[0], ps[1] + 0.1 * gs[1], ps[2] - 0.1 * gs[2], ps[3] - 0.1 * gs[3]], state


def test_parameters_that_have_not_changed_and_mistakes_in_one_of_them():
    assert "no parameter has changed: `p = p - lr * g`" in str(tg.check_step(rebinds, "gradient_descent"))
    early = tg.check_step(returns_too_early, "gradient_descent")
    assert early.first_divergence.mistake == "not changed at all, as the other parameters are (b1, W2, b2)"
    only = tg.check_step(bias_uphill, "gradient_descent").first_divergence
    assert (only.quantity, only.where) == ("b1", "step 1, in b1 only")
    assert only.mistake.startswith("uphill")


def test_what_no_known_mistake_gives_is_measured():
    check = tg.check_step(
        lambda ps, gs: [p - 0.1 * np.sign(g) for p, g in zip(ps, gs, strict=True)], "gradient_descent"
    )
    assert "times the largest right step" in check.first_divergence.mistake
    assert not check.first_divergence.known


def test_one_step_is_told_from_the_next():
    slow = ADAM.replace("t = t + 1", "t = min(t + 1, 2)")
    assert tg.check_step(written(slow), "adam").first_divergence.where == "step 3"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda ps, gs, state: sys.exit(0), "your step ended the program"),
        (lambda ps, gs, state: 1 / 0, "your step raised ZeroDivisionError"),
        (lambda ps, gs, state: [*ps[:3], "text"], "no array of real numbers"),
        (lambda ps, gs, state: [p.sum() for p in ps], r"your step gave W1 of shape \(\); it must stay \(3, 2\)"),
        (lambda ps, gs, state: 5, "expected were the 4 parameters"),
        (lambda ps, gs, state: [1 for _ in iter(int, 1)], "stopped after 0.05 seconds"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_a_finding(step, words):
    check = tg.check_step(step, "gradient_descent", seconds=0.05)
    assert not check.agree
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check.first_divergence.mistake)


def test_a_division_by_zero_in_adam_points_at_t():
    text = ADAM.replace("m[k] / (1 - 0.9**t)", "m[k] * (1 / (1 - 0.9**t))").replace(
        "t = t + 1", "t, t0 = t + 1, t\n    t = t0"
    )
    assert "does t start at 0" in tg.check_step(written(text), "adam").first_divergence.mistake


def test_bad_arguments_are_refused():
    with pytest.raises(tg.InvalidValue, match=r"unknown optimizer 'adm'. Did you mean 'adam'"):
        tg.check_step(in_place, "adm")
    with pytest.raises(tg.InvalidValue, match="momentum takes no 'mu'"):
        tg.check_step(in_place, "momentum", mu=0.9)
    with pytest.raises(tg.InvalidValue, match="steps must be a whole number of at least 2"):
        tg.check_step(in_place, "momentum", steps=1)
    with pytest.raises(tg.InvalidType, match="step must be a function"):
        tg.check_step(3)
    with pytest.raises(tg.InvalidType, match="learning_rate must be a number"):
        tg.check_step(in_place, "momentum", learning_rate="fast")
