"""Live streams: publishing and watching, over a real server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import pickle
import random
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Iterator

import cv2
import numpy as np
import pytest
from scenes import HEIGHT, WIDTH, assert_shows, decode, scene

import steadyframe as sf
from steadyframe import _publish

pytestmark = pytest.mark.usefixtures("via")

names = (f"stream-{n}" for n in itertools.count())


def until(condition: Callable[[], Any], what: str) -> Any:
    """Waits until condition gives something, and returns that."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        got = condition()
        if got:
            return got
        time.sleep(0.005)
    raise AssertionError(f"waited in vain for {what}")


class Feeding:
    """Sends frames on a thread, again and again, until the block ends."""

    def __init__(self, cam: sf.Publisher, frames: Any) -> None:
        self.cam, self.frames = cam, frames
        self.error: Any = None
        self.sent = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        try:
            for frame in itertools.cycle(self.frames):
                if self.done.wait(0.004):
                    return
                self.sent += self.cam.send(frame)
        except sf.Error as err:
            self.error = err

    def __enter__(self) -> Feeding:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


def test_the_last_image_is_not_lost(name: str) -> None:
    """A slow loop gets the last image of a stream on which nothing more happens."""
    with sf.Publisher(name) as cam, sf.watch(name, timeout=20) as images:
        with Feeding(cam, [scene(0), scene(1)]):
            numbers = [next(images).seq, next(images).seq]
        time.sleep(0.2)
        with sf.watch(name, timeout=20) as others:
            last = next(others).seq
        while numbers[-1] < last:
            numbers.append(next(images).seq)
        assert numbers == sorted(set(numbers))


@pytest.fixture
def name() -> str:
    return next(names)


def test_what_is_sent_is_seen(name: str) -> None:
    with sf.Publisher(name, quality=95, subsampling=444) as cam, Feeding(cam, [scene(2)]):
        with sf.watch(name, timeout=20) as images:
            image = next(images)
            assert isinstance(image, bytes)
            assert_shows(image, scene(2))
            assert (image.width, image.height) == (WIDTH, HEIGHT)
            assert image.online and not image.repeat and image.seq > 0
            assert abs(image.captured - time.time()) < 60 and image.captured <= image.sent
            assert images.state == "online"
            assert image._repr_jpeg_() == image
        snapshot = urllib.request.urlopen(cam.url.replace("/stream/", "/snapshot/").replace(".mjpg", ".jpg")).read()
        assert_shows(snapshot, scene(2))


def test_captured(name: str) -> None:
    """Frames, whole JPEGs and regions have the time that send and next are given, also when some have none."""
    begun = time.time() - 30

    def assert_seen(cam: sf.Publisher, at: float, frame: Any = None) -> None:
        with sf.watch(cam.name, timeout=20) as images:
            for image in images:  # at first perhaps one before it
                if abs(image.captured - at) < 2e-6:
                    if frame is not None:
                        assert_shows(image, frame)
                    return

    with sf.Publisher(name, shape=scene().shape, quality=95, subsampling=444) as cam:
        cam.send(scene(1))
        for n in (2, 3):
            assert cam.send(scene(n), time=begun + n / 7)
            assert_seen(cam, begun + n / 7, scene(n))
        with cam.next(time=begun + 4.25) as slot:
            slot[:] = scene(4)
        assert_seen(cam, begun + 4.25, scene(4))
        before = time.time()
        cam.send(scene(5))
        with sf.watch(name, timeout=20) as images:
            assert any(image.captured > before - 1 for image in images)
        for wrong in (time.monotonic() - 1e6, begun - 4000, time.time() + 70, "now", float("nan")):
            for call in (lambda: cam.send(scene(6), time=wrong), lambda: cam.sound(np.zeros(9, np.int16), time=wrong)):
                with pytest.raises(sf.SpecError, match="want seconds since 1970") as caught:
                    call()
                assert caught.value.field == "time"
    with sf.Publisher(name + "-jpeg") as cam:
        jpegs = [cv2.imencode(".jpg", scene(n), [cv2.IMWRITE_JPEG_QUALITY, 95])[1] for n in range(3)]
        cam.send(jpegs[0])
        for n in (1, 2):
            assert cam.send(jpegs[n], time=begun + n / 3)
            assert_seen(cam, begun + n / 3, scene(n))
        cam.send(jpegs[0])
    anna = sf.Scene.load(name, scene(1, 96, 160), rect=(8, 8, 40, 30))
    with sf.Publisher(name + "-scene", scene=anna, shape=(20, 20, 3)) as cam:
        cam.send(index=0)
        assert cam.send(scene(2, 20, 20), time=begun + 0.1)
        assert_seen(cam, begun + 0.1)
        with cam.next(index=0, time=begun + 0.2) as slot:
            slot[:] = scene(3, 20, 20)
        assert_seen(cam, begun + 0.2)
        for n in range(3):
            assert cam.sound(np.full(320, 1000, np.int16), time=time.time() + n * 0.02)
    anna.unload()


def test_large_frames(name: str) -> None:
    """What is larger than all buffers of sockets is read by the server, and nothing waits for a response meanwhile."""
    frame = scene(2, 1080, 1920)
    with sf.Publisher(name, quality=95, subsampling=444) as cam:
        for _ in range(5):
            assert cam.send(frame)
        with Feeding(cam, [frame]), sf.watch(name, timeout=20) as images:
            assert_shows(next(images), frame)
    encoder = sf.Encoder(quality=95, subsampling=444)
    for jpeg in encoder.stream([frame] * 3, ahead=1):
        assert_shows(jpeg, frame)


def test_opencv_reads_the_url(name: str) -> None:
    with sf.Publisher(name, quality=95, subsampling=444) as cam, Feeding(cam, [scene(1)]):
        until(lambda: cam.status.state == "online", "the stream")
        video = cv2.VideoCapture(cam.url)
        ok, image = video.read()
        video.release()
        assert ok and np.abs(image.astype(int) - scene(1)).mean() < 4


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_frames_in_place(name: str, dtype: str) -> None:
    shape = (HEIGHT, WIDTH, 3) if dtype == "uint8" else (3, HEIGHT, WIDTH)
    expected = scene(3)
    with sf.Publisher(name, shape=shape, dtype=dtype, quality=95, subsampling=444) as cam:
        done = threading.Event()

        def produce() -> None:
            while not done.wait(0.004):
                with cam.next() as slot:
                    assert slot.shape == shape and slot.dtype == dtype and slot.flags.writeable
                    np.copyto(slot, expected if dtype == "uint8" else expected.transpose(2, 0, 1) / np.float32(255))
                with pytest.raises(ValueError, match="read-only"):
                    slot[0] = 0

        thread = threading.Thread(target=produce)
        thread.start()
        try:
            with sf.watch(name, timeout=20) as images:
                assert_shows(next(images), expected)
        finally:
            done.set()
            thread.join()


def test_what_raises_is_not_sent(name: str) -> None:
    with sf.Publisher(name, shape=(HEIGHT, WIDTH, 3)) as cam:
        with pytest.raises(ZeroDivisionError), cam.next() as slot:
            slot[:] = 1 / 0
        assert cam.status.arrived == 0
    with pytest.raises(sf.SpecError, match="shape: got none"), sf.Publisher(name).next():
        pass


def test_opencv_writes_in_place(name: str) -> None:
    with sf.Publisher(name, shape=(HEIGHT, WIDTH, 3)) as cam, cam.next() as slot:
        big = cv2.resize(scene(), (3 * WIDTH, 3 * HEIGHT))
        assert cv2.resize(big, (WIDTH, HEIGHT), dst=slot) is slot or np.shares_memory(slot, slot.base)
        assert np.abs(slot.astype(int) - scene()).mean() < 4


def test_status(name: str) -> None:
    with sf.Publisher(name, fps=1000) as cam, Feeding(cam, [scene(0), scene(1)]):
        with sf.watch(name, timeout=20) as images:
            next(images)
            until(lambda: cam.viewers == 1, "the viewer")
            status = until(lambda: cam.status.published > 2 and cam.status, "images")
            assert status.state == "online" and status.arrived >= status.published
        until(lambda: cam.viewers == 0, "no viewer")
        until(lambda: cam.status.dropped > 0, "frames that nobody saw")
    assert sf.Publisher("nobody").status == sf.Status(state="unknown")


def test_slow_viewers_see_new_images(name: str) -> None:
    """However long the loop takes, it gets images that are new when it asks, and never an older one than before."""
    with sf.Publisher(name) as cam, Feeding(cam, [scene(n) for n in range(8)]):
        with sf.watch(name, timeout=20) as images:
            ages, numbers = [], []
            while len(ages) < 3 or min(ages[1:]) >= 0.1:
                assert len(ages) < 60, f"all images were about as old as the pause: {ages}"
                asked = time.time()
                image = next(images)
                ages.append(asked - image.captured)
                numbers.append(image.seq)
                time.sleep(0.15)
            assert numbers == sorted(set(numbers))


def test_a_stream_that_is_never_there(via: str, name: str) -> None:
    with sf.watch(name, timeout=1) as images, pytest.raises(sf.Timeout, match=f"no stream '{name}' in time"):
        next(images)


def test_a_stream_may_come_later(name: str) -> None:
    got = []
    with sf.watch(name, timeout=30) as images:
        with pytest.raises(sf.Timeout):
            images._timeout = 0.05
            next(images)
        assert images.state == "unknown"
        images._timeout = 30
        thread = threading.Thread(target=lambda: got.append(next(images)))
        thread.start()
        with sf.Publisher(name) as cam, Feeding(cam, [scene()]):
            thread.join()
    assert len(got) == 1


def test_a_lost_source(name: str) -> None:
    """Images that say so are for those that ask for all."""
    with sf.Publisher(name) as cam, Feeding(cam, [scene()]), sf.watch(name, timeout=20) as images:
        first = next(images)
    with sf.watch(name, all=True, timeout=20) as images:
        kinds = [(image.online, image.repeat, len(image)) for image, _ in zip(images, range(3))]
    assert not kinds[-1][0] and kinds[-1][2] != len(first)
    with sf.watch(name, timeout=0.3) as images, pytest.raises(sf.Timeout):
        next(images)


def test_close_ends_a_waiting_loop(via: str, name: str) -> None:
    images = sf.watch(name)
    ended = []
    thread = threading.Thread(target=lambda: ended.append(list(images)))
    thread.start()
    until(lambda: images._source is not None or via == "ring", "the connection")
    images.close()
    thread.join()
    assert ended == [[]] and list(images) == []


@pytest.mark.parametrize(
    "settings, error, text",
    [
        ({"quality": 101}, sf.SpecError, "1..100"),
        ({"mode": "zoom", "size": (20, 20)}, sf.SpecError, "stretch"),
        ({"url": "http://127.0.0.1:1"}, sf.ConnectionLost, "no server at http://127.0.0.1:1: .*sf.serve"),
        ({"url": "ring:/nonexistent"}, sf.ConnectionLost, "no server at ring:/nonexistent: .*sf.serve"),
    ],
)
def test_what_cannot_work_is_raised(name: str, settings: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        with sf.Publisher(name, **settings) as cam:
            for _ in range(1000):
                cam.send(scene())
                time.sleep(0.002)


def test_wrong_frames(name: str) -> None:
    with sf.Publisher(name) as cam:
        with pytest.raises(sf.FrameError, match="x.astype\\(np.float32\\)"):
            cam.send(scene().astype(float))
        assert cam.send(scene())
        with pytest.raises(sf.FrameError, match="got bgr24 80x47, want bgr24 80x48"):
            cam.send(scene()[:-1])
        for several in ([scene(), scene()], np.stack([scene(), scene()])):
            with pytest.raises(sf.FrameError, match="^got 2 frames, want one"):
                cam.send(several)
        assert cam.send(scene()[None])
        assert cam.send(scene())
    for wrong in ("", "a/b"):
        with pytest.raises(sf.SpecError, match="such as cam1: 1 to 64 of A-Z"):
            sf.Publisher(wrong)
    with pytest.raises(sf.SpecError, match="fps"):
        sf.Publisher(name, fps=0)
    with pytest.raises(sf.SpecError, match="fps"):
        sf.watch(name, fps=0)
    with pytest.raises(sf.SpecError, match="stream|name"):
        next(sf.watch("a/b", timeout=20))


def test_another_publisher_takes_over(name: str) -> None:
    first, second = sf.Publisher(name), sf.Publisher(name)
    with first, Feeding(first, [scene()]) as feeding:
        until(lambda: first.status.state == "online", "the first")
        with second, Feeding(second, [scene()]):
            until(lambda: feeding.error, "the end of the first")
            assert isinstance(feeding.error, sf.Conflict)
            until(lambda: second.status.state == "online", "the second")


def free_port() -> int:
    """Return a port that nobody listens on, and that no connection gets meanwhile: it is below those that systems give out."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def test_both_ends_come_back_when_the_server_does(via: str, serve: Any, name: str, tmp_path: Path) -> None:
    where = {"http": f"127.0.0.1:{free_port()}", "ring": str(tmp_path / "ring.sock")}
    server = serve(**where)
    url = server.url if via == "http" else server.ring
    with sf.Publisher(name, url=url) as cam, Feeding(cam, [scene()]) as feeding:
        with sf.watch(name, url=url, timeout=60) as images:
            next(images)
            server.stop(signal.SIGKILL)
            until(lambda: not cam._feed, "the loss")
            serve(**where)
            before = feeding.sent
            next(images)
            until(lambda: feeding.sent > before, "frames again")
        assert feeding.error is None


def address(via: str, server: Any) -> str:
    return str(server.url if via == "http" else server.ring)


def test_without_reconnect_the_loss_is_raised(via: str, serve: Any, name: str) -> None:
    server = serve()
    with pytest.raises(sf.ConnectionLost):
        with sf.Publisher(name, url=address(via, server), reconnect=False) as cam:
            cam.send(scene())
            server.stop(signal.SIGKILL)
            for _ in range(1000):
                cam.send(scene())
                time.sleep(0.002)


def test_the_last_frame_to_a_dead_server_is_a_loss(via: str, serve: Any, name: str) -> None:
    for reconnect in (True, False):
        server = serve()
        cam = sf.Publisher(name, url=address(via, server), reconnect=reconnect)
        assert cam.send(scene())
        server.stop(signal.SIGKILL)
        if reconnect:
            assert cam.close() is False
        else:
            with pytest.raises(sf.ConnectionLost):
                cam.close()
    server = serve()
    with sf.Publisher(name, url=address(via, server)) as cam:
        assert cam.send(scene())
        assert cam.close() is True


def test_a_server_that_stops_ends_the_stream(via: str, serve: Any, name: str) -> None:
    server = serve()
    with sf.Publisher(name, url=address(via, server)) as cam, Feeding(cam, [scene()]) as feeding:
        until(lambda: feeding.sent > 3, "frames")
        server.stop()
        until(lambda: not cam._feed, "the loss")
        assert feeding.error is None


def test_slots_are_the_memory_that_the_server_reads(via: str, name: str) -> None:
    with sf.Publisher(name, shape=(HEIGHT, WIDTH, 3)) as cam:
        seen = []
        for n in range(30):
            with cam.next() as slot:
                if via == "ring":
                    assert isinstance(cam._feed, _publish._RingFeed)
                    assert np.shares_memory(slot, np.frombuffer(cam._feed.ring.input, np.uint8))
                slot[:] = scene(n)
            seen.append(slot)
        for slot in seen:
            with pytest.raises(ValueError, match="read-only"):
                slot[:] = 0
        assert until(lambda: cam.status.arrived == 30, "all frames")


def test_a_view_that_is_kept_is_harmless_when_the_server_is_gone(serve: Any, name: str) -> None:
    server = serve()
    with sf.Publisher(name, shape=(HEIGHT, WIDTH, 3), url=server.ring) as cam:
        with cam.next() as slot:
            slot[:] = 1
        kept = slot
        with cam.next() as slot:
            server.stop(signal.SIGKILL)
            slot[:] = 2
        for _ in range(3):
            with cam.next() as slot:
                slot[:] = 3
    assert int(kept[0, 0, 0]) in (1, 2)


def test_asyncio(name: str) -> None:
    async def produce(cam: sf.Publisher, stop: asyncio.Event) -> None:
        while not stop.is_set():
            assert await cam.asend(scene(4))
            await asyncio.sleep(0.004)

    async def main() -> None:
        stop = asyncio.Event()
        async with sf.Publisher(name, quality=95, subsampling=444) as cam:
            producer = asyncio.ensure_future(produce(cam, stop))
            try:
                async with sf.watch(name, timeout=20) as images:
                    async for image in images:
                        assert_shows(image, scene(4))
                        break
            finally:
                stop.set()
                await producer
        encoder = sf.Encoder()
        one = encoder.encode(scene())
        async with encoder:
            assert await asyncio.gather(*(encoder.aencode(scene()) for _ in range(20))) == [one] * 20
        closed = sf.watch(name)
        closed.close()
        assert [image async for image in closed] == []

    asyncio.run(main())


def test_in_a_notebook(name: str, server: Any) -> None:
    cam = sf.Publisher("a&b")
    assert f'<img src="{server.url}/stream/a%26b.mjpg" alt="live stream a&amp;b"' in cam._repr_html_()
    assert "secret" not in sf.Publisher(name, token="secret")._repr_html_()
    shown = sf.show(scene(), subsampling=444)
    assert isinstance(shown, sf.JPEG)
    assert_shows(shown._repr_jpeg_(), scene())


def test_publishers_and_watches_are_pickled_without_connections(name: str) -> None:
    cam = sf.Publisher(name, shape=(HEIGHT, WIDTH, 3), fps=5, quality=90, color="rgb")
    assert cam.send(scene())
    again = pickle.loads(pickle.dumps(cam))
    assert repr(again) == repr(cam) and again._target(cam._known) == cam._target(cam._known)
    cam.close()
    images = pickle.loads(pickle.dumps(sf.watch(name, fps=3, timeout=4)))
    assert (images.name, images._fps, images._timeout) == (name, 3, 4)


def test_gray_and_tensors(name: str) -> None:
    planar = (scene().astype(np.float32) / 255)[..., ::-1].transpose(2, 0, 1)
    with sf.Publisher(name, color="rgb", quality=95, subsampling=444) as cam, Feeding(cam, [planar.copy()]):
        with sf.watch(name, timeout=20) as images:
            assert_shows(next(images), scene())
    other = next(names)
    with sf.Publisher(other) as cam, Feeding(cam, [scene()[..., 0].copy()]):
        with sf.watch(other, timeout=20) as images:
            assert decode(next(images)).std(axis=2).max() == 0


def test_publishing_yields(name: str) -> None:
    """A generator of frames, as a model is one."""

    def model() -> Iterator[Any]:
        for n in range(50):
            yield scene(n)

    with sf.Publisher(name) as cam:
        assert all(cam.send(frame) for frame in model())
        until(lambda: cam.status.arrived == 50, "all frames")


@pytest.mark.parametrize("given", ["bytes", "bytearray", "imencode", "column", "named"])
def test_jpegs_are_passed_on(name: str, given: str) -> None:
    """Whole JPEGs are published as they are, also those that are larger than the slots for those before."""
    rng = np.random.default_rng(1)
    small = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1]
    large = cv2.imencode(".jpg", rng.integers(0, 256, (900, 1200, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    assert small.nbytes < 1 << 20 < large.nbytes
    convert = {
        "bytes": lambda x: x.tobytes(), "bytearray": lambda x: bytearray(x.tobytes()), "imencode": lambda x: x,
        "column": lambda x: x.reshape(-1, 1), "named": lambda x: x.tobytes(),
    }[given]  # fmt: skip
    with sf.Publisher(name, format="jpeg" if given == "named" else None) as cam:
        images = sf.watch(name, timeout=30)
        for sent in (small, large, small):
            with Feeding(cam, [convert(sent)]) as feeding:
                until(lambda: next(images) == sent.tobytes(), "the JPEG")
            assert feeding.error is None
        images.close()


def test_jpegs_are_made_anew_when_asked(name: str) -> None:
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), (10, 120, 230), np.uint8))[1]
    with sf.Publisher(name, size=(32, 24), fps=50) as cam, sf.watch(name, timeout=30) as images:
        cam.send(jpeg)
        image = next(images)
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (24, 32, 3) and np.abs(decoded.mean((0, 1)) - (10, 120, 230)).max() < 5


def test_what_is_no_jpeg_is_refused(name: str) -> None:
    jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))
    with sf.Publisher(name, format="jpeg") as cam:
        with pytest.raises(sf.FrameError, match="send the buffer"):
            cam.send(jpeg)
        for wrong in (b"", b"GIF89a", np.zeros((48, 64, 3), np.uint8), None, np.zeros(100, np.float32)):
            with pytest.raises(sf.FrameError, match="no JPEG"):
                cam.send(wrong)
        with pytest.raises(sf.SpecError, match="send takes JPEGs"), cam.next():
            pass
        assert cam.send(jpeg[1])
    with sf.Publisher(name) as cam:
        assert cam.send(np.zeros((48, 64, 3), np.uint8))
        with pytest.raises(sf.FrameError, match="got a JPEG, want bgr24 64x48"):
            cam.send(jpeg[1])
    for given in (jpeg[1], jpeg[1].tobytes()):
        with pytest.raises(sf.FrameError, match="Publisher.send takes JPEGs"):
            sf.encode(given)


def test_a_canceled_wait_ends(name: str) -> None:
    """asyncio ends although a loop waits for an image, and the Watch can be used again."""

    async def main() -> None:
        images = sf.watch(name)
        for _ in range(2):  # before there is a stream, and while it has no new image
            task = asyncio.ensure_future(images.__anext__())
            await asyncio.wait({task}, timeout=0.1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with sf.Publisher(name) as cam:
                await cam.asend(scene())
                assert len(await asyncio.wait_for(images.__anext__(), 30)) > 100
        images.close()

    asyncio.run(main())
