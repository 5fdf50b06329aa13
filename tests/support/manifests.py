"""Users' own tables: written as text, and such as people have them."""

from pathlib import Path

from support.places import CASES

TABLES = CASES / "tables"


def table(folder: Path, text: str, name: str = "my.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding, newline="")
    return path
