"""The ring: memory that is shared with the server, and servers that die, or are no servers."""

from __future__ import annotations

import gc
import logging
import os
import random
import select
import signal
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import numpy as np
import pytest
from conftest import Server
from scenes import HEIGHT, WIDTH, assert_shows, scene

import steadyframe as sf
from steadyframe import _address, _ring

pytestmark = pytest.mark.skipif(not _ring.AVAILABLE, reason="this system has no ring")


@pytest.fixture(autouse=True)
def ring_only(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("STEADYFRAME_URL", server.ring)


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_frames_in_a_buffer_are_not_copied() -> None:
    encoder = sf.Encoder(quality=95, subsampling=444)
    buffer = encoder.buffer((4, HEIGHT, WIDTH, 3))
    assert buffer.shape == (4, HEIGHT, WIDTH, 3) and buffer.dtype == np.uint8 and buffer.flags.writeable
    (kept,) = encoder._buffers.values()
    assert np.shares_memory(buffer, np.frombuffer(kept.session.ring.input, np.uint8))
    for n in range(4):
        buffer[n] = scene(n)
    frames: List[Any] = [scene(n) for n in range(4)]
    for got, order in [
        (encoder.encode(buffer), [0, 1, 2, 3]),
        (encoder.encode(buffer[:2]), [0, 1]),
        (encoder.encode(buffer[1:]), [1, 2, 3]),
        (encoder.encode(buffer[::-1]), [3, 2, 1, 0]),
        (encoder.encode(buffer[::2]), [0, 2]),
        ([encoder.encode(buffer[3])], [3]),
        (encoder.encode(buffer[3][None]), [3]),
    ]:
        assert len(got) == len(order)
        for jpeg, n in zip(got, order):
            assert_shows(jpeg, frames[n])
    assert not len(encoder._pool), "a session of its own was opened"
    # Parts of frames are arrays like others.
    assert_shows(encoder.encode(buffer[2, 8:40, 10:70]), frames[2][8:40, 10:70])
    assert_shows(encoder.encode(buffer[2][:, ::-1]), frames[2][:, ::-1])
    assert_shows(sf.encode(buffer[2][..., ::-1], color="rgb", quality=95, subsampling=444), frames[2])
    with pytest.raises(sf.FrameError, match="empty"):
        encoder.encode(buffer[:0])
    one = encoder.buffer((HEIGHT, WIDTH, 3))
    one[:] = frames[1]
    assert_shows(encoder.encode(one), frames[1])


def test_a_buffer_is_given_back(server: Server) -> None:
    encoder = sf.Encoder()
    encoder.buffer((HEIGHT, WIDTH, 3))
    before = descriptors()
    buffers = [encoder.buffer((2, HEIGHT, WIDTH, 3)) for _ in range(5)]
    part = buffers[3][1]
    del buffers
    gc.collect()
    assert len(encoder._buffers) == 1
    part[:] = scene()
    assert encoder.encode(part) == encoder.encode(scene())
    del part
    encoder.close()
    assert descriptors() <= before and not encoder._buffers


def test_a_buffer_of_floats() -> None:
    encoder = sf.Encoder(quality=95, subsampling=444, color="rgb")
    buffer = encoder.buffer((2, 3, HEIGHT, WIDTH), "float32")
    buffer[:] = (np.stack([scene(0), scene(1)])[..., ::-1].transpose(0, 3, 1, 2) / 255).astype(np.float32)
    for jpeg, n in zip(encoder.encode(buffer), (0, 1)):
        assert_shows(jpeg, scene(n))


def test_over_http_a_buffer_is_an_array(server: Server) -> None:
    encoder = sf.Encoder(url=server.url)
    buffer = encoder.buffer((2, HEIGHT, WIDTH, 3))
    buffer[:] = scene(1)
    assert encoder.encode(buffer) == [sf.encode(scene(1))] * 2


def test_a_buffer_outlives_its_server(serve: Any) -> None:
    server = serve()
    encoder = sf.Encoder(url=server.both)
    buffer = encoder.buffer((2, HEIGHT, WIDTH, 3))
    buffer[:] = scene()
    expected = encoder.encode(buffer)
    server.stop(signal.SIGKILL)
    with pytest.raises(sf.ConnectionLost):
        encoder.encode(buffer)
    buffer[:] = scene(1)
    again = sf.Encoder(url=serve().both)
    assert again.encode(buffer)[0] == sf.encode(scene(1)) != expected[0]


def test_a_buffer_after_a_call_that_was_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at any image: what the buffer holds stays, and the next images are of the right frames."""
    frames = np.stack([scene(n) for n in range(6)])
    expected = sf.Encoder().encode(frames)
    encoder = sf.Encoder()
    buffer = encoder.buffer(frames.shape)
    buffer[:] = frames
    real = _ring.Ring.image
    for broken_at in range(6):

        def image(self: Any, index: int) -> bytes:
            if index == broken_at:
                raise KeyboardInterrupt
            return real(self, index)

        monkeypatch.setattr(_ring.Ring, "image", image)
        with pytest.raises(KeyboardInterrupt):
            encoder.encode(buffer)
        monkeypatch.setattr(_ring.Ring, "image", real)
        assert encoder.encode(buffer[::-1]) == expected[::-1]
        assert [encoder.encode(buffer[n]) for n in range(6)] == expected
        made = next(iter(encoder._buffers.values()))
        deadline = time.monotonic() + 30
        while not made.is_direct() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert made.is_direct()
        assert encoder.encode(buffer) == expected


def encode_soon(encoder: Any, frame: Any) -> Any:
    """Encodes a frame at a server that soon ends what is silent: on a busy machine a new connection may be so, too."""
    for _ in range(20):
        try:
            return encoder.encode(frame)
        except sf.Timeout:
            pass
    return encoder.encode(frame)


def test_a_buffer_whose_memory_is_gone_is_not_black(serve: Any) -> None:
    """The server has the memory back when it ends a connection: that is said, and no image of zeros made."""
    server = serve("--set", "timeouts.idle=500ms")
    encoder = sf.Encoder(url=server.both)
    buffer = encoder.buffer((2, HEIGHT, WIDTH, 3))
    buffer[:] = scene()
    session = next(iter(encoder._buffers.values())).session
    select.select([session.ring.socket], [], [], 30)  # until the server has ended it
    for _ in range(2):
        with pytest.raises(sf.ConnectionLost, match="memory of this buffer is gone.*timeouts.idle"):
            encoder.encode(buffer)
    assert encode_soon(encoder, scene())


def test_sessions_grow_with_batches() -> None:
    encoder = sf.Encoder(quality=95, subsampling=444)
    for count in (1, 5, 40, 3, 1):
        frames = [scene(n) for n in range(count)]
        for jpeg, frame in zip(encoder.encode(frames), frames):
            assert_shows(jpeg, frame)
    assert len(encoder._pool) <= 3
    slots = [s.ring.slots for s in encoder._pool._idle]  # type: ignore[union-attr]
    assert max(slots) <= 16


def test_many_sizes_hold_few_sessions() -> None:
    encoder = sf.Encoder()
    before = descriptors()
    for n in range(60):
        encoder.encode(scene(height=16 + n))
    assert len(encoder._pool) <= 16
    encoder.close()
    assert descriptors() <= before


def test_images_larger_than_was_thought() -> None:
    rng = np.random.default_rng(1)
    encoder = sf.Encoder(quality=100, subsampling=444)
    noise = [rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(20)]
    before = descriptors()
    jpegs = encoder.encode(noise)
    assert [encoder.encode(frame) for frame in noise] == jpegs
    assert encoder.encode(noise) == jpegs
    encoder.close()
    assert descriptors() <= before


def test_a_server_that_comes_back(serve: Any) -> None:
    server = serve()
    encoder = sf.Encoder(url=server.ring)
    one = encoder.encode(scene())
    server.stop(signal.SIGKILL)
    with pytest.raises(sf.ConnectionLost):
        encoder.encode(scene())
    path = server.ring[len("ring:") :]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    again = serve("--set", f"ring.listen=unix:{path}")
    assert encoder.encode(scene()) == one
    again.stop()


def test_a_session_that_was_idle_for_too_long(serve: Any) -> None:
    server = serve("--set", "timeouts.idle=500ms")
    encoder = sf.Encoder(url=server.ring)
    one = encode_soon(encoder, scene())
    session = encoder._pool._idle[0]
    assert isinstance(session.ring, _ring.Ring)  # type: ignore[union-attr]
    with pytest.raises(sf.Error):
        session.ring.next()  # type: ignore[union-attr]
    assert encode_soon(encoder, scene()) == one


def test_http_takes_the_place_of_the_ring(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "steadyframe")
    encoder = sf.Encoder(url=f"ring:/nonexistent/{os.getpid()},{server.url}")
    assert [encoder.encode(scene()) for _ in range(3)] == [sf.encode(scene())] * 3
    encoder.close()
    assert encoder.encode([scene()] * 3)
    assert [r.getMessage()[:30] for r in caplog.records] == ["no ring, and HTTP takes its pl"]
    with pytest.raises(sf.ConnectionLost, match="no server at ring:/nonexistent"):
        sf.encode(scene(), url="ring:/nonexistent/ring.sock")


def test_the_default_path(serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STEADYFRAME_URL")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert str(_address.find()) == "http://127.0.0.1:8080"
    serve("--set", "ring.listen=auto", environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    path = tmp_path / "steadyframe"
    assert str(_address.find()) == f"ring:{path}/ring.sock,http://127.0.0.1:8080"
    assert sf.encode(scene())
    path.chmod(0o777)
    assert _ring.default_path() == ""
    path.chmod(0o700)
    assert _ring.default_path()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "steadyframe").symlink_to(path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "other"))
    assert _ring.default_path() == ""


def test_timeouts(tmp_path: Path) -> None:
    path = str(tmp_path / "ring.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(sf.Timeout, match="did not respond in time"):
            sf.encode(scene(), url=f"ring:{path}", timeout=0.05)


class FakeRing:
    """A server that answers each hello with what a test says: messages with descriptors."""

    def __init__(self, path: str, answers: List[Any]) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.url = f"ring:{path}"
        self.answers = answers
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(1 << 16)
            for data, fds in self.answers:
                if data == b"<":
                    connection.recv(64)
                    continue
                sent = [memory(size) for size in fds]
                try:
                    socket.send_fds(connection, [data], sent)
                except OSError:
                    pass  # It has seen enough.
                for fd in sent:
                    os.close(fd)

    def close(self) -> None:
        self.thread.join(30)
        self.listener.close()


def memory(size: int) -> int:
    fd = os.memfd_create("test")
    os.truncate(fd, size)
    return fd


def accepted(slots: int = 1, frame: int = HEIGHT * WIDTH * 3, slot: int = 12288, output: int = 8192) -> bytes:
    return struct.pack("<HHIIIQQQQII", 2, 0, 0, slots, 1, slot, slot, frame, output, WIDTH, HEIGHT) + bytes(8)


def message(kind: int, slot: int = 0, code: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack("<HHIII48x", kind, code, len(payload), slot, 2) + payload


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Callable[..., FakeRing]]:
    made: List[FakeRing] = []

    def make(*answers: Any) -> FakeRing:
        made.append(FakeRing(str(tmp_path / f"{len(made)}.sock"), list(answers)))
        return made[-1]

    yield make
    for f in made:
        f.close()


MEMORY = [12288, 8192]


@pytest.mark.parametrize(
    "answers, error",
    [
        ([], sf.ConnectionLost),
        ([(accepted()[:63], [])], sf.ConnectionLost),
        ([(accepted(), [])], sf.ConnectionLost),
        ([(accepted(), [12288])], sf.ConnectionLost),
        ([(accepted(), [12287, 8192])], sf.ConnectionLost),
        ([(accepted(), [12288, 8191])], sf.ConnectionLost),
        ([(accepted(slots=0), MEMORY)], sf.ConnectionLost),
        ([(accepted(slots=2**31), MEMORY)], sf.ConnectionLost),
        ([(accepted(slot=2**60), MEMORY)], sf.ConnectionLost),
        ([(accepted(slot=0, output=0), MEMORY)], sf.ConnectionLost),
        ([(accepted(frame=99), MEMORY)], sf.ServerError),
        ([(accepted(slot=4096), MEMORY)], sf.ConnectionLost),
        ([(message(4), MEMORY)], sf.ConnectionLost),
        ([(message(10, code=10, payload=b"no room"), [])], sf.Busy),
        ([(message(10, code=5, payload=b"who are you"), [])], sf.Unauthorized),
        ([(message(10, code=4, payload=b"version 2"), [])], sf.SpecError),
        ([(message(10, code=99, payload=b"?"), [])], sf.ServerError),
        ([(message(10, code=2, payload=b"\xff\xfe"), [])], sf.SpecError),
        ([(struct.pack("<HHI56x", 10, 2, 2**31), [])], sf.ConnectionLost),
        ([(accepted(), MEMORY), (b"<", []), (message(4, slot=1), [])], sf.ConnectionLost),
        ([(accepted(), MEMORY), (b"<", []), (message(5), [])], sf.ConnectionLost),
        ([(accepted(), MEMORY), (b"<", []), (message(9), [])], sf.ConnectionLost),
        ([(accepted(), MEMORY), (b"<", []), (message(9, slot=7), [4096])], sf.ConnectionLost),
        ([(accepted(), MEMORY), (b"<", []), (message(4, code=10, payload=b"no turn"), [])], sf.Busy),
        ([(accepted(), MEMORY), (b"<", []), (message(4)[:30], [])], sf.ConnectionLost),
    ],
)
def test_servers_that_are_none(fake: Any, answers: Any, error: Any) -> None:
    before = descriptors()
    server = fake(*answers)
    with pytest.raises(sf.Error) as caught:
        sf.encode(scene(), url=server.url)
    assert type(caught.value) is error
    server.close()
    caught.value.__traceback__ = None
    del caught
    assert descriptors() <= before + 1


def status(flags: int) -> bytes:
    return struct.pack("<HHIII", 7, 0, 40, 0, 0) + struct.pack("<IIQQQdQ", 0, flags, 1, 1, 0, 0.0, 0) + bytes(40)


@pytest.mark.parametrize(
    "says, lost",
    [
        (b"", True),
        (status(0), True),
        (status(1), False),
        (status(0) + status(1), False),
        (status(1)[:64], True),
        (status(1)[:-1], True),
        (message(10, code=11, payload=b"the server is stopping"), True),
    ],
)
@pytest.mark.parametrize("reconnect", [True, False])
def test_a_stream_ends_well_only_if_the_server_says_so(fake: Any, says: bytes, lost: bool, reconnect: bool) -> None:
    hello = struct.pack("<HHIIIQQQQII", 2, 0, 0, 3, 1, 12288, 12288, HEIGHT * WIDTH * 3, 0, WIDTH, HEIGHT) + bytes(8)
    server = fake((hello, [3 * 12288]), (b"<", []), (b"<", []), (says, []))  # a SUBMIT, the end
    cam = sf.Publisher("cam", url=server.url, reconnect=reconnect)
    assert cam.send(scene())
    if lost and not reconnect:
        with pytest.raises(sf.ConnectionLost):
            cam.close()
    else:
        assert cam.close() is not lost


def test_errors_have_details(fake: Any) -> None:
    """The field under the argument's name, and the limit with its numbers; an older server has the text alone."""
    numbers = struct.pack("<I4xq8xq", 1500, 2**40, 7)
    for payload, expected in [
        (b"too much\0output.quality\0limits.max_batch", ("too much", "quality", "limits.max_batch", 2**40, 7, 1.5)),
        (b"too much\0fps", ("too much", "fps", "", 2**40, 7, 1.5)),
        (b"too much", ("too much", "", "", 2**40, 7, 1.5)),
        (b"\0\0\0\0\xff", ("the server ended the connection", "", "", 2**40, 7, 1.5)),
    ]:
        server = fake((struct.pack("<HHI8x", 10, 10, len(payload)) + numbers + bytes(16) + payload, []))
        with pytest.raises(sf.Busy) as caught:
            sf.encode(scene(), url=server.url)
        e = caught.value
        assert (str(e), e.field, e.limit, e.got, e.max, e.retry_after) == expected


def test_images_outside_of_their_memory(tmp_path: Path) -> None:
    """Of the table in the output memory every number is checked."""

    class Writing(FakeRing):
        def run(self) -> None:
            connection, _ = self.listener.accept()
            with connection:
                connection.recv(1 << 16)
                fds = [memory(n) for n in MEMORY]
                os.pwrite(fds[1], self.answers[0], 0)
                socket.send_fds(connection, [accepted()], fds)
                connection.recv(64)
                connection.sendall(message(4))
                for fd in fds:
                    os.close(fd)

    for number, (offset, size) in enumerate([(8192, 1), (0, 8193), (2**32 - 1, 2**32 - 1), (16, 8192)]):
        server = Writing(str(tmp_path / f"{number}.sock"), [struct.pack("<III4x", offset, size, 0)])
        with pytest.raises(sf.ConnectionLost, match="want it within 8192"):
            sf.encode(scene(), url=server.url)
        server.close()
    server = Writing(str(tmp_path / "text.sock"), [struct.pack("<III4x", 16, 7, 2) + b"wrong\0f"])
    with pytest.raises(sf.FrameError, match="^wrong$") as caught:
        sf.encode(scene(), url=server.url)
    assert caught.value.field == "f"
    server.close()


def test_random_messages_harm_nothing(tmp_path: Path) -> None:
    rng = random.Random(3)
    for number in range(60):
        data = bytearray(accepted() + message(rng.randrange(12), rng.randrange(3), rng.choice([0, 0, 2, 10])))
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 2, 255, rng.randrange(256)])
        server = FakeRing(str(tmp_path / f"{number}.sock"), [(bytes(data), MEMORY)])
        try:
            sf.encode(scene(), url=server.url, timeout=5)
        except sf.Error:
            pass
        server.close()
