"""Which of several servers a call goes to.

Servers say in a header of their responses how busy they are (endpoint-load-metrics, as Envoy reads it). Each has a weight: what
it would do a second if all its batches were as they have been. Calls go round by weight, past servers that did not respond.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from ._address import Address
from ._errors import ConnectionLost

__all__ = ["Balancer", "balancer_of"]

_RESOLVE = 30.0  # seconds after which a name is looked up again
_FIRST_REST, _LONGEST_REST = 0.5, 15.0  # seconds for which a server that failed is passed over: doubled each time
_KEPT = 30.0  # seconds after which a report is too old
_CONNECT = 3.0  # seconds that a connection may take, where there are other servers


class _Server:
    """What is known of a server."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.turn = 0.0  # the higher, the sooner
        self.weight = 0.0  # of its last report; 0: none
        self.reported = 0.0
        self.rest = 0.0  # the last pause after a failure
        self.until = 0.0  # it is passed over until then


class Balancer:
    """The servers of one address, for any number of threads."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._resolved = 0.0
        self._servers: List[_Server] = []
        self._set(address.servers)

    def choose(self, tried: Sequence[Address] = ()) -> Optional[Address]:
        """Returns the server whose turn it is, of those that were not tried; None when all were. Servers that failed a moment ago
        come after the others. ConnectionLost says that the name has no address."""
        self._resolve()
        now = time.monotonic()
        with self._lock:
            left = [s for s in self._servers if s.address not in tried]
            ready = [s for s in left if s.until <= now] or left
            if not ready:
                return None
            fresh = [s.weight for s in ready if s.weight and now - s.reported < _KEPT]
            usual = sum(fresh) / len(fresh) if fresh else 1.0
            total = 0.0
            for s in ready:
                weight = s.weight if s.weight and now - s.reported < _KEPT else usual
                s.turn += weight
                total += weight
            best = max(ready, key=lambda s: s.turn)
            best.turn -= total
            return best.address

    def others(self, tried: Sequence[Address]) -> bool:
        """Whether there are servers that were not tried."""
        with self._lock:
            return any(s.address not in tried for s in self._servers)

    def connect_timeout(self, timeout: Optional[float]) -> Optional[float]:
        """Returns how long to wait for a connection, of a call that has that long."""
        if len(self._servers) < 2:
            return timeout
        return _CONNECT if timeout is None else min(timeout, _CONNECT)

    def failed(self, address: Address) -> None:
        """Is told that a server could not be reached, broke a connection, or is stopping."""
        with self._lock:
            for s in self._servers:
                if s.address == address:
                    s.rest = min(max(2 * s.rest, _FIRST_REST), _LONGEST_REST)
                    s.until = time.monotonic() + s.rest
        self._resolved = 0.0  # A name may have other addresses by now.

    def served(self, address: Address, report: str) -> None:
        """Is told that a server has responded, and the value of its header, "" for none."""
        weight = weight_of(report)
        with self._lock:
            for s in self._servers:
                if s.address == address:
                    s.rest = s.until = 0.0
                    if weight:
                        s.weight, s.reported = weight, time.monotonic()

    def _resolve(self) -> None:
        """Looks the name up, if that is due."""
        a = self._address
        if not a.dns or time.monotonic() < self._resolved:
            return
        self._resolved = time.monotonic() + _RESOLVE
        try:
            found = socket.getaddrinfo(a.host, a.port, type=socket.SOCK_STREAM)
        except OSError as err:
            if not self._servers:
                raise ConnectionLost(f"no address of {a.host}: {err.strerror or err}") from err
            return  # Those that were there before may still be.
        ips = dict.fromkeys(str(address[0]) for _, _, _, _, address in found)
        self._set(tuple(replace(a, dns=False, ring="", ip=ip) for ip in ips))

    def _set(self, addresses: Tuple[Address, ...]) -> None:
        with self._lock:
            known = {s.address: s for s in self._servers}
            self._servers = [known.get(a) or _Server(a) for a in addresses]
            if not known:
                random.shuffle(self._servers)  # Else all processes would begin with the first.


def weight_of(report: str) -> float:
    """Returns the weight that a server's header says, 0 for none."""
    kind, _, text = report.partition(" ")
    if kind != "TEXT":
        return 0.0
    values = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        rate, utilization = float(values.get("rps_fractional", "0")), float(values.get("application_utilization", "0"))
    except ValueError:
        return 0.0
    weight = rate / utilization if rate > 0 and utilization > 0 else 0.0
    return weight if weight < 1e12 else 0.0


_balancers: Dict[Tuple[int, Address], Balancer] = {}
_MAX_BALANCERS = 64
_balancers_lock = threading.Lock()


def balancer_of(address: Address) -> Optional[Balancer]:
    """Returns the balancer of an address of several servers, the same for all of this process; None for one server."""
    if not address.several:
        return None
    key = (os.getpid(), replace(address, ring=""))
    with _balancers_lock:
        if key not in _balancers:
            if len(_balancers) >= _MAX_BALANCERS:
                del _balancers[next(iter(_balancers))]
            _balancers[key] = Balancer(key[1])
        return _balancers[key]
