"""The progress bar of `fit`: tqdm, where it is installed and the output is a terminal."""

from collections.abc import Callable
from typing import Any

from tinygrad_ed.errors import InvalidType, MissingExtra


def bar_for(progress: bool | None) -> Callable[[int, int], Any]:
    """Return what makes a tqdm bar of `epochs`, of which some are `done`: always (True), never (False), or by itself.

    By itself (None) there is one on a terminal where there is tqdm, in runs of more than a second. No bar is None.
    """
    if not isinstance(progress, bool | None):
        raise InvalidType(f"progress must be True, False or None, not {progress!r}")
    if progress is False:
        return lambda epochs, done: None
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise MissingExtra(
                'progress=True needs tqdm; install it with: python -m pip install "tinygrad_ed[progress]"'
            ) from None
        return lambda epochs, done: None
    quiet: dict[str, Any] = {"disable": False, "delay": 0} if progress else {"disable": None, "delay": 1}
    return lambda epochs, done: tqdm(total=epochs, initial=done, unit="epoch", **quiet)
