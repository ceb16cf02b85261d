"""The live page: one offline file in which a network, its data, its gradient and its training answer to every touch.

The page computes with the programs of `live_programs.py`, so what it shows is what `ledger` says at the same weights.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.checking.judge import judged
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.draw import live_graph, live_programs
from tinygrad_ed.draw.network import network
from tinygrad_ed.draw.picture import Picture, asset
from tinygrad_ed.draw.player import player
from tinygrad_ed.draw.style import escape
from tinygrad_ed.errors import InvalidType, InvalidValue, whole_number
from tinygrad_ed.graph.node import Node
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.notation import colors
from tinygrad_ed.notation.alphabet import LETTERS

_SCRIPTS = ("text", "engine", "network", "data", "curve", "why", "main")
_SHORT = {"total": "s", "new Float64Array": "F", "const t": "let t", "for (let": "for(let", "let t_": "let t"}
_SHORT |= {"t_": "t", "Infinity": "1/0"}
_SPACED = re.compile(r" ?([-+*/=<>?:{},;&|%!()]+) ?")
Rules = Mapping[str, Callable[..., Any]]


def live(
    subject: "MLP | Node",
    x: Any = None,
    rho: Any = None,
    cost: str = "mse",
    test: Any = None,
    rules: Rules | None = None,
    learning_rate: float = 0.1,
    batch_size: int | None = None,
) -> Picture:
    """Make a page in which a network answers: drag a weight, a sample, η, and everything is computed anew.

    Args:
        subject: the network; or a Node, the result of any computation of at most 80 numbers, which comes alone.
        x: inputs, `(M, n_0)` or one sample `(n_0,)`.
        rho: expected outputs, `(M, n_L)` or `(n_L,)`; for `cross_entropy` also class numbers.
        cost: the name of the cost.
        test: a pair `(x, rho)` of other samples, of which the page tells the cost.
        rules: the reader's own version of rules by name, as for `crosscheck`; it stands first in the menu.
        learning_rate: η to begin with.
        batch_size: how many samples make a batch to begin with; None: all.

    Returns:
        a picture whose html is the page; it needs no network, and computes in float64.

    Raises:
        InvalidType: if `subject` is neither an MLP nor a Node, or data are missing.
        ShapeError: for a Node with more than one entry.
        InvalidValue: as `ledger` for the data; for a batch larger than the data; for a rule that JavaScript cannot say.

    >>> live(MLP([2, 3, 1], rng=0), [[0.0, 1.0], [1.0, 0.0]], [[1.0], [0.0]])
    <picture: A live 2-3-1 network; save it as html>
    >>> live(Node(2.0, name="a") * Node(-3.0, name="b"))
    <picture: A live computation; save it as html>
    """
    if isinstance(subject, Node):
        told = live_graph.script(subject)
        text = "\n".join([told, asset("live/text.js"), asset("live/graph.js")])
        drawing = player(subject)
        title = "A live computation"
        return Picture(title, {"html": lambda: _page(title, text, drawing, "graph")}, frame=900)
    if not isinstance(subject, MLP):
        raise InvalidType(f"live() takes an MLP with data, or a Node, not {subject!r}")
    if x is None or rho is None:
        raise InvalidType("live(mlp, x, rho, cost) needs inputs and expected outputs")
    problem = _as_floats(subject.problem(x, rho, cost))
    most = len(problem.x)
    size = most if batch_size is None else whole_number("batch_size", batch_size, 1, "a number of samples:")
    if size > most:
        raise InvalidValue(f"batch_size={size} is more than the {most} samples of x; take at most {most}")
    held_out = _as_floats(subject.problem(test[0], test[1], cost)) if test is not None else None
    title = f"A live {'-'.join(map(str, subject.sizes))} network"
    programs = live_programs.right(problem)
    shown = _facts(problem, subject, programs, held_out, problem.step_size(learning_rate), size)
    judged(rules)  # refuses what is no rule
    wrong = live_programs.wrong(problem, rules)
    rows = [(w["rule"], w["name"], _narrow(_table(w["programs"]))) for w in wrong]
    script = "\n".join(
        [
            f"const PAGE = {json.dumps(shown, separators=(',', ':'))};",
            f"const PROGRAMS = {_table(programs)};",
            f"const SLOPES = {_table(live_programs.slopes(problem))};",
            "const F = (n) => new Float64Array(n);",
            "const WRONG = [",
            *[
                f"{{rule: {json.dumps(rule)}, name: {json.dumps(name)}, programs: {made}}},"
                for rule, name, made in rows
            ],
            "];",
            *[asset(f"live/{name}.js") for name in _SCRIPTS],
        ]
    )
    still = network(subject, problem.x[0], problem.rho[0], cost)
    return Picture(title, {"html": lambda: _page(title, script, still)}, frame=900)


def _as_floats(problem: Problem) -> Problem:
    """Return the problem in float64, with class numbers as rows with a single one."""
    rho = problem.rho
    if rho.ndim == 1:
        rho = np.eye(problem.omega[len(problem.omega)].shape[1])[rho]
    omega, beta = [{j: x.astype(float) for j, x in part.items()} for part in (problem.omega, problem.beta)]
    return problem._replace(omega=omega, beta=beta, x=problem.x.astype(float), rho=rho.astype(float))


def _facts(
    problem: Problem, mlp: MLP, programs: Mapping[str, str], test: Problem | None, eta: float, size: int
) -> dict[str, Any]:
    """Return what the page knows besides the programs."""
    row = COSTS[problem.cost]
    given = {f"{kind}[{j}]": x for kind in ("omega", "beta") for j, x in getattr(problem, kind).items()}
    side = int(problem.x.shape[1] ** 0.5)
    return {
        "sizes": list(mlp.sizes),
        "activations": list(problem.activations.values()),
        "cost": problem.cost,
        "classes": row.classes,
        "threshold": 0.0 if row.classes else float((problem.rho.min() + problem.rho.max()) / 2),
        "quantities": list(programs),
        "letters": {name: letter.sign for name, letter in LETTERS.items()},
        "parameters": {name: x.ravel().tolist() for name, x in given.items()},
        "x": problem.x.ravel().tolist(),
        "rho": problem.rho.ravel().tolist(),
        "test": test and {"x": test.x.ravel().tolist(), "rho": test.rho.ravel().tolist()},
        "image": [side, side] if side > 4 and side * side == problem.x.shape[1] else None,
        "order": np.random.default_rng(0).permutation(len(problem.x)).tolist(),
        "eta": eta,
        "batch": size,
    }


def _table(programs: Mapping[str, str]) -> str:
    return "{" + ",\n".join([f"{json.dumps(name)}: {text}" for name, text in programs.items()]) + "}"


def _narrow(text: str) -> str:
    """Return programs without the spaces and names that only a reader needs: a page holds a hundred of them."""
    text = re.sub(r"function \w+\((\{[^}]*\})(, M)?[^{]*\{", r"(\1\2) => {", text)
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    text = re.sub(r'(?<!")\b(alpha|omega|zeta|beta|grad)_(\w+)', lambda name: f"{name[1][0]}{name[2]}", text)
    return _SPACED.sub(r"\1", text)


def _squeezed(text: str) -> str:
    """Return lines of JavaScript without the spaces that mean nothing; quoted text stays as it is."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("//")]
    return "\n".join([line if "`" in line or "(/" in line else _narrowed(line) for line in kept])


def _narrowed(line: str) -> str:
    parts = re.split(r'("[^"]*")', line)
    return "".join([part if i % 2 else _SPACED.sub(r"\1", part) for i, part in enumerate(parts)])


def _page(title: str, script: str, still: Picture, kind: str = "page") -> bytes:
    """Return the page; without script and on paper it is the drawing of the network."""
    svg = re.sub(
        r"<title>.*?</title>\n|</?tspan[^>]*>|</?g>\n|\.\d(?=[\" AL][^<>]*>)", "", still.render("svg").decode()
    )
    svg = re.sub("<text(?![^>]*text-anchor)", '<text text-anchor="start"', svg).replace(' text-anchor="middle"', "")
    svg = svg.replace(' fill="none" stroke="#8b95a1"', "")  # as the page's own wires
    svg = '<svg text-anchor="middle"' + svg[svg.index("<svg") + 4 :]
    body = asset(f"live/{kind}.html").replace("$TITLE", escape(title)).replace("$STILL", svg)
    kept = _squeezed(script.replace("</", "<\\/"))
    light, dark = ["".join([f"--{name}:{pair[i]};" for name, pair in colors.COLORS.items()]) for i in (0, 1)]
    themes = f":root{{{light}}}:root[data-theme=dark]{{{dark}}}"
    style = re.sub(r"\s*([{};,])\s*|(?<=:)\s+", r"\1", asset("live/page.css"))
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{themes}{style}</style>\n</head>\n"
        f'<body>\n{body}\n<script>"use strict";\n{kept}</script>\n</body>\n</html>\n'
    ).encode()
