"""The core tests once more, on the readable road (`tg.readable()`)."""

import pytest
from test_backward import *  # noqa: F403
from test_backward_depth import *  # noqa: F403
from test_backward_properties import *  # noqa: F403
from test_gradients import *  # noqa: F403
from test_jacobian import *  # noqa: F403
from test_nested_transforms import *  # noqa: F403
from test_no_grad import *  # noqa: F403
from test_node import *  # noqa: F403
from test_node_indexing import *  # noqa: F403
from test_node_methods import *  # noqa: F403
from test_node_operators import *  # noqa: F403
from test_node_protocols import *  # noqa: F403
from test_transforms import *  # noqa: F403
from test_wrong_rules import *  # noqa: F403

import tinygrad_ed as tg


@pytest.fixture(scope="module", autouse=True)
def _on_the_readable_road():
    with tg.readable():
        yield
