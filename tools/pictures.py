"""Make the pictures of the docs from the gallery recipe, through the public commands.

    python tools/pictures.py build/gallery        (or: make pictures)

Simulates and annotates `docs/recipes/gallery.yaml` into the folder (finished work is kept), then
writes one JPEG per scenario and per label channel into `docs/assets/`.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rareworld.data.clip import ClipReader, open_clip
from rareworld.draw.overlay import draw_boxes
from rareworld.draw.sheet import grid, jpeg_bytes, panels
from rareworld.recipes.sections import moment_frame

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "docs/recipes/gallery.yaml"
ASSETS = ROOT / "docs/assets"
WIDTH = 480
SHOWN = "side_impact"
"""Scenario whose moment of contact illustrates the labels."""


def rareworld(*arguments: str) -> None:
    """Run the command line of our own interpreter."""
    subprocess.run([sys.executable, "-m", "rareworld", *arguments], check=True)


def triptych(clip: ClipReader) -> np.ndarray:
    """Return one second before, the moment, and one second after."""
    fps, count = clip.meta.fps, clip.num_frames
    moment = moment_frame(clip.events, fps, count)
    acting = {actor for event in clip.events for actor in event.actors}
    images: dict[str, np.ndarray] = {}
    for name, shift in (("before", -1.0), ("at", 0.0), ("after", 1.0)):
        index = min(max(moment + round(shift * fps), 0), count - 1)
        labels = [x for x in clip.labels_by_frame()[index] if x.object_id in acting]
        images[name] = draw_boxes(clip.frame(index).rgb, labels, names=False)
    return grid(images, columns=3, width=WIDTH, names=False)


def write(path: Path, image: np.ndarray) -> None:
    """Write a JPEG of moderate size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg_bytes(image, quality=82))


def scenario_pictures(clips: Sequence[Path]) -> None:
    """Write one picture per clip, named after scenario and outcome."""
    for folder in clips:
        name = folder.name.split("-", 1)[1]
        write(ASSETS / "scenarios" / f"{name}.jpg", triptych(open_clip(folder / "cam0")))


def label_pictures(folder: Path) -> None:
    """Write every label channel of one frame."""
    clip = open_clip(folder / "cam0")
    moment = moment_frame(clip.events, clip.meta.fps, clip.num_frames)
    shown = panels(clip.frame(moment), clip.labels_by_frame()[moment])
    for name, image in shown.items():
        small = Image.fromarray(image).resize((WIDTH * 4 // 3, WIDTH * 3 // 4))
        write(ASSETS / "labels" / f"{name.replace(' ', '_')}.jpg", np.asarray(small))


def main() -> None:
    """Run the commands and write the pictures."""
    build = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/gallery"
    rareworld("simulate", str(RECIPE), "--out", str(build / "recordings"))
    rareworld("annotate", str(build / "recordings"), "--out", str(build / "clips"))
    clips = sorted(path for path in (build / "clips").iterdir() if path.is_dir())
    scenario_pictures(clips)
    label_pictures(next(path for path in clips if f"-{SHOWN}-" in path.name))


if __name__ == "__main__":
    main()
