"""Make the notebooks of the examples from their plain texts, and run them: python docs/make_notebooks.py [NAME ...].

The texts are Python in the percent format, `examples/notebooks/*.py`: after `# %%` comes a cell of code, after
`# %% [markdown]` one of words, each line of them a comment; the docstring at the top is the title. A notebook is run in
a fresh kernel of this interpreter, in an empty folder. What would differ from run to run is left out (measured times),
and drawings are kept in few colors, so that the files stay small. Needs the extra `notebooks`.
"""

import ast
import base64
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "examples" / "notebooks").glob("*.py"))
SECONDS = 60  # for one cell
COLORS = 64
KERNEL = "this-python"
_TIME = re.compile(r"\b\d+\.\d+ s\b")


def make(source: Path) -> NotebookNode:
    """Return the notebook of a text, with the outputs of a run."""
    notebook = build(source.read_text(encoding="utf-8"))
    run(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _lasting(output)
    notebook.metadata = build("").metadata  # the run has added the version of this Python
    return notebook


def build(text: str) -> NotebookNode:
    """Return the notebook of a text, without outputs."""
    top, *pieces = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
    title, _, words = (ast.get_docstring(ast.parse(top)) or "").partition("\n")
    cells = [new_markdown_cell(f"# {title.rstrip('.')}\n{words}".strip())]
    for kind, piece in zip(pieces[::2], pieces[1::2], strict=True):
        if kind.strip() == "[markdown]":
            cells.append(new_markdown_cell(re.sub(r"^# ?", "", piece.strip(), flags=re.MULTILINE)))
        else:
            cells.append(new_code_cell(piece.strip()))
    for i, cell in enumerate(cells, start=1):
        cell["id"] = f"cell-{i}"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata={**spec, "language_info": {"name": "python"}})


def run(notebook: NotebookNode) -> None:
    """Run all cells, in a fresh kernel that knows nothing of this user's settings; the outputs go into the cells.

    Raises:
        CellExecutionError: if a cell fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "kernels", KERNEL, "kernel.json")
        spec.parent.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": command, "display_name": KERNEL, "language": "python"}), encoding="utf-8")
        here = Path(folder, "here")
        here.mkdir()
        specs = KernelSpecManager(kernel_dirs=[str(spec.parents[1])], ensure_native_kernel=False)
        manager = AsyncKernelManager(
            kernel_name=KERNEL,
            kernel_spec_manager=specs,
            connection_file=str(Path(folder, "connection.json")),
            transport="ipc" if os.name == "posix" else "tcp",
        )
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=SECONDS,
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(here)}},
        )
        client.execute(cleanup_kc=True, env=_environment(folder))


def _environment(folder: str) -> dict[str, str]:
    """What the kernel is told: this checkout first, drawings into the notebook, and no path in a message."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {
        "PYTHONPATH": path,
        "IPYTHONDIR": str(Path(folder, "ipython")),
        "IPYKERNEL_CELL_NAME": "<notebook>",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def _lasting(output: NotebookNode) -> None:
    """Leave out of an output what differs from run to run, and what makes it large without being seen."""
    if "text" in output:
        output["text"] = _TIME.sub("… s", output["text"])
    for kind, content in output.get("data", {}).items():
        if kind == "image/png":
            output["data"][kind] = _in_few_colors(content)
        elif kind in ("text/plain", "text/html"):
            output["data"][kind] = _TIME.sub("… s", content)


def _in_few_colors(png: str) -> str:
    """A PNG in base64, in a palette: lines and letters need no more."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as drawn:
        drawn.convert("RGB").quantize(COLORS).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


if __name__ == "__main__":
    for chosen in SOURCES:
        if chosen.stem in sys.argv[1:] or not sys.argv[1:]:
            nbformat.write(make(chosen), chosen.with_suffix(".ipynb"))
