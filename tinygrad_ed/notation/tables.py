"""What a notebook shows of a thing that is a table: HTML in which everything is escaped, legible on white and on black.

The lowest floor: it knows HTML and nothing else. Text and ground keep the colors of the notebook; a row is marked by a
transparent tint and by words in it, never by color alone. Styles stand in the elements, because notebooks drop style
sheets of files that they do not trust; where a page drops these as well, what remains is a plain table.
"""

import html
from collections.abc import Collection, Iterable

MARK = "background-color:rgba(224,108,32,.22)"
_COLUMN = {
    "l": "text-align:left;white-space:nowrap",
    "r": "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums",
    "p": "text-align:left",
}


def escape(text: str) -> str:
    """Return text safe inside HTML, in element and attribute alike; half of a surrogate pair becomes a question mark.

    >>> escape("<b>α & 'β'")
    '&lt;b&gt;α &amp; &#x27;β&#x27;'
    """
    return html.escape(text.encode("utf-8", "replace").decode(), quote=True)


def table(head: Iterable[str], rows: Iterable[Iterable[str]], columns: str, *, marked: Collection[int] = ()) -> str:
    """Return a table. The first cell of each row is its heading; all cells are escaped.

    Args:
        head: the headings of the columns.
        rows: the cells, as text.
        columns: a letter for each column: `l` words, to the left; `r` numbers, to the right; `p` lines that are kept
            as they are, in letters of one width.
        marked: the rows, counted from 0, that are tinted.

    Raises:
        ValueError: for a row that has not one cell for each column.

    >>> print(table(["of"], [["<x>"], ["y"]], "l", marked=[1]).replace("><t", ">|<t").replace("|", chr(10)))
    <table>
    <thead>
    <tr>
    <th scope="col" style="text-align:left;...">of</th></tr></thead>
    <tbody>
    <tr>
    <th scope="row" style="text-align:left;...">&lt;x&gt;</th></tr>
    <tr style="background-color:rgba(224,108,32,.22)">
    <th scope="row" style="text-align:left;...">y</th></tr></tbody></table>
    """
    top = "".join([_cell("th", name, kind.replace("p", "l"), "col") for name, kind in zip(head, columns, strict=True)])
    body = []
    for i, row in enumerate(rows):
        (first, kind), *others = zip(row, columns, strict=True)
        cells = _cell("th", first, kind, "row") + "".join([_cell("td", text, kind) for text, kind in others])
        body.append(f'<tr style="{MARK}">{cells}</tr>' if i in marked else f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def paragraph(text: str, *, strong: bool = False) -> str:
    """Return a paragraph.

    >>> paragraph("1 < 2", strong=True)
    '<p><strong>1 &lt; 2</strong></p>'
    """
    return f"<p><strong>{escape(text)}</strong></p>" if strong else f"<p>{escape(text)}</p>"


def listing(texts: Iterable[str]) -> str:
    """Return a list of texts; nothing for none.

    >>> listing(["one", "two"]), listing([])
    ('<ul><li>one</li><li>two</li></ul>', '')
    """
    items = "".join([f"<li>{escape(text)}</li>" for text in texts])
    return f"<ul>{items}</ul>" if items else ""


def _cell(tag: str, text: str, kind: str, scope: str = "") -> str:
    inside = escape(text)
    if kind == "p":
        inside = f'<pre style="margin:0;padding:0;background:none;font-family:monospace">{inside}</pre>'
    where = f' scope="{scope}"' if scope else ""
    return f'<{tag}{where} style="{_COLUMN[kind]}">{inside}</{tag}>'
