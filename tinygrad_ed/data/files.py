"""Files are written whole or not at all, only where a file may be, and one run at a time holds one."""

import os
import secrets
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tokenize import TokenError

from tinygrad_ed.errors import FileProblem

# What NumPy, zipfile, json and safetensors raise for broken files.
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, EOFError, RuntimeError, MemoryError, OverflowError)
DAMAGE = (*_BROKEN, SyntaxError, TokenError, zlib.error, zipfile.BadZipFile)

_HELD: dict[tuple[int, Path], object] = {}  # by process: a fork inherits this, and no lock


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file beside its place, flush it to the disk, then rename it; return the path.

    So an older file stays as it was until the new one is there, also in a power cut. A link stays a link, and a file
    keeps its permissions.
    """
    place = checked(path, "save")
    with _beside(place) as (fresh, target):
        with fresh.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            fresh.chmod(stat.S_IMODE(target.stat().st_mode))
        fresh.replace(target)
        with suppress(OSError):  # the new name, too, outlives a power cut, where the system can flush a folder
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    return place


def writable(path: str | os.PathLike[str]) -> Path:
    """See that a file can be written, before the work whose result it will hold; return the path."""
    place = checked(path, "save")
    with _beside(place) as (fresh, _):
        fresh.touch(exist_ok=False)
    return place


def checked(path: str | os.PathLike[str], doing: str) -> Path:
    """Return a path that we read or save (`doing`), unless a folder, a pipe or a device is there.

    A pipe would be waited for, and a device be replaced. To save, there must be a folder.
    """
    place = Path(path)
    if doing == "save" and not os.path.isdir(place.parent):  # noqa: PTH112  # Path.is_dir raises where it may not look
        raise FileProblem(f"cannot save {str(place)!r}: the folder {str(place.parent)!r} does not exist; make it first")
    with _saying(f"cannot {doing} {str(place)!r}"), suppress(FileNotFoundError):
        mode = place.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
            raise FileProblem(f"cannot {doing} {str(place)!r}: it is {kind}; name a file")
    return place


@contextmanager
def held(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a file for one run, against all other processes and threads.

    The lock is the system's, on an empty file beside it, and ends with the process, however that ends; so what a killed
    process leaves there stops nobody. On a file system without locks only the other threads are kept out.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.lock")
    mine, token = (os.getpid(), target), object()
    busy = FileProblem(f"{str(path)!r} is in use by another run; wait until that has ended, or give another file")
    if _HELD.setdefault(mine, token) is not token:
        raise busy
    try:
        with _saying(f"cannot save {str(path)!r}"):
            number = _locked(beside)
        if number is None:
            raise busy
        try:
            yield
        finally:
            with suppress(OSError):  # Windows does not remove an open file; an empty one stays
                beside.unlink()
            os.close(number)  # and with it the lock
    finally:
        del _HELD[mine]


def _locked(beside: Path) -> int | None:
    """Open and lock a file, one that its last holder did not just remove; return its number, or None if it is held."""
    while True:
        number = os.open(beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        free = _lock(number)
        with suppress(FileNotFoundError):
            if free and os.path.samestat(os.fstat(number), beside.stat()):
                return number
        os.close(number)
        if not free:
            return None


def _lock(number: int) -> bool:
    """Lock an open file, unless another process has; not by `flock`, which a child that outlives us would keep."""
    with suppress(OSError):  # there are file systems without locks
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
    return True


@contextmanager
def _beside(place: Path) -> Iterator[tuple[Path, Path]]:
    """Give a fresh name beside a file, of which nothing stays, and the file behind a link; errors name the file."""
    with _saying(f"cannot save {str(place)!r}"):
        target = Path(os.path.realpath(place))
        fresh = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            yield fresh, target
        finally:
            fresh.unlink(missing_ok=True)


@contextmanager
def _saying(what: str) -> Iterator[None]:
    """Turn what the system says into a sentence of ours; a name with a zero byte is a ValueError."""
    try:
        yield
    except FileProblem:
        raise
    except (OSError, ValueError) as error:
        raise FileProblem(f"{what}: {getattr(error, 'strerror', None) or error}") from error
