"""What FID, KID and FVD see: their response to clips spoilt by known amounts.

    python benchmarks/response.py --out DIR [--recordings 24] [--clips 2] [--device cpu]

Films normal traffic with the renderer's instance ids, holds the even recordings real, spoils the
odd ones, and writes `response.json` and `response.png`. The same command goes on after a stop.
"""

import argparse
import json
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np

from rareworld.annotate.film import during
from rareworld.annotate.pipeline import Filming, World, make_view, make_world
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from rareworld.data.atomic import write_bytes
from rareworld.errors import CameraError, ScenarioError
from rareworld.evaluate.config import EvaluateConfig, PicturesConfig
from rareworld.evaluate.response.draw import draw_responses
from rareworld.evaluate.response.measure import Watched, measure_responses
from rareworld.recipes.footage import FootageConfig, Shot, played, shots_of
from rareworld.recipes.footage_recipes import FOOTAGE

LEAST_PX = 40
"""Vehicles that show fewer pixels in every frame are left alone."""


def recipe() -> FootageConfig:
    """Return busy normal traffic through no lens: its ids are those of the pixels."""
    busy = FOOTAGE["mini_normal_held_out"]
    clean = FOOTAGE["mini_normal"]
    return busy.model_copy(update={"scenes": clean.scenes, "lens": clean.lens, "seed": 7201})


def watched(world: World, shot: Shot) -> Watched:
    """Return one filmed clip with its vehicles, largest first."""
    part = during(world, shot.start, shot.stop)
    view = make_view(part, shot.camera, shot.annotate)
    with closing(Filming(part, view, shot.annotate)) as filming:
        pairs = [(rgb.copy(), ids.copy()) for rgb, ids in filming.pictures()]
    ids = np.stack([pair[1] for pair in pairs])
    sizes = {
        actor.id: int((ids == actor.id).sum(axis=(1, 2)).max())
        for actor in world.recording.scene.actors
        if BLUEPRINTS[actor.blueprint].class_id is not ClassId.PEDESTRIAN
    }
    seen = sorted((i for i, px in sizes.items() if px >= LEAST_PX), key=lambda i: -sizes[i])
    return Watched(shot.name, np.stack([pair[0] for pair in pairs]), ids, tuple(seen))


def films(recordings: int, clips: int, cache: Path) -> tuple[list[Watched], list[Watched]]:
    """Return the clips of even and of odd recordings."""
    config, sides = recipe(), ([], [])
    for item in range(recordings):
        kept = cache / f"{item:03d}.npz"
        if not kept.exists():
            _film(config, item, clips, kept)
        with np.load(kept) as data:
            for name in sorted({key.split("|")[0] for key in data.files}):
                arrays = [data[f"{name}|{part}"] for part in ("rgb", "ids", "vehicles")]
                vehicles = tuple(int(v) for v in arrays[2])
                sides[item % 2].append(Watched(name, arrays[0], arrays[1], vehicles))
    return sides


def _film(config: FootageConfig, item: int, clips: int, kept: Path) -> None:
    found: dict[str, np.ndarray] = {}
    try:
        _, take = played(config, item, kept.parent)
        shots = list(islice(shots_of(config, item, take), clips))
        world = make_world(take.recording, shots[0].annotate)
        for shot in shots:
            clip = watched(world, shot)
            found |= {f"{clip.name}|rgb": clip.rgb, f"{clip.name}|ids": clip.ids}
            found[f"{clip.name}|vehicles"] = np.array(clip.vehicles, np.int64)
    except (ScenarioError, CameraError) as error:
        print(f"recording {item} left out: {error}")
    partial = kept.with_suffix(".tmp.npz")
    np.savez(partial, **found)
    partial.rename(kept)


def main() -> None:
    """Film, spoil, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--clips", type=int, default=2, help="of a recording")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--film-only", action="store_true")
    chosen = parser.parse_args()
    cache = chosen.out / "films"
    cache.mkdir(parents=True, exist_ok=True)
    real, spoilt = films(chosen.recordings, chosen.clips, cache)
    print(f"{len(real)} clips held real, {len(spoilt)} to be spoilt")
    if chosen.film_only:
        return
    config = EvaluateConfig(device=chosen.device, pictures=PicturesConfig(every=4))
    answers = measure_responses(real, spoilt, chosen.out / "sets", config)
    record = {
        "command": f"python benchmarks/response.py --recordings {chosen.recordings} "
        f"--clips {chosen.clips}",
        "clips": {"real": len(real), "spoilt": len(spoilt)},
        "answers": [{**asdict(a), "response": a.response} for a in answers],
    }
    write_bytes(chosen.out / "response.json", (json.dumps(record, indent=1) + "\n").encode())
    title = f"Number by that of the unspoilt clips ({len(real)} real, {len(spoilt)} spoilt clips)"
    write_bytes(chosen.out / "response.png", draw_responses(answers, title))


if __name__ == "__main__":
    main()
