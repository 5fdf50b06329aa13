"""The clips that files, folders, patterns, tables and places of fsspec stand for: `list_sources`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from emozoo.bulk.remote import HUB, file_system, is_url, protocol_of, reached, safe_name
from emozoo.bulk.source import Source
from emozoo.bulk.tables import PARQUET, sources_of_table
from emozoo.errors import EmozooError
from emozoo.hub.reference import is_reference, parse
from emozoo.media.files import MEDIA_SUFFIXES, Warn, find_files, ignore, whole_names
from emozoo.tables.files import TEXTS

TABLE_SUFFIXES = (*TEXTS, PARQUET)
MAGIC = frozenset("*?[")


def list_sources(names: Iterable[str], *, warn: Warn = ignore) -> list[Source]:
    """The clips that names stand for, each once: paths, folders, patterns, URLs, tables that name files (`TABLE_SUFFIXES`),
    Parquet files that hold recordings, and datasets of the Hub, `hub:user/name[@revision]`.

    Nothing of the clips is read. Raises EmozooError for what holds none, or cannot be listed."""
    found: dict[str, Source] = {}
    for place in _places(names, warn):
        each = sources_of_table(place) if is_table(place) else [Source.of(place)]
        for source in each:
            if found.setdefault(source.file, source) != source:
                raise EmozooError(
                    f"{source.file} stands for two addresses, which differ in what follows the ? or in the password, and no "
                    "output shows these: download such files first"
                )
    return list(found.values())


def is_table(place: str) -> bool:
    return PurePosixPath(safe_name(place)).suffix.lower() in TABLE_SUFFIXES


def _places(names: Iterable[str], warn: Warn) -> Iterator[str]:
    for name in names:
        if is_reference(name):
            yield from _of_hub(name)
        elif is_url(name):
            yield from _of_url(name)
        else:
            yield from find_files([name], warn=warn)


def _of_hub(name: str) -> list[str]:
    dataset = parse(name)
    revision = f"@{dataset.revision}" if dataset.revision else ""
    place = f"{HUB}://datasets/{dataset.repo}{revision}"
    with reached(name, "listed"):
        files, path = file_system(place)
        held = sorted(files.find(path))
    return _media_or_tables(held, name, HUB)


def _of_url(name: str) -> list[str]:
    """A file, the files that a pattern matches, or the media of a folder."""
    files, path = file_system(name)
    protocol = str(protocol_of(name))
    with reached(name, "listed"):
        if MAGIC & set(path) and protocol not in ("http", "https") and not files.exists(path):
            found = (each for each in files.glob(whole_names(path)) if not each.endswith("/"))
            held = sorted(each for each in found if not _hidden_parts(each) - _hidden_parts(path))
            if not held:
                raise EmozooError(f"no file matches {safe_name(name)}")
            return [_address(each, protocol) for each in held]
        if not name.endswith("/") and (_is_file(path) or protocol in ("http", "https") or not files.isdir(path)):
            return [name]
        held = sorted(files.find(path))
    return _media_or_tables(held, safe_name(name), protocol)


def _hidden_parts(path: str) -> set[str]:
    """Names that a pattern matches here only where it has them itself."""
    return {part for part in PurePosixPath(path).parts if part.startswith(".")}


def _is_file(path: str) -> bool:
    """Whether its name says so: asking a storage for each of many takes long."""
    return PurePosixPath(path).suffix.lower() in MEDIA_SUFFIXES or is_table(path)


def _media_or_tables(held: list[str], name: str, protocol: str) -> list[str]:
    """The media of a folder; where it has none, its Parquet files."""
    seen = [each for each in held if not PurePosixPath(each).name.startswith(".")]
    for suffixes in (MEDIA_SUFFIXES, {PARQUET}):
        if some := [each for each in seen if PurePosixPath(each).suffix.lower() in suffixes]:
            return [_address(each, protocol) for each in some]
    raise EmozooError(f"no media files in {name}, and no Parquet files")


def _address(path: str, protocol: str) -> str:
    return path if is_url(path) else f"{protocol}://{path}"
