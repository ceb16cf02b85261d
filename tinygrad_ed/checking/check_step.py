"""A reader's own update rule, judged against the optimizer of a name, with the known mistakes.

All optimizers are one formula with other numbers in it: with m ← a m + b g and v ← α v + s g², and

    θ ← θ - η (c m + d m_before + e g) / (√v + ε),

momentum has a = μ, b = c = 1, and no v. A known mistake is the formula with one number changed.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import TELL, Finding, JudgedRow, Judgement
from tinygrad_ed.checking.passes import ratio
from tinygrad_ed.checking.traced import takes
from tinygrad_ed.errors import Error, InvalidType, InvalidValue, nearest, real_number, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import guarded, plain_numbers, protected

NAMES = ("W1", "b1", "W2", "b2")
FORMS = (
    "list",
    "dict",
    "dict, d",
    "array",
)  # what a rule is tried with; in the third, the gradient of W1 is called dW1


@dataclass(frozen=True)
class Formula:
    """An update in numbers; see above."""

    rate: float
    a: float = 0.0
    b: float = 1.0
    c: float = 1.0
    d: float = 0.0
    e: float = 0.0
    decay: float | None = None  # α, with which v fades; None: there is no v
    square: float = 0.0
    eps: float = 0.0
    divisor: Callable[[Array, float, float], Array] = lambda v, eps, corrected: np.sqrt(v) + eps
    late: bool = False  # v is that from before the step
    first: bool = False  # m is divided by 1 - aᵗ
    second: bool = False  # v is divided by 1 - αᵗ
    t: Callable[[int, int, int], int] = lambda step, k, count: step
    stored: bool = False  # the corrected m and v are kept in the place of m and v
    kept: bool = True
    coupled: float = 0.0  # λ, where it is added to the gradient
    apart: float = 0.0  # ηλ, where it is taken off the parameters

    def path(self, start: list[Array], gradients: list[list[Array]]) -> list[list[Array]]:
        """Return the parameters after each step."""
        theta, m, v = start, [0.0 * p for p in start], [0.0 * p for p in start]
        path = []
        for step, gs in enumerate(gradients, start=1):
            for k, given in enumerate(gs):
                t, g = self.t(step, k, len(gs)), given + self.coupled * theta[k]
                m_before, v_before = (m[k], v[k]) if self.kept else (0.0 * g, 0.0 * g)
                m[k], scale = self.a * m_before + self.b * g, np.ones(())
                moment = m[k] / np.float64(1 - self.a**t) if self.first else m[k]
                if self.decay is not None:
                    v[k] = self.decay * v_before + self.square * g**2
                    squares = v_before if self.late else v[k]
                    corrected = 1 - self.decay**t if self.second else 1.0
                    scale = self.divisor(squares := squares / np.float64(corrected), self.eps, corrected)
                    m[k], v[k] = (moment, squares) if self.stored else (m[k], v[k])
                direction = self.c * moment + self.d * m_before + self.e * g
                theta = [*theta[:k], theta[k] * (1 - self.apart) - self.rate * direction / scale, *theta[k + 1 :]]
            path.append(theta)
        return path


def _adam(o: Mapping[str, Any]) -> dict[str, Any]:
    one, two = o["betas"]
    moments = {"a": one, "b": 1 - one, "decay": two, "square": 1 - two}
    return {**moments, "eps": o["eps"], "first": True, "second": True}


_ADAM = """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², θ ← θ - η (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε), \
with t = 1, 2, ... counted once a step"""
_MOMENTUM = {"learning_rate": 0.01, "momentum": 0.9}
KNOWN: dict[str, tuple[dict[str, Any], Callable[[Mapping[str, Any]], dict[str, Any]], str]] = {
    "gradient_descent": ({"learning_rate": 0.1}, lambda o: {}, "θ ← θ - η g"),
    "momentum": (_MOMENTUM, lambda o: {"a": o["momentum"]}, "b ← μ b + g, θ ← θ - η b"),
    "nesterov": (
        _MOMENTUM,
        lambda o: {"a": o["momentum"], "c": o["momentum"], "e": 1.0},
        "b ← μ b + g, θ ← θ - η (g + μ b)",
    ),
    "rmsprop": (
        {"learning_rate": 0.01, "alpha": 0.99, "eps": 1e-8},
        lambda o: {"decay": o["alpha"], "square": 1 - o["alpha"], "eps": o["eps"]},
        "v ← α v + (1 - α) g², θ ← θ - η g / (√v + ε)",
    ),
    "adam": ({"learning_rate": 0.001, "betas": (0.9, 0.999), "eps": 1e-8}, _adam, _ADAM),
    "adamw": (
        {"learning_rate": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
        lambda o: {**_adam(o), "coupled": 0.0, "apart": o["learning_rate"] * o["weight_decay"]},
        f"θ ← θ - η λ θ, then {_ADAM}",
    ),
}
"""The optimizers of `train`: what each takes (weight_decay as well), the numbers in its formula, and that in words."""


def right_formula(like: str, options: Mapping[str, Any]) -> Formula:
    """Return the formula of an optimizer with these numbers."""
    o = {"weight_decay": 0.0, **KNOWN[like][0], **options}
    return Formula(**{"rate": o["learning_rate"], "coupled": o["weight_decay"], **KNOWN[like][1](o)})


def _mistakes(like: str, f: Formula) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the known mistakes in words, with what each changes in the formula."""
    yield "uphill: the sign of the gradient, or of the step, is wrong", {"rate": -f.rate, "apart": -f.apart}
    yield "uphill: the sign of the step is wrong", {"rate": -f.rate}
    yield "the learning rate η is left out", {"rate": 1.0}
    for name, decay in (("coupled", f.coupled), ("apart", f.apart)):
        if decay:
            yield "the weight decay is left out", {name: 0.0}
            yield "the sign of the weight decay is wrong", {name: -decay}
            yield "twice the weight decay", {name: 2 * decay}
            yield "half the weight decay", {name: decay / 2}
    if f.coupled:
        yield "weight decay apart from the gradient, as in AdamW", {"coupled": 0.0, "apart": f.rate * f.coupled}
    if f.apart:
        yield "the weight decay is not multiplied by η", {"apart": f.apart / f.rate}
        yield "weight decay added to the gradient, as in Adam", {"apart": 0.0, "coupled": f.apart / f.rate}
    if f.a or f.decay is not None:
        yield "nothing is kept between the steps: the state starts anew each time", {"kept": False}
    if f.a and f.decay is None:
        yield "the velocity from before this step", {"c": 0.0, "d": f.c}
        yield "μ is multiplied by η", {"a": f.a * f.rate}
        yield "the sign of μ is wrong", {"a": -f.a}
        yield "the gradient enters the velocity times 1 - μ: an average, and a smaller step", {"b": 1 - f.a}
        yield "μ multiplies the new gradient as well", {"b": f.a}
        yield "the velocity never fades: μ is left out", {"a": 1.0, "c": 1.0 if f.e else f.c}
        if like == "momentum":
            yield "Nesterov's momentum in place of the plain one", {"c": f.a, "e": 1.0}
        else:
            yield "plain momentum in place of Nesterov's", {"c": 1.0, "e": 0.0}
    if f.decay is not None:
        yield "ε inside the root, √(v + ε)", {"divisor": lambda v, eps, corrected: np.sqrt(v + eps)}
        yield "no root: divided by v + ε", {"divisor": lambda v, eps, corrected: v + eps}
        yield "ε is left out: 0 / 0 where a gradient is 0", {"eps": 0.0}
        yield "g² enters v without its factor 1 - α (Adam: 1 - β₂)", {"square": 1.0}
        yield "v from before this step", {"late": True, "second": False}
    if like == "rmsprop":
        yield "α and 1 - α are exchanged", {"decay": f.square, "square": f.decay}
    if f.first:
        yield "no bias correction", {"first": False, "second": False}
        yield "the first moment is not corrected", {"first": False}
        yield "the second moment is not corrected", {"second": False}
        yield "t starts at 0, where 1 - βᵗ is 0", {"t": lambda step, k, count: step - 1}
        yield "t starts at 2", {"t": lambda step, k, count: step + 1}
        yield "t stays at 1", {"t": lambda step, k, count: 1}
        each = "t is counted once for each parameter, not once a step"
        yield each, {"t": lambda step, k, count: (step - 1) * count + k + 1}
        yield "β₁ and β₂ are exchanged", {"a": f.decay, "b": f.square, "decay": f.a, "square": f.b}
        yield "g enters m without its factor 1 - β₁", {"b": 1.0}
        yield "the corrected moments are kept in the place of m and v", {"stored": True}


def check_step(
    step: Callable[..., Any],
    like: str = "momentum",
    steps: int = 3,
    tell: str = "what",
    seconds: float | None = None,
    **options: Any,
) -> Judgement:
    """Judge an update rule of your own against the optimizer of that name, over several steps.

    There are four parameters of different shapes, and gradients that differ from step to step; some of their entries
    are zero, or as small as ε.

    Args:
        step: `step(parameters, gradients, state) -> (parameters, state)`; `state` is None at first, and then what it
            returned. It may return the parameters alone, or change them in place and return None; it may take
            `(parameters, gradients)` alone, or be an object with such a method `step`. Parameters and gradients are
            lists, or where it does not take those, dicts with the keys W1, b1, W2 and b2 (or dW1, ...), or one array.
        like: the name of the optimizer, see `train.OPTIMIZERS`.
        steps: how many steps are compared.
        tell: how much is given away, "where", "what" or "mend".
        seconds: a time limit for each call.
        **options: what that optimizer takes, such as `learning_rate=0.1`: the values in your rule.

    Raises:
        InvalidValue: for an unknown name or option, or fewer than 2 steps.
        InvalidType: for a step that is no function, or options that are not numbers.

    >>> def step(parameters, gradients, velocity):
    ...     velocity = velocity or [0 * p for p in parameters]
    ...     new = [0.9 * v + g for v, g in zip(velocity, gradients)]
    ...     return [p - 0.01 * v for p, v in zip(parameters, velocity)], new
    >>> print(check_step(step, "momentum"))
    W1   1.6e-02  wrong
    b1   8.3e-03  wrong
    W2   1.4e-02  wrong
    b2   1.7e-02  wrong
    your step (momentum): 1 mistake
    W1 (step 1): probably the velocity from before this step
    """
    chosen("tell", tell, dict.fromkeys(TELL))
    right = right_formula(like, o := _options(like, options))
    steps = whole_number("steps", steps, 2)
    call = step.step if hasattr(step, "step") and not isinstance(step, type) else step
    if not callable(call) or isinstance(call, type):
        raise InvalidType(
            f"step must be a function step(parameters, gradients, state), or an object with one: {step!r}"
        )
    rng, small = np.random.default_rng(0), o.get("eps", 1e-8)
    start = [rng.normal(size=shape) for shape in ((3, 2), (2,), (2, 1), (1,))]
    gradients = [[rng.normal(size=p.shape) for p in start] for _ in range(steps)]
    for gs in gradients:
        gs[0][0] *= [small, 0.0]

    subject = f"your step ({like})"
    tries = [_reader(copy.deepcopy(call), form, start, gradients, seconds) for form in FORMS]
    path, problem = min(tries, key=lambda found: (found[1] is not None, -len(found[0]), "TypeError" in str(found[1])))
    if problem:
        if "ZeroDivisionError" in problem and right.first:
            problem = f"{problem}: does t start at 0, where 1 - βᵗ is 0?"
        return Judgement(subject, (), (Finding("step", f"step {len(path) + 1}", problem, KNOWN[like][2]),), (), tell)
    with np.errstate(all="ignore"):
        return _judged(subject, like, right, start, gradients, path, tell)


def _judged(
    subject: str, like: str, right: Formula, start: list[Array], gradients: Any, path: list[list[Array]], tell: str
) -> Judgement:
    count = len(path[0])  # 1, where the rule takes one array
    start, gradients = start[:count], [gs[:count] for gs in gradients]
    wanted = right.path(start, gradients)
    off = [[not _same(*each) for each in zip(*row, start, strict=True)] for row in zip(path, wanted, strict=True)]
    wrong = [k for k in range(count) if any([row[k] for row in off])]
    apart = [max([float(np.max(np.abs(a[k] - b[k]))) for a, b in zip(path, wanted, strict=True)]) for k in range(count)]
    rows = [JudgedRow(NAMES[k], k not in wrong, apart[k], "wrong" if k in wrong else "right") for k in range(count)]
    if not wrong:
        said = f"right over {len(path)} steps; what goes wrong only later does not show (see `steps`)"
        return Judgement(subject, tuple(rows), (), (said,), tell)

    def gives(changes: dict[str, Any]) -> bool:
        other = replace(right, **changes).path(start, gradients)
        return all([_same(a[k], b[k], start[k]) for a, b in zip(path, other, strict=True) for k in wrong])

    if right.first and gives({"divisor": lambda v, eps, corrected: np.sqrt(v) + eps / np.sqrt(corrected)}):
        note = "right, as Keras writes it: ε stands beside the uncorrected root, √v + ε, not beside √(v / (1 - β₂ᵗ))"
        return Judgement(subject, tuple([replace(row, agree=True, verdict="right") for row in rows]), (), (note,), tell)
    still = [k for k in wrong if all([np.array_equal(p[k], start[k]) for p in path])]
    known = [words for words, changes in _mistakes(like, right) if gives(changes)]
    if still == list(range(count)):
        known = ["no parameter has changed: `p = p - lr * g` gives a new array an old name; write `p -= lr * g`"]
    elif still == wrong:
        known = [f"not changed at all, as the other parameters are ({', '.join([NAMES[k] for k in still])})"]
    first = next(i for i, row in enumerate(off) if any(row))
    where = f"step {first + 1}" + ("" if len(wrong) == count else f", in {', '.join([NAMES[k] for k in wrong])} only")
    words = ", or ".join(dict.fromkeys(known)) or _observed(path[first], wanted[first], start, wrong)
    found = Finding(NAMES[wrong[0]], where, words, KNOWN[like][2], bool(known))
    return Judgement(subject, tuple(rows), (found,), (), tell)


def _reader(
    call: Callable[..., Any], form: str, start: list[Array], gradients: list[list[Array]], seconds: float | None
) -> tuple[list[list[Array]], str | None]:
    """Return the parameters after each step of the reader's rule, and what went wrong."""

    def packed(arrays: list[Array], before: str = "") -> Any:
        arrays = protected(arrays, writable=True)
        if form.startswith("dict"):
            return {before + name: array for name, array in zip(NAMES, arrays, strict=True)}
        return arrays if form == "list" else arrays[0]

    parameters, state = packed(start), None
    path: list[list[Array]] = []
    for gs in gradients:
        given = (parameters, packed(gs, form[6:]), state)
        answer, problem = guarded("step", call, *given[: 3 if takes(call, *range(3)) else 2], seconds=seconds)
        if problem:
            return path, problem
        if isinstance(answer, list | tuple) and len(answer) == 2:
            answer, state = answer
        parameters = parameters if answer is None else answer
        try:
            path.append(_unpacked(parameters, form, start))
        except Error as error:
            return path, str(error)
    return path, None


def _unpacked(parameters: Any, form: str, start: list[Array]) -> list[Array]:
    """Return copies of the parameters that the reader's rule gave."""
    if form.startswith("dict") and isinstance(parameters, dict):
        parameters = [parameters.get(name) for name in NAMES]
    if form == "array":
        parameters = [parameters]
    elif not isinstance(parameters, list | tuple) or len(parameters) != len(start):
        raise InvalidType(f"your step gave {type(parameters).__name__}; expected were the {len(start)} parameters")
    found = [plain_numbers(f"your step, for {name},", p) for name, p in zip(NAMES, parameters, strict=False)]
    for name, p, p0 in zip(NAMES, found, start, strict=False):
        if p.shape != p0.shape:
            raise InvalidType(f"your step gave {name} of shape {p.shape}; it must stay {p0.shape}")
    return found


def _same(got: Array, p: Array, start: Array) -> bool:
    """Tell whether two parameters agree to the digits of the reader's floats, counted on how far they have moved."""
    eps = float(np.finfo(got.dtype).eps)
    allowed = 16 * eps * np.abs(p) + np.sqrt(eps) * np.abs(p - start)
    return bool(np.all((np.abs(got - p) <= allowed) | (got == p) | (np.isnan(got) & np.isnan(p))))


def _observed(got: list[Array], wanted: list[Array], start: list[Array], wrong: list[int]) -> str:
    """Return what can be said of a step that no known mistake gives."""
    mine, right = [np.concatenate([np.ravel(a[k] - start[k]) for k in wrong]) for a in (got, wanted)]
    if (k := ratio(mine, right, 1e-4)) is not None:
        return f"the step is {k:.4g} times the right one: another learning rate?"
    return f"off by up to {np.max(np.abs(mine - right)) / np.max(np.abs(right)):.2g} times the largest right step"


def _options(like: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of an optimizer, those that are not given by default."""
    known = {"weight_decay": 0.0, **chosen("optimizer", like, KNOWN)[0]}
    for name, value in given.items():
        if name not in known:
            raise InvalidValue(f"{like} takes no {name!r}. {nearest(name, known)}")
        if name == "betas":
            known[name] = tuple([real_number(name, beta, "two numbers") for beta in value])
        else:
            known[name] = real_number(name, value, "a number")
    return known
