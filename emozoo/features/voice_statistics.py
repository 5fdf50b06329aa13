"""The front end `Functionals`: statistics of a window's pitch, loudness, spectrum and rhythm."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from emozoo.features.log_mel import ROWS, LogMel, hann
from emozoo.features.masked import Masked, correlation
from emozoo.media.window_shape import SAMPLING_RATE

COLUMN = 2 * LogMel.HOP
SECONDS = COLUMN / SAMPLING_RATE
BANDS = 16
VOWELS, UPPER = 6, 7
"""Bands below these have the first formant, and what the alpha ratio (Eyben et al. 2016) takes for low: 1 kHz."""


class Pitch(nn.Module):
    """Fundamental frequency and periodicity, every 20 ms: float32 [batch, samples] -> two of float32 [batch, columns].

    The frequency is in octaves (log2 of Hz), 65 to 550 Hz; periodicity is about 1 for a vowel, and below 0.5 without a
    voice. Both come from the peak of the autocorrelation of 40 ms below 2 kHz, divided by that of the window (Boersma 1993).
    """

    window: Tensor
    cosines: Tensor
    norm: Tensor
    octaves: Tensor

    FFT, LENGTH = 1024, 640
    HIGHEST = 2000.0
    SHORTEST, LONGEST = SAMPLING_RATE // 550, SAMPLING_RATE // 65
    OCTAVE_COST = 0.02  # of the periodicity for each octave down, so that a multiple of the period does not win

    def __init__(self) -> None:
        super().__init__()
        window = hann(self.LENGTH, self.FFT)
        lags = np.arange(self.SHORTEST, self.LONGEST)
        bins = np.arange(round(self.HIGHEST / SAMPLING_RATE * self.FFT))
        own = np.fft.irfft(np.abs(np.fft.rfft(window.numpy())) ** 2)
        constants = {
            "cosines": np.cos(2 * np.pi / self.FFT * bins[:, None] * lags),
            "norm": own[0] / own[lags],
            "octaves": np.log2(SAMPLING_RATE / lags),
        }
        self.register_buffer("window", window, persistent=False)
        for name, values in constants.items():
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)), persistent=False)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        spectrum = torch.stft(waveform, self.FFT, COLUMN, window=self.window, pad_mode="constant", return_complex=True)[
            :, : len(self.cosines), :-1
        ]
        power = (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)
        total = power.sum(2, keepdim=True).clamp(min=1e-9)
        periodicity = (power / total) @ self.cosines * self.norm
        best, place = (periodicity + self.OCTAVE_COST * self.octaves).max(2)
        octave = self.octaves[place]
        return octave, best - self.OCTAVE_COST * octave


class Functionals(nn.Module):
    """Statistics of a window: float32 [batch, samples] -> float32 [batch, `COUNT`].

    The sound is scaled to a peak of 1, so its level does not matter. A column of 20 ms is active if it is at most 30 dB
    below the loudest, and voiced if it is active and periodic. The statistics follow eGeMAPS (Eyben et al. 2016) as far as a
    mel spectrogram and a pitch track give them: means and deviations of 16 bands, slopes and ratios of the spectrum, its
    flux, the modulation of the loudness, rhythm, pitch and its movement. None depends on the window's length beyond the
    sound in it. Silence gives finite values, too.
    """

    GROUPS = {
        "voiced bands": 16,
        "other bands": 16,
        "active bands": 16,
        "active deviations": 16,
        "movement": 16,
        "low slope": 5,
        "high slope": 5,
        "alpha ratio": 5,
        "centroid": 5,
        "entropy": 5,
        "flux": 5,
        "rise and fall": 2,
        "modulation": 8,
        "rhythm": 5,
        "pitch": 9,
        "pitch movement": 6,
        "together": 3,
    }
    """The statistics in their order: groups, and how many each has."""
    COUNT = sum(GROUPS.values())
    ACTIVE = 30.0
    PERIODIC = 0.5
    RISE = 0.1
    """Decibels that the loudness rises before a peak, at least: less is rounding."""
    MODULATIONS = (0.5, 1.0, 2.0, 3.0, 4.5, 6.5, 9.0, 12.0, 16.0)
    """Bounds, in Hz, of the bands of the loudness' modulation."""

    def __init__(self) -> None:
        super().__init__()
        self.mel = LogMel()
        self.pitch = Pitch()

    def forward(self, input_values: Tensor, spectrogram: Tensor | None = None) -> Tensor:
        """`spectrogram`: what `LogMel` gives for the same sound, where that is known."""
        with torch.autocast(input_values.device.type, enabled=False):
            waveform = input_values.float()
            if spectrogram is None:
                spectrogram = self.mel(waveform)
            waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=LogMel.QUIETEST_PEAK)
            decibels = spectrogram[:, 0].transpose(1, 2) * LogMel.DEVIATION + LogMel.MEAN
            octave, periodicity = self.pitch(waveform)
            return torch.cat([*self._groups(decibels, octave, periodicity).values()], 1)

    def _groups(self, decibels: Tensor, octave: Tensor, periodicity: Tensor) -> dict[str, Tensor]:
        """The statistics by their names, float32 [batch, of each]."""
        loudness = 10 * (10 ** (decibels / 10)).mean(2).log10()
        active = loudness > loudness.amax(1, keepdim=True) - self.ACTIVE
        voiced = active & (periodicity > self.PERIODIC)
        enough = voiced.sum(1, keepdim=True) > 3
        voiced = (voiced & enough) | (active & ~enough)  # ONNX Runtime knows no `where` of booleans
        bands = decibels.unflatten(2, (BANDS, ROWS // BANDS)).mean(3)
        shape = self._shape(bands)
        statistics = Masked(voiced).statistics(torch.stack([*shape.values()], 2))
        return {
            **self._of_bands(bands, active, voiced),
            **dict(zip(shape, statistics.unbind(1), strict=True)),
            "flux": Masked(active[:, 1:]).statistics(decibels.diff(dim=1).square().mean(2).sqrt())[:, 0],
            **self._of_loudness(loudness, active, voiced),
            **self._of_pitch(octave, loudness, shape["centroid"], voiced),
        }

    def _of_bands(self, bands: Tensor, active: Tensor, voiced: Tensor) -> dict[str, Tensor]:
        all_active, all_voiced, rest = Masked(active), Masked(voiced), Masked(active & ~voiced)
        mean = all_active.mean(bands)
        level = all_voiced.mean(bands).mean(1, keepdim=True)
        moves = Masked(active[:, 1:] & active[:, :-1])
        return {
            "voiced bands": all_voiced.mean(bands) - level,
            "other bands": rest.mean(bands - level[:, None]),
            "active bands": mean - mean.mean(1, keepdim=True),
            "active deviations": all_active.deviation(bands),
            "movement": moves.mean(bands.diff(dim=1).abs()),
        }

    def _shape(self, bands: Tensor) -> dict[str, Tensor]:
        """Curves of the spectrum's shape, float32 [batch, columns] each."""
        power = 10 ** (bands / 10)
        share = power / power.sum(2, keepdim=True)
        return {
            "low slope": _slope(bands[:, :, :VOWELS]),
            "high slope": _slope(bands[:, :, VOWELS:]),
            "alpha ratio": 10 * (power[:, :, UPPER:].sum(2) / power[:, :, :UPPER].sum(2)).log10(),
            "centroid": _centroid(share),
            "entropy": -(share * share.clamp(min=1e-9).log()).sum(2),
        }

    def _of_loudness(self, loudness: Tensor, active: Tensor, voiced: Tensor) -> dict[str, Tensor]:
        relative = loudness - loudness.amax(1, keepdim=True)
        during = (active.long().cumsum(1) > 0) & (active.flip(1).long().cumsum(1).flip(1) > 0)
        seconds = during.sum(1, keepdim=True) * SECONDS
        inside, steps = Masked(during), Masked(during[:, 1:] & during[:, :-1])
        change = relative.diff(dim=1).clamp(-self.ACTIVE, self.ACTIVE)
        peaks = (change[:, :-1] > self.RISE) & (change[:, 1:] <= 0) & (relative[:, 1:-1] > -self.ACTIVE / 2)
        starts = (voiced[:, 1:] & ~voiced[:, :-1]).sum(1, keepdim=True).float()
        held = relative.clamp(min=-self.ACTIVE - 5)
        return {
            "rise and fall": torch.cat([steps.mean(change.clamp(min=0)), steps.mean(change.clamp(max=0))], 1),
            "modulation": self._modulation((held - inside.mean(held)) * during),
            "rhythm": torch.cat(
                [
                    (peaks & during[:, 1:-1]).sum(1, keepdim=True) / seconds,
                    starts / seconds,
                    inside.mean(voiced.float()),
                    voiced.sum(1, keepdim=True) * SECONDS / (starts + 1),
                    inside.mean(active.float()),
                ],
                1,
            ),
        }

    def _modulation(self, envelope: Tensor) -> Tensor:
        """How much of the loudness' movement lies in each band of `MODULATIONS`, in nepers: float32 [batch, bands]."""
        device, kind = envelope.device, envelope.dtype
        tones = torch.arange(self.MODULATIONS[0], self.MODULATIONS[-1], 0.25, device=device, dtype=kind)
        place = torch.arange(envelope.shape[1], device=device, dtype=kind) * SECONDS
        angle = 2 * math.pi * place[:, None] * tones
        size = ((envelope @ angle.cos()).square() + (envelope @ angle.sin()).square() + 1e-6).sqrt()
        size = size / size.square().sum(1, keepdim=True).sqrt()
        edges = [round((edge - self.MODULATIONS[0]) * 4) for edge in self.MODULATIONS]
        found = [size[:, low:high].mean(1, keepdim=True) for low, high in zip(edges, edges[1:], strict=False)]
        return torch.cat(found, 1).log()

    def _of_pitch(self, octave: Tensor, loudness: Tensor, centroid: Tensor, voiced: Tensor) -> dict[str, Tensor]:
        middle = Masked(voiced).quantiles(octave, 0.5)[:, 0]
        near = voiced & ((octave - middle).abs() < 1.1)  # not an octave off
        inside = Masked(near)
        relative = octave - middle
        change = relative.diff(dim=1)
        steady = Masked(near[:, 1:] & near[:, :-1] & (change.abs() < 0.3))
        place = torch.arange(octave.shape[1], device=octave.device, dtype=octave.dtype) * SECONDS
        louder = Masked(near & (loudness > inside.mean(loudness)))
        spread = inside.quantiles(relative, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95).flatten(1)
        time = place.expand_as(octave)
        pairs = (octave, time), (octave, loudness), (octave, centroid), (centroid, loudness)
        rise, *together = correlation(inside, *pairs).split(1, 1)
        return {
            "pitch": torch.cat([middle, spread, inside.deviation(relative), louder.mean(relative)], 1),
            "pitch movement": torch.cat(
                [
                    steady.mean(change.abs()),
                    steady.deviation(change),
                    steady.quantiles(change, 0.1, 0.9).flatten(1),
                    steady.mean((change > 0.01).float()),
                    rise,
                ],
                1,
            ),
            "together": torch.cat(together, 1),
        }


def _slope(curve: Tensor) -> Tensor:
    """Of a line through a curve's values: [batch, columns, values] -> [batch, columns], per value."""
    place = torch.arange(curve.shape[2], device=curve.device, dtype=curve.dtype)
    place = place - place.mean()
    return curve @ (place / place.square().sum())


def _centroid(share: Tensor) -> Tensor:
    """The mean band, weighted by shares of power: [batch, columns, bands] -> [batch, columns]."""
    return share @ torch.arange(share.shape[2], device=share.device, dtype=share.dtype)
