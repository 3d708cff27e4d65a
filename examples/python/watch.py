"""Reads a live stream into numpy arrays: each is the newest image at its time, however long the loop takes.

    PYTHONPATH=clients/python python3 examples/python/watch.py [STREAM [IMAGES]]
"""

import itertools
import sys
import time

import cv2
import numpy as np

import steadyframe as sf


def main(stream="webcam", images="1000000"):
    with sf.watch(stream) as source:
        for image in itertools.islice(source, int(images)):
            frame = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)  # BGR, (height, width, 3)
            age = time.time() - image.captured
            print(f"image {image.seq}: {frame.shape[1]}x{frame.shape[0]}, mean {frame.mean():.1f}, {age * 1000:.1f} ms old", flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except sf.Error as err:
        sys.exit(str(err))
