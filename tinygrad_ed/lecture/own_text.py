"""The grammar of `my_derivation`: a step in the lecture's letters, or in lighter ones, computed on symbols.

A step is cut into tokens and read by precedence climbing; each letter is looked up in a table, and nothing is run as
Python. Length, depth and powers have limits, so no text can exhaust the program.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.errors import InvalidValue, ShapeError, nearest, printable
from tinygrad_ed.lecture.algebra import Symbols, slope_of, sympy, unknown
from tinygrad_ed.lecture.lemmas import Lecture
from tinygrad_ed.notation.formula import ABOVE

LONGEST, DEEPEST, HIGHEST = 400, 25, 9  # characters, brackets in brackets, exponents multiplied
LARGEST = 20_000  # letters and signs of an expression that is written out
BINARY = {"+": 1, "-": 1, "⊙": 2, "*": 3, "@": 3, "·": 3, "/": 3, "": 4}  # two factors side by side bind most
SIGNS = str.maketrans("−×∘⋅′’∂ϕφ", "-*⊙·''dΦΦ")
NAMES = {"alpha": "a A α", "zeta": "z Z ζ", "omega": "W Ω", "beta": "b β", "B": "delta δ", "P": ""}
LETTERS = {name: quantity for quantity, names in NAMES.items() for name in (quantity, *names.split())}
BY = {name: quantity for name, quantity in LETTERS.items() if quantity not in ("B", "P")} | {"f": "alpha"}
PHI = ("phi", "Φ", "sigma", "σ")
_INDEX = r"(?:(\d{1,4})|\[([^][]*)\]|\^\{([^}T]*)\}|\^([jL]|\d{1,4}))?"
_TOKEN = re.compile(rf"(\d{{1,12}}(?:\.\d{{1,12}})?)|((?:grad_)?[^\W\d_]+){_INDEX}|\*\*|\.T\b|\S")
_RAISED = re.compile(f"[{''.join(set(ABOVE.values()) - {'′'})}]+")
_PLAIN = {above: sign for sign, above in ABOVE.items()}


class NoLayer(InvalidValue):
    """A layer that the network does not have, or not for this j."""


class _Layers(dict[int, Any]):
    def __missing__(self, j: Any) -> Any:
        raise NoLayer(f"there is no layer {j} of this letter: the network has the layers 1 to L = {max(self)}")


class OwnNetwork:
    """What the letters are: ζ, Ω, the input and ρ are symbols, and a bias is ζ without the weighted sum.

    What holds for all ζ and Ω holds for all weights and biases, and nothing grows with the number of layers below.
    Inside, vectors are rows and Ω is `(n_in, n_out)`; `placed` gives them the reader's layout.
    """

    def __init__(self, sizes: tuple[int, ...], layout: str, activation: str | None, cost: str | None) -> None:
        self.lecture = Lecture(sizes, 1, None, cost, RULES)
        self.L, self.layout, self.activation = len(sizes) - 1, layout, activation
        zeta = {j: self.lecture.batch("zeta", j, sizes[j]) for j in range(1, self.L + 1)}
        omega = {j: self.lecture.parameters(j)[0] for j in zeta}
        alpha = {0: self.lecture.batch("alpha", 0, sizes[0])} | {j: self.phi(zeta[j]) for j in zeta}
        rho = self.lecture.batch("rho", self.L, sizes[-1])
        B, P = {}, {self.L + 1: self.lecture.grad_C(alpha[self.L], rho)}
        for j in reversed(zeta):
            B[j] = self.phi(zeta[j], 1) * P[j + 1]
            P[j] = RULES["P"](omega[j], B[j])
        beta = {j: zeta[j] - alpha[j - 1] @ omega[j] for j in zeta}
        books = {"alpha": alpha, "zeta": zeta, "omega": omega, "beta": beta, "B": B, "P": P}
        self.rows = {quantity: _Layers(book) for quantity, book in books.items()}
        self.letters: dict[str, Any] = {}
        for name, quantity in LETTERS.items():
            placed = {j: self.placed(array, quantity) for j, array in self.rows[quantity].items()}
            self.letters[name] = _Layers(placed)
        self.letters |= dict.fromkeys(("x", "X"), self.placed(alpha[0]))
        self.letters |= dict.fromkeys(("rho", "ρ", "r", "y", "Y"), self.placed(rho))
        self.functions: dict[str, Callable[..., Any]] = {name: row.phi for name, row in ACTIVATIONS.items()}
        self.functions |= {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "diag": lambda row: np.diag(np.ravel(row))}
        self.functions |= {**dict.fromkeys(PHI, self.phi), "dphi": lambda net: self.phi(net, 1), "grad_C": self.grad_C}

    def placed(self, array: Any, quantity: str = "") -> Any:
        """Return a letter as it stands in the reader's layout; P is a row in all of them."""
        turned = self.layout == "columns" if quantity == "omega" else self.layout != "rows" and quantity != "P"
        array = array.T if turned else array.view()
        array.flags.writeable = False
        return array

    def phi(self, net: Any, primes: int = 0) -> Any:
        """Return Φ or Φ' of each entry."""
        if self.activation:
            row = ACTIVATIONS[self.activation]
            return (row.dphi if primes else row.phi)(_symbols(net))
        return _symbols(np.frompyfunc(slope_of("Φ", 1, 1) if primes else unknown("Φ"), 1, 1)(_symbols(net)))

    def grad_C(self, answer: Any, rho: Any) -> Any:
        """Return the gradient of C at any answer and expected output."""
        answer, rho = [np.reshape(each, (1, -1)) for each in (answer, rho)]
        if {answer.size, rho.size} != {self.lecture.sizes[-1]}:
            raise ShapeError(f"C takes an answer and an expected output of {self.lecture.sizes[-1]} entries each")
        return self.placed(self.lecture.grad_C(answer, rho))

    def gradient(self, name: str, j: int) -> Any:
        """Return the gradient of the error by a letter, in its shape."""
        if name == "omega":
            return self.placed(self.rows["alpha"][j - 1].T @ self.rows["B"][j], name)
        return self.placed(self.rows["P"][j + 1] if name == "alpha" else self.rows["B"][j])

    def jacobian(self, name: str, i: int, by: str, k: int) -> Any:
        """Return the Jacobian of α^i or ζ^i by a vector of layer k, multiplied from the left as on the slides."""
        found, end = _symbols(sympy.eye(self.rows[name][i].size)), ("zeta", k) if by == "beta" else (by, k)
        while (name, i) != end:
            if i < k or (name, i) == ("alpha", 0):
                raise NoLayer(f"{name}[{i}] does not depend on {by}[{k}]")
            if name == "alpha":
                found, name = found * self.phi(self.rows["zeta"][i], 1), "zeta"
            else:
                found, name, i = found @ self.rows["omega"][i].T, "alpha", i - 1
        return found


class Reader:
    """Reads one step for layer j, and computes it."""

    def __init__(self, text: str, network: OwnNetwork, j: int) -> None:
        if len(text) > LONGEST:
            raise InvalidValue(f"a step of {len(text)} characters is too long; write it in at most {LONGEST}")
        text = _RAISED.sub(lambda run: "^{" + "".join([_PLAIN[sign] for sign in run[0]]) + "}", printable(text.strip()))
        text = re.sub(r"∇_\{a\^L\} *C", "grad_C", re.sub(r"∇_\{(\w+)(\^\w|\^\{[^}]*\})\} *E", r"grad_\1\2", text))
        self.text = text.translate(SIGNS)
        self.tokens, self.at, self.depth, self.power = list(_TOKEN.finditer(self.text)), 0, 0, 1
        self.network, self.places = network, {"j": j, "L": network.L}

    def value(self) -> Any:
        """Return what the step is: a matrix of expressions, or a number."""
        found = self.terms(0)
        if self.next:
            raise self.wrong(f"{self.next!r} cannot stand here")
        return found

    @property
    def next(self) -> str:
        """The token that is read next; nothing at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def token(self, ahead: int = 0) -> tuple[str, str, str]:
        """Return the number, the word and its index that come next; nothing for what is not there."""
        groups = self.tokens[self.at + ahead].groups("") if self.at + ahead < len(self.tokens) else [""] * 6
        return groups[0], groups[1], "".join(groups[2:])

    def wrong(self, words: str, kind: type[Exception] = InvalidValue) -> Exception:
        """Return an error that names the step and the place."""
        place = self.tokens[self.at].start() if self.next else len(self.text)
        return kind(f"step {self.text!r}, at place {place + 1}: {words}")

    def take(self, *signs: str) -> bool:
        """Go on if one of these comes next, and tell whether."""
        found = self.next in signs
        self.at += found
        return found

    def need(self, sign: str) -> None:
        """Go on if this comes next, else refuse."""
        if not self.take(sign):
            raise self.wrong(f"expected {sign!r}, found {self.next or 'the end'!r}")

    def terms(self, least: int) -> Any:
        """Read operators that bind more than `least`, from left to right."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} brackets or signs stand in each other; write it in several steps")
        found = -self.terms(2) if self.take("-") else self.factor()
        while self.next:
            sign = "" if any(self.token()) or self.next in ("(", "[") else self.next
            if BINARY.get(sign, 0) <= least:
                break
            self.at += bool(sign)
            found = self.joined(sign, found, self.terms(BINARY[sign]))
        self.depth -= 1
        return found

    def joined(self, sign: str, left: Any, right: Any) -> Any:
        """Return what an operator makes of two values; nothing is broadcast but numbers."""
        left, right = [each[0, 0] if np.shape(each) == (1, 1) else each for each in (left, right)]
        number = not np.ndim(left) or not np.ndim(right)
        sizes = " and ".join([" × ".join(map(str, np.shape(each))) for each in (left, right)])
        if sign in ("@", "·", "") and not number:
            if left.shape[1] != right.shape[0]:
                raise self.wrong(f"a product of matrices {sizes}: the inner lengths must be equal", ShapeError)
            return left @ right
        if not number and left.shape != right.shape:
            hint = "; a product of matrices is written @" if sign in ("*", "⊙") else ""
            raise self.wrong(f"{sign} goes entry by entry, but the shapes are {sizes}{hint}", ShapeError)
        if sign in ("+", "-"):
            return left + right if sign == "+" else left - right
        return left / right if sign == "/" else left * right

    def factor(self) -> Any:
        """Read a piece, and what stands behind it: powers, transposed."""
        found = self.piece()
        while self.next in (".T", "^", "**"):
            braced = not self.take(".T") and self.take("^", "**") and self.take("{")
            if self.tokens[self.at - 1][0] == ".T" or self.take("T"):
                found = np.transpose(found)
            else:
                self.power *= int(self.next) if re.fullmatch(r"\d{1,2}", self.next) else HIGHEST + 1
                if self.power > HIGHEST:
                    raise self.wrong(f"an exponent is T or a whole number; multiplied they are at most {HIGHEST}")
                found = found ** int(self.next)
                self.at += 1
            if braced:
                self.need("}")
        return found

    def piece(self) -> Any:
        """Read a number, a bracket, a letter of a layer, a function, or a derivative."""
        for opened, closed in (("(", ")"), ("[", "]")):
            if self.take(opened):
                found = self.terms(0)
                self.need(closed)
                return found
        (number, name, index), network = self.token(), self.network
        self.at += bool(number or name)
        if number:
            return sympy.Rational(number)
        if name in LETTERS:
            return network.letters[name][self.layer(name, index)]
        if name[:5] == "grad_" and name[5:] in BY:
            return network.gradient(BY[name[5:]], self.layer(name, index))
        if name[:1] == "d" and name[1:] in ("E", "C", *BY):
            return self.slope(name, index)
        if index and name in (*network.letters, *network.functions):
            raise self.wrong(f"{name} has no layers; a power is written {name}**2")
        if name in network.letters:
            return network.letters[name]
        if name in network.functions:
            name = "dphi" if name in PHI and self.take("'") else name
            return network.functions[name](*self.arguments(2 if name == "grad_C" else 1))
        self.at -= bool(name)
        known = [*network.letters, *network.functions, "grad_W", "dE"]
        raise self.wrong(f"{self.next or 'the end'!r} is no letter or number. {nearest(name, known)}")

    def slope(self, name: str, index: str) -> Any:
        """Read what stands behind dE or da[j]; da[j] alone is the gradient by a, as programs call it."""
        top = BY.get(name[1:])
        i = self.layer(name, index) if top else 0
        if top and not (self.next == "/" and self.token(1)[1][:1] == "d"):
            return self.network.gradient(top, i)
        self.need("/")
        _, below, index = self.token()
        if below[1:] not in BY or (top and BY[below[1:]] == "omega"):
            raise self.wrong(f"behind {name}/ stands a vector of a layer, such as dz[j]; dE/dW[j] is the only one by W")
        self.at += 1
        by, k = BY[below[1:]], self.layer(below, index)
        if top:
            return self.network.jacobian(top, i, by, k)
        found = self.network.gradient(by, k)
        return found if by == "omega" else np.reshape(found, (1, -1))

    def layer(self, name: str, index: str) -> int:
        """Return the layer that an index such as j, L or j-1 means."""
        found = re.fullmatch(r"\s*(j|L|\d{1,4})\s*(?:([+-])\s*(\d{1,4})\s*)?", index)
        if not found:
            raise self.wrong(f"{name} needs its layer, such as {name}[j], {name}[j+1] or {name}[L]")
        first, sign, more = found.groups()
        return (self.places[first] if first in self.places else int(first)) + int(f"{sign or ''}{more or 0}")

    def arguments(self, count: int) -> list[Any]:
        """Read what stands in the brackets of a function."""
        found = []
        for sign in "(,"[:count]:
            self.need(sign)
            found.append(_symbols(np.atleast_2d(self.terms(0))))
        self.need(")")
        return found


def checked(found: Any) -> Any:
    """Return a matrix or a number, if it is one, is not divided by zero, and is not too large to be compared."""
    memo: dict[Any, int] = {}

    def size(expression: Any) -> int:
        if expression not in memo:
            memo[expression] = 1 + sum([size(each) for each in expression.args])
        return memo[expression]

    for each in map(sympy.sympify, np.ravel(found)):
        if size(each) > LARGEST:
            raise InvalidValue(
                f"a step has more than {LARGEST:,} letters and signs when it is written out; take smaller sizes"
            )
        if each.has(sympy.zoo, sympy.nan, sympy.oo):
            raise InvalidValue("something in a step is divided by zero")
    return found[0, 0] if np.shape(found) == (1, 1) else found


def _symbols(values: Any) -> Any:
    return np.asarray(values, object).view(Symbols)
