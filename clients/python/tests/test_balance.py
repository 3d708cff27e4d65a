"""Several servers: which one a call goes to, and what happens when one is gone or has no room."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from scenes import scene
from test_http import Fake, fake, problem  # noqa: F401

import steadyframe as sf
from steadyframe import _address
from steadyframe._balance import Balancer, balancer_of, weight_of


def nobody() -> str:
    """Returns an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return f"127.0.0.1:{s.getsockname()[1]}"


def frames_of(server: Any) -> int:
    with urllib.request.urlopen(f"{server.url}/v1/stats", timeout=30) as response:
        count: int = json.load(response)["frames"]["ok"]
    return count


def test_servers_take_turns_and_one_dies(serve: Any) -> None:
    servers = [serve("--http", "127.0.0.1:0") for _ in range(3)]
    url = "static:///" + ",".join([*(s.http for s in servers), nobody()])
    with sf.Encoder(url=url) as encoder:
        want = encoder.encode(scene())
        for _ in range(20):
            assert encoder.encode(scene()) == want
        assert all(frames_of(s) for s in servers)
        servers[0].stop(signal.SIGKILL)
        for _ in range(20):
            assert encoder.encode(scene()) == want
        assert b"".join(encoder.stream([scene()] * 3)) == want * 3
    assert frames_of(servers[1]) + frames_of(servers[2]) >= 20


def test_a_server_without_room(fake: Any, server: Any) -> None:  # noqa: F811
    full = problem(429, type="urn:steadyframe:problem:busy", detail="no room now", retry_after=3)
    busy = [fake([b"<", full], [b"<", full], [b"<", full]) for _ in range(2)]
    with sf.Encoder(url=f"static:///{server.url},{busy[0].url}") as encoder:
        while not busy[0].heads:
            assert encoder.encode(scene())[:2] == b"\xff\xd8"
    with sf.Encoder(url=f"static:///{busy[0].url},{busy[1].url}") as encoder, pytest.raises(sf.Busy, match="no room now"):
        encoder.encode(scene())
    assert len(busy[1].heads) == 1
    for f in busy:
        while len(f.heads) < 3:
            with pytest.raises(sf.Busy):
                sf.encode(scene(), url=f.url)


def test_all_are_gone() -> None:
    with pytest.raises(sf.ConnectionLost, match="no server at"):
        sf.encode(scene(), url=f"static:///{nobody()},{nobody()}")
    with pytest.raises(sf.ConnectionLost, match="no address of"):
        sf.encode(scene(), url="dns:///no-such-host.invalid:8080")


def test_a_name(server: Any) -> None:
    port = server.http.rpartition(":")[2]
    assert sf.encode(scene(), url=f"dns:///localhost:{port}")[:2] == b"\xff\xd8"


def test_turns_are_by_weight() -> None:
    address = _address.parse("static:///a:1,b:2,c:3")
    balancer = Balancer(address)
    a, b, c = address.servers
    balancer.served(a, "TEXT application_utilization=0.5,mem_utilization=0.1,rps_fractional=40")
    balancer.served(b, "TEXT rps_fractional=40,application_utilization=2")
    got = Counter(balancer.choose() for _ in range(1000))
    assert abs(got[a] - 533) <= 2 and abs(got[b] - 133) <= 2 and abs(got[c] - 333) <= 2, got  # 80, 20, and the mean
    assert {balancer.choose([a, b]) for _ in range(9)} == {c}
    assert balancer.choose([a, b, c]) is None
    balancer.failed(c)
    assert {balancer.choose() for _ in range(50)} == {a, b}
    assert {balancer.choose([a, b]) for _ in range(9)} == {c}, "one that failed is better than none"
    balancer.served(c, "")
    assert c in {balancer.choose() for _ in range(50)}


@pytest.mark.parametrize(
    "report, weight",
    [
        ("TEXT rps_fractional=10,application_utilization=0.5", 20),
        ("TEXT application_utilization=0.5, rps_fractional=10", 20),
        ("", 0),
        ("JSON {}", 0),
        ("TEXT ", 0),
        ("TEXT rps_fractional=10", 0),
        ("TEXT rps_fractional=x,application_utilization=1", 0),
        ("TEXT rps_fractional=nan,application_utilization=1", 0),
        ("TEXT rps_fractional=inf,application_utilization=1", 0),
        ("TEXT rps_fractional=1,application_utilization=1e-300", 0),
        ("TEXT rps_fractional=-1,application_utilization=-1", 0),
    ],
)
def test_weights(report: str, weight: float) -> None:
    assert weight_of(report) == weight


def test_addresses() -> None:
    parse = _address.parse
    several = parse("static:///a:1,https://b/x", "t")
    assert [s.http for s in several.servers] == ["http://a:1", "https://b/x"] and several.servers[1].token == "t"
    for text in ("static:///http://a:1,https://b/x", "dns:///http://a:1", "dns:///https://a", "ring:/r,static:///http://a:1,http://b:2"):
        assert str(parse(text)) == text
        assert str(parse(str(parse(text)))) == text
    assert parse("ring:/r,dns:///a:1").dns and parse("ring:/r,dns:///a:1").ring == "/r"
    assert balancer_of(parse("http://a:1")) is None
    assert balancer_of(replace(several, ring="/r")) is balancer_of(several)
    for wrong in ("static:", "static:///", "static:///a:1,", "static:///a:1,a:1", "dns:///a:1,b:2", "static:///user:pw@a:1", "dns:///", "static:///a:x"):
        with pytest.raises(sf.SpecError):
            parse(wrong)
