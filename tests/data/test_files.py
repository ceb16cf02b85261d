"""Files are written whole or not at all; links and permissions stay; what is no file is refused."""

import os
import resource
import socket
import stat
from pathlib import Path

import pytest

import tinygrad_ed as tg
from tinygrad_ed.data import files


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(tmp_path):
    there, link = tmp_path / "there.txt", tmp_path / "link.txt"
    there.write_bytes(b"old")
    there.chmod(0o640)
    link.symlink_to(there)
    assert files.write_whole(link, b"new") == link
    assert link.is_symlink()
    assert there.read_bytes() == b"new"
    assert stat.S_IMODE(there.stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.txt", "there.txt"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    files.write_whole(tmp_path / "made", b"")
    assert (tmp_path / "made").stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch, error):
    place = tmp_path / "kept.txt"
    place.write_bytes(b"old")

    def fails(_):
        raise error

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises((tg.FileProblem, KeyboardInterrupt)) as caught:
        files.write_whole(place, b"new")
    if isinstance(error, OSError):
        assert str(caught.value) == f"cannot save {str(place)!r}: No space left on device"
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]


def test_two_writers_do_not_share_their_part(tmp_path, monkeypatch):
    place, seen = tmp_path / "file", []
    sync = os.fsync

    def meanwhile(number):
        seen.append({each.name for each in tmp_path.iterdir()})
        if len(seen) == 1:
            files.write_whole(place, b"second")
        sync(number)

    monkeypatch.setattr(os, "fsync", meanwhile)
    files.write_whole(place, b"first")
    assert len(seen[1]) == 2
    assert place.read_bytes() == b"first"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(tg.FileProblem, match=r"cannot save .*file.txt': the folder .*missing' does not exist; make it"):
        files.write_whole(tmp_path / "missing" / "file.txt", b"")


def test_links_that_others_have_planted_are_not_followed(tmp_path, monkeypatch):
    victim, place = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"precious")
    monkeypatch.setattr(files.secrets, "token_hex", lambda _: "guessed")  # the worst case
    for planted in (".file.part", ".guessed.part", ".file.lock"):
        (tmp_path / planted).symlink_to(victim)
    with pytest.raises(tg.FileProblem, match=r"cannot save .*/file': File exists"):
        files.write_whole(place, b"new")
    with pytest.raises(tg.FileProblem, match=r"cannot save .*/file': "), files.held(place):
        pass
    monkeypatch.undo()
    files.write_whole(place, b"new")
    assert (victim.read_bytes(), place.read_bytes()) == (b"precious", b"new")


def test_a_disk_that_is_full_leaves_the_older_file_and_nothing_else(tmp_path):
    place, limits = tmp_path / "kept", resource.getrlimit(resource.RLIMIT_FSIZE)
    files.write_whole(place, b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        for _ in range(3):
            with pytest.raises(tg.FileProblem, match=r"cannot save .*/kept': File too large"):
                files.write_whole(place, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]


def test_a_folder_that_is_read_only_is_refused_before_the_work_by_the_name_of_the_file(tmp_path, monkeypatch):
    def refuses(*_, **__):
        raise OSError(30, "Read-only file system", "/.1234.part")

    monkeypatch.setattr(Path, "touch", refuses)
    monkeypatch.setattr(Path, "open", refuses)
    for save in (files.writable, lambda path: files.write_whole(path, b"")):
        with pytest.raises(tg.FileProblem, match=r"^cannot save '[^']*/file.npz': Read-only file system$"):
            save(tmp_path / "file.npz")


def test_the_folder_is_flushed_too_and_where_that_fails_the_file_is_there(tmp_path, monkeypatch):
    flushed, sync = [], os.fsync

    def look(number):
        flushed.append(stat.S_ISDIR(os.fstat(number).st_mode))
        if flushed[-1]:
            assert (tmp_path / "file").read_bytes() == b"new"
            raise OSError(22, "Invalid argument")
        sync(number)

    monkeypatch.setattr(os, "fsync", look)
    assert files.write_whole(tmp_path / "file", b"new").read_bytes() == b"new"
    assert flushed == [False, True]


@pytest.fixture(params=["folder", "pipe", "socket", "device"])
def no_file(request, tmp_path):
    """What is no file, under a name with any suffix, and what a message calls it.

    The device is a terminal of ours: in its folder nothing can be made, so that a mistake does no harm.
    """
    terminal = os.openpty()

    def make(suffix):
        path = tmp_path / f"thing{suffix}"
        if request.param == "folder":
            path.mkdir()
        elif request.param == "pipe":
            os.mkfifo(path)
        elif request.param == "device":
            path.symlink_to(os.ttyname(terminal[1]))
        else:
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(path))
        return path

    yield make, "a folder" if request.param == "folder" else "a pipe, a socket or a device"
    for number in terminal:
        os.close(number)


def _mlp():
    return tg.nn.MLP([2, 1], rng=0)


WRITERS = {
    "write_whole": (".txt", lambda path: files.write_whole(path, b"")),
    "writable": (".txt", files.writable),
    "network": (".npz", lambda path: _mlp().save(path)),
    "safetensors": (".safetensors", lambda path: _mlp().save(path)),
    "checkpoint": (".npz", lambda path: tg.train.fit(_mlp(), [[1.0, 2.0]], [[1.0]], checkpoint=path)),
    "resumed": (".npz", lambda path: tg.train.fit(_mlp(), [[1.0, 2.0]], [[1.0]], checkpoint=path, resume=True)),
    "picture": (".svg", lambda path: tg.draw.graph(tg.Node(1.0) + 2.0).save(path)),
    "page": (".html", lambda path: tg.draw.player(_mlp(), [1.0, 2.0], [1.0]).save(path)),
    "trace": (".json", lambda path: tg.draw.trace(tg.Node(1.0) + 2.0).save(path)),
    "derivation": (".md", lambda path: tg.lecture.derive(_mlp(), [1.0, 2.0], [1.0]).save(path)),
}
READERS = {
    "network": (".npz", tg.nn.MLP.load),
    "safetensors": (".safetensors", tg.nn.MLP.load),
    "trace": (".json", tg.draw.Trace.load),
    "table": (".csv", lambda path: tg.data.read_table(path, "y")),
    "arrays": (".npz", lambda path: tg.data.read_table(path, "y")),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_no_file_is_never_replaced(no_file, writer):
    (suffix, save), (make, kind) = WRITERS[writer], no_file
    path = make(suffix)
    before = os.lstat(path)
    with pytest.raises(tg.FileProblem, match=rf"cannot save '.*thing{suffix}': it is {kind}; name a file"):
        save(path)
    assert os.path.samestat(os.lstat(path), before)
    assert list(path.parent.iterdir()) == [path]


def test_a_pipe_without_a_suffix_is_not_given_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(tg.FileProblem, match=r"cannot save '.*pipe': it is a pipe, a socket or a device"):
        _mlp().save(tmp_path / "pipe")
    (tmp_path / "network").mkdir()
    assert _mlp().save(tmp_path / "network").suffix == ".safetensors"


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_not_read_and_not_waited_for(no_file, reader):
    (suffix, load), (make, _) = READERS[reader], no_file
    with pytest.raises(tg.FileProblem, match=r"thing.*(it|this) is a (folder|pipe)"):
        load(make(suffix))


@pytest.mark.parametrize("writer", WRITERS)
def test_names_that_no_system_takes_are_errors_of_ours(tmp_path, writer):
    suffix, save = WRITERS[writer]
    loop = tmp_path / f"loop{suffix}"
    loop.symlink_to(loop)
    for path in (tmp_path / f"zero\0{suffix}", tmp_path / f"{'long' * 100}{suffix}", loop):
        with pytest.raises(tg.FileProblem, match="cannot save"):
            save(path)
    assert list(tmp_path.iterdir()) == [loop]
