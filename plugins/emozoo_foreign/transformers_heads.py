"""Reader `transformers`: every classifier of sound of transformers, `*ForSequenceClassification` and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emozoo.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

    from emozoo.reader import Reading

PREPROCESSOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"
"""Files with the feature extractor; the second holds a tokenizer's settings, too."""
ENDINGS = ("ForSequenceClassification", "ForAudioClassification")


def matches(document: Any) -> bool:
    """Whether a config.json names a class of transformers for classification; whether for sound, reading tells."""
    named = document.get("architectures") if isinstance(document, dict) else None
    if not isinstance(named, list) or not named or not isinstance(named[0], str):
        return False
    return isinstance(document.get("model_type"), str) and named[0].endswith(ENDINGS)


def read(folder: Path, document: Any) -> Reading:
    """The classifier in `folder`. Raises EmozooError, with the reason, for one that is not for sound or not known."""
    from emozoo_foreign.translation import read_classifier

    return read_classifier(folder, document)


reader = Reader(
    name="transformers",
    summary="speech classifiers of transformers: wav2vec 2.0, HuBERT, WavLM, Whisper, AST and others",
    matches=matches,
    read=read,
    optional=(PREPROCESSOR, PROCESSOR),
)
