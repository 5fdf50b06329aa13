"""What an encoder takes: the waveform, or Whisper's log-mel spectrogram. What lies behind a clip's end is never seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEL_HOP = 160
"""Samples from one column of the spectrogram to the next."""
MEL_STEP = 2 * MEL_HOP
"""Samples of one step of Whisper's encoder."""
SILENCE = 2
"""Steps of silence behind each spectrogram, which its convolutions see whatever the clip's length."""


def without_padding(input_values: Tensor, lengths: Tensor | None) -> Tensor:
    """float32 [batch, samples] with zeros behind `lengths` int64 [batch], and scaled down where it is above full scale."""
    waveform = input_values.float()
    if lengths is not None:
        waveform = waveform * within(lengths, waveform.shape[1])
    return waveform / waveform.abs().amax(1, keepdim=True).clamp(min=1.0)


def within(lengths: Tensor, size: int) -> Tensor:
    """bool [batch, size]: whether a place is before the end."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


class Waveform(nn.Module):
    """The waveform, float32 [batch, samples]; with `normalize`, mean 0 and variance 1 over each clip's own length, and zeros
    behind it, as by transformers' feature extractor."""

    def __init__(self, normalize: bool) -> None:
        super().__init__()
        self.normalize = normalize

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        waveform = without_padding(input_values, lengths)
        if not self.normalize:
            return waveform
        if lengths is None:
            variance, mean = torch.var_mean(waveform, 1, correction=0, keepdim=True)
            return (waveform - mean) / (variance + 1e-7).sqrt()
        there = within(lengths, waveform.shape[1])
        count = lengths[:, None].clamp(min=1)
        centred = (waveform - waveform.sum(1, keepdim=True) / count) * there
        return centred / (centred.square().sum(1, keepdim=True) / count + 1e-7).sqrt()


class LogMel(nn.Module):
    """Whisper's log-mel spectrogram of a window (Radford et al. 2022), and silence behind it: float32 [batch, samples] ->
    [batch, mels, columns], two columns for each step of the encoder and for each of `SILENCE`."""

    window: Tensor
    filters: Tensor

    def __init__(self, mels: int) -> None:
        from transformers.audio_utils import mel_filter_bank

        super().__init__()
        filters = mel_filter_bank(201, mels, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
        self.register_buffer("window", torch.hann_window(400), persistent=False)
        self.register_buffer("filters", torch.as_tensor(filters, dtype=torch.float32), persistent=False)

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):
            waveform = without_padding(input_values, lengths)
            steps = -(-waveform.shape[1] // MEL_STEP) + SILENCE
            waveform = F.pad(waveform, (0, steps * MEL_STEP - waveform.shape[1]))
            spectrum = torch.stft(waveform, 400, MEL_HOP, window=self.window, return_complex=True)[..., :-1]
            power = spectrum.real.square() + spectrum.imag.square()
            decades = (self.filters.T @ power).clamp(min=1e-10).log10()
            decades = torch.maximum(decades, decades.amax((1, 2), keepdim=True) - 8.0)
            return (decades + 4.0) / 4.0
