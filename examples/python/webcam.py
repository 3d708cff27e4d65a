"""Shows a camera as a live stream, by way of OpenCV; without a number, a camera that is made up.

    PYTHONPATH=clients/python python3 examples/python/webcam.py [STREAM [FRAMES [CAMERA]]]

Start a server before (`steadyframe serve`, or `make run`). The stream is on its page.
"""

import itertools
import sys
import time

import cv2
import numpy as np

import steadyframe as sf

FPS = 25


def camera(number):
    """Yields BGR frames of a camera that OpenCV reads."""
    device = cv2.VideoCapture(int(number))
    while True:
        ok, frame = device.read()
        if not ok:
            sys.exit(f"camera {number}: no frame")
        yield frame


def made_up():
    """Yields BGR frames of a scene that moves, at the rate of a camera."""
    background = np.indices((360, 640)).sum(axis=0).astype(np.uint8)
    begin = time.monotonic()
    for n in itertools.count():
        frame = np.dstack([background + np.uint8(n % 256), background, np.full_like(background, 64)])
        cv2.putText(frame, time.strftime("%H:%M:%S"), (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 3)
        time.sleep(max(begin + n / FPS - time.monotonic(), 0))
        yield frame


def main(stream="webcam", frames="1000000", number=None):
    source = made_up() if number is None else camera(number)
    with sf.Publisher(stream, fps=FPS, quality=80) as cam:
        print(f"look at {cam.url}", flush=True)
        for frame in itertools.islice(source, int(frames)):
            cam.send(frame)
        status = cam.status
    print(f"{status.arrived} frames")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except sf.Error as err:
        sys.exit(str(err))
