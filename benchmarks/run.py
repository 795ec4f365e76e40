"""Measure what the docs promise: speed and memory of simulate and annotate, cost per clip.

    python benchmarks/run.py                 all but the long one
    python benchmarks/run.py --long          cost per clip up to 500 instead of 100
    python benchmarks/run.py annotate_720p   one by name

Each measurement runs in fresh processes through the public command line or job runner, on an
otherwise idle machine. Writes `benchmarks/<date>_<cores>cores.json` and the page beside it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RECIPE = """
scenarios:
  - {{scenario: side_impact, places: [signalised_junction]}}
n: {n}
seed: 3
duration_s: {duration_s}
cameras: {{count: 1, width: {width}, height: {height}}}
"""
QUICK = """
scenarios:
  - {scenario: normal_traffic}
seed: 1
duration_s: 2
fps: 10
"""

WATCH = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""Runs a command and tells seconds, CPU seconds and the peak memory of its largest process."""

Result = dict[str, Any]


def timed(*command: str) -> Result:
    """Run a command; return wall and CPU seconds and the peak memory of its largest process."""
    wrapped = subprocess.run(
        [sys.executable, "-c", WATCH, *command], check=True, capture_output=True, text=True
    )
    wall, cpu, peak = json.loads(wrapped.stdout)
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_rss_mb": round(peak / 1024),
    }


def rareworld(*arguments: str) -> list[str]:
    """Return the command line of our own interpreter."""
    return [sys.executable, "-m", "rareworld", *arguments]


def record(folder: Path, width: int, height: int, duration_s: float, n: int = 1) -> Result:
    """Simulate crashes in one process; the time includes start-up."""
    recipe = folder / "recipe.yaml"
    text = RECIPE.format(width=width, height=height, duration_s=duration_s, n=n)
    recipe.write_text(text, encoding="utf-8")
    out = str(folder / "recordings")
    return timed(*rareworld("simulate", str(recipe), "--out", out, "--workers", "1"))


def simulate_crash_10s(folder: Path) -> Result:
    """Six 10 s crashes on the signalised junction, recipe to recording folders, one process."""
    count = 6
    result = record(folder, 1280, 720, 10.0, count)
    stamps = (folder / "recordings").glob("*/stage.json")
    attempts = sum(json.loads(stamp.read_text())["summary"]["attempts"] for stamp in stamps)
    return {
        **result,
        "attempts": attempts,
        "wall_s_per_attempt": round(result["wall_s"] / attempts, 2),
        "wall_s_per_recording": round(result["wall_s"] / count, 2),
        "target": "wall_s_per_attempt <= 5",
    }


def _annotate(folder: Path, width: int, height: int, *options: str) -> Result:
    """Annotate 150 frames under some options; once before, so that all is compiled."""
    record(folder, width, height, 5.0)
    recordings = str(folder / "recordings")
    cold = timed(*rareworld("annotate", recordings, "--out", str(folder / "cold"), *options))
    warm = timed(*rareworld("annotate", recordings, "--out", str(folder / "warm"), *options))
    size = sum(p.stat().st_size for p in (folder / "warm").rglob("*") if p.is_file())
    return {**warm, "first_run_wall_s": cold["wall_s"], "megabytes": round(size / 1e6, 1)}


def annotate_1080p(folder: Path) -> Result:
    """150 frames of 1920x1080 with every label, written to disk."""
    return {**_annotate(folder, 1920, 1080), "target": "wall_s <= 50, peak_rss_mb <= 1024"}


def annotate_720p(folder: Path) -> Result:
    """150 frames of 1280x720 with every label, written to disk."""
    return {**_annotate(folder, 1280, 720), "target": "wall_s <= 25"}


def _weather(folder: Path, *options: str) -> Result:
    return {**_annotate(folder, 1920, 1080, *options), "target": "wall_s <= 90"}


def annotate_night_rain(folder: Path) -> Result:
    """The same 150 frames of 1920x1080 by night in the rain."""
    return _weather(folder, "--weather", "raining", "--lighting", "night")


def annotate_night_snow(folder: Path) -> Result:
    """The same by night in falling snow."""
    return _weather(folder, "--weather", "snow_falling", "--lighting", "night")


def annotate_flood_lens(folder: Path) -> Result:
    """The same in the rain over a flood at blue hour, seen through the lens `cctv`."""
    return _weather(
        folder, "--weather", "raining", "--road", "flooding", "--lighting", "blue_hour",
        "--lens", "cctv",
    )  # fmt: skip


SET_UP = """
import json, resource, sys, time
from pathlib import Path
from rareworld.annotate.pipeline import AnnotateConfig, Filming, make_view, make_world
from rareworld.data.config import override
from rareworld.data.recording import read_recording, read_suggested_rig
folder, options = Path(sys.argv[1]), sys.argv[2:]
config = AnnotateConfig.parse(override({}, options))
recording, camera = read_recording(folder), read_suggested_rig(folder).cameras[0]
laps = [(time.perf_counter(), 0.0)]
def lap():
    used = resource.getrusage(resource.RUSAGE_SELF)
    laps.append((time.perf_counter(), used.ru_utime + used.ru_stime))
lap()
world = make_world(recording, config)
lap()
filming = Filming(world, make_view(world, camera, config), config)
lap()
filming.close()
print(json.dumps(laps[1:]))
"""
"""Builds a recording's world and one camera's renderer; tells the time before, between, after."""


def _set_up(folder: Path, *options: str) -> Result:
    record(folder, 1920, 1080, 5.0)
    first = min(path.parent for path in (folder / "recordings").glob("*/recording.json"))
    command = [sys.executable, "-c", SET_UP, str(first), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    begin, world, end = json.loads(done.stdout)
    return {
        "wall_s": round(end[0] - begin[0], 2),
        "cpu_s": round(end[1] - begin[1], 2),
        "world_wall_s": round(world[0] - begin[0], 2),
        "renderer_wall_s": round(end[0] - world[0], 2),
        "target": "wall_s <= 3",
    }


def set_up_1080p(folder: Path) -> Result:
    """World and renderer of the same scene, before its first frame, on a clear day."""
    return _set_up(folder)


def set_up_night_rain(folder: Path) -> Result:
    """The same by night in the rain."""
    return _set_up(folder, "conditions.weather=raining", "conditions.lighting=night")


def cost_per_clip(folder: Path, counts: tuple[int, ...] = (10, 100)) -> Result:
    """Seconds per item for ever more recordings of 2 s of normal traffic, all cores."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(QUICK, encoding="utf-8")
    out: Result = {"target": "flat"}
    for count in counts:
        target = str(folder / f"n{count}")
        result = timed(*rareworld("simulate", str(recipe), "--n", str(count), "--out", target))
        out[f"wall_s_per_clip_{count}"] = round(result["wall_s"] / count, 3)
        out[f"peak_rss_mb_{count}"] = result["peak_rss_mb"]
    return out


def cost_per_clip_long(folder: Path) -> Result:
    """The same up to 500 recordings."""
    return cost_per_clip(folder, (10, 100, 500))


MEASUREMENTS: dict[str, Callable[[Path], Result]] = {
    f.__name__: f
    for f in (
        simulate_crash_10s,
        annotate_1080p,
        annotate_720p,
        annotate_night_rain,
        annotate_night_snow,
        annotate_flood_lens,
        set_up_1080p,
        set_up_night_rain,
        cost_per_clip,
        cost_per_clip_long,
    )
}
LONG = {True: "cost_per_clip", False: "cost_per_clip_long"}
"""Left out when asked for the long one, and when not."""


def machine() -> dict[str, str | int]:
    """Return what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "load_before": str(os.getloadavg()[0]),
    }


def page(facts: dict[str, Any], results: dict[str, Result]) -> str:
    """Return the dated page."""
    lines = [
        f"# Speed and memory, {facts['date']}",
        "",
        f"{facts['cpu']}, {facts['cores']} cores, Python {facts['python']}, commit "
        f"{facts['commit']}, load before {facts['load_before']}. Made by `make bench` "
        "(`benchmarks/run.py`); never edited by hand.",
        "",
        "| measurement | what | figures |",
        "|---|---|---|",
    ]
    for name, result in results.items():
        what = (MEASUREMENTS[name].__doc__ or "").strip()
        figures = ", ".join(f"{key} {value}" for key, value in result.items())
        lines.append(f"| {name} | {what} | {figures} |")
    return "\n".join(lines) + "\n"


def earlier(path: Path) -> dict[str, Result]:
    """Return what was measured on this day before; each result names its commit."""
    if not path.exists():
        return {}
    found: dict[str, Result] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return found


def main() -> None:
    """Run the measurements asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASUREMENTS, []])
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    names = options.names or [n for n in MEASUREMENTS if n != LONG[options.long]]
    facts = machine()
    stem = f"{facts['date']}_{facts['cores']}cores"
    results = earlier(HERE / f"{stem}.json")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            result = MEASUREMENTS[name](Path(folder))
        results[name] = {**result, "commit": facts["commit"]}
        print(name, json.dumps(results[name]), flush=True)
    document = {"machine": facts, "results": results}
    (HERE / f"{stem}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (HERE / f"{stem}.md").write_text(page(facts, results), encoding="utf-8")


if __name__ == "__main__":
    main()
