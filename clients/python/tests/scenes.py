"""Frames whose colors are known, and what JPEGs show."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 80


def scene(number: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Any:
    """Returns a BGR frame that is different in each channel, smooth, and different for each number."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    blue = 40 + 180 * x / width
    green = 200 - 150 * y / height
    red = np.full_like(x, 30 + 25 * (number % 8))
    return np.rint(np.stack([blue, green, red], axis=-1)).astype(np.uint8)


def decode(jpeg: bytes) -> Any:
    """Returns the BGR image of a JPEG."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, "not a JPEG"
    return image


def assert_shows(jpeg: bytes, frame: Any, within: float = 3) -> None:
    """Holds a JPEG to the BGR frame that it was made of: no pixel may be far off."""
    image = decode(jpeg)
    assert image.shape == frame.shape
    off = np.abs(image.astype(int) - frame.astype(int))
    assert off.mean() < within and off.max() < 16, f"mean {off.mean()}, max {off.max()}"
