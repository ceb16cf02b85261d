"""A derivation that several tests read, and time for SymPy."""

import importlib

import pytest
from derive_networks import given_network

from tinygrad_ed.lecture import algebra, derive


@pytest.fixture(scope="module")
def small():
    return derive(*given_network([2, 3, 2]), j=1, k=1)


@pytest.fixture(scope="module", autouse=True)
def patient():
    """Give SymPy a minute where a user's limit is seconds: the machine may be busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(algebra.decided, "__defaults__", (60.0,))
        patch.setattr(importlib.import_module("tinygrad_ed.lecture.my_derivation"), "SECONDS", 60.0)
        yield
