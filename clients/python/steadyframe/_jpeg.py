"""Where a JPEG ends, in JPEGs that come one after the other."""

from __future__ import annotations

from typing import List

from ._errors import ConnectionLost

__all__ = ["JPEG", "Splitter"]


class JPEG(bytes):
    """A JPEG that notebooks show."""

    def _repr_jpeg_(self) -> bytes:
        return bytes(self)


class Splitter:
    """Takes whole JPEGs from a buffer that grows. What was looked at is not looked at again."""

    def __init__(self) -> None:
        self._at = 0  # of the next marker, or in the coded data
        self._coded = False

    def take(self, data: bytearray) -> List[bytes]:
        """Returns the JPEGs that are whole, and removes them from data."""
        found: List[bytes] = []
        begin = 0
        while self._find_end(data, begin):
            found.append(bytes(memoryview(data)[begin : self._at]))
            begin = self._at
            self._coded = False
        if begin:
            del data[:begin]
            self._at -= begin
        return found

    def _find_end(self, data: bytearray, begin: int) -> bool:
        """Moves to the end of the JPEG that begins there. It returns False when that has not come yet."""
        while not self._coded:
            at = self._at
            if at == begin:
                if len(data) < at + 2:
                    return False
                if data[at : at + 2] != b"\xff\xd8":
                    raise ConnectionLost(f"the response is malformed: want a JPEG, got {bytes(data[at : at + 16])!r}")
                self._at = at + 2
                continue
            if len(data) < at + 4:
                return False
            if data[at] != 0xFF:
                raise ConnectionLost("the response is malformed: got a JPEG without a marker where one should be")
            self._coded = data[at + 1] == 0xDA
            self._at = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        end = data.find(b"\xff\xd9", self._at)  # Within coded data 0xFF is followed by 0x00 or a restart marker.
        if end < 0:
            self._at = max(self._at, len(data) - 1)
            return False
        self._at = end + 2
        return True
