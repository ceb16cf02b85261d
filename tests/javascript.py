"""Runs functions of JavaScript, many in one go, in `node` or else in Chromium, and compares them with NumPy."""

import html
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_ed.graph.nested import leaves

NODE = shutil.which("node")
MARKS = [] if NODE else [pytest.mark.browser]
"""Without `node` these tests run in Chromium, if they are asked for as the others in a browser are."""

SCRIPT = """
const given = (x) => Array.isArray(x) ? x.map(given) : !x || typeof x !== "object" ? x
  : x.kind ? globalThis[x.kind].from(x.data, Number)
  : Object.fromEntries(Object.entries(x).map(([k, v]) => [k, given(v)]));
const said = (x) => ArrayBuffer.isView(x) ? Array.from(x, String) : typeof x !== "object" ? String(Number(x))
  : Array.isArray(x) ? x.map(said) : Object.values(x).map(said);
const answers = CALLS.map(([source, args]) => {
  try { return said(new Function(`return ${source}`)()(...args.map(given))); } catch (error) { return `${error}`; }
});
"""


def given(x: Any) -> Any:
    """What JavaScript gets in place of an argument."""
    if isinstance(x, np.ndarray) and x.ndim:
        kind = "Float32Array" if x.dtype == np.float32 else "Float64Array"
        return {"kind": kind, "data": [repr(float(y)).replace("inf", "Infinity").replace("nan", "NaN") for y in x.flat]}
    if isinstance(x, dict):
        return {key: given(value) for key, value in x.items()}
    return [given(y) for y in x] if isinstance(x, list | tuple) else float(x)


def answers(calls: list[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    """The answer of each function to its arguments, every number as text; or the error."""
    told = json.dumps([[source, [given(x) for x in args]] for source, args in calls])
    text = f"const CALLS = {told};{SCRIPT}"
    if NODE:
        return json.loads(_output([NODE, "-"], text + "process.stdout.write(JSON.stringify(answers));"))
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests need node or Chromium"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        script = f"{text}document.body.textContent = JSON.stringify(answers);".replace("</", "<\\/")
        page.write_text(f'<meta charset="utf-8"><body><script>{script}</script>', "utf-8")
        dom = _output([program, "--headless", "--no-sandbox", "--dump-dom", page.as_uri()])
    return json.loads(html.unescape(dom.partition("<body>")[2].partition("</body>")[0]))


def _output(command: list[str], given: str = "") -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True, encoding="utf-8").stdout


def numbers(x: Any) -> list[float]:
    """All numbers of an answer, in order."""
    if isinstance(x, list):
        return [number for y in x for number in numbers(y)]
    return [float(x.replace("Infinity", "inf"))]


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    """What JavaScript computed is what Python did, to rounding."""
    wanted = np.concatenate([np.ravel(np.asarray(x, float)) for x in leaves(expected)])
    assert not isinstance(found, str) or "Error" not in found, found
    largest = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0)
    np.testing.assert_allclose(numbers(found), wanted, rtol=rtol, atol=rtol * largest)
