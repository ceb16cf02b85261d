"""See that the demo's files are there and are what their names say. Run by `.ci/run`."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

folder = Path(sys.argv[1])
expected = [f"{view}.{suffix}" for view in ("graph", "network") for suffix in ("svg", "png", "pdf", "dot")]
for name in [*expected, "learning.svg", "compare.html", "player.html", "crosscheck.txt"]:
    data = (folder / name).read_bytes()
    suffix = name.split(".")[1]
    if suffix == "svg":
        assert ET.fromstring(data).tag.endswith("svg"), name  # noqa: S314  # our own file
    elif suffix == "png":
        assert data.startswith(b"\x89PNG"), name
        width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
        assert 300 < width < 6000, (name, width)
        assert 200 < height < 6000, (name, height)
    elif suffix == "pdf":
        assert data.startswith(b"%PDF"), name
    elif suffix == "dot":
        assert b"digraph" in data or b"graph" in data, name
    elif suffix == "html":
        assert data.lstrip().lower().startswith(b"<!doctype html"), name
        assert b"http://" not in data.replace(b"http://www.w3.org", b""), f"{name} refers to the network"
        assert b"https://" not in data, f"{name} refers to the network"
        assert len(data) < 200_000, f"{name} is too large to be sent around"
    print(f"{name:<16} {len(data):>8} bytes")
assert "all 15 quantities agree" in (folder / "crosscheck.txt").read_text(encoding="utf-8")
