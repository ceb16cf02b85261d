"""The derivation, last part: the rules, both algorithms with their lines, and the update (lecture, steps 5 to 7)."""

from collections.abc import Iterator, Mapping

import numpy as np

from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Array
from tinygrad_ed.lecture.case import Case
from tinygrad_ed.lecture.check import Check, Slopes, between_slopes, by_layer, same, slopes_of
from tinygrad_ed.lecture.step import DerivationStep, below, numbered
from tinygrad_ed.notation.letters import Formula, formula, lines, number


def the_rules(case: Case) -> Iterator[DerivationStep]:
    """Give what the gradients have in common the name B: that is all of backpropagation."""
    j, L, B = case.j, case.L, case.B
    alpha, zeta, rho = _rows(case.alpha), _rows(case.zeta), case.rho[np.newaxis]
    dphi = {i: ACTIVATIONS[case.activations[i]].dphi for i in case.layers}
    B[L] = rules.B_last(zeta[L], alpha[L], rho, dphi[L], COSTS[case.cost].grad_C)
    for i in range(L - 1, 0, -1):
        B[i] = rules.B_hidden(zeta[i], case.omega[i + 1], B[i + 1], dphi[i])
    equations = []
    for i in reversed(case.shown):
        shown = case.at(i) | {"d": case.show(case.dphi[i], i), "B": case.show(B[i][0], i)}
        if i == L:
            p = case.show(case.P[L + 1][0], L)
            equations.append(formula("B^$i = Φ'(ζ^$i) ⊙ ∇_{a^$i} C(α^$i, ρ) = $d ⊙ $p = $B", p=p, **shown))
        else:
            above = {"W": case.show(case.omega[i + 1], i, i + 1), "Bup": case.show(B[i + 1][0], i + 1)}
            equations.append(formula("B^$i = Φ'(ζ^$i) ⊙ (Ω^$up B^$up) = $d ⊙ ($W · $Bup) = $B", **shown, **above))
    yield DerivationStep(
        "B",
        "The rule for B",
        "Both gradients hold the same column, `Φ'(ζ^j) ⊙ [P^{j+1}]^T`. It gets a name of its own, `B^j`. In the last "
        "layer `P` is the gradient of the cost; below, `[P^{j+1}]^T` is `Ω^{j+1} B^{j+1}`, so `B` comes from the `B` "
        "of the layer above.",
        below("B^L = Φ'(ζ^L) ⊙ ∇_{a^L} C(α^L, ρ)", "B^j = Φ'(ζ^j) ⊙ (Ω^{j+1} B^{j+1})"),
        tuple(equations),
        numbered(B=B),
        same("B of every layer with Φ′(ζ) ⊙ Pᵀ", [(B[i][0], case.grad_beta[i], case.B_size[i]) for i in B]),
    )

    P = {i: rules.P(case.omega[i], B[i]) for i in case.layers}
    grads = {i: rules.grad_omega(alpha[i - 1], B[i]) for i in case.layers}
    shown = case.at(j) | {"W": case.show(case.omega[j], j - 1, j), "B": case.show(B[j][0], j), "P": P[j][0]}
    yield DerivationStep(
        "rule_P",
        "P from B",
        "What a layer hands down is its weights times its `B`.",
        formula("[P^j]^T = Ω^j B^j"),
        (formula("[P^$j]^T = Ω^$j B^$j = $W · $B = $P", **shown),),
        numbered(P=P),
        same("P of every layer with the effective computation", by_layer(P, case.P, case.P_size)),
    )

    shown |= {"a": case.alpha[j - 1], "B": case.show(B[j], 0, j), "grad": case.show(grads[j], j - 1, j)}
    yield DerivationStep(
        "rule_grad_omega",
        "The rule for the weights",
        "The gradient by a weight is the activation where its connection starts times the `B` where it ends.",
        formula("∇_{W^j} E = α^{j-1} [B^j]^T"),
        (formula("∇_{W^$j} E = α^$h [B^$j]^T = $a · $B = $grad", **shown),),
        numbered(grad_omega=grads),
        same(
            "the gradient by the weights of every layer with the effective computation",
            by_layer(grads, case.grad_omega, case.omega_size),
        ),
    )

    grad_beta = {i: rules.grad_beta(B[i]) for i in case.layers}
    yield DerivationStep(
        "rule_grad_beta",
        "The rule for the bias",
        "The gradient by a bias is the `B` of its neuron.",
        formula("∇_{b^j} E = B^j"),
        (formula("∇_{b^$j} E = B^$j = $grad", j=j, grad=case.show(grad_beta[j], j)),),
        numbered(grad_beta=grad_beta),
        same(
            "the gradient by the bias of every layer with the effective computation",
            by_layer(grad_beta, case.grad_beta, case.B_size),
        ),
    )
    case.grad_omega, case.grad_beta = grads, grad_beta


def algorithms(case: Case) -> Iterator[DerivationStep]:
    """Run both algorithms as they stand on the slides, line by line, and take one step of gradient descent."""
    L, alpha, zeta = case.L, _rows(case.alpha), _rows(case.zeta)
    B, P = rules.backpropagation(case.omega, case.activations, zeta, alpha, case.rho[np.newaxis], case.cost)
    run = [_line("1", 0, "B^$i ← Φ'(ζ^$i) ⊙ ∇_{a^$i} C(α^$i, ρ) = $row^T", L, case.show(B[L], 0, L))]
    run.append(_line("2", 0, "[P^$i]^T ← Ω^$i · B^$i = $row^T", L, case.show(P[L], 0, L - 1)))
    for i in [i for i in reversed(case.shown) if i < L]:
        run.append(("3", 0, formula("j ← $i", i=i)))
        run.append(_line("4", 1, "B^$i ← Φ'(ζ^$i) ⊙ [P^$up]^T = $row^T", i, case.show(B[i], 0, i)))
        run.append(_line("5", 1, "[P^$i]^T ← Ω^$i · B^$i = $row^T", i, case.show(P[i], 0, i - 1)))
    B_size = {i: size[np.newaxis] for i, size in case.B_size.items()}
    yield DerivationStep(
        "backpropagation",
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
        numbered(B=B, P=P),
        same("all B and P with the rules", [*by_layer(B, case.B, B_size), *by_layer(P, case.P, case.P_size)]),
    )

    grads, grad_beta = rules.gradient_computation(alpha, B)
    run = []
    for i in case.shown:
        run.append(("1", 0, formula("j = $i", i=i)))
        run.append(_line("2", 1, "Gradient(Ω^$i) ← α^$h · [B^$i]^T = $row", i, case.show(grads[i], i - 1, i)))
        run.append(_line("3", 1, "Gradient(β^$i) ← B^$i = $row^T", i, case.show(grad_beta[i][np.newaxis], 0, i)))
    yield DerivationStep(
        "gradient_computation",
        "Gradient computation",
        "Given all `α` and `B` it makes the gradients, layer by layer.",
        lines(
            ("1", 0, formula('"for" j "in" 1 … L "do"')),
            ("2", 1, formula("Gradient(Ω^j) ← α^{j-1} · [B^j]^T")),
            ("3", 1, formula("Gradient(β^j) ← B^j")),
            ("4", 0, formula('"end"')),
        ),
        (lines(*run),),
        numbered(grad_omega=grads, grad_beta=grad_beta),
        same(
            "all gradients with the rules",
            [
                *by_layer(grads, case.grad_omega, case.omega_size),
                *by_layer(grad_beta, case.grad_beta, case.B_size),
            ],
        ),
    )
    yield _update(case)


def _update(case: Case) -> DerivationStep:
    """Return one step of gradient descent, and what it does to the error."""
    j, eta = case.j, case.learning_rate
    grad_beta = {i: g if i in case.biased else 0 * g for i, g in case.grad_beta.items()}
    omega, beta = rules.update(case.omega, case.beta, case.grad_omega, grad_beta, eta)
    before, after = case.cost_of(case.alpha[case.L]), case.error(omega, beta, straight=False)
    square = sum([float(np.sum(g**2)) for book in (case.grad_omega, grad_beta) for g in book.values()])
    weights, biases = [
        {"old": case.show(old[j], *at), "grad": case.show(by[j], *at), "new": case.show(new[j], *at)}
        for old, by, new, at in (
            (case.omega, case.grad_omega, omega, (j - 1, j)),
            (case.beta, grad_beta, beta, (j,)),
        )
    ]
    return DerivationStep(
        "update",
        "The update",
        f"Every parameter goes a step against its gradient; the learning rate `η = {number(eta)}` says how far. To "
        "first order the error `E` falls by `η ⟦∇E⟧^2`; how far it really falls, only another run forward can tell.",
        below("Ω^j ← Ω^j - η ∇_{W^j} E", "β^j ← β^j - η ∇_{b^j} E"),
        (
            formula("Ω^$j ← $old - $eta · $grad = $new", j=j, eta=number(eta), **weights),
            formula("β^$j ← $old - $eta · $grad = $new", j=j, eta=number(eta), **biases),
            formula("E - η ⟦∇E⟧^2 = $E - $fall = $rest", E=before, fall=eta * square, rest=before - eta * square),
            formula('E "after the update" = $after', after=after),
        ),
        {**numbered(omega=omega, beta=beta), "cost": np.array(after)},
        _along(case, omega, beta, -eta * square),
    )


def _along(case: Case, omega: Mapping[int, Array], beta: Mapping[int, Array], expected: float) -> Check:
    """Return the slope of the error on the way from the old parameters to the new ones."""
    way_omega = {i: omega[i] - case.omega[i] for i in case.layers}
    way_beta = {i: beta[i] - case.beta[i] for i in case.layers}
    reaches = [np.abs(case.alpha[i - 1]) @ np.abs(way_omega[i]) + np.abs(way_beta[i]) for i in case.layers]
    reach = max([float(reach.max()) for reach in reaches]) or 1.0  # how far a net input moves

    def error(t: Array) -> float:
        part = float(t[0]) / reach
        moved = {i: case.omega[i] + part * way_omega[i] for i in case.layers}
        return case.error(moved, {i: case.beta[i] + part * way_beta[i] for i in case.layers})

    pairs = ((case.grad_omega, case.omega), (case.grad_beta, case.beta))
    rounding = sum([float(np.sum(np.abs(by[i] * old[i]))) for by, old in pairs for i in case.layers])
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
