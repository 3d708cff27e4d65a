"""The files of a scene, for its upload: docs/scenes.md of the repository describes them."""

from __future__ import annotations

import json
import os
import re
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from . import _options
from ._errors import FrameError, SpecError
from ._frames import Frames, frames_of
from ._options import Options, rect_text

__all__ = ["File", "archived", "files_of_folder", "files_of_frames"]

#: The name of a file, and its bytes.
File = Tuple[str, Any]

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG")  # how files of images begin that the server decodes
_HIDDEN = "."


def archived(files: Iterable[File]) -> Iterator[List[Any]]:
    """Yields the pieces of a tar, those of each file together."""
    for name, data in files:
        head = tarfile.TarInfo(name)
        head.size = len(data)
        yield [head.tobuf(tarfile.USTAR_FORMAT), data, bytes(-len(data) % 512)]
    yield [bytes(1024)]


def files_of_folder(folder: Union[str, os.PathLike[str]]) -> Iterator[File]:
    """Yields the files of a scene's folder, in the order in which the server wants them."""
    root = Path(folder)
    if not root.is_dir():
        raise SpecError(f"backgrounds: got {str(root)!r}, want the folder of a scene, an array or a list of frames", field="backgrounds")
    paths = [path for path in (root / name for name in ("scene.json", "rects.json", "mask.png")) if path.is_file()]
    for name in ("masks", "frames"):
        inside = root / name
        if inside.is_dir():
            paths += sorted((path for path in inside.iterdir() if path.is_file() and path.name[0] != _HIDDEN), key=lambda path: _natural(path.name))
    if any(root.glob("video.*")):
        raise SpecError(
            f"backgrounds: {str(root)!r} has a video, which only the server's own setting scenes reads: give its frames, as files in frames/ or one after the other",
            field="backgrounds",
        )
    if not paths:
        raise SpecError(f"backgrounds: {str(root)!r} has no files of a scene: want scene.json, rects.json, frames/", field="backgrounds")
    return ((path.relative_to(root).as_posix(), path.read_bytes()) for path in paths)


def _natural(name: str) -> List[Any]:
    """Returns the key by which img2 comes before img10."""
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in re.split("([0-9]+)", name)]


def files_of_frames(
    backgrounds: Any, settings: Dict[str, Any], rect: Any, rects: Any, mask: Any, options: Options
) -> Iterator[File]:
    """Yields the files of a scene of frames, or, where backgrounds is None, of one color or none. What is wrong is raised at
    once, but for what a frame shows when its turn comes.

    Args:
        backgrounds: an array of one or more frames, or an iterable of frames, or of JPEGs and PNGs.
        settings: of scene.json, but for size and mask.
        rect: the place, or places, of all backgrounds.
        rects: a place, or a list of places, for each background.
        mask: of places without one of their own: an array, one for each background, or a dict as in rects.json.
        options: what frames are.
    """
    masks: List[File] = []
    if isinstance(mask, Mapping):
        settings = {**settings, "mask": dict(mask)}
    elif mask is not None:
        masks = _masks(mask)
    places = _places(rect, rects)
    count = len(backgrounds) if getattr(backgrounds, "ndim", 0) == 4 or isinstance(backgrounds, (list, tuple)) else 0
    for name, got in (("rects", len(places.get("frames", ()))), ("mask", 0 if masks and masks[0][0] == "mask.png" else len(masks))):
        if count and got and got != count:
            raise SpecError(f"{name}: got {got} for {count} backgrounds, want one for each", field=name)
    first, frames = _first(backgrounds, options) if backgrounds is not None else (None, iter(()))
    if isinstance(first, Frames):
        description = first.description
        if description.value_range or description.colorspace:
            raise SpecError("value_range: got it or colorspace for backgrounds, which are sRGB with floats of 0..1: convert them", field="value_range")
        settings = {**settings, "size": f"{description.width}x{description.height}"}
    return _all_files(settings, places, masks, frames)


def _all_files(settings: Dict[str, Any], places: Dict[str, Any], masks: List[File], frames: Iterator[File]) -> Iterator[File]:
    yield "scene.json", json.dumps({name: value for name, value in settings.items() if value is not None}).encode()
    if places:
        yield "rects.json", json.dumps(places).encode()
    yield from masks
    yield from frames


def _first(backgrounds: Any, options: Options) -> Tuple[Union[Frames, bytes], Iterator[File]]:
    """Returns the first background, and the files of them all."""
    each = _each(backgrounds, options)
    try:
        first = next(each)
    except StopIteration:
        raise FrameError("got no backgrounds, want at least one frame") from None

    def files() -> Iterator[File]:
        yield _file(first, 0, first)
        for index, frame in enumerate(each, 1):
            yield _file(frame, index, first)

    return first, files()


def _file(frame: Union[Frames, bytes], index: int, first: Union[Frames, bytes]) -> File:
    if not isinstance(frame, Frames):
        return f"frames/{index}", frame
    if not isinstance(first, Frames):
        raise FrameError(f"frame {index}: got pixels, want a JPEG or PNG as frame 0 is", index=index)
    if (frame.description.width, frame.description.height) != (first.description.width, first.description.height):
        raise FrameError(f"frame {index}: got {frame.description}, want {first.description} as frame 0 is: backgrounds are of one size", index=index)
    (data,) = frame.buffers()
    return f"frames/{index}.{frame.description.format}", data


def _each(backgrounds: Any, options: Options) -> Iterator[Union[Frames, bytes]]:
    """Yields each background: a frame, or the bytes of a JPEG or PNG."""
    if hasattr(backgrounds, "shape") or isinstance(backgrounds, (bytes, bytearray, memoryview)):
        if _is_image(backgrounds):
            yield bytes(backgrounds)
            return
        yield from frames_of(backgrounds, options).each()
        return
    try:
        iterator = iter(backgrounds)
    except TypeError:
        frames_of(backgrounds, options)  # It says what is wrong.
        raise
    for index, frame in enumerate(iterator):
        if _is_image(frame):
            yield bytes(frame)
            continue
        try:
            given = frames_of((frame,), options)
        except FrameError as err:
            raise FrameError(str(err).replace("frame 0:", f"frame {index}:", 1), index=index, kind=err.kind) from None
        yield from given.each()


def _is_image(data: Any) -> bool:
    return isinstance(data, (bytes, bytearray, memoryview)) and bytes(data[:4]).startswith(_IMAGES)


def _places(rect: Any, rects: Any) -> Dict[str, Any]:
    """Returns what rects.json has."""
    if rect is not None and rects is not None:
        raise SpecError("rects: got it and rect, want rect for all backgrounds, or rects, one for each", field="rects")
    if rect is not None:
        return {"all": _list_of_places(rect, "rect")}
    if rects is not None:
        return {"frames": [_list_of_places(place, f"rects[{i}]") for i, place in enumerate(rects)]}
    return {}


def _list_of_places(given: Any, field: str) -> List[Any]:
    """Returns places: given is one, or a list of them."""
    if given is None:
        return []
    if isinstance(given, (str, Mapping)) or len(_options.whole_numbers(given)) == 4:
        return [_place(given, field)]
    try:
        several = list(given)
    except TypeError:
        several = [given]
    return [_place(place, f"{field}[{i}]") for i, place in enumerate(several)]


def _place(given: Any, field: str) -> Any:
    """Returns a place as rects.json has it."""
    if not isinstance(given, Mapping):
        return rect_text(given, field)
    place = dict(given)
    if "rect" in place:
        place["rect"] = rect_text(place["rect"], f"{field}['rect']")
    if "affine" in place:
        numbers = getattr(place["affine"], "ravel", lambda: place["affine"])()  # a matrix of numpy
        place["affine"] = [float(x) for x in numbers]
    return place


def _masks(given: Any) -> List[File]:
    """Returns the files of a mask, or of one for each background."""
    shape: Optional[Tuple[int, ...]] = getattr(given, "shape", None)
    if shape is not None and len(shape) == 2:
        return [("mask.png", _png(given, "mask"))]
    if shape is not None and len(shape) != 3 or shape is None and not isinstance(given, Sequence):
        raise SpecError(f"mask: got {'shape ' + str(shape) if shape else type(given).__qualname__}, want uint8 of (height, width), one for each background, or a dict such as {{'feather': 12}}", field="mask")
    if shape is not None and shape[2] in (3, 4) and shape[0] > 4:
        raise SpecError(f"mask: got shape {shape}, which has colors, want uint8 of (height, width), such as mask[..., {shape[2] - 1 if shape[2] == 4 else 0}]", field="mask")
    return [(f"masks/{index}.png", _png(one, f"mask[{index}]")) for index, one in enumerate(given)]


def _png(mask: Any, field: str) -> bytes:
    """Returns a mask as a gray PNG."""
    try:
        view = memoryview(mask)
    except TypeError:
        raise SpecError(f"{field}: got a {type(mask).__qualname__}, want a numpy array of uint8 of (height, width)", field="mask") from None
    shape = view.shape or ()
    if len(shape) != 2 or view.format != "B" or 0 in shape:
        advice = {"?": "mask.astype(np.uint8) * 255", "f": "(mask * 255).astype(np.uint8)", "d": "(mask * 255).astype(np.uint8)"}.get(view.format, "mask.astype(np.uint8)")
        raise SpecError(f"{field}: got samples of type {view.format!r} and shape {shape}, want uint8 of (height, width): {advice}", field="mask")
    height, width = shape
    data = view.tobytes()
    rows = b"".join(b"\0" + data[at : at + width] for at in range(0, len(data), width))
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
