"""What every entrance checks: numbers, also those of tables of other libraries."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn.checks import numbers


class Frame:
    """A table as polars has it: its dtypes are a list."""

    columns, dtypes = ["height", "city"], ["Float64", "String"]

    def __getitem__(self, name):
        return [1.0] if name == "height" else ["Lyon"]

    def __array__(self, dtype=None, copy=None):
        return np.array([[1.0, "Lyon"]], object)


def test_a_table_with_text_is_refused_by_its_column():
    with pytest.raises(tg.InvalidType, match="x must hold real numbers, but column 'city' is String"):
        numbers("x", Frame())
