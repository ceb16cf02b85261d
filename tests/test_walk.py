"""The walk of docs/walk.md is true: the functions that it names are those that run, in that order."""

import re
import sys
from pathlib import Path

import pytest

import tinygrad_ed as tg

HOME = str(Path(tg.__file__).parent) + "/"
PAGE = (Path(__file__).parents[1] / "docs" / "walk.md").read_text(encoding="utf-8")


def entered(call):
    """Return what a call gives, and the functions of the package that it enters, in the order of first entry."""
    found = {}

    def tracer(frame, event, argument):
        code = frame.f_code
        if code.co_filename.startswith(HOME) and not re.search(r"<(\w+comp|genexpr)>", code.co_qualname):
            name = code.co_qualname.replace("<locals>.", "")
            found.setdefault((code.co_filename.removeprefix(HOME), name))

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        result = call()
    finally:
        sys.settrace(before)
    return result, list(found)


def listed(found):
    """The functions as the page lists them: one line a file."""
    rows = []
    for file, name in found:
        if rows and rows[-1][0] == file:
            rows[-1][1].append(name)
        else:
            rows.append((file, [name]))
    return "\n".join(f"{file}: {', '.join(names)}" for file, names in rows)


def on_the_page():
    """The lists of functions on the page, with lines that go on put together."""
    return [re.sub(r"\n +", " ", block).strip() for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)]


@pytest.fixture(scope="module")
def steps():
    """Each step of the walk, on the readable road."""
    from tinygrad_ed import draw  # its import is no step of the walk

    with tg.readable():
        x, leaf = entered(lambda: tg.Node(0.6, name="x"))
        y, product = entered(lambda: x * x)
        z, tanh = entered(lambda: y.tanh())
        _, backward = entered(lambda: z.backward())
        _, grad = entered(lambda: x.grad)
        draw.graph(tg.Node(0.6, name="x").tanh())  # what is kept of a first picture is not looked up again
        _, trace = entered(lambda: draw.trace(z))
        _, picture = entered(lambda: draw.graph(z))
    return {
        "leaf": leaf, "product": product, "tanh": tanh, "backward": backward, "grad": grad,
        "trace": trace, "picture": [step for step in picture if step not in trace],
    }  # fmt: skip


def test_the_page_names_the_functions_that_run_in_their_order(steps):
    for (name, found), said in zip(steps.items(), on_the_page(), strict=True):
        assert said == listed(found), f"step {name}"


def test_a_sweep_enters_five_functions_in_two_files_beside_attributes_and_rules(steps):
    attributes = {"Node.args", "Node.params"}
    own = [(file, name) for file, name in steps["backward"] if file.startswith("graph/") and name not in attributes]
    rules = {"times_second", "times_first"}
    assert [name for _, name in own if name not in rules] == ["backward", "walk", "start", "sweep", "contribution"]
    assert {file for file, _ in own} == {"graph/backward.py", "graph/rule.py"}


def test_without_readable_the_short_ways_run():
    x = tg.Node(0.6)
    _, found = entered(lambda: (x * x).tanh().backward())
    assert {file for file, _ in found} <= {"graph/quick.py", "graph/backward.py", "graph/node.py", "ops/elementwise.py"}
    assert ("graph/quick.py", "sweep_in_place") in found
