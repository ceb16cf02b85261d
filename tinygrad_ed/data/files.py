"""Files are written whole or not at all."""

import os
import secrets
import stat
from pathlib import Path

from tinygrad_ed.errors import FileProblem


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file beside its place, flush it to the disk, then rename it; return the path.

    So an older file stays as it was until the new one is there, also in a power cut. A link stays a link, and a file
    keeps its permissions.

    Raises:
        FileProblem: if it cannot be written; an older file of that name is as it was.
    """
    place = Path(path)
    try:
        target = place.resolve()  # of a link, the file behind it
        beside = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with beside.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name that no file system has
        raise FileProblem(f"cannot save {str(place)!r}: {getattr(error, 'strerror', None) or error}") from error
    return place
