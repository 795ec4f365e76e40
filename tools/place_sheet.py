"""Draw the nine places of the library in one sheet for the docs, as their own cameras see them.

python tools/place_sheet.py RECORDINGS docs/assets/places.jpg

RECORDINGS is what `rareworld simulate docs/recipes/judged.yaml` wrote.
"""

import sys
from pathlib import Path

import numpy as np

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.pipeline import AnnotateConfig, make_world
from rareworld.annotate.render.choose import make_renderer
from rareworld.core.conditions import Lighting
from rareworld.core.viewpoint import ViewConfig, focus_points, place_cameras
from rareworld.data.recording import read_recording
from rareworld.draw.sheet import grid, jpeg_bytes

CONFIG = AnnotateConfig(conditions=ConditionsConfig(lighting=Lighting.AFTERNOON))
VIEW = ViewConfig(width=1280, height=720, hfov_deg=(80.0, 90.0))


def picture(folder: Path) -> tuple[str, np.ndarray]:
    """Return a place's name and how it looks in the middle of a recording."""
    recording = read_recording(folder)
    world = make_world(recording, CONFIG)
    camera = place_cameras(recording.scene, focus_points(recording), 1, VIEW).cameras[0]
    renderer = make_renderer(world.scene, camera, CONFIG.render)
    times = recording.tracks.time_s
    pixels = renderer.render(world.poser.at(float(times[len(times) // 2])))
    image = pixels.rgb.copy()
    renderer.close()
    return recording.scene.road.name.replace("_", " "), image


def main(recordings: Path, out: Path) -> None:
    """Write the sheet."""
    folders = sorted(path.parent for path in recordings.glob("*/recording.json"))
    images = dict(picture(folder) for folder in folders)
    out.write_bytes(jpeg_bytes(grid(images, columns=3, width=560), quality=80))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
