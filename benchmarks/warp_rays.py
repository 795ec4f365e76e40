"""Check and measure the ray caster on one machine, above all on a GPU that is lent for minutes.

    python benchmarks/warp_rays.py RECORDING --out DIR
    python benchmarks/warp_rays.py RECORDING --out DIR --kind warp-cpu --width 320 --frames 2

Compares labels with the rasteriser's, times frames by samples per pixel with and without denoising,
then whole clips with every label written. Writes `warp.json` and pictures to DIR.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.pipeline import (
    AnnotateConfig,
    World,
    annotate_world,
    make_world,
)
from rareworld.annotate.render.backend import Pixels, Renderer
from rareworld.annotate.render.choose import make_renderer
from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.core.camera import Camera
from rareworld.core.viewpoint import ViewConfig, focus_points, place_cameras
from rareworld.data.recording import read_recording

Result = dict[str, Any]


def view_of(world: World, width: int) -> Camera:
    """Return the automatic camera at a width, 16 to 9."""
    size = ViewConfig(width=width, height=width * 9 // 16 // 2 * 2)
    return place_cameras(world.recording.scene, focus_points(world.recording), 1, size).cameras[0]


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    begin = time.perf_counter()
    work()
    return round(time.perf_counter() - begin, 4)


def states(world: World, frames: int) -> Iterator[Any]:
    """Yield the state of each of the first frames."""
    for time_s in world.recording.tracks.time_s[:frames]:
        yield world.poser.at(float(time_s))


def kept(pixels: Pixels) -> Pixels:
    """Return pixels that the next frame does not overwrite."""
    return replace(
        pixels,
        rgb=pixels.rgb.copy(),
        depth_m=pixels.depth_m.copy(),
        normal=pixels.normal.copy(),
        class_id=pixels.class_id.copy(),
        instance_id=pixels.instance_id.copy(),
        triangle=pixels.triangle.copy(),
    )


def compared(rays: Pixels, raster: Pixels) -> Result:
    """Return on how many pixels two renderers differ, and by how much their colours do."""
    solid = (rays.triangle >= 0) & (raster.triangle >= 0)
    deep = np.abs(rays.depth_m[solid] - raster.depth_m[solid])
    normal = np.abs(rays.normal[solid] - raster.normal[solid]).max(axis=1)
    colour = np.abs(rays.rgb.astype(int) - raster.rgb).mean(axis=2)
    return {
        "pixels": int(rays.class_id.size),
        "instance": int((rays.instance_id != raster.instance_id).sum()),
        "class": int((rays.class_id != raster.class_id).sum()),
        "sky": int(((rays.triangle < 0) != (raster.triangle < 0)).sum()),
        "depth_over_1cm": int((deep > 0.01).sum()),
        "normal_over_0.01": int((normal > 0.01).sum()),
        "colour_mean": round(float(colour.mean()), 2),
        "colour_95": round(float(np.percentile(colour, 95)), 2),
    }


def check_labels(world: World, camera: Camera, kind: RendererKind, out: Path, best: int) -> Result:
    """Compare three instants with the rasteriser, and keep both pictures of one."""
    times = world.recording.tracks.time_s
    config = RenderConfig(renderer=kind, samples_per_pixel=best, threads=os.cpu_count() or 1)
    rays = make_renderer(world.scene, camera, config)
    raster = make_renderer(
        world.scene, camera, config.model_copy(update={"renderer": RendererKind.CPU})
    )
    found = []
    for rank, share in enumerate((0.1, 0.4, 0.8)):
        state = world.poser.at(float(times[0] + share * (times[-1] - times[0])))
        a, b = kept(rays.render(state)), kept(raster.render(state))
        found.append(compared(a, b))
        if rank == 1:
            write_png(out / "rays.png", a.rgb)
            write_png(out / "raster.png", b.rgb)
    rays.close()
    raster.close()
    return {"instants": found}


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write a picture."""
    from PIL import Image

    Image.fromarray(rgb).save(path)


def seconds_per_frame(renderer: Renderer, world: World, frames: int) -> float:
    """Return the mean over some frames after a first one."""
    ways = list(states(world, frames + 1))
    renderer.render(ways[0])
    return round(timed(lambda: [renderer.render(way) for way in ways[1:]]) / frames, 4)


def measure_frames(
    world: World, camera: Camera, kind: RendererKind, samples: list[int], frames: int
) -> Result:
    """Return set-up and frame times by samples per pixel, plain and denoised."""
    out: Result = {}
    for count in samples:
        for denoise in (False, True):
            config = RenderConfig(
                renderer=kind, samples_per_pixel=count, denoise=denoise, threads=os.cpu_count() or 1
            )
            made: list[Renderer] = []
            setup = timed(lambda c=config, m=made: m.append(make_renderer(world.scene, camera, c)))
            spent = seconds_per_frame(made[0], world, frames)
            made[0].close()
            name = f"{count} spp" + (" denoised" if denoise else "")
            out[name] = {"setup_s": setup, "frame_s": spent}
            print(f"{name}: set-up {setup} s, {spent} s per frame", flush=True)
    return out


def measure_clip(world: World, camera: Camera, config: AnnotateConfig, samples: int) -> Result:
    """Return the time of a whole clip, every label written."""
    render = config.render.model_copy(update={"samples_per_pixel": samples})
    total = world.recording.tracks.num_frames
    with tempfile.TemporaryDirectory() as folder:
        chosen = config.model_copy(update={"render": render})
        written = timed(lambda: annotate_world(world, camera, Path(folder) / "clip", chosen))
    print(f"{total} frames at {samples} spp: {written} s written", flush=True)
    return {"frames": total, "samples": samples, "written_s": written}


def machine(kind: RendererKind) -> Result:
    """Return what was measured on."""
    from rareworld.annotate.render.warp.device import cpu, gpu

    device = gpu() if kind is RendererKind.GPU else cpu()
    return {
        "device": device.label,
        "cores": os.cpu_count(),
        "free_mib": None if device.free_bytes is None else device.free_bytes // 2**20,
    }


def run(args: argparse.Namespace) -> None:
    """Check, measure, and write what was found."""
    kind = RendererKind(args.kind)
    samples = [int(count) for count in args.samples.split(",")]
    begin = time.perf_counter()
    config = AnnotateConfig(
        conditions=ConditionsConfig.model_validate(
            {"weather": args.weather, **({"lighting": args.lighting} if args.lighting else {})}
        ),
        render=RenderConfig(renderer=kind, threads=os.cpu_count() or 1),
    )
    world = make_world(read_recording(args.recording), config)
    built_s = round(time.perf_counter() - begin, 2)
    camera = view_of(world, args.width)
    args.out.mkdir(parents=True, exist_ok=True)
    frames = min(args.frames, world.recording.tracks.num_frames - 1)
    found: Result = {
        "size": [camera.width, camera.height], "machine": machine(kind), "world_s": built_s,
    }  # fmt: skip

    def keep(name: str, work: Callable[[], Result]) -> None:
        """Do one part and write all so far, as time may run out."""
        found[name] = work()
        (args.out / "warp.json").write_text(json.dumps(found, indent=1))
        print(name, json.dumps(found[name]), flush=True)

    keep("first", lambda: measure_frames(world, camera, kind, samples[:1], min(frames, 5)))
    keep("labels", lambda: check_labels(world, camera, kind, args.out, samples[-1]))
    keep("frame", lambda: measure_frames(world, camera, kind, samples, min(frames, 5)))
    for count in (int(count) for count in args.clips.split(",")):
        keep(f"clip {count}", lambda c=count: measure_clip(world, camera, config, c))
    keep("after", lambda: {
        **machine(kind),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    })  # fmt: skip


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", default="gpu", choices=["gpu", "warp-cpu"])
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--samples", default="1,4,16,64")
    parser.add_argument("--weather", default="clear_sky")
    parser.add_argument("--lighting", help="default: the recording's own hour")
    parser.add_argument("--clips", default="4,64", help="samples of the clips that are written")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
