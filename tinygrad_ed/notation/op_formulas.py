"""The formula of every op and of its derivative, as markup of `letters.formula`, and the conventions at kinks.

In a template `$x0`, `$x1` are the inputs, `$y` is the result and `$g` is the gradient that arrives at the result. An op
without a row is written as a function of its inputs.
"""

from collections.abc import Sequence

FORWARD = {
    "add": "$x0 + $x1", "subtract": "$x0 − $x1", "multiply": "$x0 · $x1", "divide": "$x0 / $x1", "negative": "− $x0",
    "power": "$x0^$x1", "square": "$x0^2", "sqrt": "√ $x0", "absolute": "abs($x0)", "reciprocal": "1 / $x0",
    "matmul": "$x0 $x1", "sum": "Σ $x0", "sigmoid": "σ($x0)", "exp": "e^$x0", "exp2": "2^$x0", "expm1": "e^$x0 − 1",
    "log": "ln $x0", "log1p": "ln(1 + $x0)", "softplus": "ln(1 + e^$x0)", "logaddexp": "ln(e^$x0 + e^$x1)",
    "hypot": "√($x0^2 + $x1^2)", "relu": "max(0, $x0)", "elu": '($x0 " if " $x0 > 0 " else " e^$x0 − 1)',
    "maximum": "max($x0, $x1)", "minimum": "min($x0, $x1)", "identity": "$x0", "positive": "$x0",
}  # fmt: skip
# ∂y/∂input, for ops that work entry by entry
SLOPE = {
    "add": ("1", "1"), "subtract": ("1", "(− 1)"), "multiply": ("$x1", "$x0"), "divide": ("1 / $x1", "(− $y / $x1)"),
    "negative": ("(− 1)",), "power": ("$x1 · $x0^{$x1 − 1}", "$y · ln $x0"), "square": ("2 $x0",),
    "sqrt": ("1 / (2 $y)",), "cbrt": ("1 / (3 $y^2)",), "absolute": ("sign($x0)",), "reciprocal": ("(− $y^2)",),
    "exp": ("$y",), "exp2": ("$y · ln(2)",), "expm1": ("($y + 1)",), "log": ("1 / $x0",), "log1p": ("1 / (1 + $x0)",),
    "log2": ("1 / ($x0 · ln(2))",), "log10": ("1 / ($x0 · ln(10))",), "sin": ("cos($x0)",), "cos": ("(− sin($x0))",),
    "tan": ("(1 + $y^2)",), "arcsin": ("1 / √(1 − $x0^2)",), "arccos": ("(− 1 / √(1 − $x0^2))",),
    "arctan": ("1 / (1 + $x0^2)",), "arctan2": ("$x1 / ($x0^2 + $x1^2)", "(− $x0 / ($x0^2 + $x1^2))"),
    "sinh": ("cosh($x0)",), "cosh": ("sinh($x0)",), "tanh": ("(1 − $y^2)",), "arcsinh": ("1 / √($x0^2 + 1)",),
    "arccosh": ("1 / √($x0^2 − 1)",), "arctanh": ("1 / (1 − $x0^2)",), "sigmoid": ("$y (1 − $y)",),
    "softplus": ("σ($x0)",), "logaddexp": ("e^{$x0 − $y}", "e^{$x1 − $y}"),
    "logaddexp2": ("2^{$x0 − $y}", "2^{$x1 − $y}"), "hypot": ("$x0 / $y", "$x1 / $y"), "deg2rad": ("π / 180",),
    "rad2deg": ("180 / π",), "identity": ("1",), "positive": ("1",), "relu": ('(1 " if " $x0 > 0 " else " 0)',),
    "elu": ('(1 " if " $x0 > 0 " else " e^$x0)',),
    "maximum": ('(1 " if " $x0 > $x1 " else " 0)', '(1 " if " $x1 > $x0 " else " 0)'),
    "minimum": ('(1 " if " $x0 < $x1 " else " 0)', '(1 " if " $x1 < $x0 " else " 0)'),
    "remainder": ("1", "(− floor($x0 / $x1))"), "fmod": ("1", "(− trunc($x0 / $x1))"),
}  # fmt: skip
FLOW = {  # what is sent to an input, for ops that do not
    "matmul": ("$g $x1^T", "$x0^T $g"),
    "sum": ('$g " to every entry"',),
    "transpose": ("$g^T",),
}
# One neuron's part of the individual cost, and its derivative; $a is what the neuron answers, $r what is expected.
COSTS = {
    "mse": ("{1}/{2} ($a − $r)^2", "($a − $r)"),
    "l1": ("abs($a − $r)", "sign($a − $r)"),
    "huber": ("huber($a − $r)", "clip($a − $r, − 1, 1)"),
    "logistic": ("ln(1 + e^{− $r · $a})", "(− $r · σ(− $r · $a))"),
    "bce": ("(ln(1 + e^{$a}) − $r · $a)", "(σ($a) − $r)"),
    "hinge": ("max(0, 1 − $r · $a)", '(− $r " if " $r · $a < 1 " else " 0)'),
    "margin": ("max(0, $r − $a)", '(− 1 " if " $a < $r " else " 0)'),
    "cross_entropy": ("(− $r · ln softmax($a))", "(softmax($a) − $r)"),
}
# Φ'(z), in letters
PHI_SLOPE = {
    "identity": "1", "sigmoid": "σ($z) (1 − σ($z))", "tanh": "1 − tanh^2($z)", "relu": '(1 " if " $z > 0 " else " 0)',
    "leaky_relu": '(1 " if " $z > 0 " else " 0.01)', "softplus": "σ($z)", "elu": '(1 " if " $z > 0 " else " e^{$z})',
    "silu": "σ($z) (1 + $z (1 − σ($z)))",
}  # fmt: skip
CONVENTIONS = {
    **dict.fromkeys(("absolute", "relu"), "At 0 the derivative is 0."),
    "leaky_relu": "At 0 the derivative is the slope below.",
    **dict.fromkeys(("maximum", "minimum"), "Equal inputs get one half each."),
    **dict.fromkeys(("fmax", "fmin"), "Equal inputs get one half each; NaN beside a number gets nothing."),
    **dict.fromkeys(("max", "min"), "Ties share the gradient equally."),
    "hypot": "At the origin the gradient is 0.",
    "power": "At 0 a whole power has the derivative of the polynomial.",
    "prod": "Zeros are no trouble: each entry gets the product of the others.",
}


def described(name: str, inputs: Sequence[str], params: Sequence[str] = ()) -> str:
    """Return what `help` says of an op: its formula, its derivatives, and what is decided at kinks, ties and zeros."""

    def plain(template: str) -> str:
        letters = {f"$x{i}": letter for i, letter in enumerate(inputs)} | {
            "$y": "y",
            "$g": "g",
            " − ": " - ",
            "− ": "-",
        }
        for markup, text in (letters | {'"': "", "  ": " ", "^T": "ᵀ", "{": "(", "}": ")"}).items():
            template = template.replace(markup, text)
        whole = template.startswith("(") and template.endswith(")") and " if " in template
        return template[1:-1] if whole else template

    called = f"{name}({', '.join([*inputs, *params])})"
    written = plain(FORWARD[name]) if name in FORWARD else f"{name}({', '.join(inputs)})"
    said = [f"∂y/∂{letter} = {plain(slope)}" for letter, slope in zip(inputs, SLOPE.get(name, ()), strict=False)] or [
        f"to {letter}: {plain(flow)}" for letter, flow in zip(inputs, FLOW.get(name, ()), strict=False)
    ]
    more = " ".join([*([", ".join(said) + "."] if said else []), *([CONVENTIONS[name]] if name in CONVENTIONS else [])])
    return f"{called}: y = {written}" + (f"\n\n{more}" if more else "")
