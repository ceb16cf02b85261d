"""The lemmas of a proof: each step of the derivation as equations between expressions, with fresh symbols for a layer.

A step speaks of one layer at a time. What comes from below are symbols, and so is what comes from above: the rest of
the network, up to the error, is a function `G` of which nothing is known, and its derivatives are symbols. What holds
for every `G` holds for the layers above, whatever they are, and so the steps are joined by induction over the layers.
SymPy differentiates what a layer computes; the other side are the functions of `closed_form`, or the reader's rules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.closed_form import jacobians
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.errors import RuleError
from tinygrad_ed.lecture.algebra import Expr, Symbols, slope_of, symbols, sympy, unknown
from tinygrad_ed.nn.guard import guarded
from tinygrad_ed.notation.letters import letter

SECONDS = 5.0  # for a call of a reader's rule


class Lemma(NamedTuple):
    """Equations of one step, in one layer: what the step gives, and what SymPy or the step before gives."""

    step: str
    layer: int
    found: Any  # or what a reader's rule raised
    right: Any
    rule: str = ""  # the one of `RULES` that gave `found` for these arguments
    args: tuple[Any, ...] = ()


class Lecture:
    """A network of symbols; where activations (one a layer) or the cost are None, they are unknown functions."""

    def __init__(
        self,
        sizes: tuple[int, ...],
        batch: int,
        activations: Sequence[str] | None,
        cost: str | None,
        rules: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.sizes, self.M, self.rules = sizes, batch, rules
        self.activations, self.cost, self.L = activations, cost, len(sizes) - 1
        self.stopped: dict[str, RuleError] = {}

    def lemmas(self) -> Iterator[Lemma]:
        """Yield all lemmas, step by step and layer by layer."""
        for j in range(1, self.L + 1):
            yield from self._layer(j)
            yield from self._rules(j)
        yield from self._batch()
        yield from self._algorithms()

    def definitions(self) -> Iterator[Lemma]:
        """Yield what must be true of Φ' and ∇C: by SymPy's derivative of a function with a name, or by definition."""
        for j in range(1, self.L + 1):
            zeta = self.batch("zeta", j, self.sizes[j])[0]
            slopes = [sympy.diff(y, x) for y, x in zip(self.phi(j)(zeta), zeta, strict=True)]
            yield Lemma("dphi", j, self.dphi(j)(zeta), slopes)
        answer, rho = [self.batch(name, self.L, self.sizes[-1])[:1] for name in ("alpha", "rho")]
        yield Lemma("C_by_a", self.L, self.grad_C(answer, rho), [_by(self.C(answer, rho)[0], answer[0])])

    def _ruled(self, step: str, j: int, rule: str, args: tuple[Any, ...], right: Any) -> Lemma:
        """Return a lemma about a rule, which gets read-only copies; what the reader's raises is kept."""

        def tried(*args: Any) -> Any:
            try:
                return self.rules[rule](*args)
            except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001  # it is a finding, with its line
                return error

        if rule not in self.stopped:
            found, problem = guarded(rule, tried, *map(_read_only, args), seconds=SECONDS)
            if problem is None:
                return Lemma(step, j, found, right, rule, args)
            self.stopped[rule] = RuleError(problem)
        return Lemma(step, j, self.stopped[rule], right, rule, args)

    # Functions

    def phi(self, j: int) -> Callable[[Any], Any]:
        """Return Φ of a layer, for arrays of expressions."""
        return ACTIVATIONS[self.activations[j - 1]].phi if self.activations else _entrywise(unknown(f"Φ{_up(j)}"))

    def dphi(self, j: int) -> Callable[[Any], Any]:
        """Return Φ' of a layer, as the lecture's rules get it."""
        if self.activations:
            return ACTIVATIONS[self.activations[j - 1]].dphi
        return _entrywise(slope_of(f"Φ{_up(j)}", 1, 1))

    def C(self, answer: Any, rho: Any) -> Any:
        """Return the individual cost of each sample."""
        if self.cost:
            return COSTS[self.cost].C(answer, rho)
        C = unknown("C", 2 * self.sizes[-1])
        return np.array([C(*a, *r) for a, r in zip(answer, rho, strict=True)], object).view(Symbols)

    def grad_C(self, answer: Any, rho: Any) -> Any:
        """Return ∇C of each sample, as the lecture's rules get it."""
        if self.cost:
            return COSTS[self.cost].grad_C(answer, rho)
        n = self.sizes[-1]
        partial = [slope_of("C", k + 1, 2 * n) for k in range(n)]
        rows = [[slope(*a, *r) for slope in partial] for a, r in zip(answer, rho, strict=True)]
        return np.array(rows, object).view(Symbols)

    # Symbols

    def below(self, j: int) -> tuple[Symbols, Symbols, Symbols, Symbols]:
        """Return α^{j-1}, Ω^j, β^j and the net input that they make, written out."""
        n, m = self.sizes[j - 1], self.sizes[j]
        alpha, (omega, beta) = self.batch("alpha", j - 1, n), self.parameters(j)
        net = [[sum([alpha[s, i] * omega[i, k] for i in range(n)], beta[k]) for k in range(m)] for s in range(self.M)]
        return alpha, omega, beta, np.array(net, object).view(Symbols)

    def parameters(self, j: int) -> tuple[Symbols, Symbols]:
        """Return Ω^j and β^j."""
        return symbols(f"ω{_up(j)}", *self.sizes[j - 1 : j + 1]), symbols(f"β{_up(j)}", self.sizes[j])

    def batch(self, name: str, j: int, width: int) -> Any:
        """Return a symbol for each neuron of a layer and each sample; one sample has no number."""
        sign = letter(name, j).unicode
        if self.M == 1:
            return symbols(sign, width)[np.newaxis]
        return np.stack([symbols(f"{sign}₍{s + 1}₎", width) for s in range(self.M)]).view(Symbols)

    # Lemmas

    def _layer(self, j: int) -> Iterator[Lemma]:
        """One neuron, and the Jacobians of a layer, for the first sample; then the chain rule for any `G`."""
        alpha, omega, beta, zeta = self.below(j)
        a, z, m, phi = alpha[0], zeta[0], self.sizes[j], self.phi(j)
        f, slope = phi(z), self.dphi(j)(z)
        yield self._ruled("forward", j, "zeta", (alpha, omega, beta), zeta)
        yield self._ruled("forward", j, "alpha", (zeta, phi), phi(zeta))
        for k in range(m):
            w, b = omega[:, k], beta[k : k + 1]
            yield Lemma("h", j, jacobians.neuron_zeta(a, w, b[0]), z[k])
            yield Lemma("h_by_a", j, jacobians.neuron_by_a(w, slope[k])[0], _by(f[k], a))
            yield Lemma("h_by_w", j, jacobians.neuron_by_w(a, slope[k])[0], _by(f[k], w))
            yield Lemma("h_by_b", j, jacobians.neuron_by_b(slope[k])[0], _by(f[k], b))
            yield Lemma("f_by_w", j, jacobians.layer_by_w(a, slope, k), [_by(y, w) for y in f])
            yield Lemma("f_by_b_k", j, jacobians.layer_by_b_k(slope, k), [_by(y, b) for y in f])
        by_a = jacobians.layer_by_a(omega, slope)
        yield Lemma("f_by_a", j, by_a, [_by(y, a) for y in f])
        yield Lemma("f_by_b", j, jacobians.layer_by_b(slope), [_by(y, beta) for y in f])

        outputs = f[np.newaxis]
        error, P = self.above(outputs, "P", j + 1)
        right_a, right_b = [self.known(_by(error, row), outputs, P) for row in (a, beta)]
        yield Lemma("product", j, P @ by_a, [right_a])
        for step in ("P", "effective_P"):
            yield Lemma(step, j, jacobians.effective_P(P, slope, omega), P @ by_a)
        for k in range(m):
            right = self.known(_by(error, omega[:, k]), outputs, P)
            yield Lemma("with_P", j, jacobians.error_by_w(P, a, slope, k), [right])
        by_b = jacobians.error_by_b(P, slope)
        yield Lemma("with_P", j, by_b, [right_b])
        found = jacobians.effective_grad_omega(P, a, slope)
        yield Lemma("effective_grad_omega", j, found, jacobians.grad_omega(P, a, slope))
        yield Lemma("effective_grad_beta", j, jacobians.effective_grad_beta(P, slope), by_b[0])

    def _rules(self, j: int) -> Iterator[Lemma]:
        """The rules, for the whole batch: each sample has its own `α` and `B`, and all share the parameters."""
        alpha, omega, beta, zeta = self.below(j)
        free, phi = self.batch("zeta", j, self.sizes[j]), self.phi(j)
        if j == self.L:
            rho = self.batch("rho", j, self.sizes[j])
            mean = sum(self.C(phi(free), rho)) / self.M
            args = (free, phi(free), rho, self.dphi(j), self.grad_C)
            yield self._ruled("B", j, "B_last", args, [_by(mean, row) for row in free])
        else:
            above, bias = self.parameters(j + 1)
            nets = phi(free) @ above + bias
            error, B_next = self.above(nets, "B", j + 1)
            right = [self.known(_by(error, row), nets, B_next) for row in free]
            yield self._ruled("B", j, "B_hidden", (free, above, B_next, self.dphi(j)), right)
        error, B = self.above(zeta, "B", j)
        by_alpha, by_omega = [[self.known(_by(error, row), zeta, B) for row in array] for array in (alpha, omega)]
        yield self._ruled("rule_P", j, "P", (omega, B), by_alpha)
        yield self._ruled("rule_grad_omega", j, "grad_omega", (alpha, B), by_omega)
        yield self._ruled("rule_grad_beta", j, "grad_beta", (B,), self.known(_by(error, beta), zeta, B))

    def _batch(self) -> Iterator[Lemma]:
        """One 1/M, in B of the last layer; and the sums over the samples in both gradients."""
        L, n = self.L, self.sizes[-1]
        free, rho = [self.batch(name, L, n) for name in ("zeta", "rho")]
        answer = self.phi(L)(free)
        slopes = self.dphi(L)(free) * self.grad_C(answer, rho)
        for step in ("batch", "backpropagation"):  # line 1
            yield self._ruled(step, L, "B_last", (free, answer, rho, self.dphi(L), self.grad_C), slopes / self.M)
        for j in range(1, L + 1):
            alpha, B = self.batch("alpha", j - 1, self.sizes[j - 1]), self.batch("B", j, self.sizes[j])
            outer = sum([a[:, np.newaxis] * b for a, b in zip(alpha, B, strict=True)])
            yield self._ruled("gradient_computation", j, "grad_omega", (alpha, B), outer)
            yield self._ruled("gradient_computation", j, "grad_beta", (B,), sum(B))

    def _algorithms(self) -> Iterator[Lemma]:
        """Line 4 of backpropagation, with P written out; and the slope of the error along the update."""
        for j in range(1, self.L):
            free, omega = self.batch("zeta", j, self.sizes[j]), self.parameters(j + 1)[0]
            B = self.batch("B", j + 1, self.sizes[j + 1])
            line_4 = self.dphi(j)(free) * (B @ omega.T)
            yield self._ruled("backpropagation", j, "B_hidden", (free, omega, B, self.dphi(j)), line_4)
        theta, gradient, eta = symbols("θ", 3), symbols("g", 3), sympy.Symbol("η", real=True)
        moved = theta - eta * gradient
        along = sympy.diff(unknown("E", 3)(*moved), eta)
        slopes = {slope_of("E", i + 1, 3)(*moved): gradient[i] for i in range(3)}
        yield Lemma("update", self.L, along.xreplace(slopes), -sum(gradient**2))

    def above(self, outputs: Any, name: str, j: int) -> tuple[Expr, Any]:
        """Return the error as an unknown function of these outputs, and symbols for its derivatives by them."""
        up = self.batch(name, j, outputs.shape[1])[: len(outputs)]
        return unknown("G", outputs.size)(*outputs.ravel()), up

    @staticmethod
    def known(found: list[Expr], outputs: Any, up: Any) -> list[Expr]:
        """Put the symbols from above in the place of the derivatives of the unknown function."""
        flat = outputs.ravel()
        table = {slope_of("G", i + 1, flat.size)(*flat): p for i, p in enumerate(np.ravel(up))}
        return [each.xreplace(table) for each in found]


def _read_only(arg: Any) -> Any:
    if isinstance(arg, np.ndarray):
        arg = arg.copy()
        arg.flags.writeable = False
    return arg


def _by(expression: Expr, row: Any) -> list[Expr]:
    return [sympy.diff(expression, each) for each in row]


def _entrywise(function: Callable[[Expr], Expr]) -> Callable[[Any], Any]:
    return lambda array: np.frompyfunc(function, 1, 1)(np.asarray(array)).view(Symbols)


def _up(j: int) -> str:
    return letter("", j).unicode
