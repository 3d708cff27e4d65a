"""Images of a scene, as they are sent: which background, and the regions on it."""

from __future__ import annotations

import operator
from typing import Any, List, Optional, Sequence, Tuple

from ._errors import FrameError, SpecError
from ._frames import Frames, frames_of
from ._options import Description, Options, rect_of, rect_text
from ._ring import Ring

__all__ = ["Composition", "composition", "compositions"]

#: Of images without regions.
NOTHING = Description("", 0, 0)

#: Regions that an image has at most.
MAX_REGIONS = 16

#: x, y, width, height.
Rect = Tuple[int, int, int, int]

_MAX_INDEX = 2**63 - 1


class Composition:
    """One image of a scene.

    Attributes:
        index: of the background; None for one more than that of the image before.
        regions: their frames; None where there are none.
        rects: where they go, as (x, y, width, height); None for their places.
        description: of the regions.
    """

    __slots__ = ("description", "index", "rects", "regions")

    def __init__(self, index: Optional[int], regions: Optional[Frames], rects: Sequence[Optional[Rect]], description: Description = NOTHING) -> None:
        self.index = index
        self.regions = regions
        self.rects = rects
        self.description = regions.description if regions is not None else description

    @property
    def count(self) -> int:
        """How many regions there are."""
        return 0 if self.regions is None else self.regions.count

    @property
    def frame_bytes(self) -> int:
        """Bytes of a region; 0 where there are none."""
        return 0 if self.regions is None else self.regions.frame_bytes

    def put(self, ring: Ring, slot: int, captured: int = 0) -> None:
        """Copies the regions into a slot of a ring, and submits it."""
        regions = self.regions
        if regions is not None and regions.count == 1:
            regions.copy_to(ring.slot(slot))
        elif regions is not None:
            for number, region in enumerate(regions.each()):
                region.copy_to(ring.slot(slot, number))
        ring.submit_image(slot, self.count, self.index, self.rects, captured=captured)

    def buffers(self, captured: int = 0) -> List[Any]:
        """Returns what stands for it in a body of images: a line, and the regions' bytes. captured is when it was, in microseconds
        since 1970; 0: when it comes."""
        words = ["IMAGE"]
        if captured:
            words.append(f"captured_us={captured}")
        if self.index is not None:
            words.append(f"index={self.index}")
        if self.regions is None:
            return [" ".join(words).encode() + b"\n"]
        words.append(f"regions={self.count}")
        words += [f"rect={rect_text(rect or (0, 0, 0, 0), 'rects')}" for rect in self.rects]
        return [" ".join(words).encode() + b"\n", *self.regions.buffers()]


class Compositions:
    """The images of one call.

    Attributes:
        images: there is at least one.
        description: of all regions.
        count: how many images there are.
        frame_bytes: of a region.
        most: how many regions the image with the most has.
    """

    __slots__ = ("count", "description", "frame_bytes", "images", "most")

    def __init__(self, images: List[Composition]) -> None:
        self.images = images
        self.count = len(images)
        self.description = NOTHING
        self.frame_bytes = self.most = 0
        for number, image in enumerate(images):
            if image.regions is None:
                continue
            if self.description is NOTHING:
                self.description, self.frame_bytes = image.description, image.frame_bytes
            elif image.description != self.description:
                raise FrameError(f"image {number}: got regions of {image.description}, want {self.description} as those before are", index=number)
            self.most = max(self.most, image.count)


def composition(
    index: Any, regions: Any, rects: Any, options: Options, *, counting: bool = False, description: Description = NOTHING
) -> Composition:
    """Returns the image of an index with regions, as a caller gives them. With counting the index may be None, for one more
    than that of the image before. description is that of regions, where there are none."""
    if regions is None or isinstance(regions, (list, tuple)) and not regions:
        return image_of_frames(index, None, rects, counting=counting, description=description)
    return image_of_frames(index, frames_of(regions, options), rects, counting=counting)


def image_of_frames(
    index: Any, regions: Optional[Frames], rects: Any, *, counting: bool = False, description: Description = NOTHING
) -> Composition:
    """Is composition for regions that are known."""
    if index is not None or not counting:
        index = index_of(index)
    if regions is None:
        if rects:
            raise SpecError(f"rects: got {rects!r} without regions", field="rects")
        return Composition(index, None, (), description)
    if regions.count > MAX_REGIONS:
        raise FrameError(f"got {regions.count} regions in an image, want {MAX_REGIONS} at most; for an image of each, give as many indices")
    return Composition(index, regions, () if rects is None else rects_of(rects, regions.count))


def index_of(given: Any) -> int:
    """Returns the index of a background."""
    try:
        index = operator.index(given)
    except TypeError:
        raise SpecError(f"index: got {given!r}, want a whole number from 0 on, or a sequence of them", field="index") from None
    if not 0 <= index <= _MAX_INDEX:
        raise SpecError(f"index: got {index}, want it from 0 on", field="index")
    return index


def rects_of(given: Any, count: int) -> List[Optional[Rect]]:
    """Returns where so many regions go."""
    rects = [None if rect is None else rect_of(rect, f"rects[{i}]") for i, rect in enumerate(_several(given, "rects"))]
    if len(rects) > count:
        raise SpecError(f"rects: got {len(rects)} for {count} regions, want at most one for each", field="rects")
    return rects


def compositions(indices: Sequence[Any], regions: Any, rects: Any, options: Options) -> List[Composition]:
    """Returns the images of several indices, with the regions, and the rectangles, of each."""
    for name, value in (("regions", regions), ("rects", rects)):
        if value is not None and len(_several(value, name)) != len(indices):
            raise SpecError(f"{name}: got {len(value)} for {len(indices)} indices, want as many", field=name)
    images: List[Composition] = []
    for number, index in enumerate(indices):
        try:
            images.append(composition(index, None if regions is None else regions[number], None if rects is None else rects[number], options))
        except FrameError as err:
            raise FrameError(f"image {number}: {err}", index=number, kind=err.kind) from None
    return images


def _several(given: Any, name: str) -> Any:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__len__"):
        raise SpecError(f"{name}: got {given!r}, want a list of them", field=name)
    return given
