"""A derivation that several tests read."""

import pytest
from derive_networks import given_network

from tinygrad_ed.lecture import derive


@pytest.fixture(scope="module")
def small():
    return derive(*given_network([2, 3, 2]), j=1, k=1)
