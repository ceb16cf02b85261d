"""Every error of the package, in one place (the lowest floor: it imports nothing).

Each derives from `Error` and from the builtin that fits, so that both `except tg.Error` and
`except ValueError` catch it. A message is a lesson: what happened, to which thing, what was
expected, and what to do.
"""

from collections.abc import Iterable


class Error(Exception):
    """The base of every error that tinygrad_ed raises on purpose. Its message is one line, also with an array in it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InvalidValue(Error, ValueError):
    """A value of the right type that cannot be used: a wrong number, name or label."""


class InvalidType(Error, TypeError):
    """A thing of a type that cannot be used: text in place of a number, for example."""


class ShapeError(Error, ValueError):
    """Shapes that do not fit together."""


class GraphDropped(Error, TypeError):
    """An operation that would turn a Node into a plain number and lose its derivative."""


class NoDerivativeRule(Error, TypeError):
    """A function, keyword or method for which no derivative rule exists."""


class StaleGraph(Error, RuntimeError):
    """A sweep through a graph that was built before one of its leaves was changed."""


class RuleError(Error, RuntimeError):
    """A derivative rule that failed or that returned a gradient of the wrong shape."""


class NotFinite(Error, ArithmeticError):
    """The first NaN or infinity, found by `tg.debug()`."""


class GradientMismatch(Error, AssertionError):
    """A gradient that disagrees with central differences."""


class Diverged(Error, ArithmeticError):
    """A training run whose cost or weights are no longer finite."""


class WorkerLost(Error, RuntimeError):
    """A worker that was lost, or that failed, before it gave its part of a gradient."""


class MissingExtra(Error, ImportError):
    """An optional dependency that is not installed."""


class FileProblem(Error, OSError):
    """A file or folder that cannot be read or written."""


def nearest(name: object, known: Iterable[str]) -> str:
    """Return a hint with the nearest known names, and all of them.

    >>> nearest("tahn", ["tanh", "relu"])
    "Did you mean 'tanh'? Known: relu, tanh."
    """
    import difflib  # only for a message: it would be a tenth of the time that the package takes to import

    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(names)}."
