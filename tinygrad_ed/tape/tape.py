"""Tape: the program of one signature with the function it came from, ready to run and to read."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, StaleGraph
from tinygrad_ed.graph.nested import name_of, rebuilt
from tinygrad_ed.tape.held import Held, equal, said
from tinygrad_ed.tape.listing import Listing, ProgramStep
from tinygrad_ed.tape.program import Undecided, program_of
from tinygrad_ed.tape.record import Recording
from tinygrad_ed.tape.replay import Replay
from tinygrad_ed.tape.unpack import OTHER, nested_text, unpacking
from tinygrad_ed.tape.verify import complaint, plainly


class Tape:
    """A recorded function, for arguments of one kind.

    Attributes:
        program: its steps, see `simplify.py`.
        why: whether single numbers are computed by levels or by lines of Python, and why.
        text: what is run, buffers and all; `source()` is the same to read.
        calls: how often it was run.
        due: the call at which it is cross-checked next.
        given: the arguments it was recorded with.
    """

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], verify: object, reuse: bool
    ) -> None:
        self.name = name_of(f)
        self._f, self._verify, self.given = f, verify, (args, keywords)
        held = Held(f)
        recording = Recording(f, args, keywords, held.outside)
        for read, was, words in held.places:
            if (now := read()) is not was and not equal(now, was):
                raise InvalidValue(
                    f"{self.name} itself changes {said(words, now, was)} while it runs: a replay would not do that; "
                    "return what changes as a result"
                )
        held.add_nodes(recording.captured)
        self._places_outside = held.places
        self.program = program_of(recording)
        self.why = self.program.why
        self.output = rebuilt(recording.output, iter(self.program.results))
        writer = Replay(self.program, reuse)
        lines = unpacking(args, keywords, writer.names)
        results = iter([writer.result_text(y) for y in self.program.results])
        self.text = writer.text(lines, f"return {nested_text(recording.output, results, writer.names)}")
        self._places, self._buffers = writer.places, writer.buffers
        # The text is ours: names are generated, and numbers are written by repr or go in by name.
        space: dict[str, Any] = {"np": np, "math": math, **writer.names}
        exec(compile(self.text, f"<tape of {self.name}>", "exec"), space)  # noqa: S102  # text written by us
        self._bind = space.pop("bind")  # out of its own globals, or they would keep each other alive
        recording.forget()
        for x in [*self.program.inputs, *self.program.steps]:
            if isinstance(x.value, np.ndarray):  # the numbers of the recorded run are not needed any more
                x._value = np.broadcast_to(np.zeros((), x.value.dtype), x.value.shape)
        self._pool = [self._bind()]
        self.calls, self.due = 0, 1 if verify else math.inf

    def replay(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run the program; `OTHER` if the arguments are not of its kind.

        Raises:
            StaleGraph: if what the function read from outside has changed, a decision falls otherwise than it was
                recorded, or the cross-check finds another result.
        """
        for read, was, words in self._places_outside:
            now = read()
            if now is not was and not equal(now, was):
                raise StaleGraph(
                    f"{self.name} was recorded with another value of {said(words, now, was)}: give it as an argument, "
                    "or call forget() to record anew"
                )
        try:
            run = self._pool.pop()
        except IndexError:  # other threads have all sets of buffers in use
            run = self._bind()
        try:
            result = run(args, keywords)
        except (ArithmeticError, ValueError):  # a Python number cannot say inf, and the function says what is wrong
            return plainly(self._f, args, keywords)
        except Undecided as decision:
            self._refuse(decision, args, keywords)
        finally:
            self._pool.append(run)
        if result is OTHER:
            return result
        self.calls += 1
        if self.calls >= self.due:
            self._cross_check(args, keywords, result)
        return result

    def _cross_check(self, args: tuple[Any, ...], keywords: dict[str, Any], result: Any) -> None:
        """See that `f` itself gives what the program gave."""
        self.due = 0.0  # again at the next call, if it fails
        wrong = complaint(self.program, self._f, args, keywords, result)
        if wrong is not None:
            raise StaleGraph(f"{wrong} (cross-check at call {self.calls})")
        self.due = self.calls + 1 if self._verify == "always" else 2 * self.calls

    def _refuse(self, decision: Undecided, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Say that the program does not hold here. If `f` itself refuses them, its own words are better."""
        number, now = decision.args
        plainly(self._f, args, keywords)
        _, was, line = self.program.decisions[number]
        what = "a shape that depends on numbers" if isinstance(was, tuple) else "a branch on a number"
        raise StaleGraph(
            f"{self.name} has {what} at {line}: it was {was} when tg.compile recorded, and is {now} for these "
            "arguments, so the recorded program does not hold; choose with np.where, keep shapes fixed, or do not "
            "compile this function"
        ) from None

    @cached_property
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
        return self._listing.source(self.name, self.output)

    def __str__(self) -> str:
        program = self.program
        heading = [
            f"{self.name}: {len(program.steps)} steps of {program.recorded} recorded ones, "
            f"{self._buffers} bytes of buffers",
            self.why,
        ]
        return self._listing.table(heading)
