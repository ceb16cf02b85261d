"""The progress bar of `fit`: tqdm, where it is installed and somebody looks."""

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

    def __init__(self, tqdm: Any, epochs: int, always: bool) -> None:
        self._bar = tqdm(total=epochs, unit="epoch", disable=False if always else None, delay=0 if always else 1)

    def update(self, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()

    def close(self) -> None:
        self._bar.close()


def progress_bar(epochs: int, progress: bool | None) -> NoBar:
    """Return a bar: always (True), never (False), or on a terminal where there is tqdm (None).

    Raises:
        InvalidType: for anything else.
        MissingExtra: for True without tqdm.
    """
    if not isinstance(progress, bool | None):
        raise InvalidType(f"progress must be True, False or None, not {progress!r}")
    if progress is False:
        return NoBar()
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise MissingExtra(
                'progress=True needs tqdm; install it with: python -m pip install "tinygrad_ed[progress]"'
            ) from None
        return NoBar()
    return _Bar(tqdm, epochs, bool(progress))
