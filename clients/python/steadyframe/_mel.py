"""Sound to features for models."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import urlencode

from . import _address
from ._address import Address
from ._errors import ServerError, SpecError
from ._http import Connection
from ._sessions import may_go_on

__all__ = ["mel", "samples_of"]

#: What numpy calls a sample, and what the server does.
_FORMATS = {"int16": "s16le", "uint8": "u8", "int32": "s32le", "float32": "f32le", "float64": "f64le"}

_MAX_CHANNELS = 64


def mel(
    pcm: Any,
    preset: str = "whisper80",
    *,
    rate: Optional[int] = None,
    layout: str = "frames",
    fps: Optional[float] = None,
    window: Optional[int] = None,
    url: Optional[str] = None,
    token: Optional[str] = None,
    timeout: Optional[float] = 30.0,
) -> Any:
    """Returns the log-mel features of a sound as a numpy array of float32, of shape (frames, bands).

    Args:
        pcm: samples: an array of int16 (full scale 32768), float32 or float64 (full scale 1), int32 or uint8, of shape (N,), or
            (N, channels), which are averaged; or a WAV file as bytes.
        preset: "whisper80", "whisper128", "wav2lip", "kaldi", "htk" or "librosa".
        rate: samples a second of an array, 8000 to 48000; 16000 without it. A WAV file says it itself.
        layout: "frames", or "bands" for the shape (bands, frames), which Whisper's models take.
        fps, window: for windows of so many frames for a video of so many frames a second, of shape (video frames, bands,
            window): 25 and 16 for Wav2Lip.
        url: the server, as for encode. Sound goes over HTTP, also where there is a ring.
        token: that the server wants; else the variable STEADYFRAME_AUTH_TOKEN.
        timeout: in seconds; None for no limit.

    Connections are kept from call to call. Threads may call it at the same time.

    Raises:
        SpecError: the sound, or what is asked for, is wrong.
        Busy: there is no room now; it says when to try again.
        ConnectionLost: there is no server, or no more.
        Timeout: it took longer than timeout.
    """
    import numpy

    body, query = _body(pcm, rate)
    query += [("preset", preset), ("layout", layout), ("output", "f32")]
    if fps is not None:
        query.append(("fps", repr(float(fps))))
    if window is not None:
        query.append(("window", str(window)))
    target = "/v1/mel?" + urlencode(query)
    deadline = None if timeout is None else time.monotonic() + timeout
    data, shape = _request(_address.find(url, token), target, body, timeout, deadline)
    return numpy.frombuffer(data, "<f4").reshape(shape)


def _body(pcm: Any, rate: Optional[int]) -> Tuple[Any, List[Tuple[str, str]]]:
    """Returns the body of a request, and what its query says of it."""
    import numpy

    if isinstance(pcm, (bytes, bytearray, memoryview)):
        if bytes(pcm[:4]) not in (b"RIFF", b"RF64"):
            raise SpecError("pcm: got bytes that are no WAV file, want an array: numpy.frombuffer(pcm, 'int16')", field="pcm")
        if rate is not None:
            raise SpecError("rate: got it with a WAV file, which says it itself", field="rate")
        return pcm, []
    return samples_of(pcm, 16000 if rate is None else rate)


def samples_of(pcm: Any, rate: int) -> Tuple[Any, List[Tuple[str, str]]]:
    """Returns the bytes of an array of samples, and what a query says of them."""
    import numpy

    samples = numpy.asarray(pcm)
    format = _FORMATS.get(samples.dtype.name)
    if format is None:
        raise SpecError(f"pcm: got samples of {samples.dtype.name}, want int16, float32, float64, int32 or uint8: pcm.astype('float32')", field="pcm")
    if samples.ndim not in (1, 2):
        raise SpecError(f"pcm: got shape {samples.shape}, want (N,), or (N, channels)", field="pcm")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if samples.ndim == 2 and not 1 <= channels <= _MAX_CHANNELS:
        raise SpecError(f"pcm: got shape {samples.shape}, want (N, channels) of 1 to {_MAX_CHANNELS} channels: pcm.T", field="pcm")
    if samples.ndim == 2 and samples.shape[0] < channels:
        raise SpecError(f"pcm: got shape {samples.shape}, want (N, channels): pcm.T", field="pcm")
    if not samples.size:
        raise SpecError("pcm: got no samples", field="pcm")
    samples = numpy.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    query = [("format", format), ("rate", str(rate)), ("channels", str(channels))]
    return samples.reshape(-1).view(numpy.uint8).data, query


_idle: Dict[Address, List[Connection]] = {}
_lock = threading.Lock()
_MAX_IDLE = 4  # connections that are kept for each address


def _take(address: Address) -> Optional[Connection]:
    """Returns a connection that was kept and is still good."""
    while True:
        with _lock:
            kept = _idle.get(address)
            if not kept:
                return None
            connection = kept.pop()
        if connection.pid == os.getpid() and not connection.poll():
            return connection
        connection.close()


def _give(address: Address, connection: Connection) -> None:
    """Keeps a connection for the next call."""
    with _lock:
        kept = _idle.setdefault(address, [])
        if len(kept) < _MAX_IDLE:
            kept.append(connection)
            return
    connection.close()


def _request(address: Address, target: str, body: Any, timeout: Optional[float], deadline: Optional[float]) -> Tuple[bytes, Tuple[int, ...]]:
    """Returns the features and their shape."""
    while True:
        connection = _take(address)
        kept = connection is not None
        if connection is None:
            connection = Connection(address, timeout)
        try:
            headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))]
            connection.queue([connection.head("POST", target, headers), body])
            response = connection.response(deadline)
            if response.status != 200:
                raise response.error()
            while not response.complete:
                connection.step(deadline)
                connection.feed(response)
        except BaseException as err:
            connection.close()
            if kept and may_go_on(err):
                continue
            raise
        if response.reusable and not connection.pending:
            _give(address, connection)
        else:
            connection.close()
        return bytes(response.body), _shape(response.headers.get("steadyframe-shape", ""), len(response.body))


def _shape(text: str, size: int) -> Tuple[int, ...]:
    """Returns the shape that a response of so many bytes says."""
    try:
        shape = tuple(int(n) for n in text.split(","))
    except ValueError:
        shape = ()
    count = 1
    for n in shape:
        count *= n
    if not shape or min(shape) < 0 or 4 * count != size:
        raise ServerError(f"got {size} bytes of features of shape {text!r} from the server")
    return shape
