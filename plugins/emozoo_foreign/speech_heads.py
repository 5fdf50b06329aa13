"""Reader `speech_heads`: speech encoders of transformers with a head that transformers does not have.

audEERING's dimensions (Wagner et al. 2023, arXiv 2203.07378) and the emotion models that were trained with the code of
soxan: the encoder's last layer pooled over time, `classifier.dense`, tanh, `classifier.out_proj`. transformers draws a
random head for such a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emozoo.reader import Reader
from emozoo_foreign import transformers_heads

if TYPE_CHECKING:
    from pathlib import Path

    from emozoo.reader import Reading

CLASSES = ("ForSpeechClassification", "EmotionModel")
"""How the classes of soxan's and of audEERING's published code are called, or end."""
TASKS = ("wav2vec2_clf", "wav2vec2_reg")
"""Names that soxan's code gave to its trainings."""


def matches(document: Any) -> bool:
    """Whether a config.json is of such a model: it names its class, or how the head pools."""
    if not isinstance(document, dict) or not isinstance(document.get("model_type"), str) or "auto_map" in document:
        return False
    if transformers_heads.matches(document):
        return False
    named = document.get("architectures")
    first = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    return first.endswith(CLASSES) or "pooling_mode" in document or document.get("finetuning_task") in TASKS


def read(folder: Path, document: Any) -> Reading:
    """The model in `folder`. Raises EmozooError, with the reason, for a head that is not known exactly."""
    from emozoo_foreign.translation import read_classifier

    return read_classifier(folder, document)


reader = Reader(
    name="speech_heads",
    summary="speech encoders with a pooled dense head: audEERING's dimensions, and models trained with soxan",
    matches=matches,
    read=read,
    optional=transformers_heads.reader.optional,
)
