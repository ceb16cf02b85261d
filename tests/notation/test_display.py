"""What a notebook shows of a ledger, a cross-check, a history, a Node and a picture."""

import copy
import html
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from IPython.lib.pretty import pretty

import tinygrad_ed as tg
from tinygrad_ed.checking.roads import ROADS, Ledger
from tinygrad_ed.notation.tables import MARK, escape, listing, paragraph, table
from tinygrad_ed.train import History

HOSTILE = ["<lambda> <map>", "a|b {c}", "C:\\new\\node", "α<β & γ", "<b>hi", "</script>", "]]>", "'\"", "x" * 200, "🙂"]


class Table(HTMLParser):
    """The rows of all tables as a browser reads them, and the elements that are there."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.marked, self.elements, self.inside = [], [], set(), False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append([])
            if ("style", MARK) in attrs:
                self.marked.append(len(self.rows) - 1)
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside &= tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def numbers_in(text):
    return np.array([float(part) for part in re.findall(r"-?[0-9]+\.?[0-9]*", text)])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return tg.nn.MLP([2, 3, 2], rng=0), rng.standard_normal((4, 2)), rng.standard_normal((4, 2))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=4), st.data())
@settings(max_examples=40, deadline=None)
def test_every_text_comes_back_from_a_table_as_it_was(texts, data):
    columns = "".join(data.draw(st.lists(st.sampled_from("lrp"), min_size=len(texts), max_size=len(texts))))
    read = Table(table(texts, [texts, texts], columns, marked=[1]))
    assert read.rows == [texts, texts, texts]
    assert read.marked == [2]
    assert read.elements <= {"table", "thead", "tbody", "tr", "th", "td", "pre"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_in_every_part(name):
    whole = table([name], [[name]], "p") + paragraph(name) + paragraph(name, strong=True) + listing([name])
    assert html.unescape(re.sub("<[^>]*>", "", whole)) == name * 5
    assert escape("half \ud83d a pair") == "half ? a pair"


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        table(["a", "b"], [["1"]], "lr")
    with pytest.raises(ValueError, match=r"shorter|longer"):
        table(["a"], [], "lr")


def test_the_notebook_chooses_the_colors_and_a_mark_is_legible_on_white_and_on_black():
    red, green, blue, share = [float(part) for part in re.search(r"rgba\((.*)\)", MARK)[1].split(",")]

    def light(color):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.asarray(color) / 255]
        return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))

    for ground, text in ((255, 33), (17, 222)):  # JupyterLab's, by day and by night
        tinted = [share * part + (1 - share) * ground for part in (red, green, blue)]
        one, other = sorted([light([text] * 3), light(tinted)])
        assert (other + 0.05) / (one + 0.05) >= 7
        assert np.abs(np.subtract(tinted, ground)).max() > 30, "the mark is to be seen"
    other_colors = re.findall(r"(?:color|background)[^;\"]*", table(["a"], [["b"]], "p", marked=[0]).replace(MARK, ""))
    assert other_colors == ["background:none"]


@pytest.mark.parametrize("road", ROADS)
def test_a_ledger_is_a_dict_that_shows_itself(batch, road):
    book = tg.ledger(*batch, road=road)
    assert isinstance(book, dict)
    assert type(book) is Ledger
    for again in (pickle.loads(pickle.dumps(book)), copy.deepcopy(book)):  # noqa: S301  # our own
        assert type(again) is Ledger
        assert list(again) == list(book)
        assert all(np.array_equal(again[name], book[name], equal_nan=True) for name in book)
    assert Ledger(cost=1.5) == {"cost": 1.5}
    lines = str(book).splitlines()
    assert [line.split()[0] for line in lines] == ["quantity", *book]
    assert repr(book) == f"<Ledger of {len(book)} quantities: {next(iter(book))} ... grad_beta[1]>"


def test_a_ledger_in_a_notebook_has_the_letters_and_the_values(batch):
    book = tg.ledger(*batch)
    head, *rows = Table(book._repr_html_()).rows
    assert head == ["letter", "in code", "shape", "value"]
    assert [row[1] for row in rows] == list(book)
    shown = {row[1]: row for row in rows}
    assert shown["B[1]"][0] == "B¹"
    assert shown["grad_omega[1]"][2] == "2×3"
    assert shown["cost"][3] == f"{book['cost']:.6g}"
    for name in ("alpha[0]", "B[1]", "grad_omega[2]"):
        np.testing.assert_allclose(numbers_in(shown[name][3]), np.ravel(book[name]), rtol=5.1e-5)


def test_a_large_ledger_stays_readable_and_an_empty_one_is_one():
    mlp, data = tg.nn.MLP([64, 32, 10], rng=0), tg.data.digits()
    book = tg.ledger(mlp, data.x, data.rho, "cross_entropy")
    assert len(book._repr_html_()) < 10_000
    assert max(map(len, str(book).splitlines())) < 160
    assert "64×32" in str(book)
    assert (repr(Ledger()), str(Ledger())) == ("<Ledger of 0 quantities>", "quantity  shape  value")
    assert Table(Ledger()._repr_html_()).rows == [["letter", "in code", "shape", "value"]]


def test_roads_that_agree_have_no_mark(batch):
    check = tg.crosscheck(*batch)
    read = Table(check._repr_html_())
    assert read.marked == []
    assert len(read.rows) == 16
    assert {row[-1] for row in read.rows[1:]} == {"✓"}
    assert "<strong>✓ all 15 quantities agree" in check._repr_html_()


def test_the_first_divergence_is_marked_and_the_values_of_each_road_stand_below(batch):
    mlp, x, rho = batch
    check = tg.crosscheck(mlp, x, rho, rules={"B_hidden": lambda zeta, omega, B, dphi: B @ omega.T})
    shown = check._repr_html_()
    read = Table(shown)
    (first,) = read.marked
    assert read.rows[first][:2] == ["B¹", "B[1]"]
    assert read.rows[first][-1] == "✗ rules ◀ first divergence"
    assert shown.count("first divergence") == 2, "in the verdict and in its row"
    assert sum("✗" in row[-1] for row in read.rows) == 4
    close = {row[0]: row[1] for row in read.rows[16:]}
    assert close.pop("road") == "its B[1]"
    assert list(close) == ["graph", "rules", "jacobians"]
    for road, text in close.items():
        np.testing.assert_allclose(numbers_in(text), np.ravel(check.rows[9].values[road]), atol=5.1e-5)
    assert close["rules"] != close["graph"] == close["jacobians"]
    assert f"<li>{check.diagnosis[0]}</li>" in html.unescape(shown)


def test_what_a_readers_rule_raises_is_text(batch):
    def rule(B):
        raise ValueError("<script>alert(1)</script> & more")

    shown = tg.crosscheck(*batch, rules={"grad_beta": rule})._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in shown


def test_a_kink_is_said_in_the_table():
    mlp = tg.nn.MLP([1, 1], output="relu", init="zeros")
    rows = Table(tg.crosscheck(mlp, [1.0], [1.0])._repr_html_()).rows
    assert "kink" in rows[-1]


def test_a_history_shows_its_ends_and_its_best_epoch():
    cost = [1.0 / i for i in range(1, 31)]
    history = History(cost, cost, 30, 60, 600, 0.5, {"<b>accuracy": cost}, best_epoch=17)
    read = Table(history._repr_html_())
    assert [row[0] for row in read.rows] == ["epoch", "1", "2", "3", "4", "⋮", "17", "⋮", "27", "28", "29", "30"]
    assert read.rows[0][1:4] == ["cost", "validation", "<b>accuracy"]
    assert read.rows[6] == ["17", "0.05882", "0.05882", "0.05882", "◀ best"]
    assert read.marked == [6]
    assert history._repr_html_().startswith(
        "<p>30 epochs, 60 updates, 600 gradient computations, 0.50 s: cost 1 -&gt; "
    )


@pytest.mark.parametrize("epochs", [0, 1, 5, 8, 9])
def test_a_short_history_shows_every_epoch(epochs):
    read = Table(History(cost=[0.5] * epochs, epochs=epochs)._repr_html_())
    numbers = [row[0] for row in read.rows[1:]]
    whole = [str(i) for i in range(1, epochs + 1)]
    assert numbers == (whole if epochs < 9 else [*whole[:4], "⋮", *whole[5:]])
    assert read.marked == []


def test_ipython_prints_a_history_in_one_line():
    history = History(cost=[0.5] * 1000, epochs=1000)
    assert pretty(history) == str(history)
    assert "History(cost=[0.5, 0.5" in repr(history), "repr keeps every number"


def things():
    mlp, x, rho = tg.nn.MLP([1, 1], rng=0), [0.5], [1.0]
    a = tg.Node(2.0, name="<a>")
    return {
        "leaf": (a, {"text/plain"}),
        "node": (a * a, {"text/plain", "image/svg+xml", "image/png"}),
        "graph": (tg.draw.graph(a * a), {"text/plain", "image/svg+xml", "image/png"}),
        "network": (tg.draw.network(mlp, x, rho), {"text/plain", "image/svg+xml", "image/png"}),
        "player": (tg.draw.player(a * a), {"text/plain", "text/html"}),
        "compare": (tg.draw.compare(mlp, x, rho), {"text/plain", "text/html"}),
        "ledger": (tg.ledger(mlp, x, rho), {"text/plain", "text/html"}),
        "crosscheck": (tg.crosscheck(mlp, x, rho), {"text/plain", "text/html"}),
        "history": (tg.train.fit(mlp, [x], [rho], epochs=1), {"text/plain", "text/html"}),
    }


@pytest.mark.parametrize("name", things())
def test_ipython_finds_the_rich_display(name):
    thing, kinds = things()[name]
    shown, _ = DisplayFormatter().format(thing)
    assert set(shown) == kinds
    assert "<a>" not in shown.get("text/html", "") + shown.get("image/svg+xml", "")


def test_the_page_in_a_frame_is_the_page():
    player = tg.draw.player(tg.Node(2.0, name="]]>\"'") * 3.0)
    (page,) = re.findall('srcdoc="([^"]*)"', player._repr_mimebundle_()["text/html"])
    assert html.unescape(page) == player.render("html").decode()
