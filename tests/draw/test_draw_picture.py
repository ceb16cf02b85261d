import base64
import sys
from pathlib import Path

import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.graph.node import Node


@pytest.fixture
def picture():
    x = Node(2.0, name="x")
    y = x * x
    y.backward()
    return draw.graph(y)


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("TINYGRAD_ED_DOT", raising=False)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph", "html": b"<!DOCTYPE html>"}


@pytest.mark.parametrize("form", STARTS)
def test_the_suffix_is_the_format_and_the_path_comes_back(picture, tmp_path, form):
    path = picture.save(tmp_path / f"my picture.{form}")
    assert path == tmp_path / f"my picture.{form}"
    assert path.read_bytes().startswith(STARTS[form])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_text_path_in_capitals_works(picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert picture.save("A.DOT") == Path("A.DOT")


def test_names_without_a_suffix_or_with_an_unknown_one_are_refused(picture, tmp_path):
    with pytest.raises(tg.InvalidValue, match=r"has no suffix, .* one of \.dot, \.html, \.json, \.pdf, \.png, \.svg"):
        picture.save(tmp_path / "name")
    with pytest.raises(tg.InvalidValue, match=r"'\.jpg' names no format of this picture"):
        picture.save(tmp_path / "name.jpg")
    with pytest.raises(tg.InvalidValue, match="Did you mean 'svg'"):
        picture.save(tmp_path / "name.svgz")
    assert list(tmp_path.iterdir()) == []


VIEWS = {
    "graph": lambda: draw.graph(Node(2.0, name="x") * 3.0),
    "network": lambda: draw.network(tg.nn.MLP([2, 2], rng=1), [0.5, -1.0], [1.0, 0.0]),
    "compare": lambda: draw.compare(tg.nn.MLP([2, 2], rng=1), [0.5, -1.0], [1.0, 0.0]),
    "player": lambda: draw.player(Node(2.0, name="x") * 3.0),
    "player of a network": lambda: draw.player(tg.nn.MLP([2, 2], rng=1), [0.5, -1.0], [1.0, 0.0]),
}


@pytest.mark.parametrize("form", STARTS)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_can_be_saved_in_every_format(view, form, tmp_path):
    content = VIEWS[view]().save(tmp_path / f"picture.{form}").read_bytes()
    assert content.startswith((STARTS[form], b"<svg") if form == "svg" else STARTS[form])
    if form == "html":
        assert b"<svg" in content


@pytest.mark.parametrize("view", ["network", "compare", "player"])
def test_without_an_engine_a_view_on_a_grid_lacks_png_and_pdf_only(view, no_engine):
    picture = VIEWS[view]()
    for form in ("svg", "dot", "html"):
        assert picture.render(form)
    for form in ("png", "pdf"):
        with pytest.raises(tg.MissingExtra, match=r'python -m pip install "tinygrad_ed\[dot\]"'):
            picture.render(form)


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_an_empty_file_name_is_called_empty(picture, name):
    with pytest.raises(tg.InvalidValue, match=r"the file name is empty; give one that ends with one of \.dot, \.html"):
        picture.save(name)


def test_a_missing_folder_is_named(picture, tmp_path):
    with pytest.raises(tg.FileProblem, match=r"the folder '.*gone' does not exist; make it first"):
        picture.save(tmp_path / "gone" / "x.svg")


def test_a_save_that_fails_leaves_the_old_file_and_no_rest(picture, tmp_path, monkeypatch):
    old = tmp_path / "x.svg"
    old.write_text("old")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(tg.FileProblem, match=r"cannot save .*x\.svg.*: No space left on device"):
        picture.save(old)
    assert old.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.svg"]


def test_a_folder_that_cannot_be_written_is_a_clear_error(picture, tmp_path, monkeypatch):
    def locked(self, *args, **keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(tg.FileProblem, match=r"cannot save .*: Permission denied"):
        picture.save(tmp_path / "x.dot")


def test_without_an_engine_dot_is_saved_and_the_rest_damages_nothing(picture, tmp_path, no_engine):
    assert picture.save(tmp_path / "x.dot").read_text(encoding="utf-8").startswith("digraph")
    old = tmp_path / "x.svg"
    old.write_text("old")
    with pytest.raises(tg.MissingExtra, match=r'python -m pip install "tinygrad_ed\[dot\]"'):
        picture.save(old)
    assert old.read_text() == "old"


def test_a_notebook_gets_svg_beside_png(picture):
    bundle = picture._repr_mimebundle_()
    assert "<svg" in bundle["image/svg+xml"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"].startswith("<picture: a computational graph")


def test_a_notebook_without_an_engine_gets_the_lesson_as_text(picture, no_engine):
    bundle = picture._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert 'python -m pip install "tinygrad_ed[dot]"' in bundle["text/plain"]


def test_a_node_shows_its_graph_and_a_leaf_or_a_large_graph_its_text():
    x = Node(2.0, name="x")
    assert set((x * x)._repr_mimebundle_()) == {"text/plain", "image/svg+xml", "image/png"}
    assert x._repr_mimebundle_() == {"text/plain": "Node(2.0, name='x')"}
    y = x
    for _ in range(200):
        y = y + x
    assert set(y._repr_mimebundle_()) == {"text/plain"}
    z = x * 2.0
    x.value = 3.0
    assert set(z._repr_mimebundle_()) == {"text/plain"}


def test_a_player_shows_itself_in_a_frame_that_cannot_be_left():
    html = draw.player(Node(2.0, name="</iframe>") * 3.0)._repr_mimebundle_()["text/html"]
    assert html.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;\n')  # a script without line ends is one comment
    assert html.count("<") == 2
    assert 'sandbox="allow-scripts"' in html


def test_a_picture_goes_to_the_graphviz_package():
    picture = tg.draw.graph(tg.Node(2.0) * 3.0)
    assert picture.to_graphviz().source.strip() == picture.render("dot").decode().strip()
    player = tg.draw.player(tg.Node(2.0) * 3.0)
    assert player.to_graphviz().source.strip() == player.render("dot").decode().strip()
