"""Live images through the ring."""

from __future__ import annotations

import struct
from typing import Any, Dict, NamedTuple, Optional

from . import _ring
from ._errors import ConnectionLost
from ._ring import Ring

__all__ = ["Received", "RingImages"]

_IMAGE = struct.Struct("<IIQQQIII")  # flags, bytes, sequence, captured, sent, width, height, bytes of alpha; from byte 16
_OFFLINE, _REPEAT = 1, 2


class Received(NamedTuple):
    """An image, and what came with it; times are in seconds since 1970. alpha is a gray JPEG, of a transparent scene."""

    jpeg: bytes
    alpha: Optional[bytes]
    offline: bool
    repeat: bool
    sequence: int
    captured: float
    sent: float


class RingImages:
    """One stream, watched through one slot: the server puts into it the newest image at the time when it is given back."""

    def __init__(self, path: str, name: str, fps: Optional[float], timeout: Optional[float]) -> None:
        hello: Dict[str, Any] = {"use": "watch", "slots": 1, "stream": name}
        if fps is not None:
            hello["fps"] = fps
        self.ring = Ring(path, hello, timeout)
        self.state = "waiting"
        self.width, self.height = self.ring.width, self.ring.height
        self._held: Optional[int] = None

    def receive(self, deadline: Optional[float]) -> Received:
        """Returns the next image."""
        while True:
            message = self.ring.next(deadline)
            if message.kind == _ring.IMAGE:
                break
            if message.kind != _ring.STATUS:
                raise ConnectionLost(f"the server at ring:{self.ring.path} breaks the protocol: got message {message.kind}, want IMAGE")
        flags, size, sequence, captured, sent, self.width, self.height, alpha_size = _IMAGE.unpack_from(message.body, 16)
        jpeg, alpha = self.ring.live_image(message, size, alpha_size)
        self._held = message.slot
        self.state = "offline" if flags & _OFFLINE else "online"
        return Received(jpeg, alpha, bool(flags & _OFFLINE), bool(flags & _REPEAT), sequence, captured / 1e6, sent / 1e6)

    def acknowledge(self) -> None:
        """Gives the slot of the last image back: the newest may come."""
        held, self._held = self._held, None
        if held is not None:
            self.ring.release(held)

    newest = receive  # Each is.

    def prefetch(self) -> None:
        """Does nothing: the next image is to be the newest when it is asked for, and comes at once."""

    def shutdown(self) -> None:
        """Ends the connection for another thread that waits for it, which is to close it: until then its number is taken."""
        self.ring.shutdown()

    def close(self) -> None:
        """Ends the connection."""
        self.ring.shutdown()
        self.ring.close()

    def drop(self) -> None:
        """Lets go of the connection. In a process that inherited it by fork the other's stays as it is."""
        self.ring.close()
