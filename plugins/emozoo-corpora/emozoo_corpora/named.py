"""A base for corpora of one row a recording, where a recording's path says what it is. No audio is opened here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, RowsBuilder, row
from emozoo_corpora.files import Lost, keep, media_files

DEPTH = 4
"""How much of a path is looked at: the file's name and three folders."""


class NamedRecordings(RowsBuilder):
    """One row for each recording, by speaker and name. A subclass says what paths are like, and what their parts mean."""

    TITLE: ClassVar[str]
    PATH: ClassVar[re.Pattern[str]]
    """The end of a path without the ending of the file, with the groups `emotion` and, where it is known, `speaker`
    and `sentence`."""
    EMOTIONS: ClassVar[Mapping[str, str]]
    """emozoo's words by those of the path, in small letters."""
    EXAMPLE: ClassVar[str]
    OBTAIN: ClassVar[str]

    def speaker(self, match: re.Match[str]) -> str:
        return str(match["speaker"])

    def gender(self, match: re.Match[str]) -> str:
        """F, M or ""."""
        return ""

    def transcript(self, match: re.Match[str]) -> str:
        return ""

    def read(self, folder: Path) -> list[dict[str, object]]:
        rows: dict[tuple[str, str], dict[str, object]] = {}
        paths: dict[tuple[str, str], Path] = {}
        lost = Lost()
        for path in media_files(folder):
            if path.suffix.lower() not in SOUNDS:
                continue
            match = self.PATH.search("/".join(path.with_suffix("").parts[-DEPTH:]))
            if match is None or match["emotion"].lower() not in self.EMOTIONS:
                lost.add("files are not named like a recording", path.name)
                continue
            speaker = self.speaker(match)
            name = match[0].strip("/").replace("/", "_")
            if keep(paths, (speaker, name.lower()), path, lost):
                rows[speaker, name.lower()] = row(
                    utterance_id=name,
                    speaker=speaker,
                    gender=self.gender(match),
                    emotion=self.EMOTIONS[match["emotion"].lower()],
                    transcript=self.transcript(match),
                    sentence=match.groupdict().get("sentence") or "",
                    audio_path=str(path),
                )
        if not rows:
            raise EmozooError(
                f"no recording of {self.TITLE} in {folder}: looked for files such as {self.EXAMPLE} in it and every folder "
                f"below. {self.OBTAIN}"
            )
        lost.tell(folder)
        return [rows[key] for key in sorted(rows)]
