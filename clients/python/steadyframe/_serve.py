"""A server as a child of this program, for notebooks and scripts."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import Any, Deque, Dict, List, Optional

from ._errors import ConnectionLost
from ._ring import AVAILABLE

__all__ = ["Server", "serve"]

# The shell ends the server when its standard input ends, as it does when this program does, in whatever way. $0 is the folder of
# the ring's socket, which the server removes.
_WITH_PARENT = 'exec 3<&0; "$@" </dev/null 3<&- & server=$!; trap "kill -TERM $server" TERM; (read -r _ <&3; kill -TERM $server) 2>/dev/null & exec 3<&-; wait $server; code=$?; kill $! 2>/dev/null; rmdir "$0"; exit $code'


class Server:
    """A running server. It stops with this program at the latest.

    Attributes:
        url: where its HTTP API and its page are.
        address: its ring, where there is one, and HTTP: what STEADYFRAME_URL is meanwhile.
    """

    def __init__(self, command: List[str]) -> None:
        posix = os.name == "posix"
        folder = tempfile.mkdtemp(prefix="steadyframe-") if posix else ""
        ring = f"{folder}/ring.sock" if AVAILABLE and posix else ""
        command += ["--set", f"ring.listen=unix:{ring}" if ring else "ring.listen=off"]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WITH_PARENT, folder, *command] if posix else command,
            stdin=subprocess.PIPE if posix else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._last: Deque[str] = deque(maxlen=10)  # lines of its log
        self._before = os.environ.get("STEADYFRAME_URL")
        self.url = self.address = ""
        entry = self._await()
        self.url = f"http://{entry['http']}"
        self.address = f"ring:{ring},{self.url}" if ring else self.url
        threading.Thread(target=self._drain, name="steadyframe-log", daemon=True).start()
        atexit.register(self.stop)
        os.environ["STEADYFRAME_URL"] = self.address

    def _await(self) -> Dict[str, Any]:
        """Returns the line of the log that says where the server listens."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode("utf-8", "replace").strip()
            self._last.append(text)
            try:
                entry = json.loads(text)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("msg") == "serving":
                return entry
        self._process.wait()
        raise ConnectionLost("the server did not start: " + "\n".join(self._last))

    def _drain(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._last.append(line.decode("utf-8", "replace").strip())

    def stop(self) -> None:
        """Stops the server, and waits until requests in flight are answered."""
        atexit.unregister(self.stop)
        if os.environ.get("STEADYFRAME_URL") == self.address:
            if self._before is None:
                del os.environ["STEADYFRAME_URL"]
            else:
                os.environ["STEADYFRAME_URL"] = self._before
        if self._process.stdin is not None:
            self._process.stdin.close()
        else:
            self._process.terminate()
        self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<steadyframe.Server {self.url}>"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}/">{self.url}</a>'


def _find(program: Optional[str]) -> str:
    """Returns the path of the program: as given, as STEADYFRAME_PROGRAM or PATH says, or in the clone that this file is in."""
    for candidate in (program, shutil.which("steadyframe"), str(Path(__file__).resolve().parents[3] / "bin" / "steadyframe")):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
        if candidate and candidate == program:
            raise ConnectionLost(f"program: got {program!r}, which cannot be run")
    raise ConnectionLost("no program steadyframe on the PATH: `make build` makes bin/steadyframe, or say program=...")


def serve(*args: str, program: Optional[str] = None, http: str = "127.0.0.1:0") -> Server:
    """Starts a server that is this program's own, and returns when it serves.

    Its address is a free port of this machine. Until it is stopped, it is where all calls of this program and of its children
    go that say no url (it sets STEADYFRAME_URL). It stops with `with`, by stop, and when this program ends.

    Args:
        args: further arguments of `steadyframe serve`, such as "--set", "limits.memory_budget=256MiB".
        program: the path of the program; without it steadyframe on the PATH, or bin/steadyframe of the clone.
        http: where its HTTP API listens.
    """
    return Server([_find(program), "serve", "--http", http, "--grpc", "off", "--admin", "off", "--set", "log.format=json", *args])
