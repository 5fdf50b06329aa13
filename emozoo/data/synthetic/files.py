"""Synthetic sound and frames as WAV and AVI."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

from emozoo.data.synthetic.actors import FRAME_RATE
from emozoo.media.window_shape import SAMPLING_RATE


def to_samples(sound: np.ndarray) -> np.ndarray:
    """float [samples] in [-1, 1] as int16."""
    return np.clip(np.round(sound * 32_767), -32_768, 32_767).astype("<i2")


def write_wav(path: Path, samples: np.ndarray) -> None:
    """int16 [samples] as WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLING_RATE)
        file.writeframes(samples.tobytes())


def write_video(path: Path, frames: np.ndarray, samples: np.ndarray) -> None:
    """Frames uint8 [frames, height, width, 3] as an AVI of 720x480 MPEG-4 in DivX's name, with sound int16 [samples]."""
    import av
    from av.video.reformatter import VideoReformatter

    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as file:
        video = file.add_stream("mpeg4", rate=FRAME_RATE, options={"flags": "+bitexact"})
        video.width, video.height, video.pix_fmt = 720, 480, "yuv420p"
        video.bit_rate = 300_000
        video.codec_context.codec_tag = "DIVX"
        video.codec_context.thread_count = 1  # More would make the file differ from machine to machine.
        # Not MP2 or MP3: AVI cannot undo the delay of their encoders.
        audio = file.add_stream("pcm_s16le", rate=SAMPLING_RATE, layout="mono")
        enlarger = VideoReformatter()
        step = SAMPLING_RATE // FRAME_RATE
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = enlarger.reformat(frame, 720, 480, "yuv420p", interpolation="BILINEAR")
            frame.pts = number
            file.mux(video.encode(frame))
            block = samples[None, number * step : (number + 1) * step]
            heard = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = SAMPLING_RATE, number * step, Fraction(1, SAMPLING_RATE)
            file.mux(audio.encode(heard))
        file.mux(video.encode(None))
        file.mux(audio.encode(None))
