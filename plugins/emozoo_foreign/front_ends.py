"""Sound as transformers' feature extractors prepare it, in torch: waveforms float32 [batch, samples] at 16 kHz to what
an encoder takes.

Each gives for a clip what the extractor gives for it alone. `least` is the fewest samples that it gives something for; a
shorter clip is followed by silence up to there. A front end with `fixed` gives the same size for every clip: its
`lengths`, int64 [batch], are the samples before padding, and what is behind them does not count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo_foreign.spec import AST, CORPUS, LAYER_NORM, SAMPLING_RATE, SEAMLESS, WAVEFORM, WHISPER, least_samples

FRAME, HOP, FFT = 400, 160, 512
"""Samples of a frame of Kaldi's filter bank, of its step, and of the Fourier transform."""
EPSILON = float(np.finfo(np.float32).eps)


def front_end(extractor: dict[str, Any], model: dict[str, Any]) -> nn.Module:
    """The front end of a checked feature extractor, before the encoder of a checked config."""
    kind = extractor["feature_extractor_type"]
    if kind == WAVEFORM:
        return Waveform(extractor["do_normalize"], least_samples(model))
    if kind == LAYER_NORM:
        return Waveform(extractor["do_normalize"], least_samples(model), added=1e-5)
    if kind == CORPUS:
        return CorpusWaveform(extractor["mean"], extractor["std"], least_samples(model))
    if kind == WHISPER:
        return WhisperMel(
            extractor["feature_size"], extractor["chunk_length"], extractor["n_fft"], extractor["hop_length"]
        )
    if kind == AST:
        mean, deviation = (extractor["mean"], extractor["std"]) if extractor["do_normalize"] else (0.0, 0.5)
        return AstFilterBank(extractor["num_mel_bins"], extractor["max_length"], mean, deviation)
    assert kind == SEAMLESS, kind
    return SeamlessFilterBank(extractor["num_mel_bins"], extractor["stride"])


class Waveform(nn.Module):
    """The waveform [batch, samples]; with `normalize`, of mean 0 and variance 1, where `added` keeps silence what it is."""

    fixed = False

    def __init__(self, normalize: bool, least: int, added: float = 1e-7) -> None:
        super().__init__()
        self.normalize = normalize
        self.least = least
        self.added = added

    def forward(self, input_values: Tensor) -> Tensor:
        waveform = input_values.float()
        if self.normalize:
            with torch.autocast(waveform.device.type, enabled=False):
                variance, mean = torch.var_mean(waveform, 1, correction=0, keepdim=True)
                waveform = (waveform - mean) / (variance + self.added).sqrt()
        return at_least(waveform, self.least)


class CorpusWaveform(nn.Module):
    """The waveform [batch, samples], by the mean and deviation of a corpus (Goncalves et al. 2024)."""

    fixed = False

    def __init__(self, mean: float, deviation: float, least: int) -> None:
        super().__init__()
        self.mean, self.deviation = mean, deviation
        self.least = least

    def forward(self, input_values: Tensor) -> Tensor:
        return at_least((input_values.float() - self.mean) / (self.deviation + 1e-6), self.least)


class WhisperMel(nn.Module):
    """Whisper's log-mel spectrogram of `seconds`, shorter clips followed by silence: [batch, mels, frames] (Radford et
    al. 2022)."""

    fixed = True
    least = 1
    window: Tensor
    filters: Tensor

    def __init__(self, mels: int, seconds: int, fft: int, hop: int) -> None:
        super().__init__()
        self.samples = seconds * SAMPLING_RATE
        self.fft, self.hop = fft, hop
        filters = mel_filters(1 + fft // 2, mels, 0.0, 8000.0, norm="slaney", mel_scale="slaney")
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fft) / fft)
        self.register_buffer("window", as_float(window), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):
            waveform = input_values.float()
            if lengths is not None:
                waveform = waveform * (places(waveform) < lengths[:, None])
            # Cut after it is filled up, so that the size does not depend on the clip's.
            waveform = F.pad(waveform, (0, self.samples))[:, : self.samples]
            spectrum = torch.stft(waveform, self.fft, self.hop, window=self.window, return_complex=True)[..., :-1]
            power = spectrum.real.square() + spectrum.imag.square()
            decades = (self.filters.T @ power).clamp(min=1e-10).log10()
            decades = torch.maximum(decades, decades.amax((1, 2), keepdim=True) - 8.0)
            return (decades + 4.0) / 4.0


class FilterBank(nn.Module):
    """Kaldi's log filter bank, 25 ms each 10 ms: [batch, samples] -> float32 [batch, frames, mels]."""

    least = FRAME
    window: Tensor
    filters: Tensor

    def __init__(self, mels: int, window: np.ndarray, scale: float) -> None:
        super().__init__()
        self.scale = scale
        filters = mel_filters(
            FFT // 2 + 1, mels, 20.0, 8000.0, norm=None, mel_scale="kaldi", triangularize_in_mel_space=True
        )
        self.register_buffer("window", as_float(window), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def bank(self, input_values: Tensor) -> Tensor:
        frames = (at_least(input_values.float(), self.least) * self.scale).unfold(1, FRAME, HOP)
        frames = frames - frames.mean(2, keepdim=True)
        before = torch.cat([frames[:, :, :1], frames[:, :, :-1]], 2)
        frames = (frames - 0.97 * before) * self.window
        spectrum = torch.fft.rfft(frames, FFT)
        power = spectrum.real.square() + spectrum.imag.square()
        return (power @ self.filters).clamp(min=EPSILON).log()


class AstFilterBank(FilterBank):
    """What the Audio Spectrogram Transformer takes: [batch, frames, mels], standardised, of `frames` frames; those behind
    a clip are 0 before that (Gong, Chung and Glass 2021)."""

    fixed = True

    def __init__(self, mels: int, frames: int, mean: float, deviation: float) -> None:
        super().__init__(mels, np.hanning(FRAME), 1.0)
        self.frames = frames
        self.mean, self.deviation = mean, deviation

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):
            if lengths is not None:  # a clip shorter than a frame is followed by silence, as everywhere
                input_values = input_values * (places(input_values) < lengths[:, None])
            bank = self.bank(input_values)
            if lengths is not None:
                ended = 1 + (lengths.clamp(min=FRAME) - FRAME) // HOP
                bank = bank * (torch.arange(bank.shape[1], device=bank.device) < ended[:, None])[:, :, None]
            bank = F.pad(bank, (0, 0, 0, self.frames))[:, : self.frames]
            return (bank - self.mean) / (2 * self.deviation)


class SeamlessFilterBank(FilterBank):
    """What Wav2Vec2-BERT takes: each mel band with mean 0 and variance 1 over the clip, `stride` frames side by side:
    [batch, frames // stride, stride * mels] (Seamless Communication 2023). The last frames that fill no step are left
    out, after they counted for mean and variance, as transformers masks them."""

    fixed = False

    def __init__(self, mels: int, stride: int) -> None:
        super().__init__(mels, np.hanning(FRAME) ** 0.85, 2.0**15)
        self.stride = stride
        self.least = FRAME + max(stride - 1, 1) * HOP

    def forward(self, input_values: Tensor) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):
            bank = self.bank(input_values)
            variance, mean = torch.var_mean(bank, 1, keepdim=True)
            bank = (bank - mean) / (variance + 1e-7).sqrt()
            return bank.unfold(1, self.stride, self.stride).transpose(2, 3).flatten(2)


def at_least(waveform: Tensor, samples: int) -> Tensor:
    """Waveforms followed by silence up to `samples`. An exported graph has no such case: it asks for that many."""
    if not torch.compiler.is_exporting() and waveform.shape[1] < samples:
        return F.pad(waveform, (0, samples - waveform.shape[1]))
    return waveform


def places(waveform: Tensor) -> Tensor:
    """int64 [samples]: 0, 1, 2, ..."""
    return torch.arange(waveform.shape[1], device=waveform.device)


def mel_filters(bins: int, mels: int, lowest: float, highest: float, **options: Any) -> Tensor:
    """Triangular filters as transformers computes them: float32 [bins, mels]."""
    from transformers.audio_utils import mel_filter_bank

    return as_float(mel_filter_bank(bins, mels, lowest, highest, SAMPLING_RATE, **options))


def as_float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
