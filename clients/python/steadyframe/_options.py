"""What to make of frames: the server's Spec, as keyword arguments say it."""

from __future__ import annotations

import operator
import re
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple, Union
from urllib.parse import urlencode

from ._errors import SpecError

__all__ = ["Description", "Options", "Size"]

#: (width, height), as OpenCV and Pillow have it; one of them may be None, and then the other keeps the aspect.
Size = Union[Tuple[Optional[int], Optional[int]], str]


#: What stands for JPEGs in the place of a pixel format.
JPEG_FORMAT = "jpeg"


@dataclass(frozen=True)
class Description:
    """What a frame is, as the server has it: format is its name of the pixel format, or JPEG_FORMAT, and then it has no size.
    Without a format there is no frame."""

    format: str
    width: int
    height: int
    value_range: str = ""
    colorspace: str = ""

    @property
    def is_jpeg(self) -> bool:
        """Whether the frame is a whole JPEG."""
        return self.format == JPEG_FORMAT

    @property
    def is_nothing(self) -> bool:
        """Whether there is no frame: of images of a scene without regions."""
        return not self.format

    def __str__(self) -> str:
        if self.is_jpeg:
            return "a JPEG"
        text = f"{self.format} {self.width}x{self.height}"
        return " ".join(filter(None, (text, self.value_range, self.colorspace)))


def size_text(size: Size) -> str:
    if isinstance(size, str):
        return size
    try:
        width, height = size
    except (TypeError, ValueError):
        raise SpecError(f"size: got {size!r}, want (width, height)", field="size") from None
    for side in (width, height):
        if side is not None and (isinstance(side, bool) or not hasattr(side, "__index__")):
            raise SpecError(f"size: got {size!r}, want (width, height) in whole pixels", field="size")
    if width is None and height is None:
        raise SpecError("size: got (None, None), want a width, a height or both", field="size")
    return f"{'' if width is None else int(width)}x{'' if height is None else int(height)}"


@dataclass(frozen=True)
class Options:
    """What to make of frames. What is None or "" is left to the server's defaults."""

    size: str = ""
    quality: Optional[int] = None
    mode: str = ""
    filter: str = ""
    background: str = ""
    crop: str = ""
    subsampling: str = ""
    restart: str = ""
    reuse: str = ""
    noise: Optional[int] = None
    output: str = ""
    scene: str = ""
    # Of the frames:
    color: str = ""
    layout: str = ""
    value_range: str = ""
    format: str = ""
    shape: Optional[Tuple[int, ...]] = None
    colorspace: str = ""

    forms: Dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)  # of arrays that were seen, by shape, strides, type
    judged: Dict[Any, bool] = field(default_factory=dict, compare=False, repr=False)  # arrays whose values were looked at, by shape, type

    @property
    def makes_jpegs(self) -> bool:
        """Whether the output is JPEGs."""
        return self.output.lower() in ("", "jpeg")

    def query(self, given: Description) -> str:
        """Returns the query of POST /v1/encode for frames of that description."""
        pairs: List[Tuple[str, str]] = [("scene", self.scene)]
        if not (given.is_jpeg or given.is_nothing):
            pairs += [("format", given.format), ("size", f"{given.width}x{given.height}")]
        pairs += [("range", given.value_range), ("color", given.colorspace), ("resize", self.size)]
        pairs += [(name, getattr(self, name)) for name in ("mode", "filter", "background", "crop")]
        pairs += [("quality", "" if self.quality is None else str(self.quality))]
        pairs += [(name, getattr(self, name)) for name in ("subsampling", "restart", "reuse", "output")]
        pairs += [("noise", "" if self.noise is None else str(self.noise))]
        return urlencode([(name, value) for name, value in pairs if value != ""])

    def spec(self, given: Description) -> Dict[str, Any]:
        """Returns the Spec for frames of that description, as JSON has it."""
        width, height = _sides(self.size)
        parts: Dict[str, Dict[str, Any]] = {
            "input": {
                "format": given.format, "width": given.width, "height": given.height, "range": given.value_range, "color": given.colorspace,
            },
            "resize": {"width": width, "height": height, "mode": self.mode, "filter": self.filter, "background": self.background},
            "output": {
                "format": self.output, "quality": self.quality, "subsampling": self.subsampling, "restart": self.restart,
                "reuse": self.reuse, "noise": self.noise,
            },
        }  # fmt: skip
        spec: Dict[str, Any] = {name: {k: v for k, v in part.items() if v not in ("", None)} for name, part in parts.items()}
        if given.is_jpeg or given.is_nothing:
            del spec["input"]
        if self.scene:
            spec["scene"] = self.scene
        if self.crop:
            spec["crop"] = self.crop
        return {name: part for name, part in spec.items() if part}


def _sides(size: str) -> Tuple[Optional[int], Optional[int]]:
    """Returns the sides of a size such as 320x320, 320x or x320; None for one that is left out."""
    if not size:
        return None, None
    width, x, height = size.lower().partition("x")
    digits = "0123456789"
    if not x or not (width or height) or width.strip(digits) or height.strip(digits) or any(side and not 0 < int(side) < 65536 for side in (width, height)):
        raise SpecError(f"size: got {size!r}, want (width, height), or one of them and None, each 1..65535", field="size")
    return int(width) if width else None, int(height) if height else None


def whole_numbers(given: Any) -> Tuple[int, ...]:
    """Returns a sequence of whole numbers as a tuple; an empty one for what is none."""
    try:
        return tuple(operator.index(n) for n in given)
    except TypeError:
        return ()


def rect_of(given: Any, field: str) -> Tuple[int, int, int, int]:
    """Returns a rectangle, (x, y, width, height) or a text as the server writes it, 200x200+860+300."""
    if isinstance(given, str):
        found = _RECT.fullmatch(given)
        numbers: Tuple[int, ...] = tuple(int(found[name]) for name in ("x", "y", "width", "height")) if found else ()
    else:
        numbers = whole_numbers(given)
    if len(numbers) != 4 or min(numbers[2:]) < 0 or max(abs(n) for n in numbers) >= 1 << 31:
        raise SpecError(f"{field}: got {given!r}, want (x, y, width, height) in whole pixels", field=field.partition("[")[0])
    x, y, width, height = numbers
    return x, y, width, height


_RECT = re.compile(r"(?P<width>[0-9]+)x(?P<height>[0-9]+)(?P<x>[+-][0-9]+)(?P<y>[+-][0-9]+)", re.ASCII)


def rect_text(given: Any, field: str) -> str:
    """Returns a rectangle as the server writes it."""
    x, y, width, height = rect_of(given, field)
    return f"{width}x{height}{x:+d}{y:+d}"


def check_number(name: str, value: Any, most: float = float("inf")) -> None:
    """Refuses what is neither None nor a number above 0."""
    if value is None:
        return
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__") or not 0 < float(value) <= most:
        up_to = "" if most == float("inf") else f" and at most {most:g}"
        raise SpecError(f"{name}: got {value!r}, want a number above 0{up_to}, or None", field=name)


def microseconds(captured: Any) -> int:
    """Returns the time of a capture, in seconds since 1970, as the server takes it. What it would not believe is refused."""
    if isinstance(captured, (str, bytes)) or not hasattr(captured, "__float__"):
        raise SpecError(f"time: got {captured!r}, want seconds since 1970, as time.time() gives them", field="time")
    seconds, now = float(captured), time.time()
    if not now - 3600 <= seconds <= now + 60:
        raise SpecError(f"time: got {seconds:.3f}, want seconds since 1970, as time.time() gives them: at most an hour ago, or a minute ahead", field="time")
    return round(seconds * 1e6)


def check_name(name: str, of: str = "stream", example: str = "cam1") -> None:
    """Refuses what cannot be the name of a stream, or of a scene. The server has rules of its own."""
    if not isinstance(name, str) or not name or "/" in name:
        raise SpecError(f"name: got {name!r}, want the name of a {of}, such as {example}: 1 to 64 of A-Z a-z 0-9 . _ -", field=of)


def color_text(given: Any, field: str) -> str:
    """Returns a color, (red, green, blue), as the server writes it."""
    channels = whole_numbers(given)
    if len(channels) != 3 or not all(0 <= c <= 255 for c in channels):
        raise SpecError(f"{field}: got {given!r}, want (red, green, blue), each 0..255, or \"#rrggbb\"", field=field)
    return "#" + "".join(f"{c:02x}" for c in channels)


def make(
    *,
    size: Optional[Size] = None,
    quality: Optional[int] = None,
    mode: Optional[str] = None,
    filter: Optional[str] = None,
    background: Union[str, Tuple[int, int, int], None] = None,
    crop: Union[str, Tuple[int, int, int, int], None] = None,
    subsampling: Union[str, int, None] = None,
    restart: Union[str, int, None] = None,
    reuse: Optional[str] = None,
    noise: Optional[int] = None,
    output: Optional[str] = None,
    color: Optional[str] = None,
    layout: Optional[str] = None,
    value_range: Optional[str] = None,
    format: Optional[str] = None,
    shape: Optional[Tuple[int, ...]] = None,
    colorspace: Optional[str] = None,
    scene: Optional[str] = None,
) -> Options:
    """Returns the Options for keyword arguments as encode has them."""
    if quality is not None and (isinstance(quality, bool) or not hasattr(quality, "__index__")):
        raise SpecError(f"quality: got {quality!r}, want a whole number of 1..100", field="quality")
    if quality is not None and not 1 <= quality <= 100:
        raise SpecError(f"quality: got {quality}, want 1..100", field="quality")
    if noise is not None and (isinstance(noise, bool) or not hasattr(noise, "__index__") or not 0 <= noise <= 255):
        raise SpecError(f"noise: got {noise!r}, want a whole number of 0..255", field="noise")
    texts = dict(mode=mode, filter=filter, output=output, color=color, layout=layout, value_range=value_range, format=format, colorspace=colorspace)
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise SpecError(f"{name}: got {value!r}, want a string", field=name)
    if color is not None and color.lower() not in ("bgr", "rgb"):
        raise SpecError(f'color: got {color!r}, want "bgr" (the order of OpenCV, and the default) or "rgb"', field="color")
    if background is not None and not isinstance(background, str):
        background = color_text(background, "background")
    if crop is not None and not isinstance(crop, str):
        numbers = whole_numbers(crop)
        if len(numbers) != 4 or min(numbers) < 0:
            raise SpecError(f"crop: got {crop!r}, want (x, y, width, height), none of them negative", field="crop")
        crop = rect_text(numbers, "crop")
    if shape is not None:
        sides = whole_numbers(shape)
        if not 2 <= len(sides) <= 4 or min(sides) < 1:
            raise SpecError(f"shape: got {shape!r}, want (height, width, 3), or (height, width)", field="shape")
        shape = sides
    if scene:
        images = dict(
            size=size, quality=quality, mode=mode, filter=filter, background=background, crop=crop, subsampling=subsampling, restart=restart, reuse=reuse,
            noise=noise, output=output,
        )  # fmt: skip
        for name, setting in images.items():
            if setting is not None:
                raise SpecError(f"{name}: got {setting!r} with a scene, whose images are as it was loaded", field=name)
    text = "" if size is None else size_text(size)
    _sides(text)
    return Options(
        size=text,
        quality=None if quality is None else int(quality),
        mode=mode or "",
        filter=filter or "",
        background=background or "",
        crop=crop or "",
        subsampling="" if subsampling is None else str(subsampling).replace(":", ""),
        restart="" if restart is None else str(restart),
        reuse=reuse or "",
        noise=None if not noise else int(noise),
        output=output or "",
        color=(color or "").lower(),
        layout=(layout or "").upper(),
        value_range=value_range or "",
        format=(format or "").lower(),
        shape=shape,
        colorspace=colorspace or "",
        scene=scene or "",
    )


def as_keywords(options: Options) -> Dict[str, Any]:
    """Returns the keyword arguments of make that give options again."""
    return {name: value for name, value in vars(options).items() if value not in ("", None) and name not in ("forms", "judged")}
