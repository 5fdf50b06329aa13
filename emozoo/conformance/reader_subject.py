"""What the points of a reader are checked on: a checkpoint that it opens, whole and damaged."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emozoo.conformance.points import Broken, LeftOut
from emozoo.errors import EmozooError
from emozoo.paths import digest, user_path
from emozoo.reader import Reader, Reading, reader_problem
from emozoo.registry.entry_points import READERS, find
from emozoo.registry.loading import load_plugin
from emozoo.tables.plain_yaml import plain_data


class ReaderSubject:
    """A reader and, where one is at hand, the folder of a checkpoint that it opens.

    Raises EmozooError for an unknown name, and for a folder that does not exist or lacks the reader's marker.
    """

    def __init__(self, reader: str | Reader, checkpoint: str | os.PathLike[str] | None = None) -> None:
        self.reader: Reader = load_plugin(find(READERS, reader), reader_problem) if isinstance(reader, str) else reader
        self._folder = None if checkpoint is None else user_path(checkpoint)
        if self._folder is not None and not (self._folder / self.reader.marker).is_file():
            raise EmozooError(
                f"{self._folder} has no {self.reader.marker}: name a folder with a checkpoint that {self.reader.name} opens"
            )

    @property
    def folder(self) -> Path:
        """The checkpoint's. Raises LeftOut where there is none."""
        if self._folder is None:
            raise LeftOut("needs a checkpoint: name its folder with --data-dir")
        return self._folder

    @property
    def document(self) -> Any:
        """What the marker holds."""
        return marker_document(self.folder / self.reader.marker)

    def read(self) -> Reading:
        """What the reader makes of the whole checkpoint. Raises Broken for what is no Reading."""
        reading = self.reader.read(self.folder, self.document)
        if not isinstance(reading, Reading):
            raise Broken(f"read returned a {type(reading).__name__}")
        return reading

    def digests(self) -> dict[str, str]:
        """SHA-256 of each of its files."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): digest(path) for path in files}

    @contextlib.contextmanager
    def with_file(self, name: str, content: bytes | None) -> Iterator[Path]:
        """A copy of the checkpoint in which one file holds something else; None: in which it is missing."""
        with tempfile.TemporaryDirectory(prefix="emozoo-check-") as temporary:
            for path in self.folder.rglob("*"):
                place = Path(temporary, path.relative_to(self.folder))
                if path.is_dir():
                    place.mkdir(parents=True, exist_ok=True)
                elif path.relative_to(self.folder) != Path(name):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.symlink_to(path.resolve())
            if content is not None:
                Path(temporary, name).write_bytes(content)
            yield Path(temporary)


def marker_document(path: Path) -> Any:
    """The document in a marker, JSON or else YAML, as a reader gets it. Raises EmozooError for neither."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".json":
        return json.loads(text)
    return plain_data(text, path.name)
