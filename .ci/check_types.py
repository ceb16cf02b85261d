"""Ask mypy and pyright about a file that is right and one whose marked lines are wrong, as a reader's editor would."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = Path(__file__).parents[1] / "tests" / "typing"


def of_mypy(folder: Path, name: str) -> dict[int, str]:
    """What mypy --strict says, by line."""
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-pretty", name], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return {int(line): text for line, text in re.findall(rf"^{name}:(\d+): error: (.*)", run.stdout, re.MULTILINE)}


def of_pyright(folder: Path, name: str) -> dict[int, str]:
    """What pyright says, by line."""
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", name]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    found = json.loads(run.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in found if one["severity"] == "error"}


def main() -> None:
    """Compare what they say with what is marked."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:  # outside of the project: its settings are not the reader's
        for source in sorted(FILES.glob("*.py")):
            shutil.copy(source, folder)
            lines = source.read_text(encoding="utf-8").splitlines()
            wrong = {number for number, line in enumerate(lines, start=1) if line.endswith("  # wrong")}
            for checker in (of_mypy, of_pyright):
                said = checker(Path(folder), source.name)
                who = f"{checker.__name__[3:]}, {source.name}"
                problems += [f"{who}:{n}: {said[n]}" for n in sorted(said.keys() - wrong)]
                problems += [f"{who}:{n}: no error for {lines[n - 1]}" for n in sorted(wrong - said.keys())]
                print(f"{who}: {len(wrong)} mistakes are there, {len(wrong & said.keys())} were found")
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()
