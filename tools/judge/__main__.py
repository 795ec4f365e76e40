"""Draw the 24 judged frames, ask the detector, compare with real footage, write page and JSON.

python -m tools.judge --recordings DIR --detector efficientdet-lite2.tflite
    --footage CLIP.mp4 [CLIP ...] --out DIR [--set lens.preset=cctv] [--only 00001]
"""

import argparse
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from tools.judge.detector import Detections, Detector
from tools.judge.footage import clip_statistics, outside, span, statistics
from tools.judge.frames import VIEWS, Shot, View, shoot
from tools.judge.score import SCORE, Tally, tally


def main() -> None:
    """Judge."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    detector = Detector(options.detector)
    real = {clip.stem: clip_statistics(clip) for clip in options.footage}
    colour = [row for row in real.values() if row["saturation"] > 0.02]
    limits = span(colour) if colour else {}
    rows, sums = [], {"day": Tally(), "night": Tally()}
    for view in (view for view in VIEWS if view.name.startswith(options.only)):
        shot = shoot(options.recordings, view, tuple(options.set))
        found = detector.find(shot.frame.rgb)
        counts = tally(shot.labels, found)
        sums["day" if view.by_day else "night"].add(counts)
        rows.append(_row(view, shot, counts, limits))
        _save(options.out, shot, found)
        print(json.dumps(rows[-1]))
    summary = {name: _sum(counts) for name, counts in sums.items()}
    result = {"views": rows, "real": real, "limits": limits, **summary}
    (options.out / "judged.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({name: [row["recall"], row["false"]] for name, row in summary.items()}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--footage", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args()


def _row(
    view: View, shot: Shot, counts: Tally, limits: dict[str, tuple[float, float]]
) -> dict[str, Any]:
    figures = statistics(shot.frame.rgb)
    return {
        "view": view.name,
        "day": view.by_day,
        "shown": sum(counts.shown.values()),
        "found": sum(counts.found.values()),
        "false": counts.false,
        "statistics": {name: round(value, 3) for name, value in figures.items()},
        "outside": outside(figures, limits) if view.by_day else {},
    }


def _sum(counts: Tally) -> dict[str, Any]:
    return {
        "recall": round(counts.recall(), 3),
        "frames": counts.frames,
        "false": counts.false,
        "shown": dict(sorted(counts.shown.items())),
        "found": dict(sorted(counts.found.items())),
        "named": dict(sorted(counts.named.items())),
    }


def _save(out: Path, shot: Shot, found: Detections) -> None:
    """Write the frame, and once more with what was found."""
    image = Image.fromarray(shot.frame.rgb)
    image.save(out / f"{shot.view.name}.png")
    draw = ImageDraw.Draw(image)
    sure = found.above(SCORE)
    for box, score, name in zip(sure.boxes, sure.scores, sure.names, strict=True):
        draw.rectangle(tuple(box.tolist()), outline="red")
        draw.text((box[0], box[1] - 10), f"{name} {score:.2f}", fill="yellow")
    image.save(out / f"{shot.view.name}-found.png")


if __name__ == "__main__":
    main()
