"""The client against servers that are slow, hostile, or gone."""

from __future__ import annotations

import gc
import json
import random
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from conftest import PROGRAM
from scenes import scene

import steadyframe as sf
from steadyframe import _address, _http, _jpeg

JPEG = b"\xff\xd8\xff\xe0\x00\x06\xff\xd9AB\xff\xda\x00\x03Ax\xff\x00y\xff\xd0z\xff\xd9"


class Fake:
    """A server that says what a test gives it: for each connection, pieces that are written after the request's head."""

    def __init__(self, *connections: List[bytes]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.heads: List[bytes] = []
        self.connections = connections
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        for pieces in self.connections:
            connection, _ = self.listener.accept()
            with connection:
                for piece in pieces:
                    if piece == b"<":  # a request
                        head = b""
                        while b"\r\n\r\n" not in head:
                            data = connection.recv(1)
                            if not data:
                                return
                            head += data
                        self.heads.append(head)
                        if b"Content-Length" in head:
                            left = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                            while left:
                                left -= len(connection.recv(left))
                    else:
                        connection.sendall(piece)

    def close(self) -> None:
        self.listener.close()
        self.thread.join(30)


@pytest.fixture
def fake() -> Iterator[Callable[..., Fake]]:
    made: List[Fake] = []

    def make(*connections: List[bytes]) -> Fake:
        made.append(Fake(*connections))
        return made[-1]

    yield make
    for f in made:
        f.close()


class Resetting(Fake):
    """A server that resets its connections, once the client has sent another request."""

    def run(self) -> None:
        connection, _ = self.listener.accept()
        head = b""
        while head.count(b"\r\n\r\n") < 2:
            head += connection.recv(1 << 16)
            if b"\r\n\r\n" in head and self.connections:
                connection.sendall(self.connections[0][0])
                self.connections = ()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.mark.parametrize("status", [b"200 OK", b"502 Bad"])
def test_a_body_until_the_end_of_a_reset_connection(status: bytes) -> None:
    server = Resetting([b"HTTP/1.1 %s\r\n\r\nabc" % status])
    connection = _http.Connection(_address.find(server.url, None), 10)
    connection.queue([connection.head("GET", "/", ())])
    deadline = time.monotonic() + 60
    try:
        with pytest.raises(sf.ConnectionLost, match="ended the connection: .*reset"):
            if status.startswith(b"502"):
                connection.queue([connection.head("GET", "/", ())])
            response = connection.response(deadline)
            connection.queue([connection.head("GET", "/", ())])
            while not response.complete:
                connection.step(deadline)
                connection.feed(response)
    finally:
        connection.close()
        server.close()


def test_a_body_until_the_end_of_a_connection(fake: Any) -> None:
    server = fake([b"<", b"HTTP/1.1 200 OK\r\n\r\nabc"])
    connection = _http.Connection(_address.find(server.url, None), 10)
    assert connection.get("/", time.monotonic() + 60) == b"abc"
    connection.close()


def test_a_body_until_the_end_of_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS says when it ends. An end without that is one of the network, which anybody on the way can make."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run([PROGRAM, "cert", "-o", tmp_path, "localhost"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(properly: bool) -> None:
        with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nabc")
            if properly:
                try:
                    connection.unwrap()
                except OSError:
                    pass  # The client ends it without a word.

    for properly in (True, False):
        thread = threading.Thread(target=serve, args=(properly,))
        thread.start()
        connection = _http.Connection(_address.find(f"https://localhost:{listener.getsockname()[1]}", None), 10)
        if properly:
            assert connection.get("/", time.monotonic() + 60) == b"abc"
        else:
            with pytest.raises(sf.ConnectionLost, match="ended the connection"):
                connection.get("/", time.monotonic() + 60)
        connection.close()
        thread.join(30)
    listener.close()


def ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


def problem(status: int, **members: Any) -> bytes:
    body = json.dumps(members).encode()
    return b"HTTP/1.1 %d X\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@pytest.mark.parametrize(
    "answer, error, text",
    [
        (problem(429, type="urn:steadyframe:problem:busy", detail="no room now", retry_after=3), sf.Busy, "no room now"),
        (problem(503, type="urn:steadyframe:problem:draining", detail="stopping"), sf.ConnectionLost, "stopping"),
        (problem(504, type="urn:steadyframe:problem:deadline", detail="passed"), sf.Timeout, "passed"),
        (problem(500, type="urn:steadyframe:problem:internal", detail="a bug"), sf.ServerError, "a bug"),
        (problem(413, type="urn:steadyframe:problem:too_large", detail="too much", limit="limits.max_pixels"), sf.SpecError, "too much"),
        (problem(418, type="urn:of:others", detail="a teapot"), sf.Error, "a teapot"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\n<ht>", sf.Error, "HTTP status 502.*check the URL"),
        (b"HTTP/1.1 502 Bad\r\n\r\n<ht>", sf.Error, "HTTP status 502"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 2\r\n\r\n[]", sf.Error, "HTTP status 502"),
        (b"", sf.ConnectionLost, "ended the connection.*check the port"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", sf.ConnectionLost, "ended the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nabc", sf.ConnectionLost, "ended the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nabc", sf.ConnectionLost, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc", sf.ConnectionLost, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc", sf.ConnectionLost, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc", sf.ConnectionLost, "ended the connection"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", sf.ConnectionLost, "no HTTP server: it says 'SSH-2.0-OpenSSH'"),
        (b"x" * 100_000, sf.ConnectionLost, "malformed: its head has no end"),
    ],
)
def test_answers_become_errors(fake: Any, answer: bytes, error: Any, text: str) -> None:
    server = fake([b"<", answer])
    with pytest.raises(error, match=text) as caught:
        sf.encode(scene(), url=server.url)
    assert type(caught.value) is error
    if error is sf.Busy:
        assert caught.value.retry_after == 3
    if b"max_pixels" in answer:
        assert caught.value.limit == "limits.max_pixels"


def test_an_unread_request_can_be_answered(fake: Any) -> None:
    """A server that refuses a large request in its middle: what it says is not lost."""

    class Refusing(Fake):
        def run(self) -> None:
            connection, _ = self.listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(problem(413, type="urn:steadyframe:problem:too_large", detail="too much"))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 20):
                    pass

    server = Refusing()
    try:
        with pytest.raises(sf.SpecError, match="too much"):
            sf.encode(bytes(64 << 20), shape=(64 << 10, 1024), url=server.url)
    finally:
        server.close()


def test_a_kept_connection_that_has_ended_is_replaced(fake: Any) -> None:
    server = fake([b"<", ok(JPEG), b"<", b"HTTP/1.1 200"], [b"<", ok(JPEG, b"Connection: close")], [b"<", ok(JPEG)])
    encoder = sf.Encoder(url=server.url)
    assert [encoder.encode(scene()) for _ in range(3)] == [JPEG] * 3
    assert len(server.heads) == 4


def test_a_call_is_made_again_once(fake: Any) -> None:
    server = fake([b"<", ok(JPEG), b"<"], [b"<"])
    encoder = sf.Encoder(url=server.url)
    assert encoder.encode(scene()) == JPEG
    with pytest.raises(sf.ConnectionLost):
        encoder.encode(scene())
    assert len(server.heads) == 3


def chunked(body: bytes, size: int, trailer: bytes = b"") -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;x=1\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n" + trailer + b"\r\n"


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("seed", range(20))
def test_answers_in_pieces(fake: Any, seed: int) -> None:
    """However chunks and packets cut it, a response is the same."""
    rng = random.Random(seed)
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + chunked(JPEG * 5, rng.randrange(1, 40), b"X: y\r\n")
    cuts = sorted(rng.sample(range(len(answer)), 9))
    server = fake([b"<"] + [answer[a:b] for a, b in zip([0] + cuts, cuts + [len(answer)])])
    assert sf.encode([scene()] * 5, url=server.url) == [JPEG] * 5


def test_a_frame_that_fails_has_its_index(fake: Any) -> None:
    server = fake([b"<", HEAD + chunked(JPEG * 2, 100, b"Steadyframe-Error: invalid: got 12 bytes\r\n")])
    with pytest.raises(sf.FrameError, match="frame 2: got 12 bytes") as caught:
        sf.encode([scene()] * 5, url=server.url)
    assert caught.value.index == 2
    server = fake([b"<", HEAD + chunked(JPEG * 2, 100, b"Steadyframe-Error: draining: the server is stopping\r\n")])
    with pytest.raises(sf.ConnectionLost, match="stopping"):
        sf.encode([scene()] * 5, url=server.url)
    server = fake([b"<", HEAD + chunked(JPEG * 2, 100)])
    with pytest.raises(sf.ServerError, match="got 2 images from the server, want 5"):
        sf.encode([scene()] * 5, url=server.url)


def test_what_is_no_jpeg(fake: Any) -> None:
    for body in (b"GIF89a....", JPEG[:-2] * 2 + b"\xff\xd9" + b"abc", b"\xff\xd8\x00\x00\x00\x00"):
        server = fake([b"<", HEAD + chunked(body, 7)])
        with pytest.raises(sf.ConnectionLost, match="malformed"):
            sf.encode([scene()] * 3, url=server.url)


def test_the_splitter_at_every_cut() -> None:
    data = JPEG * 3
    for cut in range(len(data) + 1):
        splitter, buffer = _jpeg.Splitter(), bytearray()
        got: List[bytes] = []
        for piece in (data[:cut], data[cut:]):
            buffer += piece
            got += splitter.take(buffer)
        assert got == [JPEG] * 3 and not buffer


def test_random_bytes_harm_nothing() -> None:
    rng = random.Random(5)
    for _ in range(3000):
        head = rng.choice([{}, {"transfer-encoding": "chunked"}, {"content-length": str(rng.randrange(99))}])
        data = bytearray(rng.choice([b"%x\r\n" % rng.randrange(40), rng.randbytes(rng.randrange(30)), JPEG[: rng.randrange(30)], b"0\r\n\r\n"]) for _ in range(0))
        for _ in range(rng.randrange(6)):
            data += rng.choice([b"%x\r\n" % rng.randrange(40), rng.randbytes(rng.randrange(30)), JPEG[: rng.randrange(30)], b"\r\n", b"0\r\n\r\n"])
        try:
            response = _http.Response(200, dict(head))
            for at in range(0, len(data), 7):
                piece = data[at : at + 7]
                response.feed(piece)
            _jpeg.Splitter().take(response.body)
        except sf.ConnectionLost:
            pass


def test_timeout(fake: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(sf.Timeout, match="did not respond in time"):
            sf.encode(scene(), url=url, timeout=0.05)
        with pytest.raises(sf.Timeout):
            next(sf.watch("a", url=url, timeout=0.05))


def test_requests(fake: Any) -> None:
    server = fake([b"<", ok(JPEG), b"<", ok(JPEG)])
    encoder = sf.Encoder(url=server.url + "/behind/proxy/", token="secret", size=(20, None), quality=80)
    encoder.encode(scene())
    encoder.encode(scene())
    head = server.heads[1].decode()
    assert head.startswith("POST /behind/proxy/v1/encode?format=bgr24&size=80x48&resize=20x&quality=80 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nAuthorization: Bearer secret\r\n" in head and "\r\nContent-Length: 11520\r\n" in head
    assert "secret" not in repr(encoder)


def test_tokens(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(environment={"STEADYFRAME_AUTH_TOKEN": "secret"})
    monkeypatch.setenv("STEADYFRAME_URL", server.url)
    with pytest.raises(sf.Unauthorized):
        sf.encode(scene())
    with pytest.raises(sf.Unauthorized, match="no valid token.*give it by token="):
        sf.encode(scene(), token="wrong")
    with pytest.raises(sf.Unauthorized):
        next(sf.watch("cam1", token="wrong", timeout=20))
    assert sf.encode(scene(), token="secret")
    monkeypatch.setenv("STEADYFRAME_AUTH_TOKEN", "secret")
    assert sf.encode(scene())
    with sf.Publisher("cam1") as cam:
        assert cam.send(scene())
        assert cam.status.state != ""


def test_unix_socket(serve: Any, tmp_path: Path) -> None:
    server = serve(http=f"unix:{tmp_path}/http.sock")
    url = f"unix:{tmp_path}/http.sock"
    assert sf.encode([scene()] * 3, url=url) == [sf.encode(scene(), url=url)] * 3
    with sf.Publisher("cam1", url=url) as cam:
        assert cam.send(scene())
        assert "img" not in cam._repr_html_()
    with pytest.raises(sf.ConnectionLost, match="no server at unix:"):
        sf.encode(scene(), url=url + "x")
    plain = serve()
    with pytest.raises(sf.ConnectionLost, match="^https://.* does not speak HTTPS: .* use http://"):
        sf.encode(scene(), url=f"https://{plain.http}")
    server.stop()
    with pytest.raises(sf.ConnectionLost):
        sf.encode(scene(), url=url)


def test_busy(serve: Any) -> None:
    server = serve("--set", "limits.memory_budget=16MiB", "--set", "limits.max_pixels=5000000", "--set", "limits.max_message_bytes=16MiB")
    with pytest.raises((sf.Busy, sf.SpecError), match="limits.memory_budget"):
        sf.encode(bytes(12_000_000), shape=(2000, 2000, 3), url=server.url)


def test_nothing_is_left_open(server: Any) -> None:
    encoder = sf.Encoder(url=server.url)
    encoder.encode(scene())
    stream = encoder.stream(scene() for _ in range(100))
    next(stream)
    cam, images = sf.Publisher("left-open", url=server.url), sf.watch("left-open", url=server.url, timeout=20)
    for _ in range(20):
        cam.send(scene())
    sockets = [id(o) for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0]
    assert sockets
    before = set(sockets)
    del stream, cam, images
    encoder.close()
    gc.collect()
    after = [o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0 and id(o) in before]
    idle = sum(len(e._pool) for e in _encoders())
    assert len(after) <= idle


def _encoders() -> Any:
    from steadyframe import _encode

    return _encode._encoders.values()


def test_addresses() -> None:
    for url, text, web, authority in [
        ("http://host:8080", "http://host:8080", "http://host:8080", "host:8080"),
        ("http://host", "http://host", "http://host", "host"),
        ("https://host/a/b/", "https://host/a/b", "https://host/a/b", "host"),
        ("http://[::1]:80", "http://[::1]", "http://[::1]", "[::1]"),
        ("unix:/run/x.sock", "unix:/run/x.sock", "", "localhost"),
        ("unix:///run/x.sock", "unix:/run/x.sock", "", "localhost"),
        ("ring:/run/x.sock,http://host:1", "ring:/run/x.sock,http://host:1", "http://host:1", "host:1"),
        ("ring:/run/x.sock,unix:/y", "ring:/run/x.sock,unix:/y", "", "localhost"),
    ]:
        address = _address.parse(url)
        assert (str(address), address.web, address.authority) == (text, web, authority)
        assert _address.parse(str(address)) == address
