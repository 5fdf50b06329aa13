"""The points of an architecture that are about its windows: their length, and what stands behind a short clip's end."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor

from emozoo.checkpoint.embedding import features_of
from emozoo.checkpoint.window import window_of
from emozoo.conformance.network_subject import NetworkSubject, answer, close, finite
from emozoo.conformance.points import Broken, LeftOut
from emozoo.errors import EmozooError
from emozoo.media.window_shape import MOST_SECONDS

SHARES = (1.0, 0.6, 0.3)
"""Of a window: how long the clips are."""
OTHERS = (1.5, 2 / 3)
"""Of the window's own length. The second is tried where a network refuses the first."""


def lengths(subject: NetworkSubject) -> str:
    if not subject.architecture.lengths:
        raise LeftOut("it takes whole windows: the end of a short clip is silence")
    network: Any = subject.build().eval()
    sound, frames = subject.clips(len(SHARES))
    samples = sound.shape[1]
    ends = torch.tensor([round(share * samples) for share in SHARES])
    inside = torch.arange(samples) < ends[:, None]
    others, _ = subject.clips(len(SHARES), seed=1)
    with torch.inference_mode():
        for what in ("logits", "features"):
            try:
                whole = _asked(network, what, sound, frames, None)
            except EmozooError:
                continue  # the point `embed` tells of it
            full = torch.full_like(ends, samples)
            _compare(
                what, whole, _asked(network, what, sound, frames, full), "where lengths are those of whole windows"
            )
            silent = _asked(network, what, sound * inside, frames, ends)
            finite(what, silent)
            noisy = _asked(network, what, torch.where(inside, sound, others), frames, ends)
            _compare(what, silent, noisy, "with noise behind a clip's end instead of silence")
            alone = [
                _asked(
                    network, what, sound[row : row + 1, :end], frames if frames is None else frames[row : row + 1], None
                )
                for row, end in enumerate(ends.tolist())
            ]
            _compare(what, silent, torch.cat(alone), "of the clips alone, without anything behind their ends")
    return "what stands behind a clip's end changes nothing"


def _asked(network: Any, what: str, sound: Tensor, frames: Tensor | None, lengths: Tensor | None) -> Tensor:
    if what == "features":
        return features_of(network, (sound, frames, lengths), "it")
    return answer(network, (sound, frames)) if lengths is None else answer(network, (sound, frames), lengths)


def _compare(what: str, one: Tensor, other: Tensor, where: str) -> None:
    if not close(one, other):
        raise Broken(f"{what} that differ by {(one - other).abs().max():.2g} from those {where}")


def window(subject: NetworkSubject) -> str:
    own = subject.window.seconds
    if not hasattr(subject.config, "window"):
        raise LeftOut(f"its windows have {own:g} s, and its config no field window")
    refusals: list[str] = []
    for share in OTHERS:
        try:
            other = _with_window(subject, min(share * own, MOST_SECONDS))
            network = other.build().eval()
        except (ValueError, EmozooError) as error:
            refusals.append(str(error))
            continue
        with torch.inference_mode():
            finite(f"logits on {other.window.seconds:g} s", answer(network, other.clips(2)))
        return f"windows of {other.window.seconds:g} s as well as of {own:g} s"
    raise Broken("; ".join(refusals))


def _with_window(subject: NetworkSubject, seconds: float) -> NetworkSubject:
    """The same network with other windows. Raises ValueError or EmozooError for those that it refuses."""
    other = copy.copy(subject)
    other.config = dataclasses.replace(subject.config, window=seconds)
    other.window = window_of(subject.architecture, other.config)
    if other.window.seconds != seconds:
        raise Broken(f"a config of {seconds:g} s has windows of {other.window.seconds:g} s")
    return other
