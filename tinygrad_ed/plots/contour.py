"""The cost as a landscape over two parameters, or two directions, and the path of a descent through it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidValue, ShapeError, printable, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import chosen, numbers, written_in
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.letters import named
from tinygrad_ed.notation.quantity import lettered
from tinygrad_ed.plots.style import INK, QUIET, SERIES, Axes, axes, dressed, marks


class Plane(NamedTuple):
    """The plane that is drawn: `origin + a · first + b · second`, with what stands on its axes."""

    origin: Array
    first: Array
    second: Array
    labels: tuple[str, str]


def cost_contour(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    directions: Sequence[Any] | None = None,
    path: Any = None,
    ax: "Axes | None" = None,
    *,
    reach: float = 2.0,
    resolution: int = 61,
    around: Sequence[Any] = (),
    notation: Notation = "lecture",
) -> "Axes":
    """Draw lines of equal cost E over two parameters or directions, and the path of a descent.

    The other parameters keep the values of the network; a path is projected onto the plane.

    Args:
        mlp: the network.
        x: the inputs `(M, n_0)`.
        rho: the expected outputs, as in `fit`.
        cost: the name of the cost.
        directions: two names of parameters such as ("W1[0,1]", "b2[0]"), or two vectors of P numbers. By default the
            parameters of a network that has two; else, through the end of a path, its two principal directions.
        path: parameters along a descent, `(K, P)`, each row W1, b1, W2, b2, ... one after another, as
            `compare_methods(..., path=True)` keeps them.
        ax: where to draw; a new figure by default.
        reach: without a path, how far to go to both sides.
        resolution: points of the grid along each side.
        around: the paths of all pictures of a page: these then share plane, axes and levels.
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.

    Returns:
        The axes.

    Raises:
        InvalidValue: for unknown names, parallel directions, or none where they are needed.
        ShapeError: for a path or directions of another length than P.
        MissingExtra: without matplotlib; and as `MLP.problem`.

    >>> mlp = MLP([1, 1], rng=0)
    >>> ax = cost_contour(mlp, [[-1.0], [0.0], [1.0]], [[-2.0], [0.0], [2.0]])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('ω¹₁,₁', 'β¹₁')
    """
    problem, resolution = mlp.problem(x, rho, cost), whole_number("resolution", resolution, 2)
    here = np.concatenate([np.ravel(parameter.value) for parameter in mlp.parameters()])
    write = written_in(notation, len(mlp.layers))
    paths = [numbers("path", one) for one in (*([] if path is None else [path]), *around)]
    for one in paths:
        if one.ndim != 2 or one.shape[1] != here.size or len(one) < 2:
            raise ShapeError(f"path must be (K, {here.size}), the parameters K times, but has shape {one.shape}")
    together = np.concatenate(paths[path is not None and len(around) > 0 :]) if paths else None
    plane = _plane(mlp, here, directions, together)
    basis = np.stack([plane.first, plane.second], axis=1)
    if together is None:
        middle, half = np.linalg.lstsq(basis, here - plane.origin, rcond=None)[0], np.array([reach, reach])
    else:  # around the path, and a bit more
        walked = np.linalg.lstsq(basis, (together - plane.origin).T, rcond=None)[0].T
        middle, half = (walked.max(axis=0) + walked.min(axis=0)) / 2, np.ptp(walked, axis=0) / 2
        half = np.maximum(1.35 * half, 0.35 * half.max())
    across, up = np.linspace(middle - half, middle + half, resolution).T
    landscape = np.array(
        [[_cost(mlp, problem, plane.origin + a * plane.first + b * plane.second) for a in across] for b in up]
    )

    ax = axes(ax, (5.6, 4.6))
    low, high = landscape.min(), np.quantile(landscape, 0.97)
    levels = low + max(high - low, 1e-12) * np.linspace(0.0, 1.0, 16) ** 2  # close together near the minimum
    ax.contourf(across, up, landscape, levels, cmap="cividis_r", alpha=0.55, extend="max")
    lines = ax.contour(across, up, landscape, levels, colors=QUIET, linewidths=0.7)
    ax.clabel(lines, levels[1::3], fontsize=7, fmt="%.3g", colors=INK)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    if path is not None:
        walked = np.linalg.lstsq(basis, (paths[0] - plane.origin).T, rcond=None)[0].T
        ax.plot(*walked.T, color=SERIES[1], linewidth=1.4, marker=".", markersize=4, label="path")
        ax.plot(*walked[0], label="start", **marks(SERIES[1], "o", 8, markeredgecolor="white"))
        ax.plot(*walked[-1], label="end", **marks(INK, "*", 12, markeredgecolor="white"))
    dressed(ax, "Lines of equal cost E", *plane.labels, legend=path is not None, write=write)
    ax.grid(False)
    return ax


def _plane(mlp: MLP, here: Array, directions: Sequence[Any] | None, path: Array | None) -> Plane:
    names = _names(mlp)
    if directions is None and here.size == 2:
        directions = list(names)
    if directions is None and path is not None:
        centered = path - path[-1]
        _, spread, right = np.linalg.svd(centered, full_matrices=False)
        if len(spread) < 2 or not spread[1] > 1e-10 * spread[0]:
            raise InvalidValue("the path is straight, so it spans no plane; name two parameters as directions")
        share = spread[:2] ** 2 / np.sum(spread**2)
        labels = [f"direction {k + 1} of the path ({share[k]:.0%})" for k in range(2)]
        return Plane(path[-1], right[0], right[1], (labels[0], labels[1]))
    if directions is None or len(directions) != 2:
        raise InvalidValue(
            f"this network has {here.size} parameters; say which two span the plane, such as "
            f"directions=({next(iter(names))!r}, {list(names)[-1]!r}), or give a path"
        )
    found, labels, origin = [], [], here.copy()
    for k, direction in enumerate(directions):
        if isinstance(direction, str):
            place = chosen("parameter", direction.replace(" ", ""), names)
            found.append(np.eye(1, here.size, place)[0])
            labels.append(printable(named(lettered(direction.replace(" ", ""))).unicode))
            origin[place] = 0.0  # so that the axis shows the parameter itself
        else:
            vector = numbers("a direction", direction)
            if vector.shape != here.shape:
                raise ShapeError(f"a direction must have shape {here.shape}, a number a parameter, not {vector.shape}")
            found.append(vector.astype(float))
            labels.append(f"step along direction {k + 1}")
    if np.linalg.matrix_rank(np.stack(found)) < 2:
        raise InvalidValue(
            "the two directions are parallel (or zero), so they span no plane; choose two different ones"
        )
    return Plane(origin, found[0], found[1], (labels[0], labels[1]))


def _names(mlp: MLP) -> dict[str, int]:
    """Return every single parameter by name, such as "W1[0,1]", with its place in the vector of all."""
    places = [(parameter.name, place) for parameter in mlp.parameters() for place in np.ndindex(parameter.shape)]
    return {f"{name}[{','.join(map(str, place))}]": k for k, (name, place) in enumerate(places)}


def _cost(mlp: MLP, problem: Problem, theta: Array) -> float:
    arena = Arena(mlp.sizes, float, problem.beta)
    arena.theta[:] = theta
    _, alpha = rules.forward(arena.omega, arena.beta, problem.activations, problem.x)
    return float(np.mean(COSTS[problem.cost].C(alpha[len(mlp.layers)], problem.rho)))
