"""Frames to a Steadyframe server: arrays in, JPEGs out, or live on a page; and sound to features for models.

    import steadyframe as sf

    jpegs = sf.encode(frames, size=(320, 320), quality=75)

Channels are BGR, as in OpenCV, unless color="rgb" says otherwise.
"""

from ._encode import Encoder, encode
from ._errors import Busy, Conflict, ConnectionLost, Error, FrameError, NotFound, Offline, ServerError, SpecError, Timeout, Unauthorized
from ._jpeg import JPEG
from ._mel import mel
from ._publish import Publisher, Status
from ._scene import Scene, SceneImage, SceneInfo, scenes
from ._serve import Server, serve
from ._show import show
from ._watch import Image, Watch, watch

__all__ = [
    "JPEG",
    "Busy",
    "Conflict",
    "ConnectionLost",
    "Encoder",
    "Error",
    "FrameError",
    "Image",
    "NotFound",
    "Offline",
    "Publisher",
    "Scene",
    "SceneImage",
    "SceneInfo",
    "Server",
    "ServerError",
    "SpecError",
    "Status",
    "Timeout",
    "Unauthorized",
    "Watch",
    "encode",
    "mel",
    "scenes",
    "serve",
    "show",
    "watch",
]

__version__ = "0.1.0"
