"""The same run on every machine: on all cores, with the same examples, and nothing written beside the tests.

Tests that need a browser are left out unless they are asked for, and the summary says so.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tinygrad_ed.graph.op import HANDLERS, OPS

pytest.register_assert_rewrite("tape_examples")  # so that what it asserts is shown in full
settings.register_profile("same everywhere", derandomize=True, database=None, deadline=None)
settings.load_profile("same everywhere")
os.environ["MPLBACKEND"] = "agg"  # no plot opens a window, also not one of an example

collect_ignore = ["typing"]  # files for the type checkers to read: nobody runs them, one of them is full of mistakes
collect_ignore_glob = ["*conftest.py"]  # fixtures, loaded anyway; as modules with doctests they would share one name

BROWSER = ("browser", "looks_browser", "live", "live_graph")
TESTS = [Path(__file__).parent / f"draw/test_{name}.py" for name in BROWSER]
TESTS += [Path(__file__).parent / "lecture/test_slides_browser.py"]
LEFT_OUT = (
    "left out: the tests in a real browser (they need Chromium and the extra `browser`); "
    "run them with: python -m pytest -m browser"
)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run on all cores unless told otherwise; where pytest-xdist is not installed, there is no `-n` to ask it of."""
    option = config.option
    if getattr(option, "numprocesses", 0) is None and not option.tx and not hasattr(config, "workerinput"):
        option.numprocesses = "auto"


@pytest.fixture(autouse=True)
def _ops_that_a_test_makes_end_with_it():
    """An op of SciPy's or NumPy's function would answer to it in every test that follows."""
    before = dict(HANDLERS), dict(OPS)
    yield
    for table, kept in zip((HANDLERS, OPS), before, strict=True):
        if table != kept:
            table.clear()
            table.update(kept)


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: runs in a real browser; left out unless asked for with -m browser")


def pytest_collection_modifyitems(config, items):
    if config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter, config):
    """Said by the process that prints, which with several workers collects nothing itself."""
    asked = [(config.invocation_params.dir / arg.split("::")[0]).resolve() for arg in config.args]
    if not config.option.markexpr and any(test.is_relative_to(path) for path in asked for test in TESTS):
        terminalreporter.write_line(LEFT_OUT)


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests need Chromium on PATH"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, tmp_path):
    """Opens a view from disk; afterwards nothing may have been logged or asked of the network."""
    heard: list[str] = []
    contexts = []

    def opened(picture, address="", width=1280, height=900, **options):
        path = picture.save(tmp_path / "page.html")
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("request", lambda request: None if request.url == own else heard.append(f"request: {request.url}"))
        own = path.as_uri()
        page.goto(own + address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert heard == []
