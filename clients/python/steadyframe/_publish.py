"""Frames into a live stream."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type, Union
from urllib.parse import quote

from . import _address, _options
from ._address import Address
from ._errors import Busy, ConnectionLost, Error, FrameError, NotFound, SpecError, Timeout
from ._frames import Frames, frames_of
from ._http import Connection, chunk
from ._options import Description, Options, Size

__all__ = ["Publisher", "Status"]

_log = logging.getLogger("steadyframe")

_RETRY = (0.1, 2.0)  # seconds until the first attempt to connect again, and at most between two
_STATUS_AGE = 0.5  # seconds for which a status over HTTP is good enough


@dataclass(frozen=True)
class Status:
    """How a stream is.

    Attributes:
        state: "waiting" for the first frame, "online", "offline", or "unknown" when there is no such stream.
        viewers: how many watch it, in whatever way.
        arrived: frames that the server got.
        published: images that it made of them.
        same: images that were equal to the one before, and were not sent again.
        dropped: frames that became no image: a newer one came, nobody watched, or fps forbade it.
        fps: images a second, of the last seconds.
    """

    state: str = "unknown"
    viewers: int = 0
    arrived: int = 0
    published: int = 0
    same: int = 0
    dropped: int = 0
    fps: float = 0.0


class _HTTPFeed:
    """A stream's frames as the chunks of one request that has no end."""

    def __init__(self, address: Address, target: str, timeout: Optional[float]) -> None:
        self.connection = Connection(address, timeout)
        self.timeout = timeout
        headers = [("Content-Type", "application/octet-stream"), ("Transfer-Encoding", "chunked")]
        self.connection.queue([self.connection.head("POST", target, headers)])

    def send(self, frames: Frames) -> None:
        """Sends a frame whole. What the server has to say against the stream is raised."""
        connection = self.connection
        connection.queue(chunk(frames.buffers()))
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        connection.push()
        while connection.pending:
            connection.step(deadline)
            if connection.incoming or connection.ended:
                break
        if connection.poll():
            self.finish(deadline)
            raise ConnectionLost(f"the server at {connection.address} ended the stream")

    def finish(self, deadline: Optional[float]) -> None:
        """Reads the response, and raises what it says."""
        response = self.connection.response(deadline)
        if response.status != 200:
            raise response.error()
        while not response.complete:
            self.connection.step(deadline)
            self.connection.feed(response)

    def end(self) -> None:
        """Ends the stream properly: the last frame is not lost."""
        deadline = time.monotonic() + (5.0 if self.timeout is None else min(self.timeout, 5.0))
        self.connection.queue([b"0\r\n\r\n"])
        self.finish(deadline)

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()


class Publisher:
    """A live stream that this program feeds.

    The server shows the newest frame to whoever watches, on its page, to players, or with watch. Frames are encoded only
    while somebody does. send never waits for the encoder or for viewers. When the connection is lost, frames are dropped and
    it is made again; what cannot be mended by that (wrong settings, another publisher of that name) is raised.

    Use it as `with sf.Publisher("cam1") as cam:`, or call close at the end. It is for one thread at a time. After a fork, the
    child's first frame opens a connection of its own and takes the stream over.
    """

    def __init__(
        self,
        name: str,
        shape: Optional[Tuple[int, ...]] = None,
        fps: Optional[float] = None,
        *,
        dtype: Any = "uint8",
        size: Optional[Size] = None,
        quality: Optional[int] = None,
        color: Optional[str] = None,
        layout: Optional[str] = None,
        value_range: Optional[str] = None,
        format: Optional[str] = None,
        colorspace: Optional[str] = None,
        mode: Optional[str] = None,
        filter: Optional[str] = None,
        background: Union[str, Tuple[int, int, int], None] = None,
        crop: Union[str, Tuple[int, int, int, int], None] = None,
        subsampling: Union[str, int, None] = None,
        restart: Union[str, int, None] = None,
        reconnect: bool = True,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: Optional[float] = 10.0,
    ) -> None:
        """Sets what the stream is. It begins with the first frame.

        Args:
            name: of the stream.
            shape: of the frames, as numpy has it, such as (1080, 1920, 3); without it the first frame decides. next needs it.
            fps: images that are made in a second, at most; frames beyond are dropped.
            dtype: of the frames that next gives: "uint8", "float32" or "float16".
            reconnect: whether to connect again when the connection is lost; else ConnectionLost is raised.
            timeout: in seconds, for connecting and for sending a frame; None for no limit.

        The other arguments are those of Encoder.
        """
        self.name = name
        self.fps = fps
        self._shape = None if shape is None else tuple(int(n) for n in shape)
        self._dtype = dtype
        self._options = _options.make(
            size=size, quality=quality, color=color, layout=layout, value_range=value_range, format=format,
            shape=self._shape, colorspace=colorspace, mode=mode, filter=filter, background=background, crop=crop,
            subsampling=subsampling, restart=restart,
        )  # fmt: skip
        if fps is not None and not fps > 0:
            raise SpecError(f"fps: got {fps}, want more than 0", field="fps")
        if not name or "/" in name:
            raise SpecError(f"name: got {name!r}, want the name of a stream, such as cam1", field="stream")
        self._address = _address.find(url, token)
        self._timeout = timeout
        self._reconnect = reconnect
        self._feed: Optional[_HTTPFeed] = None
        self._pid = 0
        self._known: Optional[Description] = None  # of all frames
        self._began = False  # whether it was connected before
        self._again_at = 0.0
        self._pause = _RETRY[0]
        self._memory: Any = None  # of the frame that next gives
        self._status: Tuple[float, Status] = (-_STATUS_AGE, Status())

    def send(self, frame: Any) -> bool:
        """Sends a frame, which may be changed as soon as the call returns.

        It returns whether the frame went on its way: False while the connection is lost.
        """
        given = frames_of((frame,), self._options)
        if self._known is None:
            self._known = given.description
        elif given.description != self._known:
            raise FrameError(f"got {given.description}, want {self._known}: frames of a stream are alike; for others open a Publisher of their own")
        return self._deliver(given)

    async def asend(self, frame: Any) -> bool:
        """Is send for asyncio: it runs on a thread. The frame must not change until it returns."""
        return await asyncio.to_thread(self.send, frame)

    @contextmanager
    def next(self) -> Iterator[Any]:
        """Gives memory for the next frame, as a numpy array of the Publisher's shape and dtype (without numpy, as bytes), and
        sends it at the end of the with block. What it holds before is undefined.

        The array is for this block: after it, it cannot be written to. If the block raises, nothing is sent.
        """
        if self._shape is None:
            raise SpecError("shape: got none, want it for next: Publisher(name, shape=(height, width, 3))", field="shape")
        view, memory = self._slot(self._shape)
        try:
            yield view
        finally:
            _seal(view)
        self.send(memory)

    def _slot(self, shape: Tuple[int, ...]) -> Tuple[Any, Any]:
        try:
            import numpy
        except ImportError:
            count = 1
            for side in shape:
                count *= side
            if self._memory is None:
                self._memory = bytearray(count)
            return memoryview(self._memory), memoryview(self._memory).cast("B", shape)
        if self._memory is None:
            self._memory = numpy.empty(shape, self._dtype)
        return self._memory.view(), self._memory

    @property
    def viewers(self) -> int:
        """How many watch: a producer may rest while nobody does."""
        return self.status.viewers

    @property
    def status(self) -> Status:
        """How the stream is, as of half a second ago at most. It asks the server."""
        asked, status = self._status
        if time.monotonic() - asked >= _STATUS_AGE:
            status = self._ask()
            self._status = (time.monotonic(), status)
        return status

    @property
    def url(self) -> str:
        """Where the stream can be watched, as MJPEG."""
        return f"{self._address.web}/stream/{quote(self.name)}.mjpg"

    def close(self) -> None:
        """Ends the stream. It raises what the server says against it, if that was not raised before."""
        feed, self._feed = self._feed, None
        if feed is None:
            return
        try:
            if self._pid == os.getpid():
                feed.end()
        except (ConnectionLost, Timeout):
            if not self._reconnect:
                raise
        finally:
            feed.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        try:
            self.close()
        except Error:
            if error is None:
                raise

    async def __aenter__(self) -> Publisher:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def __del__(self) -> None:
        feed = getattr(self, "_feed", None)
        if feed is not None:
            feed.close()

    def __repr__(self) -> str:
        return f"<steadyframe.Publisher {self.name!r} at {self._address}>"

    def _repr_html_(self) -> str:
        """Shows the live picture in a notebook. A token is not put into it: notebooks are passed on with what they show."""
        url = html.escape(self.url, quote=True)
        if not self._address.web:
            return html.escape(repr(self))
        return f'<img src="{url}" alt="live stream {html.escape(self.name, quote=True)}" style="max-width:100%">'

    def __reduce__(self) -> Tuple[Callable[..., Publisher], Tuple[Any, ...]]:
        keywords = _options.as_keywords(self._options)
        keywords.update(
            name=self.name, shape=self._shape, fps=self.fps, dtype=self._dtype, reconnect=self._reconnect,
            url=str(self._address), token=self._address.token, timeout=self._timeout,
        )  # fmt: skip
        return _rebuild, (keywords,)

    def _target(self, description: Description) -> str:
        target = f"/v1/streams/{quote(self.name)}?{self._options.query(description)}"
        return target if self.fps is None else f"{target}&fps={self.fps:g}"

    def _deliver(self, given: Frames) -> bool:
        """Sends a frame over the connection that there is, or a new one."""
        if self._feed is not None and self._pid != os.getpid():
            self._feed.close()
            self._feed = None
        try:
            if self._feed is None:
                if time.monotonic() < self._again_at:
                    return False
                self._feed = _HTTPFeed(self._address, self._target(given.description), self._timeout)
                self._pid = os.getpid()
            self._feed.send(given)
        except (ConnectionLost, Timeout, Busy) as err:
            self._drop(err)
            return False
        except BaseException:
            if self._feed is not None:
                self._feed.close()
                self._feed = None
            raise
        if self._again_at:
            _log.warning("stream %s: connected again", self.name)
        self._began, self._again_at, self._pause = True, 0.0, _RETRY[0]
        return True

    def _drop(self, err: Error) -> None:
        """Notes that the connection is lost, or raises that."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None
        if not (self._began and self._reconnect):
            raise err
        if not self._again_at:
            _log.warning("stream %s: connection lost, frames are dropped until it is back: %s", self.name, err)
        pause = max(self._pause, err.retry_after) if isinstance(err, Busy) else self._pause
        self._again_at = time.monotonic() + pause
        self._pause = min(2 * self._pause, _RETRY[1])

    def _ask(self) -> Status:
        connection = Connection(self._address, self._timeout)
        try:
            deadline = None if self._timeout is None else time.monotonic() + self._timeout
            entry: Dict[str, Any] = json.loads(connection.get(f"/v1/streams/{quote(self.name)}", deadline))
        except NotFound:
            return Status()
        finally:
            connection.close()
        return Status(
            state=str(entry["state"]),
            viewers=len(entry["viewers"]),
            arrived=int(entry["arrived"]),
            published=int(entry["published"]),
            same=int(entry["same"]),
            dropped=sum(int(n) for n in entry["dropped"].values()),
            fps=float(entry["fps_out"]),
        )


def _seal(view: Any) -> None:
    """Makes memory that was given out unusable for writing."""
    if isinstance(view, memoryview):
        view.release()
    else:
        view.flags.writeable = False


def _rebuild(keywords: Dict[str, Any]) -> Publisher:
    return Publisher(**keywords)
