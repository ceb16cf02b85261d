"""The derivation, last part: the rules, both algorithms with their lines, and the update (lecture, steps 5 to 7)."""

from collections.abc import Iterator, Mapping

import numpy as np

from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Array
from tinygrad_ed.lecture.case import Case
from tinygrad_ed.lecture.check import Check, Slopes, between_slopes, same, slopes_of
from tinygrad_ed.lecture.step import DerivationStep
from tinygrad_ed.notation.letters import Formula, formula, lines, number


def the_rules(case: Case) -> Iterator[DerivationStep]:
    """Give what the gradients have in common the name B: that is all of backpropagation."""
    part = "The backpropagation rules"
    j, k, L = case.j, case.k, case.L
    alpha, zeta, rho = _rows(case.alpha), _rows(case.zeta), case.rho[np.newaxis]
    dphi = {i: ACTIVATIONS[case.activations[i]].dphi for i in case.layers}
    shown = {"j": j, "h": j - 1, "L": L, "k": k + 1}

    case.B[L] = rules.B_last(zeta[L], alpha[L], rho, dphi[L], COSTS[case.cost].grad_C)
    for i in range(L - 1, 0, -1):
        case.B[i] = rules.B_hidden(zeta[i], case.omega[i + 1], case.B[i + 1], dphi[i])
    last = {
        name: case.show(column, L)
        for name, column in (("d", case.dphi[L]), ("p", case.P[L + 1][0]), ("B", case.B[L][0]))
    }
    equations = [formula("B^$L = Φ'(ζ^$L) ⊙ ∇_{a^$L} C(α^$L, ρ) = $d ⊙ $p = $B", **shown, **last)]
    for i in reversed(case.shown):
        if i < L:
            above = {"W": case.show(case.omega[i + 1], i, i + 1), "Bup": case.show(case.B[i + 1][0], i + 1)}
            equations.append(
                formula(
                    "B^$i = Φ'(ζ^$i) ⊙ (Ω^$up B^$up) = $d ⊙ ($W · $Bup) = $B",
                    i=i,
                    up=i + 1,
                    d=case.show(case.dphi[i], i),
                    B=case.show(case.B[i][0], i),
                    **above,
                )
            )
    yield DerivationStep(
        "B",
        part,
        "The rule for B",
        "Both gradients hold the same column, `Φ'(ζ^j) ⊙ [P^{j+1}]^T`. It gets a name of its own, `B^j`. In the last "
        "layer `P` is the gradient of the cost; below, `[P^{j+1}]^T` is `Ω^{j+1} B^{j+1}`, so `B` comes from the `B` "
        "of the layer above.",
        lines(
            ("", 0, formula("B^L = Φ'(ζ^L) ⊙ ∇_{a^L} C(α^L, ρ)")),
            ("", 0, formula("B^j = Φ'(ζ^j) ⊙ (Ω^{j+1} B^{j+1})")),
        ),
        tuple(equations),
        {f"B[{i}]": case.B[i] for i in case.B},
        same(
            "B of every layer with Φ′(ζ) ⊙ Pᵀ",
            [(case.B[i][0], case.grad_beta[i], case.B_size(i)) for i in case.B],
        ),
    )

    P = {i: rules.P(case.omega[i], case.B[i]) for i in case.layers}
    yield DerivationStep(
        "rule_P",
        part,
        "P from B",
        "What a layer hands down is its weights times its `B`.",
        formula("[P^j]^T = Ω^j B^j"),
        (
            formula(
                "[P^$j]^T = Ω^$j B^$j = $W · $B = $P",
                W=case.show(case.omega[j], j - 1, j),
                B=case.show(case.B[j][0], j),
                P=P[j][0],
                **shown,
            ),
        ),
        {f"P[{i}]": P[i] for i in P},
        same("P of every layer with the effective computation", [(P[i], case.P[i], case.P_size[i]) for i in P]),
    )

    grad_omega = {i: rules.grad_omega(alpha[i - 1], case.B[i]) for i in case.layers}
    yield DerivationStep(
        "rule_grad_omega",
        part,
        "The rule for the weights",
        "The gradient by a weight is the activation where its connection starts times the `B` where it ends.",
        formula("∇_{W^j} E = α^{j-1} [B^j]^T"),
        (
            formula(
                "∇_{W^$j} E = α^$h [B^$j]^T = $a · $B = $grad",
                a=case.alpha[j - 1],
                B=case.show(case.B[j], 0, j),
                grad=case.show(grad_omega[j], j - 1, j),
                **shown,
            ),
        ),
        {f"grad_omega[{i}]": grad_omega[i] for i in case.layers},
        same(
            "the gradient by the weights of every layer with the effective computation",
            [(grad_omega[i], case.grad_omega[i], case.omega_size(i)) for i in case.layers],
        ),
    )

    grad_beta = {i: rules.grad_beta(case.B[i]) for i in case.layers}
    yield DerivationStep(
        "rule_grad_beta",
        part,
        "The rule for the bias",
        "The gradient by a bias is the `B` of its neuron.",
        formula("∇_{b^j} E = B^j"),
        (formula("∇_{b^$j} E = B^$j = $grad", grad=case.show(grad_beta[j], j), **shown),),
        {f"grad_beta[{i}]": grad_beta[i] for i in case.layers},
        same(
            "the gradient by the bias of every layer with the effective computation",
            [(grad_beta[i], case.grad_beta[i], case.B_size(i)) for i in case.layers],
        ),
    )
    case.grad_omega, case.grad_beta = grad_omega, grad_beta


def algorithms(case: Case) -> Iterator[DerivationStep]:
    """Run both algorithms as they stand on the slides, line by line, and take one step of gradient descent."""
    part = "The algorithms"
    L = case.L
    alpha, zeta = _rows(case.alpha), _rows(case.zeta)
    B, P = rules.backpropagation(case.omega, case.activations, zeta, alpha, case.rho[np.newaxis], case.cost)
    run = [_line("1", 0, "B^$i ← Φ'(ζ^$i) ⊙ ∇_{a^$i} C(α^$i, ρ) = $row^T", L, case.show(B[L], 0, L))]
    run.append(_line("2", 0, "[P^$i]^T ← Ω^$i · B^$i = $row^T", L, case.show(P[L], 0, L - 1)))
    for i in reversed(case.shown):
        if i < L:
            run.append(("3", 0, formula("j ← $i", i=i)))
            run.append(_line("4", 1, "B^$i ← Φ'(ζ^$i) ⊙ [P^$up]^T = $row^T", i, case.show(B[i], 0, i)))
            run.append(_line("5", 1, "[P^$i]^T ← Ω^$i · B^$i = $row^T", i, case.show(P[i], 0, i - 1)))
    yield DerivationStep(
        "backpropagation",
        part,
        "Backpropagation",
        "Given a network that has run forward, and `ρ`, it finds all `B` and `P`, from the last layer down. Below it "
        "runs on the numbers; each line has its number on the slide.",
        lines(
            ("1", 0, formula("B^L ← Φ'(ζ^L) ⊙ ∇_{a^L} C(α^L, ρ)")),
            ("2", 0, formula("[P^L]^T ← Ω^L · B^L")),
            ("3", 0, formula('"for" j ← L - 1 "to" 1 "do"')),
            ("4", 1, formula("B^j ← Φ'(ζ^j) ⊙ [P^{j+1}]^T")),
            ("5", 1, formula("[P^j]^T ← Ω^j · B^j")),
            ("6", 0, formula('"end"')),
        ),
        (lines(*run),),
        {**{f"B[{i}]": B[i] for i in B}, **{f"P[{i}]": P[i] for i in P}},
        same(
            "all B and P with the rules",
            [
                *[(B[i], case.B[i], case.B_size(i)[np.newaxis]) for i in B],
                *[(P[i], case.P[i], case.P_size[i]) for i in P],
            ],
        ),
    )

    grad_omega, grad_beta = rules.gradient_computation(alpha, B)
    run = []
    for i in case.shown:
        run.append(("1", 0, formula("j = $i", i=i)))
        run.append(_line("2", 1, "Gradient(Ω^$i) ← α^$h · [B^$i]^T = $row", i, case.show(grad_omega[i], i - 1, i)))
        run.append(_line("3", 1, "Gradient(β^$i) ← B^$i = $row^T", i, case.show(grad_beta[i][np.newaxis], 0, i)))
    yield DerivationStep(
        "gradient_computation",
        part,
        "Gradient computation",
        "Given all `α` and `B` it makes the gradients, layer by layer.",
        lines(
            ("1", 0, formula('"for" j "in" 1 … L "do"')),
            ("2", 1, formula("Gradient(Ω^j) ← α^{j-1} · [B^j]^T")),
            ("3", 1, formula("Gradient(β^j) ← B^j")),
            ("4", 0, formula('"end"')),
        ),
        (lines(*run),),
        {
            **{f"grad_omega[{i}]": grad_omega[i] for i in case.layers},
            **{f"grad_beta[{i}]": grad_beta[i] for i in case.layers},
        },
        same(
            "all gradients with the rules",
            [
                *[(grad_omega[i], case.grad_omega[i], case.omega_size(i)) for i in case.layers],
                *[(grad_beta[i], case.grad_beta[i], case.B_size(i)) for i in case.layers],
            ],
        ),
    )
    yield from _update(case)


def _update(case: Case) -> Iterator[DerivationStep]:
    """Yield one step of gradient descent, and what it does to the error."""
    j, eta = case.j, case.learning_rate
    grad_beta = {i: g if i in case.biased else 0 * g for i, g in case.grad_beta.items()}
    omega, beta = rules.update(case.omega, case.beta, case.grad_omega, grad_beta, eta)
    before, after = case.cost_of(case.alpha[case.L]), case.run(omega, beta)
    square = sum([float(np.sum(g**2)) for book in (case.grad_omega, grad_beta) for g in book.values()])
    shown = {"j": j, "eta": number(eta)}
    yield DerivationStep(
        "update",
        "The algorithms",
        "The update",
        f"Every parameter goes a step against its gradient; the learning rate `η = {number(eta)}` says how far. To "
        "first order the error `E` falls by `η ⟦∇E⟧^2`; how far it really falls, only another run forward can tell.",
        lines(("", 0, formula("Ω^j ← Ω^j - η ∇_{W^j} E")), ("", 0, formula("β^j ← β^j - η ∇_{b^j} E"))),
        (
            formula(
                "Ω^$j ← $W - $eta · $grad = $new",
                W=case.show(case.omega[j], j - 1, j),
                grad=case.show(case.grad_omega[j], j - 1, j),
                new=case.show(omega[j], j - 1, j),
                **shown,
            ),
            formula(
                "β^$j ← $b - $eta · $grad = $new",
                b=case.show(case.beta[j], j),
                grad=case.show(grad_beta[j], j),
                new=case.show(beta[j], j),
                **shown,
            ),
            formula("E - η ⟦∇E⟧^2 = $E - $fall = $rest", E=before, fall=eta * square, rest=before - eta * square),
            formula('E "after the update" = $after', after=after),
        ),
        {
            **{f"omega[{i}]": omega[i] for i in case.layers},
            **{f"beta[{i}]": beta[i] for i in case.layers},
            "cost": np.array(after),
        },
        _along(case, omega, beta, -eta * square),
    )


def _along(case: Case, omega: Mapping[int, Array], beta: Mapping[int, Array], expected: float) -> Check:
    """Return the slope of the error on the way from the old parameters to the new ones."""
    way_omega = {i: omega[i] - case.omega[i] for i in case.layers}
    way_beta = {i: beta[i] - case.beta[i] for i in case.layers}
    reaches = [np.abs(case.alpha[i - 1]) @ np.abs(way_omega[i]) + np.abs(way_beta[i]) for i in case.layers]
    reach = max([float(reach.max()) for reach in reaches]) or 1.0  # how far a net input moves

    def error(t: Array) -> float:
        moved = [
            {i: old[i] + float(t[0]) / reach * way[i] for i in case.layers}
            for old, way in ((case.omega, way_omega), (case.beta, way_beta))
        ]
        return case.error(*moved)

    rounding = sum(
        [
            float(np.sum(np.abs(gradient[i] * old[i])))
            for gradient, old in ((case.grad_omega, case.omega), (case.grad_beta, case.beta))
            for i in case.layers
        ]
    )
    slopes = slopes_of(error, np.zeros(1), np.ones(1), case.error_size())
    allowed = slopes.allowed + 4 * np.finfo(float).eps * rounding / reach
    return between_slopes(
        "−η ‖∇E‖² with the slope of the error on the way from the old parameters to the new ones",
        [expected],
        Slopes(slopes.middle * reach, allowed * reach),
    )


def _rows(book: Mapping[int, Array]) -> dict[int, Array]:
    """Return a batch of one sample, which is a row."""
    return {i: column[np.newaxis] for i, column in book.items()}


def _line(n: str, depth: int, markup: str, i: int, row: Formula) -> tuple[str, int, Formula]:
    """Return a line of an algorithm, run for layer i."""
    return n, depth, formula(markup, i=i, h=i - 1, up=i + 1, row=row)
