"""Threads, fork and spawn."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest
from scenes import scene

import steadyframe as sf

pytestmark = pytest.mark.usefixtures("via")


def encode_some(encoder: Any, number: int) -> List[bytes]:
    return [encoder.encode(scene(number)) for _ in range(5)]


def encode_plain(number: int) -> bytes:
    jpeg = sf.encode(scene(number))
    assert isinstance(jpeg, bytes)
    return jpeg


def test_threads_share_an_encoder() -> None:
    encoder = sf.Encoder()
    expected = [encode_plain(n) for n in range(8)]

    def work(n: int) -> List[Any]:
        return [encoder.encode(scene(n)) for _ in range(20)]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [[jpeg] * 20 for jpeg in expected]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method: str) -> None:
    encoder = sf.Encoder()
    expected = [encoder.encode(scene(n)) for n in range(4)]
    assert [encode_plain(n) for n in range(4)] == expected
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(encode_plain, range(4)) == expected
        assert pool.starmap(encode_some, [(encoder, n) for n in range(4)]) == [[jpeg] * 5 for jpeg in expected]
    assert [encoder.encode(scene(n)) for n in range(4)] == expected


def in_child(work: Any) -> int:
    """Runs work in a child made by fork, and returns its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_leaves_the_connections_of_its_parent_alone() -> None:
    encoder = sf.Encoder()
    cam = sf.Publisher("of-parent")
    stream = encoder.stream(scene(n) for n in range(50))
    expected = next(stream)
    assert cam.send(scene())

    def work() -> None:
        assert encoder.encode(scene()) == expected
        encoder.close()
        cam.close()
        next(sf.Encoder().stream([scene()]))

    assert in_child(work) == 0
    assert cam.send(scene()), "the child ended the parent's stream"
    assert len(list(stream)) == 49
    assert encoder.encode(scene()) == expected
    cam.close()


def test_a_publisher_is_used_in_a_child() -> None:
    cam = sf.Publisher("of-child")
    assert cam.send(scene())
    def work() -> None:
        for _ in range(3):
            assert cam.send(scene())
        cam.close()
    assert in_child(work) == 0
    with pytest.raises(sf.Conflict):
        for _ in range(10000):
            cam.send(scene())
    cam.close()
