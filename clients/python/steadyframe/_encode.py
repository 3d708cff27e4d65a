"""Frames to JPEGs."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union, overload

from . import _address, _options
from ._errors import Busy, ConnectionLost, Error, FrameError, ServerError, SpecError
from ._frames import Frames, frames_of
from ._http import Connection, Response, chunk
from ._jpeg import Splitter
from ._options import Description, Size
from ._sessions import ONE_AFTER_THE_OTHER, EncodePool, Pool, RingSession, check_end, may_go_on, target_of

if TYPE_CHECKING:
    from ._frames import Array

__all__ = ["Encoder", "encode"]

class Encoder:
    """Makes JPEGs of frames, with settings that are given once, on connections that are kept.

    Any number of threads may use one Encoder; each call has a connection of its own. After a fork, and when it was pickled
    for another process, it opens its own connections there.
    """

    def __init__(
        self,
        *,
        size: Optional[Size] = None,
        quality: Optional[int] = None,
        color: Optional[str] = None,
        layout: Optional[str] = None,
        value_range: Optional[str] = None,
        format: Optional[str] = None,
        shape: Optional[Tuple[int, ...]] = None,
        colorspace: Optional[str] = None,
        mode: Optional[str] = None,
        filter: Optional[str] = None,
        background: Union[str, Tuple[int, int, int], None] = None,
        crop: Union[str, Tuple[int, int, int, int], None] = None,
        subsampling: Union[str, int, None] = None,
        restart: Union[str, int, None] = None,
        reuse: Optional[str] = None,
        noise: Optional[int] = None,
        output: Optional[str] = None,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: Optional[float] = 30.0,
    ) -> None:
        """Sets what encode and stream do; they connect when they are called.

        Args:
            size: (width, height) of the JPEGs, in the order of OpenCV and Pillow; (320, None) keeps the aspect. Without it
                nothing is resized.
            quality: 1 to 100; 75 without it.
            color: the order of the channels: "bgr", which OpenCV has and which is the default, or "rgb", which nearly
                everything else has. Pillow images say it themselves.
            layout: what the dimensions of arrays are, where their shape may mean two things: "HW", "HWC", "CHW", "NHW",
                "NHWC" or "NCHW".
            value_range: of floats, what is black and white: "0..1" (the default), "-1..1" or "0..255". Of gray frames and of
                yuv420p and nv12: "full" or "limited".
            format: the server's name of a pixel format, for what is no array of pixels: "yuv420p", "nv12".
            shape: of the data, where that is flat: (height, width, 3), or (height, width) with format.
            colorspace: of yuv420p and nv12: "bt601" (the default) or "bt709".
            mode: when size has another aspect: "stretch" (the default), "fit" or "fill".
            filter: of the resize: "bilinear" (the default), "area" or "nearest".
            background: around the image with mode="fit": (red, green, blue) or "#rrggbb".
            crop: (x, y, width, height) of the frame, before the resize.
            subsampling: "420" (the default), "422", "444" or "gray".
            restart: the interval of restart markers: "none" (the default), "row", or a number of MCUs.
            reuse: "segments": in stream, parts of a frame that are as in the one before keep their bytes of the JPEG.
            noise: with reuse, by how many levels of 8 bits a sample may differ and count as unchanged; 0 without it.
            output: "jpeg" (the default), or raw pixels: "rgb24", "bgr24", "rgba", "yuv420p".
            url: the server: ring:/PATH, http://HOST:PORT, https://HOST or unix:/PATH; else the variable STEADYFRAME_URL; else
                the ring of this user's server, or where there is none, http://127.0.0.1:8080.
            token: that the server wants; else the variable STEADYFRAME_AUTH_TOKEN.
            timeout: of a call, and in stream of an image, in seconds; None for no limit.
        """
        self._options = _options.make(
            size=size, quality=quality, color=color, layout=layout, value_range=value_range, format=format, shape=shape,
            colorspace=colorspace, mode=mode, filter=filter, background=background, crop=crop, subsampling=subsampling,
            restart=restart, reuse=reuse, noise=noise, output=output,
        )  # fmt: skip
        _options.check_number("timeout", timeout)
        self._address = _address.find(url, token)
        self._timeout = timeout
        self._pool = EncodePool(self._address, self._options, timeout)
        self._buffers: Dict[int, Buffer] = {}

    @overload
    def encode(self, frames: Sequence[Array]) -> List[bytes]: ...

    @overload
    def encode(self, frames: Any) -> Any: ...

    def encode(self, frames: Any) -> Any:
        """Returns the JPEG of a frame as bytes, and those of an array of several frames, or of a list, as a list of bytes in
        the same order.

        Over HTTP, memory that has no gaps is sent as it is. Over the ring, each frame is copied once, and one in a buffer not
        at all. Frames may be changed as soon as the call returns.
        """
        if self._buffers:
            images = self._encode_buffer(frames)
            if images is not None:
                return images
        given = frames_of(frames, self._options)
        got = self._pool.run(given, lambda session: session.encode(given, self._deadline()))
        return got[0] if given.single else got

    def buffer(self, shape: Tuple[int, ...], dtype: Any = "uint8") -> Any:
        """Returns a numpy array of that shape, for one frame or a batch of up to 64, to write frames into and give it to encode
        any number of times.

        Over the ring it is the memory that the server reads: encode copies nothing of the array itself, of one of its frames
        (a[3]), or of its first ones (a[:3]). Over HTTP it is an array like others. It may be written to whenever encode is
        not at work on it.
        """
        import numpy

        like = numpy.broadcast_to(numpy.zeros((), dtype), shape)
        given = frames_of(like, self._options)
        return new_buffer(self._pool, self._buffers, like, given, given)

    def _encode_buffer(self, frames: Any) -> Any:
        """Returns what encode does if the frames lie in a buffer, else None."""

        def encode(session: RingSession, slots: List[int]) -> List[bytes]:
            return session.encode_slots(slots)

        return in_buffer(self._buffers, frames, encode)

    def _deadline(self) -> Optional[float]:
        return None if self._timeout is None else time.monotonic() + self._timeout

    async def aencode(self, frames: Any) -> Any:
        """Is encode for asyncio: it runs on a thread, and others go on meanwhile. The frames must not change until it
        returns."""
        return await asyncio.to_thread(self.encode, frames)

    def stream(self, frames: Iterable[Any], *, ahead: int = 4) -> Iterator[bytes]:
        """Yields the JPEG of each frame, in their order, while later frames are sent.

        Each element is one frame, and all are alike. A frame may be changed as soon as the next one is asked for.

        Args:
            frames: any iterable, without an end too.
            ahead: how many frames are sent before the JPEG of the first of them is waited for.
        """
        if ahead < 1:
            raise SpecError(f"ahead: got {ahead}, want 1 or more", field="ahead")
        if not self._options.makes_jpegs:
            raise SpecError(f"output: got {self._options.output!r}, want jpeg in a stream; encode makes others", field="output")
        return self._stream(iter(frames), ahead)

    def close(self) -> None:
        """Closes the connections. The Encoder can be used all the same: it connects anew."""
        self._pool.close()

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Encoder:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        settings = "".join(f"{name}={value!r}, " for name, value in _options.as_keywords(self._options).items())
        return f"<steadyframe.Encoder {settings}at {self._address}>"

    def __reduce__(self) -> Tuple[Callable[..., Encoder], Tuple[Any, ...]]:
        where = {"url": str(self._address), "token": self._address.token, "timeout": self._timeout}
        return _rebuild, ({**_options.as_keywords(self._options), **where},)

    def _stream(self, frames: Iterator[Any], ahead: int) -> Iterator[bytes]:
        first = next(frames, _END)
        if first is _END:
            return
        given = self._one(first, 0)
        session = self._pool.open(given, min(ahead, 64))
        try:
            if isinstance(session, RingSession):
                yield from self._stream_ring(session, given, frames)
            else:
                yield from _Stream(self, session.connection, frames, ahead).run(given)
        finally:
            session.close()

    def _stream_ring(self, session: RingSession, given: Frames, frames: Iterator[Any]) -> Iterator[bytes]:
        ring = session.ring
        session.put(given)
        sent, got = 1, 0
        ended = False
        while True:
            while not ended and ring.idle:
                frame = next(frames, _END)
                ended = frame is _END
                if not ended:
                    session.put(self._like(given.description, frame, sent))
                    sent += 1
            if got == sent:
                return
            yield ring.image(got)
            got += 1

    def _like(self, description: Description, frame: Any, index: int) -> Frames:
        """Returns a later frame of a stream, which must be as the first was."""
        given = self._one(frame, index)
        if given.description != description:
            raise FrameError(f"frame {index}: got {given.description}, want {description} as frame 0 is", index=index)
        return given

    def _one(self, frame: Any, index: int) -> Frames:
        """Returns one frame of a stream."""
        try:
            return frames_of((frame,), self._options)
        except FrameError as err:
            reason = str(err).replace("frame 0:", f"frame {index}:", 1)
            raise FrameError(reason, index=index, kind=err.kind) from None


_END = object()

#: Slots that a ring has at most.
MAX_SLOTS = 64


def new_buffer(pool: Pool[Any], known: Dict[int, Buffer], like: Any, frames: Frames, work: Any) -> Any:
    """Returns an array of the shape and the dtype of like, for such frames: in the slots of a ring, where pool opens one for that
    work, and then it is noted in known; else in memory of this process."""
    import numpy

    if pool.address.ring and frames.count <= MAX_SLOTS:
        session = pool.open(work, frames.count)
        if isinstance(session, RingSession):
            return Buffer(session, frames, like.shape, like.dtype).array(known)
        session.close()
    return numpy.empty(like.shape, like.dtype)


def in_buffer(known: Dict[int, Buffer], frames: Any, encode: Callable[[Any, List[int]], List[Any]]) -> Any:
    """Returns what encode gives for the session and the slots of frames that lie in a buffer; of one frame the only one. None,
    where they lie in no buffer, or it cannot be used."""
    interface = getattr(frames, "__array_interface__", None)
    if interface is None:
        return None
    address = interface["data"][0]
    base = id(getattr(frames, "base", None))  # numpy's views have the array that owns the memory here, which is the key.
    own = known.get(base)
    for key, buffer in list(known.items()) if own is None else [(base, own)]:
        slots = buffer.slots_of(frames, address)
        if slots is None:
            continue
        try:
            if buffer.is_direct():
                return buffer.encode(slots, frames.ndim, encode)
        except ConnectionLost as err:
            if err.kind:
                raise
            _forget(known, key)  # The server died, and its memory stays: an array like others.
        return None
    return None


class Buffer:
    """An array in the slots of a ring: one frame in each."""

    def __init__(self, session: RingSession, given: Frames, shape: Tuple[int, ...], dtype: Any) -> None:
        import numpy

        ring = session.ring
        self.session = session
        self.lock = threading.Lock()
        self.clean = True  # no call was broken off
        self.lost: Optional[Error] = None  # why the memory is gone
        self.single = given.single
        self.shape = tuple(shape) if given.single else tuple(shape[1:])  # of a frame
        self.dtype = numpy.dtype(dtype)
        frame: Any = numpy.frombuffer(ring.slot(0), dtype).reshape(self.shape)
        self.strides = frame.strides
        self.pitch = ring.slot_bytes
        self.start = frame.__array_interface__["data"][0]
        self.end = self.start + ring.slots * ring.slot_bytes
        self.whole = (tuple(shape), self.strides if given.single else (self.pitch, *self.strides))

    def array(self, known: Dict[int, Buffer]) -> Any:
        """Returns the array, and notes it in known for as long as it is there."""
        import numpy

        shape, strides = self.whole
        array: Any = numpy.ndarray(shape, self.dtype, self.session.ring.input, 0, strides)
        key = id(array)
        known[key] = self
        weakref.finalize(array, _forget, known, key)
        return array

    def slots_of(self, frames: Any, address: int) -> Optional[List[int]]:
        """Returns the slots that an array is made of, in its order; None when it is not of slots, each whole."""
        if not self.start <= address < self.end or not self.session.ring.ours:
            return None
        slot, rest = divmod(address - self.start, self.pitch)
        if rest or frames.dtype != self.dtype:
            return None
        shape, strides = frames.shape, frames.strides
        if shape == self.shape:
            return [slot] if strides == self.strides else None
        if shape[1:] != self.shape or strides[1:] != self.strides:
            return None
        step, odd = divmod(strides[0], self.pitch) if shape[0] > 1 else (1, 0)
        return None if odd or not step else [slot + n * step for n in range(shape[0])]

    def is_direct(self) -> bool:
        """Whether all slots are this side's. They are not after a call that was broken off, by Ctrl-C, say, until the server is
        done with them; the array can be read meanwhile. It raises that the memory is gone, since the server has ended
        the connection."""
        with self.lock:
            if self.lost is not None:
                raise self.lost
            if self.clean:
                return True
            try:
                self.session.ring.take_back()
            except Error as err:
                raise self.gone(err) from err
            self.clean = len(self.session.ring.idle) == self.session.ring.slots
            return self.clean

    def gone(self, err: Error) -> Error:
        """Returns the error for the end of the connection. A server that says why it ends it has its memory back."""
        if err.kind or not isinstance(err, ConnectionLost):
            self.lost = ConnectionLost(f"the memory of this buffer is gone, call buffer again: {err}", kind=err.kind or "canceled")
            return self.lost
        return err

    def encode(self, slots: List[int], dimensions: int, encode: Callable[[Any, List[int]], List[Any]]) -> Any:
        """Returns what encode makes of those slots."""
        if not slots:
            raise FrameError("got an empty array, want at least one frame")
        with self.lock:
            self.clean = False
            try:
                images = encode(self.session, slots)
            except (FrameError, Busy):
                raise
            except Error as err:
                if may_go_on(err):
                    raise self.gone(err) from err
                raise
            self.clean = True
        return images[0] if dimensions == len(self.shape) else images


def _forget(known: Dict[int, Buffer], key: int) -> None:
    buffer = known.pop(key, None)
    if buffer is not None:
        buffer.session.close()


class _Stream:
    """Frames on their way, and JPEGs on theirs, on one connection."""

    def __init__(self, encoder: Encoder, connection: Connection, frames: Iterator[Any], ahead: int) -> None:
        self.encoder = encoder
        self.connection = connection
        self.frames = frames
        self.ahead = ahead
        self.response: Optional[Response] = None
        self.splitter = Splitter()
        self.ready: List[bytes] = []
        self.sent = 0
        self.got = 0
        self.ended = False

    def run(self, given: Frames) -> Iterator[bytes]:
        encoder, connection = self.encoder, self.connection
        headers = [("Transfer-Encoding", "chunked"), *ONE_AFTER_THE_OTHER]
        connection.queue([connection.head("POST", target_of(encoder._options, given.description), headers)])
        description = given.description
        self.send(given)
        while True:
            while not self.ended and self.sent - self.got < self.ahead:
                frame = next(self.frames, _END)
                if frame is _END:
                    self.ended = True
                    connection.queue([b"0\r\n\r\n"])
                    break
                self.send(encoder._like(description, frame, self.sent))
            images = self.receive(wait=self.sent > self.got)
            yield from images
            if self.ended and self.response is not None and self.response.complete:
                check_end(self.response, self.got)
                if self.got != self.sent:
                    raise ServerError(f"got {self.got} images from the server, want {self.sent}")
                return

    def send(self, given: Frames) -> None:
        """Sends a frame whole: its memory is the caller's again when this returns."""
        self.connection.queue(chunk(given.buffers()))
        self.sent += 1
        self.connection.flush(self.encoder._deadline())
        self.take()

    def receive(self, wait: bool) -> List[bytes]:
        """Returns the JPEGs that have come; with wait there is at least one, or the response is complete."""
        deadline = self.encoder._deadline()
        self.connection.push()
        while True:
            self.take()
            if self.ready or self.response is not None and self.response.complete:
                break
            if not wait and not self.ended:
                break
            self.connection.step(deadline)
        images, self.ready = self.ready, []
        self.got += len(images)
        return images

    def take(self) -> None:
        """Takes what has come from the connection."""
        connection = self.connection
        if self.response is None:
            if not connection.incoming and not connection.ended:
                return
            self.response = connection.response(self.encoder._deadline())
            if self.response.status != 200:
                raise self.response.error()
        connection.feed(self.response)
        self.ready += self.splitter.take(self.response.body)
        if self.response.complete and not self.ended:
            check_end(self.response, self.got + len(self.ready))
            raise connection.lost()


def _rebuild(keywords: Dict[str, Any]) -> Encoder:
    return Encoder(**keywords)


_encoders: Dict[Any, Encoder] = {}  # of encode, by its settings
_MAX_ENCODERS = 16


def _encoder(settings: Dict[str, Any]) -> Encoder:
    """Returns the Encoder with those settings: the same for the same ones, so that its connections are kept."""
    address = _address.find(settings["url"], settings["token"])
    try:
        key = (address, tuple(settings.values()))
        encoder = _encoders.get(key)
    except TypeError:  # A list, say: it is no key.
        return Encoder(**settings)
    if encoder is None:
        encoder = Encoder(**settings)
        if len(_encoders) >= _MAX_ENCODERS:
            oldest = _encoders.pop(next(iter(_encoders)), None)
            if oldest is not None:
                oldest.close()
        _encoders[key] = encoder
    return encoder


@overload
def encode(
    frames: Sequence[Array], *, size: Optional[Size] = ..., quality: Optional[int] = ..., color: Optional[str] = ...,
    layout: Optional[str] = ..., value_range: Optional[str] = ..., format: Optional[str] = ...,
    shape: Optional[Tuple[int, ...]] = ..., colorspace: Optional[str] = ..., mode: Optional[str] = ...,
    filter: Optional[str] = ..., background: Union[str, Tuple[int, int, int], None] = ...,
    crop: Union[str, Tuple[int, int, int, int], None] = ..., subsampling: Union[str, int, None] = ...,
    restart: Union[str, int, None] = ..., reuse: Optional[str] = ..., noise: Optional[int] = ..., output: Optional[str] = ..., url: Optional[str] = ..., token: Optional[str] = ...,
    timeout: Optional[float] = ...,
) -> List[bytes]: ...  # fmt: skip


@overload
def encode(
    frames: Any, *, size: Optional[Size] = ..., quality: Optional[int] = ..., color: Optional[str] = ...,
    layout: Optional[str] = ..., value_range: Optional[str] = ..., format: Optional[str] = ...,
    shape: Optional[Tuple[int, ...]] = ..., colorspace: Optional[str] = ..., mode: Optional[str] = ...,
    filter: Optional[str] = ..., background: Union[str, Tuple[int, int, int], None] = ...,
    crop: Union[str, Tuple[int, int, int, int], None] = ..., subsampling: Union[str, int, None] = ...,
    restart: Union[str, int, None] = ..., reuse: Optional[str] = ..., noise: Optional[int] = ..., output: Optional[str] = ..., url: Optional[str] = ..., token: Optional[str] = ...,
    timeout: Optional[float] = ...,
) -> Any: ...  # fmt: skip


def encode(
    frames: Any,
    *,
    size: Optional[Size] = None,
    quality: Optional[int] = None,
    color: Optional[str] = None,
    layout: Optional[str] = None,
    value_range: Optional[str] = None,
    format: Optional[str] = None,
    shape: Optional[Tuple[int, ...]] = None,
    colorspace: Optional[str] = None,
    mode: Optional[str] = None,
    filter: Optional[str] = None,
    background: Union[str, Tuple[int, int, int], None] = None,
    crop: Union[str, Tuple[int, int, int, int], None] = None,
    subsampling: Union[str, int, None] = None,
    restart: Union[str, int, None] = None,
    reuse: Optional[str] = None,
    noise: Optional[int] = None,
    output: Optional[str] = None,
    url: Optional[str] = None,
    token: Optional[str] = None,
    timeout: Optional[float] = 30.0,
) -> Any:
    """Returns the JPEG of a frame as bytes; those of several as a list of bytes, in the same order.

    Frames are arrays of uint8, float32 or float16 of shape (H, W, 3), (3, H, W), gray (H, W), or of one dimension more for
    several. The channels are BGR, as in OpenCV, unless color="rgb" says otherwise. A list holds one frame in each element.
    numpy, torch on the CPU, Pillow, and whatever has __array__, DLPack or the buffer protocol will do.

    The settings are those of Encoder. Connections are kept from call to call. Threads may call it at the same time.

    Raises:
        FrameError: a frame is wrong: its index, and the conversion to make.
        SpecError: the server refuses the settings.
        Busy: there is no room now; it says when to try again.
        ConnectionLost: there is no server, or no more.
        Timeout: it took longer than timeout, in seconds.
    """
    settings = dict(
        size=size, quality=quality, color=color, layout=layout, value_range=value_range, format=format, shape=shape,
        colorspace=colorspace, mode=mode, filter=filter, background=background, crop=crop, subsampling=subsampling,
        restart=restart, reuse=reuse, noise=noise, output=output, url=url, token=token, timeout=timeout,
    )  # fmt: skip
    return _encoder(settings).encode(frames)
