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
    """Return text safe in HTML, in element and attribute alike; half of a surrogate pair becomes a question mark."""
    return html.escape(text.encode("utf-8", "replace").decode(), quote=True)


def table(head: Iterable[str], rows: Iterable[Iterable[str]], columns: str, *, marked: Collection[int] = ()) -> str:
    """Return a table: a letter of `_COLUMN` for each column, all cells escaped, the first of a row its heading.

    The rows in `marked`, counted from 0, are tinted. A row that has not one cell for each column is a ValueError.
    """
    top = "".join([_cell("th", name, kind.replace("p", "l"), "col") for name, kind in zip(head, columns, strict=True)])
    body = []
    for i, row in enumerate(rows):
        (first, kind), *others = zip(row, columns, strict=True)
        cells = _cell("th", first, kind, "row") + "".join([_cell("td", text, kind) for text, kind in others])
        body.append(f'<tr style="{MARK}">{cells}</tr>' if i in marked else f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def page(title: str, css: str, body: str, script: str = "", kind: str = "") -> str:
    """Return a whole page in one file, with its style and script inside."""
    script, class_ = f"<script>{script}</script>\n" if script else "", f' class="{kind}"' if kind else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body{class_}>\n"
        f"{body}\n{script}</body>\n</html>\n"
    )


def paragraph(text: str, *, strong: bool = False) -> str:
    """Return a paragraph."""
    return f"<p><strong>{escape(text)}</strong></p>" if strong else f"<p>{escape(text)}</p>"


def listing(texts: Iterable[str]) -> str:
    """Return a list of texts; nothing for none."""
    items = "".join([f"<li>{escape(text)}</li>" for text in texts])
    return f"<ul>{items}</ul>" if items else ""


def _cell(tag: str, text: str, kind: str, scope: str = "") -> str:
    inside = escape(text)
    if kind == "p":
        inside = f'<pre style="margin:0;padding:0;background:none;font-family:monospace">{inside}</pre>'
    where = f' scope="{scope}"' if scope else ""
    return f'<{tag}{where} style="{_COLUMN[kind]}">{inside}</{tag}>'
