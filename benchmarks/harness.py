"""How everything here is measured: one process a contender, pinned to its cores, taking turns block by block.

Machines are shared and noisy, so only ratios within one run mean something. Each contender lives in a process of its
own (no library disturbs another's threads or memory), does nothing while another has its turn, and all go through the
same blocks A B C A B C ...; a figure is the median of its blocks, with the range of the middle half of them.

A script has a dict of makers, `maker(case) -> step`, and calls `run`. `step()` does one unit of work and returns
a number that all contenders must agree on, so that all are known to do the same.
"""

import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Case = dict[str, Any]
Maker = Callable[[Case], Callable[[], Any]]

REST = 0.3
"""Seconds between the blocks of several threads: those of a contender that has just stopped go on waiting, busily."""

CHECKED = 5  # steps whose numbers are compared, before any is timed


class Figure(NamedTuple):
    """Seconds of one step: the median of the blocks, and the middle half of them."""

    median: float
    low: float
    high: float


class Contender:
    """A process that makes and times the steps of one contender."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        count = str(threads)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
            **dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], count),
            "JAX_PLATFORMS": "cpu",
            "JAX_ENABLE_X64": "1",
            "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}",
        }
        self._process = subprocess.Popen(
            [sys.executable, sys.argv[0], "--serve", name, count],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, **order: Any) -> Any:
        """Send an order, wait for the answer."""
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()  # type: ignore[union-attr]  # it is a pipe
        if not answer:
            raise SystemExit(f"{self.name}: the process died; its message is above")
        return json.loads(answer)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate("")


def serve(maker: Maker, threads: int) -> None:
    """Do what the parent orders, until it closes the pipe."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not get between the answers
    step: Callable[[], Any] = float
    for line in sys.stdin:
        order = json.loads(line)
        if "case" in order:
            step = maker(order["case"])
            answer: Any = [float(step()) for _ in range(order.get("checked", CHECKED))]
        else:
            step()  # others have had the caches, and threads have gone to sleep
            began = time.perf_counter()
            for _ in range(order["steps"]):
                result = step()
            float(result)  # some only promise their result until somebody wants to see it
            answer = time.perf_counter() - began
        print(json.dumps(answer), file=answers, flush=True)


def measure(
    names: Sequence[str], case: Case, threads: int, rounds: int, seconds: float, tolerance: float
) -> dict[str, Figure]:
    """Time one case: the contenders take turns, in blocks of about so many seconds."""
    contenders = [Contender(name, threads) for name in names]
    try:
        numbers = {c.name: c.ask(case=case, checked=case.get("checked", CHECKED)) for c in contenders}
        _agree(numbers, case, tolerance)
        steps = {}
        for c in contenders:
            once = c.ask(steps=1)
            few = max(1, min(1000, int(seconds / 10 / once)))
            steps[c.name] = max(1, int(seconds * few / c.ask(steps=few)))
        blocks: dict[str, list[float]] = {c.name: [] for c in contenders}
        for _ in range(rounds):
            for c in contenders:
                time.sleep(REST if threads > 1 else 0.0)
                blocks[c.name].append(c.ask(steps=steps[c.name]) / steps[c.name])
    finally:
        for c in contenders:
            c.close()
    return {name: _figure(times) for name, times in blocks.items()}


def _agree(numbers: Mapping[str, Sequence[float]], case: Case, tolerance: float) -> None:
    """All contenders must find the same numbers; `nan` stands for those that have none (bare products)."""
    first = next(name for name, found in numbers.items() if found[0] == found[0])
    for name, found in numbers.items():
        for mine, theirs in zip(found, numbers[first], strict=True):
            if abs(mine - theirs) > tolerance * max(abs(theirs), 1e-6):
                raise SystemExit(f"{case}: {name} finds {mine}, but {first} finds {theirs}: not the same work")


def _figure(times: list[float]) -> Figure:
    low, median, high = statistics.quantiles(times, n=4) if len(times) > 1 else [times[0]] * 3
    return Figure(median, low, high)


def available(needs: Mapping[str, str | None]) -> list[str]:
    """The contenders whose library is installed; says which are left out."""
    found = [name for name, module in needs.items() if module is None or importlib.util.find_spec(module)]
    for name in needs.keys() - set(found):
        print(f"left out: {name} (needs {needs[name]}; pip install tinygrad_ed[bench] has all)", file=sys.stderr)
    return found


def table(title: str, unit: str, figures: Mapping[str, Mapping[str, Figure]]) -> str:
    """A Markdown table: a row a contender, a column a case; in units of the contender `unit`, with the middle half."""
    cases = list(figures)
    names = list(next(iter(figures.values())))
    lines = [f"### {title}", "", f"| | {' | '.join(cases)} |", f"|---|{'---|' * len(cases)}"]
    for name in names:
        cells = []
        for case in cases:
            one, figure = figures[case][unit].median, figures[case].get(name)
            if figure is None:
                cells.append("")
            elif name == unit:
                cells.append(f"{_time(figure.median)}")
            else:
                cells.append(
                    f"**{_digits(figure.median / one)}** ({_digits(figure.low / one)} to {_digits(figure.high / one)})"
                )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _digits(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio > 0.1 else f"{ratio:.2g}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def machine() -> str:
    """One line: processor, Python, NumPy and the kernel of its BLAS."""
    import numpy as np

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = models[0] if models else processor
    try:
        from threadpoolctl import threadpool_info

        np.dot(np.ones((2, 2)), np.ones((2, 2)))
        kernels = {f"{p['internal_api']} {p['version']}, kernel {p.get('architecture')}" for p in threadpool_info()}
    except ImportError:
        kernels = {"BLAS kernel not known: threadpoolctl is not installed"}
    return (
        f"{processor}, {os.cpu_count()} cores; Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{'; '.join(sorted(kernels))}"
    )


def write(path: Path, title: str, text: str) -> None:
    """Write a page with the tables of a run, the command that makes it, and where it was measured."""
    command = f"python benchmarks/{Path(sys.argv[0]).name} --write {path.as_posix()}"
    path.write_text(f"# {title}\n\nMade by `{command}`. Measured on {machine()}.\n\n{text}", encoding="utf-8")


def run(makers: Mapping[str, Maker], main: Callable[[], None]) -> None:
    """Be a contender if a parent started this process, else do `main`."""
    if sys.argv[1:2] == ["--serve"]:
        serve(makers[sys.argv[2]], int(sys.argv[3]))
    else:
        main()
