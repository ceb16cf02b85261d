"""The derivation, first part: the network runs forward; one neuron; one layer (lecture, steps 1 and 2)."""

from collections.abc import Iterator

import numpy as np

from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, Array
from tinygrad_ed.lecture.case import Case
from tinygrad_ed.lecture.check import Slopes, between_slopes, entry_slopes, same, slopes_of
from tinygrad_ed.lecture.step import DerivationStep
from tinygrad_ed.notation.letters import factor, formula, letter, lines, matrix, named, symbols
from tinygrad_ed.notation.op_formulas import PHI_SLOPE


def forward(case: Case) -> Iterator[DerivationStep]:
    """Run the network on the sample, and find the slope of Φ at every net input."""
    part = "The network and the sample"
    zeta, alpha, dphi = case.zeta, case.alpha, case.dphi
    for i in case.layers:
        zeta[i] = jacobians.layer_zeta(alpha[i - 1], case.omega[i], case.beta[i])
        alpha[i] = ACTIVATIONS[case.activations[i]].phi(zeta[i])
    error = case.cost_of(alpha[case.L])
    equations = []
    for i in case.shown:
        net = {"W": case.show(case.omega[i].T, i, i - 1), "a": case.show(alpha[i - 1], i - 1)}
        net |= {"b": case.show(case.beta[i], i), "z": case.show(zeta[i], i)}
        equations += [
            formula("ζ^$i = [Ω^$i]^T α^$h + β^$i = $W · $a + $b = $z", i=i, h=i - 1, **net),
            formula("α^$i = Φ(ζ^$i) = $phi(ζ^$i) = $a", i=i, phi=named(case.activations[i]), a=case.show(alpha[i], i)),
        ]
    answer, expected = case.show(alpha[case.L], case.L), case.show(case.rho, case.L)
    equations.append(
        formula("ε = C(α^$L, ρ) = $C($a, $r) = $e", L=case.L, C=named(case.cost), a=answer, r=expected, e=error)
    )
    yield DerivationStep(
        "forward",
        part,
        "The network runs forward",
        "A neuron adds up what it receives, each input times its weight, and its bias: that is its net input `ζ`. "
        "`Φ` makes its activation `α` of it, which the next layer receives. At the end the cost makes the error `ε` "
        "of the answer `α^L` and the expected output `ρ`.",
        lines(
            ("", 0, formula("ζ^j = [Ω^j]^T α^{j-1} + β^j")),
            ("", 0, formula("α^j = Φ(ζ^j)")),
            ("", 0, formula("ε = C(α^L, ρ)")),
        ),
        tuple(equations),
        {
            "alpha[0]": alpha[0],
            **{f"{name}[{i}]": book[i] for i in case.layers for name, book in (("zeta", zeta), ("alpha", alpha))},
            "rho": case.rho,
            "cost": np.array(error),
        },
        same(
            "every layer, neuron by neuron, with the rules for a whole batch",
            [
                pair
                for i in case.layers
                for net in [rules.zeta(alpha[i - 1][np.newaxis], case.omega[i], case.beta[i])]
                for pair in (
                    (zeta[i], net[0], case.zeta_size(i)),
                    (alpha[i], rules.alpha(zeta[i][np.newaxis], ACTIVATIONS[case.activations[i]].phi)[0], alpha[i]),
                )
            ],
        ),
    )

    slopes = []
    for i in case.layers:
        dphi[i] = ACTIVATIONS[case.activations[i]].dphi(zeta[i])
        slopes.append(entry_slopes(ACTIVATIONS[case.activations[i]].phi, zeta[i]))
    yield DerivationStep(
        "dphi",
        part,
        "The slope of Φ at every net input",
        "`Φ` is the only part of a neuron that is not linear. All that the derivation needs of it is its slope "
        "`Φ'(ζ)`: how far a neuron's answer moves when its net input moves a little.",
        formula("Φ'(ζ^j)"),
        tuple(
            [
                formula(
                    "Φ'(ζ^$i) = $phi'(ζ^$i) = " + ("$slope = $d" if case.activations[i] in PHI_SLOPE else "$d"),
                    i=i,
                    phi=named(case.activations[i]),
                    slope=formula(PHI_SLOPE.get(case.activations[i], ""), z=letter("zeta", i)),
                    d=case.show(dphi[i], i),
                )
                for i in case.shown
            ]
        ),
        {f"dphi[{i}]": dphi[i] for i in case.layers},
        between_slopes(
            "Φ′ with the slopes of Φ on both sides, at every neuron",
            np.concatenate([dphi[i] for i in case.layers]),
            Slopes(*[np.concatenate(both) for both in zip(*slopes, strict=True)]),
        ),
        case.kinks(),
    )


def neuron(case: Case) -> Iterator[DerivationStep]:
    """Differentiate the answer of one neuron by its inputs, its weights and its bias."""
    part = "One neuron"
    j, k = case.j, case.k
    a, w, b = case.alpha[j - 1], case.omega[j][:, k], case.beta[j][k : k + 1]
    phi, dphi = ACTIVATIONS[case.activations[j]].phi, float(case.dphi[j][k])
    zeta = jacobians.neuron_zeta(a, w, float(b[0]))
    answer = phi(np.array([zeta]))
    shown = {"v": letter("v", j, k + 1), "j": j, "h": j - 1, "k": k + 1, "phi": named(case.activations[j])}
    shown |= {"a": matrix(a), "aT": matrix(a[np.newaxis]), "w": matrix(w[np.newaxis]), "b": factor(b[0])}
    shown |= {"z": zeta, "answer": answer[0], "d": factor(dphi)}

    def h(a: Array, w: Array, b: Array) -> float:
        return float(phi(np.dot(w, a) + b)[0])

    size = float(case.zeta_size(j)[k] + np.abs(answer[0]))
    yield DerivationStep(
        "h",
        part,
        f"What the neuron {case.neuron} computes",
        f"We follow neuron {k + 1} of layer {j}, `v^{j}_{k + 1}` on the slides (k={k} in code). It computes in two "
        "steps: `Ψ` adds up, and `Φ` answers.",
        lines(("", 0, formula("h(a, w, b) = Φ(Ψ(a, w, b))")), ("", 0, formula("Ψ(a, w, b) = w^T a + b"))),
        (
            formula("ζ^$j_$k = [ω^$j_$k]^T α^$h + β^$j_$k = $w · $a + $b = $z", **shown),
            formula("α^$j_$k = Φ(ζ^$j_$k) = $phi($z) = $answer", **shown),
        ),
        {
            f"alpha[{j - 1}]": a,
            f"omega[{j},{k}]": w,
            f"beta[{j},{k}]": np.array(b[0]),
            f"zeta[{j},{k}]": np.array(zeta),
            f"alpha[{j},{k}]": np.array(answer[0]),
        },
        same(
            "ζ and α of this neuron with those of the whole layer",
            [(zeta, case.zeta[j][k], size), (answer[0], case.alpha[j][k], size)],
        ),
    )

    by_a, by_w, by_b = jacobians.neuron_by_a(w, dphi), jacobians.neuron_by_w(a, dphi), jacobians.neuron_by_b(dphi)
    case.h_by_w, case.h_by_b = by_w, by_b
    yield DerivationStep(
        "h_by_a",
        part,
        "The neuron by its inputs",
        "By the chain rule it is the slope of `Φ` times the derivative of `w^T a + b` by `a`, which is the row `w^T`: "
        "an input counts as much as its weight.",
        formula("{∂h}/{∂a} = Φ'(ζ) ω^T"),
        (formula("{∂h}/{∂a} = Φ'($z) · [ω^$j_$k]^T = $d · $w = $row", row=by_a, **shown),),
        {"h_by_a": by_a},
        between_slopes(
            "∂h/∂a with the slopes of h when one input moves",
            by_a[0],
            slopes_of(lambda moved: h(moved, w, b), a, w, size),
        ),
    )
    yield DerivationStep(
        "h_by_w",
        part,
        "The neuron by its weights",
        "The same with the roles exchanged: `w^T a` is as linear in `w` as in `a`, so a weight counts as much as the "
        "input that it meets.",
        formula("{∂h}/{∂w} = Φ'(ζ) α^T"),
        (formula("{∂h}/{∂w} = Φ'($z) · [α^$h]^T = $d · $aT = $row", row=by_w, **shown),),
        {"h_by_w": by_w},
        between_slopes(
            "∂h/∂w with the slopes of h when one weight moves",
            by_w[0],
            slopes_of(lambda moved: h(a, moved, b), w, a, size),
        ),
    )
    yield DerivationStep(
        "h_by_b",
        part,
        "The neuron by its bias",
        "The derivative of `w^T a + b` by `b` is 1, so only the slope of `Φ` is left.",
        formula("{∂h}/{∂b} = Φ'(ζ)"),
        (formula("{∂h}/{∂b} = Φ'($z) = $row", row=by_b[0, 0], **shown),),
        {"h_by_b": by_b},
        between_slopes(
            "∂h/∂b with the slope of h when the bias moves",
            by_b[0],
            slopes_of(lambda moved: h(a, w, moved), b, np.ones(1), size),
        ),
    )


def layer(case: Case) -> Iterator[DerivationStep]:
    """Put the neurons of a layer below each other: the Jacobians of the layer, with their zeros."""
    part = "One layer"
    j, k = case.j, case.k
    a, dphi = case.alpha[j - 1], case.dphi[j]
    m, n = len(dphi), len(a)
    shown = {"j": j, "h": j - 1, "k": k + 1}

    for i in case.layers:
        case.f_by_a[i] = jacobians.layer_by_a(case.omega[i], case.dphi[i])
    yield DerivationStep(
        "f_by_a",
        part,
        "The layer by its inputs",
        f"A layer is its {m} neurons below each other, so its Jacobian is their rows below each other: a row for "
        f"each neuron and a column for each input, {m} × {n} in layer {j}.",
        lines(
            ("", 0, formula("f(a, W, b) = $f", f=symbols("h(a, w_1, b_1)", "⋮", "h(a, w_m, b_m)"))),
            ("", 0, formula("{∂f}/{∂a} = $f", f=symbols("Φ'(ζ_1) ω_1^T", "⋮", "Φ'(ζ_m) ω_m^T"))),
        ),
        tuple(
            [formula("{∂f^$i}/{∂a^$h} = $f", i=i, h=i - 1, f=case.show(case.f_by_a[i], i, i - 1)) for i in case.shown]
        ),
        {f"f_by_a[{i}]": case.f_by_a[i] for i in case.layers},
        same(
            "∂f/∂a of every layer with ∂h/∂a of its neurons, row by row",
            [
                (case.f_by_a[i], rows, rows)
                for i in case.layers
                for neurons in [zip(case.omega[i].T, case.dphi[i], strict=True)]
                for rows in [np.vstack([jacobians.neuron_by_a(w, d) for w, d in neurons])]
            ],
        ),
    )

    by_w, only_k = jacobians.layer_by_w(a, dphi, k), np.zeros((m, n))
    only_k[k] = case.h_by_w[0]
    case.f_by_w = by_w
    yield DerivationStep(
        "f_by_w",
        part,
        "The layer by the weights of one neuron",
        f"The weights of neuron `k` move neuron `k` and no other: all rows are zero but row `k`, here row {k + 1}.",
        formula("{∂f}/{∂w_k} = $f", f=symbols("0 ⋯ 0", "⋮", "Φ'(ζ_k) α^T", "⋮", "0 ⋯ 0")),
        (formula("{∂f^$j}/{∂w^$j_$k} = $f", f=case.show(by_w, j, j - 1), **shown),),
        {f"f_by_w[{j},{k}]": by_w},
        same("its row k with ∂h/∂w of the neuron, and its other rows with zero", [(by_w, only_k, only_k)]),
    )

    by_b_k, only_k = jacobians.layer_by_b_k(dphi, k), np.zeros((m, 1))
    only_k[k] = case.h_by_b[0]
    yield DerivationStep(
        "f_by_b_k",
        part,
        "The layer by the bias of one neuron",
        "Likewise, the bias of neuron `k` moves neuron `k` and no other: the Jacobian is a column with one entry.",
        formula("{∂f}/{∂b_k} = $f", f=symbols("0", "⋮", "Φ'(ζ_k)", "⋮", "0")),
        (formula("{∂f^$j}/{∂b^$j_$k} = $f", f=case.show(by_b_k, j), **shown),),
        {f"f_by_b[{j},{k}]": by_b_k},
        same("its entry k with ∂h/∂b of the neuron, and its other entries with zero", [(by_b_k, only_k, only_k)]),
    )

    case.f_by_b = {i: jacobians.layer_by_b(case.dphi[i]) for i in case.layers}
    yield DerivationStep(
        "f_by_b",
        part,
        "The layer by its bias",
        f"These columns side by side are a diagonal matrix, {m} × {m}.",
        formula(
            "{∂f}/{∂b} = diag(Φ'(ζ_1), …, Φ'(ζ_m)) = $f",
            f=symbols("Φ'(ζ_1) & & 0", "& ⋱ &", "0 & & Φ'(ζ_m)"),
        ),
        (formula("{∂f^$j}/{∂b^$j} = $f", f=case.show(case.f_by_b[j], j, j), **shown),),
        {f"f_by_b[{i}]": case.f_by_b[i] for i in case.layers},
        same(
            "∂f/∂b of every layer with its columns ∂f/∂bₖ",
            [
                (case.f_by_b[i], columns, columns)
                for i in case.layers
                for d in [case.dphi[i]]
                for columns in [np.hstack([jacobians.layer_by_b_k(d, q) for q in range(len(d))])]
            ],
        ),
    )
