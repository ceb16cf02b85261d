"""Data to learn from: real sets that ship with the package, toy sets, and the reader of a user's own table.

Each function returns a `Dataset`, and `fit`, `ledger` and `crosscheck` take it apart: `fit(mlp, *iris())`.
"""

from tinygrad_ed.data.dataset import Dataset
from tinygrad_ed.data.real import digits, iris
from tinygrad_ed.data.table import read_table
from tinygrad_ed.data.toys import circles, moons, spirals, xor

__all__ = ["Dataset", "circles", "digits", "iris", "moons", "read_table", "spirals", "xor"]
