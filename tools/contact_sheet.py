"""Draw one scene under every legal combination of weather, lighting and road condition.

    python tools/contact_sheet.py RECORDING [--cells build/conditions] [--width 240]

Writes `docs/assets/conditions/all.jpg` (a row per weather and road, a column per lighting) and
`docs/assets/conditions/lists.jpg` (each value of each list once). Finished pictures are kept in the
folder of cells. The world is built once per weather; only light, air and water are swapped.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from rareworld.annotate.pipeline import AnnotateConfig, make_world
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.lamps_on import with_lamps
from rareworld.annotate.world.model import FrameState, RenderScene
from rareworld.annotate.world.puffs import Wake
from rareworld.annotate.world.relight import under
from rareworld.core.camera import Camera
from rareworld.core.conditions import (
    USUAL_ROAD,
    Conditions,
    Lighting,
    RoadCondition,
    Weather,
    legal_conditions,
)
from rareworld.core.trajectory import Recording
from rareworld.core.viewpoint import ViewConfig, focus_points, place_cameras
from rareworld.data.recording import read_recording
from rareworld.draw.sheet import grid, jpeg_bytes

ASSETS = Path(__file__).resolve().parent.parent / "docs/assets/conditions"
AFTERNOON = Lighting.AFTERNOON
MOMENT = 0.4
"""Share of the recording at which it is drawn."""


def values_once() -> Iterator[tuple[str, Conditions]]:
    """Yield every weather, lighting and road condition once, with ordinary company."""
    for weather in Weather:
        yield (
            weather.value,
            Conditions(weather=weather, lighting=AFTERNOON, road=USUAL_ROAD[weather]),
        )
    for lighting in Lighting:
        yield lighting.value, Conditions(lighting=lighting)
    for road in RoadCondition:
        yield road.value, Conditions(weather=Weather.OVERCAST, lighting=AFTERNOON, road=road)


def name_of(conditions: Conditions) -> str:
    """Return the file name of a combination."""
    hour = conditions.lighting or "own"
    return f"{conditions.weather}-{conditions.road}-{hour}"


def relit_state(
    recording: Recording, state: FrameState, scene: RenderScene, conditions: Conditions
) -> FrameState:
    """Return the state with the lamps and spray of other conditions."""
    tracks = with_lamps(recording, conditions).tracks
    frame = int(np.argmin(np.abs(tracks.time_s - state.time_s)))
    rows = {actor.id: row for row, actor in enumerate(recording.scene.actors)}
    lamps = np.array(
        [
            tracks.lamps[rows[one.object_id], frame] if one.object_id in rows else 0
            for one in scene.instances
        ],
        dtype=np.uint32,
    )
    puffs = Wake(recording, scene.ground, scene.air).at(state.time_s)
    return replace(state, state=state.state | lamps, puffs=puffs)


def draw(recording: Recording, wanted: list[Conditions], camera: Camera, cells: Path) -> None:
    """Draw the combinations of one weather that are not in the folder yet."""
    unique = dict.fromkeys(wanted)
    missing = [one for one in unique if not (cells / f"{name_of(one)}.png").exists()]
    if not missing:
        return
    values = {"conditions": {"weather": missing[0].weather, "road": missing[0].road}}
    config = AnnotateConfig.parse(values)
    world = make_world(recording, config)
    times = recording.tracks.time_s
    base = world.poser.at(float(times[0] + MOMENT * (times[-1] - times[0])))
    for conditions in missing:
        start = time.perf_counter()
        scene = under(world.scene, recording.scene, conditions)
        renderer = RasterRenderer(scene, camera, config.render)
        pixels = renderer.render(relit_state(recording, base, scene, conditions))
        renderer.close()
        Image.fromarray(pixels.rgb).save(cells / f"{name_of(conditions)}.png")
        print(f"{name_of(conditions)}: {time.perf_counter() - start:.1f} s", flush=True)


def read(cells: Path, conditions: Conditions) -> np.ndarray:
    """Return a finished picture."""
    return np.asarray(Image.open(cells / f"{name_of(conditions)}.png").convert("RGB"))


def label(conditions: Conditions) -> str:
    """Return the caption of a cell of the large sheet."""
    return f"{conditions.weather} / {conditions.road} / {conditions.lighting}"


def main() -> None:
    """Draw what is missing and put the sheets together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--cells", type=Path, default=Path("build/conditions"))
    parser.add_argument("--width", type=int, default=240)
    parser.add_argument("--out", type=Path, default=ASSETS)
    chosen = parser.parse_args()
    recording = read_recording(chosen.recording)
    view = ViewConfig(width=2 * chosen.width, height=2 * round(chosen.width * 9 / 16))
    camera = place_cameras(recording.scene, focus_points(recording), 1, view).cameras[0]
    chosen.cells.mkdir(parents=True, exist_ok=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    once = dict(values_once())
    by_road = sorted(
        legal_conditions(), key=lambda one: (list(Weather).index(one.weather), one.road)
    )
    for weather in Weather:
        first = [one for one in once.values() if one.weather is weather]
        rest = [one for one in by_road if one.weather is weather]
        draw(recording, [*first, *rest], camera, chosen.cells)
    small = {name: read(chosen.cells, one) for name, one in once.items()}
    (chosen.out / "lists.jpg").write_bytes(jpeg_bytes(grid(small, columns=4, width=420), 85))
    large = {label(one): read(chosen.cells, one) for one in by_road}
    sheet = grid(large, columns=len(Lighting), width=chosen.width)
    (chosen.out / "all.jpg").write_bytes(jpeg_bytes(sheet, 80))


if __name__ == "__main__":
    main()
