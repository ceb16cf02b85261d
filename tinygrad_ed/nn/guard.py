"""Guard: a reader's code is run so that it does no harm by mistake; what goes wrong becomes words.

What is held off: exceptions of every kind, `sys.exit()` too, endless recursion, an endless loop (where a time limit is
given), and changes of the state that a process shares. What the code prints goes to the stream for errors, so that it
never stands where a result should. This is no sandbox: the code can do on purpose whatever Python can, such as
delete files. Run only code that you would run yourself.
"""

import contextlib
import dis
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, RuleError
from tinygrad_ed.graph.nested import leaves, rebuilt
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.values import Array

AGAIN = 0.01  # seconds after which a time limit is raised again, where the code has caught it
OURS = (__file__, contextlib.__file__)  # where the time limit is being switched off


class _TimeUp(BaseException):
    """The time limit; not an Exception, so that the usual `except` lets it through."""


def guarded(
    name: str, function: Callable[..., Any], *args: Any, seconds: float | None = None, **kwargs: Any
) -> tuple[Any, str | None]:
    """Call a reader's function; return its answer as it is, and what went wrong in words (with that name), or None.

    Give it copies (`protected`). On the main thread a time limit stops every Python code, elsewhere only what does not
    catch every exception. Only Ctrl-C gets through, as the KeyboardInterrupt that it is.

    >>> guarded("f", sys.exit, 0)
    (None, 'your f ended the program (SystemExit: 0)')
    """
    with restored():
        return _tried(name, function, args, kwargs, seconds)


def _tried(
    name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], seconds: float | None
) -> tuple[Any, str | None]:
    try:
        with contextlib.redirect_stdout(sys.stderr), _limited(seconds):
            return function(*args, **kwargs), None
    except RuleError as error:
        return None, str(error)
    except _TimeUp:
        return None, f"your {name} was stopped after {seconds:g} seconds: an endless loop?"
    except RecursionError:
        return None, f"your {name} calls itself without end, or too deep: recursion (RecursionError)"
    except KeyboardInterrupt as stop:
        if not _raised_by_code(stop.__traceback__):
            raise
        return None, f"your {name} ended the program ({_words(stop)})"
    except SystemExit as stop:
        return None, f"your {name} ended the program ({_words(stop)})"
    except BaseException as error:  # noqa: BLE001  # whatever a reader's code raises is a finding
        if "read-only" in (words := _words(error)) and isinstance(error, ValueError):
            return None, f"your {name} writes into what it was given ({words}); make a copy first, or a new array"
        return None, f"your {name} raised {words}"


def tame(name: str, function: Callable[..., Any], seconds: float | None = None) -> Callable[..., Any]:
    """Return the function with read-only copies for its arguments, whose every failure is a RuleError.

    For many calls: give the process back its state (`restored`) after all of them.
    """

    def tamed(*args: Any) -> Any:
        answer, problem = _tried(name, function, protected(args), {}, seconds)
        if problem:
            raise RuleError(problem)
        return answer

    return tamed


def protected(tree: Any, writable: bool = False) -> Any:
    """Return nested lists, tuples and dicts anew, with a copy of each array in them: read-only, unless told."""
    found = [np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves(tree)]
    for leaf in found:
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = writable
    return rebuilt(tree, iter(found))


def plain_numbers(what: str, answer: Any) -> Array:
    """Return an answer as an array of floats of its own, which compares as numbers do, whatever the answer claims.

    float32 stays; whole numbers become float64. None, text and objects are refused.
    """
    if answer is None:
        raise InvalidType(f"{what} gave None; is a `return` missing?")
    answer, problem = guarded(what, lambda: np.array(plain(answer)))  # an object may have an `__array__` of its own
    if problem or answer.dtype.kind not in "fiub":
        raise InvalidType(f"{what} gave no array of real numbers ({problem or f'dtype {answer.dtype}'})")
    found: Array = answer if answer.dtype in (np.float32, np.float64) else answer.astype(float)
    return found


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Give the process back its state at the end: floating point, random numbers, warnings, tracing, folder, depth."""
    numpy_random, python_random = np.random.get_state(), random.getstate()
    depth, folder, trace, profile = sys.getrecursionlimit(), os.getcwd(), sys.gettrace(), sys.getprofile()  # noqa: PTH109
    try:
        with np.errstate(all="ignore"), np.printoptions(), warnings.catch_warnings():
            yield
    finally:
        np.random.set_state(numpy_random)
        random.setstate(python_random)
        sys.setrecursionlimit(depth)
        if os.getcwd() != folder:  # noqa: PTH109
            os.chdir(folder)
        if sys.gettrace() is not trace:
            sys.settrace(trace)
        if sys.getprofile() is not profile:
            sys.setprofile(profile)


@contextlib.contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """Raise _TimeUp after so many seconds: by a signal on the main thread, else line by line."""
    if seconds is None:
        yield
        return
    end, trace = time.monotonic() + seconds, sys.gettrace()
    fired: list[int] = []
    signals = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def look(frame: FrameType | None, event: str, arg: Any) -> Any:
        late = event in ("line", "signal") and time.monotonic() > end  # not "exception": that would be caught as well
        if late and frame and frame.f_code.co_filename not in OURS:
            raise _TimeUp
        return look

    def stop(signalled: int, frame: FrameType | None) -> None:
        if fired:  # the first was caught, by a bare `except:`: then it is raised again inside of that
            caller = frame
            while caller and caller.f_code.co_filename not in OURS:
                caller.f_trace, caller = look, caller.f_back
            sys.settrace(look)
        fired.append(signalled)
        look(frame, "signal", None)

    if signals:
        handler = signal.signal(signal.SIGALRM, stop)
    try:
        if signals:
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        else:
            sys.settrace(look)
        yield
    finally:
        if signals:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
        sys.settrace(trace)


def _words(error: BaseException) -> str:
    """Return the kind of an exception and its message, on one line and without signs that a terminal obeys."""
    try:
        text = "".join([sign if sign.isprintable() else " " for sign in str(error)])
    except BaseException:  # noqa: BLE001  # its message is code of the reader's, too
        text = ""
    return ": ".join([type(error).__name__, *[part for part in (" ".join(text.split()),) if part]])


def _raised_by_code(trace: TracebackType | None) -> bool:
    """Tell whether an exception comes from a `raise`; Ctrl-C comes between two instructions."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]
