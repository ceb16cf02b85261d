"""The house: the floors and walls of the imports, and files that can be read in one sitting."""

import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from importlinter.cli import lint_imports

import tinygrad_ed as tg
from tinygrad_ed import errors

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted([*(ROOT / "tinygrad_ed").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def floors():
    """The plan in pyproject.toml, from the top down: for each floor its rooms with what they are for."""
    contracts = PROJECT.split("[[tool.importlinter.contracts]]")[1]
    rows = re.findall(r'^    "([\w| ]+)",  # (.+)$', contracts, re.MULTILINE)
    return [list(zip(rooms.split(" | "), words.split("; "), strict=True)) for rooms, words in rows]


def test_there_are_at_most_ten_floors_and_every_room_has_its_place():
    rooms = [room for floor in floors() for room, _ in floor]
    assert len(floors()) <= 10
    there = {path.stem for path in (ROOT / "tinygrad_ed").iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert sorted(rooms) == sorted(there - {"py"})
    assert len(tomllib.loads(PROJECT)["tool"]["importlinter"]["contracts"][0]["layers"]) == len(floors())


def test_contributing_prints_the_plan():
    wide = max(len(room) for floor in floors() for room, _ in floor)
    numbered = zip(range(len(floors()), 0, -1), floors(), strict=True)
    plan = "\n".join(f"{f:>2}  {room:<{wide}}  {words}" for f, floor in numbered for room, words in floor)
    assert f"```text\n{plan}\n```" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_readme_lists_the_rooms_of_the_plan():
    table = re.findall(r"^\| `tinygrad_ed/(\w+)(?:/|\.py)` \| (.+) \|$", README, re.MULTILINE)
    assert table == [row for floor in floors() for row in floor if row[0] != "__main__"]


def test_what_is_private_is_not_to_be_had_from_the_front_page():
    for name in ("backward", "recording", "operation", "walk", "quick", "contribution", "run", "batch", "node"):
        assert not hasattr(tg, name), name


def test_the_import_contracts_hold(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_importing_the_package_needs_numpy_and_graphviz_only():
    """The extras are imported inside the functions that need them."""
    code = (
        "import sys, tinygrad_ed; "
        "print([m for m in ('pygraphviz', 'matplotlib', 'tqdm', 'sklearn', 'autograd') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"


def test_importing_the_package_leaves_rooms_that_are_not_used_closed():
    """What records, draws, trains or serves the command line is imported when somebody asks for it."""
    code = (
        "import sys, tinygrad_ed; rooms = {m.split('.')[1] for m in sys.modules if m.startswith('tinygrad_ed.')}; "
        "print(rooms & {'tape', 'nn', 'train', 'checking', 'lecture', 'draw', 'plots', 'sklearn', 'cli'})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "set()"


def test_every_error_is_one_line_derives_from_error_and_a_builtin_and_survives_pickling():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Error)]
    assert len(kinds) >= 12
    for kind in kinds:
        error = kind(f"not {np.eye(2)!r}")
        assert str(error) == "not array([[1., 0.], [0., 1.]])"
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # our own
        assert kind is errors.Error or any(base.__module__ == "builtins" for base in kind.__bases__)
