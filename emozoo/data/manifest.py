"""Reads a user's own clips from a table: CSV with a heading (comma, semicolon or tab), or JSON Lines.

Columns, in any order and either case; others are ignored:

- `file` (or `path`, `audio`, `file_name`): a sound or video file, absolute or relative to the table's folder
- `label` (or `emotion`): the emotion's word
- `speaker`, `gender`, `session`, `transcript`, `utterance_id`: text, optional
- `corpus`: where the clip comes from, optional; clips of several are split, and drawn in training, corpus by corpus
- `start`, `end`: seconds within the file, optional
- `split`: train, dev (or valid, validation) or test, optional

Text is UTF-8. No sound or picture is opened here.

A dataset of the Hugging Face Hub, `hub:user/name[@revision]`, becomes such a table: one that holds a table and its files
is used as it is; one of Parquet files needs a column of audio and one of labels.
"""

import csv
import io
import json
import logging
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from emozoo.data.corpus import FEATURES, Corpus, row
from emozoo.data.protocols import SPLIT_WORDS
from emozoo.errors import EmozooError
from emozoo.paths import cache_root

ALIASES = {"file": ("file", "path", "audio", "file_name"), "label": ("label", "emotion")}
"""The two columns that a table must have, under any of these names."""
TEXTS = ("speaker", "gender", "session", "transcript", "utterance_id", "corpus")
TABLES = ("metadata.csv", "manifest.csv")
"""What a table may be called where a folder is named, besides any `.jsonl`."""
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
REPORTED = 10

Line = tuple[int, dict[str, Any] | str]
"""Its number in the file, and its columns or what is wrong with it."""


class Manifest(datasets.GeneratorBasedBuilder):
    """One row of `FEATURES` for each good line, in the split `train` (the table's own word is in the column `split`).

    `config.data_dir` is the table, or a folder that holds one. A video file is both `audio_path` and `video_path`. Lines
    that cannot be used are left out, and one warning tells their numbers; preparing raises EmozooError where none is
    left.
    """

    VERSION = datasets.Version("1.0.0")

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # Read here and not in the generator, where datasets would wrap a user's mistake in an error of its own.
        rows = tuple(_read(_find_table(Path(self.config.data_dir))))
        return [datasets.SplitGenerator(name="train", gen_kwargs={"rows": rows})]

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


def _find_table(given: Path) -> Path:
    if given.is_file():
        return given
    visible = sorted(path for path in given.iterdir() if path.is_file() and not path.name.startswith("."))
    tables = [path for path in visible if path.name.lower() in TABLES or path.suffix.lower() == ".jsonl"]
    if len(tables) == 1:
        return tables[0]
    if tables:
        raise EmozooError(
            f"{given} holds {', '.join(path.name for path in tables)}: name the one to read with --data-dir"
        )
    names = [path.name for path in visible]
    found = ", ".join(names[:5]) + (f" and {len(names) - 5} more files" if len(names) > 5 else "") or "no file"
    raise EmozooError(
        f"{given} holds no {', '.join(TABLES)} or .jsonl file, but {found}: name the table with --data-dir my.csv"
    )


def _read(table: Path) -> list[dict[str, Any]]:
    try:
        text = table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EmozooError(f"{table} is not UTF-8 text (byte {error.start}): save it as CSV UTF-8") from error
    json_lines = table.suffix.lower() in (".jsonl", ".json") or text.lstrip().startswith("{")
    found, lines = _json_lines(text) if json_lines else _csv_lines(text, table)
    for names in ALIASES.values():
        if not set(names) & set(found):
            raise EmozooError(
                f"{table} has no column {' or '.join(names)}: its columns are {', '.join(found) or 'none'}; "
                "it needs one for the file and one for the label"
            )
    rows, bad = [], []
    for number, columns in lines:
        if isinstance(columns, str):
            bad.append(f"line {number}: {columns}")
            continue
        try:
            rows.append(_row(columns, table.parent, f"{table.stem}:{number}"))
        except (ValueError, OSError) as error:  # OSError: a name that no file can have
            bad.append(f"line {number}: {error}")
    told = "; ".join(bad[:REPORTED]) + (f"; and {len(bad) - REPORTED} more" if len(bad) > REPORTED else "")
    if not rows:
        raise EmozooError(
            f"{table} has no line that can be used ({told or 'only a heading'}); its columns are {', '.join(found)}"
        )
    if bad:
        logging.getLogger("emozoo").warning("%s: %d lines are left out: %s", table, len(bad), told)
    return rows


def _json_lines(text: str) -> tuple[list[str], list[Line]]:
    """The names of all columns, and the lines."""
    lines: list[Line] = []
    names: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            lines.append((number, f"no JSON ({error})"))
            continue
        if isinstance(value, dict):
            value = {name.strip().lower(): content for name, content in value.items()}
            names |= dict.fromkeys(value)
            lines.append((number, value))
        else:
            lines.append((number, "no JSON object"))
    return list(names), lines


def _csv_lines(text: str, table: Path) -> tuple[list[str], list[Line]]:
    """The names in the heading, and the lines below it."""
    heading = text.lstrip().split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count))
    names: list[str] = []
    lines: list[Line] = []
    number = 1
    try:
        for fields in reader:
            if not names:
                names = [name.strip().lower() for name in fields]
            elif len(fields) == len(names):
                lines.append((number, dict(zip(names, fields, strict=True))))
            elif any(field.strip() for field in fields):
                lines.append((number, f"{len(fields)} fields, not {len(names)}"))
            number = reader.line_num + 1  # where the next row begins: a quoted field may span several lines
    except csv.Error as error:
        raise EmozooError(f"{table}, line {number}: {error}; save it again as CSV") from error
    return names, lines


def _row(columns: dict[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """A row of `FEATURES`; raises ValueError with the reason where it cannot be one."""
    file, label = (_text(columns, *names) for names in ALIASES.values())
    if not file:
        raise ValueError("no file is named")
    path = folder / Path(file).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    if not label:
        raise ValueError("the label is empty")
    start, end = _seconds(columns, "start"), _seconds(columns, "end")
    if end >= 0 and end <= max(start, 0.0):
        raise ValueError(f"end {end:g} is not after start {max(start, 0.0):g}")
    split = _text(columns, "split").lower()
    if split and split not in SPLIT_WORDS:
        raise ValueError(f"split {split!r} is not train, dev, valid, validation or test")
    known = {text: _text(columns, text) for text in TEXTS}
    known["utterance_id"] = known["utterance_id"] or name
    video = str(path) if path.suffix.lower() in VIDEOS else ""
    return row(
        **known,
        emotion=label,
        audio_path=str(path),
        video_path=video,
        start=start,
        end=end,
        split=SPLIT_WORDS.get(split, ""),
    )


def _text(columns: dict[str, Any], *names: str) -> str:
    """The first of these columns that is not empty, without blanks around; "" for none."""
    values = (columns.get(name) for name in names)
    texts = ("" if value is None else str(value).strip() for value in values)
    return next((text for text in texts if text), "")


def _seconds(columns: dict[str, Any], name: str) -> float:
    """-1 where the column is empty."""
    text = _text(columns, name)
    if not text:
        return -1.0
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"{name} {text!r} is not a number of seconds") from None
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{name} {text!r} is not a number of seconds")
    return seconds


def fetch(reference: str) -> Path:
    """A folder with a table and its files, for a dataset of the Hub. Raises EmozooError where it cannot be one."""
    from emozoo import hub

    media = ["*.wav", "*.flac", "*.mp3", "*.ogg", "*.opus", "*.m4a", *(f"*{suffix}" for suffix in VIDEOS)]
    folder = hub.dataset_folder(reference, ["*.parquet", *TABLES, "*.jsonl", *media])
    tables = [path for path in folder.iterdir() if path.name.lower() in TABLES or path.suffix.lower() == ".jsonl"]
    if tables:
        for row in _read(_find_table(folder)):
            if not Path(os.path.normpath(row["audio_path"])).is_relative_to(folder):
                raise EmozooError(f"{reference} is refused: it names {row['audio_path']}, which is no file of its own")
        return folder
    parts = sorted(folder.rglob("*.parquet"))
    if not parts:
        raise EmozooError(f"{reference} holds no table ({', '.join(TABLES)} or .jsonl) and no Parquet file")
    made = cache_root() / "made" / f"hub-{re.sub('[^A-Za-z0-9]+', '-', reference)[4:80]}-{folder.name}"
    if not made.is_dir():
        made.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".hub-", dir=made.parent))
        try:
            _unpack(parts, folder, temporary, reference)
            temporary.rename(made)
        except OSError:
            if not made.is_dir():  # else another process was faster, and made the same
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return made


def _unpack(parts: list[Path], root: Path, target: Path, reference: str) -> None:
    """Writes the sounds of Parquet files, as they are, and metadata.jsonl."""
    import pyarrow.parquet as pq

    count = 0
    with open(target / "metadata.jsonl", "w", encoding="utf-8") as table:
        for part in parts:
            file = pq.ParquetFile(part)
            sound, label, names = _columns(file.schema_arrow, reference)
            others = [name for name in file.schema_arrow.names if name.lower() in TEXTS]
            split = re.search(r"(?:^|[/-])(train|test|validation|valid|dev)[-./]", part.relative_to(root).as_posix())
            for batch in file.iter_batches(64, columns=[sound, label, *others]):
                for line in batch.to_pylist():
                    clip, word = line[sound] or {}, line[label]
                    if not clip.get("bytes") or word is None or names and not 0 <= word < len(names):
                        continue
                    count += 1
                    suffix = re.search(r"\.[A-Za-z0-9]{1,5}$", clip.get("path") or "")
                    path = target / f"{count:06}{suffix[0].lower() if suffix else ''}"
                    path.write_bytes(clip["bytes"])
                    known = {name.lower(): line[name] for name in others}
                    row = {"file": path.name, "label": names[word] if names else str(word), **known}
                    table.write(json.dumps({**row, "split": split[1] if split else ""}, default=str) + "\n")
    if not count:
        raise EmozooError(f"{reference} holds no clip with a sound and a label")


def _columns(schema: Any, reference: str) -> tuple[str, str, list[str]]:
    """The names of the columns of sounds and of labels, and the words that numbers stand for."""
    told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = told.get("info", {}).get("features", {})
    kinds = {name: kind if isinstance(kind, dict) else {} for name, kind in features.items()}
    sounds = [name for name in schema.names if str(schema.field(name).type).startswith("struct<bytes: binary")]
    sounds = [name for name in schema.names if kinds.get(name, {}).get("_type") == "Audio"] or sounds
    labels = [name for name in schema.names if name.lower() in ALIASES["label"]]
    labels = labels or [name for name in schema.names if kinds.get(name, {}).get("_type") == "ClassLabel"]
    if not sounds or not labels:
        lacking = "audio" if not sounds else "labels (label or emotion)"
        raise EmozooError(f"{reference} has no column of {lacking}: its columns are {', '.join(schema.names)}")
    return sounds[0], labels[0], kinds.get(labels[0], {}).get("names") or []


corpus = Corpus(
    name="manifest",
    builder=Manifest,
    obtain=(
        "Write a table of your own clips, CSV with the columns file and label (and speaker, split, start, end if you "
        "have them) or JSON Lines with the same names."
    ),
    summary="your own clips, from a CSV or JSON Lines table",
)
