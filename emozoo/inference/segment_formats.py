"""What files of segments say: RTTM, WebVTT and SRT, Audacity's labels, tables of CSV, JSON and Parquet.

The content decides which of them a file is; its suffix only where the content leaves that open. `emozoo.inference.segments`
checks what is found here.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.errors import EmozooError
from emozoo.tables.columns import Columns, recognised
from emozoo.tables.files import Line, Table, decoded, parse_table, table_of_items
from emozoo.tables.times import seconds

LARGEST = 64 * 2**20
"""Bytes of a file that are read."""
RTTM_TYPES = frozenset((
    "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP", "CB", "A/P",
    "SPEAKER", "SPKR-INFO",
))  # fmt: skip
"""The first field of a line of RTTM (NIST, Rich Transcription 2009, appendix A)."""
RTTM_FIELDS = range(8, 11)
"""Up to the speaker's name, and with the confidence and the lookahead that follow it."""
LISTS = ("segments", "diarization")
"""Under which a JSON object holds segments, as Whisper, WhisperX and pyannoteAI write them."""
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]+)>")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_NAMED = re.compile(r"\[([^\[\]\n]{1,60})\]:\s+(?=\S)|(SPEAKER[ _-]?\d+):\s+", re.IGNORECASE)
"""The speaker before a cue's words, as diarizing transcribers write it: `[Anna]: Hello`, `SPEAKER_01: Hello`."""
_PREFIX = re.compile(r"([^\W_][^:\n<>\[\]{}.,;!?]{0,39}):\s+(?=\S)")
"""What is a speaker only where most cues begin so: `Anna: Hello`."""


@dataclass(frozen=True)
class Row:
    """A segment as a file says it."""

    place: str
    """`line 3`, `item 2`, `row 5`."""
    start: float
    end: float
    speaker: str = ""
    text: str = ""
    file: str = ""
    """As the row names it; "" where it names none."""


class Wrong(Exception):
    """A row that cannot be read: its place, and why."""

    def __init__(self, place: str, reason: object) -> None:
        super().__init__(place, reason)
        self.place, self.reason = place, str(reason)


def parse_segments(data: bytes, path: Path) -> list[Row]:
    """The rows of a file's bytes, in its order. Raises EmozooError, naming file and line, if it is none of the formats."""
    if len(data) > LARGEST:
        raise EmozooError(f"{path} has more than {LARGEST // 2**20} MiB: no list of segments is as large")
    try:
        return list(_rows(data, path))
    except Wrong as error:
        raise EmozooError(f"{path}, {error.place}: {error.reason}") from None
    except RecursionError:
        raise EmozooError(f"{path} is nested too deeply for a list of segments") from None


def _rows(data: bytes, path: Path) -> Iterator[Row]:
    if data.startswith((b"PAR1", b"PK\x03\x04")):
        return _table(parse_table(data, path), path)
    text = decoded(data, path)
    lines = re.split(r"\r\n|\r|\n", text)
    said = [line for line in lines if line.strip() and not line.startswith(";;")]
    if not said:
        raise EmozooError(f"{path} holds no segments: it is empty")
    suffix = path.suffix.lower()
    fields = said[0].split()
    if said[0].startswith("WEBVTT") or suffix in (".srt", ".vtt"):
        return _cues(lines)
    if suffix == ".rttm" or (fields[0] in RTTM_TYPES and len(fields) in RTTM_FIELDS):
        return _rttm(lines)
    if said[0].lstrip().startswith(("[", "{")):
        return _json(text, data, path)
    if any("-->" in line for line in said[:3]):
        return _cues(lines)
    if _is_label(said[0]):
        return _labels(lines)
    return _table(parse_table(data, path), path)


def _time(text: str, place: str) -> float:
    try:
        return seconds(text, decimal_comma=True)
    except ValueError as error:
        raise Wrong(place, error) from None


def _rttm(lines: list[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        place = f"line {number}"
        if not fields or line.startswith(";;") or (fields[0] in RTTM_TYPES and fields[0] != "SPEAKER"):
            continue
        if fields[0] != "SPEAKER":
            raise Wrong(place, "a line of RTTM begins with SPEAKER")
        if len(fields) not in RTTM_FIELDS:
            raise Wrong(place, f"{len(fields)} fields, and RTTM has 9 or 10, none of them with blanks")
        start, duration = _time(fields[3], place), _time(fields[4], place)
        speaker = "" if fields[7] == "<NA>" else fields[7]
        yield Row(place, start, start + duration, speaker, file="" if fields[1] == "<NA>" else fields[1])


def _is_label(line: str) -> bool:
    fields = line.split("\t")
    try:
        return len(fields) >= 2 and all(seconds(field, decimal_comma=True) >= 0 for field in fields[:2])
    except ValueError:
        return False


def _labels(lines: list[str]) -> Iterator[Row]:
    """Audacity's labels: start, end and the label, with tabs between. The label is the speaker."""
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("\\"):  # the frequencies of the label above
            continue
        place = f"line {number}"
        start, end, *words = line.split("\t")[:4] if "\t" in line else (line, "")
        speaker, text = (*words, "", "")[:2]
        match = _NAMED.match(speaker) or _PREFIX.match(speaker)
        if match and not text:
            speaker, text = next(filter(None, match.groups())), speaker[match.end() :]
        yield Row(place, _time(start, place), _time(end, place), speaker.strip(), text.strip())


def _cues(lines: list[str]) -> Iterator[Row]:
    """WebVTT and SRT. A cue is the line of its times, and its words up to an empty line."""
    cues: list[tuple[Row, str]] = []
    words: list[str] | None = None
    timed: tuple[str, float, float] | None = None
    for number, line in enumerate([*lines, ""], start=1):
        if words is not None and timed is not None and not line.strip():
            cues.append(_cue(*timed, words))
            words = None
        elif words is None and "-->" in line:
            place = f"line {number}"
            begin, _, rest = line.partition("-->")
            timed = place, _time(begin, place), _time(f"{rest} ".split()[0] if rest.strip() else "", place)
            words = []
        elif words is not None:
            words.append(line)
    return _with_speakers(cues)


def _cue(place: str, start: float, end: float, words: list[str]) -> tuple[Row, str]:
    """A cue, and its words without tags."""
    text = "\n".join(words)
    voices = {html.unescape(voice).strip() for voice in _VOICE.findall(text)}
    speaker = voices.pop() if len(voices) == 1 else ""  # of two in one cue, neither is named
    return Row(place, start, end, speaker), " ".join(html.unescape(_TAG.sub("", text)).split())


def _with_speakers(cues: list[tuple[Row, str]]) -> Iterator[Row]:
    """The cues, with speakers that are named at the beginning of their words."""
    prefixed = sum(bool(_PREFIX.match(words)) for _, words in cues)
    is_usual = len(cues) > 1 and 2 * prefixed > len(cues)
    for row, words in cues:
        match = _NAMED.match(words) or (_PREFIX.match(words) if is_usual else None)
        speaker = row.speaker
        if match and not speaker:
            speaker, words = next(filter(None, match.groups())).strip(), words[match.end() :]
        yield Row(row.place, row.start, row.end, speaker, words)


def _json(text: str, data: bytes, path: Path) -> Iterator[Row]:
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if not isinstance(whole, dict) or "start" in whole:
        return _table(parse_table(data, path), path)
    if isinstance(answers := whole.get("predictions"), list):  # as emozoo predict writes them
        given = [answer for answer in answers if isinstance(answer, dict) and isinstance(answer.get("segments"), list)]
        items = [{"file": answer.get("file"), **each} for answer in given for each in answer["segments"]]
        return _table(table_of_items(items), path)
    for name in LISTS:
        if isinstance(whole.get(name), list):
            return _table(table_of_items(whole[name]), path)
    raise EmozooError(
        f"{path} is a JSON object without a list of segments: write an array of objects, such as "
        '[{"start": 0.5, "end": 2.25, "speaker": "anna"}]'
    )


def _table(table: Table, path: Path) -> Iterator[Row]:
    try:
        columns = recognised(table)
    except EmozooError as error:
        raise EmozooError(f"{path}: {error}") from None
    if "start" not in columns.known or not {"end", "duration"} & columns.known.keys():
        fault = next((f", {line.place}: {line.fault}" for line in table.lines if line.fault), "")
        there = ", ".join(table.names)[:200] or "none"
        raise EmozooError(
            f"{path} is not understood{fault}: segments are RTTM, WebVTT, SRT, Audacity's labels, or a table with the "
            f"columns start and end (seconds) or start_ms and end_ms; its columns are {there}"
        )
    for line in table.lines:
        try:
            yield _row(line, columns, table.decimal_comma)
        except (ValueError, EmozooError) as error:
            raise Wrong(line.place, error) from None


def _row(line: Line, columns: Columns, decimal_comma: bool) -> Row:
    if line.fault:
        raise ValueError(line.fault)
    start, end, duration = (_seconds(line, columns, what, decimal_comma) for what in ("start", "end", "duration"))
    if start is None:
        raise ValueError("the start is missing")
    if end is None:
        if duration is None:
            raise ValueError("the end is missing")
        end = start + duration
    speaker, text, file = (_words(line, columns, what) for what in ("speaker", "transcript", "file"))
    return Row(line.place, start, end, speaker, text, file)


def _seconds(line: Line, columns: Columns, meaning: str, decimal_comma: bool) -> float | None:
    value, column = columns.of(line.fields, meaning)
    if column is None:
        return None
    if isinstance(value, bool | dict | list):
        raise ValueError(f"{column.name} is no time")
    try:
        return seconds(str(value), column.unit, decimal_comma)
    except ValueError as error:
        raise ValueError(f"{column.name} {error}") from None


def _words(line: Line, columns: Columns, meaning: str) -> str:
    value: Any = columns.of(line.fields, meaning)[0]
    if isinstance(value, dict | list):
        raise ValueError(f"the {meaning} is no word")
    return "" if value is None else " ".join(str(value).split())
