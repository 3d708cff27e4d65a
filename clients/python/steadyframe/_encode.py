"""Frames to JPEGs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union, overload

from . import _address, _errors, _options
from ._errors import ConnectionLost, Error, FrameError, ServerError, SpecError
from ._frames import Frames, frames_of
from ._http import Connection, Pool, Response, chunk
from ._jpeg import Splitter
from ._options import Description, Options, Size

if TYPE_CHECKING:
    from ._frames import Array

__all__ = ["Encoder", "encode"]

_OCTETS = ("Content-Type", "application/octet-stream")
_ONE_AFTER_THE_OTHER = [("Accept", "video/x-motion-jpeg"), ("TE", "trailers")]


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
            output: "jpeg" (the default), or raw pixels: "rgb24", "bgr24", "rgba", "yuv420p".
            url: the server: http://HOST:PORT, https://HOST or unix:/PATH; else the variable STEADYFRAME_URL, else
                http://127.0.0.1:8080.
            token: that the server wants; else the variable STEADYFRAME_AUTH_TOKEN.
            timeout: of a call, and in stream of an image, in seconds; None for no limit.
        """
        self._options = _options.make(
            size=size, quality=quality, color=color, layout=layout, value_range=value_range, format=format, shape=shape,
            colorspace=colorspace, mode=mode, filter=filter, background=background, crop=crop, subsampling=subsampling,
            restart=restart, output=output,
        )  # fmt: skip
        self._address = _address.find(url, token)
        self._timeout = timeout
        self._pool = Pool(self._address)
        self._target: Tuple[Optional[Description], str] = (None, "")

    @overload
    def encode(self, frames: Sequence[Array]) -> List[bytes]: ...

    @overload
    def encode(self, frames: Any) -> Any: ...

    def encode(self, frames: Any) -> Any:
        """Returns the JPEG of a frame as bytes, and those of an array of several frames, or of a list, as a list of bytes in
        the same order.

        Memory that has no gaps is sent as it is, and may be changed as soon as the call returns.
        """
        given = frames_of(frames, self._options)
        images = self._with_connection(given)
        return images[0] if given.single else images

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

    def _query(self, given: Description) -> str:
        known, target = self._target
        if known != given:
            target = "/v1/encode?" + self._options.query(given)
            self._target = (given, target)
        return target

    def _with_connection(self, given: Frames) -> List[bytes]:
        """Sends frames and returns their images."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            connection = self._pool.take(self._timeout)
            kept = connection.used
            try:
                images = self._exchange(connection, given, deadline)
            except BaseException as err:
                connection.close()
                if isinstance(err, ConnectionLost) and not err.kind and kept and not connection.answered:
                    continue  # The server ended it while it was idle: nothing of this call has happened.
                raise
            if connection.used:
                self._pool.give(connection)
            else:
                connection.close()
            return images

    def _exchange(self, connection: Connection, given: Frames, deadline: Optional[float]) -> List[bytes]:
        headers = [_OCTETS, ("Content-Length", str(given.count * given.frame_bytes))]
        alone = given.count == 1 and self._options.makes_jpegs
        if not alone:
            headers += _ONE_AFTER_THE_OTHER
        connection.queue([connection.head("POST", self._query(given.description), headers), *given.buffers()])
        response = connection.response(deadline)
        if response.status != 200:
            raise response.error()
        images: List[bytes] = []
        splitter = Splitter()
        split = not alone and self._options.makes_jpegs
        while not response.complete:
            if split:
                images += splitter.take(response.body)
            connection.step(deadline)
            connection.feed(response)
        if split:
            images += splitter.take(response.body)
        elif len(response.body) % given.count == 0:
            size = len(response.body) // given.count
            images = [bytes(response.body[at : at + size]) for at in range(0, len(response.body), size)] if size else []
        _check_end(response, len(images))
        if len(images) != given.count:
            raise ServerError(f"got {len(images)} images from the server, want {given.count}")
        connection.used = response.reusable and not connection.pending
        return images

    def _stream(self, frames: Iterator[Any], ahead: int) -> Iterator[bytes]:
        first = next(frames, _END)
        if first is _END:
            return
        given = self._one(first, 0)
        connection = Connection(self._address, self._timeout)
        try:
            yield from _Stream(self, connection, frames, ahead).run(given)
        finally:
            connection.close()

    def _one(self, frame: Any, index: int) -> Frames:
        """Returns one frame of a stream."""
        try:
            return frames_of((frame,), self._options)
        except FrameError as err:
            reason = str(err).replace("frame 0:", f"frame {index}:", 1)
            raise FrameError(reason, index=index, kind=err.kind) from None


_END = object()


def _check_end(response: Response, images: int) -> None:
    """Raises what a response ended with, if that is an error."""
    trailer = response.headers.get("steadyframe-error")
    if trailer is None:
        return
    error = _errors.from_trailer(trailer)
    if isinstance(error, (SpecError, ServerError)):
        error = FrameError(f"frame {images}: {error}", index=images, kind=error.kind)
    raise error


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
        headers = [_OCTETS, ("Transfer-Encoding", "chunked"), *_ONE_AFTER_THE_OTHER]
        connection.queue([connection.head("POST", encoder._query(given.description), headers)])
        description = given.description
        self.send(given)
        while True:
            while not self.ended and self.sent - self.got < self.ahead:
                frame = next(self.frames, _END)
                if frame is _END:
                    self.ended = True
                    connection.queue([b"0\r\n\r\n"])
                    break
                given = encoder._one(frame, self.sent)
                if given.description != description:
                    raise FrameError(f"frame {self.sent}: got {given.description}, want {description} as frame 0 is", index=self.sent)
                self.send(given)
            images = self.receive(wait=self.sent > self.got)
            yield from images
            if self.ended and self.response is not None and self.response.complete:
                _check_end(self.response, self.got)
                if self.got != self.sent:
                    raise ServerError(f"got {self.got} images from the server, want {self.sent}")
                return

    def send(self, given: Frames) -> None:
        """Sends a frame whole: its memory is the caller's again when this returns."""
        self.connection.queue(chunk(given.buffers()))
        self.sent += 1
        deadline = self.deadline()
        self.connection.push()
        while self.connection.pending:
            self.connection.step(deadline)
            self.take()

    def receive(self, wait: bool) -> List[bytes]:
        """Returns the JPEGs that have come; with wait there is at least one, or the response is complete."""
        deadline = self.deadline()
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
            self.response = connection.response(self.deadline())
            if self.response.status != 200:
                raise self.response.error()
        connection.feed(self.response)
        self.ready += self.splitter.take(self.response.body)
        if self.response.complete and not self.ended:
            _check_end(self.response, self.got + len(self.ready))
            raise connection.lost()

    def deadline(self) -> Optional[float]:
        timeout = self.encoder._timeout
        return None if timeout is None else time.monotonic() + timeout


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
    restart: Union[str, int, None] = ..., output: Optional[str] = ..., url: Optional[str] = ..., token: Optional[str] = ...,
    timeout: Optional[float] = ...,
) -> List[bytes]: ...  # fmt: skip


@overload
def encode(
    frames: Any, *, size: Optional[Size] = ..., quality: Optional[int] = ..., color: Optional[str] = ...,
    layout: Optional[str] = ..., value_range: Optional[str] = ..., format: Optional[str] = ...,
    shape: Optional[Tuple[int, ...]] = ..., colorspace: Optional[str] = ..., mode: Optional[str] = ...,
    filter: Optional[str] = ..., background: Union[str, Tuple[int, int, int], None] = ...,
    crop: Union[str, Tuple[int, int, int, int], None] = ..., subsampling: Union[str, int, None] = ...,
    restart: Union[str, int, None] = ..., output: Optional[str] = ..., url: Optional[str] = ..., token: Optional[str] = ...,
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
        restart=restart, output=output, url=url, token=token, timeout=timeout,
    )  # fmt: skip
    return _encoder(settings).encode(frames)
