"""`tinygrad-ed check FILE`: a reader's own work, judged; nothing that is in the file can end the command."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_ed.cli.parser import Parser
from tinygrad_ed.errors import FileProblem, InvalidValue

if TYPE_CHECKING:
    from tinygrad_ed.checking.judgement import Judgement

EPILOG = """A FILE of your own is a Python file with functions named after the lecture's rules, with their arguments:
  zeta(alpha_prev, omega, beta)   alpha(zeta, phi)   B_last(zeta, alpha, rho, dphi, grad_C)
  B_hidden(zeta, omega_next, B_next, dphi)   P(omega, B)   grad_omega(alpha_prev, B)   grad_beta(B)
They are judged on the random network. The file is run: check only what you would run yourself.
Exit status: 0 right, 1 wrong, 2 cannot be judged."""


def add_options(check: Parser) -> None:
    """Add to the command `check` what belongs to a file."""
    check.add_argument("file", nargs="?", metavar="FILE", help="your own rules, such as my_rules.py")
    check.add_argument(
        "--tell",
        choices=("where", "what", "mend"),
        default="what",
        help="how much is given away (default: %(default)s)",
    )
    check.add_argument("--json", action="store_true", help="print what was found as JSON")
    check.add_argument("--seconds", type=float, default=10.0, help="limit for one call of yours (default: %(default)s)")


def check_file(options: argparse.Namespace, mlp: Any, x: Any, rho: Any) -> int:
    """Judge the file on that network and batch, and print it; return the exit status.

    Raises:
        FileProblem: for a file that is not there.
        InvalidValue: for one that fails, or has nothing in it that can be judged.
    """
    judgement = _rules(options, mlp, x, rho)
    if options.json:
        print(json.dumps(_finite(judgement.to_dict()), ensure_ascii=False, indent=2))
    else:
        print(repr(judgement).strip("<>") if options.brief else judgement)
    return 0 if judgement.agree else 1


def _rules(options: argparse.Namespace, mlp: Any, x: Any, rho: Any) -> "Judgement":
    """Judge functions that are named after the lecture's rules."""
    import runpy

    from tinygrad_ed.checking.crosscheck import crosscheck
    from tinygrad_ed.checking.judgement import Finding, JudgedRow, Judgement
    from tinygrad_ed.closed_form.rules import RULES
    from tinygrad_ed.nn.guard import guarded, restored, tame
    from tinygrad_ed.train.checks import number_between

    seconds = number_between("--seconds", options.seconds)
    if not Path(options.file).is_file():
        raise FileProblem(f"there is no file {options.file!r}")
    names, problem = guarded("file", runpy.run_path, options.file, seconds=seconds)
    if problem:
        raise InvalidValue(f"{options.file!r} cannot be judged: {problem}")
    rules = {name: names[name] for name in RULES if callable(names.get(name))}
    if copied := [name for name, rule in rules.items() if getattr(rule, "__module__", "").startswith("tinygrad_ed")]:
        raise InvalidValue(f"{', '.join(copied)} in {options.file!r} is that of the package; write one of your own")
    if not rules:
        raise InvalidValue(f"{options.file!r} has no function named after a rule: {', '.join(RULES)}")
    with restored():
        tamed = {name: tame(name, rule, seconds) for name, rule in rules.items()}
        result = crosscheck(mlp, x, rho, options.cost, rules=tamed)
    found = []
    for each in result.diagnosis:
        where, verdict = f"layer {', '.join(map(str, each.layers))}", each.verdict.removeprefix("probably ")
        verdict = verdict.replace(f"it raised RuleError: your {each.rule}", "it")
        found.append(Finding(each.rule, where, verdict, each.mend, bool(each.known)))
    slips = {quantity for each in result.diagnosis for quantity in each.quantities}
    rows = []
    for row in result.rows:
        verdict = "right" if row.agree else "wrong" if row.quantity in slips else "inherits"
        rows.append(JudgedRow(row.quantity, row.agree, row.difference, verdict))
    return Judgement(
        "your rules", tuple(rows), tuple(found), result.notes if options.tell != "where" else (), options.tell
    )


def _finite(tree: Any) -> Any:
    """Return it with None in the place of what JSON has no number for."""
    if isinstance(tree, dict):
        return {key: _finite(branch) for key, branch in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(branch) for branch in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
