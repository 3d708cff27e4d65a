"""Scenes: loaded, and pasted onto, compared with OpenCV's resize and numpy."""

from __future__ import annotations

import io
import itertools
import json
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator, Optional, Tuple

import cv2
import numpy as np
import PIL.Image
import pytest
from scenes import assert_shows, decode
from scenes import scene as drawn

import steadyframe as sf
from steadyframe import _scene_files

pytestmark = pytest.mark.usefixtures("via")

HEIGHT, WIDTH = 96, 160
BACKGROUNDS = np.stack([drawn(n, HEIGHT, WIDTH) for n in range(3)])
FACE = drawn(6, 60, 60)[:, ::-1].copy()
RECT = (20, 30, 48, 40)
RAMP = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))

names = (f"scene-{n}" for n in itertools.count())


@pytest.fixture
def name() -> Iterator[str]:
    made = next(names)
    yield made
    for info in sf.scenes():
        if info.name == made and not info.unloaded:
            sf.Scene(made).unload()


def pasted(background: Any, face: Any, rect: Tuple[int, int, int, int] = RECT, mask: Optional[Any] = None) -> Any:
    """Returns background with face on it."""
    x, y, width, height = rect
    image = background.copy()
    small = cv2.resize(face, (width, height), interpolation=cv2.INTER_LINEAR)
    weight = 1.0 if mask is None else cv2.resize(mask, (width, height))[..., None] / 255
    under = image[y : y + height, x : x + width]
    under[:] = np.rint(weight * small + (1 - weight) * under)
    return image


def load(name: str, **settings: Any) -> sf.Scene:
    given: Any = {"backgrounds": BACKGROUNDS, "quality": 95, "subsampling": 444, "rect": RECT, **settings}
    return sf.Scene.load(name, **given)


def test_images(name: str) -> None:
    anna = load(name)
    silence = anna.encode(1)
    assert isinstance(silence, bytes) and silence.alpha is None and silence._repr_jpeg_() == silence
    assert_shows(silence, BACKGROUNDS[1])
    speech = anna.encode(1, FACE)
    assert_shows(speech, pasted(BACKGROUNDS[1], FACE))
    # To and fro: 0 1 2 2 1 0 0 1
    images = anna.encode(range(8), [FACE, None] * 4)
    assert len(images) == 8
    for number, (image, of) in enumerate(zip(images, [0, 1, 2, 2, 1, 0, 0, 1])):
        assert_shows(image, BACKGROUNDS[of] if number % 2 else pasted(BACKGROUNDS[of], FACE))
    assert anna.encode(np.int64(1), FACE) == speech
    assert anna.encode([1], [FACE]) == [speech]
    assert anna.encode([]) == []
    assert anna.encode([4, 1]) == [silence, silence]
    many = anna.encode(np.arange(40), np.stack([FACE] * 40))
    assert len(many) == 40 and many[1] == speech == many[4]


def test_regions_of_every_kind(name: str) -> None:
    """What encode takes as frames, a region may be."""
    anna = load(name)
    want = pasted(BACKGROUNDS[0], FACE)
    floats = (FACE.astype(np.float32) / 255).transpose(2, 0, 1)
    for region in (FACE, FACE[None], [FACE], np.pad(FACE, ((0, 0), (0, 3), (0, 0)))[:, :60], floats, floats.copy(), floats.astype(np.float16), PIL.Image.fromarray(FACE[..., ::-1])):
        assert_shows(anna.encode(0, region), want)
    for settings, region in [
        ({"color": "rgb"}, FACE[..., ::-1].copy()),
        ({"value_range": "-1..1"}, floats * 2 - 1),
        ({"shape": FACE.shape}, FACE.tobytes()),
        ({"layout": "CHW"}, FACE.transpose(2, 0, 1).copy()),
    ]:
        keywords: Any = settings
        assert_shows(sf.Scene(name, **keywords).encode(0, region), want)
    gray = FACE[..., 1].copy()
    assert_shows(anna.encode(0, gray), pasted(BACKGROUNDS[0], np.repeat(gray[..., None], 3, 2)))


def test_regions_in_a_buffer(name: str, via: str) -> None:
    """Regions are read where they were written, for one image and for several."""
    anna = load(name, movable=True)
    buffer = anna.buffer((3, *FACE.shape))
    assert buffer.shape == (3, *FACE.shape) and buffer.flags.writeable
    assert len(anna._buffers) == (1 if via == "ring" else 0)
    faces = [FACE, FACE[::-1], drawn(1, 60, 60)]
    buffer[:] = np.stack(faces)
    for indices, regions, order in [
        (range(3), buffer, [0, 1, 2]),
        ([0, 1], buffer[1:], [1, 2]),
        ([2, 1, 0], buffer[::-1], [2, 1, 0]),
        ([1], buffer[2:], [2]),
    ]:
        images = anna.encode(indices, regions)
        assert len(images) == len(order)
        for image, index, n in zip(images, indices, order):
            assert_shows(image, pasted(BACKGROUNDS[index], faces[n]))
    for n in range(3):
        assert_shows(anna.encode(n, buffer[n]), pasted(BACKGROUNDS[n], faces[n]))
    assert_shows(anna.encode(0, buffer[1], rects=[(1, 2, 60, 60)]), pasted(BACKGROUNDS[0], faces[1], (1, 2, 60, 60)))
    assert via == "http" or not len(anna._pool), "a session of its own was opened"
    assert_shows(anna.encode(0, buffer[1][:, ::-1]), pasted(BACKGROUNDS[0], faces[1][:, ::-1]))  # copied
    assert_shows(anna.encode(2), BACKGROUNDS[2])
    with pytest.raises(sf.SpecError, match="got 3 for 2 indices"):
        anna.encode(range(2), buffer)
    with pytest.raises(sf.SpecError, match="from 0 on"):
        anna.encode(-1, buffer[0])
    assert_shows(anna.encode(0, buffer[0]), pasted(BACKGROUNDS[0], faces[0]))
    floats = anna.buffer((3, 60, 60), "float32")
    floats[:] = (FACE.astype(np.float32) / 255).transpose(2, 0, 1)
    assert_shows(anna.encode(0, floats), pasted(BACKGROUNDS[0], FACE))


def test_masks(name: str) -> None:
    for mask in (RAMP, [RAMP] * 3, np.stack([RAMP] * 3)):
        anna = load(name, mask=mask)
        assert_shows(anna.encode(0, FACE), pasted(BACKGROUNDS[0], FACE, mask=RAMP))
    masks = [RAMP, np.zeros((3, 4), np.uint8), np.full((300, 2), 255, np.uint8)]
    anna = load(name, mask=masks)
    for index, mask in enumerate(masks):
        assert_shows(anna.encode(index, FACE), pasted(BACKGROUNDS[index], FACE, mask=mask))
    ellipse = decode(load(name, mask={"shape": "ellipse"}).encode(0, FACE))
    assert np.abs(ellipse[31, 21].astype(int) - BACKGROUNDS[0][31, 21]).max() < 16
    assert np.abs(ellipse[50, 44].astype(int) - pasted(BACKGROUNDS[0], FACE)[50, 44]).max() < 16


def test_masks_are_png() -> None:
    for mask in (RAMP, RAMP[:, ::-1], np.array([[7]], np.uint8)):
        png = _scene_files._png(mask, "mask")
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(io.BytesIO(png))), mask)
        np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), mask)


def test_places(name: str) -> None:
    """Several places, places of each background, affine ones, and rectangles of images."""
    other = (90, 8, 40, 30)
    anna = load(name, rect=[RECT, {"rect": other}])
    mouth = drawn(3, 60, 60)
    want = pasted(pasted(BACKGROUNDS[0], FACE), mouth, other)
    for regions in ([FACE, mouth], (FACE, mouth), np.stack([FACE, mouth])):
        assert_shows(anna.encode(0, regions), want)
    assert_shows(anna.encode(0, [FACE]), pasted(BACKGROUNDS[0], FACE))
    rects = np.array([RECT, other, (0, 0, 60, 60)])
    anna = load(name, rect=None, rects=rects)
    for image, background, rect in zip(anna.encode(range(3), [FACE] * 3), BACKGROUNDS, rects):
        assert_shows(image, pasted(background, FACE, tuple(rect)))
    anna = load(name, rect=None, rects=[RECT, None, [RECT, other]])
    assert_shows(anna.encode(2, [FACE, mouth]), pasted(pasted(BACKGROUNDS[2], FACE), mouth, other))
    matrix = np.array([[0.5, 0, 30], [0, 0.5, 40]])
    anna = load(name, rect={"affine": matrix, "region": "60x60"})
    assert_shows(anna.encode(0, FACE), pasted(BACKGROUNDS[0], FACE, (30, 40, 30, 30)))
    anna = load(name, movable=True)
    (place,) = anna.encode([0], [FACE], rects=[[None]])
    assert_shows(place, pasted(BACKGROUNDS[0], FACE))
    moved = anna.encode(0, [FACE, FACE], rects=[other, "48x40+20+30"])
    assert_shows(moved, pasted(pasted(BACKGROUNDS[0], FACE, other), FACE))
    outside = anna.encode(0, FACE, rects=[(-20, -10, 60, 60)])
    assert_shows(outside[:], np.where(np.zeros((HEIGHT, WIDTH, 1), bool), 0, _outside()))


def _outside() -> Any:
    image = BACKGROUNDS[0].copy()
    image[:50, :40] = FACE[10:, 20:]
    return image


def test_backgrounds_of_every_kind(name: str) -> None:
    floats = (BACKGROUNDS.astype(np.float32) / 255).transpose(0, 3, 1, 2)
    pngs = [cv2.imencode(".png", frame)[1].tobytes() for frame in BACKGROUNDS]
    for backgrounds in (BACKGROUNDS, list(BACKGROUNDS), iter(BACKGROUNDS), floats, pngs, [BACKGROUNDS[0], pngs[1], floats[2]]):
        anna = load(name, backgrounds=backgrounds)
        assert anna.info().backgrounds == 3
        assert_shows(anna.encode(2, FACE), pasted(BACKGROUNDS[2], FACE))
    for one in (BACKGROUNDS[0], pngs[0], BACKGROUNDS[:1]):
        anna = load(name, backgrounds=one)
        assert anna.info().backgrounds == 1
        assert_shows(anna.encode(9), BACKGROUNDS[0])
    plain = load(name, backgrounds=None, background=(10, 200, 30), size=(WIDTH, HEIGHT))
    assert_shows(plain.encode(0, FACE), pasted(np.full_like(BACKGROUNDS[0], (30, 200, 10)), FACE))


def test_transparent(name: str) -> None:
    anna = load(name, backgrounds=None, transparent=True, size=(WIDTH, HEIGHT), rect=None, rects=[RECT, (60, 30, 48, 40)], mask=RAMP)
    nothing = np.zeros_like(BACKGROUNDS[0])
    info = anna.info()
    assert info.transparent and info.backgrounds == 2
    images = anna.encode(range(3), [FACE, None, FACE])
    for image, rect in zip(images, [RECT, None, (60, 30, 48, 40)]):
        white = np.full_like(FACE, 255)
        assert_shows(image, pasted(nothing, FACE, rect, RAMP) if rect else nothing)
        assert image.alpha is not None
        alpha = cv2.imdecode(np.frombuffer(image.alpha, np.uint8), cv2.IMREAD_GRAYSCALE)
        want = pasted(nothing, white, rect, RAMP)[..., 0] if rect else nothing[..., 0]
        assert np.abs(alpha.astype(int) - want).max() < 16
    assert anna.encode(0, FACE) == images[0] and anna.encode(0, FACE).alpha == images[0].alpha


def test_watch_gives_alpha(name: str) -> None:
    anna = load(name, backgrounds=None, transparent=True, size=(WIDTH, HEIGHT), mask=RAMP)
    want = anna.encode(1, FACE)
    with sf.Publisher(name, scene=anna) as cam, sf.watch(name, timeout=30) as images:
        cam.send(FACE, index=1)
        image = next(images)
    assert image == want and image.alpha == want.alpha and want.alpha is not None
    with sf.Publisher(name + "-plain") as cam, sf.watch(name + "-plain", timeout=30) as images:
        cam.send(BACKGROUNDS[0])
        assert next(images).alpha is None


def test_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number, frame in zip((1, 2, 10), BACKGROUNDS):  # in natural order
        cv2.imwrite(str(tmp_path / f"frames/{number}.png"), frame)
    (tmp_path / "frames/.hidden").write_bytes(b"?")
    (tmp_path / "scene.json").write_text(json.dumps({"quality": 95, "subsampling": "444", "walk": "loop"}))
    (tmp_path / "rects.json").write_text(json.dumps({"all": ["48x40+20+30"]}))
    cv2.imwrite(str(tmp_path / "mask.png"), RAMP)
    anna = sf.Scene.load(name, tmp_path)
    assert anna.info().walk == "loop"
    for image, background in zip(anna.encode(range(4), [FACE] * 4), [*BACKGROUNDS, BACKGROUNDS[0]]):
        assert_shows(image, pasted(background, FACE, mask=RAMP))
    with pytest.raises(sf.SpecError, match="whose files say it") as caught:
        sf.Scene.load(name, str(tmp_path), quality=80)
    assert caught.value.field == "quality"
    (tmp_path / "video.mp4").write_bytes(b"")
    with pytest.raises(sf.SpecError, match="has a video"):
        sf.Scene.load(name, tmp_path)
    with pytest.raises(sf.SpecError, match="want the folder"):
        sf.Scene.load(name, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(sf.SpecError, match="has no files of a scene"):
        sf.Scene.load(name, tmp_path / "empty")


def test_a_scene_is_replaced_and_unloaded(name: str) -> None:
    anna = load(name)
    first = anna.encode(0, FACE)
    with pytest.raises(sf.SpecError):
        load(name, quality=300)
    assert anna.encode(0, FACE) == first  # the old one stays
    other = load(name, quality=30)
    assert len(anna.encode(0, FACE)) < len(first)
    (info,) = [info for info in sf.scenes() if info.name == name]
    assert info == other.info()
    assert (info.width, info.height, info.backgrounds, info.places, info.walk) == (WIDTH, HEIGHT, 3, 1, "to-and-fro")
    assert info.bytes > 0 and not info.movable and not info.transparent and not info.unloaded
    assert_shows(load(name, backgrounds=np.stack([drawn(2, 200, 300)] * 2), rect=(0, 0, 60, 60)).encode(0, FACE), pasted(drawn(2, 200, 300), FACE, (0, 0, 60, 60)))
    assert decode(anna.encode(0, FACE)).shape == (200, 300, 3)  # a larger one
    gone = other.unload()
    assert gone.unloaded and gone.name == name
    for call in (other.unload, other.info, lambda: anna.encode(0), lambda: anna.encode(0, FACE)):
        with pytest.raises(sf.NotFound, match="unknown scene") as caught:
            call()
        assert caught.value.field == "scene"
    assert name not in [info.name for info in sf.scenes()]


HUGE = np.broadcast_to(np.uint8(0), (17, 20, 20, 3))


@pytest.mark.parametrize(
    ("arguments", "error", "field", "text"),
    [
        ((-1,), sf.SpecError, "index", "got -1, want it from 0 on"),
        (("3",), sf.SpecError, "", ""),
        ((None,), sf.SpecError, "index", "got None, want a whole number"),
        ((1.5,), sf.SpecError, "index", "got 1.5, want a whole number"),
        ((0, np.zeros((9, 9, 3))), sf.FrameError, "", "got samples of type float64, want uint8"),
        ((0, [FACE, FACE[:30]]), sf.FrameError, "", "frame 1: got uint8 of shape (30, 60, 3)"),
        ((0, HUGE), sf.FrameError, "", "got 17 regions in an image, want 16"),
        ((0, [FACE, FACE]), sf.FrameError, "", "region"),
        ((range(2), [FACE]), sf.SpecError, "regions", "got 1 for 2 indices"),
        ((range(2), [FACE, FACE[:30]]), sf.FrameError, "", "image 1: got regions of bgr24 60x30, want bgr24 60x60"),
        ((range(3), [FACE, FACE, "x.png"]), sf.FrameError, "", "image 2: got a str"),
        ((0, None, [RECT]), sf.SpecError, "rects", "without regions"),
        ((0, FACE, [RECT, RECT]), sf.SpecError, "rects", "got 2 for 1 regions"),
        ((0, FACE, RECT), sf.SpecError, "rects", "rects[0]: got 20, want (x, y, width, height)"),
        ((0, FACE, [RECT]), sf.FrameError, "", "movable"),
    ],
)
def test_errors_of_images(name: str, arguments: Tuple[Any, ...], error: Any, field: str, text: str) -> None:
    anna = load(name)
    index, regions, rects = (*arguments, None, None)[:3]
    with pytest.raises((error, sf.SpecError)) as caught:
        anna.encode(index, regions, rects=rects)
    assert text in str(caught.value)
    if field:
        assert caught.value.field == field
    assert_shows(anna.encode(0, FACE), pasted(BACKGROUNDS[0], FACE))


@pytest.mark.parametrize(
    ("settings", "field", "text"),
    [
        ({"backgrounds": None}, "backgrounds", "got none, want frames"),
        ({"backgrounds": None, "background": (1, 2, 3)}, "size", "got none"),
        ({"backgrounds": None, "background": (1, 2, 300), "size": (9, 9)}, "background", "each 0..255"),
        ({"transparent": True}, "transparent", "beside backgrounds"),
        ({"backgrounds": []}, "", "got no backgrounds"),
        ({"backgrounds": [BACKGROUNDS[0], BACKGROUNDS[0][:50]]}, "", "frame 1: got bgr24 160x50, want bgr24 160x96"),
        ({"backgrounds": [BACKGROUNDS[0], None]}, "", "frame 1: got a NoneType"),
        ({"backgrounds": [cv2.imencode(".png", BACKGROUNDS[0])[1].tobytes(), BACKGROUNDS[1]]}, "", "frame 1: got pixels, want a JPEG or PNG"),
        ({"backgrounds": 3}, "", "got a int, want a numpy array"),
        ({"value_range": "0..255", "backgrounds": np.zeros((3, 9, 9), np.float32)}, "value_range", "convert them"),
        ({"rects": [RECT]}, "rects", "got it and rect"),
        ({"rect": (1, 2, 3)}, "rect", "rect[0]: got 1, want (x, y, width, height)"),
        ({"rect": 5}, "rect", "rect[0]: got 5, want"),
        ({"rect": None, "rects": [RECT]}, "rects", "got 1 for 3 backgrounds"),
        ({"rect": None, "rects": [RECT], "backgrounds": dict(enumerate(BACKGROUNDS)).values()}, "file", "rects.json: got places for 1 frames"),
        ({"mask": RAMP / 255}, "mask", "(mask * 255).astype(np.uint8)"),
        ({"mask": RAMP > 3}, "mask", "mask.astype(np.uint8) * 255"),
        ({"mask": np.zeros((1, 2, 3, 4), np.uint8)}, "mask", "got shape (1, 2, 3, 4)"),
        ({"mask": "mask.png"}, "mask", "mask[0]: got a str"),
        ({"mask": np.zeros((9, 9, 4), np.uint8)}, "mask", "which has colors, want uint8 of (height, width), such as mask[..., 3]"),
        ({"mask": [RAMP] * 2}, "mask", "got 2 for 3 backgrounds"),
        ({"mask": [RAMP] * 2, "backgrounds": dict(enumerate(BACKGROUNDS)).values()}, "file", "masks: got 2 files"),
        ({"mask": {"feather": -1}}, "", "feather"),
        ({"quality": 300}, "file", "got 300"),
        ({"walk": "up"}, "file", "up"),
    ],
)
def test_errors_of_loading(name: str, settings: Any, field: str, text: str) -> None:
    with pytest.raises((sf.SpecError, sf.FrameError)) as caught:
        load(name, **settings)
    assert text in str(caught.value)
    if field:
        assert caught.value.field == field
    assert name not in [info.name for info in sf.scenes()]


def test_names() -> None:
    for wrong in ("", "a/b", None, 3):
        with pytest.raises(sf.SpecError, match="want the name of a scene") as caught:
            sf.Scene(wrong)  # type: ignore[arg-type]
        assert caught.value.field == "scene"
    with pytest.raises(sf.SpecError):
        load("no good name")


def test_pickle_and_threads(name: str) -> None:
    anna = pickle.loads(pickle.dumps(load(name, token="secret")))
    assert "secret" not in repr(anna) and name in repr(anna)
    want = anna.encode(0, FACE)

    def work(_: int) -> None:
        for _ in range(10):
            assert anna.encode(0, FACE) == want

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))


class Speaking:
    """Sends images of a scene on a thread, again and again, until the block ends."""

    def __init__(self, send: Any) -> None:
        self.send, self.done, self.error = send, threading.Event(), None
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        try:
            while not self.done.wait(0.004):
                self.send()
        except BaseException as err:
            self.error = err

    def __enter__(self) -> Speaking:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()
        assert self.error is None, self.error


def assert_seen(cam: sf.Publisher, send: Any, want: Any) -> None:
    """Sends until a viewer sees want."""
    images = sf.watch(cam.name, timeout=30)
    with Speaking(send), images:
        deadline = time.monotonic() + 30
        for image in images:
            shown = decode(image)
            if shown.shape == want.shape and np.abs(shown.astype(int) - want).max() < 16:
                return
            assert time.monotonic() < deadline, "waited in vain for the image"


@pytest.mark.parametrize("shape", [None, FACE.shape])
def test_streams(name: str, shape: Any) -> None:
    anna = load(name)
    with sf.Publisher(name, shape=shape, scene=anna) as cam:
        assert_seen(cam, lambda: cam.send(index=1), BACKGROUNDS[1])
        assert_seen(cam, lambda: cam.send(FACE, index=1), pasted(BACKGROUNDS[1], FACE))
        assert_seen(cam, lambda: cam.send(index=2), BACKGROUNDS[2])
        assert anna.info().users >= 1


def test_streams_go_on_by_themselves(name: str) -> None:
    load(name, movable=True)
    with sf.Publisher(name, scene=name) as cam:
        assert cam.send(FACE, index=3, rects=[(0, 0, 60, 60)])
        assert_seen(cam, lambda: cam.send(FACE), pasted(BACKGROUNDS[1], FACE))
        assert_seen(cam, lambda: cam.send(FACE, rects=[(0, 0, 60, 60)]), pasted(BACKGROUNDS[0], FACE, (0, 0, 60, 60)))
    with sf.Publisher(name + "-next", shape=FACE.shape, scene=name) as cam:

        def send() -> None:
            with cam.next(index=2) as slot:
                slot[:] = FACE

        assert_seen(cam, send, pasted(BACKGROUNDS[2], FACE))
        with pytest.raises(RuntimeError):
            with cam.next(index=2):
                raise RuntimeError


def test_errors_of_streams(name: str) -> None:
    load(name)
    with sf.Publisher(name) as cam:
        with pytest.raises(sf.SpecError, match="want Publisher\\(name, scene=...\\)"):
            cam.send(FACE, index=1)
    with pytest.raises(sf.SpecError, match="whose images are as it was loaded") as caught:
        sf.Publisher(name, scene=name, quality=80)
    assert caught.value.field == "quality"
    with sf.Publisher(name, scene=name) as cam:
        cam.send(FACE)
        with pytest.raises(sf.FrameError, match="frames of a stream are alike"):
            cam.send(FACE[:30])
        with pytest.raises(sf.FrameError, match="got a bytes|no JPEG|got a JPEG"):
            cam.send(cv2.imencode(".jpg", FACE)[1].tobytes())
    with pytest.raises(sf.NotFound, match="unknown scene"):
        with sf.Publisher(name, scene=name + "x") as cam:
            while cam.send(FACE, index=1):
                pass
