"""Sound of a live stream."""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Optional
from urllib.parse import quote, urlencode

from ._address import Address
from ._errors import ConnectionLost, SpecError, Timeout
from ._http import Connection, chunk
from ._mel import samples_of
from ._options import microseconds

__all__ = ["Sound"]

_log = logging.getLogger("steadyframe")

_RETRY = 1.0  # seconds from a lost connection to the next


class Sound:
    """Samples as the chunks of one request that has no end, each piece behind a line that says its time where that is given."""

    def __init__(self, address: Address, name: str, timeout: Optional[float]) -> None:
        self.address = address
        self.target = f"/v1/streams/{quote(name)}/sound?"
        self.name = name
        self.timeout = timeout
        self.connection: Optional[Connection] = None
        self.query = ""  # of the request
        self.again_at = 0.0

    def send(self, pcm: Any, rate: int, captured: Optional[float]) -> bool:
        """Sends samples. It returns False while the connection is lost; what the server says against the sound is raised."""
        import numpy

        if isinstance(pcm, (bytes, bytearray, memoryview)):
            raise SpecError("pcm: got bytes, want an array: numpy.frombuffer(pcm, 'int16')", field="pcm")
        samples = numpy.asarray(pcm)
        data, description = samples_of(samples, rate)
        line = f"SOUND samples={len(samples)}"
        if captured is not None:
            line += f" captured_us={microseconds(captured)}"
        query = urlencode(description)
        if self.connection is not None and (self.connection.pid != os.getpid() or query != self.query):
            self.close(end=self.connection.pid == os.getpid())
        if self.connection is None and time.monotonic() < self.again_at:
            return False
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        try:
            if self.connection is None:
                self.connection, self.query = Connection(self.address, self.timeout), query
                headers = [("Content-Type", "application/x-steadyframe-sound"), ("Transfer-Encoding", "chunked")]
                self.connection.queue([self.connection.head("POST", self.target + query, headers)])
            self.connection.queue(chunk([f"{line}\n".encode(), data]))
            self.connection.flush(deadline, unasked=True)
            if self.connection.poll():
                self._finish(deadline)
                raise ConnectionLost(f"the server at {self.address} ended the sound")
        except (ConnectionLost, Timeout) as err:
            if self.again_at == 0.0 and self.query == "":
                self.close()
                raise
            _log.warning("stream %s: the connection of its sound is lost: %s", self.name, err)
            self.close()
            self.again_at = time.monotonic() + _RETRY
            return False
        except BaseException:
            self.close()
            raise
        return True

    def _finish(self, deadline: Optional[float]) -> None:
        """Reads the response, and raises what it says."""
        assert self.connection is not None
        response = self.connection.response(deadline)
        if response.status != 200:
            raise response.error()
        while not response.complete:
            self.connection.step(deadline)
            self.connection.feed(response)

    def close(self, end: bool = False) -> bool:
        """Closes the connection; with end, when all samples have been read. It returns False if the connection was lost before."""
        connection = self.connection
        if connection is None and self.again_at:
            return False
        try:
            if connection is not None and end:
                connection.queue([b"0\r\n\r\n"])
                self._finish(time.monotonic() + 5.0)
        except (ConnectionLost, Timeout) as err:
            _log.warning("stream %s: the connection of its sound is lost before the end: %s", self.name, err)
            return False
        finally:
            self.connection = None
            if connection is not None:
                connection.close()
        return True
