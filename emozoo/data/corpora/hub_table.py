"""A dataset of the Hugging Face Hub, `hub:user/name[@revision]`, becomes a table that `emozoo.data.tables` reads: `fetch`.

A dataset that holds a table and its files is used as it is, and the table must name no other files. A dataset of Parquet
files needs a column of audio, and one of labels, ratings or votes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.data.corpus import SOUNDS, VIDEOS
from emozoo.data.tables.places import TABLES, find_table
from emozoo.data.tables.rows import TEXTS, find_rows
from emozoo.errors import EmozooError
from emozoo.paths import cache_root, cached_folder
from emozoo.tables.columns import NAMES, NONE, meaning_of, meanings_given, tells
from emozoo.text import letters


def fetch(reference: str, columns: Mapping[str, str] = NONE) -> Path:
    """A folder with a table and its files, for a dataset of the Hub, where `columns` says what some columns mean.

    Raises EmozooError if it cannot become one."""
    from emozoo.hub.files import dataset_folder

    media = [f"*{suffix}" for suffix in SOUNDS + VIDEOS]
    folder = dataset_folder(reference, ["*.parquet", *TABLES, "*.jsonl", *media])
    if any(path.name.lower() in TABLES or path.suffix.lower() == ".jsonl" for path in folder.iterdir()):
        try:
            find_rows(find_table(folder), inside=True, given=columns)
        except EmozooError as error:
            raise EmozooError(f"{reference} is refused: {error}") from error
        return folder
    parts = sorted(folder.rglob("*.parquet"))
    if not parts:
        raise EmozooError(f"{reference} holds no table (metadata.csv, manifest.csv or .jsonl) and no Parquet file")
    said = "".join(f" {meaning}={name}" for meaning, name in sorted(columns.items()))
    mark = f"-{hashlib.blake2b(said.encode(), digest_size=8).hexdigest()}" if said else ""
    made = cache_root() / "made" / f"hub-{re.sub('[^A-Za-z0-9]+', '-', reference)[4:80]}-{folder.name}{mark}"
    if not made.is_dir():
        with cached_folder(made) as temporary:
            unpack(parts, folder, temporary, reference, columns)
    return made


@dataclass(frozen=True)
class _Columns:
    """The names of the columns of a Parquet file that are read."""

    sound: str
    label: str
    """"": there is none, but there are ratings or votes."""
    words: list[str]
    """The words that numbers in `label` stand for; empty: they stand for nothing."""
    others: list[str]
    file: str = "file"
    written: str = "label"
    """The columns of the file and the label in the table that is written."""


def unpack(parts: list[Path], root: Path, target: Path, reference: str, columns: Mapping[str, str] = NONE) -> None:
    """Writes the audio of Parquet files, as it is, and metadata.jsonl."""
    count = 0
    with open(target / "metadata.jsonl", "w", encoding="utf-8") as table:
        for part in parts:
            split = re.search(r"(?:^|[/-])(train|test|validation|valid|dev)[-./]", part.relative_to(root).as_posix())
            for clip, file, row in _clips(part, reference, columns):
                count += 1
                suffix = re.search(r"\.[A-Za-z0-9]{1,5}$", clip.get("path") or "")
                path = target / f"{count:06}{suffix[0].lower() if suffix else ''}"
                path.write_bytes(clip["bytes"])
                line = {file: path.name, **row, "split": split[1] if split else ""}
                table.write(json.dumps(line, default=str) + "\n")
    if not count:
        raise EmozooError(f"{reference} holds no clip with audio and a label, a rating or votes")


def _clips(
    part: Path, reference: str, given: Mapping[str, str]
) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    """The clips of a Parquet file that have audio and a label, a rating or votes: the audio as `datasets` stores it, the
    name of its column in a table, and the other columns."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(part)
    told = {name: meaning for name, (meaning, _) in meanings_given(file.schema_arrow.names, given).items()}
    means = _meanings(file.schema_arrow.names, told)
    columns = _columns(file.schema_arrow, reference, means, told)
    judging = [name for name in columns.others if tells(means[name])]
    for batch in file.iter_batches(64, columns=[columns.sound, *filter(None, [columns.label]), *columns.others]):
        for line in batch.to_pylist():
            clip = line[columns.sound] or {}
            label = _label(line[columns.label], columns.words) if columns.label else None
            if clip.get("bytes") and (label is not None or any(line[name] is not None for name in judging)):
                yield (
                    clip,
                    columns.file,
                    {columns.written: label or "", **{name: line[name] for name in columns.others}},
                )


def _label(value: Any, words: list[str]) -> str | None:
    """The word of a cell, or several between semicolons; None if it is no label."""
    if isinstance(value, list):
        several = [_label(each, words) for each in value]
        return ";".join(filter(None, several)) if several and None not in several else None
    if value is None or isinstance(value, dict):
        return None
    if not words:
        return str(value)
    return words[value] if 0 <= value < len(words) else None


def _columns(schema: Any, reference: str, means: Mapping[str, str], told: Mapping[str, str]) -> _Columns:
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = described.get("info", {}).get("features", {})
    kinds = {name: kind if isinstance(kind, dict) else {} for name, kind in features.items()}
    sounds = [name for name in schema.names if str(schema.field(name).type).startswith("struct<bytes: binary")]
    sounds = [name for name in schema.names if kinds.get(name, {}).get("_type") == "Audio"] or sounds
    sounds = [name for name in sounds if told.get(name) == "file"] or sounds
    labels = [name for name in schema.names if means[name] == "label"]
    labels = labels or [name for name in schema.names if _class_label(kinds.get(name, {})).get("_type") == "ClassLabel"]
    others = _others(means, told, (sounds[0] if sounds else "", labels[0] if labels else ""))
    if not sounds or not labels and not any(tells(means[name]) for name in others):
        lacking = "audio" if not sounds else "labels (label or emotion)"
        raise EmozooError(f"{reference} has no column of {lacking}: its columns are {', '.join(schema.names)}")
    label = labels[0] if labels else ""
    words = _class_label(kinds.get(label, {})).get("names") or []
    file, written = (told.get(name) and name or usual for name, usual in ((sounds[0], "file"), (label, "label")))
    return _Columns(sounds[0], label, words, others, file, written)


def _class_label(kind: dict[str, Any]) -> dict[str, Any]:
    """The feature of a label: itself, or that of each item where a clip has a list of them."""
    return inner if isinstance(inner := kind.get("feature"), dict) else kind


def _meanings(names: Sequence[str], told: Mapping[str, str]) -> dict[str, str]:
    """The meaning of each column, as told or by its name; "" for none."""
    found = {name: (meaning_of(name) or ("", 1.0))[0] for name in names}
    return {name: "" if meaning in told.values() else meaning for name, meaning in found.items()} | dict(told)


def _others(means: Mapping[str, str], told: Mapping[str, str], used: tuple[str, str]) -> list[str]:
    """The columns that say more about a clip, one for each meaning. Times are those of another file, and not kept."""
    kept: dict[str, list[str]] = {}
    for name, meaning in means.items():
        if name not in used and (
            name in told or meaning in (*TEXTS, "transcript", "utterance_id") or meaning != "label" and tells(meaning)
        ):
            kept.setdefault(meaning, []).append(name)
    order = {letters(each): place for place, each in enumerate(itertools.chain.from_iterable(NAMES.values()))}
    return [min(same, key=lambda name: order.get(letters(name), 0)) for same in kept.values()]
