"""`tinygrad-ed train --plots`: the plots of a table, and their refusal before the training."""

import sys
from pathlib import Path

from user_tables import flowers, houses, money

from tinygrad_ed.train.table import train_on_table


def test_plots_of_classes_and_of_numbers(run):
    Path("flowers.csv").write_text(flowers(order=("height", "width", "kind")))
    status, out, err = run("train", "flowers.csv", "--target", "kind", "--epochs", 5, "--plots", "plots")
    assert (status, err) == (0, "")
    assert {path.name for path in Path("plots").iterdir()} == {"cost.png", "confusion.png", "boundary.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in Path("plots").iterdir())
    assert "wrote plots/boundary.png" in out
    Path("houses.csv").write_text(houses())
    assert run("train", "houses.csv", "--target", "price", "--epochs", 5, "--plots", "more/plots")[0] == 0
    assert {path.name for path in Path("more/plots").iterdir()} == {"cost.png", "answers.png"}


def test_the_numbers_in_the_confusion_plot():
    from matplotlib import pyplot as plt

    from tinygrad_ed.cli import table_plots

    result = train_on_table(money(), hidden=[2], epochs=1, seed=3)
    ax = table_plots.confusion(result)
    drawn = {text.get_position(): int(text.get_text()) for text in ax.texts}
    pairs = list(zip(result.network.predict(result.held_out.x), result.held_out.y, strict=True))
    counts = {(column, row): pairs.count((found, row)) for column, found in enumerate(("$5", "$9")) for row in (0, 1)}
    assert drawn == {place: count for place, count in counts.items() if count}
    assert counts[1, 0] != counts[0, 1]
    assert [label.get_text() for label in ax.get_xticklabels()] == [r"\$5", r"\$9"]
    plt.close()


def test_plots_are_refused_before_the_training(run, monkeypatch):
    Path("flowers.csv").write_text(flowers())
    train = ["train", "flowers.csv", "--target", "kind", "--plots"]
    status, _, err = run(*train, "flowers.csv")
    assert status == 2
    assert "the folder flowers.csv cannot be written" in err
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    status, _, err = run(*train, "plots")
    assert status == 2
    assert '--plots needs matplotlib; install it with: python -m pip install "tinygrad_ed[plots]"' in err
    assert not Path("plots").exists()
