"""A network's weights as other libraries name and turn them."""

import os
from pathlib import Path

import numpy as np

from tinygrad_ed.data.files import write_whole
from tinygrad_ed.errors import InvalidValue, MissingExtra
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.mlp import MLP


def torch_state(mlp: MLP, path: "str | os.PathLike[str] | None" = None) -> dict[str, Array]:
    """Return the state dict of the torch.nn.Sequential with a Linear and an activation for each layer.

    Args:
        mlp: the network; its weights are turned to PyTorch's `(n_out, n_in)`.
        path: a .safetensors file to write as well, which `load_state_dict(load_file(path))` takes.

    Raises:
        InvalidValue: for a file of another kind.
        MissingExtra, FileProblem: without safetensors, or for a file that cannot be written.

    >>> list(torch_state(MLP([2, 3, 1])))
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    state = {}
    for j, layer in enumerate(mlp.layers):
        for name, parameter in zip(("weight", "bias"), layer.parameters(), strict=False):
            state[f"{2 * j}.{name}"] = np.ascontiguousarray(parameter.value.T)
    if path is not None:
        if Path(path).suffix != ".safetensors":
            raise InvalidValue(f"torch_state writes .safetensors files, not {str(path)!r}")
        try:
            from safetensors.numpy import save
        except ImportError as error:
            raise MissingExtra(
                "writing .safetensors needs the extra: pip install 'tinygrad_ed[safetensors]'"
            ) from error
        write_whole(Path(path), save(state))
    return state


def keras_weights(mlp: MLP) -> list[Array]:
    """Return the kernels and biases in the order that `model.set_weights` takes.

    >>> [array.shape for array in keras_weights(MLP([2, 3, 1]))]
    [(2, 3), (3,), (3, 1), (1,)]
    """
    return [np.array(parameter.value) for parameter in mlp.parameters()]
