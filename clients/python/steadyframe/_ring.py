"""The ring: memory that the server and this program share. docs/ring.md of the repository is its protocol.

Frames are written where the server reads them, and JPEGs are read where it wrote them; a Unix socket carries messages of 64
bytes that say whose a slot is. It is for servers on the same Linux machine.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import socket
import struct
import time
from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import _errors
from ._errors import ConnectionLost, Error, FrameError, Timeout

__all__ = ["Message", "Ring", "default_path"]

_HELLO, _ACCEPTED, SUBMIT, DONE, IMAGE, RELEASE, STATUS, _PING, _OUTPUT, _ERROR = range(1, 11)

_SIZE = 64  # bytes of a message
_HEAD = struct.Struct("<HHIII")  # kind, code, bytes of the payload, slot, generation
_HELLO_HEAD = struct.Struct("<HHIII8s40x")
_ACCEPTED_BODY = struct.Struct("<IIQQQQII")  # from byte 8
_TABLE = struct.Struct("<IIII")  # offset, bytes, code, bytes of a JPEG of alpha behind it
_RECT = struct.Struct("<iiii")  # x, y, width, height
_MAGIC = b"STDYRING"
_VERSION = 1
_MAX_PAYLOAD = 64 << 10
_PIECE = 64 * _SIZE  # bytes that are read at a time
_PING_AFTER = 10.0  # seconds

_CODES = (
    "", "internal", "invalid", "too_large", "unsupported", "unauthorized", "forbidden", "not_found", "conflict", "offline",
    "busy", "draining", "deadline", "slow", "canceled", "misdirected",
)  # fmt: skip

_POPULATE = getattr(mmap, "MAP_POPULATE", 0x8000)  # The module has it since Python 3.10.

#: Whether this system has what a ring needs.
AVAILABLE = hasattr(socket.socket, "recvmsg") and hasattr(os, "memfd_create")


_process = object()  # this process: another one after a fork. os.getpid is a system call.


def _forked() -> None:
    global _process
    _process = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Message(NamedTuple):
    """A message of the server."""

    kind: int
    code: str
    slot: int
    generation: int
    body: bytes  # all 64 bytes
    payload: bytes


def default_path() -> str:
    """Returns where a server of this user listens if its setting ring.listen is auto, or "" where nothing may be there."""
    if not AVAILABLE:
        return ""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    run_user = f"/run/user/{os.geteuid()}"
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        directory = os.path.join(runtime, "steadyframe")
    elif os.path.isdir(run_user):
        directory = os.path.join(run_user, "steadyframe")
    else:
        directory = f"/tmp/steadyframe-{os.geteuid()}"
    try:
        found = os.lstat(directory)
    except OSError:
        return ""
    is_ours = found.st_uid == os.geteuid() and found.st_mode & 0o170022 == 0o040000
    path = os.path.join(directory, "ring.sock")
    return path if is_ours and os.path.exists(path) else ""


class Ring:
    """One connection to the ring, with its memory. It is for one thread at a time, and for the process that opened it.

    Attributes:
        slots: how many there are.
        slot_bytes: from one input slot to the next.
        input: the memory of the input slots; the server reads it.
        batch: frames that a slot has room for; of a scene, regions of an image.
        frame_bytes: of a frame; 0 of a scene where there are no regions.
        frame_pitch: from one frame of a slot to the next.
        width, height: of the images, 0 where they have no fixed size.
        idle: the slots that are this side's, the oldest first.
    """

    def __init__(self, path: str, hello: Dict[str, Any], timeout: Optional[float]) -> None:
        """Connects and shares memory. It raises the error that the server's refusal is."""
        self.path = path
        self.process = _process
        self.input = memoryview(b"")
        self.idle: Deque[int] = deque()
        self._memory: List[mmap.mmap] = []
        self._in = b""  # what was read; from _at on it is still to be looked at
        self._at = 0
        self._fds: Deque[int] = deque()
        self._messages: Deque[Message] = deque()
        self._timeout = timeout
        self._pinged = 0.0
        if not AVAILABLE:
            raise ConnectionLost("this system has no ring: give an address of HTTP, http://HOST:PORT")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(timeout)
            try:
                self.socket.connect(path)
            except OSError as err:
                raise ConnectionLost(
                    f"no server at ring:{path}: {err.strerror or err}; start one with `steadyframe serve` or sf.serve(), or say where it is: url=..., STEADYFRAME_URL"
                ) from err
            self.socket.setblocking(True)
            if timeout is not None:  # of each read by the kernel: one system call less than a poll before it
                seconds = max(timeout, 1e-6)
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))
            self._open(hello)
        except BaseException:
            self.close()
            raise

    def _open(self, hello: Dict[str, Any]) -> None:
        payload = json.dumps({**hello, "client": "steadyframe-python"}).encode("utf-8")
        self._send(_HELLO_HEAD.pack(_HELLO, 0, len(payload), _VERSION, 0, _MAGIC) + payload)
        accepted = self.next()
        if accepted.kind != _ACCEPTED:
            raise self._broken(f"got message {accepted.kind} after the hello")
        (self.slots, self.batch, self.slot_bytes, self.frame_pitch, self.frame_bytes, self.output_bytes, self.width, self.height) = _ACCEPTED_BODY.unpack_from(accepted.body, 8)
        use = hello["use"]
        if use != "watch":
            scene = "scene" in hello.get("spec", {})
            behind = _RECT.size * self.batch if scene else 0
            room = (self.batch - 1) * self.frame_pitch + max(self.frame_bytes, self.frame_pitch if scene else 0) + behind
            if not (0 < self.frame_bytes or scene) or room > self.slot_bytes or self.frame_bytes > self.frame_pitch:
                raise self._broken(f"got slots of {self.slot_bytes} bytes for {self.batch} frames of {self.frame_bytes}")
        if not 0 < self.slots <= 64 or len(self._fds) != (2 if use == "encode" else 1):
            raise self._broken(f"got {self.slots} slots and {len(self._fds)} descriptors")
        if use != "watch":
            self.input = memoryview(self._map(self.slots * self.slot_bytes, mmap.PROT_READ | mmap.PROT_WRITE))
            self.idle.extend(range(self.slots))
        self.outputs: List[memoryview] = []
        if use != "publish":
            output = memoryview(self._map(self.slots * self.output_bytes, mmap.PROT_READ))
            self.outputs = [output[at : at + self.output_bytes] for at in range(0, len(output), self.output_bytes)]
        self.generations = [1] * self.slots

    def _map(self, size: int, access: int) -> mmap.mmap:
        """Maps the memory whose descriptor came first."""
        fd = self._fds.popleft()
        try:
            if size <= 0 or os.fstat(fd).st_size < size:
                raise self._broken(f"got memory of {os.fstat(fd).st_size} bytes, want {size}")
            return mmap.mmap(fd, size, flags=mmap.MAP_SHARED | _POPULATE, prot=access)
        finally:
            os.close(fd)

    def _broken(self, reason: str) -> ConnectionLost:
        return ConnectionLost(f"the server at ring:{self.path} breaks the protocol: {reason}")

    @property
    def ours(self) -> bool:
        """Whether this process has opened it."""
        return self.process is _process

    def slot(self, number: int, frame: int = 0) -> memoryview:
        """Returns the memory of a frame."""
        at = number * self.slot_bytes + frame * self.frame_pitch
        return self.input[at : at + self.frame_bytes]

    def submit(self, slot: int, size: int = 0, captured: int = 0) -> None:
        """Gives a slot with a frame to the server, or with a JPEG of that size, captured in that microsecond since 1970; 0: now."""
        self._send(_SUBMIT.pack(SUBMIT, 0, 0, slot, self.generations[slot], 1, size, captured, 0, 0))

    def submit_image(
        self, slot: int, count: int, index: Optional[int], rects: Sequence[Optional[Tuple[int, int, int, int]]], more: bool = False, captured: int = 0
    ) -> None:
        """Gives a slot with the regions of an image of a scene to the server. rects are where they go; None: to their places.
        captured is as of submit."""
        flags = _MORE if more else 0
        if index is not None:
            flags |= _INDEX
        if rects:
            flags |= _RECTS
            at = slot * self.slot_bytes + self.batch * self.frame_pitch
            for number in range(count):
                rect = rects[number] if number < len(rects) else None
                _RECT.pack_into(self.input, at + _RECT.size * number, *(rect or (0, 0, 0, 0)))
        self._send(_SUBMIT_IMAGE.pack(SUBMIT, 0, 0, slot, self.generations[slot], count, 0, captured, 0, flags, 0, index or 0))

    def submit_all(self, slots: List[int]) -> None:
        """Gives slots with a frame each to the server, in one write, which it answers with one write."""
        generations, last = self.generations, slots[-1]
        self._send(b"".join([_SUBMIT.pack(SUBMIT, 0, 0, slot, generations[slot], 1, 0, 0, 0, 0 if slot == last else _MORE) for slot in slots]))

    def release(self, slot: int) -> None:
        """Gives the slot of an image back."""
        self._send(_SLOT_ONLY.pack(RELEASE, 0, 0, slot, self.generations[slot]))

    def ping(self) -> None:
        """Says that this side is there."""
        self._send(_SLOT_ONLY.pack(_PING, 0, 0, 0, 0))

    def _send(self, data: bytes) -> None:
        try:
            sent = self.socket.send(data)  # quicker than sendall, and nearly always all
            if sent != len(data):
                self.socket.sendall(data[sent:])
        except OSError as err:
            try:  # What the server said before the end is the reason.
                while True:
                    self._messages.append(self.next(time.monotonic()))
            except Timeout:
                raise ConnectionLost(f"the server at ring:{self.path} ended the connection: {err.strerror or err}") from err

    def next(self, deadline: Optional[float] = None) -> Message:
        """Returns the server's next message, but those about memory, which it obeys, and those that end the connection, which
        it raises. It waits until the deadline, of time.monotonic; without one, for the timeout of the connection."""
        while True:
            message = self._take()
            if message is None:
                self._read(deadline)
            elif message.kind == _OUTPUT:
                self._replace(message)
            elif message.kind == _ERROR:
                raise self.error_of(message)
            else:
                return message

    def poll(self) -> Optional[Message]:
        """Is next for what has come already; None when nothing has."""
        if self._messages:
            return self._messages.popleft()
        try:
            return self.next(0)
        except Timeout:
            return None

    def error_of(self, message: Message) -> Error:
        """Returns the error that a message with a code is."""
        retry, got, most = _FAILED.unpack_from(message.body, 16)
        text, field, limit = _texts(message.payload)
        text = text or "the server ended the connection"
        return _errors.of_kind(message.code or "canceled", text, field=field, limit=limit, got=got, max=most, retry_after=retry / 1000 or None)

    def _take(self) -> Optional[Message]:
        data, at = self._in, self._at
        body_end = at + _SIZE
        if len(data) < body_end:
            return None
        kind, code, length, slot, generation = _HEAD.unpack_from(data, at)
        if length > _MAX_PAYLOAD:
            raise self._broken(f"got a payload of {length} bytes")
        end = body_end + length
        if len(data) < end:
            return None
        self._at = end
        return Message(kind, _CODES[code] if code < len(_CODES) else "internal", slot, generation, data[at:body_end], data[body_end:end])

    def _read(self, deadline: Optional[float]) -> None:
        """Waits for bytes and takes them, with the descriptors that come with them."""
        if deadline is not None:
            poll = select.poll()
            try:
                poll.register(self.socket, select.POLLIN)
            except ValueError:  # Another thread has closed it.
                raise ConnectionLost("the connection was closed") from None
            if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
                raise Timeout(f"the server at ring:{self.path} did not respond in time")
        try:
            data, ancillary, _, _ = self.socket.recvmsg(_PIECE, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            raise Timeout(f"the server at ring:{self.path} did not respond in time") from None
        except OSError as err:
            raise ConnectionLost(f"the server at ring:{self.path} ended the connection: {err.strerror or err}") from err
        for level, kind, descriptors in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._fds.extend(struct.unpack(f"{len(descriptors) // 4}i", descriptors[: len(descriptors) // 4 * 4]))
        if not data:
            raise ConnectionLost(f"the server at ring:{self.path} ended the connection")
        self._in = self._in[self._at :] + data if self._at < len(self._in) else data
        self._at = 0

    def _replace(self, message: Message) -> None:
        """Takes the new memory for the images of a slot."""
        (size,) = struct.unpack_from("<Q", message.body, 16)
        if not self._fds or not message.slot < len(self.outputs):
            raise self._broken("got an OUTPUT without a descriptor, or for no slot")
        self.outputs[message.slot] = memoryview(self._map(size, mmap.PROT_READ))

    def done(self, message: Message) -> None:
        """Takes back the slot of a DONE."""
        self._own(message.slot, message.generation)

    def _own(self, slot: int, generation: int) -> None:
        if slot >= self.slots:
            raise self._broken(f"got slot {slot} of {self.slots}")
        self.generations[slot] = generation
        self.idle.append(slot)

    def image(self, index: int) -> bytes:
        """Waits for the next DONE, takes its slot back, and returns a copy of its image, or raises why there is none. index is
        that of the frame, for errors."""
        return self.layers(index)[0]

    def layers(self, index: int, what: str = "") -> Tuple[bytes, Optional[bytes]]:
        """Is image, and returns beside it, of a transparent scene, the JPEG of alpha. what is put before the text of an error."""
        if self._at == len(self._in):
            self._read(None)
        data, at = self._in, self._at
        if len(data) - at >= _SIZE and data.startswith(_IS_DONE, at):  # What comes nearly always, without a Message.
            self._at = at + _SIZE
            slot, generation = _SLOT.unpack_from(data, at + 8)
        else:
            message = self.next()
            slot, generation = message.slot, message.generation
            if message.kind != DONE:
                raise self._broken(f"got message {message.kind}, want DONE")
            if message.code:
                self._own(slot, generation)
                raise self.error_of(message)
        self._own(slot, generation)
        output = self.outputs[slot]
        offset, size, code, alpha = _TABLE.unpack_from(output)
        end = offset + size
        if end + alpha > len(output):
            raise self._broken(f"got an image at {offset} of {size} bytes, want it within {len(output)}")
        data = output[offset:end].tobytes()
        if code:
            kind = _CODES[code] if code < len(_CODES) else "internal"
            text, field, limit = _texts(data)
            raise FrameError(what + text, index=index, kind=kind, field=field, limit=limit)
        return data, output[end : end + alpha].tobytes() if alpha else None

    def live_image(self, message: Message, size: int, alpha: int) -> Tuple[bytes, Optional[bytes]]:
        """Returns a copy of the image that an IMAGE brings, and of the JPEG of alpha behind it, if that has bytes."""
        if message.slot >= len(self.outputs) or size + alpha > len(self.outputs[message.slot]):
            raise self._broken(f"got an image of {size} bytes, and {alpha} of alpha, in slot {message.slot}")
        self.generations[message.slot] = message.generation
        output = self.outputs[message.slot]
        return output[:size].tobytes(), output[size : size + alpha].tobytes() if alpha else None

    def take_back(self) -> None:
        """Takes back slots whose DONE has come meanwhile, and says that this side is there. It raises why the connection ended."""
        while True:
            message = self.poll()
            if message is None:
                break
            if message.kind == DONE:
                self.done(message)
        if time.monotonic() - self._pinged > _PING_AFTER:
            self._pinged = time.monotonic()
            self.ping()

    def frame_array(self, slot: int, shape: Tuple[int, ...], dtype: Any) -> Any:
        """Returns the memory of a frame as a numpy array."""
        import numpy

        return numpy.ndarray(shape, dtype, self.input, slot * self.slot_bytes)

    def finish(self) -> None:
        """Says that this side has no more to say. The server answers what it was given, and ends the connection."""
        self.socket.shutdown(socket.SHUT_WR)

    def shutdown(self) -> None:
        """Ends the connection for another thread that waits for it, too."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def __del__(self) -> None:
        if hasattr(self, "socket"):
            self.close()

    def close(self) -> None:
        """Closes the connection. Memory that the caller still sees stays, and is nobody else's."""
        self.socket.close()
        while self._fds:
            os.close(self._fds.popleft())


def _texts(data: bytes) -> Tuple[str, str, str]:
    """Returns the reason of an error, the field that is wrong, and the limit that was exceeded; what is not there is ""."""
    text, field, limit, *_ = data.decode("utf-8", "replace").split("\0") + ["", ""]
    return text, field, limit


_FAILED = struct.Struct("<I4xq8xq")  # milliseconds to wait, got and max of the limit; from byte 16
_SUBMIT = struct.Struct("<HHIIIIIQQI20x")  # as _HEAD, and frames, bytes of a JPEG, when it was captured, tag, flags
_SUBMIT_IMAGE = struct.Struct("<HHIIIIIQQIIQ8x")  # and the places without regions, and the index
_SLOT_ONLY = struct.Struct("<HHIII48x")
_MORE = 1  # a flag: the server may answer with what comes after
_INDEX = 2  # a flag: the message has the index of the image
_RECTS = 4  # a flag: behind the frames there are rectangles
_IS_DONE = struct.pack("<HHI", DONE, 0, 0)  # how a DONE without a code begins
_SLOT = struct.Struct("<II")  # and its generation
_ANCILLARY = socket.CMSG_SPACE(2 * 4) if hasattr(socket, "CMSG_SPACE") else 0
