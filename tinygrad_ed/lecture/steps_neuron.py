"""The derivation, first part: the network runs forward; one neuron; one layer (lecture, steps 1 and 2)."""

from collections.abc import Callable, Iterator

import numpy as np

from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, Array
from tinygrad_ed.lecture.case import Case
from tinygrad_ed.lecture.check import Check, Slopes, between_slopes, entry_slopes, same, slopes_of
from tinygrad_ed.lecture.step import DerivationStep, below, numbered
from tinygrad_ed.notation.letters import factor, formula, letter, matrix, named, symbols
from tinygrad_ed.notation.op_formulas import PHI_SLOPE


def forward(case: Case) -> Iterator[DerivationStep]:
    """Run the network on the sample, and find the slope of Φ at every net input."""
    zeta, alpha, dphi, L = case.zeta, case.alpha, case.dphi, case.L
    for i in case.layers:
        zeta[i] = jacobians.layer_zeta(alpha[i - 1], case.omega[i], case.beta[i])
        alpha[i] = ACTIVATIONS[case.activations[i]].phi(zeta[i])
    equations = []
    for i in case.shown:
        shown = case.at(i) | {"W": case.show(case.omega[i].T, i, i - 1), "b": case.show(case.beta[i], i)}
        shown |= {"a": case.show(alpha[i - 1], i - 1), "z": case.show(zeta[i], i)}
        phi, answer = named(case.activations[i]), case.show(alpha[i], i)
        equations += [
            formula("ζ^$i = [Ω^$i]^T α^$h + β^$i = $W · $a + $b = $z", **shown),
            formula("α^$i = Φ(ζ^$i) = $phi(ζ^$i) = $answer", phi=phi, answer=answer, **shown),
        ]
    error, expected = case.cost_of(alpha[L]), case.show(case.rho, L)
    shown = case.at(L) | {"C": named(case.cost), "answer": case.show(alpha[L], L), "r": expected, "e": error}
    checked = []
    for i in case.layers:
        net = rules.zeta(alpha[i - 1][np.newaxis], case.omega[i], case.beta[i])
        by_rule = rules.alpha(zeta[i][np.newaxis], ACTIVATIONS[case.activations[i]].phi)
        checked += [(zeta[i], net[0], case.zeta_size[i]), (alpha[i], by_rule[0], alpha[i])]
    yield DerivationStep(
        "forward",
        "The network runs forward",
        "A neuron adds up what it receives, each input times its weight, and its bias: that is its net input `ζ`. "
        "`Φ` makes its activation `α` of it, which the next layer receives. At the end the cost makes the error `ε` "
        "of the answer `α^L` and the expected output `ρ`.",
        below("ζ^j = [Ω^j]^T α^{j-1} + β^j", "α^j = Φ(ζ^j)", "ε = C(α^L, ρ)"),
        (*equations, formula("ε = C(α^$L, ρ) = $C($answer, $r) = $e", **shown)),
        {
            "alpha[0]": alpha[0],
            **{f"{name}[{i}]": book[i] for i in case.layers for name, book in (("zeta", zeta), ("alpha", alpha))},
            "rho": case.rho,
            "cost": np.array(error),
        },
        same("every layer, neuron by neuron, with the rules for a whole batch", checked),
    )

    slopes = []
    for i in case.layers:
        dphi[i] = ACTIVATIONS[case.activations[i]].dphi(zeta[i])
        slopes.append(entry_slopes(ACTIVATIONS[case.activations[i]].phi, zeta[i]))
    at_each = []
    for i in case.shown:
        phi, slope = case.activations[i], formula(PHI_SLOPE.get(case.activations[i], ""), z=letter("zeta", i))
        markup = "Φ'(ζ^$i) = $phi'(ζ^$i) = " + ("$slope = $d" if phi in PHI_SLOPE else "$d")
        at_each.append(formula(markup, i=i, phi=named(phi), slope=slope, d=case.show(dphi[i], i)))
    yield DerivationStep(
        "dphi",
        "The slope of Φ at every net input",
        "`Φ` is the only part of a neuron that is not linear. All that the derivation needs of it is its slope "
        "`Φ'(ζ)`: how far a neuron's answer moves when its net input moves a little.",
        formula("Φ'(ζ^j)"),
        tuple(at_each),
        numbered(dphi=dphi),
        between_slopes(
            "Φ′ with the slopes of Φ on both sides, at every neuron",
            np.concatenate([dphi[i] for i in case.layers]),
            Slopes(*[np.concatenate(both) for both in zip(*slopes, strict=True)]),
        ),
        case.kinks(),
    )


def neuron(case: Case) -> Iterator[DerivationStep]:
    """Differentiate the answer of one neuron by its inputs, its weights and its bias."""
    j, k = case.j, case.k
    a, w, b = case.alpha[j - 1], case.omega[j][:, k], case.beta[j][k : k + 1]
    phi, dphi = ACTIVATIONS[case.activations[j]].phi, float(case.dphi[j][k])
    zeta = jacobians.neuron_zeta(a, w, float(b[0]))
    answer = phi(np.array([zeta]))
    shown = case.at(j) | {"phi": named(case.activations[j]), "z": zeta, "answer": answer[0], "d": factor(dphi)}
    shown |= {"a": matrix(a), "aT": matrix(a[np.newaxis]), "w": matrix(w[np.newaxis]), "b": factor(b[0])}

    def h(a: Array, w: Array, b: Array) -> float:
        return float(phi(np.dot(w, a) + b)[0])

    size = float(case.zeta_size[j][k] + np.abs(answer[0]))

    def slope_check(compared: str, found: Array, h: Callable[[Array], float], x: Array, reach: Array) -> Check:
        return between_slopes(compared, found[0], slopes_of(h, x, reach, size))

    numbers = {f"alpha[{j - 1}]": a, f"omega[{j},{k}]": w}
    numbers |= {f"{name}[{j},{k}]": np.array(x) for name, x in (("beta", b[0]), ("zeta", zeta), ("alpha", answer[0]))}
    yield DerivationStep(
        "h",
        f"What the neuron {case.neuron} computes",
        f"We follow neuron {k + 1} of layer {j}, `v^{j}_{k + 1}` on the slides (k={k} in code). It computes in two "
        "steps: `Ψ` adds up, and `Φ` answers.",
        below("h(a, w, b) = Φ(Ψ(a, w, b))", "Ψ(a, w, b) = w^T a + b"),
        (
            formula("ζ^$j_$k = [ω^$j_$k]^T α^$h + β^$j_$k = $w · $a + $b = $z", **shown),
            formula("α^$j_$k = Φ(ζ^$j_$k) = $phi($z) = $answer", **shown),
        ),
        numbers,
        same(
            "ζ and α of this neuron with those of the whole layer",
            [(zeta, case.zeta[j][k], size), (answer[0], case.alpha[j][k], size)],
        ),
    )

    by_a, by_w, by_b = jacobians.neuron_by_a(w, dphi), jacobians.neuron_by_w(a, dphi), jacobians.neuron_by_b(dphi)
    yield DerivationStep(
        "h_by_a",
        "The neuron by its inputs",
        "By the chain rule it is the slope of `Φ` times the derivative of `w^T a + b` by `a`, which is the row `w^T`: "
        "an input counts as much as its weight.",
        formula("{∂h}/{∂a} = Φ'(ζ) ω^T"),
        (formula("{∂h}/{∂a} = Φ'($z) · [ω^$j_$k]^T = $d · $w = $row", row=by_a, **shown),),
        {"h_by_a": by_a},
        slope_check("∂h/∂a with the slopes of h when one input moves", by_a, lambda a: h(a, w, b), a, w),
    )
    yield DerivationStep(
        "h_by_w",
        "The neuron by its weights",
        "The same with the roles exchanged: `w^T a` is as linear in `w` as in `a`, so a weight counts as much as the "
        "input that it meets.",
        formula("{∂h}/{∂w} = Φ'(ζ) α^T"),
        (formula("{∂h}/{∂w} = Φ'($z) · [α^$h]^T = $d · $aT = $row", row=by_w, **shown),),
        {"h_by_w": by_w},
        slope_check("∂h/∂w with the slopes of h when one weight moves", by_w, lambda w: h(a, w, b), w, a),
    )
    yield DerivationStep(
        "h_by_b",
        "The neuron by its bias",
        "The derivative of `w^T a + b` by `b` is 1, so only the slope of `Φ` is left.",
        formula("{∂h}/{∂b} = Φ'(ζ)"),
        (formula("{∂h}/{∂b} = Φ'($z) = $row", row=by_b[0, 0], **shown),),
        {"h_by_b": by_b},
        slope_check("∂h/∂b with the slope of h when the bias moves", by_b, lambda b: h(a, w, b), b, np.ones(1)),
    )


def layer(case: Case) -> Iterator[DerivationStep]:
    """Put the neurons of a layer below each other: the Jacobians of the layer, with their zeros."""
    j, k = case.j, case.k
    a, dphi, shown = case.alpha[j - 1], case.dphi[j], case.at(j)
    m, n = len(dphi), len(a)

    case.f_by_a = {i: jacobians.layer_by_a(case.omega[i], case.dphi[i]) for i in case.layers}
    stacked = []
    for i in case.layers:
        neurons = zip(case.omega[i].T, case.dphi[i], strict=True)
        rows = np.vstack([jacobians.neuron_by_a(w, d) for w, d in neurons])
        stacked.append((case.f_by_a[i], rows, rows))
    by_a = [formula("{∂f^$i}/{∂a^$h} = $f", f=case.show(case.f_by_a[i], i, i - 1), **case.at(i)) for i in case.shown]
    yield DerivationStep(
        "f_by_a",
        "The layer by its inputs",
        f"A layer is its {m} neurons below each other, so its Jacobian is their rows below each other: a row for "
        f"each neuron and a column for each input, {m} × {n} in layer {j}.",
        below(
            formula("f(a, W, b) = $f", f=symbols("h(a, w_1, b_1)", "⋮", "h(a, w_m, b_m)")),
            formula("{∂f}/{∂a} = $f", f=symbols("Φ'(ζ_1) ω_1^T", "⋮", "Φ'(ζ_m) ω_m^T")),
        ),
        tuple(by_a),
        numbered(f_by_a=case.f_by_a),
        same("∂f/∂a of every layer with ∂h/∂a of its neurons, row by row", stacked),
    )

    case.f_by_w, only_k = jacobians.layer_by_w(a, dphi, k), np.zeros((m, n))
    only_k[k] = jacobians.neuron_by_w(a, dphi[k])[0]
    yield DerivationStep(
        "f_by_w",
        "The layer by the weights of one neuron",
        f"The weights of neuron `k` move neuron `k` and no other: all rows are zero but row `k`, here row {k + 1}.",
        formula("{∂f}/{∂w_k} = $f", f=symbols("0 ⋯ 0", "⋮", "Φ'(ζ_k) α^T", "⋮", "0 ⋯ 0")),
        (formula("{∂f^$j}/{∂w^$j_$k} = $f", f=case.show(case.f_by_w, j, j - 1), **shown),),
        {f"f_by_w[{j},{k}]": case.f_by_w},
        same("its row k with ∂h/∂w of the neuron, and its other rows with zero", [(case.f_by_w, only_k, only_k)]),
    )

    by_b_k, only_k = jacobians.layer_by_b_k(dphi, k), np.zeros((m, 1))
    only_k[k] = jacobians.neuron_by_b(dphi[k])[0]
    yield DerivationStep(
        "f_by_b_k",
        "The layer by the bias of one neuron",
        "Likewise, the bias of neuron `k` moves neuron `k` and no other: the Jacobian is a column with one entry.",
        formula("{∂f}/{∂b_k} = $f", f=symbols("0", "⋮", "Φ'(ζ_k)", "⋮", "0")),
        (formula("{∂f^$j}/{∂b^$j_$k} = $f", f=case.show(by_b_k, j), **shown),),
        {f"f_by_b[{j},{k}]": by_b_k},
        same("its entry k with ∂h/∂b of the neuron, and its other entries with zero", [(by_b_k, only_k, only_k)]),
    )

    case.f_by_b = {i: jacobians.layer_by_b(case.dphi[i]) for i in case.layers}
    stacked = []
    for i, d in case.dphi.items():
        columns = np.hstack([jacobians.layer_by_b_k(d, q) for q in range(len(d))])
        stacked.append((case.f_by_b[i], columns, columns))
    diagonal = symbols("Φ'(ζ_1) & & 0", "& ⋱ &", "0 & & Φ'(ζ_m)")
    yield DerivationStep(
        "f_by_b",
        "The layer by its bias",
        f"These columns side by side are a diagonal matrix, {m} × {m}.",
        formula("{∂f}/{∂b} = diag(Φ'(ζ_1), …, Φ'(ζ_m)) = $f", f=diagonal),
        (formula("{∂f^$j}/{∂b^$j} = $f", f=case.show(case.f_by_b[j], j, j), **shown),),
        numbered(f_by_b=case.f_by_b),
        same("∂f/∂b of every layer with its columns ∂f/∂bₖ", stacked),
    )
