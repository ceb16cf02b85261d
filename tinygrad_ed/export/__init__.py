"""Networks, compiled functions and their gradients as files that run elsewhere: `onnx`, `python`; and as weights."""

from tinygrad_ed.export.files import onnx, python
from tinygrad_ed.export.weights import keras_weights, torch_state

__all__ = ["keras_weights", "onnx", "python", "torch_state"]
