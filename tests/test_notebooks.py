"""The notebooks of the examples: run from fresh kernels, equal to what is stored, with the numbers that NumPy gives."""

import json
import re
import runpy
import sys
from itertools import zip_longest
from pathlib import Path

import nbformat
import numpy as np
import pytest
from digits import plain, same
from nbclient.exceptions import CellExecutionError

import tinygrad_ed as tg

ROOT = Path(__file__).parents[1]
NOTEBOOKS = runpy.run_path(str(ROOT / "docs" / "make_notebooks.py"))
SOURCES = NOTEBOOKS["SOURCES"]


def stored(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def texts_of(output):
    """What is to be read in an output, by its kind; of pictures and of pages in frames, only that they are there."""
    shown = output.get("data", {output.output_type: output.get("text", "")})
    shown = {kind: "" if kind.startswith("image/") else content for kind, content in shown.items()}
    return {kind: re.sub(r'srcdoc="[^"]*"', "a page", content) for kind, content in shown.items()}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_run_from_a_fresh_kernel_gives_what_is_stored(source):
    made, kept = NOTEBOOKS["make"](source), stored(source)
    assert made.metadata == kept.metadata
    for new, old in zip_longest(made.cells, kept.cells, fillvalue={}):
        assert (new["id"], new["cell_type"], new["source"]) == (old["id"], old["cell_type"], old["source"])
        assert new.get("execution_count") == old.get("execution_count")
        for ours, theirs in zip_longest(new.get("outputs", []), old.get("outputs", []), fillvalue={}):
            found, expected = texts_of(ours), texts_of(theirs)
            assert found.keys() == expected.keys()
            differing = {kind: (found[kind], expected[kind]) for kind in found if not same(found[kind], expected[kind])}
            assert not differing, "run docs/make_notebooks.py again, and look at what has changed"


def rules_in_numpy(x, rho):
    """B of layer 1 and P of the input, of the 2-3-2 network of chapters 2 and 3: tanh, identity and the cost mse."""
    w1, b1, w2, b2 = [node.value for node in tg.nn.MLP([2, 3, 2], rng=0).parameters()]
    alpha = np.tanh(x @ w1 + b1)
    delta = (1 - alpha**2) * ((alpha @ w2 + b2 - rho) / len(x) @ w2.T)
    return delta, delta @ w1.T


def key_numbers():
    slope = 1 - np.tanh(2.0 * -3.0 + 5.5) ** 2
    _, received = rules_in_numpy(np.array([[0.5, -1.0]]), np.array([[1.0, 0.0]]))
    rng = np.random.default_rng(0)
    delta, _ = rules_in_numpy(rng.standard_normal((4, 2)), rng.standard_normal((4, 2)))
    return [
        (1, f"by the sweep {-3 * slope:.6f}"),
        (1, f"parts: 3 + 3 + 1, sum: {2 * 3.0 + 1}"),
        (2, f"= [{received[0, 0]:.3f} {received[0, 1]:.3f}]"),
        (3, f"{' '.join([f'{entry:.5g}' for entry in delta[1]])}]"),
        (3, "✗ first divergence: B[1] (road &#x27;rules&#x27; differs): probably Φ&#x27; taken at α instead of ζ"),
        (4, f"60 epochs, {60 * 150 // 15} updates, {60 * 150} gradient computations"),
        (4, "sgd 150 1"),
        (4, "minibatch 10 15"),
        (5, f"= {slope * 2:.2f} Backward: v₁ sends"),
        (5, "value is -3 in the first and 3 in the second"),
        (6, f"f''(2) = {2 * np.cos(2.0) - 2 * np.sin(2.0):+.6f}"),
        (6, "[[4. 6.] [6. 0.]]"),
        (6, f"{np.sin(1.4):.6f} {2 * np.cos(1.4):.6f}"),
        (6, "made at <notebook>:4"),
        (6, "6: (+1.0000, +1.0000), cost 0.000000"),
    ]


@pytest.mark.parametrize(("chapter", "words"), key_numbers())
def test_the_key_outputs_are_those_of_numpy(chapter, words):
    shown = " ".join(
        [plain(text) for output in outputs(stored(SOURCES[chapter - 1])) for text in texts_of(output).values()]
    )
    assert plain(words) in shown


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_notebook_is_small_and_says_nothing_of_the_machine_that_made_it(source):
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert len(text.encode()) < 400_000
    notebook = json.loads(text)
    assert notebook["metadata"] == {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    assert [cell["metadata"] for cell in notebook["cells"]] == [{}] * len(notebook["cells"])
    assert not re.search(r"/(home|Users|root|tmp|usr)/|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9.]+ s\b|0x[0-9a-f]{6}", text)
    assert str(ROOT) not in text
    nbformat.validate(notebook)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_cell_warns_or_fails_and_every_frame_has_a_still_picture_after_it(source):
    shown = outputs(stored(source))
    assert len(shown) >= 5
    assert [output for output in shown if output.output_type == "error" or output.get("name") == "stderr"] == []
    kinds = [output.get("data", {}) for output in shown]
    for this, following in zip(kinds, [*kinds[1:], {}], strict=True):
        if "<iframe" in this.get("text/html", ""):
            assert "image/png" in following
        if "image/svg+xml" in this:
            assert "image/png" in this


def test_every_chapter_has_its_number_and_its_notebook():
    assert [source.stem[0] for source in SOURCES] == ["1", "2", "3", "4", "5", "6"]
    titles = [stored(source).cells[0].source.splitlines()[0] for source in SOURCES]
    assert [title.partition(":")[0] for title in titles] == [f"# Chapter {i}" for i in range(1, 7)]
    assert sorted(SOURCES[0].parent.glob("*.ipynb")) == [source.with_suffix(".ipynb") for source in SOURCES]


def test_the_percent_format_becomes_cells():
    top = '"""A title.\n\nWords.\n"""\n\n'
    text = f"{top}# %%\nx = 1\n\n\n# %% [markdown]\n# ## Two\n#\n# lines\n\n# %%\nx  # %% not here\n"
    notebook = NOTEBOOKS["build"](text)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        ("markdown", "# A title\n\nWords."),
        ("code", "x = 1"),
        ("markdown", "## Two\n\nlines"),
        ("code", "x  # %% not here"),
    ]
    assert [cell.id for cell in notebook.cells] == ["cell-1", "cell-2", "cell-3", "cell-4"]


def test_a_run_takes_this_python_and_none_of_the_users_settings(tmp_path, monkeypatch):
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "first.py"
    kernel = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    for path in (startup, kernel):
        path.parent.mkdir(parents=True)
    startup.write_text("planted = True")
    kernel.write_text(json.dumps({"argv": ["/no/such/python"], "display_name": "", "language": "python"}))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    code = 'import os, sys, tinygrad_ed\nprint("planted" in dir(), sys.executable, tinygrad_ed.__file__, os.listdir())'
    notebook = NOTEBOOKS["build"](f"# %%\n{code}\n# %%\n1 / 0\n")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NOTEBOOKS["run"](notebook)
    here = ROOT / "tinygrad_ed" / "__init__.py"
    assert notebook.cells[1].outputs[0].text == f"False {sys.executable} {here} []\n"
