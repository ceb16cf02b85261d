"""Every keyword of every NumPy function has the derivative of differences, on its own and in a compiled program."""

import itertools
import warnings

import numpy as np
import pytest
from keyword_calls import (
    NAMES,
    arrays,
    combinations,
    each,
    floats,
    outcome_of,
    range_of,
    with_arrays,
)
from keyword_rows import CALLS

import tinygrad_ed as tg

# --- derivatives -----------------------------------------------------------------------------------------------------

SMOOTH = [name for name in NAMES if not name.startswith(("linalg.", "astype"))]


@pytest.mark.parametrize("name", SMOOTH)
def test_every_keyword_has_the_derivative_of_differences(name):
    calls, options = CALLS[name]
    rng = np.random.default_rng(3)
    for args, keywords in itertools.product(calls, combinations(options, (0, 1))):
        xs = arrays([*args, *keywords.values()])
        if "dtype" in keywords or (name == "polyfit" and keywords.get("rcond") == 0.3):  # which leaves directions out
            continue

        def run(values, args=args, keywords=keywords):
            new = iter(values)
            return floats(with_arrays(name, args, keywords, lambda x: next(new)))

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                parts = run(xs)
                run([tg.Node(x) for x in xs])
            except Exception:  # noqa: BLE001, S112  # compared above
                continue
            if not xs or not parts:
                continue
            weights = [np.where(np.abs(part) < 1e9, rng.uniform(0.5, 1.5, np.shape(part)), 0.0) for part in parts]

            def total(*values, run=run, weights=weights):
                finite = [np.where(w != 0, part, 0.0) * w for part, w in zip(run(values), weights, strict=True)]
                return sum([np.sum(part) for part in finite])

            vs = [np.where(np.isfinite(x), rng.standard_normal(x.shape), 0.0) for x in xs]
            slope = sum(np.sum(g * v) for g, v in zip(tg.grad(total, range_of(xs))(*xs), vs, strict=True))
            ends = [total(*[moved(x, h * v) for x, v in zip(xs, vs, strict=True)]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(
            slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6, err_msg=f"{args} {keywords}"
        )


def moved(x, step):
    """The array moved a step, as it lies in memory."""
    there = x.copy("K")
    there += step
    return there


# --- in a program ----------------------------------------------------------------------------------------------------

NOT_IN_A_PROGRAM = {"nanmedian", "nanquantile", "nanpercentile", "piecewise", "polymul", "polydiv"}


@each
def test_every_function_can_be_in_a_program_or_is_named(name):
    calls, options = CALLS[name]
    refused = set()
    for args, keywords in itertools.product(calls, combinations(options, (0, 1))):
        xs = arrays([*args, *keywords.values()])
        if not xs or "out" in keywords:
            continue

        def total(*values, args=args, keywords=keywords):
            new = iter(values)
            parts = floats(with_arrays(name, args, keywords, lambda x: next(new)))
            return sum([np.sum(part) for part in parts if isinstance(part, tg.Node)], 0.0)

        slope = tg.grad(total, range_of(xs))
        expected, _ = outcome_of(lambda: slope(*xs))  # noqa: B023
        found, _ = outcome_of(lambda: tg.compile(slope)(*xs))  # noqa: B023
        if isinstance(expected, Exception) or "order" in keywords:
            continue
        if isinstance(found, tg.GraphDropped):
            assert str(found).startswith(f"np.{name} of these arguments cannot be part of a program")
            refused.add(name)
        else:
            assert all([np.allclose(*pair, equal_nan=True) for pair in zip(found, expected, strict=True)]), keywords
    assert refused == {name} & NOT_IN_A_PROGRAM
