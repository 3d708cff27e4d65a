"""Live images over the server's WebSocket: each is sent when the one before is done with, so none is ever old."""

from __future__ import annotations

import base64
import json
import os
import struct
import time
from typing import Any, Dict, Optional, Tuple

from . import _errors
from ._address import Address
from ._errors import ConnectionLost, Timeout
from ._http import Connection
from ._ring_watch import Received

__all__ = ["WebSocket"]

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_MAX_FRAME = 256 << 20  # bytes
_ID = 1
_HEAD = struct.Struct(">BBHIQQQ")  # version, flags, bytes of the head, id, sequence, captured, sent
_ALPHA = 4  # a flag: the head ends with the bytes of the JPEG, and behind that is one of alpha
_PATIENCE = 0.02  # seconds in which a newer image comes when there is one


class WebSocket:
    """One stream, watched over one connection."""

    def __init__(self, address: Address, name: str, fps: Optional[float], timeout: Optional[float]) -> None:
        self.connection = Connection(address, timeout)
        self.state = ""  # The server has not said.
        self.width = self.height = 0
        self._unacknowledged: Optional[int] = None
        try:
            begin = time.monotonic()
            self._upgrade(timeout)
            self._patience = max(_PATIENCE, 2 * (time.monotonic() - begin))
            watch: Dict[str, Any] = {"op": "watch", "stream": name, "id": _ID}
            if fps is not None:
                watch["fps"] = fps
            self._send(_TEXT, json.dumps(watch).encode("utf-8"))
        except BaseException:
            self.connection.close()
            raise

    def _upgrade(self, timeout: Optional[float]) -> None:
        headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode("ascii")),
            ("Sec-WebSocket-Protocol", "steadyframe.v1"),
        ]
        connection = self.connection
        connection.queue([connection.head("GET", "/ws", headers)])
        response = connection.response(None if timeout is None else time.monotonic() + timeout)
        if response.status == 101:
            return
        if response.status == 200:
            raise ConnectionLost(f"the server at {connection.address} has no WebSocket: a proxy must pass on Upgrade and Connection")
        raise response.error()

    def receive(self, deadline: Optional[float]) -> Received:
        """Returns the next image."""
        while True:
            kind, payload = self._frame(deadline)
            if kind == _BINARY:
                if len(payload) < _HEAD.size:
                    raise ConnectionLost("the server sent an image without its head")
                version, flags, head, _, sequence, captured, sent = _HEAD.unpack_from(payload)
                if version != 1 or not _HEAD.size <= head <= len(payload):
                    raise ConnectionLost(f"the server sent an image with a head of version {version}, want 1")
                self._unacknowledged = sequence
                end = len(payload)
                if flags & _ALPHA:
                    end = head + int.from_bytes(payload[head - 4 : head], "big")
                    if head < _HEAD.size + 4 or end > len(payload):
                        raise ConnectionLost("the server sent an image with alpha, and a wrong head")
                data = memoryview(payload)
                alpha = bytes(data[end:]) if flags & _ALPHA else None
                return Received(bytes(data[head:end]), alpha, bool(flags & 1), bool(flags & 2), sequence, captured / 1e6, sent / 1e6)
            if kind == _TEXT:
                self._told(payload)
            elif kind == _PING:
                self._send(_PONG, bytes(payload))
            elif kind == _CLOSE:
                code = int.from_bytes(payload[:2], "big")
                reason = bytes(payload[2:]).decode("utf-8", "replace")
                if code == 1008:
                    raise _errors.SpecError(reason, kind="invalid")
                raise ConnectionLost(reason or "the server ended the connection", kind="draining" if code == 1001 else "")

    def newest(self, deadline: Optional[float]) -> Received:
        """Is receive for a viewer that was long busy. The server sends an image more than those that were acknowledged: that
        one came while the viewer was busy, and is old. It is taken only when there is none newer."""
        last: Optional[Received] = None
        try:
            while self.connection.poll():
                last = self.receive(time.monotonic())
        except Timeout:
            pass  # What has come is no image, or a part of one.
        self.acknowledge()
        if last is None:
            return self.receive(deadline)
        soon = time.monotonic() + self._patience
        try:
            return self.receive(soon if deadline is None else min(soon, deadline))
        except Timeout:
            return last

    def _told(self, payload: bytearray) -> None:
        try:
            message = json.loads(payload.decode("utf-8"))
        except ValueError:
            raise ConnectionLost("the server sent a message that is not JSON") from None
        if message.get("op") == "error":
            raise _errors.SpecError(str(message.get("reason", "")), kind="invalid", field="stream")
        if message.get("op") == "state":
            self.state = str(message.get("state", ""))
            self.width, self.height = int(message.get("width", 0)), int(message.get("height", 0))

    def acknowledge(self) -> None:
        """Says that the last image is done with: the next may come."""
        if self._unacknowledged is not None:
            self._send(_BINARY, struct.pack(">IQ", _ID, self._unacknowledged))
            self._unacknowledged = None

    #: What a viewer says while it uses an image: that the next may come.
    prefetch = acknowledge

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i & 3] for i, b in enumerate(payload))
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        self.connection.queue([bytes([0x80 | kind]) + length + mask + masked])
        self.connection.push()

    def _frame(self, deadline: Optional[float]) -> Tuple[int, bytearray]:
        connection = self.connection
        data = connection.incoming
        while True:
            size = _frame_size(data)
            if size is not None:
                head, length = size
                if data[0] & 0x8F < 0x80 or data[1] & 0x80:
                    raise ConnectionLost("the server sent a malformed WebSocket frame")
                if len(data) >= head + length:
                    kind = data[0] & 0x0F
                    payload = data[head : head + length]
                    del data[: head + length]
                    return kind, payload
            if connection.ended:
                raise connection.lost()
            connection.step(deadline)

    def shutdown(self) -> None:
        """Ends the connection for another thread that waits for it, which is to close it: until then its number is taken."""
        self.connection.shutdown()

    def close(self) -> None:
        """Ends the connection."""
        self.connection.shutdown()
        self.connection.close()

    def drop(self) -> None:
        """Lets go of the connection. In a process that inherited it by fork the other's stays as it is."""
        self.connection.close()


def _frame_size(data: bytearray) -> Optional[Tuple[int, int]]:
    """Returns the bytes of a frame's head and of its payload, or None when they have not come yet."""
    if len(data) < 2:
        return None
    head, length = 2, data[1] & 0x7F
    if length > 125:
        head = 4 if length == 126 else 10
        if len(data) < head:
            return None
        length = int.from_bytes(data[2:head], "big")
    if length > _MAX_FRAME:
        raise ConnectionLost(f"the server sent a WebSocket frame of {length} bytes, want {_MAX_FRAME} at most")
    return head, length
