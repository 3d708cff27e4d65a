"""Errors, by what the caller can do about them. Their text is the server's own where the server refused something."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type

__all__ = [
    "Busy",
    "Conflict",
    "ConnectionLost",
    "Error",
    "FrameError",
    "NotFound",
    "Offline",
    "ServerError",
    "SpecError",
    "Timeout",
    "Unauthorized",
    "from_problem",
    "from_trailer",
]


class Error(Exception):
    """What all errors of this package are.

    Attributes:
        kind: the server's name for the cause, such as "invalid" or "busy"; "" when the error was found on this side.
        field: the argument that is wrong, such as "quality", or what the server calls the part of the request; "" when it is
            none alone.
        limit: the server's setting that was exceeded, such as "limits.max_pixels"; "" when none was.
        got: what was asked for, of limit; 0 when that is not known.
        max: what limit allows; 0 when that is not known.
    """

    def __init__(self, message: str, *, kind: str = "", field: str = "", limit: str = "", got: int = 0, max: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.field = field
        self.limit = limit
        self.got = got
        self.max = max


class SpecError(Error, ValueError):
    """The server refuses what was asked for: change it. field or limit says what."""


class FrameError(Error, ValueError):
    """One frame is wrong, or could not be encoded.

    Attributes:
        index: which frame of the call, from 0.
    """

    def __init__(self, message: str, *, index: int = 0, kind: str = "", field: str = "", limit: str = "") -> None:
        super().__init__(message, kind=kind, field=field, limit=limit)
        self.index = index


class Busy(Error):
    """The server has no room now: try again.

    Attributes:
        retry_after: in seconds, when to try again.
    """

    def __init__(
        self, message: str, *, kind: str = "busy", field: str = "", limit: str = "", got: int = 0, max: int = 0, retry_after: float = 1.0
    ) -> None:
        super().__init__(message, kind=kind, field=field, limit=limit, got=got, max=max)
        self.retry_after = retry_after


class ConnectionLost(Error, ConnectionError):
    """The server is not there, is stopping, or the connection to it broke."""


class Timeout(Error, TimeoutError):
    """Something did not happen within its time."""


class Unauthorized(Error, PermissionError):
    """The server wants a token, or another one."""


class NotFound(Error, LookupError):
    """There is no stream, or no scene, of that name."""


class Conflict(Error):
    """Another publisher has the stream."""


class Offline(Error):
    """The stream has no image now.

    Attributes:
        retry_after: in seconds, when to try again.
    """

    def __init__(
        self, message: str, *, kind: str = "offline", field: str = "", limit: str = "", got: int = 0, max: int = 0, retry_after: float = 1.0
    ) -> None:
        super().__init__(message, kind=kind, field=field, limit=limit, got=got, max=max)
        self.retry_after = retry_after


class ServerError(Error):
    """The server failed: a bug of it."""


_BY_KIND: Dict[str, Type[Error]] = {
    "invalid": SpecError,
    "too_large": SpecError,
    "unsupported": SpecError,
    "unauthorized": Unauthorized,
    "forbidden": Unauthorized,
    "misdirected": Unauthorized,
    "not_found": NotFound,
    "conflict": Conflict,
    "offline": Offline,
    "busy": Busy,
    "draining": ConnectionLost,
    "canceled": ConnectionLost,
    "deadline": Timeout,
    "slow": Timeout,
    "internal": ServerError,
}


#: What the server calls the parts of a request, where the arguments of this package have other names. HTTP has those of its
#: query, and the ring, and what is found out later, the Spec's.
_ARGUMENTS = {
    "range": "value_range", "color": "colorspace", "resize": "size",
    "input.format": "format", "input.range": "value_range", "input.color": "colorspace",
    "resize.width": "size", "resize.height": "size", "resize.mode": "mode", "resize.filter": "filter", "resize.background": "background",
    "output.format": "output", "output.quality": "quality", "output.subsampling": "subsampling", "output.restart": "restart",
    "output.reuse": "reuse", "output.noise": "noise",
}  # fmt: skip


def of_kind(
    kind: str, message: str, *, field: str = "", limit: str = "", got: int = 0, max: int = 0, retry_after: Optional[float] = None
) -> Error:
    """Returns the error for a cause as the server names it."""
    cause = _BY_KIND.get(kind, Error)
    details: Dict[str, Any] = {"kind": kind, "field": _ARGUMENTS.get(field, field), "limit": limit, "got": got, "max": max}
    if cause is Busy or cause is Offline:
        details["retry_after"] = 1.0 if retry_after is None else retry_after
    return cause(message, **details)


def _whole(number: Any) -> int:
    return number if isinstance(number, int) else 0


def from_problem(status: int, problem: Mapping[str, Any]) -> Error:
    """Returns the error for a problem document (RFC 9457), which is {} when the response had none."""
    kind = str(problem.get("type", "")).rpartition(":")[2]
    message = str(problem.get("detail") or problem.get("title") or f"got HTTP status {status} without a reason, which is no steadyframe server's: check the URL (with TLS it is https://), its port, and the proxy if there is one")
    if kind == "unauthorized":
        message += "; give it by token=... or STEADYFRAME_AUTH_TOKEN"
    retry_after = problem.get("retry_after")
    return of_kind(
        kind,
        message,
        field=str(problem.get("field", "")),
        limit=str(problem.get("limit", "")),
        got=_whole(problem.get("got")),
        max=_whole(problem.get("max")),
        retry_after=float(retry_after) if isinstance(retry_after, (int, float)) else None,
    )


def from_trailer(text: str) -> Error:
    """Returns the error for the trailer Steadyframe-Error, which is "kind: reason"."""
    kind, _, reason = text.partition(": ")
    return of_kind(kind, reason or text)
