"""Where the server is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional
from urllib.parse import quote, urlsplit

from ._errors import SpecError

__all__ = ["Address", "DEFAULT_URL", "find"]

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Address:
    """A server, and the token that it wants.

    Attributes:
        scheme: "http", "https" or "unix" (HTTP over a Unix socket).
        host: its name or IP address; of a Unix socket, "localhost".
        port: of TCP.
        path: of the Unix socket, or what precedes the paths of the API where a proxy adds that.
        token: "" for none.
    """

    scheme: str
    host: str
    port: int
    path: str
    token: str

    @property
    def prefix(self) -> str:
        """What precedes the paths of the API."""
        return "" if self.scheme == "unix" else self.path

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}.get(self.scheme, self.port)
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def web(self) -> str:
        """The URL of the page in a browser, without a / at its end; "" for a Unix socket, which browsers cannot open."""
        return "" if self.scheme == "unix" else f"{self.scheme}://{self.authority}{self.path}"

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.scheme == "unix" else self.web


def parse(url: str, token: str = "") -> Address:
    """Returns the address that a URL says: http://HOST:PORT, https://HOST, or unix:/PATH. A wrong one is a SpecError."""
    want = "want http://HOST:PORT, https://HOST or unix:/PATH"
    if url.startswith("unix:"):
        path = url[len("unix:") :]
        if path.startswith("//"):
            path = path[2:]
        if not path:
            raise SpecError(f"url: got {url!r}, {want}", field="url")
        return Address("unix", "localhost", 80, path, token)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as err:
        raise SpecError(f"url: got {url!r} ({err}), {want}", field="url") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SpecError(f"url: got {url!r}, {want}", field="url")
    if parts.username or parts.password:
        raise SpecError("url: got a user or a password in it, want token=... or STEADYFRAME_AUTH_TOKEN", field="url")
    path = quote(parts.path.rstrip("/"), safe="/%")
    return Address(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path, token)


def find(url: Optional[str] = None, token: Optional[str] = None) -> Address:
    """Returns the server's address: url, else STEADYFRAME_URL, else the default one. The token is the argument, else
    STEADYFRAME_AUTH_TOKEN."""
    if token is None:
        token = os.environ.get("STEADYFRAME_AUTH_TOKEN", "")
    if any(c in token for c in "\r\n\0") or not token.isascii():
        raise SpecError("token: got control or non-ASCII characters in it", field="token")
    return parse(url or os.environ.get("STEADYFRAME_URL") or DEFAULT_URL, token)
