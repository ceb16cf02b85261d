"""Files of networks: whole or refused."""

import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import storage

SUFFIXES = [".npz", ".safetensors"]


def network(**options):
    return tg.nn.MLP([3, 4, 2], rng=1, **options)


def weights_of(mlp):
    return [parameter.value.copy() for parameter in mlp.parameters()]


def same(one, two):
    return all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(weights_of(one), weights_of(two), strict=True)
    )


# Networks


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [[3, 2], [3, 4, 5, 1]])
def test_a_network_comes_back_bit_for_bit(tmp_path, suffix, dtype, sizes):
    mlp = tg.nn.MLP(sizes, "elu", "sigmoid", rng=3, dtype=dtype)
    mlp.layers[0].bias.value = np.nextafter(np.arange(float(sizes[1])), 9).astype(dtype)
    path = mlp.save(tmp_path / f"network{suffix}")
    again = tg.nn.MLP.load(path)
    assert repr(again) == repr(mlp)
    assert same(again, mlp)
    assert [p.name for p in again.parameters()] == [p.name for p in mlp.parameters()]
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


def test_the_files_are_ordinary_ones_that_others_read(tmp_path):
    from safetensors.numpy import load_file

    mlp = network()
    with np.load(mlp.save(tmp_path / "network.npz"), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["W1"], mlp.layers[0].weights.value)
        assert json.loads(arrays["about"].tobytes())["about"]["network"]["sizes"] == [3, 4, 2]
    np.testing.assert_array_equal(load_file(mlp.save(tmp_path / "network.safetensors"))["b2"], mlp.layers[1].bias.value)


def test_a_path_without_a_suffix_gets_safetensors_where_it_is_installed_else_npz(tmp_path, monkeypatch):
    mlp = network()
    path = mlp.save(tmp_path / "one")
    assert path == tmp_path / "one.safetensors"
    assert same(tg.nn.MLP.load(tmp_path / "one"), mlp)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert mlp.save(str(tmp_path / "two")) == tmp_path / "two.npz"
    assert same(tg.nn.MLP.load(tmp_path / "two"), mlp)
    lesson = r'pip install "tinygrad_ed\[safetensors\]"; files that end with .npz need nothing more'
    with pytest.raises(tg.MissingExtra, match=lesson):
        mlp.save(tmp_path / "three.safetensors")
    with pytest.raises(tg.MissingExtra, match=lesson):
        tg.nn.MLP.load(path)


def test_paths_that_cannot_be_meant(tmp_path):
    mlp = network()
    for name in ("network.pkl", "network.v1", ""):
        with pytest.raises(tg.InvalidValue, match=r"must end with .npz or .safetensors"):
            mlp.save(tmp_path / name if name else name)
    with pytest.raises(tg.FileProblem, match=r"folder '.*nowhere' does not exist; make it first"):
        mlp.save(tmp_path / "nowhere" / "network.npz")
    with pytest.raises(tg.FileProblem, match=r"cannot read .*No such file"):
        tg.nn.MLP.load(tmp_path / "network.npz")
    with pytest.raises(tg.FileProblem, match=r"with .npz or .safetensors at its end there is nothing"):
        tg.nn.MLP.load(tmp_path / "network")
    mlp.save(tmp_path / "network.npz")
    mlp.save(tmp_path / "network.safetensors")
    with pytest.raises(tg.FileProblem, match=r"there is '.*network.safetensors' and '.*network.npz'"):
        tg.nn.MLP.load(tmp_path / "network")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(tg.FileProblem, match=r"cannot save .*folder.npz"):
        mlp.save(tmp_path / "folder.npz")
    with pytest.raises(tg.FileProblem, match=r"cannot read .*folder.npz"):
        tg.nn.MLP.load(tmp_path / "folder.npz")


def test_a_network_that_could_not_be_read_is_not_saved(tmp_path):
    mlp = network()
    mlp.layers[1].bias.value = [0.0, np.nan]
    with pytest.raises(tg.InvalidValue, match="b2 holds NaN or infinite numbers"):
        mlp.save(tmp_path / "network.npz")
    with pytest.raises(tg.InvalidType, match="'names' holds <U1; a file keeps plain numbers"):
        storage.write(tmp_path / "x.npz", "network", {}, {"names": np.array(["a"])})
    with pytest.raises(tg.InvalidType, match=r"made of what JSON knows, but .*int64"):
        storage.write(tmp_path / "x.npz", "network", {"steps": np.int64(3)}, {})
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    old, new = network(), tg.nn.MLP([3, 2])
    path = old.save(tmp_path / "network.npz")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(tg.FileProblem, match=r"cannot save .*No space left on device"):
        new.save(path)
    assert same(tg.nn.MLP.load(path), old)


def test_the_new_file_is_whole_before_it_takes_the_place_of_the_old(tmp_path, monkeypatch):
    old, new, seen = network(), tg.nn.MLP([3, 2]), []
    path = old.save(tmp_path / "network.npz")
    replace = Path.replace

    def look(beside, place):
        copy = tmp_path / "copy.npz"
        copy.write_bytes(beside.read_bytes())
        seen.append((repr(tg.nn.MLP.load(copy)), repr(tg.nn.MLP.load(place))))
        return replace(beside, place)

    monkeypatch.setattr(Path, "replace", look)
    new.save(path)
    assert seen == [(repr(new), repr(old))]
    assert same(tg.nn.MLP.load(path), new)


# Damaged and foreign files


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_was_cut_short_is_refused_wherever_the_cut_is(tmp_path, suffix):
    path = network().save(tmp_path / f"network{suffix}")
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
            tg.nn.MLP.load(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_bit_is_noticed_or_does_not_matter(tmp_path, suffix):
    """What a zip archive says twice, or the time in it, may change; not one weight may."""
    mlp = tg.nn.MLP([2, 1], rng=1)
    path = mlp.save(tmp_path / f"network{suffix}")
    whole, refused = path.read_bytes(), []
    for k in range(0, len(whole), 3):
        path.write_bytes(whole[:k] + bytes([whole[k] ^ (1 << k % 8)]) + whole[k + 1 :])
        try:
            assert same(tg.nn.MLP.load(path), mlp)
        except tg.FileProblem as problem:
            refused.append(str(problem))
    assert not any("\n" in line for line in refused)
    assert len(refused) > 0.7 * len(whole) / 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_others_are_refused(tmp_path, suffix):
    from safetensors.numpy import save_file

    path = tmp_path / f"network{suffix}"
    for content in (b"", b"PK", b"\x93NUMPY", b"\x80\x04N.", b"{" * 500, os.urandom(500), b"\xff" * 16, b"a,b\n1,2\n"):
        path.write_bytes(content)
        with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
            tg.nn.MLP.load(path)
    if suffix == ".npz":
        np.savez(path, W1=np.ones((2, 2)), b1=np.ones(2))
    else:
        save_file({"W1": np.ones((2, 2))}, path)
    with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
        tg.nn.MLP.load(path)


def test_pickled_objects_are_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'exploded'}",)

    path = network().save(tmp_path / "network.npz")
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, allow_pickle=True, **kept | {"b1": np.array([Bomb()], dtype=object)})
    with pytest.raises(tg.FileProblem, match="an array of dtype object"):
        tg.nn.MLP.load(path)
    assert not (tmp_path / "exploded").exists()


def test_archives_that_would_unfold_are_refused_before_they_do(tmp_path):
    path = tmp_path / "network.npz"
    np.savez_compressed(path, about=np.zeros(10**6, np.uint8))
    with pytest.raises(tg.FileProblem, match="it is compressed, and files of this package are not"):
        tg.nn.MLP.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.npy", _npy((10**12,)))
    with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
        tg.nn.MLP.load(path)
    # Many members that are one and the same place of the file.
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", bytes(10**5))
        first = archive.infolist()[0]
        for k in range(50):
            twin = zipfile.ZipInfo(f"{k}.npy")
            for name in ("CRC", "file_size", "compress_size", "header_offset", "external_attr"):
                setattr(twin, name, getattr(first, name))
            archive.filelist.append(twin)
    with pytest.raises(tg.FileProblem, match="its parts are larger than the whole"):
        tg.nn.MLP.load(path)


def _npy(shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    for shape, stop in (([10**12], 8 * 10**12), ([2], 16), ([2**62, 2**62], 8)):
        head = json.dumps({"W1": {"dtype": "F64", "shape": shape, "data_offsets": [0, stop]}}).encode()
        path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(8))
        with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
            tg.nn.MLP.load(path)
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
        tg.nn.MLP.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about, arrays: arrays.pop("b2"), "holds no network of this package: 'b2'"),
        (lambda about, arrays: arrays.update(W1=np.ones((2, 2))), r"W1 must hold \(3, 4\) finite numbers"),
        (lambda about, arrays: arrays.update(b1=np.ones(4, np.float32)), r"b1 must hold .* in float64"),
        (lambda about, arrays: arrays.update(b1=np.array([1, 2, np.nan, 4])), "b1 must hold .* finite"),
        (lambda about, arrays: about["network"].update(sizes=[3, 10**9, 2]), "W1 must hold"),
        (lambda about, arrays: about["network"].update(sizes=[3]), "holds no network"),
        (lambda about, arrays: about["network"].update(sizes="3"), "holds no network"),
        (
            lambda about, arrays: about["network"].update(activations=["tanh", "os.system"]),
            "unknown activation 'os.system'",
        ),
        (lambda about, arrays: about["network"].update(dtype="object"), "holds no network"),
        (lambda about, arrays: about.update(network=None), "holds no network"),
    ],
)
def test_a_whole_file_with_the_wrong_contents_is_refused(tmp_path, change, message):
    about, arrays = network().parts()
    change(about, arrays)
    path = storage.write(tmp_path / "network.npz", "network", about, arrays)
    with pytest.raises(tg.FileProblem, match=message):
        tg.nn.MLP.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"version": "1"},
        {"version": None},
        {"kind": 3},
        {"kind": None},
        {"about": []},
        {"about": "network"},
    ],
)
def test_a_description_that_only_looks_like_ours_is_refused(tmp_path, change):
    path = network().save(tmp_path / "network.npz")
    arrays, text = storage._from_npz(path)
    head = json.loads(text) | change
    head = {name: value for name, value in head.items() if value is not None}
    del head["digest"]
    path.write_bytes(storage._to_npz(arrays, json.dumps(head | {"digest": storage._digest(head, arrays)})))
    with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed"):
        tg.nn.MLP.load(path)


@pytest.mark.parametrize("text", ["[]", "3", "null", "[" * 10**5, "{", '{"format": 1}', "9" * 5000])
def test_a_description_that_is_no_description_is_refused(tmp_path, text):
    path = tmp_path / "network.npz"
    path.write_bytes(storage._to_npz({}, text))
    with pytest.raises(tg.FileProblem, match="is damaged, or no file of tinygrad_ed") as problem:
        tg.nn.MLP.load(path)
    assert "\n" not in str(problem.value)


def test_newer_files_and_other_kinds_are_named(tmp_path, monkeypatch):
    path = network().save(tmp_path / "network.npz")
    with pytest.raises(tg.FileProblem, match="holds a network, but a training is needed"):
        storage.read(path, "training")
    monkeypatch.setattr(storage, "VERSION", 2)
    path = network().save(tmp_path / "newer.npz")
    monkeypatch.undo()
    with pytest.raises(tg.FileProblem, match=r"written by a newer tinygrad_ed \(version 2 of the format.*update"):
        tg.nn.MLP.load(path)
