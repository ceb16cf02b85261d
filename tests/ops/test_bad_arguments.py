"""Arguments and keywords that do not fit: what NumPy refuses is refused with its type of error."""

import inspect

import numpy as np
from keyword_calls import (
    FUNCTIONS,
    arrays,
    each,
    outcome,
)
from keyword_rows import CALLS

import tinygrad_ed as tg

RAGGED = [[1, 2], [3]]
BAD = [
    *("x", 1.5, -1, 99, np.nan, np.inf, [], [0], (0, 0), [1.5, 2.5], {}, RAGGED, slice(0, 1)),
    *(np.zeros((2, 2, 2)), np.ones((2, 2)), np.arange(3.0), np.array([1, 2]), np.array(-1), np.array(1.5), np.int64(2)),
    *(np.ones((1, 1)), np.ones(1), np.ones((2, 3)), np.ones((3, 2)), np.ones((1, 2, 3, 4))),
]
OURS = (tg.NoDerivativeRule, tg.InvalidType, tg.GraphDropped)  # for a keyword, for text, for a Node among these
# What has an answer here, where NumPy fails on the way; and what takes a Node for its dtype.
ANSWERED = {"astype", "full_like", "apply_over_axes", "pad", "linalg.cond", "linalg.tensorinv", "polyder"}


def with_bad_arguments(name):
    """Calls with one argument or keyword that may not fit; and with one argument less."""
    calls, options = CALLS[name]
    for args in calls:
        for i in range(len(args)):
            yield from [((*args[:i], bad, *args[i + 1 :]), {}) for bad in BAD if not callable(args[i])]
        yield args[:-1], {}
        try:
            known = [*inspect.signature(FUNCTIONS[name]).parameters][: len(args)]
        except ValueError:  # an older NumPy
            known = []
        for key in set(options) - {"out", "subok", "casting", "device", "copy", "overwrite_input", *known}:
            yield from [(args, {key: bad}) for bad in BAD]


@each
def test_what_numpy_refuses_is_refused_with_its_type_of_error(name):
    wrong = []
    for args, keywords in with_bad_arguments(name):
        if name in ANSWERED or not arrays([*args, *keywords.values()]):
            continue
        with np.errstate(all="ignore"):
            expected, found = [outcome(name, args, keywords, change)[0] for change in (np.copy, tg.Node)]
        if isinstance(expected, Exception) and not isinstance(found, (type(expected), *OURS)):
            wrong.append(f"{args} {keywords}: {found!r} stands for {expected!r}")
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"
