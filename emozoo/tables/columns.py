"""The meaning of the columns of a user's table: names that are understood, and similar names that are not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from emozoo.errors import EmozooError
from emozoo.tables.files import Table
from emozoo.tables.times import UNITS
from emozoo.text import letters

NONE: Mapping[str, str] = MappingProxyType({})
NAMES: dict[str, tuple[str, ...]] = {
    "file": (
        "file", "path", "audio", "wav", "file_name", "file_path", "audio_file", "audio_path", "audio_filepath",
        "audio_filename", "wav_file", "wav_path", "sound_file", "media_path",
    ),
    "video": ("video", "video_file", "video_path", "video_filename"),
    "label": ("label", "emotion", "emo", "class", "emotion_label", "emotion_class"),
    "speaker": (
        "speaker", "speaker_id", "speaker_name", "spk", "spk_id", "spkr", "spkr_id", "actor", "actor_id", "talker",
        "subject", "subject_id", "participant", "participant_id",
    ),
    "corpus": ("corpus", "dataset", "source", "database"),
    "split": ("split", "partition", "usage", "subset"),
    "gender": ("gender", "sex"),
    "age": ("age", "age_group"),
    "language": ("language", "lang", "locale"),
    "session": ("session", "session_id"),
    "transcript": ("transcript", "transcription", "text", "raw_text"),
    "sentence": ("sentence", "sentence_id", "statement"),
    "utterance_id": ("utterance_id", "utt_id", "key"),
    "valence": ("valence", "emo_val"),
    "arousal": ("arousal", "activation", "emo_act"),
    "dominance": ("dominance", "emo_dom"),
    "votes": ("votes",),
}  # fmt: skip
"""Names by meaning. Case, blanks and signs between words do not matter. `video` is the file if no column names audio."""
RATINGS = ("valence", "arousal", "dominance")
VOTES_OF = "votes_"
"""How the meaning of a column begins that counts the votes for one word: `votes_happy`."""
STARTS = ("start", "begin", "beginning", "onset", "tmin", "xmin")
ENDS = ("end", "stop", "offset", "tmax", "xmax")
DURATIONS = ("duration", "dur")
_EXPORTED = {"hhmmssms": 1.0, "ssmsec": 1.0}
"""Units as the annotation tool ELAN writes them: `Begin Time - hh:mm:ss.ms`, `Begin Time - ss.msec`."""

_SIMPLE = {re.sub("_", "", name): meaning for meaning, names in NAMES.items() for name in names}
_TIME = re.compile(
    r"(?:segment|seg|utterance|utt|clip|turn|time|t)?(?P<what>{})(?:time)?(?:in)?(?P<unit>{})".format(
        "|".join(STARTS + ENDS + DURATIONS), "|".join([*UNITS, *_EXPORTED])
    )
)
_VOTES = re.compile(r"votes[\s_.:-]+(?P<word>\w.*)", re.IGNORECASE)
_SUMS = ("total", "sum", "all", "count", "counts", "n", "num", "number")
"""What a column of votes counts where it is not those for a word."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True)
class _Likeness:
    """Why an unknown name looks like a known kind: it contains a word or begins so, and contains no word of `but`."""

    words: frozenset[str]
    beginnings: tuple[str, ...] = ()
    but: frozenset[str] = frozenset()

    def fits(self, name: str) -> bool:
        words = {word.lower() for word in _WORD.findall(unicodedata.normalize("NFKC", name))} | {letters(name)}
        return not words & self.but and bool(words & self.words or letters(name).startswith(self.beginnings))


_NO_TIME = frozenset(("date", "day", "year", "month", "words"))
_SPAN = _Likeness(frozenset((*STARTS, *ENDS, "ends", "ending", "finish", "from", "to")), STARTS, _NO_TIME)
_LENGTH = _Likeness(frozenset(("length", "len", "seconds", "sec", "ms")))
"""If there is a start and no end."""
_TIMELY = _Likeness(
    frozenset(("time", "times", "timestamp", "timestamps", "timecode", "interval", "span", *DURATIONS)), (), _NO_TIME
)
_SPEAKER = _Likeness(
    frozenset(("speaker", "speakers", "talker", "actor", "subject", "participant", "voice")),
    ("spk", "speaker", "sprecher"),
    frozenset(("age", "gender", "sex", "language", "accent", "country", "role", "count", "number", "num")),
)
_LABEL = _Likeness(frozenset(("class", "category", "affect", "mood", "feeling")), ("emo", "label"))
_FILE = _Likeness(
    frozenset(("file", "path", "audio", "wav", "clip", "recording", "sound", "media", "url", "name")), ("file", "wav")
)


@dataclass(frozen=True)
class Column:
    """A known column."""

    name: str
    """As in the table."""
    unit: float = 1.0
    """Seconds for 1 in a number without a unit."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table by meaning, and the names of those that are not used."""

    known: dict[str, list[Column]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    """And why, unless the name is just unknown."""

    def of(self, fields: dict[str, Any], meaning: str) -> tuple[Any, Column | None]:
        """A line's value in the column of that meaning; None if it is empty.

        Raises EmozooError if the line fills two columns of one meaning."""
        filled = [column for column in self.known.get(meaning, ()) if not is_blank(fields.get(column.name))]
        if len(filled) > 1:
            names = " and ".join(column.name for column in filled)
            raise EmozooError(f"columns {names} both mean the {meaning}: keep one, or give the other another name")
        return (fields[filled[0].name], filled[0]) if filled else (None, None)

    def without(self, meaning: str, why: str) -> Columns:
        """The same, but that column is not used."""
        known = {each: columns for each, columns in self.known.items() if each != meaning}
        return Columns(known, self.unused | {column.name: why for column in self.known.get(meaning, ())})

    def names_read(self) -> str:
        """Which columns are read by another name, and which are not used; "" if there are none."""
        known = [
            column.name if letters(column.name) == letters(meaning) else f"{column.name} as {meaning}"
            for meaning, columns in self.known.items()
            for column in columns
        ]
        if not self.unused and not any(" as " in name for name in known):
            return ""
        unused = [f"{name} ({why})" if why else name for name, why in self.unused.items()]
        return f"read {', '.join(known)}" + (f"; not used: {', '.join(unused)}" if unused else "")


def is_blank(value: Any) -> bool:
    return value is None or isinstance(value, str) and not value.strip()


def meaning_of(name: str) -> tuple[str, float] | None:
    """The meaning of a column's name, and the seconds for 1 in a number without a unit; None if unknown.

    The votes for a word have a meaning for each word: `VOTES_OF` and the word."""
    written = letters(name)
    if written in _SIMPLE:
        return _SIMPLE[written], 1.0
    if (match := _VOTES.fullmatch(unicodedata.normalize("NFKC", name).strip())) and match["word"].lower() not in _SUMS:
        return VOTES_OF + match["word"], 1.0
    if match := _TIME.fullmatch(written):
        what = "start" if match["what"] in STARTS else "end" if match["what"] in ENDS else "duration"
        return what, (UNITS | _EXPORTED)[match["unit"]]
    return None


def recognised(table: Table, given: Mapping[str, str] = NONE) -> Columns:
    """The meaning of a table's columns by their names, or as `given`: meanings, each with the name of its column.

    Raises EmozooError if one is unclear, or the table has no column that is given."""
    known: dict[str, list[Column]] = {}
    unused = {}
    told = meanings_given(table.names, given)
    taken = {meaning for meaning, _ in told.values()}
    for name in table.names:
        meaning, unit = told.get(name) or meaning_of(name) or ("", 1.0)
        if meaning in taken and name not in told:
            unused[name] = f"another is named the {meaning}"
        elif not meaning:
            if name and not re.fullmatch(r"unnamed:? ?\d+", name, re.IGNORECASE):  # as pandas writes an index
                unused[name] = ""
        elif any(column.name == name for column in known.get(meaning, ())):
            raise EmozooError(f"two columns are called {name}: keep one, or give the other another name")
        else:
            known.setdefault(meaning, []).append(Column(name, unit))
    _settle_offset(known)
    if "file" not in known and "video" in known:
        known["file"] = known.pop("video")
    return Columns(known, unused).without("video", "the audio is read")


def meanings_given(names: Sequence[str], given: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """What a user said that columns mean, as `meaning_of` does, by the columns' names in the table.

    Raises EmozooError for a meaning that nothing has, and for a column that is not there."""
    found: dict[str, tuple[str, float]] = {}
    for meaning, name in given.items():
        known = meaning_of(meaning)
        if known is None:
            meanings = ", ".join((*NAMES, "start", "end", "duration", f"{VOTES_OF}WORD"))
            raise EmozooError(f"--columns {meaning}={name}: {meaning} is no meaning of a column; they are {meanings}")
        same = [each for each in names if each == name] or [each for each in names if letters(each) == letters(name)]
        if len(same) != 1:
            raise EmozooError(
                f"--columns {meaning}={name}: there is no column {name}: the columns are {', '.join(names) or 'none'}"
            )
        if same[0] in found:
            raise EmozooError(f"--columns gives column {same[0]} two meanings, {found[same[0]][0]} and {known[0]}")
        found[same[0]] = known
    return found


def understand(table: Table, given: Mapping[str, str] = NONE) -> tuple[Columns, list[str]]:
    """The meaning of the columns of a table of labelled clips, of some as `given`, and warnings.

    Raises EmozooError if a meaning is unclear, or a column for the file or the label is missing."""
    columns = recognised(table, given)
    if "start" not in columns.known:
        columns = columns.without("duration", "there is no start")
    _require(columns, table)
    return columns, _suspicions(columns)


def _settle_offset(known: dict[str, list[Column]]) -> None:
    """`offset` is the end beside an onset, but the start beside a duration, as in NeMo's manifests."""
    alone = [column for column in known.get("end", ()) if "offset" in letters(column.name)]
    if not alone or "start" in known:
        return
    if "duration" not in known:
        raise EmozooError(f"column {alone[0].name} may be where a clip begins or where it ends: name it start or end")
    known["start"] = alone
    known["end"] = [column for column in known["end"] if column not in alone]
    if not known["end"]:
        del known["end"]


def tells(meaning: str) -> bool:
    """Whether a column of that meaning says what a clip expresses: a label, a rating or votes."""
    return meaning in ("label", "votes", *RATINGS) or meaning.startswith(VOTES_OF)


def _require(columns: Columns, table: Table) -> None:
    for meaning, likeness in (("file", _FILE), ("label", _LABEL)):
        if meaning in columns.known or meaning == "label" and any(map(tells, columns.known)):
            continue
        close = [name for name in columns.unused if likeness.fits(name)]
        hint = (
            f"{close[0]} looks like it: name it {meaning}, or add --columns {meaning}={close[0]}"
            if close
            else "the first line must name the columns"
        )
        names = f"{meaning} (or {', '.join(NAMES[meaning][1:5])})"
        raise EmozooError(
            f"no column {names}: its columns are {', '.join(table.names) or 'none'}; it needs one for the file and one for "
            f"the label ({hint}), or columns of ratings or votes"
        )


def _suspicions(columns: Columns) -> list[str]:
    """Warnings of columns that look like something that the table lacks. Raises EmozooError for one that looks like a clip's
    start or end: without it, whole files would be taken for clips."""
    known = columns.known
    whole = "start" in known and ("end" in known or "duration" in known)
    warnings = []
    for name in [name for name, why in columns.unused.items() if not why]:
        if not whole and (_SPAN.fits(name) or "start" in known and "end" not in known and _LENGTH.fits(name)):
            raise EmozooError(
                f"column {name} looks like a time within the file and is not understood: name it start, end or "
                "duration (seconds), start_ms or end_ms (milliseconds), here or with --columns, or, where it is none, "
                "something else"
            )
        if not whole and _TIMELY.fits(name):
            warnings.append(
                f"column {name} looks like a time and is not understood: name it start, end or duration if it is one "
                "within the file"
            )
        if "speaker" not in known and _SPEAKER.fits(name):
            warnings.append(
                f"column {name} looks like the speaker's and is not understood: name it speaker, or add --columns "
                f"speaker={name}"
            )
    return warnings
