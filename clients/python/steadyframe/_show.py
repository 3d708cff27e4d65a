"""A frame in a notebook."""

from __future__ import annotations

import sys
from typing import Any, Optional

from ._encode import encode
from ._jpeg import JPEG

__all__ = ["show"]


def show(frame: Any, *, quality: Optional[int] = 90, **settings: Any) -> Optional[JPEG]:
    """Shows a frame in a notebook, encoded by the server. The settings are those of encode.

    Outside of one it returns the JPEG.
    """
    jpeg = JPEG(encode(frame, quality=quality, **settings))
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        return jpeg
    from IPython.display import display  # type: ignore[import]

    display(jpeg)
    return None
