"""Quantity: the name of a quantity of the slides, taken apart: what it is, its layer, and its neurons."""

import re
from typing import NamedTuple


def lettered(name: str) -> str:
    """Return the name of a quantity for that of a parameter in a network: `omega[1,0,2]` for `W1[0,2]`."""
    match = re.fullmatch(r"([Wb])(\d+)(?:\[([\d,]+)\])?", name)
    if match is None:
        return name
    return f"{'omega' if match[1] == 'W' else 'beta'}[{match[2]}{',' + match[3] if match[3] else ''}]"


class Quantity(NamedTuple):
    """A quantity by its name in code, such as "omega[1,0,2]": the weight of layer 1 from neuron 0 to neuron 2."""

    kind: str  # "zeta", "grad_omega", "f_by_a", ...
    layer: int = 0  # from 1; 0 for the input, and where there is none
    neurons: tuple[int, ...] = ()  # from 0; none for the whole array

    @classmethod
    def of(cls, name: str) -> "Quantity":
        """Take a name apart; what is no name of a quantity is a kind as it stands."""
        match = re.fullmatch(r"(\w+)\[(\d+(?:,\d+)*)\]", name)
        if match is None:
            return cls(name)
        layer, *neurons = [int(place) for place in match[2].split(",")]
        return cls(match[1], layer, tuple(neurons))
