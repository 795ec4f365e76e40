"""Fixtures of the data room."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.camera import Camera
from rareworld.core.event import EventKind
from rareworld.core.scene import Actor, Prop, PropKind
from rareworld.data.clip_meta import ClipMeta
from tests.data.data_samples import HEIGHT, NUM_FRAMES, WIDTH, make_event


@pytest.fixture
def camera() -> Camera:
    return Camera.looking_at(
        "pole", (0.0, -12.0, 7.0), (3.0, 2.0, 0.0), width=WIDTH, height=HEIGHT, hfov_rad=1.2
    )


@pytest.fixture
def meta(camera: Camera) -> ClipMeta:
    near = replace(make_event(), measures={"gap_m": 0.1}, contact=None, kind=EventKind.NEAR_MISS)
    return ClipMeta(
        name="crossing", camera=camera, fps=30.0, start_s=1.5,
        actors=(
            Actor(id=7, blueprint="saloon", colour=(0.8, 0.1, 0.1)),
            Actor(id=9, blueprint="saloon"),
        ),
        props=(
            Prop(
                id=50, kind=PropKind.TREE, position_m=(3.0, 8.0, 0.0), yaw_rad=0.25,
                size_m=(3.0, 3.0, 6.0), style=4,
            ),
            Prop(
                id=51, kind=PropKind.SIGN, position_m=(1 / 3, -2.0, 0.1), yaw_rad=-1.0,
                size_m=(0.7, 0.1, 2.6),
            ),
        ),
        events=(make_event(), near),
        signals=("s1", "s2"),
        signal_states=(np.arange(2 * NUM_FRAMES).reshape(2, NUM_FRAMES) % 3).astype(np.uint8),
        caption="A car hits another, Zoë, at the crossing.",
        provenance={"config": "abc", "seed": 4, "parents": ["recording:1234"]},
    )  # fmt: skip
