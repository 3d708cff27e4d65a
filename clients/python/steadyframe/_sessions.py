"""What carries frames and JPEGs for an Encoder: connections of HTTP, or rings, kept from call to call."""

from __future__ import annotations

import os
from typing import Any, Callable, Generic, List, Optional, Tuple, TypeVar, Union

from . import _errors
from ._address import Address, fall_back
from ._balance import balancer_of
from ._errors import Busy, ConnectionLost, Error, FrameError, ServerError, SpecError
from ._frames import Frames
from ._http import Connection, Response
from ._jpeg import Splitter
from ._options import Description, Options
from ._ring import Ring

__all__ = ["EncodePool", "HTTPSession", "Pool", "RingSession", "check_end"]

_OCTETS = ("Content-Type", "application/octet-stream")
ACCEPT_ALL = [("Accept", "video/x-motion-jpeg"), ("TE", "trailers")]  # images one after the other
ONE_AFTER_THE_OTHER = [_OCTETS, *ACCEPT_ALL]

_MAX_IDLE = 16

#: What the slots of a session hold at most, in bytes and in frames; but always two frames of a batch.
_SLOTS_BYTES = 64 << 20
_SLOTS = 16


def target_of(options: Options, given: Description) -> str:
    """Returns the path and the query of a request."""
    return "/v1/encode?" + options.query(given)


def check_end(response: Response, images: int, what: str = "frame") -> None:
    """Raises what a response ended with, if that is an error."""
    trailer = response.headers.get("steadyframe-error")
    if trailer is None:
        return
    error = _errors.from_trailer(trailer)
    if isinstance(error, (SpecError, ServerError)):
        error = FrameError(f"{what} {images}: {error}", index=images, kind=error.kind)
    raise error


class HTTPSession:
    """Requests on one kept connection."""

    def __init__(self, address: Address, options: Options, timeout: Optional[float]) -> None:
        self.options = options
        self.connection = Connection(address, timeout)
        self.reusable = False  # whether another call may be made

    def fits(self, given: Frames) -> bool:
        """Whether it can carry such frames."""
        return True

    @property
    def server(self) -> Optional[Address]:
        """The server that it is with."""
        return self.connection.address

    @property
    def load(self) -> str:
        """What the server says of its load."""
        return self.connection.load

    @property
    def alive(self) -> bool:
        """Whether it is this process's, and the server has not ended it."""
        return self.connection.pid == os.getpid() and not self.connection.poll()

    def encode(self, given: Frames, deadline: Optional[float]) -> List[bytes]:
        """Returns the images of all frames."""
        connection, jpegs = self.connection, self.options.makes_jpegs
        self.reusable = False
        alone = given.count == 1 and jpegs
        headers = [("Content-Length", str(given.count * given.frame_bytes)), *([_OCTETS] if alone else ONE_AFTER_THE_OTHER)]
        connection.queue([connection.head("POST", target_of(self.options, given.description), headers), *given.buffers()])
        response = connection.response(deadline)
        if response.status != 200:
            raise response.error()
        images: List[bytes] = []
        splitter = Splitter()
        split = not alone and jpegs
        while not response.complete:
            if split:
                images += splitter.take(response.body)
            connection.step(deadline)
            connection.feed(response)
        if split:
            images += splitter.take(response.body)
        elif len(response.body) % given.count == 0:
            size = len(response.body) // given.count
            images = [bytes(response.body[at : at + size]) for at in range(0, len(response.body), size)] if size else []
        check_end(response, len(images))
        if len(images) != given.count:
            raise ServerError(f"got {len(images)} images from the server, want {given.count}")
        self.reusable = response.reusable and not connection.pending
        return images

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()


class RingSession:
    """Frames through memory that is shared, each in a slot of its own. Images come in the order of the frames."""

    server: Optional[Address] = None  # This machine's is none of several.
    load = ""

    def __init__(self, path: str, options: Options, given: Description, slots: int, timeout: Optional[float]) -> None:
        self.description = given
        self.ring = Ring(path, {"use": "encode", "slots": slots, "batch": 1, "spec": options.spec(given)}, timeout)
        self.reusable = True  # whether another call may be made

    def fits(self, given: Frames) -> bool:
        """Whether it can carry such frames, and has the slots that as many want."""
        same = self.description is given.description or self.description == given.description
        return same and self.ring.slots >= slots_for(given)

    @property
    def alive(self) -> bool:
        """Whether it is this process's."""
        return self.ring.ours

    def encode(self, given: Frames, deadline: Optional[float]) -> List[bytes]:
        """Returns the images of all frames. While the server reads some, the next are copied."""
        if given.count == 1:
            self.put(given)
            return [self.ring.image(0)]
        images: List[bytes] = []
        for frame in given.each():
            if not self.ring.idle:
                images.append(self.ring.image(len(images)))
            self.put(frame)
        while len(images) < given.count:
            images.append(self.ring.image(len(images)))
        return images

    def put(self, frame: Frames) -> None:
        """Copies a frame into a slot that is idle, and submits it."""
        ring = self.ring
        if frame.frame_bytes != ring.frame_bytes:
            raise ServerError(f"got slots of {ring.frame_bytes} bytes from the server, want {frame.frame_bytes} for {frame.description}")
        slot = ring.idle.popleft()
        frame.copy_to(ring.slot(slot))
        ring.submit(slot)

    def encode_slots(self, slots: List[int]) -> List[bytes]:
        """Returns the images of the frames that those slots hold."""
        ring = self.ring
        for slot in slots:
            ring.idle.remove(slot)
        if len(slots) == 1:
            ring.submit(slots[0])
            return [ring.image(0)]
        ring.submit_all(slots)
        return [ring.image(index) for index in range(len(slots))]

    def close(self) -> None:
        """Closes the connection."""
        self.ring.close()


def slots_for(given: Any) -> int:
    """Returns how many slots such frames, or images of a scene, want: as many as keep the server busy, within bounds."""
    count: int = given.count
    frame_bytes: int = given.frame_bytes
    if count == 1:
        return 1
    return max(2, min(count, _SLOTS, _SLOTS_BYTES // max(frame_bytes, 1)))


Session = Union[HTTPSession, RingSession]
R = TypeVar("R")
S = TypeVar("S", bound=Union[HTTPSession, RingSession])


def may_go_on(err: BaseException) -> bool:
    """Whether a call that ended so on a session that was kept is to be made once more, on a new one: the server has ended the
    session, most likely while it was idle. To encode frames twice harms nobody."""
    return isinstance(err, ConnectionLost) or isinstance(err, Error) and err.kind == "slow"


class Pool(Generic[S]):
    """Idle sessions with one server, for any number of threads. After a fork, the child opens its own. What sessions
    are, over_ring and over_http say."""

    def __init__(self, address: Address, options: Options, timeout: Optional[float]) -> None:
        self.address = address
        self.options = options
        self.timeout = timeout
        self._idle: List[S] = []
        self._balancer = balancer_of(address)

    def take(self, given: Any, server: Optional[Address] = None) -> Tuple[S, bool]:
        """Returns a session that is the caller's until give, or its close, and whether it was used before. Of several servers it
        is with that one."""
        for session in reversed(self._idle[:]):
            if not session.fits(given) or server is not None and session.server not in (None, server):
                continue
            try:
                self._idle.remove(session)
            except ValueError:
                continue  # Another thread was quicker.
            if session.alive:
                return session, True
            session.close()
        return self.open(given, slots_for(given), server), False

    def run(self, given: Any, use: Callable[[S], R]) -> R:
        """Returns what use returns for a session; for another one where the session was kept from before, and has ended since, or
        where one of several servers is gone or has no room."""
        tried: List[Address] = []
        while True:
            server = self._balancer.choose(tried) if self._balancer else None
            try:
                session, kept = self.take(given, server)
            except ConnectionLost as err:
                if self._goes_on(err, server, tried):
                    continue
                raise
            try:
                got = use(session)
            except BaseException as err:
                session.close()
                if kept and may_go_on(err) or session.server is not None and self._goes_on(err, server, tried):
                    continue
                raise
            if self._balancer and server is not None and session.server is not None:
                self._balancer.served(server, session.load)
            self.give(session)
            return got

    def _goes_on(self, err: BaseException, server: Optional[Address], tried: List[Address]) -> bool:
        """Whether a call that failed is to be made with another server. For want of room it is only once: where all are full,
        clients that ask each of them make it worse."""
        if self._balancer is None or server is None:
            return False
        if isinstance(err, ConnectionLost):
            self._balancer.failed(server)
        elif not isinstance(err, Busy) or tried:
            return False
        tried.append(server)
        return self._balancer.others(tried)

    def open(self, given: Any, slots: int, server: Optional[Address] = None) -> S:
        """Returns a new session, with server where that says one of several; over the ring with so many slots."""
        if self.address.ring:
            try:
                return self.over_ring(given, slots)
            except ConnectionLost as err:
                if not self.address.scheme:
                    raise
                fall_back(self.address, err)
        return self.over_http(server or self.address)

    def over_ring(self, given: Any, slots: int) -> S:
        """Returns a new session over the ring."""
        raise NotImplementedError

    def over_http(self, address: Address) -> S:
        """Returns a new session over HTTP with that server."""
        raise NotImplementedError

    def give(self, session: S) -> None:
        """Takes a session back, for the next caller."""
        if not session.reusable:
            session.close()
            return
        self._idle.append(session)
        if len(self._idle) > _MAX_IDLE:
            try:
                self._idle.pop(0).close()
            except IndexError:
                pass  # Another thread was quicker.

    def close(self) -> None:
        """Closes the idle sessions."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def __len__(self) -> int:
        return len(self._idle)


class EncodePool(Pool[Session]):
    """Idle sessions for frames."""

    def over_ring(self, given: Frames, slots: int) -> Session:
        return RingSession(self.address.ring, self.options, given.description, slots, self.timeout)

    def over_http(self, address: Address) -> Session:
        return HTTPSession(address, self.options, self.timeout)
