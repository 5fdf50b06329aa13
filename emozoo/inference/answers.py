"""The answers for windows and files, as JSON and CSV, and the `Model` that gives them."""

from __future__ import annotations

import csv
import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

import numpy as np

from emozoo.inference.adaptation import SpeakerBias
from emozoo.media.preparation import Preparation
from emozoo.text import csv_cell, printable

NOTE = """### What such a guess is, and what it is not
The networks have learned how people, most of them actors, *portray* an emotion, in a few languages and good recordings.
That is not what a person feels. A network always chooses one of its labels, also for laughter, music or a language that it
was not trained on. The percentages say how sure a network is, not how often it is right.

Do not use the answers to make or support decisions about people: not in hiring, schooling, policing, health, insurance or
at work. Record and analyse people only with their consent.

What you give to this page goes to the machine that runs it and to nobody else. It is deleted when you leave."""

Window = tuple[np.ndarray, np.ndarray | None]
"""Sound and frames, as `emozoo.media.window.cut_window` gives them."""


class Model(Protocol):
    """Gives probabilities for windows, by torch, onnxruntime or anything else."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions, in the order of the outputs."""

    @property
    def video(self) -> bool:
        """Whether it takes frames as well as sound."""

    @property
    def optional(self) -> tuple[str, ...]:
        """Which of `audio` and `video` a clip may lack."""

    @property
    def preparation(self) -> Preparation:
        """How clips are prepared for the network."""

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU, where small batches on all cores are fastest."""

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, labels] for windows. Raises EmozooError if the network answers with values that are not finite."""


@dataclass(frozen=True)
class WindowAnswer:
    """One window's answer: seconds from the start of the file, probabilities by label."""

    start: float
    end: float
    emotion: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """The answer for a file, or why there is none."""

    file: str
    emotion: str | None = None
    probabilities: dict[str, float] | None = None
    windows: tuple[WindowAnswer, ...] | None = None
    error: str | None = None
    reason: str | None = None
    """`silent` for a file that can be read, but has nothing to answer for. `error` says it in a sentence."""
    warnings: tuple[str, ...] = ()
    """What is wrong with a file that was answered nonetheless, such as that it is cut off."""
    modalities: tuple[str, ...] | None = None
    """Which of `audio` and `video` the answer is based on, if the model can do without one of them; else None."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        if self.reason is not None:
            return {"file": self.file, "emotion": None, "reason": self.reason, "error": self.error}
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        document: dict[str, Any] = {"file": self.file, "emotion": self.emotion, "probabilities": self.probabilities}
        if self.modalities is not None:
            document["modalities"] = list(self.modalities)
        if self.warnings:
            document["warnings"] = list(self.warnings)
        if self.windows is not None:
            document["windows"] = [vars(window) for window in self.windows]
        return document

    def without_windows(self) -> Prediction:
        return dataclasses.replace(self, windows=None)


def document(
    name: str, labels: Iterable[str], answers: Iterable[Prediction], timeline: bool, bias: SpeakerBias | None = None
) -> dict[str, Any]:
    """Answers of the model called `name`, as `emozoo predict --json` prints them: with windows only for `timeline`, and
    adapted to a speaker whose `bias` is given."""
    predictions = [(answer if timeline else answer.without_windows()).to_dict() for answer in answers]
    speaker = {} if bias is None else {"speaker": {"recordings": bias.recordings}}
    return {"model": name, "labels": list(labels), **speaker, "predictions": predictions}


def answer_in_words(model: Model, probabilities: np.ndarray, bias: SpeakerBias | None) -> tuple[str, dict[str, float]]:
    """The emotion and its probabilities by label, from probabilities float64 [labels]. A speaker's `bias` is subtracted."""
    if bias is not None:
        probabilities = bias.apply(probabilities)
    by_label = {label: float(value) for label, value in zip(model.labels, probabilities, strict=True)}
    return max(by_label, key=by_label.__getitem__), by_label


ONE_SIDED: dict[tuple[str, ...], str] = {
    ("audio",): "sound only, because there is no video",
    ("video",): "video only, because there is no sound",
}


def write_csv(answers: Sequence[Prediction], labels: Sequence[str], timeline: bool, to: TextIO | None = None) -> None:
    """Answers as CSV, on standard output by default: probabilities from 0 to 1, and the error of a file without an answer.
    Words are made printable, and harmless in a spreadsheet (`emozoo.text.csv_cell`)."""
    writer = csv.writer(sys.stdout if to is None else to, lineterminator="\n")
    named = any(answer.modalities is not None for answer in answers)
    warned = any(answer.warnings for answer in answers)
    span = ["start", "end"] if timeline else []

    def row(
        file: str, span: Sequence[str], emotion: str, shares: Sequence[str], remarks: tuple[str, str], error: str
    ) -> None:
        file, emotion, warnings, error = (csv_cell(printable(word)) for word in (file, emotion, remarks[1], error))
        some = [*([remarks[0]] if named else []), *([warnings] if warned else [])]
        writer.writerow([file, *span, emotion, *shares, *some, error])

    row("file", span, "emotion", [csv_cell(printable(label)) for label in labels], ("modalities", "warnings"), "error")
    for answer in answers:
        remarks = " ".join(answer.modalities or ()), "; ".join(answer.warnings)
        if answer.error is not None:
            row(answer.file, [""] * len(span), "", [""] * len(labels), remarks, answer.error)
        elif timeline:
            for window in answer.windows or ():
                times = [f"{window.start:.3f}", f"{window.end:.3f}"]
                row(answer.file, times, window.emotion, _shares(window.probabilities, labels), remarks, "")
        else:
            row(answer.file, [], str(answer.emotion), _shares(answer.probabilities or {}, labels), remarks, "")


def _shares(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[str]:
    return [f"{probabilities[label]:.6f}" for label in labels]
