"""Data to learn from: real sets that ship with the package, toy sets, and the reader of a user's own table.

Each function returns a `Dataset`, and `fit`, `ledger` and `crosscheck` take it apart: `fit(mlp, *iris())`.
"""

from tinygrad_ed.data.dataset import Dataset
from tinygrad_ed.data.sets import circles, digits, iris, moons, spirals, xor
from tinygrad_ed.data.table import read_table

__all__ = ["Dataset", "circles", "digits", "iris", "moons", "read_table", "spirals", "xor"]
