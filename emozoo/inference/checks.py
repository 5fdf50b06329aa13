"""Whether a model can give what is asked of it: `check_options`."""

from __future__ import annotations

from emozoo.errors import EmozooError
from emozoo.inference.model import Model
from emozoo.inference.options import PredictOptions
from emozoo.inference.voice import speech_detector


def check_options(model: Model, options: PredictOptions) -> None:
    """Raises EmozooError where a package is missing that finds speech, for a hop that is longer than the model's windows,
    and for what it cannot give, such as a set of emotions."""
    speech_detector(model, options)
    model.window.every(options.hop)
    if options.bias or options.adapt_speakers:
        check_adaptation(model)
    if options.adapt_recordings:
        check_recordings(model)
    if options.min_confidence and not model.labels:
        raise EmozooError(
            f"this model answers with {', '.join(model.outputs.names)}, not with probabilities of words, and a least "
            "confidence is one of these: leave it out"
        )
    if options.coverage is not None:
        check_coverage(model, options.coverage)


def check_adaptation(model: Model) -> None:
    """Raises EmozooError for a model that cannot be adapted to a speaker."""
    if model.outputs.multi:
        raise EmozooError(
            "this model gives each label a probability of its own, and the speaker's bias is that towards one label "
            "rather than another: leave the adaptation to the speaker out"
        )


def check_recordings(model: Model) -> None:
    """Raises EmozooError for a model that cannot be adapted to the recordings at hand."""
    if model.outputs.multi or not model.labels:
        given = "each label a probability of its own" if model.outputs.multi else "values of dimensions"
        raise EmozooError(
            f"this model gives {given}, and recordings show the bias towards one label rather than another: leave the "
            "adaptation to the recordings out"
        )


def check_coverage(model: Model, coverage: float) -> None:
    """Raises EmozooError for a model that promises no coverage, or not this one."""
    if model.outputs.multi:
        raise EmozooError(
            "this model finds several emotions in a clip, and a coverage is of sets that hold the only one: leave it out"
        )
    if model.calibration is None:
        raise EmozooError(
            f"this model is not calibrated, so no {'set of emotions' if model.labels else 'interval'} has a known "
            "coverage: emozoo calibrate RUN calibrates a run's model"
        )
    if model.labels:
        model.calibration.threshold(coverage)
    for name in model.outputs.dimensions:
        model.calibration.margin(name, coverage)
