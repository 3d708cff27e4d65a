"""Frames into a live stream."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import os
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type, Union
from urllib.parse import quote

from . import _address, _options
from ._address import Address
from ._composition import NOTHING, Composition, composition, image_of_frames
from ._errors import Busy, ConnectionLost, Error, FrameError, NotFound, SpecError, Timeout
from ._frames import Frames, frame_of, frames_of, jpeg_of
from ._http import Connection, chunk
from ._options import JPEG_FORMAT, Description, Size
from ._ring import DONE, STATUS, Message, Ring
from ._sound import Sound

if TYPE_CHECKING:
    from ._scene import Scene

__all__ = ["Publisher", "Status"]

_log = logging.getLogger("steadyframe")

_RETRY = (0.1, 2.0)  # seconds until the first attempt to connect again, and at most between two
_JPEG_BYTES = 1 << 20  # that slots have room for at least
_BOUNDARY = "frame"  # of JPEGs that have times
_PING_AFTER = 10.0  # seconds without a frame
_STATUS = struct.Struct("<IIQQQdQ")  # viewers, flags, arrived, published, dropped, images a second, same; from byte 16
_LAST = 1  # flag of a STATUS: its counts are of all frames of the stream
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


#: What a stream takes: frames, or images of a scene.
_Given = Union[Frames, Composition]


class _HTTPFeed:
    """A stream's frames as the chunks of one request that has no end. Where timed is set, each has its time before it: of frames in
    a line, of JPEGs in the head of a part."""

    def __init__(self, address: Address, target: str, given: _Given, timed: bool, timeout: Optional[float]) -> None:
        self.connection = Connection(address, timeout)
        self.given = given.description  # what the request says of the frames
        self.timed = timed
        if isinstance(given, Composition):
            self.timed, type = True, "application/x-steadyframe-images"
        elif self.given.is_jpeg:
            type = f"multipart/x-mixed-replace;boundary={_BOUNDARY}" if timed else "video/x-motion-jpeg"
        else:
            type = "application/x-steadyframe-frames" if timed else "application/octet-stream"
        self.timeout = timeout
        self.sent = False  # a frame
        headers = [("Content-Type", type), ("Transfer-Encoding", "chunked")]
        self.connection.queue([self.connection.head("POST", target, headers)])

    def has_room(self, frames: _Given, captured: int) -> bool:
        """Whether the request is for such frames, with such a time."""
        return frames.description in (self.given, NOTHING) and (self.timed or not captured)

    def send(self, frames: _Given, captured: int) -> None:
        """Sends a frame whole. What the server has to say against the stream is raised."""
        connection = self.connection
        self.sent = True
        connection.queue(chunk(self._framed(frames, captured)))
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        connection.flush(deadline, unasked=True)
        if connection.poll():
            self.finish(deadline)
            raise ConnectionLost(f"the server at {connection.address} ended the stream")

    def _framed(self, frames: _Given, captured: int) -> List[Any]:
        """Returns a frame as the body has it."""
        if isinstance(frames, Composition):
            return frames.buffers(captured)
        if not self.timed:
            return frames.buffers()
        if not self.given.is_jpeg:
            return [(f"FRAME captured_us={captured}\n" if captured else "FRAME\n").encode(), *frames.buffers()]
        stamp = f"X-Timestamp: {captured // 1_000_000}.{captured % 1_000_000:06d}\r\n" if captured else ""
        head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n{stamp}Content-Length: {frames.frame_bytes}\r\n\r\n"
        return [head.encode(), *frames.buffers(), b"\r\n"]

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
        if not self.sent:
            return
        deadline = time.monotonic() + (5.0 if self.timeout is None else min(self.timeout, 5.0))
        self.connection.queue([b"0\r\n\r\n"])
        self.finish(deadline)

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()


class _RingFeed:
    """A stream's frames through slots of the ring. The newest wins, so a slot is always idle soon."""

    def __init__(self, path: str, hello: Dict[str, Any], given: Description, timeout: Optional[float]) -> None:
        self.ring = Ring(path, hello, timeout)
        self.given = given  # what the hello says of the frames
        self.heard = time.monotonic()  # when the server last got a message
        self.counts = Status(state="waiting")
        self.over = False  # The server has said what has become of all frames.

    def send(self, frames: _Given, captured: int) -> None:
        """Copies a frame, or the regions of an image, into a slot, and submits it."""
        slot = self.take()
        if isinstance(frames, Composition):
            frames.put(self.ring, slot, captured)
            self.heard = time.monotonic()
            return
        frames.copy_to(self.ring.slot(slot))
        self.submit(slot, captured, frames.frame_bytes if frames.description.is_jpeg else 0)

    def take(self) -> int:
        """Returns a slot that is this side's."""
        self.hear()
        while not self.ring.idle:
            self._told(self.ring.next())
        return self.ring.idle.popleft()

    def has_room(self, frames: _Given, captured: int) -> bool:
        """Whether a slot holds such a frame, or such regions."""
        if isinstance(frames, Composition):
            return frames.description in (self.given, NOTHING) and frames.count <= self.ring.batch
        room: int = self.ring.frame_bytes
        return frames.frame_bytes <= room

    def submit(self, slot: int, captured: int, size: int = 0, image: Optional[Composition] = None) -> None:
        """Gives a slot with a frame to the server, or with a JPEG of that size, or with the region of an image."""
        if image is not None:
            self.ring.submit_image(slot, image.count, image.index, image.rects, captured=captured)
        else:
            self.ring.submit(slot, size, captured)
        self.heard = time.monotonic()

    def hear(self) -> None:
        """Takes what the server has said, and raises what it says against the stream."""
        while True:
            message = self.ring.poll()
            if message is None:
                return
            self._told(message)

    def _told(self, message: Message) -> None:
        if message.kind == DONE:
            self.ring.done(message)
        elif message.kind == STATUS:
            viewers, flags, arrived, published, dropped, fps, same = _STATUS.unpack_from(message.body, 16)
            self.over = flags & _LAST != 0
            state = "online" if arrived else "waiting"
            self.counts = Status(state, viewers, arrived, published, same, dropped, round(fps, 2))

    def status(self) -> Status:
        """Returns the server's last word on the stream. That somebody asks shows that this side is there, too."""
        self.hear()
        if time.monotonic() - self.heard > _PING_AFTER:
            self.ring.ping()
            self.heard = time.monotonic()
        return self.counts

    def end(self) -> None:
        """Ends the stream properly: the last frame is not lost."""
        deadline = time.monotonic() + 5.0
        self.ring.finish()
        while not self.over:
            self._told(self.ring.next(deadline))

    def close(self) -> None:
        """Closes the connection."""
        self.ring.close()


_Feed = Union[_HTTPFeed, _RingFeed]


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
        reuse: Optional[str] = None,
        noise: Optional[int] = None,
        scene: Union[str, Scene, None] = None,
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
            format: as in Encoder, or "jpeg" where frames are whole JPEGs; they are known without it.
            dtype: of the frames that next gives: "uint8", "float32" or "float16".
            scene: one of the server's, by name, or a Scene: frames are then regions that are pasted onto its backgrounds, and
                shape is that of a region.
            reconnect: whether to connect again when the connection is lost; else ConnectionLost is raised.
            timeout: in seconds, for connecting and for sending a frame; None for no limit.

        The other arguments are those of Encoder.
        """
        self.name = name
        self.fps = fps
        self._dtype = dtype
        self._options = _options.make(
            size=size, quality=quality, color=color, layout=layout, value_range=value_range, format=format,
            shape=shape, colorspace=colorspace, mode=mode, filter=filter, background=background, crop=crop,
            subsampling=subsampling, restart=restart, reuse=reuse, noise=noise, scene=scene if scene is None or isinstance(scene, str) else scene.name,
        )  # fmt: skip
        self._shape = self._options.shape
        _options.check_number("fps", fps)
        _options.check_number("timeout", timeout)
        _options.check_name(name)
        self._address = _address.find(url, token)
        self._timeout = timeout
        self._reconnect = reconnect
        self._feed: Optional[_Feed] = None
        self._sound: Optional[Sound] = None
        self._pid = 0
        self._known: Optional[Description] = None  # of all frames
        self._began = False  # whether it was connected before
        self._again_at = 0.0
        self._pause = _RETRY[0]
        self._memory: Any = None  # of the frame that next gives, where the ring has none
        self._given: Optional[Frames] = None  # a frame of that shape
        self._status: Tuple[float, Status] = (-_STATUS_AGE, Status())

    def send(self, frame: Any = None, *, index: Optional[int] = None, rects: Optional[Sequence[Any]] = None, time: Optional[float] = None) -> bool:
        """Sends a frame, which may be changed as soon as the call returns: pixels as encode takes them, or a whole JPEG, as bytes or
        as the array that cv2.imencode gives. JPEGs are passed on as they are, unless size or another argument asks for
        other images.

        Of a stream with a scene, the frame is a region, or several, in an array or a list, one for each place of the
        background. Without, the image is the background.

        Args:
            index: of a scene, which background, from 0 on, without end. Without it, one more than that of the image before.
            rects: in a scene that is movable, where the regions go: (x, y, width, height) of each, or None for its place.
            time: when the frame was captured, in seconds since 1970 as time.time() gives them; without it, when it comes to the server.

        It returns whether the frame went on its way: False while the connection is lost.
        """
        given, captured = self._given_of(frame, index, rects), 0 if time is None else _options.microseconds(time)
        return self._attempt(given, captured, lambda feed: feed.send(given, captured))

    def _given_of(self, frame: Any, index: Optional[int], rects: Optional[Sequence[Any]]) -> _Given:
        """Returns what is to be sent."""
        given: _Given
        if self._options.scene:
            if self._given is None and self._shape is not None:
                self._blank()
            given = composition(index, frame, rects, self._options, counting=True, description=self._known or NOTHING)
            if given.regions is None:
                return given
        else:
            self._refuse_scene(index, rects)
            given = jpeg_of(frame, self._options) or frame_of(frame, self._options)
        self._same(given)
        return given

    def sound(self, pcm: Any, *, rate: int = 16000, time: Optional[float] = None) -> bool:
        """Sends sound of the stream: an array as mel takes it, of one channel or two. It goes over HTTP, also where there is a ring.
        Listeners hear it beside the images, and recordings have it.

        Without time, the first sample is for when it comes to the server, and each further one for a sample later: call it with
        each piece when it is to be heard, or up to half a second before. What is further ahead the server reads later, at the
        sound's own pace, and the call may wait for that. What comes more than 200 ms late is for when it comes, as after a pause.

        Args:
            rate: samples a second, 8000 to 48000.
            time: when the first sample was captured, or is to be heard, in seconds since 1970 as time.time() gives them: it is for
                that time however late it comes. Give it with each piece, and to send, from one clock.

        It returns whether the sound went on its way: False while the connection is lost.
        """
        if self._sound is None:
            self._sound = Sound(self._address, self.name, self._timeout)
        return self._sound.send(pcm, rate, time)

    def _refuse_scene(self, index: Optional[int], rects: Optional[Sequence[Any]]) -> None:
        for name, value in (("index", index), ("rects", rects)):
            if value is not None:
                raise SpecError(f"{name}: got it without a scene, want Publisher(name, scene=...)", field=name)

    def _same(self, given: _Given) -> None:
        """Holds a frame to those before."""
        if self._known is None:
            self._known = given.description
        elif given.description != self._known:
            raise FrameError(f"got {given.description}, want {self._known}: frames of a stream are alike; for others open a Publisher of their own")

    async def asend(
        self, frame: Any = None, *, index: Optional[int] = None, rects: Optional[Sequence[Any]] = None, time: Optional[float] = None
    ) -> bool:
        """Is send for asyncio: it runs on a thread. The frame must not change until it returns."""
        return await asyncio.to_thread(self.send, frame, index=index, rects=rects, time=time)

    @contextmanager
    def next(self, *, index: Optional[int] = None, rects: Optional[Sequence[Any]] = None, time: Optional[float] = None) -> Iterator[Any]:
        """Gives memory for the next frame, as a numpy array of the Publisher's shape and dtype (without numpy, as bytes), and
        sends it at the end of the with block. What it holds before is undefined.

        Over the ring it is the memory that the server reads: nothing is copied. The array is for this block: after it, it
        cannot be written to. If the block raises, nothing is sent. Of a stream with a scene it is the one region of an image;
        index, rects and time are those of send.
        """
        captured = 0 if time is None else _options.microseconds(time)
        if self._options.format == JPEG_FORMAT:
            raise SpecError('format: got "jpeg", want pixels for next; send takes JPEGs', field="format")
        if self._shape is None:
            raise SpecError("shape: got none, want it for next: Publisher(name, shape=(height, width, 3))", field="shape")
        if not self._options.scene:
            self._refuse_scene(index, rects)
        blank = self._blank()
        image = image_of_frames(index, blank, rects, counting=True) if self._options.scene else None
        given: _Given = blank if image is None else image
        slot = None
        if self._attempt(given, captured, lambda feed: feed) and isinstance(self._feed, _RingFeed):
            try:
                slot = self._feed.take()
            except (ConnectionLost, Timeout) as err:
                self._drop(err)
        feed = self._feed
        if slot is None or not isinstance(feed, _RingFeed):
            yield from self._next_of_own(blank, index, rects, time)
            return
        view: Any = feed.ring.slot(slot) if _numpy() is None else feed.ring.frame_array(slot, self._shape, self._dtype)
        try:
            yield view
        except BaseException:
            feed.ring.idle.appendleft(slot)
            raise
        finally:
            _seal(view)
        if feed is self._feed:
            taken: int = slot
            self._attempt(given, captured, lambda feed: feed.submit(taken, captured, image=image) if isinstance(feed, _RingFeed) else None)

    def _next_of_own(self, given: Frames, index: Optional[int], rects: Optional[Sequence[Any]], captured: Optional[float]) -> Iterator[Any]:
        """Is next with memory of this side, which send copies."""
        np = _numpy()
        if self._memory is None:
            self._memory = bytearray(given.frame_bytes) if np is None else np.empty(self._shape, self._dtype)
        view = memoryview(self._memory) if np is None else self._memory.view()
        try:
            yield view
        finally:
            _seal(view)
        self.send(self._memory, index=index, rects=rects, time=captured)

    def _blank(self) -> Frames:
        """Returns a frame of the Publisher's shape, without memory."""
        if self._given is None:
            np = _numpy()
            if np is None:
                count = 1
                for side in self._shape or ():
                    count *= side
                self._given = frames_of((bytes(count),), self._options)
            else:
                self._given = frames_of((np.broadcast_to(np.zeros((), self._dtype), self._shape),), self._options)
        self._same(self._given)
        return self._given

    @property
    def viewers(self) -> int:
        """How many watch: a producer may rest while nobody does."""
        return self.status.viewers

    @property
    def status(self) -> Status:
        """How the stream is. Over the ring the server tells, at least once a second while frames come, and whenever the first
        viewer comes or the last goes; over HTTP it is asked, twice a second at most."""
        if isinstance(self._feed, _RingFeed) and self._pid == os.getpid():
            try:
                return self._feed.status()
            except (ConnectionLost, Timeout) as err:
                self._drop(err)
        if not self._address.scheme:
            return Status()
        asked, status = self._status
        if time.monotonic() - asked >= _STATUS_AGE:
            status = self._ask()
            self._status = (time.monotonic(), status)
        return status

    @property
    def url(self) -> str:
        """Where the stream can be watched, as MJPEG. Where the server's address is that of a ring alone, its default address of
        HTTP is taken."""
        return f"{self._address.web or _address.DEFAULT_URL}/stream/{quote(self.name)}.mjpg"

    def close(self) -> bool:
        """Ends the stream, once the server has dealt with the last frame, and read all sound. It raises what the server says against
        it, if that was not raised before.

        It returns False if the connection is lost, so that the last frames or samples may be, too. With reconnect=False the loss of
        frames is raised, as ConnectionLost or Timeout.
        """
        feed, self._feed = self._feed, None
        sound, self._sound = self._sound, None
        heard = sound is None or sound.close(end=sound.connection is not None and sound.connection.pid == os.getpid())
        if feed is None:
            return heard and not self._again_at
        try:
            if self._pid == os.getpid():
                feed.end()
        except (ConnectionLost, Timeout) as err:
            if not self._reconnect:
                raise
            _log.warning("stream %s: connection lost before the end, the last frames may be lost: %s", self.name, err)
            return False
        finally:
            feed.close()
        return heard

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
        """Shows the live image in a notebook. A token is not put into it: notebooks are passed on with what they show."""
        url = html.escape(self.url, quote=True)
        if self._address.scheme == "unix":
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
        query = self._options.query(description)
        if self.fps is not None:
            query += f"{'&' if query else ''}fps={self.fps:g}"
        return f"/v1/streams/{quote(self.name)}{'?' if query else ''}{query}"

    def _attempt(self, given: _Given, captured: int, do: Callable[[_Feed], Any]) -> bool:
        """Does something with the connection that there is, or a new one. It returns False while there is none."""
        if self._feed is not None and self._pid != os.getpid():
            self._feed.close()
            self._feed = None
        if self._feed is not None and not self._feed.has_room(given, captured):  # of a larger JPEG, the first region, or the first time
            self._replace()
        try:
            if self._feed is None:
                if time.monotonic() < self._again_at:
                    return False
                self._feed = self._open(given, captured)
                self._pid = os.getpid()
            do(self._feed)
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

    def _replace(self) -> None:
        """Ends the connection, whose last frame is not lost. The next one continues the stream."""
        feed, self._feed = self._feed, None
        try:
            if feed is not None:
                feed.end()
        except (ConnectionLost, Timeout):
            pass  # It ends one way or the other.
        finally:
            if feed is not None:
                feed.close()

    def _open(self, given: _Given, captured: int) -> _Feed:
        description = given.description
        if self._address.ring:
            hello: Dict[str, Any] = {"use": "publish", "stream": self.name, "spec": self._options.spec(description)}
            if self.fps is not None:
                hello["fps"] = self.fps
            if description.is_jpeg:
                hello["jpeg_bytes"] = max(_JPEG_BYTES, given.frame_bytes + given.frame_bytes // 2)
            if isinstance(given, Composition):
                hello["batch"] = max(given.count, 1)
            try:
                return _RingFeed(self._address.ring, hello, description, self._timeout)
            except ConnectionLost as err:
                if not self._address.scheme:
                    raise
                _address.fall_back(self._address, err)
        return _HTTPFeed(self._address, self._target(description), given, captured != 0, self._timeout)

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


def _numpy() -> Any:
    """Returns numpy, or None where there is none."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def _seal(view: Any) -> None:
    """Makes memory that was given out unusable for writing."""
    if isinstance(view, memoryview):
        view.release()
    else:
        view.flags.writeable = False


def _rebuild(keywords: Dict[str, Any]) -> Publisher:
    return Publisher(**keywords)
