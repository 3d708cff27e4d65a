"""HTTP/1.1 on one kept connection, in both directions at once.

The standard library's http.client writes a request, and then reads the response. Here images come back while frames are
still sent, a body may have no end, and neither side may make the other wait: so this reads and writes as the socket allows.
Frames go to the kernel from the caller's memory, in one system call with the head of their request.
"""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import time
from collections import deque
from typing import Any, Deque, Dict, Iterable, List, Optional, Tuple, Union

from . import _errors
from ._address import Address
from ._balance import balancer_of
from ._errors import ConnectionLost, Error, Timeout

__all__ = ["Connection", "Response"]

Buffer = Union[bytes, bytearray, memoryview]

_MAX_HEAD = 64 << 10  # bytes of a response's head, and of a line of a chunk
_MAX_PROBLEM = 64 << 10  # bytes of a problem document
_READ = 256 << 10  # bytes that are read at a time
_MAX_VECTORS = 64  # buffers of one sendmsg; Linux takes 1,024


class Response:
    """A response: its head, and its body as it comes.

    Attributes:
        status: such as 200.
        headers: by name in lower case, then also the trailers.
        body: what has come of the body and was not taken yet.
        complete: whether all of it has come.
    """

    __slots__ = ("status", "headers", "body", "complete", "_left", "_chunked", "_in_trailer", "_until_close")

    def __init__(self, status: int, headers: Dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.body = bytearray()
        self.complete = False
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self._in_trailer = False
        length = headers.get("content-length")
        self._until_close = not self._chunked and length is None and status >= 200 and status != 204
        self._left = 0
        if not self._chunked and length is not None:
            if not length.isdigit():
                raise ConnectionLost(f"the response is malformed: Content-Length: {length!r}")
            self._left = int(length)
        if not self._chunked and not self._until_close and self._left == 0:
            self.complete = True

    def feed(self, data: bytearray) -> None:
        """Takes what belongs to the body from data."""
        if not self._chunked:
            if self._until_close:
                self.body += data
                data.clear()
            elif self._left:
                taken = data if len(data) <= self._left else data[: self._left]
                self._left -= len(taken)
                self.body += taken
                del data[: len(taken)]
                self.complete = self._left == 0
            return
        at = 0
        while not self.complete:
            if self._left > 2:
                n = min(self._left - 2, len(data) - at)
                self.body += memoryview(data)[at : at + n]
                at += n
                self._left -= n
                if self._left > 2:
                    break
            if self._left:  # the end of the chunk's line
                if len(data) - at < 2:
                    break
                at += 2
                self._left = 0
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > _MAX_HEAD:
                    raise ConnectionLost("the response is malformed: a chunk's head has no end")
                break
            line = bytes(data[at:end])
            at = end + 2
            if not self._in_trailer:
                digits = line.partition(b";")[0].strip()
                if not digits or digits.strip(b"0123456789abcdefABCDEF") or len(digits) > 15:
                    raise ConnectionLost(f"the response is malformed: got a chunk of {line[:20]!r} bytes")
                size = int(digits, 16)
                self._left = size + 2 if size else 0
                self._in_trailer = size == 0
            elif line:
                name, _, value = line.decode("latin-1").partition(":")
                self.headers[name.lower()] = value.strip()
            else:
                self.complete = True
        del data[:at]

    def closed(self) -> None:
        """Is told that the connection has ended as it should."""
        if self._until_close:
            self.complete = True

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on the connection."""
        return self.complete and not self._until_close and "close" not in self.headers.get("connection", "").lower()

    def error(self) -> Error:
        """Returns the error that a response with another status than 200 says."""
        try:
            problem = json.loads(self.body.decode("utf-8"))
        except ValueError:
            problem = None
        return _errors.from_problem(self.status, problem if isinstance(problem, dict) else {})


class Connection:
    """One connection to a server. It is for one thread at a time, and for the process that opened it."""

    def __init__(self, address: Address, timeout: Optional[float]) -> None:
        """Connects, to any one of several servers, or raises ConnectionLost. timeout, in seconds, is for the connecting."""
        self.address = address
        if not address.scheme:
            raise ConnectionLost(f"only HTTP can do this, and the address is {address}: add its address after a comma")
        self.pid = os.getpid()
        self._in = bytearray()
        self._out: Deque[memoryview] = deque()
        self._ended = False  # the server has ended the connection
        self._broken: Optional[OSError] = None  # how
        self._cut = False  # what it was saying is not whole
        self.load = ""  # what the server says of it
        self._heard = False  # a response has come
        self.socket, self.address = _connect_any(address, timeout)
        self.socket.setblocking(False)
        self._tls = isinstance(self.socket, ssl.SSLSocket)
        self._plain = hasattr(self.socket, "sendmsg") and not self._tls

    def __del__(self) -> None:
        if hasattr(self, "socket"):
            self.socket.close()

    def close(self) -> None:
        """Closes the connection. In a process that inherited it by fork the other's stays as it is."""
        self.socket.close()

    def shutdown(self) -> None:
        """Ends the connection for another thread that waits for it, too."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def head(self, method: str, target: str, headers: Iterable[Tuple[str, str]]) -> bytes:
        """Returns the head of a request."""
        lines = [f"{method} {self.address.prefix}{target} HTTP/1.1", f"Host: {self.address.authority}", "User-Agent: steadyframe-python"]
        if self.address.token:
            lines.append(f"Authorization: Bearer {self.address.token}")
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def queue(self, buffers: Iterable[Buffer]) -> None:
        """Adds bytes to what is to be sent. They must not change until pending is 0."""
        self._out.extend(memoryview(b) for b in buffers if len(b))

    @property
    def pending(self) -> int:
        """Buffers that are not sent yet."""
        return len(self._out)

    def push(self) -> None:
        """Sends what the socket takes now."""
        try:
            while self._out:
                if self._plain:
                    n = self.socket.sendmsg(_first(self._out))
                else:
                    n = self.socket.send(self._out[0][: 1 << 20])
                while n and self._out:
                    first = self._out[0]
                    if n < len(first):
                        self._out[0] = first[n:]
                        n = 0
                    else:
                        n -= len(first)
                        self._out.popleft()
        except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError as err:  # What the server said before may still be read.
            self._out.clear()
            self._broken = err

    def pull(self) -> bool:
        """Reads what has come. It returns False when there is nothing."""
        try:
            data = self.socket.recv(_READ)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as err:
            self._ended = self._cut = True
            self._broken = self._broken or err
            return True
        if not data:
            self._ended = True
        self._in += data
        return True

    def wait(self, deadline: Optional[float], reading: bool = True) -> None:
        """Waits until something can be read, or written if there is something to write. Past the deadline, of
        time.monotonic, it raises Timeout."""
        if self._tls and reading and self.socket.pending():  # type: ignore[attr-defined]
            return
        left = None if deadline is None else max(deadline - time.monotonic(), 0)
        if not _ready(self.socket, reading, bool(self._out), left):
            raise Timeout(f"the server at {self.address.http} did not respond in time")

    def step(self, deadline: Optional[float]) -> None:
        """Sends and reads as much as is possible, after a wait where nothing is."""
        if self._out:
            self.push()
        if self._ended:
            return
        self.wait(deadline)
        self.pull()

    def flush(self, deadline: Optional[float], unasked: bool = False) -> None:
        """Sends all that is pending, and reads what comes meanwhile. With unasked, what comes ends it: the server has something
        to say before its time."""
        self.push()
        while self._out and not self._ended and not (unasked and self._in):
            self.wait(deadline)
            self.pull()
            self.push()

    def poll(self) -> bool:
        """Reports whether something has come, or the server has ended the connection, without a wait."""
        return bool(self._in) or self._ended or (self._tls and self.pull()) or _ready(self.socket, True, False, 0)

    def lost(self) -> ConnectionLost:
        """Returns the error of a connection that ended too soon."""
        why = f": {self._broken.strerror or self._broken}" if self._broken else ""
        if not self._heard:
            why += "; if it does so each time, check the port: gRPC has another one than HTTP"
        return ConnectionLost(f"the server at {self.address.http} ended the connection{why}")

    def response(self, deadline: Optional[float]) -> Response:
        """Sends what is pending and reads the head of the response, and of an error all of it."""
        while True:
            end = self._in.find(b"\r\n\r\n")
            if end >= 0:
                response = _parse_head(bytes(self._in[:end]))
                self._heard = True
                self.load = response.headers.get("endpoint-load-metrics", "")
                del self._in[: end + 4]
                if response.status == 100:
                    continue
                if response.status != 101:
                    response.feed(self._in)
                break
            if self._ended:
                raise self.lost()
            if len(self._in) > _MAX_HEAD:
                raise ConnectionLost("the response is malformed: its head has no end")
            self.step(deadline)
        if response.status not in (200, 101):
            self._out.clear()
            while not response.complete and len(response.body) < _MAX_PROBLEM and not self._ended:
                self.step(deadline)
                self.feed(response)
        return response

    def feed(self, response: Response) -> None:
        """Gives the response what has come."""
        if self._in:
            response.feed(self._in)
        if self._ended and not response.complete:
            if not self._cut:
                response.closed()
            if not response.complete:
                raise self.lost()

    @property
    def ended(self) -> bool:
        """Whether the server has ended the connection."""
        return self._ended

    @property
    def incoming(self) -> bytearray:
        """What has come and was not taken yet, of a connection that became something else than HTTP."""
        return self._in

    def get(self, target: str, deadline: Optional[float]) -> bytes:
        """Returns what GET gives, or raises the error that it says."""
        self.queue([self.head("GET", target, ())])
        response = self.response(deadline)
        while not response.complete:
            self.step(deadline)
            self.feed(response)
        if response.status != 200:
            raise response.error()
        return bytes(response.body)


def _first(buffers: Deque[memoryview]) -> List[memoryview]:
    if len(buffers) <= _MAX_VECTORS:
        return list(buffers)
    return [buffers[i] for i in range(_MAX_VECTORS)]


def _parse_head(head: bytes) -> Response:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not (len(parts[1]) == 3 and parts[1].isdigit()):
        raise ConnectionLost(f"what answers is no HTTP server: it says {first[:60]!r}")
    headers: Dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Response(int(parts[1]), headers)


def _connect_any(address: Address, timeout: Optional[float]) -> Tuple[socket.socket, Address]:
    """Returns a connection to a server, of several to the one whose turn it is, or to another where that cannot be reached."""
    balancer = balancer_of(address)
    tried: List[Address] = []
    while True:
        server = (balancer.choose(tried) if balancer else None) or address
        try:
            return _connect(server, balancer.connect_timeout(timeout) if balancer else timeout), server
        except OSError as err:
            if balancer and server is not address:
                balancer.failed(server)
                tried.append(server)
                if balancer.others(tried):
                    continue
            if isinstance(err, ssl.SSLCertVerificationError):
                raise ConnectionLost(
                    f"the certificate of {address.http} is not trusted: {err.verify_message}; SSL_CERT_FILE=FILE names authorities to trust"
                ) from err
            if isinstance(err, ssl.SSLError):
                raise ConnectionLost(f"{address.http} does not speak HTTPS: {err.reason or err}; use http://, or check the port") from err
            raise ConnectionLost(
                f"no server at {address.http}: {err.strerror or err}; start one with `steadyframe serve` or sf.serve(), or say where it is: url=..., STEADYFRAME_URL"
            ) from err


def _connect(address: Address, timeout: Optional[float]) -> socket.socket:
    if address.scheme == "unix":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.settimeout(timeout)
            s.connect(address.path)
        except BaseException:
            s.close()
            raise
        return s
    s = socket.create_connection((address.ip or address.host, address.port), timeout)
    try:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "https":
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            # An end without a word of TLS is an error: it may be in the midst of a body that ends with the connection.
            context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            return context.wrap_socket(s, server_hostname=address.host, suppress_ragged_eofs=False)
    except BaseException:
        s.close()
        raise
    return s


def _ready(s: socket.socket, reading: bool, writing: bool, timeout: Optional[float]) -> bool:
    if s.fileno() < 0:  # Another thread has closed it: a read will say so.
        return True
    if not hasattr(select, "poll"):
        readable, writable, _ = select.select([s] if reading else [], [s] if writing else [], [], timeout)
        return bool(readable or writable)
    poll = select.poll()
    poll.register(s, (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0))
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def chunk(buffers: List[Any]) -> List[Any]:
    """Returns buffers as one chunk of a body."""
    return [b"%x\r\n" % sum(len(b) for b in buffers), *buffers, b"\r\n"]
