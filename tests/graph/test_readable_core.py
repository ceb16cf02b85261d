"""The core tests once more, on the readable road (`tg.readable()`)."""

import pytest
from test_backward import *  # noqa: F403
from test_node import *  # noqa: F403
from test_transforms import *  # noqa: F403

import tinygrad_ed as tg


@pytest.fixture(scope="module", autouse=True)
def _on_the_readable_road():
    with tg.readable():
        yield
