"""What is asked of a prediction: `PredictOptions`."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from types import NoneType
from typing import TYPE_CHECKING

from emozoo.errors import EmozooError
from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.recordings import RecordingsBias
from emozoo.media.window_shape import LEAST_HOP, MOST_SECONDS
from emozoo.text import shown

if TYPE_CHECKING:
    from emozoo.inference.segment_sources import SegmentSource


@dataclass(frozen=True)
class PredictOptions:
    """Raises EmozooError for values that cannot be."""

    timeline: bool = False
    """Whether the windows' answers are kept."""
    bias: SpeakerBias | RecordingsBias | None = None
    """The speaker's, or that of several recordings, which is subtracted from the answers."""
    hop: float | None = None
    """Seconds from one window's start to the next one's; None: as the model has it."""
    vad: bool | None = None
    """Whether a clip without speech gets no answer. None: where the extra `vad` is installed and the model knows real
    voices."""
    min_confidence: float = 0.0
    """An answer whose probability is below this is withheld: its reason is `unsure`."""
    coverage: float | None = None
    """The share of cases in which a set of emotions is to hold the true one. None: no set."""
    timeout: float | None = None
    """Seconds, as for `emozoo.media.decoder.Decoder`."""
    segments: SegmentSource | None = None
    """Where the segments of a clip come from that are to be answered, instead of the whole. None: the whole is."""
    adapt_speakers: bool = False
    """Whether each segment's answer is adapted to its speaker, with his or her other segments of the clip."""
    adapt_recordings: bool = False
    """Whether clips that are answered together are adapted to one another, the windows of a stream to those before, and
    segments to all of their speaker in the clip: see `emozoo.inference.recordings`."""

    def __post_init__(self) -> None:
        for name in ("hop", "min_confidence", "coverage", "timeout"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real if name == "min_confidence" else Real | NoneType):
                raise EmozooError(f"{name} is a number, not {shown(value)}")
        for name in ("timeline", "vad", "adapt_speakers", "adapt_recordings"):
            if not isinstance(getattr(self, name), bool | NoneType):
                raise EmozooError(f"{name} is True or False, not {shown(getattr(self, name))}")
        if self.hop is not None and not LEAST_HOP <= self.hop <= MOST_SECONDS:  # also where it is NaN
            raise EmozooError(f"a hop lies between {LEAST_HOP:g} s and a window, not at {self.hop:g}: try 1")
        if not 0 <= self.min_confidence <= 1:
            raise EmozooError(f"a confidence lies between 0 and 1, not at {self.min_confidence:g}: check the number")
        if self.coverage is not None and not 0 < self.coverage < 1:
            raise EmozooError(f"a coverage lies between 0 and 1, not at {self.coverage:g}: try 0.9")
        if self.segments is None and self.adapt_speakers:
            raise EmozooError("to adapt to speakers takes segments that name them: give --segments FILE or --diarize")
        if self.adapt_recordings and (self.bias is not None or self.adapt_speakers):
            raise EmozooError(
                "answers are adapted to a speaker or to the recordings, not to both: leave one of them out"
            )
        if self.segments is not None and self.timeline:
            raise EmozooError("a timeline is of the whole file: leave it out, or the segments")


DEFAULTS = PredictOptions()
