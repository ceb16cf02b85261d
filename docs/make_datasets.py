"""Write the data files that ship in `tinygrad_ed/data/`, out of scikit-learn's copies (development only).

    python docs/make_datasets.py

Running it again writes the same arrays; `tests/data/test_data.py` holds their checksums.
Sources and license: `tinygrad_ed/data/SOURCES.txt`.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "tinygrad_ed" / "data"


def main() -> None:
    """Write digits.npz (pixels 0..16 and labels as bytes) and iris.npz (centimetres as floats, classes as bytes)."""
    from sklearn.datasets import load_digits, load_iris

    pixels, labels = load_digits(return_X_y=True)
    np.savez_compressed(FOLDER / "digits.npz", pixels=pixels.astype(np.uint8), labels=labels.astype(np.uint8))
    measures, species = load_iris(return_X_y=True)
    np.savez_compressed(FOLDER / "iris.npz", measures=measures, species=species.astype(np.uint8))


if __name__ == "__main__":
    main()
