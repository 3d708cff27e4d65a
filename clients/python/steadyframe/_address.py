"""Where the server is."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from typing import Optional, Set, Tuple
from urllib.parse import quote, urlsplit

from . import _ring
from ._errors import SpecError

__all__ = ["Address", "DEFAULT_URL", "find"]

DEFAULT_URL = "http://127.0.0.1:8080"

_log = logging.getLogger("steadyframe")


@dataclass(frozen=True)
class Address:
    """A server, or several that are alike, and the token that they want.

    Attributes:
        ring: the path of its ring's socket; "" for HTTP alone.
        scheme: of HTTP: "http", "https" or "unix" (over a Unix socket); "" for the ring alone.
        host: its name or IP address; of a Unix socket, "localhost".
        port: of TCP.
        path: of the Unix socket, or what precedes the paths of the API where a proxy adds that.
        token: of HTTP; "" for none.
        ip: the address to connect to, where host is only its name; "" for host.
        servers: all of several that are known; the attributes above are then those of the first.
        dns: whether host has a server at each of its addresses.
    """

    ring: str = ""
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str = ""
    token: str = ""
    ip: str = ""
    servers: Tuple[Address, ...] = ()
    dns: bool = False

    @property
    def several(self) -> bool:
        """Whether there may be more than one server."""
        return bool(self.servers) or self.dns

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
        """The URL of the page in a browser, without a / at its end; "" where browsers cannot open it."""
        return f"{self.scheme}://{self.authority}{self.path}" if self.scheme in ("http", "https") else ""

    @property
    def http(self) -> str:
        """The address of HTTP alone; "" for none."""
        if self.servers:
            return "static:///" + ",".join(s.http for s in self.servers)
        if self.dns:
            return f"dns:///{self.web}"
        if self.ip:
            return f"{self.web} ({self.ip})"
        return f"unix:{self.path}" if self.scheme == "unix" else self.web

    def __str__(self) -> str:
        return ",".join(filter(None, (f"ring:{self.ring}" if self.ring else "", self.http)))


def parse(url: str, token: str = "") -> Address:
    """Returns the address that a URL says: ring:/PATH, http://HOST:PORT, https://HOST, unix:/PATH; of several servers
    static:///HOST:PORT,HOST:PORT, or dns:///HOST:PORT for one at each address of the name, with https:// before HOST for TLS; or
    a ring and another of these after a comma, for where the ring is not to be had. A wrong one is a SpecError."""
    want = "want ring:/PATH, http://HOST:PORT, https://HOST, unix:/PATH, static:///HOST:PORT,HOST:PORT or dns:///HOST:PORT"
    if url.startswith("ring:"):
        path, _, http = url[len("ring:") :].partition(",")
        if not path.startswith("/") or http.startswith("ring:"):
            raise SpecError(f"url: got {url!r}, {want}", field="url")
        other = parse(http, token) if http else Address(token=token)
        return replace(other, ring=_plain(path))
    for scheme in ("static:", "dns:"):
        if url.startswith(scheme):
            return _several(url, scheme, token, want)
    if url.startswith("unix:"):
        path = _plain(url[len("unix:") :])
        if not path:
            raise SpecError(f"url: got {url!r}, {want}", field="url")
        return Address("", "unix", "localhost", 80, path, token)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as err:
        raise SpecError(f"url: got {url!r} ({err}), {want}", field="url") from None
    if parts.username or parts.password:
        raise SpecError("url: got a user or a password in it, want token=... or STEADYFRAME_AUTH_TOKEN", field="url")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SpecError(f"url: got {url!r}, {want}", field="url")
    prefix = quote(parts.path.rstrip("/"), safe="/%")
    return Address("", parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), prefix, token)


def _several(url: str, scheme: str, token: str, want: str) -> Address:
    """Returns the address that a URL of several servers says."""
    text = url[len(scheme) :]
    names = (text[3:] if text.startswith("///") else text).split(",")
    servers = []
    for name in names:
        server = parse(name if name.startswith(("http://", "https://")) else f"http://{name}", token)
        if server in servers:
            raise SpecError(f"url: got {url!r}, which has {name} twice", field="url")
        servers.append(server)
    if scheme == "static:":
        return replace(servers[0], servers=tuple(servers))
    if len(servers) != 1:
        raise SpecError(f"url: got {url!r}, {want}", field="url")
    return replace(servers[0], dns=True)


def _plain(path: str) -> str:
    return path[2:] if path.startswith("//") else path


def find(url: Optional[str] = None, token: Optional[str] = None) -> Address:
    """Returns the server's address: url, else STEADYFRAME_URL, else the default: the ring of this user's server where there
    is one, and HTTP on port 8080 of this machine. The token is the argument, else STEADYFRAME_AUTH_TOKEN."""
    if token is None:
        token = os.environ.get("STEADYFRAME_AUTH_TOKEN", "")
    for name, value in (("url", url), ("token", token)):
        if value is not None and not isinstance(value, str):
            raise SpecError(f"{name}: got a {type(value).__qualname__}, want a string", field=name)
    if any(c in token for c in "\r\n\0") or not token.isascii():
        raise SpecError("token: got control or non-ASCII characters in it", field="token")
    url = url or os.environ.get("STEADYFRAME_URL")
    if not url:
        path = _ring.default_path()
        url = f"ring:{path},{DEFAULT_URL}" if path else DEFAULT_URL
    return parse(url, token)


_said: Set[str] = set()  # paths of the rings that were not to be had


def fall_back(address: Address, why: Exception) -> None:
    """Says, once, that HTTP takes the place of the ring."""
    if address.ring not in _said:
        _said.add(address.ring)
        _log.warning("no ring, and HTTP takes its place: %s", why)

