"""Recordings in the Parquet files of a dataset of the Hugging Face Hub become files again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emozoo import EmozooError


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def clips(part: Path) -> Iterator[tuple[bytes, str, dict[str, str]]]:
    """The bytes of each recording, the name of its file where it is known, and the other columns as text."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(part)
    if "audio" not in file.schema_arrow.names:
        raise EmozooError(f"{part.name} has no column audio: its columns are {', '.join(file.schema_arrow.names)}")
    for batch in file.iter_batches(64):
        for line in batch.to_pylist():
            audio: dict[str, Any] = line.pop("audio") or {}
            if audio.get("bytes"):
                told = {name: "" if value is None else str(value) for name, value in line.items()}
                yield audio["bytes"], Path((audio.get("path") or "").replace("\\", "/")).name, told


def ending(sound: bytes, otherwise: str = ".wav") -> str:
    """The ending of a file that begins so."""
    kinds = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3"}
    return next((kind for start, kind in kinds.items() if sound.startswith(start)), otherwise)
