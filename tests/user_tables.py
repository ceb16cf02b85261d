"""Tables as a user has them, and the answers to one."""

import csv

import numpy as np

from tinygrad_ed.data import Dataset


def flowers(rows=90, order=("height", "width", "color", "kind"), target=True):
    """A table of two classes, with an input of no meaning, in any order of columns."""
    rng = np.random.default_rng(0)
    lines = [",".join(name for name in order if target or name != "kind")]
    for i in range(rows):
        cells = {
            "height": f"{rng.normal(2 * (i % 2), 0.3):.3f}",
            "width": f"{1e6 * rng.normal(-(i % 2), 0.1):.1f}",
            "color": f"{rng.uniform():.3f}",
            "kind": ["rose", "lily"][i % 2],
        }
        lines.append(",".join(cells[name] for name in order if target or name != "kind"))
    return "\n".join(lines)


def houses(rows=120, comma=False):
    rng = np.random.default_rng(0)
    size, rooms = rng.uniform(30, 200, rows), rng.integers(1, 8, rows)
    price = 3.0 * size + 20.0 * rooms + 100.0
    text = "\n".join(
        ["size;rooms;price", *[f"{s:.2f};{r};{p:.2f}" for s, r, p in zip(size, rooms, price, strict=True)]]
    )
    return text.replace(".", ",") if comma else text


def people(rows=80):
    """A table with an id, numbers with gaps, text and two words."""
    rng = np.random.default_rng(0)
    lines = ["PersonId,age,city,member,height,pays"]
    for i in range(rows):
        age, city, member = rng.integers(18, 80), ["Bonn", "Köln", "Ulm"][i % 3], ["no", "yes"][rng.integers(2)]
        pays = "often" if (age > 50) != (member == "yes") else "rarely"
        lines.append(f"{9000 + i},{age if i % 9 else ''},{city},{member},{rng.normal(170, 9):.1f},{pays}")
    return "\n".join(lines)


def answers(text):
    return list(csv.DictReader(text.splitlines()))


def money():
    """Classes whose names have dollars in them, between which matplotlib sets mathematics."""
    x = np.random.default_rng(0).normal(size=(60, 2))
    return Dataset("money", x, (x[:, 0] > 0).astype(int), ("$5", "$9"))
