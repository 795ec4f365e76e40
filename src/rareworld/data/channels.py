"""The label channels of a clip: which file holds them, how pixels become integers and back.

One table, used by the writer, the reader and `clip.json`. Proved in `tests/data/test_clip.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from rareworld.core.clip import Frame
from rareworld.data import codes
from rareworld.data.video import Pixels

Planes = NDArray[Any]
"""uint8 or uint16, (h, w) or (2, h, w)."""


@final
@dataclass(frozen=True, kw_only=True)
class Channel:
    """One lossless label stream."""

    file: str
    bits: Literal[8, 16]
    planes: Literal[1, 2]
    """Video streams in the file, one for each plane."""
    pick: Callable[[Frame], NDArray[Any]]
    """The channel's own array of a frame."""
    encode: Callable[[NDArray[Any]], Planes]
    decode: Callable[[Planes], NDArray[Any]]
    about: dict[str, object]
    """Unit and code, as written into clip.json."""

    @property
    def pixels(self) -> Pixels:
        """Pixel format of the file."""
        return "gray" if self.bits == 8 else "gray16le"


LOSSLESS: dict[str, Channel] = {
    "class_id": Channel(
        file="class.mkv", bits=8, planes=1,
        pick=lambda frame: frame.class_id,
        encode=lambda code: code,
        decode=lambda code: code,
        about={"unit": "class id", "code": "value = code; names and colours under `classes`"},
    ),
    "depth_m": Channel(
        file="depth.mkv", bits=16, planes=1,
        pick=lambda frame: frame.depth_m,
        encode=codes.encode_depth,
        decode=codes.decode_depth,
        about={
            "unit": "m along the optical axis",
            "code": "float: (1 + (code % 4096) / 4096) * 2 ** (code // 4096 - 4)",
            "mantissa_bits": codes.DEPTH_MANTISSA_BITS,
            "least_exponent": codes.DEPTH_LEAST_EXPONENT,
            "infinite": codes.DEPTH_INFINITE,
            "farthest": codes.DEPTH_FARTHEST,
            "worst_relative_error": codes.DEPTH_RELATIVE_ERROR,
        },
    ),
    "normal": Channel(
        file="normal.mkv", bits=16, planes=2,
        pick=lambda frame: frame.normal,
        encode=codes.encode_normal,
        decode=codes.decode_normal,
        about={
            "unit": "unit vector, camera frame (right, down, forward)",
            "code": "a = (plane0 - 32768) / 32767, b likewise, s = a*a + b*b; "
            "normal = (2 a sqrt(1-s), 2 b sqrt(1-s), 2 s - 1); codes (0, 0): none",
            "worst_error_deg": codes.NORMAL_ERROR_DEG,
        },
    ),
    "flow_px": Channel(
        file="flow.mkv", bits=16, planes=2,
        pick=lambda frame: frame.flow_px,
        encode=codes.encode_flow,
        decode=codes.decode_flow,
        about={
            "unit": "px to the next frame (right, down)",
            "code": "(code - 32768) / 32; 0: none; 1 and 65535: saturated",
            "steps_per_px": codes.FLOW_STEPS_PER_PX,
            "worst_error_px": codes.FLOW_ERROR_PX,
        },
    ),
    "edges": Channel(
        file="edges.mkv", bits=8, planes=1,
        pick=lambda frame: frame.edges,
        encode=lambda edges: edges.view(np.uint8) * np.uint8(255),
        decode=lambda code: code > 127,
        about={"unit": "bool", "code": "255: edge"},
    ),
}  # fmt: skip
"""Channels with one file each, keyed by the field of `core.clip.Frame`."""

INSTANCE_LOW = Channel(
    file="instance.mkv", bits=16, planes=1,
    pick=lambda frame: frame.instance_id,
    encode=lambda ids: ids.astype(np.uint16),
    decode=lambda code: code.astype(np.uint32),
    about={
        "unit": "actor, prop or signal head id, 0: neither",
        "code": "id = code + 65536 * code of `high_file`, which exists if an id needs it",
        "high_file": "instance_high.mkv",
    },
)  # fmt: skip
"""Lower 16 bits of the instance ids."""

INSTANCE_HIGH = Channel(
    file="instance_high.mkv", bits=16, planes=1,
    pick=lambda frame: frame.instance_id,
    encode=lambda ids: (ids >> np.uint32(16)).astype(np.uint16),
    decode=lambda code: code.astype(np.uint32) << np.uint32(16),
    about={},
)  # fmt: skip
"""Upper 16 bits of the instance ids."""

CHANNELS: tuple[str, ...] = ("rgb", "instance_id", *LOSSLESS)
"""Every channel of a clip, named as in `core.clip.Frame`."""
