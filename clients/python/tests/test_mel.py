"""Features of sound, compared with their definitions in numpy."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
import wave
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import steadyframe as sf


def noise(n: int, channels: int = 0) -> Any:
    r = np.random.default_rng(1)
    shape = (n, channels) if channels else (n,)
    return r.integers(-8000, 8000, shape).astype(np.int16)


def hertz(mels: Any) -> Any:
    """Slaney's scale."""
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))


def whisper(pcm: Any) -> Any:
    """Features as whisper/audio.py computes them: 80 bands, shape (frames, bands)."""
    padded = np.pad(pcm, 200, "reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][:-1]
    power = np.abs(np.fft.rfft(frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)), axis=1)) ** 2
    top = 15 + np.log(8000 / 1000) * 27 / np.log(6.4)
    edges = hertz(np.linspace(0, top, 82))
    bins = np.arange(201) * 40.0
    up = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    bank = np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    log = np.log10(np.maximum(power @ bank.T, 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4


def test_whisper(via: str) -> None:
    pcm = noise(50_000)
    want = whisper(pcm / 32768)
    for given in (pcm, (pcm / 32768).astype(np.float32), pcm / 32768, pcm.astype(">i2"), np.stack([pcm, pcm], 1)[:, 0], (pcm.astype(np.int32) << 16)):
        got = sf.mel(given)
        assert got.dtype == np.float32 and got.shape == want.shape
        assert np.abs(got - want).max() < 1e-4


def test_shapes() -> None:
    pcm = noise(48_000)
    features = sf.mel(pcm, "wav2lip", rate=24000)
    assert features.shape[1] == 80
    np.testing.assert_array_equal(sf.mel(pcm, "wav2lip", rate=24000, layout="bands"), features.T)
    windows = sf.mel(pcm, "wav2lip", rate=24000, fps=25, window=16)
    assert windows.shape[1:] == (80, 16)
    for i, window in enumerate(windows[:-1]):
        np.testing.assert_array_equal(window, features[80 * i // 25 :][:16].T)
    # Channels are averaged.
    stereo = noise(20_000, 2)
    mean = stereo.astype(np.float64).mean(1) / 32768
    np.testing.assert_allclose(sf.mel(stereo, "htk"), sf.mel(mean.astype(np.float32), "htk"), atol=1e-4)


def test_wav() -> None:
    pcm = noise(30_000)
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setparams((1, 2, 22050, 0, "NONE", ""))
        w.writeframes(pcm.tobytes())
    np.testing.assert_array_equal(sf.mel(file.getvalue(), "librosa"), sf.mel(pcm, "librosa", rate=22050))


def test_readme_of_http(server: Any) -> None:
    """What docs/mel.md says for a program without the package gives the same."""
    samples = noise(20_000) / 32768
    url = f"{server.url}/v1/mel?preset=wav2lip&format=f32le&rate=16000"
    features = np.load(io.BytesIO(urllib.request.urlopen(url, samples.astype("<f4").tobytes()).read()))
    np.testing.assert_array_equal(sf.mel(samples.astype(np.float32), "wav2lip"), features)


@pytest.mark.parametrize(
    ("pcm", "settings", "field", "text"),
    [
        (noise(100).astype(np.float16), {}, "pcm", "got samples of float16, want int16"),
        ([1, 2, 3], {}, "pcm", "got samples of int64"),
        (noise(2000, 2).T, {}, "pcm", "got shape (2, 2000), want (N, channels) of 1 to 64 channels: pcm.T"),
        (noise(2, 8), {}, "pcm", "got shape (2, 8), want (N, channels): pcm.T"),
        (np.zeros((2, 2, 2), np.int16), {}, "pcm", "got shape (2, 2, 2)"),
        (np.zeros(0, np.int16), {}, "pcm", "got no samples"),
        (b"\0\0" * 100, {}, "pcm", "numpy.frombuffer"),
        (b"RIFF", {"rate": 16000}, "rate", "got it with a WAV file"),
        (noise(100), {"preset": "mfcc"}, "preset", "mfcc"),
        (noise(100), {"rate": 96000}, "rate", "96000"),
        (noise(100), {"window": 16}, "window", "want both"),
        (noise(100), {"layout": "rows"}, "layout", "want frames or bands"),
    ],
)
def test_errors(pcm: Any, settings: Any, field: str, text: str) -> None:
    with pytest.raises(sf.SpecError) as caught:
        sf.mel(pcm, **settings)
    assert caught.value.field == field
    assert text in str(caught.value)


def test_threads() -> None:
    pcm = noise(16_000)
    want = sf.mel(pcm)

    def work(_: int) -> None:
        for _ in range(10):
            np.testing.assert_array_equal(sf.mel(pcm), want)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))


def test_server_comes_back(serve: Any) -> None:
    """A connection that was kept and has ended is replaced."""
    first = serve()
    port = first.http.rpartition(":")[2]
    pcm = noise(16_000)
    want = sf.mel(pcm, url=first.url)
    first.stop()
    with pytest.raises(sf.ConnectionLost):
        sf.mel(pcm, url=first.url)
    again = serve(http=f"127.0.0.1:{port}")
    np.testing.assert_array_equal(sf.mel(pcm, url=again.url), want)


def test_sound_of_a_stream(server: Any, via: str) -> None:
    """What cam.sound sends, a listener gets: mono and stereo, int16 and floats, with the images beside it."""
    pcm = noise(1600)
    with sf.Publisher(f"sound-{via}") as cam:
        cam.send(np.zeros((48, 64, 3), np.uint8))
        assert cam.sound(pcm[:160])
        listener = None
        while listener is None:
            try:
                listener = urllib.request.urlopen(f"{server.url}/sound/{cam.name}.wav", timeout=30)
            except urllib.error.HTTPError as err:
                assert err.code == 404  # The server has not read the first samples yet.
        with listener:
            assert listener.read(44)[:4] == b"RIFF"
            assert cam.sound(pcm.astype(np.float32) / 32768)  # Another format: the first sound ends.
            assert listener.read() == b""
        stereo = np.stack([pcm, -pcm], 1)
        assert cam.sound(stereo, rate=48000)
    with pytest.raises(sf.SpecError):
        cam.sound(b"RIFF")
    with pytest.raises(sf.SpecError) as caught:
        with sf.Publisher("sound-bad") as bad:
            while bad.sound(pcm, rate=96000):  # The server says it when it has read that.
                pass
    assert caught.value.field == "rate"


def test_sound_arrives(server: Any) -> None:
    pcm = noise(16_000)
    with sf.Publisher("sound-arrives") as cam:
        cam.sound(pcm[:160])
        while True:
            try:
                listener = urllib.request.urlopen(f"{server.url}/sound/{cam.name}.wav", timeout=30)
                break
            except urllib.error.HTTPError as err:
                assert err.code == 404
        with listener:
            listener.read(44)
            for at in range(0, len(pcm), 800):
                assert cam.sound(pcm[at : at + 800])
            assert listener.read(2 * len(pcm)) == pcm.tobytes()
