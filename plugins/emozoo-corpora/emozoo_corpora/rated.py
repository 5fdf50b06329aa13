"""A base for corpora of which tables say by name how each recording was rated. No audio or video is opened here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, RowsBuilder, row
from emozoo_corpora.files import Lost, find_files, keep, media_files


@dataclass(frozen=True)
class Judged:
    """What a corpus says of a clip."""

    recording: str
    """As `Rated.recording` gives it for the file."""
    columns: dict[str, object]
    """Of the row, but the files. `start` and `end` are those within the whole recording."""


class Rated(RowsBuilder):
    """One row for each clip of the corpus' tables that has its recording, in the order of the tables.

    Where a recording has audio and video, the audio file is the sound. Where clips are stretches of a longer recording, the
    video is both.
    """

    WHAT = ""
    """The corpus' name."""
    TABLES: tuple[tuple[str, ...], ...] = ()
    """The names of its tables in small letters: of each, those that it may have, the preferred first."""
    EXAMPLE = ""
    """The table, and a recording, as the error names them."""
    OBTAIN = ""

    def recording(self, stem: str) -> str:
        """The name of the recording that a file holds, by the stem of its name; "" for another file."""
        raise NotImplementedError

    def judged(self, tables: list[Path], lost: Lost) -> list[Judged]:
        """What the tables say. Raises EmozooError for a table that cannot be read."""
        raise NotImplementedError

    def read(self, folder: Path) -> list[dict[str, object]]:
        tables = [found for names in self.TABLES if (found := _first(folder, names))]
        if not tables:
            raise EmozooError(
                f"no {self.WHAT} in {folder}: looked for {self.EXAMPLE} in it, below it and in the folder around it. "
                f"{self.OBTAIN}"
            )
        root = folder if any(path.is_relative_to(folder) for path in tables) else folder.parent
        lost = Lost()
        sounds, videos = _recordings(root, self.recording, lost)
        rows = []
        done = set()
        for clip in self.judged(tables, lost):
            name = str(clip.columns["utterance_id"])
            if name in done:
                lost.add("lines repeat another", name)
            elif clip.recording not in sounds and clip.recording not in videos:
                lost.add("clips are missing", name)
            else:
                sound, video = sounds.get(clip.recording), videos.get(clip.recording)
                if "start" in clip.columns and video is not None:
                    sound = video  # of two files, the sound would have to be the stretch alone
                rows.append(row(**clip.columns, audio_path=str(sound or video), video_path=str(video or "")))
            done.add(name)
        if not rows:
            raise EmozooError(
                f"no clip of {self.WHAT} in {root}: looked for {self.EXAMPLE} in it and below it. {self.OBTAIN}"
            )
        lost.tell(root)
        return rows


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((found[0] for name in names if (found := find_files(folder, name))), None)


def _recordings(root: Path, name_of: Callable[[str], str], lost: Lost) -> tuple[dict[str, Path], dict[str, Path]]:
    """The sound files and the videos, by the name of their recording."""
    sounds: dict[str, Path] = {}
    videos: dict[str, Path] = {}
    for path in media_files(root):
        if name := name_of(path.stem):
            keep(sounds if path.suffix.lower() in SOUNDS else videos, name, path, lost)
    return sounds, videos
