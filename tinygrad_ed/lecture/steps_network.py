"""The derivation, second part: the network by the chain rule; the effective computations (lecture, steps 3 and 4)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_ed.closed_form import jacobians
from tinygrad_ed.closed_form.derivatives import Array
from tinygrad_ed.lecture.case import Case
from tinygrad_ed.lecture.check import between_slopes, same, slopes_of
from tinygrad_ed.lecture.step import DerivationStep
from tinygrad_ed.notation.formula import Bracket
from tinygrad_ed.notation.letters import Formula, formula, letter, lines, matrix, symbols
from tinygrad_ed.notation.op_formulas import COSTS

CHAIN = "{∂C}/{∂a^L} · [∏_{i=L}^{j+1} {∂f^i}/{∂a^{i-1}}] ·"


def network(case: Case) -> Iterator[DerivationStep]:
    """Chain the Jacobians from the cost down to a parameter; then keep what the chains have in common."""
    part = "The whole network"
    j, k, L = case.j, case.k, case.L
    shown: dict[str, Any] = {"j": j, "h": j - 1, "i": j + 1, "k": k + 1, "L": L, "next": L + 1}

    answer = case.alpha[L]
    slope = formula(COSTS.get(case.cost, ("", ""))[1], a=letter("alpha", L), r=letter("rho"))
    C_by_a = jacobians.cost_by_a(answer, case.rho, case.cost)
    sizes = np.abs(case.cost_of(answer)) + np.sum(np.abs(answer) + np.abs(case.rho))
    yield DerivationStep(
        "C_by_a",
        part,
        "The cost by the answer of the network",
        "Where the network ends, the error is a function of its answer alone: how far does `ε` move when one output "
        "moves? This row is the gradient of the individual cost, transposed.",
        formula("{∂C}/{∂a^L} = [∇_{a^L} C(α^L, ρ)]^T"),
        (
            formula(
                "{∂C}/{∂a^$L} = " + ("[$slope]^T = $row" if case.cost in COSTS else "$row"),
                slope=slope.inside if isinstance(slope, Bracket) else slope,
                row=case.show(C_by_a, 0, L),
                **shown,
            ),
        ),
        {f"C_by_a[{L}]": C_by_a},
        between_slopes(
            "∂C/∂a with the slopes of C when one output moves",
            C_by_a[0],
            slopes_of(case.cost_of, answer, np.ones_like(answer), float(sizes)),
        ),
        case.cost_kinks(C_by_a[0]),
    )

    products = {i: jacobians.product(case.f_by_a, i) for i in range(L, -1, -1)}
    for i in case.layers:
        a, d = case.alpha[i - 1], case.dphi[i]
        rows = [
            jacobians.error_by_product(C_by_a, case.f_by_a, i, jacobians.layer_by_w(a, d, q)) for q in range(len(d))
        ]
        case.E_by_w[i] = np.vstack(rows)
        case.E_by_b[i] = jacobians.error_by_product(C_by_a, case.f_by_a, i, case.f_by_b[i])
    case.measure(C_by_a)
    own = np.concatenate([case.omega[j][:, k], *[case.beta[i] for i in case.layers]])
    reach = np.append(case.alpha[j - 1], np.ones(len(own) - len(case.alpha[j - 1])))
    found = np.concatenate([case.E_by_w[j][k], *[case.E_by_b[i][0] for i in case.layers]])
    ends = np.cumsum([len(case.alpha[j - 1]), *[len(case.beta[i]) for i in case.layers[:-1]]])

    def error(own: Array) -> float:
        column, *biases = np.split(own, ends)
        omega = case.omega[j].copy()
        omega[:, k] = column
        return case.error({**case.omega, j: omega}, dict(zip(case.layers, biases, strict=True)))

    yield DerivationStep(
        "product",
        part,
        "The error by any parameter, as one product",
        "The network is one layer after another, so its derivative is one Jacobian times another, from the cost at the "
        "left down to the layer of the parameter at the right. The product begins with `i = L` and ends with "
        "`i = j + 1`; for the last layer it has no factor.",
        lines(
            ("", 0, formula(f"{{∂E}}/{{∂w_k^j}} = {CHAIN} {{∂f^j}}/{{∂w_k^j}}")),
            ("", 0, formula(f"{{∂E}}/{{∂b^j}} = {CHAIN} {{∂f^j}}/{{∂b^j}}")),
        ),
        (
            _chained("{∂E}/{∂w^$j_$k}", C_by_a, case, "{∂f^$j}/{∂w^$j_$k}", case.f_by_w, case.E_by_w[j][k : k + 1]),
            _chained("{∂E}/{∂b^$j}", C_by_a, case, "{∂f^$j}/{∂b^$j}", case.f_by_b[j], case.E_by_b[j]),
        ),
        {
            **{f"product[{i}]": products[i] for i in products},
            **{f"E_by_w[{i}]": case.E_by_w[i] for i in case.layers},
            **{f"E_by_b[{i}]": case.E_by_b[i] for i in case.layers},
        },
        between_slopes(
            f"∂E/∂w of {case.neuron}, and ∂E/∂b of all, with the slopes of the error when one of these moves",
            found,
            slopes_of(error, own, reach, case.error_size()),
        ),
    )

    case.P = jacobians.P_rows(C_by_a, case.f_by_a)
    equations = [formula("P^$next = {∂C}/{∂a^$L} = $row", row=case.show(case.P[L + 1], 0, L), **shown)]
    for i in reversed(case.shown):
        step = {"row": case.show(case.P[i + 1], 0, i), "f": case.show(case.f_by_a[i], i, i - 1)}
        equations.append(
            formula(
                "P^$i = P^$up · {∂f^$i}/{∂a^$h} = $row · $f = $P",
                i=i,
                up=i + 1,
                h=i - 1,
                P=case.show(case.P[i], 0, i - 1),
                **step,
            )
        )
    yield DerivationStep(
        "P",
        part,
        "What the products have in common: P, by recursion",
        "The products of all layers begin in the same way. So we keep what has been multiplied so far, in a row `P`: "
        "`P^{j+1}` is what layer `j` receives from above. It multiplies it by one Jacobian more, and hands it down.",
        lines(("", 0, formula("P^{L+1} = {∂C}/{∂a^L}")), ("", 0, formula("P^j = P^{j+1} · {∂f^j}/{∂a^{j-1}}"))),
        tuple(equations),
        {f"P[{i}]": case.P[i] for i in case.P},
        same(
            "P of every layer with ∂C/∂a · ∏", [(case.P[i], C_by_a @ products[i - 1], case.P_size[i]) for i in case.P]
        ),
    )

    by_w = jacobians.error_by_w(case.P[j + 1], case.alpha[j - 1], case.dphi[j], k)
    by_b = {i: jacobians.error_by_b(case.P[i + 1], case.dphi[i]) for i in case.layers}
    for i in case.layers:
        case.grad_omega[i] = jacobians.grad_omega(case.P[i + 1], case.alpha[i - 1], case.dphi[i])
    shown |= {"up": j + 1, "P": case.show(case.P[j + 1], 0, j)}
    yield DerivationStep(
        "with_P",
        part,
        "The error by any parameter, with P",
        "With `P` at hand every parameter needs one product. The rows of all neurons of a layer, transposed and side "
        "by side, are the gradient by its weights.",
        lines(
            ("", 0, formula("{∂E}/{∂w_k^j} = P^{j+1} · {∂f^j}/{∂w_k^j}")),
            ("", 0, formula("{∂E}/{∂b^j} = P^{j+1} · {∂f^j}/{∂b^j}")),
            ("", 0, formula("∇_{W^j} E = $rows", rows=symbols("[{∂E}/{∂w_1^j}]^T & ⋯ & [{∂E}/{∂w_m^j}]^T"))),
        ),
        (
            formula(
                "{∂E}/{∂w^$j_$k} = P^$up · {∂f^$j}/{∂w^$j_$k} = $P · $f = $row",
                row=by_w,
                f=case.show(case.f_by_w, j, j - 1),
                **shown,
            ),
            formula(
                "{∂E}/{∂b^$j} = P^$up · {∂f^$j}/{∂b^$j} = $P · $D = $row",
                row=case.show(by_b[j], 0, j),
                D=case.show(case.f_by_b[j], j, j),
                **shown,
            ),
            formula("∇_{W^$j} E = $grad", grad=case.show(case.grad_omega[j], j - 1, j), **shown),
        ),
        {
            f"E_by_w[{j},{k}]": by_w,
            **{f"E_by_b[{i}]": by_b[i] for i in case.layers},
            **{f"grad_omega[{i}]": case.grad_omega[i] for i in case.layers},
        },
        same(
            "∂E/∂w and ∂E/∂b of every neuron with their products",
            [
                (by_w[0], case.E_by_w[j][k], case.omega_size(j)[:, k]),
                *[(case.grad_omega[i], case.E_by_w[i].T, case.omega_size(i)) for i in case.layers],
                *[(by_b[i][0], case.E_by_b[i][0], case.B_size(i)) for i in case.layers],
            ],
        ),
    )


def _chained(left: str, C_by_a: Array, case: Case, own: str, own_value: Array, result: Array) -> Formula:
    """Write the slides' product for one parameter in letters and in numbers; a long one has dots in the middle."""
    middle: list[tuple[str, Any]] = [
        (f"{{∂f^{{{i}}}}}/{{∂a^{{{i - 1}}}}}", case.show(case.f_by_a[i], i, i - 1)) for i in range(case.L, case.j, -1)
    ]
    if len(middle) > 3:
        middle = [middle[0], ("⋯", formula("⋯")), middle[-1]]
    factors = [("{∂C}/{∂a^$L}", case.show(C_by_a, 0, case.L)), *middle, (own, matrix(own_value, [case.k]))]
    letters = " · ".join([letters for letters, _ in factors])
    values = {f"v{n}": value for n, (_, value) in enumerate(factors)}
    numbers = " · ".join([f"${name}" for name in values])
    places = {"j": case.j, "k": case.k + 1, "L": case.L}
    return formula(f"{left} = {letters} = {numbers} = $result", result=result, **values, **places)


def effective(case: Case) -> Iterator[DerivationStep]:
    """Do the same without any Jacobian: their zeros need not be multiplied."""
    part = "The effective computations"
    j, k = case.j, case.k
    column = formula("[$d ⊙ $p]^T", d=case.show(case.dphi[j], j), p=case.show(case.P[j + 1][0], j))
    shown = {"j": j, "h": j - 1, "up": j + 1, "k": k + 1, "column": column}

    P = {case.L + 1: case.P[case.L + 1]}
    for i in reversed(case.layers):
        P[i] = jacobians.effective_P(P[i + 1], case.dphi[i], case.omega[i])
    yield DerivationStep(
        "effective_P",
        part,
        "P without Jacobians",
        "The Jacobian of a layer by its inputs is `diag(Φ'(ζ)) · Ω^T`: each row of `Ω^T` times a number. And a row "
        "times a diagonal matrix is a product entry by entry, `⊙`. So the diagonal matrix disappears as well.",
        lines(
            ("", 0, formula("P^j = P^{j+1} · diag(Φ'(ζ^j)) · [Ω^j]^T")),
            ("", 0, formula("P^j = [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T · [Ω^j]^T")),
        ),
        (
            formula(
                "P^$j = [Φ'(ζ^$j) ⊙ [P^$up]^T]^T · [Ω^$j]^T = $column · $W = $P",
                W=case.show(case.omega[j].T, j, j - 1),
                P=P[j],
                **shown,
            ),
        ),
        {f"P[{i}]": P[i] for i in P},
        same("P of every layer with P by the Jacobians", [(P[i], case.P[i], case.P_size[i]) for i in P]),
    )

    grad_omega = {i: jacobians.effective_grad_omega(P[i + 1], case.alpha[i - 1], case.dphi[i]) for i in case.layers}
    yield DerivationStep(
        "effective_grad_omega",
        part,
        "The gradient by the weights without Jacobians",
        "`{∂f}/{∂w_k}` has one row that is not zero, so of `P` only entry `k` counts: column `k` of the gradient is "
        "`α` times one number. All columns together are a column times a row.",
        formula("∇_{W^j} E = α^{j-1} · [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T"),
        (
            formula(
                "∇_{W^$j} E = α^$h · [Φ'(ζ^$j) ⊙ [P^$up]^T]^T = $a · $column = $grad",
                a=case.alpha[j - 1],
                grad=case.show(grad_omega[j], j - 1, j),
                **shown,
            ),
        ),
        {f"grad_omega[{i}]": grad_omega[i] for i in case.layers},
        same(
            "the gradient by the weights of every layer with the rows ∂E/∂w, transposed",
            [(grad_omega[i], case.grad_omega[i], case.omega_size(i)) for i in case.layers],
        ),
    )

    grad_beta = {i: jacobians.effective_grad_beta(P[i + 1], case.dphi[i]) for i in case.layers}
    yield DerivationStep(
        "effective_grad_beta",
        part,
        "The gradient by the bias without Jacobians",
        "The row `P` times a diagonal matrix once more, written as a column.",
        formula("∇_{b^j} E = Φ'(ζ^j) ⊙ [P^{j+1}]^T"),
        (
            formula(
                "∇_{b^$j} E = Φ'(ζ^$j) ⊙ [P^$up]^T = $d ⊙ $p = $grad",
                d=case.show(case.dphi[j], j),
                p=case.show(P[j + 1][0], j),
                grad=case.show(grad_beta[j], j),
                **shown,
            ),
        ),
        {f"grad_beta[{i}]": grad_beta[i] for i in case.layers},
        same(
            "the gradient by the bias of every layer with ∂E/∂b, transposed",
            [(grad_beta[i], case.E_by_b[i][0], case.B_size(i)) for i in case.layers],
        ),
    )
    case.P, case.grad_omega, case.grad_beta = P, grad_omega, grad_beta
