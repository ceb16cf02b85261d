"""A command in the folder of the test, and files that it works on."""

from pathlib import Path

import numpy as np
import pytest
import user_tables

from tinygrad_ed import cli


@pytest.fixture
def flowers(tmp_path):
    """A CSV file of three classes that can be told apart."""
    rng = np.random.default_rng(0)
    kinds = ["rose", "tulip", "daisy"]
    lines = ["height,width,kind"]
    lines += [
        f"{h:.3f},{w:.3f},{kinds[i % 3]}"
        for i, (h, w) in enumerate(rng.normal([[i % 3, -(i % 3)] for i in range(90)], 0.1))
    ]
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in the folder of the test: status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        try:
            status = cli.main([str(word) for word in argv])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def model(run):
    """A saved network of flowers."""
    Path("flowers.csv").write_text(user_tables.flowers())
    status, out, err = run("train", "flowers.csv", "--target", "kind", "--epochs", 20, "--save", "model.npz")
    assert (status, err) == (0, "")
    assert "saved model.npz; use it: tinygrad-ed predict model.npz new.csv" in out
    return Path("model.npz")
