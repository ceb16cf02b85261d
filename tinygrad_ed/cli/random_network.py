"""The commands on a random network and batch: check, draw, play."""

import argparse
from typing import Any

from tinygrad_ed.checking.roads import ROADS
from tinygrad_ed.cli import judge
from tinygrad_ed.cli.parser import Add, Parser, seed, sizes, whole
from tinygrad_ed.nn import MLP, activations, costs


def add_check(add: Add) -> None:
    """Add the command `check`."""
    check = add("check", _check, "Cross-check the roads on a random network and batch, or judge a FILE of your own.")
    judge.add_options(check)
    _network_options(check)
    check.add_argument("--batch", type=whole, default=4, help="number of samples (default: %(default)s)")
    check.add_argument("--roads", default=",".join(ROADS), help="default: %(default)s")
    check.add_argument("--brief", action="store_true", help="only the last line of the table")


def add_draw(add: Add) -> None:
    """Add the command `draw`."""
    draw = add("draw", _draw, "Draw a random network on one sample.")
    _network_options(draw)
    draw.add_argument("--view", choices=("graph", "network", "compare"), default="graph")
    draw.add_argument("--detail", choices=("auto", "layer", "tensor", "scalar"), default="tensor", help="of the graph")
    draw.add_argument("--out", required=True, help="file: .svg, .png, .pdf, .dot or .html, as the view allows")


def add_play(add: Add) -> None:
    """Add the command `play`."""
    play = add("play", _play, "Write the step-by-step player of a random network: one HTML file.")
    _network_options(play)
    play.add_argument("--out", default="player.html", help="file (default: %(default)s)")


def _network_options(parser: Parser) -> None:
    parser.add_argument("--sizes", type=sizes, default=[2, 3, 2], help="widths n_0-n_1-...-n_L (default: 2-3-2)")
    parser.add_argument("--activation", default="tanh", help=", ".join(activations.NAMES))
    parser.add_argument("--output", default="identity", help="activation of the last layer")
    parser.add_argument("--cost", default="mse", help=", ".join(costs.NAMES))
    parser.add_argument("--seed", type=seed, default=0)


def _random_problem(options: argparse.Namespace, samples: int) -> tuple[MLP, Any, Any]:
    """Return a network, biases included, and data from the seed; expected outputs that suit the cost."""
    import numpy as np

    from tinygrad_ed.closed_form.derivatives import COSTS
    from tinygrad_ed.errors import generator, storable

    costs.find(options.cost)
    row = COSTS[options.cost]
    mlp = MLP(options.sizes, options.activation, options.output, rng=options.seed)
    storable("the batch", samples, max(mlp.sizes))
    rng = generator(options.seed)
    for layer in mlp.layers:  # at zero a bias would be left out of the check, and of the picture
        layer.bias.value = rng.uniform(-1.0, 1.0, layer.n_out)
    x = rng.standard_normal((samples, mlp.sizes[0])).round(2)
    shape = (samples, mlp.sizes[-1])
    if row.expects == "shares":
        return mlp, x, np.eye(shape[1])[rng.integers(0, shape[1], samples)]
    if row.classes:
        return mlp, x, rng.choice([0.0 if row.expects == "bits" else -1.0, 1.0], shape)
    return mlp, x, rng.standard_normal(shape).round(2)


def _check(options: argparse.Namespace) -> int:
    from tinygrad_ed.checking.crosscheck import crosscheck
    from tinygrad_ed.errors import InvalidValue

    mlp, x, rho = _random_problem(options, options.batch)
    if options.file is not None:
        return judge.check_file(options, mlp, x, rho)
    if options.json:
        raise InvalidValue("--json is for a FILE of your own; the cross-check of the roads is a table")
    result = crosscheck(mlp, x, rho, options.cost, [road.strip() for road in options.roads.split(",")])
    print(str(result).splitlines()[-1] if options.brief else result)
    return 0 if result.agree else 1


def _draw(options: argparse.Namespace) -> int:
    from tinygrad_ed import draw

    mlp, x, rho = _random_problem(options, 1)
    if options.view == "graph":
        error = costs.find(options.cost)(mlp(x[0]), rho[0])
        error.backward()
        picture: Any = draw.graph(error, detail=options.detail)
    elif options.view == "network":
        picture = draw.network(mlp, x[0], rho[0], options.cost)
    else:
        picture = draw.compare(mlp, x[0], rho[0], options.cost)
    print(f"wrote {picture.save(options.out)}")
    return 0


def _play(options: argparse.Namespace) -> int:
    from tinygrad_ed import draw

    mlp, x, rho = _random_problem(options, 1)
    print(f"wrote {draw.player(mlp, x[0], rho[0], options.cost).save(options.out)}; open it in a browser")
    return 0
