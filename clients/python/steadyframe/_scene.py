"""Scenes: backgrounds that the server has, and regions pasted onto them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Type, Union, overload
from urllib.parse import quote

from . import _address, _options, _scene_files
from ._address import Address
from ._composition import NOTHING, Compositions, composition, compositions, image_of_frames, index_of, rects_of
from ._encode import Buffer, in_buffer, new_buffer
from ._errors import FrameError, NotFound, ServerError, SpecError
from ._frames import frames_of
from ._http import Connection, chunk
from ._jpeg import JPEG, Splitter
from ._options import Options
from ._ring import Ring
from ._sessions import ACCEPT_ALL, HTTPSession, Pool, RingSession, check_end, slots_for, target_of

__all__ = ["Scene", "SceneImage", "SceneInfo", "scenes"]

_TYPE = ("Content-Type", "application/x-steadyframe-images")


class SceneImage(JPEG):
    """An image of a scene: the bytes of a JPEG, which notebooks show.

    Attributes:
        alpha: of a transparent scene, a gray JPEG of alpha; the image's own colors are multiplied by it. Else None.
    """

    alpha: Optional[bytes]


@dataclass(frozen=True)
class SceneInfo:
    """What is known of a scene of the server.

    Attributes:
        name: of the scene.
        width, height: of the images, in pixels.
        backgrounds: how many there are.
        places: regions that the background with the most takes.
        walk: the order of the backgrounds: "to-and-fro" or "loop".
        movable: whether an image may say where its regions go.
        transparent: whether images have alpha.
        bytes: that the scene holds of the server's memory budget.
        users: requests and live streams that use it.
        loaded: when, as RFC 3339 has it.
        unloaded: whether it takes no further users, and ends with the last.
    """

    name: str
    width: int
    height: int
    backgrounds: int
    places: int
    walk: str
    movable: bool
    transparent: bool
    bytes: int
    users: int
    loaded: str
    unloaded: bool


class Scene:
    """A scene of the server, by its name. sf.Scene("anna") uses one that is there; Scene.load loads one.

    Any number of threads, programs and live streams may use a scene. Images go through the ring where there is one; loading,
    listing and unloading go over HTTP. After a fork, and when it was pickled for another process,
    a Scene opens its own connections.
    """

    def __init__(
        self,
        name: str,
        *,
        color: Optional[str] = None,
        layout: Optional[str] = None,
        value_range: Optional[str] = None,
        format: Optional[str] = None,
        shape: Optional[Tuple[int, ...]] = None,
        colorspace: Optional[str] = None,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: Optional[float] = 30.0,
    ) -> None:
        """Sets which scene it is, and what regions are. Nothing is asked of the server.

        Args:
            name: of the scene.
            color, layout, value_range, format, shape, colorspace: of the regions, as Encoder has them of frames.
            url, token, timeout: as of Encoder.
        """
        _options.check_name(name, "scene", "anna")
        _options.check_number("timeout", timeout)
        self.name = name
        self._options = _options.make(
            color=color, layout=layout, value_range=value_range, format=format, shape=shape, colorspace=colorspace, scene=name
        )
        self._address = _address.find(url, token)
        self._timeout = timeout
        self._pool = _ScenePool(self._address, self._options, timeout)
        self._buffers: Dict[int, Buffer] = {}

    @classmethod
    def load(
        cls: Type[Scene],
        name: str,
        backgrounds: Any = None,
        *,
        rect: Any = None,
        rects: Optional[Iterable[Any]] = None,
        mask: Any = None,
        size: Optional[Tuple[int, int]] = None,
        background: Union[str, Tuple[int, int, int], None] = None,
        transparent: bool = False,
        quality: Optional[int] = None,
        subsampling: Union[str, int, None] = None,
        restart: Optional[int] = None,
        filter: Optional[str] = None,
        walk: Optional[str] = None,
        movable: bool = False,
        color: Optional[str] = None,
        layout: Optional[str] = None,
        value_range: Optional[str] = None,
        format: Optional[str] = None,
        shape: Optional[Tuple[int, ...]] = None,
        colorspace: Optional[str] = None,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: Optional[float] = 30.0,
    ) -> Scene:
        """Loads a scene into the server, and returns it. It takes the place of one of that name when all of it is there; if it is
        wrong, or does not fit, that one stays.

        Args:
            name: of the scene.
            backgrounds: the folder of a scene (docs/scenes.md), which says everything; or an array of one or several frames;
                or any iterable of frames, as encode takes them, or of JPEGs and PNGs as bytes. Iterables are read as they are sent.
            rect: where regions go on all backgrounds: (x, y, width, height), a list of them, or, for masks and affine places,
                dicts as in rects.json: {"rect": (x, y, width, height), "mask": {"shape": "ellipse", "feather": 12}} or
                {"affine": matrix of 2x3, "region": "512x512"}.
            rects: the same, one for each background.
            mask: how much of the regions is seen: an array of uint8 of (height, width), of any size; a list of them, or one
                array, with one for each background; or {"feather": 12}, {"shape": "ellipse", "feather": 4}.
            size: without backgrounds: (width, height) of the images,
            background: their color, (red, green, blue) or "#rrggbb",
            transparent: or that there is nothing, and images have alpha.
            quality: of the images, 1 to 100; 75 without it.
            subsampling: "420" (the default), "422" or "444".
            restart: how many MCUs are coded together, 12 without it.
            filter: how regions are resized: "bilinear" (the default), "area" or "nearest".
            walk: which background an index is: "to-and-fro" (the default) or "loop".
            movable: whether images may say where their regions go. It takes more memory.
            color, layout, value_range, format, shape, colorspace: of backgrounds that are arrays, and later of the regions.
            timeout: in seconds, of each file.

        Raises:
            SpecError, FrameError: the scene is wrong.
            Busy: there is no room for it.
        """
        scene = cls(
            name, color=color, layout=layout, value_range=value_range, format=format, shape=shape, colorspace=colorspace, url=url, token=token, timeout=timeout
        )
        settings = dict(
            quality=quality, subsampling=None if subsampling is None else str(subsampling).replace(":", ""), restart=restart, filter=filter, walk=walk,
            movable=movable or None, transparent=transparent or None,
            color=background if background is None or isinstance(background, str) else _options.color_text(background, "background"),
            size=None if size is None else _options.size_text(size),
        )  # fmt: skip
        if isinstance(backgrounds, (str, os.PathLike)):
            beside = [name for name, value in [*settings.items(), ("rect", rect), ("rects", rects), ("mask", mask)] if value is not None]
            if beside:
                raise SpecError(f"{beside[0]}: got it with the folder of a scene, whose files say it", field=beside[0])
            files = _scene_files.files_of_folder(backgrounds)
        else:
            _check_kind(backgrounds, size, background, transparent)
            files = _scene_files.files_of_frames(backgrounds, settings, rect, rects, mask, scene._options)
        scene._upload(files)
        return scene

    def _upload(self, files: Iterator[_scene_files.File]) -> None:
        connection = Connection(self._address, self._timeout)
        try:
            headers = [("Content-Type", "application/x-tar"), ("Transfer-Encoding", "chunked")]
            connection.queue([connection.head("PUT", self._target, headers)])
            for piece in _scene_files.archived(files):
                connection.queue(chunk([part for part in piece if len(part)]))
                connection.flush(self._deadline(), unasked=True)
                if connection.poll():
                    break  # The server says what is wrong.
            else:
                connection.queue([b"0\r\n\r\n"])
            _read(connection, self._deadline)
        finally:
            connection.close()

    @property
    def _target(self) -> str:
        return f"/v1/scenes/{quote(self.name, safe='')}"

    def _deadline(self) -> Optional[float]:
        return None if self._timeout is None else time.monotonic() + self._timeout

    @overload
    def encode(self, index: int, regions: Any = None, *, rects: Optional[Sequence[Any]] = None) -> SceneImage: ...

    @overload
    def encode(self, index: Sequence[int], regions: Any = None, *, rects: Optional[Sequence[Any]] = None) -> List[SceneImage]: ...

    def encode(self, index: Any, regions: Any = None, *, rects: Optional[Sequence[Any]] = None) -> Any:
        """Returns the image of an index: its background, with regions on it.

        Args:
            index: which background, from 0 on, without end; or several, such as range(12, 37), for a list of images.
            regions: one frame, or several in an array or a list, one for each place of the background. Without them the image
                is the background. With several indices, a sequence with the regions of each: an array, a list, or None.
            rects: in a scene that is movable, where the regions go: (x, y, width, height) of each, or None for its place.
                With several indices, a sequence of such lists.

        Raises:
            FrameError: a region is wrong, or an image could not be made; index says which.
            NotFound: the server has no such scene.
        """
        several = hasattr(index, "__len__") and getattr(index, "shape", None) != ()
        if self._buffers:
            got = self._encode_buffer(index, several, regions, rects)
            if got is not None:
                return got
        images = compositions(index, regions, rects, self._options) if several else [composition(index, regions, rects, self._options)]
        if not images:
            return []
        given = Compositions(images)
        got = self._pool.run(given, lambda session: session.compose(given, self._deadline()))
        return got if several else got[0]

    def buffer(self, shape: Tuple[int, ...], dtype: Any = "uint8") -> Any:
        """Returns a numpy array of that shape, for one region or up to 64, to write regions into and give it to encode any number of
        times.

        Over the ring it is the memory that the server reads: encode copies nothing, of one of its regions for an index,
        encode(12, a[3]), or of as many as there are indices, encode(range(12, 37), a). Over HTTP it is an array like others.
        It may be written to whenever encode is not at work on it.
        """
        import numpy

        like = numpy.broadcast_to(numpy.zeros((), dtype), shape)
        given = frames_of(like, self._options)
        images = Compositions([image_of_frames(0, one, None) for one in given.each()])
        return new_buffer(self._pool, self._buffers, like, given, images)

    def _encode_buffer(self, index: Any, several: bool, regions: Any, rects: Any) -> Any:
        """Returns what encode does if the regions lie in a buffer, one for each index, else None."""
        if several:
            if not hasattr(regions, "shape") or len(regions) != len(index) or rects is not None and len(rects) != len(index):
                return None
            indices, all_rects = index, rects
        else:
            indices, all_rects = [index], None if rects is None else [rects]

        def encode(session: Any, slots: List[int]) -> List[SceneImage]:
            if len(slots) != len(indices):
                raise FrameError(f"got {len(slots)} regions in a buffer for {len(indices)} indices, want one for each")
            where: Any = itertools.repeat(()) if all_rects is None else [() if given is None else rects_of(given, 1) for given in all_rects]
            images: List[SceneImage] = session.compose_slots(slots, [index_of(index) for index in indices], where)
            return images

        return in_buffer(self._buffers, regions, encode)

    async def aencode(self, index: Any, regions: Any = None, *, rects: Optional[Sequence[Any]] = None) -> Any:
        """Is encode for asyncio: it runs on a thread. The regions must not change until it returns."""
        return await asyncio.to_thread(self.encode, index, regions, rects=rects)

    def info(self) -> SceneInfo:
        """Returns what the server knows of the scene. It raises NotFound where there is none."""
        for info in _scenes(self._address, self._timeout):
            if info.name == self.name and not info.unloaded:
                return info
        raise NotFound(f"unknown scene: got {self.name!r}, and there is none", kind="not_found", field="scene")

    def unload(self) -> SceneInfo:
        """Unloads the scene. Who uses it goes on; its memory comes back with the last of them."""
        self.close()
        return _info(json.loads(_call(self._address, "DELETE", self._target, self._timeout)))

    def close(self) -> None:
        """Closes the connections. The scene stays in the server, and this object can be used all the same."""
        self._pool.close()

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<steadyframe.Scene {self.name!r} at {self._address}>"

    def __reduce__(self) -> Tuple[Callable[..., Scene], Tuple[Any, ...]]:
        keywords = _options.as_keywords(self._options)
        del keywords["scene"]
        return _rebuild, ({**keywords, "name": self.name, "url": str(self._address), "token": self._address.token, "timeout": self._timeout},)


def _rebuild(keywords: Dict[str, Any]) -> Scene:
    return Scene(**keywords)


def _check_kind(backgrounds: Any, size: Any, background: Any, transparent: bool) -> None:
    """Refuses a scene of more than one kind of backgrounds, or of none."""
    if backgrounds is not None:
        for name, value in (("size", size), ("background", background), ("transparent", transparent or None)):
            if value is not None:
                raise SpecError(f"{name}: got {value!r} beside backgrounds, want it without them", field=name)
    elif background is None and not transparent:
        raise SpecError("backgrounds: got none, want frames, the folder of a scene, background=(red, green, blue), or transparent=True", field="backgrounds")
    elif size is None:
        raise SpecError("size: got none, want (width, height) of the images of a scene without frames", field="size")


class _HTTPSession(HTTPSession):
    """Images of a scene on one kept connection."""

    def compose(self, given: Compositions, deadline: Optional[float]) -> List[SceneImage]:
        """Returns all images."""
        connection = self.connection
        self.reusable = False
        body = [part for image in given.images for part in image.buffers()]
        headers = [_TYPE, ("Content-Length", str(sum(len(part) for part in body))), *ACCEPT_ALL]
        connection.queue([connection.head("POST", target_of(self.options, given.description), headers), *body])
        response = connection.response(deadline)
        if response.status != 200:
            raise response.error()
        jpegs: List[bytes] = []
        splitter = Splitter()
        while not response.complete:
            jpegs += splitter.take(response.body)
            connection.step(deadline)
            connection.feed(response)
        jpegs += splitter.take(response.body)
        transparent = "x-steadyframe-layers" in response.headers
        layers = 2 if transparent else 1
        check_end(response, len(jpegs) // layers, "image")
        if len(jpegs) != layers * given.count:
            raise ServerError(f"got {len(jpegs)} JPEGs from the server, want {layers * given.count}")
        self.reusable = response.reusable and not connection.pending
        return [image_of(jpegs[at], jpegs[at + 1] if transparent else None) for at in range(0, len(jpegs), layers)]


def image_of(color: bytes, alpha: Optional[bytes]) -> SceneImage:
    """Returns an image of its JPEGs."""
    image = SceneImage(color)
    image.alpha = alpha
    return image


class _RingSession(RingSession):
    """Images of a scene through memory that is shared, the regions of each in a slot of its own."""

    def __init__(self, path: str, options: Options, given: Compositions, slots: int, timeout: Optional[float]) -> None:
        self.description = given.description
        hello = {"use": "encode", "slots": slots, "batch": max(given.most, 1), "spec": options.spec(given.description)}
        self.ring = Ring(path, hello, timeout)
        self.reusable = True

    def fits(self, given: Any) -> bool:
        """Whether it can carry such images, and has the slots that as many want."""
        ring = self.ring
        return given.description in (self.description, NOTHING) and given.most <= ring.batch and ring.slots >= slots_for(given)

    def compose(self, given: Compositions, deadline: Optional[float]) -> List[SceneImage]:
        """Returns all images. While the server makes some, the regions of the next are copied."""
        ring = self.ring
        if given.frame_bytes not in (0, ring.frame_bytes):
            raise ServerError(f"got slots of {ring.frame_bytes} bytes from the server, want {given.frame_bytes} for {given.description}")
        several = given.count > 1
        images: List[SceneImage] = []

        def take() -> None:
            number = len(images)
            images.append(image_of(*ring.layers(number, f"image {number}: " if several else "")))

        for image in given.images:
            if not ring.idle:
                take()
            image.put(ring, ring.idle.popleft())
        while len(images) < given.count:
            take()
        return images


    def compose_slots(self, slots: List[int], indices: List[int], rects: Iterable[Sequence[Any]]) -> List[SceneImage]:
        """Returns the images of those indices whose regions those slots hold, one in each."""
        ring = self.ring
        for slot in slots:
            ring.idle.remove(slot)
        for slot, index, where in zip(slots, indices, rects):
            ring.submit_image(slot, 1, index, where)
        several = len(slots) > 1
        return [image_of(*ring.layers(number, f"image {number}: " if several else "")) for number in range(len(slots))]


_Session = Union[_HTTPSession, _RingSession]


class _ScenePool(Pool[_Session]):
    """Idle sessions for the images of a scene."""

    def over_ring(self, given: Compositions, slots: int) -> _Session:
        return _RingSession(self.address.ring, self.options, given, slots, self.timeout)

    def over_http(self, address: Address) -> _Session:
        return _HTTPSession(address, self.options, self.timeout)


def scenes(*, url: Optional[str] = None, token: Optional[str] = None, timeout: Optional[float] = 30.0) -> List[SceneInfo]:
    """Returns what is known of the server's scenes, sorted by name. A scene that was unloaded or replaced is among them for as
    long as something uses it."""
    _options.check_number("timeout", timeout)
    return _scenes(_address.find(url, token), timeout)


def _scenes(address: Address, timeout: Optional[float]) -> List[SceneInfo]:
    return [_info(entry) for entry in json.loads(_call(address, "GET", "/v1/scenes", timeout))["scenes"]]


def _info(entry: Dict[str, Any]) -> SceneInfo:
    return SceneInfo(**{name: entry[name] for name in SceneInfo.__dataclass_fields__})


def _call(address: Address, method: str, target: str, timeout: Optional[float]) -> bytes:
    """Returns the response to a request without a body."""
    connection = Connection(address, timeout)
    try:
        connection.queue([connection.head(method, target, ())])
        return _read(connection, lambda: None if timeout is None else time.monotonic() + timeout)
    finally:
        connection.close()


def _read(connection: Connection, deadline: Callable[[], Optional[float]]) -> bytes:
    """Returns the body of the response, or raises the error that it says."""
    response = connection.response(deadline())
    if response.status != 200:
        raise response.error()
    while not response.complete:
        connection.step(deadline())
        connection.feed(response)
    return bytes(response.body)
