"""Every line of Python in docs/python.md does what it says there."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import cv2
import numpy as np
import pytest
from conftest import PROGRAM
from scenes import scene

import steadyframe as sf

MANUAL = Path(__file__).parents[3] / "docs" / "python.md"

#: What a reader brings: arrays of the names in the manual.
FRAMES = np.stack([scene(n, 360, 640) for n in range(25)])
FACES = np.stack([scene(n, 256, 256) for n in range(25)])
GIVEN: Dict[str, Any] = {
    "sf": sf, "np": np, "cv2": cv2,
    "frames": FRAMES, "frame": FRAMES[0], "model": FRAMES[:5], "camera": FRAMES[:5], "src": FRAMES[0],
    "render": lambda out: cv2.resize(FRAMES[1], (640, 360), dst=out),
    "boxes": [(10 + n, 20, 100, 100) for n in range(25)], "mask": np.full((64, 64), 128, np.uint8), "face": FACES[0], "faces": FACES,
    "pcm": (8000 * np.sin(np.arange(32000) / 8)).astype(np.int16),
}  # fmt: skip


def blocks() -> List[str]:
    found = re.findall(r"^```python\n(.*?)^```$", MANUAL.read_text(), re.M | re.S)
    assert len(found) > 8
    return found


class Camera(threading.Thread):
    """A stream that goes on as long as somebody looks at it."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.name, self.end = name, threading.Event()

    def run(self) -> None:
        with sf.Publisher(self.name) as cam:
            for n in itertools.count():
                cam.send(FRAMES[n % 8])
                if self.end.wait(0.02):
                    return


def typed(block: str, names: Dict[str, Any]) -> None:
    """Runs a block, paragraph by paragraph. A loop over a live stream, which would not end, ends after three images."""
    for paragraph in block.split("\n\n"):
        watched = re.search(r'sf\.watch\("(\w+)"\)', paragraph)
        if watched is None:
            exec(paragraph, names)
            continue
        camera = Camera(watched[1])
        camera.start()
        names["images"] = taken = []
        names["three"] = lambda images: (taken.append(image) or image for image in itertools.islice(images, 3))
        exec(paragraph.replace(watched[0], f"three({watched[0]})"), names)
        camera.end.set()
        camera.join()
        assert len(taken) == 3


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with what the manual reads, and the program on the PATH, as sf.serve wants it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(PROGRAM).parent}:{os.environ['PATH']}")
    cv2.imwrite("image.jpg", FRAMES[0])
    yield


@pytest.mark.usefixtures("via")
def test_manual(server: Any) -> None:
    names: Dict[str, Any] = {}
    for block in blocks():
        names.update(GIVEN)
        block = block.replace("http://127.0.0.1:8080", server.url)
        if "requests." in block and importlib.util.find_spec("requests") is None:
            continue
        typed(block, names)
        if "sf.encode(frames, size=(320, 320)" in block:
            assert [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape for jpeg in names["jpegs"]] == [(320, 320, 3)] * 25
        if "range(14, 39)" in block:
            assert len(names["jpegs"]) == 25
        if "sf.mel" in block:
            assert names["features"].shape == (200, 80) and names["windows"].shape == (47, 80, 16)
    assert names["jpeg"][:2] == b"\xff\xd8"
    assert "response" not in names or names["response"].status_code == 200
