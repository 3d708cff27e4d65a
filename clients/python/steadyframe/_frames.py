"""What frames are: from arrays, tensors and buffers to the server's pixel formats, without a copy where memory allows."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NoReturn, Optional, Sequence, Tuple, Union

from ._errors import FrameError, SpecError
from ._options import JPEG_FORMAT, Description, Options

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Protocol

    class SupportsArray(Protocol):
        """An object that becomes a numpy array: a torch tensor on the CPU, a Pillow image."""

        def __array__(self) -> npt.NDArray[Any]: ...

    class SupportsDLPack(Protocol):
        """An object that hands out its memory by DLPack."""

        def __dlpack__(self, *, stream: Any = ...) -> Any: ...
        def __dlpack_device__(self) -> Any: ...

    #: One frame, or several in one array.
    Array = Union[npt.NDArray[Any], bytes, bytearray, memoryview, SupportsArray, SupportsDLPack]

__all__ = ["Frames", "frames_of", "jpeg_of"]

_log = logging.getLogger("steadyframe")

# A frame in terms of its samples: their type, how they lie, and how many a pixel has.
_FORMATS: Dict[Tuple[str, str, int], str] = {
    ("u1", "packed", 3): "bgr24",
    ("u1", "planar", 3): "bgr24p",
    ("u1", "packed", 4): "bgra",
    ("u1", "packed", 1): "gray",
    ("f4", "packed", 3): "bgrf32",
    ("f4", "planar", 3): "bgrf32p",
    ("f2", "packed", 3): "bgrf16",
    ("f2", "planar", 3): "bgrf16p",
}
_DESCRIBED = {name: what for what, name in _FORMATS.items()}
_DESCRIBED.update({name.replace("bgr", "rgb"): what for name, what in list(_DESCRIBED.items())})

_SAMPLE_BYTES = {"u1": 1, "f2": 2, "f4": 4}

#: Formats of several planes of different size, which only format= can say.
_YUV = ("yuv420p", "i420", "nv12")

#: What memoryview calls the types of samples that there are formats for.
_BUFFER_TYPES = {"B": "u1", "<B": "u1", "e": "f2", "<e": "f2", "f": "f4", "<f": "f4"}

_FEW = 16  # a last dimension up to this is rather channels than the width of gray frames

_MAX_FORMS = 64  # that are known of one set of options

_LOOKED_AT = 16  # samples along each side of the frame whose values are looked at

_LAYOUTS = ("HW", "HWC", "CHW", "NHW", "NHWC", "NCHW")


def _numpy() -> Any:
    """Returns numpy if the program has imported it already: an array of it cannot be here otherwise."""
    return sys.modules.get("numpy")


def _wrong(index: int, many: bool, reason: str) -> NoReturn:
    raise FrameError(f"frame {index}: {reason}" if many else reason, index=index)


class Frames:
    """Frames of one description, as they lie in the caller's memory.

    Attributes:
        description: what each frame is.
        frame_bytes: of each.
        count: how many there are.
        single: whether the caller gave one frame rather than a sequence.
    """

    __slots__ = ("description", "frame_bytes", "count", "single", "_parts")

    def __init__(self, description: Description, frame_bytes: int, count: int, single: bool, parts: List[Any]) -> None:
        self.description = description
        self.frame_bytes = frame_bytes
        self.count = count
        self.single = single
        self._parts = parts  # memoryviews of bytes, or numpy arrays in the format's order, of one frame or a batch

    @property
    def has_no_gaps(self) -> bool:
        """Whether all memory is as the format has it."""
        return all(isinstance(part, memoryview) or part.flags.c_contiguous for part in self._parts)

    def buffers(self) -> List[memoryview]:
        """Returns memory that holds all frames one after the other. What has gaps is copied, once."""
        return [part if isinstance(part, memoryview) else _bytes_of(part if part.flags.c_contiguous else part.copy()) for part in self._parts]

    def each(self) -> Iterator[Frames]:
        """Yields each frame alone."""
        for part in self._parts:
            for at in range(part.nbytes // self.frame_bytes):
                if isinstance(part, memoryview):
                    one: Any = part[at * self.frame_bytes : (at + 1) * self.frame_bytes]
                else:
                    one = part if part.nbytes == self.frame_bytes else part[at]
                yield Frames(self.description, self.frame_bytes, 1, True, [one])

    def copy_to(self, destination: memoryview) -> None:
        """Copies all frames into destination, each byte once."""
        np = _numpy()
        at = 0
        for part in self._parts:
            size = part.nbytes
            if np is None:
                destination[at : at + size] = part
            elif isinstance(part, memoryview):  # numpy lets other threads run meanwhile.
                np.copyto(np.frombuffer(destination, "u1", size, at), np.frombuffer(part, "u1"))
            else:
                np.copyto(np.ndarray(part.shape, part.dtype, destination, at), part)
            at += size


def _bytes_of(array: Any) -> memoryview:
    """Returns the bytes of a numpy array without gaps."""
    return memoryview(array.reshape(-1).view("u1"))


def frames_of(given: Any, options: Options) -> Frames:
    """Returns the frames that a caller gave: an array of one or of several, or a sequence of arrays of one each.

    What is not a frame is a FrameError that says what was expected and which conversion gives it.
    """
    np = _numpy()
    plain = np is not None and type(given) is np.ndarray
    if plain:
        form = options.forms.get((given.shape, given.strides, given.dtype))
        if form is not None:
            batch = given.ndim > form.dimensions
            return Frames(form.description, form.frame_bytes, len(given) if batch else 1, not batch, [form.arrange(given, batch)])
    if isinstance(given, (list, tuple)):
        if not given:
            raise FrameError("got an empty list, want at least one frame")
        return _of_sequence(given, options)
    if not _is_array_like(given):
        _refuse_type(given, 0, False)
    reader = _Reader(options, many=False)
    reader.add(given, 0)
    frames = reader.frames()
    if plain and given.ndim > 1 and reader.color and reader.judged and len(frames._parts) == 1 and frames.has_no_gaps:
        if len(options.forms) >= _MAX_FORMS:
            options.forms.clear()
        options.forms[given.shape, given.strides, given.dtype] = reader.first
    return frames


def frame_of(given: Any, options: Options) -> Frames:
    """Returns what frames_of does, of one frame alone."""
    frames = frames_of(given, options)
    if frames.count != 1:
        raise FrameError(f"got {frames.count} frames, want one: for frame in frames: publisher.send(frame)")
    return frames


_JPEG = Description(JPEG_FORMAT, 0, 0)
_JPEG_BEGIN = b"\xff\xd8\xff"


def jpeg_of(given: Any, options: Options) -> Optional[Frames]:
    """Returns a frame that is a whole JPEG: bytes, or the array that cv2.imencode gives; None if it is something else."""
    named = options.format == JPEG_FORMAT
    if not named and (options.format or options.shape is not None):
        return None
    if not isinstance(given, (bytes, bytearray, memoryview)):
        shape: Tuple[int, ...] = getattr(given, "shape", ())
        if not named and not (len(shape) == 1 or len(shape) == 2 and shape[1] == 1):
            return None
    try:
        data = memoryview(given)
        data = data.cast("B") if data.c_contiguous else memoryview(data.tobytes())
    except (TypeError, ValueError):
        data = memoryview(b"")
    if bytes(data[:3]) == _JPEG_BEGIN:
        return Frames(_JPEG, len(data), 1, True, [data])
    if named:
        advice = ": cv2.imencode returns (ok, buffer), send the buffer" if isinstance(given, tuple) else ""
        raise FrameError(f'got a {_name_of(given)} that is no JPEG, want the bytes of one with format="jpeg"{advice}')
    return None


def _of_sequence(given: Sequence[Any], options: Options) -> Frames:
    reader = _Reader(options, many=True)
    for index, one in enumerate(given):
        if not _is_array_like(one):
            _refuse_type(one, index, True)
        reader.add(one, index)
    return reader.frames()


def _is_array_like(x: Any) -> bool:
    if isinstance(x, (bytes, bytearray, memoryview)) or hasattr(x, "__array__") or hasattr(x, "__array_interface__") or hasattr(x, "__dlpack__"):
        return True
    try:
        memoryview(x)
    except TypeError:
        return False
    return True


def _refuse_type(x: Any, index: int, many: bool) -> NoReturn:
    what = f"got a {_name_of(x)}, want a numpy array or tensor of (height, width, 3)"
    if isinstance(x, (str, os.PathLike)):
        what += ": cv2.imread and PIL.Image.open read files"
    elif isinstance(x, bool) and many:
        what += ": cv2's (ok, image) is not a frame, the image in it is"
    elif isinstance(x, (list, tuple)):
        what += ": of nested lists, np.array(x, dtype=np.uint8)"
    elif x is None:
        what += "; did reading the image fail?"
    elif hasattr(x, "__next__") or hasattr(x, "__iter__"):
        what += ", or a list of those; for an iterator, Encoder.stream(x)"
    _wrong(index, many, what)


def _name_of(x: Any) -> str:
    name = type(x).__qualname__
    return name if type(x).__module__ == "builtins" else f"{type(x).__module__}.{name}"


class _Reader:
    """Collects the frames of one call. The first decides what the others must be."""

    def __init__(self, options: Options, many: bool) -> None:
        self.options = options
        self.many = many
        self.parts: List[Any] = []
        self.count = 0
        self.single = not many
        self.shape: Tuple[int, ...] = ()  # of a frame, as given
        self.type = ""
        self.color = ""
        self.first: Optional[_Form] = None
        self.judged = True  # the values need no further look

    def frames(self) -> Frames:
        assert self.first is not None
        form = self.first
        return Frames(form.description, form.frame_bytes, self.count, self.single, self.parts)

    def add(self, given: Any, index: int) -> None:
        """Adds a frame, or with many unset the frames of an array."""
        color = self.options.color
        module = type(given).__module__
        if module.startswith("PIL."):
            color = self._pillow(given, index)
        array = self._array(given, index)
        format = self.options.format
        if format and format not in _DESCRIBED:
            self._add_bytes(array, index)
            return
        described = _DESCRIBED.get(format)
        kind = self._type(array, index)
        array = self._shaped(array, index)
        if described is not None:
            color = "rgb" if "rgb" in format else "bgr"
            if kind != described[0]:
                _wrong(index, self.many, f"got {_named(kind)}, want {_named(described[0])} for format={format!r}")
        layout = self._layout(tuple(array.shape), kind, described, index)
        batch = layout[0] == "N"
        if batch and self.many:
            _wrong(index, True, f"got shape {tuple(array.shape)}, which is a batch, want one frame in each element: concatenate them, or give the batch itself")
        shape = tuple(array.shape[1:] if batch else array.shape)
        if self.first is None:
            self.first = _form(array, kind, layout, color or "bgr", self.options)
            self.shape, self.type, self.color = shape, kind, color or "bgr"
            self.judged = kind == "u1" or self.options.value_range != "" or _values_judged(array, self.options)
        elif (color or "bgr") != self.color:
            _wrong(index, True, f"got {color or 'bgr'}, want {self.color} as frame 0 is: frames of one call are alike")
        elif (shape, kind) != (self.shape, self.type):
            _wrong(index, self.many, f"got {_named(kind)} of shape {shape}, want {_named(self.type)} of {self.shape} as frame 0 is: frames of one call are alike")
        self.count += array.shape[0] if batch else 1
        self.single = self.single and not batch
        self._add_parts(self.first.arrange(array, batch), batch)

    def _add_parts(self, array: Any, batch: bool) -> None:
        """Adds an array in the format's order. Of a batch whose frames have gaps between them alone, nothing is copied."""
        if isinstance(array, memoryview):
            self.parts.append(array.cast("B") if array.c_contiguous else memoryview(array.tobytes()))
        elif batch and not array.flags.c_contiguous and array[0].flags.c_contiguous:
            self.parts.extend(array)
        else:
            self.parts.append(array)

    def _pillow(self, image: Any, index: int) -> str:
        """Returns the order of colors of a Pillow image, which says what it is."""
        mode = getattr(image, "mode", "")
        if mode not in ("RGB", "RGBA", "RGBX", "L"):
            _wrong(index, self.many, f'got a Pillow image of mode {mode!r}, want RGB, RGBA or L: image.convert("RGB")')
        if self.options.color == "bgr" and mode != "L":
            _wrong(index, self.many, 'got a Pillow image with color="bgr", and Pillow has RGB: leave color out')
        return "rgb"

    def _array(self, x: Any, index: int) -> Any:
        """Returns x as a numpy array, or as a memoryview if it is a plain buffer. Memory is shared."""
        np = _numpy()
        if np is not None and isinstance(x, np.ndarray):
            return x if type(x) is np.ndarray else np.asarray(x)
        device = getattr(x, "__dlpack_device__", None)
        if device is not None and hasattr(x, "__dlpack__"):
            kind = int(device()[0])
            if kind not in (1, 3):  # kDLCPU, and kDLCUDAHost, which is memory of the CPU too
                _wrong(index, self.many, "got a tensor on a device, want one in the memory of the CPU: x.cpu() in torch, cupy.asnumpy(x) in CuPy")
        if hasattr(x, "__array__") or hasattr(x, "__array_interface__"):
            return self._convert(lambda numpy: numpy.asarray(x), x, index)
        if device is not None:
            return self._convert(lambda numpy: numpy.from_dlpack(x), x, index)
        return memoryview(x) if np is None else self._convert(lambda numpy: numpy.asarray(memoryview(x)), x, index)

    def _convert(self, convert: Any, x: Any, index: int) -> Any:
        try:
            import numpy
        except ImportError:
            _wrong(index, self.many, f"got a {type(x).__qualname__}, which needs numpy to be read, and there is none: install it, or give bytes and shape=")
        try:
            return convert(numpy)
        except Exception as err:  # Whatever another library raises: its text says what to do, such as x.detach().
            _wrong(index, self.many, f"got a {_name_of(x)} that does not become an array: {err}")

    def _type(self, array: Any, index: int) -> str:
        """Returns the type of samples: u1, f2 or f4."""
        if isinstance(array, memoryview):
            kind = _BUFFER_TYPES.get(array.format, "")
            if not kind:
                _wrong(index, self.many, f"got a buffer of type {array.format!r}, want bytes, or 16-bit or 32-bit floats")
            return kind
        kind = str(array.dtype.str[1:])
        if kind in _SAMPLE_BYTES:
            if array.dtype.itemsize > 1 and not _little(array.dtype):
                _wrong(index, self.many, f"got {array.dtype.str} samples, want little-endian ones: x.astype('<{kind}')")
            return kind
        _wrong(index, self.many, f"got samples of type {array.dtype}, want uint8, float32 or float16: {_conversion(array.dtype)}")

    def _shaped(self, array: Any, index: int) -> Any:
        """Gives data without a shape the one that the caller said."""
        shape = self.options.shape
        if array.ndim > 1:
            return array
        if array.ndim == 0:
            _wrong(index, self.many, "got one value, want (height, width, 3)")
        if shape is None and array.nbytes > 3 and bytes(array[:3].tobytes()) == _JPEG_BEGIN:
            _wrong(index, self.many, "got a JPEG, want pixels: cv2.imdecode gives them; Publisher.send takes JPEGs as they are")
        if shape is None:
            _wrong(index, self.many, f"got {array.shape[0]} samples in one dimension, want (height, width, 3): x.reshape(height, width, 3), or shape=(height, width, 3)")
        expected = 1
        for side in shape:
            expected *= side
        if expected != array.shape[0] or len(shape) < 2 or min(shape) < 1:
            _wrong(index, self.many, f"got {array.shape[0]} samples, want {expected} for shape={shape}")
        if isinstance(array, memoryview):
            if not array.c_contiguous:
                array = memoryview(array.tobytes())
            return array.cast("B").cast(array.format.lstrip("<"), shape)
        return array.reshape(shape)

    def _layout(self, shape: Tuple[int, ...], kind: str, described: Optional[Tuple[str, str, int]], index: int) -> str:
        """Returns what the dimensions of an array are. described is the format that the caller named, if so."""
        if min(shape, default=0) < 1:
            _wrong(index, self.many, f"got an empty array of shape {shape}, want (height, width, 3)")
        layout = self.options.layout
        if not layout and described is not None:
            flat = described[2] == 1 and shape[-1] != 1
            layout = "HW" if flat else "HWC" if described[1] == "packed" else "CHW"
            layout = "N" * (len(shape) - len(layout)) + layout
        layout = layout or self._guess(shape, kind, index)
        if layout not in _LAYOUTS:
            raise SpecError(f"layout: got {layout!r}, want one of {', '.join(_LAYOUTS)}", field="layout")
        if len(layout) != len(shape):
            _wrong(index, self.many, f"got shape {shape}, which has {len(shape)} dimensions, want those of layout {layout}")
        channels = shape[layout.index("C")] if "C" in layout else 1
        packed = layout[-1] == "C"
        if channels not in ((1, 3, 4) if packed else (1, 3)):
            _wrong(index, self.many, f"got {channels} channels in shape {shape}, want {'1, 3 or 4' if packed else '1 or 3'}")
        if described is not None and channels != described[2]:
            _wrong(index, self.many, f"got {channels} channels in shape {shape}, want {described[2]} for format={self.options.format!r}")
        if channels != 3 and kind != "u1":
            what = "one channel" if channels == 1 else f"{channels} channels"
            advice = "(x * 255).astype(np.uint8)" if channels == 1 else "x[..., :3]"
            _wrong(index, self.many, f"got {_named(kind)} of {what} in shape {shape}, want three channels of floats, or uint8: {advice}")
        return layout

    def _guess(self, shape: Tuple[int, ...], kind: str, index: int) -> str:
        """Returns the layout that the shape alone says."""
        if len(shape) == 2:
            return "HW"
        if len(shape) == 3:
            if shape[2] in (1, 3, 4):
                return "HWC"
            if shape[0] == 3 and kind != "u1":
                return "CHW"
            if shape[0] == 3 and not self.many:
                _wrong(index, self.many, f"got uint8 of shape {shape}, which may be one frame of three planes or three gray frames: say layout='CHW' or layout='NHW'")
            if shape[0] == 3 or shape[0] == 1 and (self.many or kind != "u1"):
                return "CHW"
            if kind == "u1" and shape[2] <= _FEW and not self.many:
                _wrong(index, self.many, f"got {shape[2]} channels in shape {shape}, want 1, 3 or 4: x[..., :3]; for gray frames of that width say layout='NHW'")
            if kind == "u1":
                return "NHW"
        if len(shape) == 4:
            if shape[3] in (1, 3, 4):
                return "NHWC"
            if shape[1] in (1, 3):
                return "NCHW"
        advice = f": x.reshape(-1, *x.shape[{len(shape) - 3}:])" if len(shape) > 4 else ""
        _wrong(index, self.many, f"got shape {shape}, want (height, width, 3), (3, height, width), gray (height, width), or a batch of one of these{advice}")

    def _add_bytes(self, array: Any, index: int) -> None:
        """Adds frames of a format that is no array: planes of different size one after the other."""
        name = self.options.format
        kind = self._type(array, index)
        if kind != "u1":
            _wrong(index, self.many, f"got {_named(kind)}, want uint8 for format={name!r}")
        shape = tuple(array.shape)
        size = self.options.shape
        if size is None:
            if name not in _YUV:
                known = ", ".join([*_DESCRIBED, *_YUV])
                raise SpecError(f"format: got {name!r}, want one of {known}, or another one of the server's with shape=(height, width)", field="format")
            if len(shape) not in (2, 3) or shape[-2] % 3 or shape[-1] % 2:
                _wrong(index, self.many, f"got shape {shape} with format={name!r}, want shape=(height, width) beside it, or an array of (height * 3 / 2, width)")
            size = (shape[-2] // 3 * 2, shape[-1])
        height, width = size[0], size[1]
        total = array.nbytes
        frame_bytes = total
        if name in _YUV:
            frame_bytes = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
            if total % frame_bytes or self.many and total != frame_bytes:
                _wrong(index, self.many, f"got {total} bytes, want {frame_bytes} for {name} {width}x{height}")
        form = _Form(Description(name, width, height, self.options.value_range, self.options.colorspace), frame_bytes)
        if self.first is None:
            self.first = form
        elif (form.description, form.frame_bytes) != (self.first.description, self.first.frame_bytes):
            _wrong(index, True, f"got {form.description}, want {self.first.description} as frame 0 is: frames of one call are alike")
        count = total // frame_bytes
        self.count += count
        self.single = self.single and count == 1 and len(shape) < 3
        if not isinstance(array, memoryview):
            array = _bytes_of(array if array.flags.c_contiguous else array.copy())
        self._add_parts(array, False)


class _Form:
    """How arrays become frames of one format."""

    __slots__ = ("axes", "channel_axis", "description", "dimensions", "frame_bytes")

    def __init__(self, description: Description, frame_bytes: int, axes: Tuple[int, ...] = (), channel_axis: int = 0, dimensions: int = 3) -> None:
        self.description = description
        self.frame_bytes = frame_bytes
        self.dimensions = dimensions  # of a frame
        self.axes = axes  # the axes of a frame, counted from 0, in the format's order; () for as they are
        self.channel_axis = channel_axis  # counted from the last, of what is to be reversed; 0 for none

    def arrange(self, array: Any, batch: bool) -> Any:
        """Returns array, of one frame or of a batch, with its axes in the format's order."""
        if self.channel_axis:
            array = _reversed(array, self.channel_axis)
        if not self.axes:
            return array
        return array.transpose((0, *(axis + 1 for axis in self.axes)) if batch else self.axes)


def _reversed(array: Any, axis: int) -> Any:
    """Returns array with one axis, counted from the last, reversed."""
    return array[(..., slice(None, None, -1)) + (slice(None),) * (-axis - 1)]


def _form(array: Any, kind: str, layout: str, color: str, options: Options) -> _Form:
    """Returns how to make frames of array. Memory that is a format already, only seen through other axes (a transposed
    tensor, channels in reverse), is taken as that format: then nothing is copied."""
    batch, frame = layout[0] == "N", layout.lstrip("N")
    sides = dict(zip(frame, array.shape[1:] if batch else array.shape))
    height, width, channels = sides["H"], sides["W"], sides.get("C", 1)
    planar = frame == "CHW" and channels == 3
    axes: Tuple[int, ...] = ()
    channel_axis = 0
    if channels == 3 and not isinstance(array, memoryview):
        one = array[0] if batch else array
        axis = -3 if planar else -1
        other = (1, 2, 0) if planar else (2, 0, 1)
        for axes, channel_axis in (((), 0), (other, 0), ((), axis), (other, axis), ((), 0)):
            if _Form.arrange(_Form(_NOTHING, 0, axes, channel_axis), one, False).flags.c_contiguous:
                break
    if axes:
        planar = not planar
    if channel_axis:
        color = "rgb" if color == "bgr" else "bgr"
    name = _FORMATS[kind, "planar" if planar else "packed", channels]
    if color == "rgb":
        name = name.replace("bgr", "rgb")
    description = Description(name, width, height, options.value_range, options.colorspace)
    return _Form(description, height * width * channels * _SAMPLE_BYTES[kind], axes, channel_axis, len(frame))


_NOTHING = Description("", 0, 0)


def _values_judged(array: Any, options: Options) -> bool:
    """Logs a warning, once for a shape, of floats that are plainly not of 0..1, where the caller did not say which range they have:
    the image would be white, or half of it black. It looks at some samples of the first frame that is not blank, and reports whether
    it has come."""
    key = (tuple(array.shape), str(getattr(array, "dtype", "")))
    if isinstance(array, memoryview) or key in options.judged:  # Of a buffer: there is no numpy to look with.
        return True
    few = array[tuple(slice(None, None, max(1, side // _LOOKED_AT)) for side in array.shape)]
    least, most = float(few.min()), float(few.max())
    if least == most == 0:
        return False
    if len(options.judged) >= _MAX_FORMS:
        options.judged.clear()
    options.judged[key] = True
    advice = ""
    if most > 8:
        advice = 'value_range="0..255", or x / 255'
    elif least < -0.25 and most < 1.5:
        advice = 'value_range="-1..1", or (x + 1) / 2'
    if advice:
        _log.warning(
            'floats go from %.4g to %.4g, where 0..1 is expected: the image is black below, and white above; want %s; with value_range="0..1" nothing is said',
            least, most, advice,
        )  # fmt: skip
    return True


def _named(kind: str) -> str:
    return {"u1": "uint8", "f2": "float16", "f4": "float32"}[kind]


def _little(dtype: Any) -> bool:
    return bool(dtype.byteorder == "<" or dtype.byteorder == "=" and sys.byteorder == "little")


def _conversion(dtype: Any) -> str:
    """Returns the conversion that makes samples of another type usable."""
    if dtype.kind == "b":
        return "x.astype(np.uint8) * 255"
    if dtype.kind == "f":
        return "x.astype(np.float32)"
    if dtype.kind == "u" and dtype.itemsize == 2:
        return "(x >> 8).astype(np.uint8) of 16-bit samples, x.astype(np.uint8) of values 0..255"
    if dtype.kind in "iu":
        return "x.astype(np.uint8) of values 0..255"
    return "these are no pixels"
