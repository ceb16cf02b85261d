"""Tape: the program of one signature, ready to run and to read."""

import math
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_ed.errors import StaleGraph
from tinygrad_ed.graph.nested import leaves, rebuilt
from tinygrad_ed.tape.levelling import level
from tinygrad_ed.tape.listing import Listing, ProgramStep
from tinygrad_ed.tape.program import interpreted, program_of
from tinygrad_ed.tape.record import ON_NUMBERS, Recording, is_input
from tinygrad_ed.tape.replay import Replay
from tinygrad_ed.tape.unpack import nested_text, unpacking
from tinygrad_ed.tape.watch import Watch


class Tape:
    """A recorded function, for arguments of one kind.

    Attributes:
        program: its steps, see `program.py`.
        why: whether single numbers are computed by levels or by lines of Python, and why.
        text: what is run, buffers and all; `source()` is the same to read.
        usual: the size of numbers in the recorded run: the middle one of what is largest in each of its values.
    """

    def __init__(
        self,
        name: str,
        recording: Recording,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        watch: Watch,
        reuse: bool,
    ) -> None:
        self.name = name
        self.why = level(recording)
        self.program = program_of(recording, watch.outside)
        self._arguments = recording.arguments
        self.output = rebuilt(recording.output, iter(self.program.results))
        self._watch = watch
        writer = Replay(self.program, reuse)
        lines = unpacking(args, keywords, writer.names)
        results = iter([writer.result_text(y) for y in self.program.results])
        self.text = writer.text(lines, f"return {nested_text(recording.output, results, writer.names)}")
        self._places, self._buffers = writer.places, writer.buffers
        # The text is ours: names are generated, and numbers are written by repr or go in by name.
        space: dict[str, Any] = {"np": np, "math": math, **writer.names}
        exec(compile(self.text, f"<tape of {name}>", "exec"), space)  # noqa: S102  # text written by us
        self._bind = space.pop("bind")  # out of its own globals, or they would keep each other alive
        self._raises = any([step.fn in ON_NUMBERS for step in self.program.steps])
        sizes = [largest([x.value]) for x in [*self.program.inputs, *self.program.steps]]
        self.usual = float(np.median([size for size in sizes if size] or [0.0]))
        recording.forget()
        for x in [*self.program.inputs, *self.program.steps]:
            if isinstance(x.value, np.ndarray):  # the numbers of the recorded run are not needed any more
                x._value = np.broadcast_to(np.zeros((), x.value.dtype), x.value.shape)
        self._pool = [self._bind()]

    def replay(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run the program; `OTHER` if the arguments are not of its kind.

        Raises:
            StaleGraph: if what the function read from outside has changed.
        """
        changed = self._watch.changed()
        if changed:
            raise StaleGraph(
                f"{self.name} was recorded with another value of {changed}: give it as an argument, or call forget() "
                "to record anew"
            )
        try:
            run = self._pool.pop()
        except IndexError:  # other threads have all sets of buffers in use
            run = self._bind()
        try:
            return run(args, keywords)
        except (ArithmeticError, ValueError):
            if not self._raises:
                raise
            # A Python number cannot say inf, NumPy can.
            entries = [x for x in leaves([args, keywords]) if is_input(x)]
            return rebuilt(self.output, iter(interpreted(self.program, entries)))
        finally:
            self._pool.append(run)

    @cached_property
    def _listing(self) -> Listing:
        return Listing(self.program, self._places, self._arguments)

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


def largest(entries: list[Any]) -> float:
    """Return the largest finite size of a number among the arrays and numbers.

    >>> largest([1.0, np.array([-3.0, np.inf])])
    3.0
    """
    arrays = [np.asarray(x, float) for x in entries if is_input(x)]
    return max([float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in arrays], default=0.0)
