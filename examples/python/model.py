"""Shows what a model makes as a live stream: float32 tensors of (3, H, W), RGB, 0..1, written where the server reads them.

    PYTHONPATH=clients/python python3 examples/python/model.py [STREAM [FRAMES]]

The model rests while nobody watches. Start a server before (`steadyframe serve`, or `make run`).
"""

import sys
import time

import numpy as np

import steadyframe as sf

SHAPE = (3, 256, 256)
FPS = 25


class Model:
    """Stands for a network: it makes an image of a time. torch's would do
    `torch.from_numpy(out).copy_(image)` at its end."""

    def __init__(self):
        self.y, self.x = np.mgrid[-1:1:256j, -1:1:256j].astype(np.float32)

    def __call__(self, t, out):
        radius = np.hypot(self.x, self.y)
        np.sin(8 * radius - 3 * t, out=out[0])
        np.sin(6 * self.x + 2 * t, out=out[1])
        np.cos(6 * self.y - t, out=out[2])
        out *= 0.5
        out += 0.5


def main(stream="model", frames="1000000"):
    model, made, begin = Model(), 0, time.monotonic()
    with sf.Publisher(stream, shape=SHAPE, dtype="float32", color="rgb", fps=FPS) as cam:
        while made < int(frames):
            if made and not cam.viewers:  # The first frame begins the stream.
                time.sleep(0.1)
                continue
            with cam.next() as image:
                model(time.monotonic() - begin, out=image)
            made += 1
            time.sleep(1 / FPS)
        print(f"{made} frames, {cam.status.published} images")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except sf.Error as err:
        sys.exit(str(err))
