"""Print the lowest declared version of every dependency, and of those of the extras that are named: `numpy==2.2` ..."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = sys.argv[1:]
wanted = set(project["dependencies"])
for extra in extras:  # grows: an extra may take in others, as in "tinygrad_ed[dot,plots]"
    for requirement in project["optional-dependencies"][extra]:
        own = re.fullmatch(r"tinygrad_ed\[([\w,]+)\]", requirement)
        extras += own[1].split(",") if own else []
        wanted |= set() if own else {requirement}
for requirement in sorted(wanted):
    name, version = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
    print(f"{name}=={version}")
