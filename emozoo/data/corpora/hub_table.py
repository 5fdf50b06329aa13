"""A dataset of the Hugging Face Hub, `hub:user/name[@revision]`, becomes a table that `emozoo.data.corpora.manifest` reads.

One that holds a table and its files is used as it is, and must name no other files; one of Parquet files needs a column of
audio and one of labels.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

from emozoo.data.corpora.manifest import TABLES, TEXTS, find_rows, find_table
from emozoo.data.corpus import SOUNDS, VIDEOS
from emozoo.data.tables.columns import NAMES, meaning_of, plain
from emozoo.errors import EmozooError
from emozoo.paths import cache_root, cached_folder


def fetch(reference: str) -> Path:
    """A folder with a table and its files, for a dataset of the Hub. Raises EmozooError where it cannot be one."""
    from emozoo.hub.files import dataset_folder

    media = [f"*{suffix}" for suffix in SOUNDS + VIDEOS]
    folder = dataset_folder(reference, ["*.parquet", *TABLES, "*.jsonl", *media])
    if any(path.name.lower() in TABLES or path.suffix.lower() == ".jsonl" for path in folder.iterdir()):
        try:
            find_rows(find_table(folder), inside=True)
        except EmozooError as error:
            raise EmozooError(f"{reference} is refused: {error}") from error
        return folder
    parts = sorted(folder.rglob("*.parquet"))
    if not parts:
        raise EmozooError(f"{reference} holds no table (metadata.csv, manifest.csv or .jsonl) and no Parquet file")
    made = cache_root() / "made" / f"hub-{re.sub('[^A-Za-z0-9]+', '-', reference)[4:80]}-{folder.name}"
    if not made.is_dir():
        with cached_folder(made) as temporary:
            _unpack(parts, folder, temporary, reference)
    return made


def _unpack(parts: list[Path], root: Path, target: Path, reference: str) -> None:
    """Writes the sounds of Parquet files, as they are, and metadata.jsonl."""
    import pyarrow.parquet as pq

    count = 0
    with open(target / "metadata.jsonl", "w", encoding="utf-8") as table:
        for part in parts:
            file = pq.ParquetFile(part)
            sound, label, names = _columns(file.schema_arrow, reference)
            others = _others(file.schema_arrow.names, (sound, label))
            split = re.search(r"(?:^|[/-])(train|test|validation|valid|dev)[-./]", part.relative_to(root).as_posix())
            for batch in file.iter_batches(64, columns=[sound, label, *others]):
                for line in batch.to_pylist():
                    clip, word = line[sound] or {}, line[label]
                    if not clip.get("bytes") or word is None or isinstance(word, list | dict):
                        continue
                    if names and not 0 <= word < len(names):
                        continue
                    count += 1
                    suffix = re.search(r"\.[A-Za-z0-9]{1,5}$", clip.get("path") or "")
                    path = target / f"{count:06}{suffix[0].lower() if suffix else ''}"
                    path.write_bytes(clip["bytes"])
                    row = {"file": path.name, "label": names[word] if names else str(word)}
                    row |= {name: line[name] for name in others}
                    table.write(json.dumps({**row, "split": split[1] if split else ""}, default=str) + "\n")
    if not count:
        raise EmozooError(f"{reference} holds no clip with a sound and a label")


def _others(names: list[str], used: tuple[str, str]) -> list[str]:
    """The columns that say more of a clip, one of each meaning; times are those of another file, and not kept."""
    kept: dict[str, list[str]] = {}
    for name in names:
        meaning, _ = meaning_of(name) or ("", 1.0)
        if name not in used and meaning in (*TEXTS, "transcript", "utterance_id"):
            kept.setdefault(meaning, []).append(name)
    order = [plain(each) for each in itertools.chain.from_iterable(NAMES.values())]
    return [min(same, key=lambda name: order.index(plain(name))) for same in kept.values()]


def _columns(schema: Any, reference: str) -> tuple[str, str, list[str]]:
    """The names of the columns of sounds and of labels, and the words that numbers stand for."""
    told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = told.get("info", {}).get("features", {})
    kinds = {name: kind if isinstance(kind, dict) else {} for name, kind in features.items()}
    sounds = [name for name in schema.names if str(schema.field(name).type).startswith("struct<bytes: binary")]
    sounds = [name for name in schema.names if kinds.get(name, {}).get("_type") == "Audio"] or sounds
    labels = [name for name in schema.names if (meaning_of(name) or ("",))[0] == "label"]
    labels = labels or [name for name in schema.names if kinds.get(name, {}).get("_type") == "ClassLabel"]
    if not sounds or not labels:
        lacking = "audio" if not sounds else "labels (label or emotion)"
        raise EmozooError(f"{reference} has no column of {lacking}: its columns are {', '.join(schema.names)}")
    return sounds[0], labels[0], kinds.get(labels[0], {}).get("names") or []
