import os
import shlex
import shutil
import sys
import textwrap
import time
from pathlib import Path

import pytest

import tinygrad_ed as tg
from tinygrad_ed.draw import backends

SOURCE = "digraph { a -> b }"
ENGINES = ["pygraphviz", *(["dot"] if shutil.which("dot") else [])]


@pytest.fixture(autouse=True)
def _every_machine_is_new():
    backends.has_letters.cache_clear()
    yield
    backends.has_letters.cache_clear()


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without a `dot` program; pygraphviz is still there."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv(backends.VARIABLE, raising=False)


@pytest.fixture
def nothing(bare, monkeypatch):
    """A machine without any layout engine."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def script(program, code):
    """Make a program of some lines of Python; a `#!` line alone cannot hold a path with spaces."""
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(textwrap.dedent(code))} "$@"\n'
    program.write_bytes(os.fsencode(text))
    program.chmod(0o755)
    return program


def fake(folder, name="dot", offers=("svg", "png", "pdf"), broken=False):
    """A program that answers like dot, and keeps its arguments and its input beside itself."""
    return script(
        folder / name,
        f"""\
        import pathlib, sys
        here = pathlib.Path({str(folder)!a})
        (here / "arguments").write_text("\\n".join(sys.argv[1:]), "utf-8")
        source = sys.stdin.buffer.read()
        (here / "input").write_bytes(source)
        form = next(a[2:] for a in sys.argv if a.startswith("-T"))
        if {broken!r} or form not in {offers!r}:
            sys.stderr.write(f'Format: "{{form}}" not recognized. Use one of: {" ".join(offers)}\\n')
            sys.exit(1)
        sys.stdout.write("drawn by the fake, " + form + "!" * (b'label="W"' in source))
        """,
    )


def test_a_dot_program_on_the_path_comes_first(bare, monkeypatch, tmp_path):
    fake(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert backends.render(SOURCE, "svg") == b"drawn by the fake, svg"
    assert (tmp_path / "input").read_text() == SOURCE
    assert (tmp_path / "arguments").read_text().split() == ["-Tsvg"]


def test_a_png_gets_its_resolution_and_its_largest_size(bare, monkeypatch, tmp_path):
    fake(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    backends.render(SOURCE, "png")
    assert (tmp_path / "arguments").read_text().split() == ["-Tpng", "-Gdpi=144", "-Gsize=55,55"]


def test_a_dot_program_that_lacks_the_format_gives_way_to_pygraphviz(bare, monkeypatch, tmp_path):
    fake(tmp_path, offers=("svg",))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert backends.render(SOURCE, "svg").startswith(b"drawn by the fake")
    assert backends.render(SOURCE, "png").startswith(b"\x89PNG")


def test_without_a_dot_program_pygraphviz_draws_every_format(bare):
    assert b"<svg" in backends.render(SOURCE, "svg")
    assert backends.render(SOURCE, "png").startswith(b"\x89PNG")
    assert backends.render(SOURCE, "pdf").startswith(b"%PDF")


def test_with_no_engine_the_error_has_the_line_that_installs_one(nothing):
    with pytest.raises(tg.MissingExtra, match=r'python -m pip install "tinygrad_ed\[dot\]"'):
        backends.render(SOURCE, "svg")
    assert not backends.doctor().ok


def test_an_engine_that_is_there_but_fails_is_not_called_missing(nothing, monkeypatch, tmp_path):
    fake(tmp_path, broken=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tg.FileProblem, match=r'no layout engine could draw svg: dot: Format: "svg" not recognized'):
        backends.render(SOURCE, "svg")


def test_a_named_engine_is_used_or_refused_never_replaced(bare, monkeypatch, tmp_path):
    mine = fake(tmp_path, name="my dot")
    monkeypatch.setenv(backends.VARIABLE, str(mine))
    assert backends.render(SOURCE, "pdf") == b"drawn by the fake, pdf"
    assert b"<svg" in backends.render(SOURCE, "svg", engine="pygraphviz")
    with pytest.raises(tg.FileProblem, match=r"the engine names a layout engine that cannot be used: .*not installed"):
        backends.render(SOURCE, "svg", engine=str(tmp_path / "absent"))
    monkeypatch.setenv(backends.VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(tg.FileProblem, match="TINYGRAD_ED_DOT names a layout engine that cannot be used"):
        backends.render(SOURCE, "svg")


def test_a_program_that_cannot_start_is_a_clear_error(bare, tmp_path):
    program = tmp_path / "dot"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(tg.FileProblem, match="does not start"):
        backends.render(SOURCE, "svg", engine=str(program))


def test_an_unknown_format_is_refused():
    with pytest.raises(tg.InvalidValue, match="draws svg, png, pdf, not 'gif'"):
        backends.render(SOURCE, "gif")


def test_malformed_text_is_an_error_not_an_empty_picture(bare):
    with pytest.raises(tg.FileProblem, match="pygraphviz"):
        backends.render("digraph { a -> ", "svg")


def test_the_doctor_says_which_engine_and_why(bare, monkeypatch, tmp_path):
    without = backends.doctor()
    assert (without.engine, without.ok) == ("pygraphviz", True)
    assert "dot: not installed" in str(without)
    fake(tmp_path, offers=("svg", "png"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "dot: draws svg, png; Format" in str(backends.doctor())
    fake(tmp_path)
    assert backends.doctor().engine == "dot"
    monkeypatch.setenv(backends.VARIABLE, "pygraphviz")
    assert backends.doctor().why == "named by TINYGRAD_ED_DOT"
    monkeypatch.setenv(backends.VARIABLE, "/no/such/program")
    assert not backends.doctor().ok
    assert "but unusable" in str(backends.doctor())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_machine_without_fonts_gets_one_clear_line_in_place_of_empty_boxes(engine, tmp_path, monkeypatch):
    settings = tmp_path / "fonts.conf"
    settings.write_text(f"<fontconfig><dir>{tmp_path}/none</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(settings))
    monkeypatch.setenv(backends.VARIABLE, engine)
    for form in ("png", "pdf"):
        with pytest.raises(tg.FileProblem, match=r"this machine has no font, .*save as \.svg"):
            backends.render(SOURCE, form, engine)
    assert b"<svg" in backends.render(SOURCE, "svg", engine)
    assert "no font is installed" in str(backends.doctor())


def test_where_one_engine_gives_up_no_other_one_is_tried(bare, monkeypatch, tmp_path):
    script(tmp_path / "dot", "import time; time.sleep(30)")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backends, "SECONDS", 0.3)
    with pytest.raises(
        tg.FileProblem, match=r"dot: gave up after 0\.3 s; .* Take less detail, or draw a part"
    ) as caught:
        backends.render(SOURCE, "svg")
    assert "pygraphviz" not in str(caught.value)


def ended(file, seconds=5.0):
    """Tell whether the process whose id is in a file ends soon; a zombie has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            pid = int(file.read_text())
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return file.exists()
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


NOTES_ITSELF = "import os, subprocess, sys, time, pathlib\npathlib.Path({file!a}).write_text(str(os.getpid()))\n"
STARTS_A_CHILD = (
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "pathlib.Path({file!a}).write_text(str(child.pid))\n"
)
BAD_ENGINES = {
    "floods its output": (NOTES_ITSELF + "while True: sys.stdout.write('<svg>' * 10000)", "wrote more than 2 MB"),
    "floods its errors": (NOTES_ITSELF + "while True: sys.stderr.write('<svg>' * 10000)", "wrote more than 2 MB"),
    "hangs": (NOTES_ITSELF + "time.sleep(60)", "gave up after 1 s"),
    "hangs after it has drawn": (NOTES_ITSELF + "os.write(1, b'<svg>'); os.close(1); os.close(2); time.sleep(60)", ""),
    "hangs, and its child": ("import subprocess, sys, time, pathlib\n" + STARTS_A_CHILD + "time.sleep(60)", "gave up"),
    "floods, and its child": (
        "import subprocess, sys, pathlib\n" + STARTS_A_CHILD + "while True: sys.stdout.write('<svg>' * 10000)",
        "wrote more than 2 MB",
    ),
    "fails, and its child": ("import subprocess, sys, pathlib\n" + STARTS_A_CHILD + "sys.exit(3)", "exit status 3"),
}


@pytest.mark.parametrize("name", BAD_ENGINES)
def test_a_bad_engine_is_ended_in_time_with_all_its_children(nothing, monkeypatch, tmp_path, name):
    code, words = BAD_ENGINES[name]
    noted = tmp_path / "process"
    script(tmp_path / "dot", code.replace("{file!a}", ascii(str(noted))))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backends, "SECONDS", 1)
    monkeypatch.setattr(backends, "MEGABYTES", 2)
    began = time.monotonic()
    with pytest.raises(tg.FileProblem, match=f"dot: .*{words}"):
        backends.render(SOURCE, "svg")
    assert time.monotonic() - began < 10
    assert ended(noted)


def test_a_child_that_keeps_the_output_open_does_not_hold_up_a_drawing(nothing, monkeypatch, tmp_path):
    noted = tmp_path / "process"
    code = "import subprocess, sys, pathlib\n" + STARTS_A_CHILD + "sys.stdout.write('<svg>drawn</svg>')"
    script(tmp_path / "dot", code.replace("{file!a}", ascii(str(noted))))
    monkeypatch.setenv("PATH", str(tmp_path))
    began = time.monotonic()
    assert backends.render(SOURCE, "svg") == b"<svg>drawn</svg>"
    assert time.monotonic() - began < 10
    assert ended(noted)


def test_a_large_source_and_a_large_drawing_pass_whole(nothing, monkeypatch, tmp_path):
    script(tmp_path / "dot", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
    monkeypatch.setenv("PATH", str(tmp_path))
    source = "digraph { " + "a -> b; " * 400_000 + "}"
    assert backends.render(source, "svg") == source.encode()
