"""A real server for the tests: the program that TEST_STEADYFRAME_PROGRAM names, or bin/steadyframe of the repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

PROGRAM = os.environ.get("TEST_STEADYFRAME_PROGRAM") or str(Path(__file__).parents[3] / "bin" / "steadyframe")

#: The environment without what is there for clients.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("STEADYFRAME_")}


class Server:
    """A running `steadyframe serve`, on ports of its own."""

    def __init__(self, *args: str, environment: Optional[Dict[str, str]] = None, http: str = "127.0.0.1:0", ring: str = "") -> None:
        self.directory = tempfile.TemporaryDirectory()
        ring = ring or f"{self.directory.name}/ring.sock"
        command = [PROGRAM, "serve", "--http", http, "--grpc", "off", "--admin", "off", "--set", "log.format=json", "--set", f"ring.listen=unix:{ring}", *args]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**CLEAN, **(environment or {})})
        assert self.process.stderr is not None
        said: List[bytes] = []
        while True:
            line = self.process.stderr.readline()
            said.append(line)
            if not line:
                raise RuntimeError(f"the server ended: {b''.join(said).decode()}")
            entry = json.loads(line)
            if entry.get("msg") == "serving":
                break
        self.http: str = entry["http"]
        self.url = self.http if self.http.startswith("unix:") else f"http://{self.http}"
        self.ring = f"ring:{ring}"
        self.both = f"{self.ring},{self.url}"
        self.log = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # so that it never blocks
        self.process.stderr.close()

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(30)
        self.log.wait(30)
        self.directory.cleanup()


@pytest.fixture(autouse=True)
def _no_test_hangs() -> Iterator[None]:
    """Ends the run when a test hangs, after pytest has printed where all threads are (faulthandler_timeout)."""
    timer = threading.Timer(150, os._exit, [1])
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests that do nothing to it."""
    s = Server()
    yield s
    s.stop()
    assert s.process.returncode == 0


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts servers for one test."""
    servers: List[Server] = []

    def start(*args: str, **keywords: Any) -> Server:
        servers.append(Server(*args, **keywords))
        return servers[-1]

    yield start
    for s in servers:
        s.stop()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """The package finds the server of the session, over HTTP."""
    monkeypatch.delenv("STEADYFRAME_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("STEADYFRAME_URL", server.url)


@pytest.fixture(params=["http", "ring"])
def via(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, server: Server) -> str:
    """The package finds the server of the session, over HTTP and over the ring in turn."""
    monkeypatch.setenv("STEADYFRAME_URL", server.url if request.param == "http" else server.both)
    return str(request.param)
