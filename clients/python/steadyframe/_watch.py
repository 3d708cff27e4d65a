"""The images of a live stream."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any, AsyncIterator, Iterator, Optional, Tuple, Union

from . import _address, _options
from ._errors import Busy, ConnectionLost, Error, NotFound, Timeout
from ._jpeg import JPEG
from ._ring_watch import RingImages
from ._websocket import WebSocket

__all__ = ["Image", "Watch", "watch"]

_RETRY = (0.1, 2.0)  # seconds until the first attempt to connect again, and at most between two
_RETRY_UNKNOWN = 0.25  # seconds until a ring is asked again for a stream that does not exist; the WebSocket tells


class Image(JPEG):
    """A JPEG of a live stream: bytes with attributes, which notebooks show.

    Attributes:
        seq: its number in the stream; where numbers are missing, this viewer was given a newer image instead.
        alpha: of a transparent scene, a gray JPEG of alpha; the image's own colors are multiplied by it. Else None.
        captured: when its frame was captured, in seconds since 1970.
        sent: when the server sent it, in seconds since 1970.
        width: in pixels.
        height: in pixels.
        online: False for an image that says that the stream's source is lost.
        repeat: whether it was given before, and is sent again because nothing has changed.
    """

    seq: int
    alpha: Optional[bytes]
    captured: float
    sent: float
    width: int
    height: int
    online: bool
    repeat: bool


class Watch:
    """The images of a live stream, as they come: an iterator, for asyncio as well. watch makes it.

    It is for one thread at a time; close may be called from any.

    Attributes:
        state: of the stream: "unknown" while there is none, "waiting", "online" or "offline".
    """

    def __init__(self, name: str, fps: Optional[float], all: bool, url: Optional[str], token: Optional[str], timeout: Optional[float]) -> None:
        self.name = name
        self.state = "unknown"
        self._fps = fps
        self._all = all
        self._address = _address.find(url, token)
        self._timeout = timeout
        self._source: Union[WebSocket, RingImages, None] = None
        self._pid = 0
        self._began = False
        self._closing = threading.Event()
        self._stop = self._closing  # of the last call
        self._waiting = threading.Lock()
        self._calls = 0  # that wait for an image
        self._given_at = 0.0  # when the last image was, and how long it was waited for
        self._waited = 0.0
        self._last = -1  # its number

    def __iter__(self) -> Iterator[Image]:
        return self

    def __next__(self) -> Image:
        return self._until(self._closing)

    def _until(self, stop: threading.Event) -> Image:
        """Returns the next image, or raises StopIteration after close, or once stop is set and the connection was ended."""
        self._calls += 1
        try:
            return self._wait(stop)
        finally:
            self._calls -= 1
            if self._closing.is_set():
                self._disconnect()

    def _wait(self, stop: threading.Event) -> Image:
        asked = time.monotonic()
        deadline = None if self._timeout is None else asked + self._timeout
        pause = _RETRY[0]
        while not (self._closing.is_set() or stop.is_set()):
            try:
                return self._next(asked, deadline, stop)
            except NotFound:
                self.state = "unknown"
                if deadline is not None and time.monotonic() + _RETRY_UNKNOWN > deadline:
                    stop.wait(max(deadline - time.monotonic(), 0))
                    raise Timeout(f"there was no stream {self.name!r} in time") from None
                stop.wait(_RETRY_UNKNOWN)
            except (ConnectionLost, Busy) as err:
                self._disconnect()
                if self._closing.is_set() or stop.is_set():
                    break
                if not self._began or deadline is not None and time.monotonic() + pause > deadline:
                    raise
                stop.wait(max(pause, err.retry_after) if isinstance(err, Busy) else pause)
                pause = min(2 * pause, _RETRY[1])
            except Timeout:
                if self._source is not None and self._source.state == "unknown":
                    raise Timeout(f"there was no stream {self.name!r} in time") from None
                raise
            except Error:
                self._disconnect()
                raise
        raise StopIteration

    def _next(self, asked: float, deadline: Optional[float], stop: threading.Event) -> Image:
        source = self._connected()
        if self._closing.is_set() or stop.is_set():  # Who set it may have looked for the connection before it was there.
            self._disconnect()
            raise StopIteration
        busy = asked - self._given_at
        take = source.newest if self._given_at and busy > self._waited else source.receive
        while True:
            source.acknowledge()
            got = take(deadline)
            self.state = source.state
            self._began = True
            repeat = got.repeat and got.sequence == self._last  # A repeat of what this loop was not given is new to it.
            if self._all or not (got.offline or repeat):
                break
        source.prefetch()
        self._given_at = time.monotonic()
        self._waited = self._given_at - asked
        image = Image(got.jpeg)
        image.alpha = got.alpha
        image.seq, image.captured, image.sent = got.sequence, got.captured, got.sent
        image.width, image.height = source.width, source.height
        image.online, image.repeat = not got.offline, repeat
        self._last = got.sequence
        return image

    def _connected(self) -> Union[WebSocket, RingImages]:
        if self._source is not None and self._pid != os.getpid():  # A child's: the parent goes on with its own.
            self._source.drop()
            self._source = None
        if self._source is None:
            self._source = self._connect()
            self._pid = os.getpid()
        return self._source

    def _connect(self) -> Union[WebSocket, RingImages]:
        if self._address.ring:
            try:
                return RingImages(self._address.ring, self.name, self._fps, self._timeout)
            except ConnectionLost as err:
                if not self._address.scheme:
                    raise
                _address.fall_back(self._address, err)
        return WebSocket(self._address, self.name, self._fps, self._timeout)

    def _interrupt(self) -> None:
        """Ends the connection. A call that waits for it in another thread closes it: that thread could wait for another file of
        the same number otherwise."""
        source = self._source
        if source is not None and self._calls:
            source.shutdown()
        else:
            self._disconnect()

    def _disconnect(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def __aiter__(self) -> AsyncIterator[Image]:
        return self

    async def __anext__(self) -> Image:
        self._stop = stop = threading.Event()
        try:
            image = await asyncio.to_thread(self._next_or_none, stop)
        except asyncio.CancelledError:  # Else its thread would wait on, and asyncio for that.
            stop.set()
            self._interrupt()
            raise
        if image is None:
            raise StopAsyncIteration
        return image

    def _next_or_none(self, stop: threading.Event) -> Optional[Image]:
        with self._waiting:  # A call that was canceled ends first.
            try:
                return self._until(stop)
            except StopIteration:
                return None

    def close(self) -> None:
        """Ends the watching: an iteration that waits ends."""
        self._closing.set()
        self._stop.set()
        self._interrupt()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        source = getattr(self, "_source", None)
        if source is not None:
            source.drop()

    def __repr__(self) -> str:
        return f"<steadyframe.Watch {self.name!r} at {self._address}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        return Watch, (self.name, self._fps, self._all, str(self._address), self._address.token, self._timeout)


def watch(
    name: str,
    *,
    fps: Optional[float] = None,
    all: bool = False,
    url: Optional[str] = None,
    token: Optional[str] = None,
    timeout: Optional[float] = None,
) -> Watch:
    """Returns the images of a live stream, for `for` and `async for`: each is the newest at its time, however slow the loop.

    A stream that does not exist yet is waited for: give timeout where it may never come. When the connection is lost it is made again.

    Args:
        name: of the stream.
        fps: images a second, at most.
        all: whether to give also images that say that the source is lost (online is False), and repeats, which come once a
            second while nothing changes.
        url, token: as in Encoder.
        timeout: in seconds, the longest wait for an image, or for a stream; then Timeout is raised, and the next call goes on. None for no
            limit.
    """
    _options.check_name(name)
    _options.check_number("fps", fps, 1000)
    _options.check_number("timeout", timeout)
    return Watch(name, fps, all, url, token, timeout)
