"""A corpus is looked over before anyone trains on it: `look`.

What is wrong with rows, sounds and labels is found by the modules beside this one.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emozoo.data.decode_task import ClipSource, Notes
from emozoo.errors import EmozooError
from emozoo.evaluation.data import Data, open_data
from emozoo.inspection.findings import Finding, clips, worst_first
from emozoo.inspection.rows import copies, judgements, labels_and_speakers, sentences, splits
from emozoo.inspection.second_opinion import SecondOpinion, Track, ask, asked_model
from emozoo.inspection.sounds import Sound, sound_findings, sound_of
from emozoo.media.sound import RESAMPLED, open_soundfile
from emozoo.media.window import SILENT
from emozoo.target import has_labels


def untold(items: Iterable[Any], what: str, total: int) -> Iterable[Any]:
    """A `Track` that shows nothing."""
    return items


@dataclass(frozen=True)
class LabelFacts:
    """The clips of one label."""

    label: str
    clips: int
    speakers: int
    seconds: float
    """The median of their lengths."""


@dataclass(frozen=True)
class Look:
    """What there is in a corpus, and what was found."""

    dataset: str
    clips: int
    seconds: float
    speakers: int
    shortest: float
    median: float
    longest: float
    labels: tuple[LabelFacts, ...]
    formats: Mapping[str, int]
    """Files of each sampling rate and number of channels, in words; those that a header tells at once."""
    opinion: SecondOpinion | None
    """None where no model was asked."""
    findings: tuple[Finding, ...]
    """The worst first."""

    @property
    def fine(self) -> bool:
        """Whether nothing should be put right."""
        return not any(finding.problem for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo check --dataset NAME --json` prints it."""
        return {
            **{name: getattr(self, name) for name in ("dataset", "fine", "clips", "seconds", "speakers")},
            "lengths": {"min": self.shortest, "median": self.median, "max": self.longest},
            "labels": [asdict(label) for label in self.labels],
            "formats": dict(self.formats),
            "model": None if self.opinion is None else self.opinion.to_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def look(
    dataset: str,
    *,
    data_dir: str | None = None,
    labels: Sequence[str] | None = None,
    merge: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    labels_as_is: bool = False,
    target: str = "emotion",
    scale: Sequence[float] | None = None,
    model: str | None = None,
    device: str = "auto",
    track: Track = untold,
) -> Look:
    """Looks over the clips that `emozoo train` would take with the same options; what it decodes is kept for the training.

    `model` is asked for a second opinion on labels, if they are the `target`; None: none is asked. Raises EmozooError for a
    dataset or a model that does not exist or cannot be read, and where no clip can be decoded.
    """
    second = None if model is None or not has_labels(target) else asked_model(model, device)
    noted: list[tuple[Notes, Sequence[ClipSource]]] = []
    with _warnings() as warnings:
        data = open_data(
            dataset,
            data_dir,
            labels,
            merge or {},
            video=False,
            target=target,
            scale=scale,
            columns=columns,
            labels_as_is=labels_as_is,
            noted=lambda *each: noted.append(each),
        )
    if scale is not None and data.corpus.scale is not None and tuple(scale) != data.corpus.scale:
        low, high = data.corpus.scale
        raise EmozooError(f"the clips of {dataset} were rated from {low:g} to {high:g}: leave --scale out")
    words = data.classes if has_labels(target) else [""] * len(data.store)
    names = clip_names(data.columns)
    rows = range(len(names))
    sounds = [sound_of(data.store.waveform(row)) for row in track(rows, "measuring", len(names))]
    opinion = None if second is None else ask(second, data, words, track)
    findings = [
        *(opinion.findings() if opinion else ()),
        *(finding for each in noted for finding in _undecoded(*each)),
        *_on_rows(data, names, words, sounds, scale),
        *sound_findings(names, words, sounds),
        *(Finding("reading", warning) for warning in dict.fromkeys(warnings)),
    ]
    lengths = np.array([sound.seconds for sound in sounds])
    return Look(
        dataset=dataset,
        clips=len(names),
        seconds=float(lengths.sum()),
        speakers=len({*data.speakers} - {""}),
        shortest=float(lengths.min()),
        median=float(np.median(lengths)),
        longest=float(lengths.max()),
        labels=tuple(_label_facts(words, data.speakers, lengths)),
        formats=_formats(data.columns["audio_path"], track),
        opinion=opinion,
        findings=worst_first(findings),
    )


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the reading of a dataset warns of, instead of telling it."""
    told: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        told.append(record.getMessage())
        return False

    log = logging.getLogger("emozoo")
    log.addFilter(keep)
    try:
        yield told
    finally:
        log.removeFilter(keep)


def clip_names(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """A name of each clip for people: its file, from the folder that all files share, and where in it the clip begins."""
    pairs = list(zip(columns["audio_path"], columns["video_path"], strict=True))
    # Beside an audio file of its own, times are those of the video.
    starts = [
        None if audio and video and audio != video else start
        for (audio, video), start in zip(pairs, columns["start"], strict=True)
    ]
    return _named([str(audio or video) for audio, video in pairs], starts)


def _named(files: Sequence[str], starts: Sequence[float | None]) -> list[str]:
    folders = {os.path.dirname(os.path.abspath(file)) for file in files}
    try:
        shared = os.path.commonpath(folders)
    except ValueError:  # on several drives, or none
        shared = ""
    short = [os.path.relpath(os.path.abspath(file), shared) if shared else file for file in files]
    return [
        name + (f" from {start:g} s" if start and start > 0 else "") for name, start in zip(short, starts, strict=True)
    ]


def _undecoded(notes: Notes, sources: Sequence[ClipSource]) -> Iterator[Finding]:
    """Clips that cannot be decoded, and those that are not as they should be."""
    names = _named([source.audio for source in sources], [source.start for source in sources])
    if notes.failures:
        text = f"{len(notes.failures)} of {clips(len(sources))} cannot be decoded"
        reasons = {int(position): reason for position, reason in notes.failures.items()}
        written = tuple(
            f"{names[row]}: {reason.removeprefix(sources[row].audio).lstrip(': ')}"
            for row, reason in sorted(reasons.items())
        )
        yield Finding("undecodable", text, clips=written)
    remarks = {int(position): texts for position, texts in notes.warnings.items()}
    told = {row: [text for text in texts if not text.startswith(RESAMPLED)] for row, texts in sorted(remarks.items())}
    if written := tuple(f"{names[row]}: {'; '.join(texts)}" for row, texts in told.items() if texts):
        yield Finding("remarks", f"{clips(len(written))} not as they should be", clips=written)


def _on_rows(
    data: Data, names: Sequence[str], words: Sequence[str], sounds: Sequence[Sound], scale: Sequence[float] | None
) -> Iterator[Finding]:
    heard = [row for row, sound in enumerate(sounds) if sound.peak > SILENT]
    columns = {name: [values[row] for row in heard] for name, values in data.columns.items()}
    yield from copies(columns, [names[row] for row in heard], [words[row] for row in heard])
    yield from labels_and_speakers(words, data.speakers)
    yield from splits(data.columns["split"], data.speakers)
    yield from sentences(data.columns, words)
    yield from judgements(data.columns, names, scale or data.corpus.scale)


def _label_facts(words: Sequence[str], speakers: Sequence[str], lengths: np.ndarray) -> Iterator[LabelFacts]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, word in enumerate(words):
        if word:
            rows[word].append(row)
    for word, own in sorted(rows.items()):
        yield LabelFacts(word, len(own), len({speakers[row] for row in own} - {""}), float(np.median(lengths[own])))


def _formats(files: Sequence[Any], track: Track) -> dict[str, int]:
    """The most frequent first; `unknown` for those that no header of a sound file tells."""
    counts: Counter[str] = Counter()
    each = sorted({str(file) for file in files if file})
    for file in track(each, "reading headers", len(each)):
        counts[_format(file)] += 1
    return dict(counts.most_common())


def _format(file: str) -> str:
    try:
        sound = open_soundfile(file)
    except EmozooError:  # gone meanwhile
        return "unknown"
    if sound is None:
        return "unknown"
    with sound:
        channels = {1: "mono", 2: "stereo"}.get(sound.channels, f"{sound.channels} channels")
        return f"{sound.samplerate / 1000:g} kHz {channels}"
