"""Compilation: record a function once, replay it as a flat program, and read that program."""

from tinygrad_ed.tape.compiled import Compiled, compile  # noqa: A004  # torch and re have it too
from tinygrad_ed.tape.tape import Tape

__all__ = ["Compiled", "Tape", "compile"]
