"""The progress bar of `fit`: tqdm, where it is installed and the output is a terminal."""

from collections.abc import Callable
from typing import Any

from tinygrad_ed.errors import InvalidType, MissingExtra


class NoBar:
    """The bar that is not shown."""

    def update(self, text: str) -> None:
        """Go on by one epoch, and show the text beside it."""

    def close(self) -> None:
        """Leave the line."""


class _Bar(NoBar):
    """A tqdm bar: quiet when the output is not a terminal, and for runs below a second, unless `always`."""

    def __init__(self, tqdm: Any, epochs: int, done: int, always: bool) -> None:
        quiet = {"disable": False, "delay": 0} if always else {"disable": None, "delay": 1}
        self._bar = tqdm(total=epochs, initial=done, unit="epoch", **quiet)

    def update(self, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()

    def close(self) -> None:
        self._bar.close()


def bar_for(progress: bool | None) -> Callable[[int, int], NoBar]:
    """Return what makes a bar of `epochs`, of which some are `done`: always (True), never (False), or by itself (None).

    By itself there is one on a terminal where there is tqdm. It shows the epochs, the time gone and the time left, and
    the text of the last update.

    Raises:
        InvalidType: for anything else.
        MissingExtra: for True without tqdm.
    """
    if not isinstance(progress, bool | None):
        raise InvalidType(f"progress must be True, False or None, not {progress!r}")
    if progress is False:
        return lambda epochs, done: NoBar()
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise MissingExtra(
                'progress=True needs tqdm; install it with: python -m pip install "tinygrad_ed[progress]"'
            ) from None
        return lambda epochs, done: NoBar()
    return lambda epochs, done: _Bar(tqdm, epochs, done, bool(progress))
