"""`tinygrad-ed check FILE`: a reader's own work, judged; nothing that is in the file can end the command."""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_ed.cli.parser import Parser
from tinygrad_ed.errors import FileProblem, InvalidValue

APART = "TINYGRAD_ED_APART"  # what the exit status of the process is counted from that runs the file

if TYPE_CHECKING:
    from tinygrad_ed.checking.crosscheck import CrossCheck
    from tinygrad_ed.checking.judgement import Judgement

EPILOG = """\
A FILE of your own is one of these:
  .py     functions named after the lecture's rules, with their arguments, judged on the network:
            zeta(alpha_prev, omega, beta)   alpha(zeta, phi)   B_last(zeta, alpha, rho, dphi, grad_C)
            B_hidden(zeta, omega_next, B_next, dphi)   P(omega, B)   grad_omega(alpha_prev, B)   grad_beta(B)
          or a program: forward(*args) that returns the loss, or (loss, cache), backward(cache) or backward(*args) that
          returns the gradients, and args, the tuple of their arguments
  .json   an object with numbers by name, such as {"B[2]": [[0.5, -0.1]], "dW1": ...}, of the network (see --weights)
A .py file is run: check only what you would run yourself. Exit status: 0 right, 1 wrong, 2 cannot be judged."""


def add_options(check: Parser) -> None:
    """Add to the command `check` what belongs to a file."""
    option = check.add_argument
    option("file", nargs="?", metavar="FILE", help="your own rules, program or numbers, see below")
    option("--tell", choices=("where", "what", "mend"), default="what", help="how much is given away (default: what)")
    option("--json", action="store_true", help="print what was found as JSON")
    option("--digits", type=int, help="how many digits your numbers have (default: all)")
    limit = "limit for each call of one of your functions (default: %(default)s)"
    option("--seconds", type=float, default=10.0, help=limit)


def check_file(options: argparse.Namespace, mlp: Any, x: Any, rho: Any) -> int:
    """Judge the file, and print what is found; return the exit status."""
    if not Path(options.file).is_file():
        raise FileProblem(f"there is no file {options.file!r}")
    paper, status = options.file.endswith(".json"), int(os.environ.pop(APART, 0))
    if not (paper or status):
        return _apart(options)
    found = (_numbers if paper else _code)(options, mlp, x, rho)
    if options.json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(repr(found).strip("<>") if options.brief else found)
    return status + (0 if found.agree else 1)


def _apart(options: argparse.Namespace) -> int:
    """Run the command in a process of its own: one that the file ends, by `os._exit(0)` as well, cannot look right."""
    import secrets
    import subprocess

    start = 150 + secrets.randbelow(100)
    command = [sys.executable, "-P", "-m", "tinygrad_ed", *options.argv]
    path = os.pathsep.join([folder for folder in sys.path if folder])
    around = {**os.environ, APART: str(start), "PYTHONIOENCODING": "utf-8", "PYTHONPATH": path}
    done = subprocess.run(command, env=around, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    if done.returncode not in (start, start + 1, 2):
        raise InvalidValue(f"{options.file!r} cannot be judged: it ended the program (status {done.returncode})")
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode - start if done.returncode >= start else done.returncode


def _numbers(options: argparse.Namespace, mlp: Any, x: Any, rho: Any) -> "CrossCheck":
    """Judge numbers from a sheet of paper."""
    from tinygrad_ed.checking.crosscheck import crosscheck

    try:
        numbers = json.loads(Path(options.file).read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{options.file!r} is no JSON: {error}") from None
    if not isinstance(numbers, dict) or not numbers:
        raise InvalidValue(f'{options.file!r} must hold an object of numbers by name, such as {{"dW1": [[0.5]]}}')
    told = {"digits": options.digits, "layout": options.layout or "rows", "tell": options.tell}
    return crosscheck(mlp, x, rho, options.cost, numbers=numbers, notation=options.notation, **told)


def _code(options: argparse.Namespace, mlp: Any, x: Any, rho: Any) -> "CrossCheck | Judgement":
    """Judge functions: a program, or rules of the lecture."""
    import runpy

    from tinygrad_ed.checking.crosscheck import crosscheck
    from tinygrad_ed.checking.programs import check_program
    from tinygrad_ed.closed_form.rules import RULES
    from tinygrad_ed.nn.guard import guarded
    from tinygrad_ed.train.checks import number_between

    seconds = number_between("--seconds", options.seconds)
    names, problem = guarded("file", runpy.run_path, options.file, seconds=seconds)
    if problem:
        raise InvalidValue(f"{options.file!r} cannot be judged: {problem}")
    if callable(names.get("forward")) and callable(names.get("backward")):
        args = names.get("args")
        if not isinstance(args, tuple | list):
            raise InvalidValue(f"{options.file!r} has forward and backward, but no args, the tuple of their arguments")
        told = {"digits": options.digits, "tell": options.tell, "seconds": seconds}
        judge = partial(check_program, names["forward"], names["backward"], *args, **told)
        found, problem = guarded("program", judge)
        if problem:
            raise InvalidValue(f"{options.file!r} cannot be judged: {problem}")
        return found  # type: ignore[no-any-return]  # `check_program` made it
    rules = {name: names[name] for name in RULES if callable(names.get(name))}
    if copied := [name for name, rule in rules.items() if getattr(rule, "__module__", "").startswith("tinygrad_ed")]:
        raise InvalidValue(f"{', '.join(copied)} in {options.file!r} is that of the package; write one of your own")
    if not rules:
        known = ", ".join(RULES)
        raise InvalidValue(
            f"{options.file!r} has neither forward and backward nor a function named after a rule: {known}"
        )
    given = {"tell": options.tell, "seconds": seconds, "notation": options.notation}
    return crosscheck(mlp, x, rho, options.cost, rules=rules, **given)
