"""The recipes of CONTRIBUTING.md are followed: one row for an activation, one for a cost, and everything takes them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

SCRIPT = """
import sys
import numpy as np
import tinygrad_ed as tg

activation, cost = sys.argv[1:]
rng = np.random.default_rng(0)
x, rho = rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
row = tg.closed_form.derivatives.COSTS[cost]
if row.classes:
    rho = np.sign(rho)
mlp = tg.nn.MLP([3, 4, 2], activation=activation, rng=1)

roads = ("graph", "rules", "jacobians", "numeric", "tape")
check = tg.crosscheck(mlp, x, rho, cost, roads=roads)
assert check.agree, check
tg.check_grads(lambda z: tg.nn.activations.find(activation)(z).sum(), x)
tg.check_grads(lambda y: tg.nn.costs.find(cost)(y, rho), 1.1 * rho + 0.3)
if row.expects == "labels":
    try:
        tg.nn.costs.find(cost)(rho, 0.5 * rho)
    except tg.InvalidValue as error:
        assert f"{cost}: labels must be -1 and +1" in str(error)
    else:
        raise AssertionError("the labels are not checked")
found = {}
for road in ("rules", "graph", "tape"):
    learned = tg.nn.MLP([3, 4, 2], activation=activation, rng=1)
    history = tg.train.fit(learned, x, rho, cost, road=road, epochs=30, learning_rate=0.1, batch_size=4)
    assert history.cost[-1] < history.cost[0]
    found[road] = learned.predict(x)
    np.testing.assert_allclose(found[road], found["rules"], rtol=1e-9)
assert (mlp.score(x, rho, cost) <= 1.0) and ("accuracy" if row.classes else "r2") == tg.nn.metrics.suiting(cost)
learned.save("network.npz")
np.testing.assert_array_equal(tg.nn.MLP.load("network.npz").predict(x), learned.predict(x))
derivation = tg.lecture.derive(mlp, x[0], rho[0], cost)
assert derivation.holds, derivation
assert activation in derivation.intro and cost in derivation.intro
assert tg.lecture.contribution(mlp, x[0], rho[0], 1, 0, cost=cost).check.holds
wrong = tg.crosscheck(mlp, x, rho, cost, rules={"B_hidden": lambda zeta, omega, B, dphi: B @ omega.T})
assert wrong.diagnosis[0].mistake == "Φ' forgotten", wrong
tg.plots.cost_function(cost).figure.savefig("cost.png")
for picture in (tg.draw.network(mlp, x[:1], rho[:1], cost), tg.draw.player(mlp, x[:1], rho[:1], cost)):
    assert picture.render("html")
assert tg.draw.graph(tg.nn.costs.find(cost)(mlp(x), rho)).render("dot")
assert tg.draw.compare(mlp, x[:1], rho[:1], cost).render("html")
from tinygrad_ed.cli import main
assert main(["check", "--sizes", "2-3-2", "--activation", activation, "--cost", cost, "--brief"]) == 0
print("followed")
"""


def row(name):
    """The row of a recipe, as the page prints it."""
    return re.search(rf'```python\n(    "{name}": .*?)```', RECIPES, re.DOTALL)[1]


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with the two rows in their table."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "tinygrad_ed", folder / "tinygrad_ed", ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "tinygrad_ed" / "closed_form" / "derivatives.py"
    text = table.read_text(encoding="utf-8")
    for name, end in (("mish", '}\n"""Φ and Φ\' by name."""'), ("squared_hinge", '}\n"""C and ∇C by name.')):
        assert text.count(end) == 1
        text = text.replace(end, row(name) + end)
    table.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("activation", "cost"), [("mish", "squared_hinge"), ("mish", "cross_entropy"), ("relu", "squared_hinge")]
)
def test_one_row_is_enough(extended, tmp_path, activation, cost):
    if cost == "cross_entropy":
        script = SCRIPT.replace("rho = np.sign(rho)", "rho = np.eye(2)[(rho[:, 0] > 0).astype(int)]").replace(
            "1.1 * rho + 0.3", "x[:, :2]"
        )
    else:
        script = SCRIPT
    environment = {**os.environ, "PYTHONPATH": str(extended), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, activation, cost],
        capture_output=True, text=True, encoding="utf-8", env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "followed"


def test_the_tests_of_these_rooms_hold_for_the_new_rows_too(extended):
    tests = [
        "closed_form/test_derivatives.py",
        "closed_form/test_fast.py",
        "nn/test_activations.py",
        "nn/test_costs.py",
    ]
    environment = {**os.environ, "PYTHONPATH": str(extended), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--rootdir", str(ROOT),
         *[str(ROOT / "tests" / test) for test in tests]],
        capture_output=True, text=True, encoding="utf-8", env=environment, cwd=extended, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "mish" in subprocess.run(
        [sys.executable, "-c", "import tinygrad_ed as tg; print(*tg.nn.activations.NAMES)"],
        capture_output=True, text=True, env=environment, cwd=extended, check=True,
    ).stdout  # fmt: skip
