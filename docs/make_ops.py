"""Write docs/ops.md again from the package itself: python docs/make_ops.py. A test sees that it is up to date."""

from pathlib import Path

from tinygrad_ed.ops.numpy.coverage import summary

HEAD = """# NumPy's functions on Nodes

Made by `python docs/make_ops.py` from the same table that `tinygrad-ed ops` prints.

"""

if __name__ == "__main__":
    (Path(__file__).parent / "ops.md").write_text(HEAD + summary() + "\n", encoding="utf-8")
