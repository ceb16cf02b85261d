"""Draw the pictures of experiments.md again, by running the examples: python docs/make_experiments.py."""

import os
import runpy
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
EXAMPLES = DOCS.parent / "examples"
SCRIPTS = [*sorted(EXAMPLES.glob("claim_*.py")), EXAMPLES / "same_budget.py", EXAMPLES / "plots_gallery.py"]

if __name__ == "__main__":
    os.chdir(DOCS / "pictures" / "experiments")
    for script in SCRIPTS:
        runpy.run_path(str(script), run_name="__main__")
    for picture in Path().glob("*.png"):  # 128 colors are enough for lines, and a third of the bytes
        with Image.open(picture) as drawn:
            drawn.convert("RGB").quantize(128).save(picture, optimize=True)
