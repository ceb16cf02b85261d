"""The commands on a random network and batch, or on the reader's own: check, draw, play, live."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.checking.roads import ROADS
from tinygrad_ed.cli import judge, own_weights
from tinygrad_ed.cli.parser import Add, Parser, seed, sizes, whole
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidValue, generator, printable, storable
from tinygrad_ed.nn import MLP, activations, costs
from tinygrad_ed.nn.batch import batch_of
from tinygrad_ed.notation.alphabet import NOTATIONS


def add_check(add: Add) -> None:
    """Add the command `check`."""
    text = "Cross-check the roads on a network and a batch, random or your own; or judge a FILE of your own rules."
    check = add("check", _check, text, f"{own_weights.FILES}\n\n{judge.EPILOG}")
    judge.add_options(check)
    _network_options(check)
    check.add_argument("--batch", type=whole, default=4, help="number of random samples (default: %(default)s)")
    check.add_argument("--ledger", action="store_true", help="print every number of the rules, too")
    check.add_argument("--roads", default=",".join(ROADS), help="default: %(default)s")
    check.add_argument("--brief", action="store_true", help="only the last line of the table")


def add_draw(add: Add) -> None:
    """Add the command `draw`."""
    draw = add("draw", _draw, "Draw a network, random or your own.", own_weights.FILES)
    _network_options(draw)
    draw.add_argument("--view", choices=("graph", "network", "compare"), default="graph")
    draw.add_argument("--detail", choices=("auto", "layer", "tensor", "scalar"), default="tensor", help="of the graph")
    draw.add_argument("--out", required=True, help="file: .svg, .png, .pdf, .dot or .html, as the view allows")


def add_play(add: Add) -> None:
    """Add the command `play`."""
    text = "Write the step-by-step player of a network, random or your own: one HTML file."
    play = add("play", _play, text, own_weights.FILES)
    _network_options(play)
    play.add_argument("--out", default="player.html", help="file (default: %(default)s)")


def add_live(add: Add) -> None:
    """Add the command `live`."""
    text = "Write the live page of a network, random or your own: drag a weight, and everything answers."
    live = add("live", _live, text, own_weights.FILES)
    _network_options(live)
    live.add_argument("--batch", type=whole, default=20, help="number of random samples (default: %(default)s)")
    live.add_argument("--out", default="live.html", help="file (default: %(default)s)")


def _network_options(parser: Parser) -> None:
    option = parser.add_argument
    option("--weights", metavar="FILE", help="your own: .json, .npz or .safetensors, see below")
    option("--layout", choices=("rows", "columns"), help="of your weights: (n_in, n_out), or (n_out, n_in)")
    option("--x", type=own_weights.rows, help="your own sample, as --x=0.5,-1; several: --x='0.5,-1;2,3'")
    option("--rho", type=own_weights.rows, help="what is expected, as --rho=1,0; classes: --rho=2")
    option("--sizes", type=sizes, help="of a random network: widths n_0-n_1-...-n_L (default: 2-3-2)")
    option("--activation", help=f"default: tanh, or as the file says; {', '.join(activations.NAMES)}")
    option("--output", help="activation of the last layer; default: identity, or as the file says")
    option("--cost", default="mse", help=", ".join(costs.NAMES))
    option("--notation", choices=tuple(NOTATIONS), default="lecture", help="whose letters")
    option("--seed", type=seed, default=0)


def _problem(options: argparse.Namespace, samples: int | None = None) -> tuple[MLP, Any, Any]:
    """Return a network and a batch: the reader's own as far as they are given, else random.

    Where no number of samples is asked for, one sample has no batch axis.
    """
    costs.find(options.cost)
    rng, x, rho = generator(options.seed), None, None
    if options.weights is None:
        if options.layout:
            raise InvalidValue("--layout tells how --weights FILE is laid out, but there is no file")
        mlp = MLP(options.sizes or [2, 3, 2], rng=options.seed)
        for layer in mlp.layers:  # at zero a bias would be left out of the check, and of the picture
            layer.bias = rng.uniform(-1.0, 1.0, layer.n_out)
    elif options.sizes:
        raise InvalidValue("--sizes is for a random network; with --weights the file has the sizes")
    else:
        mlp, x, rho = own_weights.read(Path(options.weights), options.layout)
    for layer in mlp.layers[:-1]:
        layer.activation = options.activation or layer.activation
    activations.find(options.activation or "tanh")  # also where there is no hidden layer
    mlp.layers[-1].activation = options.output or mlp.layers[-1].activation
    x = x if options.x is None else options.x
    if options.rho is not None:
        classes = COSTS[options.cost].expects == "shares" and {len(row) for row in options.rho} == {1}
        rho = [row[0] for row in options.rho] if classes else options.rho
    if (x is None) != (rho is None):
        raise InvalidValue("x and rho belong together: give both, such as --x=0.5,-1 --rho=1, or none for random ones")
    if x is None:
        x, rho = _random_batch(mlp, options.cost, samples or 1, rng)
    x, rho = batch_of(mlp, x, rho, options.cost)
    return (mlp, x[0], rho[0]) if samples is None and len(x) == 1 else (mlp, x, rho)


def _random_batch(mlp: MLP, cost: str, samples: int, rng: Any) -> tuple[Any, Any]:
    """Return random inputs, and expected outputs that suit the cost."""
    storable("the batch", samples, max(mlp.sizes))
    row, shape = COSTS[cost], (samples, mlp.sizes[-1])
    x = rng.standard_normal((samples, mlp.sizes[0])).round(2)
    if row.expects == "shares":
        return x, np.eye(shape[1])[rng.integers(0, shape[1], samples)]
    if row.classes:
        return x, rng.choice([0.0 if row.expects == "bits" else -1.0, 1.0], shape)
    return x, rng.standard_normal(shape).round(2)


def _check(options: argparse.Namespace) -> int:
    from tinygrad_ed.checking.crosscheck import crosscheck, ledger

    mlp, x, rho = _problem(options, options.batch)
    if options.file is not None:
        return judge.check_file(options, mlp, x, rho)
    if options.json:
        raise InvalidValue("--json is for a FILE of your own; the cross-check of the roads is a table")
    result = crosscheck(mlp, x, rho, options.cost, options.roads.replace(" ", "").split(","), notation=options.notation)
    print(str(result).splitlines()[-1] if options.brief else result)
    if options.ledger:
        print(f"\n{ledger(mlp, x, rho, options.cost).in_letters(result.write)}")
    return 0 if result.agree else 1


def _draw(options: argparse.Namespace) -> int:
    from tinygrad_ed import draw

    mlp, x, rho = _problem(options)
    if options.view == "graph":
        error = costs.find(options.cost)(mlp(x), rho)
        error.backward()
        letters = None if options.notation == "lecture" else options.notation  # else the names in code
        picture: Any = draw.graph(error, detail=options.detail, notation=letters)
    else:
        view: Any = getattr(draw, options.view)
        picture = view(mlp, x, rho, options.cost, notation=options.notation)
    print(printable(f"wrote {picture.save(options.out)}"))
    return 0


def _play(options: argparse.Namespace) -> int:
    from tinygrad_ed import draw

    picture = draw.player(*_problem(options), options.cost, notation=options.notation)
    print(printable(f"wrote {picture.save(options.out)}; open it in a browser"))
    return 0


def _live(options: argparse.Namespace) -> int:
    from tinygrad_ed import draw

    picture = draw.live(*_problem(options, options.batch), options.cost)
    print(printable(f"wrote {picture.save(options.out)}; open it in a browser"))
    return 0
