"""The rows of `op_table.py` for reductions."""

from typing import Any

from op_row import Rows

ROWS = Rows()
add = ROWS.add

AXES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}),
    ((), {"keepdims": True}),
    ((4,), {}),
    ((4,), {"axis": 0}),
    ((2, 3), {"axis": 0}),
    ((2, 3), {"axis": -1, "keepdims": True}),
    ((2, 3), {"axis": None, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 3, 2), {"axis": (-1, 0), "keepdims": True}),
    ((2, 3), {"axis": ()}),
    ((1, 1), {}),
    ((1, 3), {"axis": 0}),
]
EMPTY: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((0,), {}),
    ((0, 3), {"axis": 0}),
    ((2, 0), {"axis": 1, "keepdims": True}),
]
NO_RESULT: list[tuple[tuple[int, ...], dict[str, Any]]] = [((0, 3), {"axis": 1}), ((2, 0), {"axis": 0})]


def reduction(name: str, cases: list[tuple[tuple[int, ...], dict[str, Any]]], **more: Any) -> None:
    """Add a row for each shape and set of options."""
    for shape, options in cases:
        text = ", ".join(f"{key}={value}" for key, value in options.items())
        call = lambda np, x, options=options: getattr(np, name)(x, **options)  # noqa: E731 # bound in a loop
        twin = more.get("twin_of")
        twin = twin and (lambda np, x, options=options, twin=twin: twin(np, x, **options))
        add(
            name,
            call,
            shape,
            note=f"({text})",
            twin=twin,
            oracle=more.get("oracle", True) and options.get("axis") != (),
        )


reduction("sum", AXES + EMPTY + NO_RESULT)
reduction("mean", AXES + NO_RESULT)
reduction("max", AXES + NO_RESULT)
reduction("min", AXES + NO_RESULT)
reduction("prod", AXES + EMPTY + NO_RESULT, oracle=False)  # autograd divides by the entries and takes no tuples
reduction("var", [*AXES, ((4,), {"ddof": 1}), ((3, 2), {"axis": 0, "ddof": 1})])
reduction("std", [*(case for case in AXES if case[0] == (4,)), *AXES[4:9], ((3, 2), {"axis": 0, "ddof": 1})])
reduction(
    "logsumexp",
    [case for case in AXES if case[1].get("axis") != ()],
    twin_of=lambda np, x, **options: np.log(np.sum(np.exp(x), **options)),
)
add("sum", lambda np, x: np.sum(x, 0, keepdims=True) * x, (2, 3), note="(x, 0)")
add("amax", lambda np, x: np.amax(x, axis=1), (2, 3), oracle=False)
add("amin", lambda np, x: np.amin(x), (2, 3), (), oracle=False)
add("max", lambda np, x: np.max(x, -1), (2, 3), note="(x, -1)")
add("cumsum", lambda np, x: np.cumsum(x) * np.cumsum(x), (4,), (2, 3), (0,), (1,))
add("cumsum", lambda np, x: np.cumsum(x, axis=0), (4,), (2, 3), note="(axis=0)")
add("cumsum", lambda np, x: np.cumsum(x, -1), (4,), (2, 3), (0, 2), note="(axis=-1)")
add("cumsum", lambda np, x: np.cumsum(x), (), oracle=False, note="(scalar)")
