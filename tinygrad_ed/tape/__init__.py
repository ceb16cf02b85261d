"""Compilation: record a function once, replay it as a flat program, and read that program."""

from tinygrad_ed.tape.compiled import Compiled, Tape, compile  # noqa: A004  # torch and re have it too

__all__ = ["Compiled", "Tape", "compile"]
