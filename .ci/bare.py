"""Without any extra all that needs none works, and the rest says in one line which extra it needs.

Run by `.ci/run` with the Python of an environment that holds the bare package: the README's tour and commands, every
command's `--help`, and what needs an extra, in the library and on the command line.
"""

import doctest
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tinygrad_ed as tg

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = (
    "pygraphviz", "matplotlib", "tqdm", "safetensors", "distributed", "sklearn", "pandas", "scipy", "sympy", "pytest",
)  # fmt: skip
TRAIN = "train examples/flowers.csv --target species"
README = re.findall(
    r"^tinygrad-ed (?!train|predict)(.+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
)
HELP = [f"{word} --help" for word in ("", "demo", "check", "draw", "play", "train", "predict", "ops", "doctor")]
WITH_AN_EXTRA = {
    "draw --out graph.png": "dot",
    TRAIN: "tables",
    "predict network.safetensors examples/flowers.csv": "safetensors",
}
MLP = tg.nn.MLP([2, 3, 1], rng=0)
CALLS = {
    "dot": lambda: tg.draw.graph(tg.Node(2.0) * 3.0).render("svg"),
    "plots": lambda: tg.plots.cost_curves([1.0, 0.5]),
    "progress": lambda: tg.train.fit(MLP, [[0.5, -1.0]], [[1.0]], progress=True),
    "safetensors": lambda: MLP.save("network.safetensors"),
    "sklearn": lambda: tg.sklearn,
    "proof": lambda: tg.lecture.prove([2, 1]),
    "tables": lambda: tg.data.read_table("examples/flowers.csv", "species"),
}


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, on a machine without a `dot` program."""
    program = Path(sys.executable).with_name("tinygrad-ed")
    bare = {**os.environ, "PATH": "", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([program, *command.split()], capture_output=True, encoding="utf-8", env=bare, check=False)


def lesson(extra: str) -> str:
    """Return what a message about a missing extra says."""
    return f'python -m pip install "tinygrad_ed[{extra}]"'


assert [name for name in EXTRAS if importlib.util.find_spec(name)] == [], "this environment is not bare"
os.chdir(tempfile.mkdtemp())
shutil.copytree(ROOT / "examples", "examples")
tour = doctest.testfile(str(ROOT / "README.md"), False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
assert tour.attempted > 40, tour
assert tour.failed == 0, tour
for command in [*README, "demo", "ops --list", *HELP]:
    done = run(command)
    assert done.returncode == 0, (command, done)
    assert done.stdout, command
    assert "Traceback" not in done.stderr, (command, done)
for command, extra in WITH_AN_EXTRA.items():
    done = run(command)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), (command, done)
    assert lesson(extra) in done.stderr, (command, done)
os.environ["PATH"] = ""  # a `dot` program of this machine would draw
for extra, call in CALLS.items():
    said = ""
    try:
        call()
    except tg.MissingExtra as error:
        said = str(error)
    assert lesson(extra) in said, (extra, said)
print(f"bare: {tour.attempted} examples of the README, {len(README) + len(HELP)} commands, {len(CALLS)} extras missing")
