"""Files are written whole or not at all; links and permissions stay."""

import os
import stat

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
