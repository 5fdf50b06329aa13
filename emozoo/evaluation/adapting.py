"""What answers to a test set are adapted to before they are compared, and what a reader must know of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.adaptation import adapt_to_speakers, adaptation_note, middles_of
from emozoo.inference.checks import check_adaptation, check_recordings
from emozoo.inference.model import Model
from emozoo.inference.recordings import RecordingsBias

SPEAKER, RECORDINGS = "speaker", "recordings"
ADAPTATIONS = (SPEAKER, RECORDINGS)


@dataclass(frozen=True)
class Adaptation:
    """How the probabilities were adapted before they were compared."""

    to: str
    """One of `ADAPTATIONS`."""
    recordings: int | None
    """Other recordings of the speaker for each clip; None: all that there are."""
    note: str
    """The same in words, and which clips are left as they are."""


def check_asked(adapt: str | None, recordings: int | None) -> None:
    """Raises EmozooError for options that do not fit."""
    if adapt not in (None, *ADAPTATIONS):
        raise EmozooError(f"cannot adapt to {adapt!r}; known: {', '.join(ADAPTATIONS)}")
    if recordings is not None and (adapt != SPEAKER or recordings < 1):
        raise EmozooError(f"--recordings {recordings}: needs --adapt speaker, and must be 1 or more")


def asked_adaptation(
    model: Model, to: str, recordings: int | None, speakers: Sequence[str], dataset: str, part: str
) -> Adaptation:
    """That to one of `ADAPTATIONS`, for a `part` of a dataset, in words, with these speakers. Raises EmozooError where the
    model or the dataset does not allow it."""
    if to == RECORDINGS:
        check_recordings(model)
        return Adaptation(to, None, "adapted to all recordings together; unlabelled test recordings were used")
    check_adaptation(model)
    if not any(speakers):
        raise EmozooError(f"{dataset} does not tell who speaks in {part}: leave --adapt {to} out")
    return Adaptation(to, recordings, adaptation_note(speakers, recordings))


def adapted_answers(
    adaptation: Adaptation, model: Model, answers: np.ndarray, speakers: Sequence[str], corpora: Sequence[str]
) -> tuple[np.ndarray, Adaptation]:
    """The answers float64 [clips, outputs] to clips of these speakers and corpora, adapted, and what was done."""
    if adaptation.to == SPEAKER:
        return adapt_to_speakers(answers, speakers, adaptation.recordings, middles_of(model)), adaptation
    found, told, names = answers.copy(), [], np.array(corpora)
    for corpus in dict.fromkeys(corpora):
        rows = names == corpus
        bias = RecordingsBias.from_probabilities(answers[rows][:, model.outputs.of_labels])
        found[rows] = bias.apply(answers[rows])
        told.append(f"{corpus}: {bias.sentence}" if corpus else bias.sentence)
    return found, replace(adaptation, note="; ".join([*told, "unlabelled test recordings were used"]))
