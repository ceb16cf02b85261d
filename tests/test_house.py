"""The house: the floors and walls of the imports, and files that can be read in one sitting."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from importlinter.cli import lint_imports

from tinygrad_ed import errors

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "tinygrad_ed").rglob("*.py"))


def test_the_import_contracts_hold(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 420


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
        "print(rooms & {'tape', 'nn', 'train', 'draw', 'plots', 'experiments', 'sklearn', 'cli', 'closed_form'})"
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
