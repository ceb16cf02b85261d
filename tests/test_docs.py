"""What the README and the examples say is true: every command is run here, every `>>>` by the doctest runner."""

import html
import inspect
import re
import runpy
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from digits import differing, same

from tinygrad_ed import cli
from tinygrad_ed.closed_form.rules import RULES

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


@pytest.fixture(scope="module")
def pictures():
    return runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))


def test_the_picture_of_a_program_has_the_steps_that_the_page_lists(pictures):
    dot = pictures["program_view"]().render("dot").decode()
    steps = re.findall(r"<TR><TD><B>(\w+)</B>.*?</TD></TR><TR><TD>(.*?)</TD></TR>", dot)
    assert len(steps) == 16
    drawn = ET.parse(ROOT / "docs" / "pictures" / "program.svg").iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  # our own
    shown = ["".join(text.itertext()) for text in drawn]
    assert [text for step in steps for text in step if not any(same(html.unescape(text), line) for line in shown)] == []


def test_the_picture_of_the_readme_is_up_to_date(pictures):
    drawn = pictures["network_view"]().render("svg").decode()
    kept = (ROOT / "docs" / "pictures" / "network.svg").read_text(encoding="utf-8")
    assert differing(kept, drawn) == []
    assert differing(kept, drawn.replace("ρ", "σ", 1))
    assert differing(kept, re.sub(r"0\.300", "0.303", drawn, count=1))
    assert differing(kept, re.sub(r"<circle [^>]*/>", "", drawn, count=1))


def test_every_photograph_has_the_size_of_its_window(pictures):
    for name, (_, _, *size) in pictures["pages"]().items():
        data = (ROOT / "docs" / "pictures" / name).read_bytes()
        assert [int.from_bytes(data[i : i + 4], "big") for i in (16, 20)] == size


def test_the_readme_lists_the_rules_that_can_be_replaced_with_their_arguments():
    rows = re.findall(r"^\| `(\w+)` \| `\(([\w, ]+)\)` \|", README, re.MULTILINE)
    assert rows == [(name, ", ".join(inspect.signature(rule).parameters)) for name, rule in RULES.items()]
