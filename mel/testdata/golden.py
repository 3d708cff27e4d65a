#!/usr/bin/env python3
"""Writes the golden features beside this file, in float64 and straight from the definitions (docs/mel.md):

    sound.s16     16-bit little-endian samples, made here: voiced sound that glides, a click, noise, silence
    NAME.f32      the features of each preset, frame by frame, as little-endian float32
    48000.f32     of wav2lip, sound of 48 kHz resampled by scipy's polyphase filter

Run it with Debian's python3-numpy and python3-scipy: /usr/bin/python3 mel/testdata/golden.py
"""
import functools
import os

import numpy as np
import scipy.signal

HERE = os.path.dirname(os.path.abspath(__file__))


def sound(rate=16000, seconds=0.45):
    n = int(rate * seconds)
    t = np.arange(n) / rate
    phase = 2 * np.pi * np.cumsum(110 + 60 * t) / rate
    voiced = sum(np.sin(k * phase) * np.exp(-((k * 130 - 600) / 900) ** 2) + 0.02 * np.sin(k * phase) for k in range(1, 40))
    x = 0.22 * voiced * (0.4 + 0.6 * np.sin(2 * np.pi * 4 * t) ** 2)
    noise = np.random.default_rng(1).standard_normal(n)
    x += np.where(t > 0.25, 0.05, 0.0003) * noise
    x[n // 3] += 0.5
    x[int(n * 0.85):] = 0
    return np.round(np.clip(x, -1, 1) * 32767).astype("<i2")


def slaney_mel(f):
    f = np.asarray(f, float)
    return np.where(f < 1000, f * 3 / 200, 15 + 27 * np.log(np.maximum(f, 1e-9) / 1000) / np.log(6.4))


def slaney_hz(m):
    m = np.asarray(m, float)
    return np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))


@functools.lru_cache
def librosa_filters(rate, n_fft, bands, low, high):
    """librosa.filters.mel with htk=False, norm="slaney"."""
    corners = slaney_hz(np.linspace(slaney_mel(low), slaney_mel(high), bands + 2))
    f = np.arange(n_fft // 2 + 1) * rate / n_fft
    ramps = corners[:, None] - f[None, :]
    width = np.diff(corners)
    w = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1, None], ramps[2:] / width[1:, None]))
    return w * (2 / (corners[2:] - corners[:-2]))[:, None]


def htk_mel(f):
    return 2595 * np.log10(1 + np.asarray(f, float) / 700)


@functools.lru_cache
def kaldi_filters(rate, n_fft, bands, low, high, first, end):
    """mel-computations.cc of Kaldi: triangles whose sides are straight in mels, on the bins first..end-1 alone."""
    corners = np.linspace(htk_mel(low), htk_mel(high), bands + 2)
    m = htk_mel(np.arange(n_fft // 2 + 1) * rate / n_fft)
    w = np.zeros((bands, n_fft // 2 + 1))
    for b in range(bands):
        left, center, right = corners[b:b + 3]
        up, down = (m - left) / (center - left), (right - m) / (right - center)
        w[b, first:end] = np.where((m > left) & (m < right), np.where(m <= center, up, down), 0)[first:end]
    return w


@functools.lru_cache
def hann(n):
    return scipy.signal.get_window("hann", n, fftbins=True)


def stft(y, n_fft, hop, mode):
    """librosa.stft, torch.stft: centered."""
    y = np.pad(y, n_fft // 2, mode=mode)
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop]
    return np.fft.rfft(frames * hann(n_fft))


def wav2lip(x, mode="reflect"):
    """audio.py and hparams.py of Wav2Lip."""
    y = scipy.signal.lfilter([1, -0.97], [1], x)
    mel = np.abs(stft(y, 800, 200, mode)) @ librosa_filters(16000, 800, 80, 55, 7600).T
    s = 20 * np.log10(np.maximum(np.exp(-100 / 20 * np.log(10)), mel)) - 20
    return np.clip(8 * ((s + 100) / 100) - 4, -4, 4)


def whisper(x, bands):
    """audio.py of Whisper."""
    power = np.abs(stft(x, 400, 160, "reflect")[:-1]) ** 2
    mel = np.log10(np.maximum(power @ librosa_filters(16000, 400, bands, 0, 8000).T, 1e-10))
    return (np.maximum(mel, mel.max() - 8) + 4) / 4


def librosa(x):
    """librosa.power_to_db(librosa.feature.melspectrogram(y=x, sr=22050)), version 0.10."""
    power = np.abs(stft(x, 2048, 512, "constant")) ** 2
    db = 10 * np.log10(np.maximum(1e-10, power @ librosa_filters(22050, 2048, 128, 0, 11025).T))
    return np.maximum(db, db.max() - 80)


def speech_frames(x, remove_dc, window):
    """feature-window.cc of Kaldi, ESignalProc of HTK: 25 ms every 10 ms, pre-emphasis in the frame."""
    frames = np.lib.stride_tricks.sliding_window_view(x * 32768, 400)[::160].copy()
    if remove_dc:
        frames -= frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    return np.abs(np.fft.rfft((frames - 0.97 * before) * window, 512)) ** 2


def kaldi(x):
    """compute-fbank-feats --dither=0 --num-mel-bins=80; 20 Hz up, snip_edges, povey."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    power = speech_frames(x, True, window)
    return np.log(np.maximum(power @ kaldi_filters(16000, 512, 80, 20, 8000, 0, 256).T, 2.0 ** -23))


def htk(x):
    """HSigP.c of HTK: USEPOWER=T, LOFREQ=20, HIFREQ=8000, NUMCHANS=26, PREEMCOEF=0.97, USEHAMMING=T, ZMEANSOURCE=F."""
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    power = speech_frames(x, False, window)
    first = int(20 * 512 / 16000 + 2.5) - 1  # klo and khi, which count from 1
    end = int(8000 * 512 / 16000 + 0.5)
    return np.log(np.maximum(power @ kaldi_filters(16000, 512, 26, 20, 8000, first, end).T, 1.0))


def main():
    pcm = sound()
    pcm.tofile(os.path.join(HERE, "sound.s16"))
    x = pcm.astype(float) / 32768
    # A filter of scipy's own: of the same pass and stop band, and longer.
    taps = scipy.signal.firwin(3 * 801, 0.96 / 3, window=("kaiser", 10))
    features = {
        "wav2lip": wav2lip(x), "wav2lip-zeros": wav2lip(x, "constant"), "whisper80": whisper(x, 80),
        "whisper128": whisper(x, 128), "kaldi": kaldi(x), "htk": htk(x), "librosa": librosa(x),
        "48000": wav2lip(scipy.signal.resample_poly(x, 1, 3, window=taps)),
    }
    for name, f in features.items():
        f.astype("<f4").tofile(os.path.join(HERE, name + ".f32"))
        print(name, f.shape, "%.3f..%.3f" % (f.min(), f.max()))


if __name__ == "__main__":
    main()
