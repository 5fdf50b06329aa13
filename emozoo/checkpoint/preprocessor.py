"""preprocessor_config.json: what transformers' feature extractors need, to hand over the waveform as it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from emozoo.filenames import PREPROCESSOR
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.paths import write_text


@dataclass(frozen=True)
class PreprocessorConfig:
    """The same for every checkpoint."""

    feature_extractor_type: str = "Wav2Vec2FeatureExtractor"
    sampling_rate: int = SAMPLING_RATE
    feature_size: int = 1
    do_normalize: bool = False
    padding_value: float = 0.0
    return_attention_mask: bool = True
    """Older checkpoints say false: see `emozoo.integrations.transformers`."""

    def write(self, folder: Path) -> None:
        write_text(folder / PREPROCESSOR, json.dumps(asdict(self), indent=2) + "\n")
