"""What came of a download: `fetched.json` in the corpus' folder says it, with from where and on which terms."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.paths import write_text

if TYPE_CHECKING:
    from emozoo.data.corpus import Corpus

RECORD = "fetched.json"


@dataclass(frozen=True)
class Came:
    """A file that is there: its name in the folder and its size in bytes, from where it or its archive was sent, and the
    sha256 of what was sent."""

    name: str
    size: int
    address: str = ""
    sha256: str = ""


@dataclass
class Tally:
    """How far a download is."""

    files: int
    """How many there are."""
    total: int | None
    """Bytes of all, or about so many; None: unknown."""
    done: int = 0
    bytes: int = 0


Report = Callable[[Tally], None]


def read_record(folder: Path) -> dict[str, Any] | None:
    """None where there is none, or none that can be read."""
    with suppress(OSError, ValueError):
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record if isinstance(record, dict) else None
    return None


def recorded(record: dict[str, Any], folder: Path) -> list[Came] | None:
    """The files of a finished download, where all of them are still there; else None."""
    with suppress(TypeError, KeyError, OSError):
        came = [Came(**each) for each in record["files"]]
        if record["complete"] is True and all((folder / each.name).stat().st_size == each.size for each in came):
            return came
    return None


def write_record(corpus: Corpus, folder: Path, came: Sequence[Came], *, complete: bool) -> None:
    download = corpus.download
    assert download is not None
    record = {
        "dataset": corpus.name,
        "complete": complete,
        "page": download.page,
        "licence": download.licence,
        "terms": download.terms,
        "citation": corpus.citation,
        "files": [asdict(each) for each in came],
    }
    write_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
