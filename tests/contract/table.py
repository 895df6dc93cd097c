"""The capability table of the docs, as it is printed."""

from __future__ import annotations

from support.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "providers.md"
START, END = "<!-- generated:providers -->", "<!-- /generated:providers -->"


def read_table() -> dict[str, dict[str, str]]:
    """Row, provider, cell."""
    head, _, *rows = PAGE.read_text("utf-8").partition(START)[2].partition(END)[0].strip().splitlines()
    names = [name.strip("`") for name in _cells(head)[1:]]
    told = [_cells(row) for row in rows]
    return {row.strip("`"): dict(zip(names, cells, strict=True)) for row, *cells in told}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
