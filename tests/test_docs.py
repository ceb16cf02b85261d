"""What the README and the examples say is true: every command is run here, every `>>>` by the doctest runner."""

import re
import runpy
import shutil
from pathlib import Path

import pytest

from tinygrad_ed import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL_LINES = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]
COMMANDS = [line for line in SHELL_LINES if line.startswith("tinygrad-ed ")]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_two_set_up_commands_and_each_is_one_line():
    setup = [line for line in SHELL_LINES if line not in COMMANDS]
    assert len(setup) == 2
    assert all(line.startswith("python3 -m venv .venv && ") for line in setup)
    assert setup[0].endswith("tinygrad-ed demo")
    assert setup[1].endswith("pytest")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_works(line, tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    if line.startswith("tinygrad-ed predict"):  # with the network that the line before it saves
        assert cli.main(COMMANDS[COMMANDS.index(line) - 1].split()[1:]) == 0
        capsys.readouterr()
    assert cli.main(line.split()[1:]) == 0
    out, err = capsys.readouterr()
    assert out
    assert not err or line.startswith("tinygrad-ed predict")  # whose output is a table, and its remarks go beside it


def test_every_file_that_the_readme_names_is_there():
    named = re.findall(r"`((?:tinygrad_ed|docs|examples|tests)/[\w./]*)`", README) + re.findall(
        r"\]\((docs/[^)]+)\)", README
    )
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert len(capsys.readouterr().out.splitlines()) >= 3


def test_the_picture_of_a_program_has_the_steps_that_the_page_lists():
    drawn = (ROOT / "docs" / "pictures" / "program.svg").read_text(encoding="utf-8")
    view = runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))["program_view"]()
    names = re.findall(r"<TR><TD><B>(\w+)</B>", view.render("dot").decode())
    assert len(names) == 15
    assert [name for name in names if f">{name}</text>" not in drawn] == []


def test_the_picture_of_the_readme_is_up_to_date():
    drawn = runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))["network_view"]()
    assert (ROOT / "docs" / "pictures" / "network.svg").read_bytes() == drawn.render("svg")
