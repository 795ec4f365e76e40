"""Claim: a 1080p clip with every channel is written in little memory.

The program below stands for a renderer: it makes every frame anew and hands it over. Two frames
exist at a time, the one being encoded and the one being made, 68 MB each.
"""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from pathlib import Path
import numpy as np
from rareworld.core.camera import Camera
from rareworld.core.clip import Frame
from rareworld.data.clip import ClipWriter
from rareworld.data.clip_meta import ClipMeta

SHAPE = (1080, 1920)
TEXTURE = np.random.default_rng(0).integers(80, 120, (1080, 2048, 3), np.uint8)

def frame(index):
    depth = np.broadcast_to(np.linspace(300, 5, 1080, dtype=np.float32)[:, None], SHAPE)
    return Frame(
        rgb=TEXTURE[:, index : index + 1920].copy(), depth_m=depth + np.float32(index / 99),
        normal=np.full((*SHAPE, 3), (0.0, -0.8, -0.6), np.float32),
        class_id=np.full(SHAPE, 14, np.uint8), instance_id=np.full(SHAPE, index, np.uint32),
        edges=TEXTURE[:, :1920, 0] == 80 + index,
        flow_px=np.full((*SHAPE, 2), index / 7, np.float32),
    )

camera = Camera.looking_at("c", (0.0, -9.0, 7.0), (3.0, 2.0, 0.0), width=1920, height=1080,
                           hfov_rad=1.2)
with ClipWriter(Path(sys.argv[1]), ClipMeta(name="x", camera=camera, fps=30.0)) as writer:
    for index in range(int(sys.argv[2])):
        writer.write(frame(index), [])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def peak_mb(folder: Path, frames: int) -> float:
    """Peak memory of a fresh process that writes a clip, imports and all."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(frames)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_writer_of_1080p_leaves_room_for_the_renderer(tmp_path: Path) -> None:
    short, long = peak_mb(tmp_path / "short", 12), peak_mb(tmp_path / "long", 36)
    assert short < 620
    assert long < short + 60
