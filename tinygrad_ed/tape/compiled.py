"""`tg.compile(f)`: `f` recorded once for each signature, replayed, and cross-checked.

A call first asks the program of the last call whether the arguments are of its kind, then those before; the text of
each does that, entry by entry, while it takes the arguments apart. Each running call has buffers of its own, so that
threads do not disturb each other. At calls 1, 2, 4, 8, ... `f` itself runs beside the program (`verify.py`).
"""

import builtins
import functools
import math
import time
from collections.abc import Callable
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, StaleGraph
from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.nested import leaves, name_of
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Lifted
from tinygrad_ed.tape.held import Held
from tinygrad_ed.tape.listing import Listing, ProgramStep
from tinygrad_ed.tape.record import Recording, collector_off
from tinygrad_ed.tape.replay import OTHER, Replay, Undecided
from tinygrad_ed.tape.simplify import Program
from tinygrad_ed.tape.verify import complaint, plainly

MOST = 16
"""So many signatures are recorded, at most."""

P = ParamSpec("P")
R = TypeVar("R")
Verify = Literal["doubling", "always", False]


class Tape:
    """The program of one signature with the function it came from, ready to run and to read.

    Attributes:
        program: its steps, see `simplify.py`.
        why: whether single numbers are computed by levels or by lines of Python, and why.
        text: what is run, buffers and all; `source()` is the same to read.
        calls: how often it was run.
        due: the call at which it is cross-checked next.
        f: the function that was recorded.
        given: the arguments it was recorded with.
        seconds: how long it took to record and to compile it.
    """

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], verify: object, reuse: bool
    ) -> None:
        began = time.perf_counter()
        self.name = name_of(f)
        self.f, self.given, self._verify, self._held = f, (args, keywords), verify, Held(f)
        recording = Recording(f, args, keywords, self._held.outside)
        if words := self._held.changed():
            raise InvalidValue(
                f"{self.name} itself changes {words} while it runs: a replay would not do that; return what changes as "
                "a result"
            )
        self._held.add_nodes(recording.captured)
        self.program = Program(recording)
        self.why = self.program.why
        writer = Replay(self.program, reuse)
        self.text = writer.text(len(args), tuple(keywords))
        self._places, self._buffers = writer.places, writer.buffers
        # The text is ours: names are generated, and numbers are written by repr or go in by name.
        space: dict[str, Any] = {"np": np, "math": math, **writer.names}
        exec(builtins.compile(self.text, f"<tape of {self.name}>", "exec"), space)  # noqa: S102  # text written by us
        self._bind = space.pop("bind")  # out of its own globals, or they would keep each other alive
        recording.forget()
        for x in [*self.program.inputs, *self.program.steps]:
            if isinstance(x.value, np.ndarray):  # the numbers of the recorded run are not needed any more
                x._value = np.broadcast_to(np.zeros((), x.value.dtype), x.value.shape)
        self._pool = [self._bind()]
        self.calls, self.due = 0, 1 if verify else math.inf
        self.seconds = time.perf_counter() - began

    def replay(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run the program; `OTHER` if the arguments are not of its kind.

        Raises:
            StaleGraph: if what the function read from outside has changed, a decision falls otherwise than it was
                recorded, or the cross-check finds another result.
        """
        if words := self._held.changed():
            raise StaleGraph(
                f"{self.name} was recorded with another value of {words}: give it as an argument, or call forget() to "
                "record anew"
            )
        try:
            run = self._pool.pop()
        except IndexError:  # other threads have all sets of buffers in use
            run = self._bind()
        try:
            result = run(args, keywords)
        except (ArithmeticError, ValueError):  # a Python number cannot say inf, and the function says what is wrong
            return plainly(self.f, args, keywords)
        except Undecided as decision:
            number, now = decision.args
            plainly(self.f, args, keywords)  # if the function itself refuses them, its own words are better
            _, was, line = self.program.decisions[number]
            what = "a shape that depends on numbers" if isinstance(was, tuple) else "a branch on a number"
            raise StaleGraph(
                f"{self.name} has {what} at {line}: it was {was} when tg.compile recorded, and is {now} for these "
                "arguments, so the recorded program does not hold; choose with np.where, keep shapes fixed, or do not "
                "compile this function"
            ) from None
        finally:
            self._pool.append(run)
        if result is OTHER:
            return result
        self.calls += 1
        if self.calls >= self.due:
            self.due = 0.0  # again at the next call, if it fails
            wrong = complaint(self.program, self.f, args, keywords, self._held.outside, result)
            if wrong is not None:
                raise StaleGraph(f"{wrong} (cross-check at call {self.calls})")
            self.due = self.calls + 1 if self._verify == "always" else 2 * self.calls
        return result

    @functools.cached_property
    def _listing(self) -> Listing:
        return Listing(self.program, self._places)

    def steps(self) -> list[ProgramStep]:
        """Return the program as plain data, one entry a step."""
        return self._listing.steps()

    def results(self) -> list[str]:
        """Return the names of what the program hands out, in order; of a constant, its text."""
        return self._listing.results()

    def source(self) -> str:
        """Return the program as the text of a Python module: imports, constants, and the function.

        It runs with NumPy alone: arrays that the program has taken from outside are written out to the last digit, and
        so is each function that is not NumPy's, if it is written in a file with such functions alone.

        Raises:
            InvalidValue: for a function or a constant that no text of Python says.
        """
        return self._listing.source(self.name)

    def __str__(self) -> str:
        steps = f"{len(self.program.steps)} steps of {self.program.recorded} recorded ones"
        heading = [
            f"{self.name}: {steps}, {self._buffers} bytes of buffers",
            f"{self.why}; made in {self.seconds:.1g} s",
        ]
        return self._listing.table(heading)


class Compiled(Generic[P, R]):
    """A function that is recorded and replayed; made by `compile`.

    Attributes:
        tapes: the tape of each signature, in the order of recording.
    """

    def __init__(self, f: Callable[P, R], reuse: bool, verify: Verify) -> None:
        functools.update_wrapper(self, f)
        self._f, self._reuse, self._verify = f, reuse, verify
        self._latest: Tape | None = None
        self.tapes: list[Tape] = []

    @overload  # what is written with Nodes is called with plain values, and gives them
    def __call__(self: "Compiled[..., Node]", *args: Any, **keywords: Any) -> Any: ...
    @overload
    def __call__(self, *args: P.args, **keywords: P.kwargs) -> R: ...
    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Return what `f` returns, as numbers and arrays."""
        tape = self._latest
        if tape is None or observer.get() is not None:
            return self._first(args, keywords)
        result = tape.replay(args, keywords)
        return self._first(args, keywords) if result is OTHER else result

    def __get__(self, instance: Any, owner: type) -> "Compiled[P, R]":
        if instance is not None:
            raise InvalidType(
                f"tg.compile takes a function, and {name_of(self._f)} is a method, whose `self` is no number: compile "
                f"the bound method, as in `self.fast = tg.compile(self.{name_of(self._f)})`"
            )
        return self

    @property
    def tape(self) -> Tape:
        """The tape of the last signature."""
        if self._latest is None:
            raise InvalidValue(f"nothing is recorded yet: call {name_of(self._f)} once, then look at the tape")
        return self._latest

    def __str__(self) -> str:
        return str(self._latest) if self._latest else f"{name_of(self._f)}, not recorded yet"

    def source(self) -> str:
        """Return the last tape as the text of a Python module, which runs with NumPy alone; see `Tape.source`."""
        return self.tape.source()

    def __reduce__(self) -> Any:
        """Pickle as the function itself, without its tapes: another process records anew."""
        return compile, (self._f, self._reuse, self._verify)

    def forget(self) -> None:
        """Drop all tapes: the next call records anew."""
        self._latest = None
        self.tapes.clear()

    def _first(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Return a call for which the last tape was not made: find the tape, or record one."""
        if observer.get() is not None or any([isinstance(x, Node | Lifted) for x in leaves([args, keywords])]):
            return self._f(*args, **keywords)  # inside another transform, a recording, or tg.debug()
        known = len(self.tapes)
        for tape in self.tapes:
            if (result := tape.replay(args, keywords)) is not OTHER:
                self._latest = tape
                return result
        if known >= MOST:
            raise InvalidValue(
                f"{name_of(self._f)} was called with {MOST} different signatures (shapes, dtypes, whole numbers, "
                "switches), and each needs a program of its own; give arrays of few shapes and numbers as floats, "
                "or call forget()"
            )
        with collector_off():
            tape = Tape(self._f, args, keywords, self._verify, self._reuse)
        if len(self.tapes) != known:  # another thread has recorded meanwhile: no lock, which a fork could keep closed
            return self._first(args, keywords)
        self.tapes.append(tape)
        self._latest = tape
        return tape.replay(args, keywords)


@overload
def compile(f: Callable[P, R], reuse: bool = False, verify: Verify = "doubling") -> Compiled[P, R]: ...
@overload  # mypy finds no P and R for the gradients of transforms.py
def compile(
    f: Callable[Concatenate[Any, P], R], reuse: bool = False, verify: Verify = "doubling"
) -> Compiled[Concatenate[Any, P], R]: ...
def compile(f: Callable[..., Any], reuse: bool = False, verify: Verify = "doubling") -> Compiled[..., Any]:
    """Return `f` as a function that is recorded once and then replayed as a flat program.

    It is for functions of their arguments. The first call with a signature (nesting, shapes, dtypes; the values of
    truth values, texts and None) records all that `f` computes from its arguments, sweeps of `tg.grad` and its kin
    included; later calls run the record as straight lines of NumPy that write into buffers planned beforehand. `f`
    gets what stands for plain arrays and numbers.

    Args:
        f: a function of numbers and arrays, also in nested lists, tuples and dicts.
        reuse: hand out the program's own buffers, which the next call overwrites, in place of new arrays.
        verify: when `f` itself runs beside the program and all results are compared: at calls 1, 2, 4, 8, ...
            ("doubling"), at each ("always"), or never (False).

    Raises (the returned function):
        StaleGraph: if what `f` read from outside has changed since, a branch or shape that depends on numbers falls
            otherwise than it was recorded, or the cross-check finds another result (a random draw, the time).
        GraphDropped: while recording, if a number would leave the record (`float(x)`, `f"{x}"`, `{x: 1}`), or an
            array is written into (`y *= s`).
        InvalidValue: if `f` catches an error of a traced value or changes a list that it was given, and beyond 16
            signatures.
        InvalidType: for subclasses of ndarray, list and dict among the arguments, and what holds no real numbers.

    >>> import numpy as np
    >>> from tinygrad_ed.transforms.functions import grad
    >>> slope = compile(grad(lambda x: (x**3).sum()))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    if not callable(f):
        raise InvalidType(f"tg.compile takes a function, but got {f!r}")
    if verify not in ("doubling", "always", False):
        raise InvalidValue(f"verify is 'doubling', 'always' or False, not {verify!r}")
    return Compiled(f, reuse, verify)
