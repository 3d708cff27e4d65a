"""Arrays to JPEGs: every type, shape, order and way in memory, over a real server."""

from __future__ import annotations

import array
import itertools
import logging
import mmap
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
from scenes import HEIGHT, WIDTH, assert_shows, decode, scene

import steadyframe as sf

pytestmark = pytest.mark.usefixtures("via")

#: How an array may lie in memory. Each returns one of equal values.
MEMORY: Dict[str, Callable[[Any], Any]] = {
    "contiguous": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "readonly": lambda a: np.frombuffer(np.ascontiguousarray(a).tobytes(), a.dtype).reshape(a.shape),
    "cropped": lambda a: np.pad(a, [(1, 2)] * a.ndim)[tuple(slice(1, 1 + n) for n in a.shape)],
    "every-second": lambda a: np.repeat(a, 2, axis=a.ndim - 2)[..., ::2, :],
    "backwards": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "upside-down": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "axes-swapped": lambda a: np.ascontiguousarray(np.swapaxes(a, -1, -2)).swapaxes(-1, -2),
    "channels-moved": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, -3, -1)), -1, -3) if a.ndim > 2 else a,
    "channels-last-moved": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, -1, -3)), -3, -1) if a.ndim > 2 else a,
    "unaligned": lambda a: np.frombuffer(b"x" + np.ascontiguousarray(a).tobytes(), a.dtype, offset=1).reshape(a.shape),
}

#: Types, and what they make of a uint8 frame.
TYPES: Dict[str, Callable[[Any], Any]] = {
    "uint8": lambda a: a,
    "float32": lambda a: a.astype(np.float32) / 255,
    "float16": lambda a: (a.astype(np.float32) / 255).astype(np.float16),
}

COUNTS = {"one": 1, "batch": 3, "list": 3, "batch-of-one": 1}


def encode_all(frames: Any, count: str, memory: Callable[[Any], Any], **settings: Any) -> Any:
    """Encodes frames (N, ...) as one, as an array of several, or as a list."""
    if count == "one":
        return [sf.encode(memory(frames[0]), **settings)]
    if count == "list":
        return sf.encode([memory(one) for one in frames], **settings)
    return sf.encode(memory(frames), **settings)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize("layout", ["HWC", "CHW"])
@pytest.mark.parametrize("type", TYPES)
def test_colors(type: str, layout: str, color: str, count: str, memory: str) -> None:
    expected = [scene(n) for n in range(COUNTS[count])]
    frames = TYPES[type](np.stack(expected))
    if color == "rgb":
        frames = frames[..., ::-1]
    if layout == "CHW":
        frames = np.moveaxis(frames, -1, -3)
    settings: Dict[str, Any] = {"quality": 95, "subsampling": "444"}
    if color == "rgb":
        settings["color"] = "rgb"
    if type == "uint8" and layout == "CHW" and count == "one":
        settings["layout"] = "CHW"  # It might be three gray frames.
    jpegs = encode_all(frames, count, MEMORY[memory], **settings)
    assert len(jpegs) == len(expected)
    for jpeg, frame in zip(jpegs, expected):
        assert_shows(jpeg, frame)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", ["HW", "HWC", "CHW"])
def test_gray(shape: str, count: str, memory: str) -> None:
    expected = [scene(n)[..., 1] for n in range(COUNTS[count])]
    frames = np.stack(expected)
    settings: Dict[str, Any] = {}
    if shape == "HW" and count == "batch":
        settings["layout"] = "NHW"  # It might be one frame of three planes.
    if shape == "HWC":
        frames = frames[..., None]
    if shape == "CHW":
        frames = frames[:, None]
        settings["layout"] = "CHW" if count in ("one", "list") else "NCHW"
    for jpeg, frame in zip(encode_all(frames, count, MEMORY[memory], quality=95, **settings), expected):
        assert_shows(jpeg, np.repeat(frame[..., None], 3, axis=2))


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_four_channels(color: str, count: str, memory: str) -> None:
    expected = [scene(n) for n in range(COUNTS[count])]
    frames = np.stack(expected)
    if color == "rgb":
        frames = frames[..., ::-1]
    alpha = np.full((*frames.shape[:3], 1), 7, np.uint8)
    frames = np.concatenate([frames, alpha], axis=3)
    for jpeg, frame in zip(encode_all(frames, count, MEMORY[memory], quality=95, color=color, subsampling=444), expected):
        assert_shows(jpeg, frame)


@pytest.mark.parametrize("value_range, scale", [("0..1", lambda a: a), ("0..255", lambda a: a * 255), ("-1..1", lambda a: a * 2 - 1)])
@pytest.mark.parametrize("type", ["float32", "float16"])
@pytest.mark.parametrize("layout", ["HWC", "CHW"])
def test_value_ranges(layout: str, type: str, value_range: str, scale: Callable[[Any], Any]) -> None:
    frame = scale(scene().astype(np.float32) / 255).astype(type)
    if layout == "CHW":
        frame = frame.transpose(2, 0, 1).copy()
    assert_shows(sf.encode(frame, value_range=value_range, quality=95, subsampling=444), scene())


@pytest.mark.parametrize("shape", ["HWC", "NCHW", "list"])
@pytest.mark.parametrize(
    ("scale", "settings", "advice"),
    [
        (lambda a: a, {}, '"0..255"'),
        (lambda a: a / 127.5 - 1, {}, '"-1..1"'),
        (lambda a: a / 255, {}, ""),
        (lambda a: a / 255 * 1.1 - 0.05, {}, ""),  # as models overshoot
        (lambda a: a * 0, {}, ""),
        (lambda a: a, {"value_range": "0..255"}, ""),
        (lambda a: a, {"value_range": "0..1"}, ""),
    ],
)
def test_floats_of_another_range_are_told(
    shape: str, scale: Callable[[Any], Any], settings: Dict[str, Any], advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "steadyframe")
    frame = scale(scene().astype(np.float32)).astype(np.float32)
    black = np.zeros_like(frame)
    encoder = sf.Encoder(**settings)
    for one in (black, frame, frame, black):  # A black one says nothing of the range.
        encoder.encode({"HWC": one, "NCHW": one.transpose(2, 0, 1).copy()[None], "list": [one, one]}[shape])
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == (1 if advice else 0)
    assert all(f"want value_range={advice}" in text for text in told)


def test_one_is_bytes_and_several_are_a_list() -> None:
    frame = scene()
    one = sf.encode(frame)
    assert type(one) is bytes
    assert sf.encode([frame]) == [one]
    assert sf.encode((frame, frame)) == [one, one]
    assert sf.encode(frame[None]) == [one]
    assert sf.encode(np.stack([frame] * 70)) == [one] * 70


def test_nothing_is_copied_that_need_not_be() -> None:
    from steadyframe import _frames, _options

    frame = scene()
    batch = np.stack([frame] * 4)
    for given, name in [
        (frame, "bgr24"),
        (batch, "bgr24"),
        (batch[::2], "bgr24"),
        (frame[..., ::-1], "rgb24"),  # which is what the memory holds
        (frame.transpose(2, 0, 1), "bgr24"),
        (batch.transpose(0, 3, 1, 2), "bgr24"),
        (frame.transpose(2, 0, 1)[::-1], "rgb24"),
        (frame.transpose(2, 0, 1).copy().transpose(1, 2, 0), "bgr24p"),
        (frame[..., 0].copy(), "gray"),
    ]:
        layout = {2: "HW", 3: "CHW" if given.shape[0] == 3 else "HWC", 4: "NCHW" if given.shape[1] == 3 else "NHWC"}[given.ndim]
        frames = _frames.frames_of(given, _options.make(layout=layout))
        assert frames.description.format == name, (given.shape, given.strides)
        assert all(np.shares_memory(np.frombuffer(b, np.uint8), given) for b in frames.buffers())


@pytest.mark.parametrize(
    "size, mode, expected",
    [((40, 24), None, (24, 40)), ((40, None), None, (24, 40)), ((None, 24), None, (24, 40)), ("20x20", "fit", (20, 20)), (None, None, (HEIGHT, WIDTH))],
)
def test_size_is_width_and_height(size: Any, mode: Any, expected: Any) -> None:
    assert decode(sf.encode(scene(), size=size, mode=mode)).shape[:2] == expected


def test_options_reach_the_server() -> None:
    frame = scene()
    fit = decode(sf.encode(frame, size=(80, 80), mode="fit", background=(255, 0, 0), quality=95, subsampling=444, filter="area"))
    assert np.abs(fit[2, 40].astype(int) - (0, 0, 255)).max() < 8
    cropped = sf.encode(frame, crop=(16, 8, 32, 24), quality=95, subsampling="444")
    assert_shows(cropped, frame[8:32, 16:48])
    assert len(sf.encode(frame, quality=10)) < len(sf.encode(frame, quality=95))
    assert b"\xff\xdd" in sf.encode(frame, restart="row")
    assert decode(sf.encode(frame, subsampling="gray")).std(axis=2).max() == 0


def test_reuse_gives_the_same_images() -> None:
    frames = [scene() for _ in range(5)]
    for i, frame in enumerate(frames):
        frame[3, 5] = 50 * i
    images = list(sf.Encoder(reuse="segments", restart=4).stream(frames))
    assert images == [sf.encode(frame, restart=4) for frame in frames]
    assert len(set(images)) == 5
    assert list(sf.Encoder(reuse="segments", restart=4, noise=255).stream(frames))[1:] != images[1:]
    with pytest.raises(sf.SpecError, match="noise"):
        sf.encode(frames[0], noise=3)
    with pytest.raises(sf.SpecError, match="noise"):
        sf.encode(frames[0], reuse="segments", noise=256)


def test_raw_output() -> None:
    frames = [scene(n) for n in range(3)]
    for got, frame in zip(sf.encode(frames, output="bgr24"), frames):
        assert got == frame.tobytes()
    assert sf.encode(frames[1], output="rgb24", size=(WIDTH, HEIGHT)) == frames[1][..., ::-1].tobytes()
    with pytest.raises(sf.SpecError, match="output"):
        sf.Encoder(output="bgr24").stream(frames)


@pytest.mark.parametrize("name", ["yuv420p", "nv12"])
def test_yuv(name: str) -> None:
    import cv2

    frames = [scene(n) for n in range(3)]
    planar = np.stack([cv2.cvtColor(f, cv2.COLOR_BGR2YUV_I420) for f in frames])
    if name == "nv12":
        luma, chroma = planar[:, :HEIGHT], planar[:, HEIGHT:].reshape(3, 2, -1)
        planar = np.concatenate([luma, chroma.transpose(0, 2, 1).reshape(3, HEIGHT // 2, WIDTH)], axis=1)
    for jpeg, frame in zip(sf.encode(planar, format=name, quality=95), frames):
        assert_shows(jpeg, frame, within=5)
    one = sf.encode(planar[0], format=name)
    assert sf.encode(planar[0].tobytes(), format=name, shape=(HEIGHT, WIDTH)) == one
    assert sf.encode(list(planar), format=name)[0] == one
    with pytest.raises(sf.FrameError, match="want shape="):
        sf.encode(planar[0].tobytes(), format=name)
    with pytest.raises(sf.FrameError, match="want 5760 for"):
        sf.encode(planar[0].tobytes()[:-1], format=name, shape=(HEIGHT, WIDTH))


def test_named_formats() -> None:
    frame = scene()
    for name, given in {
        "bgr24": frame,
        "rgb24": frame[..., ::-1],
        "bgra": np.dstack([frame, frame[..., 0]]),
        "bgrf32p": frame.transpose(2, 0, 1).astype(np.float32) / 255,
        "rgbf32": frame[..., ::-1].astype(np.float32) / 255,
        "bgr24p": frame.transpose(2, 0, 1),
    }.items():
        assert_shows(sf.encode(given, format=name, quality=95, subsampling=444), frame)
        assert len(sf.encode(np.stack([given, given]), format=name)) == 2
    assert sf.encode(frame[..., 0], format="gray") == sf.encode(frame[..., 0])
    with pytest.raises(sf.FrameError, match="got uint8, want float32 for format='rgbf32'"):
        sf.encode(frame, format="rgbf32")
    with pytest.raises(sf.FrameError, match="got 3 channels .* want 4 for format='bgra'"):
        sf.encode(frame, format="bgra")
    with pytest.raises(sf.SpecError, match="bgr24"):  # the server's own list
        sf.encode(frame, format="yuyv422", shape=(HEIGHT, WIDTH))


def test_flat_data_with_a_shape() -> None:
    frame = scene()
    one = sf.encode(frame)
    for flat in (frame.tobytes(), bytearray(frame.tobytes()), memoryview(frame.tobytes()), frame.reshape(-1), array.array("B", frame.tobytes())):
        assert sf.encode(flat, shape=frame.shape) == one
    with mmap.mmap(-1, frame.nbytes) as mapped:
        mapped[:] = frame.tobytes()
        assert sf.encode(mapped, shape=frame.shape) == one
    assert sf.encode(frame.tobytes() * 2, shape=(2, *frame.shape)) == [one, one]
    with pytest.raises(sf.FrameError, match=r"got 11520 samples, want 11523 for shape=\(3841, 3\)"):
        sf.encode(frame.tobytes(), shape=(3841, 3))


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
import steadyframe as sf
frame = bytes((x + 3 * y) % 256 for y in range(48) for x in range(240))
one = sf.encode(frame, shape=(48, 80, 3))
assert one[:2] == b"\\xff\\xd8" and one[-2:] == b"\\xff\\xd9"
shaped = memoryview(frame).cast("B", (48, 80, 3))
assert sf.encode(shaped) == one
assert sf.encode(shaped[::-1]) != one
assert sf.encode([shaped, shaped]) == [one, one]
assert sf.encode(memoryview(bytes(8 * 3 * 4 * 4)).cast("f", (3, 4, 8)))[:2] == b"\\xff\\xd8"
class Tensor:
    def __array__(self): raise AssertionError
try:
    sf.encode(Tensor())
except sf.FrameError as err:
    assert "needs numpy" in str(err), err
try:
    sf.encode(memoryview(bytes(48)).cast("H", (2, 4, 3)))
except sf.FrameError as err:
    assert "type 'H'" in str(err), err
"""


def test_without_numpy() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], check=True, timeout=60)


def test_pillow_images_say_their_colors() -> None:
    image = pytest.importorskip("PIL.Image")
    frame = scene()
    pillow = image.fromarray(frame[..., ::-1].copy())
    assert_shows(sf.encode(pillow, quality=95, subsampling=444), frame)
    assert_shows(sf.encode([pillow, pillow.convert("RGB")], quality=95, subsampling=444)[1], frame)
    assert_shows(sf.encode(pillow.convert("RGBA"), quality=95, subsampling=444), frame)
    assert sf.encode(pillow.convert("L"))
    with pytest.raises(sf.FrameError, match='of mode .P., want RGB, RGBA or L: image.convert'):
        sf.encode(pillow.convert("P"))
    with pytest.raises(sf.FrameError, match="leave color out"):
        sf.encode(pillow, color="bgr")
    with pytest.raises(sf.FrameError, match="frame 1: got bgr, want rgb"):
        sf.encode([pillow, frame])


class Tensor:
    """What a torch tensor on the CPU is for us."""

    def __init__(self, values: Any, device: int = 1, dlpack: bool = False) -> None:
        self.values, self.device = values, device
        if not dlpack:
            self.__class__ = ArrayTensor

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.values.__dlpack__(**keywords)

    def __dlpack_device__(self) -> Any:
        return (self.device, 0)


class ArrayTensor(Tensor):
    def __array__(self, dtype: Any = None) -> Any:
        if isinstance(self.values, Exception):
            raise self.values
        return self.values


def test_tensors() -> None:
    frame = scene()
    planar = (frame.astype(np.float32) / 255).transpose(2, 0, 1).copy()
    one = sf.encode(planar)
    assert sf.encode(Tensor(planar)) == one
    assert sf.encode(Tensor(planar, dlpack=True)) == one
    assert sf.encode([Tensor(planar)] * 2) == [one, one]
    with pytest.raises(sf.FrameError, match=r"on a device, .* x\.cpu\(\)"):
        sf.encode(Tensor(planar, device=2))
    with pytest.raises(sf.FrameError, match=r"does not become an array: Can't call numpy\(\) .* use tensor.detach"):
        sf.encode(Tensor(RuntimeError("Can't call numpy() on Tensor that requires grad, use tensor.detach().numpy()")))


WRONG = [
    (np.zeros((4, 4, 3)), "float64.*want uint8, float32 or float16: x.astype\\(np.float32\\)"),
    (np.zeros((4, 4, 3), bool), "bool.*x.astype\\(np.uint8\\) \\* 255"),
    (np.zeros((4, 4, 3), np.uint16), "uint16.*\\(x >> 8\\).astype\\(np.uint8\\)"),
    (np.zeros((4, 4, 3), np.int64), "int64.*x.astype\\(np.uint8\\)"),
    (np.zeros((4, 4, 3), complex), "no pixels"),
    (np.zeros((4, 4, 3), object), "no pixels"),
    (np.zeros((4, 4, 3), ">f4"), "little-endian ones: x.astype\\('<f4'\\)"),
    (np.zeros((4, 4), np.float32), "one channel.*\\(x \\* 255\\).astype\\(np.uint8\\)"),
    (np.zeros((1, 4, 5), np.float32), "one channel"),
    (np.zeros((4, 4, 4), np.float32), "4 channels.*x\\[..., :3\\]"),
    (np.zeros((4, 5, 2), np.float32), "shape \\(4, 5, 2\\), want \\(height, width, 3\\)"),
    (np.zeros((3, 40, 50), np.uint8), "layout='CHW' or layout='NHW'"),
    (np.zeros((48, 64, 2), np.uint8), "2 channels.*x\\[..., :3\\].*layout='NHW'"),
    (np.zeros((48, 64), [("r", "u1"), ("g", "u1")]), "no pixels"),
    ((True, scene()), "frame 0: got a bool.*the image in it"),
    (np.zeros((0, 4, 3), np.uint8), "empty array of shape \\(0, 4, 3\\)"),
    (np.zeros((0, 4, 4, 3), np.uint8), "empty array"),
    (np.zeros(48, np.uint8), "48 samples in one dimension.*reshape"),
    (np.uint8(3), "one value"),
    (np.zeros((2, 2, 4, 4, 3), np.uint8), "x.reshape\\(-1, \\*x.shape\\[2:\\]\\)"),
    (np.zeros((2, 5, 4, 6), np.uint8), "shape \\(2, 5, 4, 6\\)"),
    (None, "NoneType.*did reading the image fail"),
    ("clip.mp4", "got a str.*cv2.imread"),
    (Path("clip.mp4"), "PosixPath.*cv2.imread"),
    (7, "got a int"),
    (iter([]), "Encoder.stream\\(x\\)"),
    ([], "empty list"),
    ([[1, 2], [3, 4]], "frame 0: got a list.*np.array\\(x, dtype=np.uint8\\)"),
    ([scene(), scene()[:-1]], "frame 1: got uint8 of shape \\(47, 80, 3\\), want uint8 of \\(48, 80, 3\\) as frame 0"),
    ([scene(), scene().astype(np.float32)], "frame 1: got float32 of shape"),
    ([scene(), None], "frame 1: .*did reading the image fail"),
    ([scene()[None]], "frame 0: got shape \\(1, 48, 80, 3\\), which is a batch"),
]


@pytest.mark.parametrize("given, text", WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_frames_say_what_to_do(given: Any, text: str) -> None:
    with pytest.raises(sf.FrameError, match=text) as caught:
        sf.encode(given)
    assert caught.value.index == (1 if "frame 1" in str(caught.value) else 0)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "settings, text, field",
    [
        ({"quality": 101}, "1..100", "quality"),
        ({"quality": 7.5}, "whole number", "quality"),
        ({"size": (0, 4)}, "each 1..65535", "size"),
        ({"size": "4:3"}, "want \\(width, height\\)", "size"),
        ({"size": 320}, "want \\(width, height\\)", "size"),
        ({"size": (None, None)}, "a width, a height or both", "size"),
        ({"size": (3.5, 4)}, "whole pixels", "size"),
        ({"mode": "zoom"}, "stretch, fit, fill", "mode"),
        ({"color": "gbr"}, '"bgr".*or "rgb"', "color"),
        ({"layout": "WHC"}, "HWC", "layout"),
        ({"value_range": "-1..1"}, "full", "value_range"),
        ({"value_range": "0..3"}, "0..1", "value_range"),
        ({"filter": "lanczos"}, "bilinear", "filter"),
        ({"background": "#xyz"}, "background", "background"),
        ({"subsampling": "411"}, "420", "subsampling"),
        ({"restart": "col"}, "row", "restart"),
        ({"output": "png"}, "jpeg", "output"),
        ({"size": (65535, 65535)}, "limits.max_pixels", ""),
        ({"crop": (70, 0, 20, 20)}, "crop", "crop"),
        ({"crop": (70, 0, 20)}, "x, y, width, height", "crop"),
        ({"background": (1, 2)}, "red, green, blue", "background"),
        ({"url": "ftp://here"}, "http://HOST:PORT", "url"),
        ({"url": "http://me:secret@here"}, "STEADYFRAME_AUTH_TOKEN", "url"),
        ({"url": "unix:"}, "unix:/PATH", "url"),
        ({"token": "a\nb"}, "control", "token"),
        ({"token": 3}, "want a string", "token"),
        ({"url": 3}, "want a string", "url"),
        ({"mode": 3}, "want a string", "mode"),
        ({"color": 3}, "want a string", "color"),
        ({"crop": (-1, 0, 4, 4)}, "none of them negative", "crop"),
        ({"crop": [1.5, 0, 4, 4]}, "x, y, width, height", "crop"),
        ({"background": [1, 2, 300]}, "each 0..255", "background"),
        ({"shape": 3}, "\\(height, width, 3\\)", "shape"),
        ({"shape": (4, -1, 3)}, "\\(height, width, 3\\)", "shape"),
        ({"timeout": -1}, "above 0", "timeout"),
        ({"timeout": "x"}, "above 0", "timeout"),
        ({"format": "rgb"}, "one of bgr24, .*nv12", "format"),
    ],
)
def test_wrong_settings_say_what_is_wanted(via: str, settings: Dict[str, Any], text: str, field: str) -> None:
    with pytest.raises(sf.SpecError, match=text) as caught:
        sf.encode(scene(), **settings)
    assert "secret" not in str(caught.value)
    assert caught.value.field == field
    if "limits." in text:
        assert caught.value.limit == "limits.max_pixels" and caught.value.got == 65535 * 65535 and 0 < caught.value.max < caught.value.got
    assert sf.encode(scene())  # and the next call is served


def test_stream_is_in_order_and_reuses_memory() -> None:
    encoder = sf.Encoder(quality=95, subsampling=444)

    def camera(count: int) -> Any:
        memory = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        for n in range(count):
            memory[:] = scene(n)
            yield memory

    for count, ahead in itertools.product((0, 1, 2, 33), (1, 4)):
        jpegs = list(encoder.stream(camera(count), ahead=ahead))
        assert len(jpegs) == count
        for n, jpeg in enumerate(jpegs):
            assert_shows(jpeg, scene(n))


def test_stream_waits_for_no_more_than_ahead() -> None:
    asked = 0

    def frames() -> Any:
        nonlocal asked
        while True:
            asked += 1
            yield scene(asked)

    stream = sf.Encoder().stream(frames(), ahead=3)
    for n in range(20):
        assert next(stream)[:2] == b"\xff\xd8"
        assert asked <= n + 1 + 3
    stream.close()  # type: ignore[attr-defined]


def test_stream_says_which_frame_is_wrong() -> None:
    frames = [scene(), scene(), scene()[:-1]]
    with pytest.raises(sf.FrameError, match="frame 2: got bgr24 80x47, want bgr24 80x48") as caught:
        list(sf.Encoder().stream(frames))
    assert caught.value.index == 2
    with pytest.raises(sf.FrameError, match="frame 1: .*did reading") as caught:
        list(sf.Encoder().stream([scene(), None]))
    assert caught.value.index == 1
    with pytest.raises(sf.SpecError, match="1..100"):
        list(sf.Encoder(quality=0).stream([scene()]))


def test_large_batches_flow_both_ways() -> None:
    """What comes back is more than sockets hold, while more than they hold is still to be sent."""
    rng = np.random.default_rng(1)
    frames = np.repeat(rng.integers(0, 256, (1, 360, 640, 3), np.uint8), 60, axis=0)
    jpegs = sf.encode(frames, quality=100, subsampling=444)
    assert len(jpegs) == 60 and sum(map(len, jpegs)) > 20e6
    assert len(set(jpegs)) == 1


def test_encoder_is_pickled_without_connections() -> None:
    encoder = sf.Encoder(size=(40, 24), quality=90, color="rgb", crop=(0, 0, 40, 24), background=(1, 2, 3), mode="fit")
    one = encoder.encode(scene())
    again = pickle.loads(pickle.dumps(encoder))
    assert again.encode(scene()) == one
    assert repr(again) == repr(encoder) and "size='40x24'" in repr(encoder)
