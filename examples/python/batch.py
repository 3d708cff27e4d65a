"""Makes JPEGs of a batch of frames, and writes them to files.

    PYTHONPATH=clients/python python3 examples/python/batch.py [FOLDER]

Start a server before (`steadyframe serve`, or `make run`).
"""

import sys
import time
from pathlib import Path

import numpy as np

import steadyframe as sf


def encode(frames, **settings):
    """Encodes frames, and comes again where the server has no room for them now."""
    while True:
        try:
            return sf.encode(frames, **settings)
        except sf.Busy as busy:
            time.sleep(busy.retry_after)


def main(folder="."):
    y, x = np.mgrid[0:360, 0:640]
    frames = np.stack([np.dstack([x * 255 // 640, y * 255 // 360, np.full_like(x, 10 * n)]) for n in range(25)]).astype(np.uint8)
    for n, jpeg in enumerate(encode(frames, size=(320, 320), quality=75)):
        Path(folder, f"frame-{n:06}.jpg").write_bytes(jpeg)
    print(f"{len(frames)} images")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except sf.Error as err:
        sys.exit(str(err))
