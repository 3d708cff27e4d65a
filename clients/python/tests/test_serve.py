"""A server as a child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PROGRAM
from scenes import scene

import steadyframe as sf


def gone(url: str) -> bool:
    try:
        sf.encode(scene(), url=url)
    except sf.ConnectionLost:
        return True
    return False


def test_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ["STEADYFRAME_URL"]
    with sf.serve("--set", "limits.memory_budget=64MiB", program=PROGRAM) as server:
        assert os.environ["STEADYFRAME_URL"] == server.address != before
        ring, _, http = server.address.partition(",")
        assert http == server.url
        assert sf.encode(scene()) == sf.encode(scene(), url=http) == sf.encode(scene(), url=ring)
        assert server.url in server._repr_html_()
        assert sf.Publisher("cam1").url == f"{server.url}/stream/cam1.mjpg"
    assert os.environ["STEADYFRAME_URL"] == before
    assert gone(server.url)
    assert not os.path.exists(os.path.dirname(ring[len("ring:") :]))
    server.stop()  # once more


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(sf.ConnectionLost, match="no.such.setting"):
        sf.serve("--set", "no.such.setting=1", program=PROGRAM)
    with pytest.raises(sf.ConnectionLost, match="cannot be run"):
        sf.serve(program="/nonexistent")


def test_the_program_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "steadyframe").symlink_to(PROGRAM)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with sf.serve() as server:
        assert sf.encode(scene(), url=server.url)


CHILD = """
import sys, steadyframe as sf
server = sf.serve(program=sys.argv[1])
print(server.url, server.address, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_the_server_ends_with_the_program(how: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None
    url, address = child.stdout.readline().split()
    assert not gone(url) and not gone(address)
    if how == "kill":
        child.send_signal(signal.SIGKILL)
    child.stdin.close()
    child.wait(30)
    deadline = time.monotonic() + 30
    while not gone(url):
        assert time.monotonic() < deadline, "the server goes on"
        time.sleep(0.01)
    folder = os.path.dirname(address.partition(",")[0][len("ring:") :])
    while os.path.exists(folder):
        assert time.monotonic() < deadline, "the folder of the socket stays"
        time.sleep(0.01)
