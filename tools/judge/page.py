"""Writes the docs page of the judged frames from what `python -m tools.judge` found.

python -m tools.judge.page --judged DIR --before DIR --hardware TEXT --commit HASH
"""

import argparse
import json
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
ASSETS = ROOT / "docs/assets/judged"
PAGE = ROOT / "docs/explain/judged.md"
WORDS = Path(__file__).with_name("words.md")
"""What a person said of the frames; stands at the top of the page."""
WIDTH = 480


def main() -> None:
    """Write page and pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("judged", "before"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("hardware", "commit"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    result = json.loads((options.judged / "judged.json").read_text())
    ASSETS.mkdir(parents=True, exist_ok=True)
    for row in result["views"]:
        _picture(options.judged / f"{row['view']}.png", ASSETS / f"{row['view']}.jpg")
        _picture(options.before / f"{row['view']}.png", ASSETS / f"{row['view']}-before.jpg")
    text = _page(result, f"{options.hardware}, commit {options.commit}")
    PAGE.write_text(text)


def _picture(source: Path, out: Path) -> None:
    """Write a small JPEG."""
    with Image.open(source) as image:
        height = round(image.height * WIDTH / image.width)
        small = image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.save(out, quality=80)


def _page(result: dict[str, Any], made: str) -> str:
    """Return the page's Markdown."""
    parts = [WORDS.read_text(), f"\nAll figures: `python -m tools.judge`, {made}.\n"]
    parts += ["\n## Detector\n\n", _classes(result)]
    parts += ["\n## Exposure and colour\n\n", _footage(result), _outside(result)]
    parts += ["\n## The 24 frames\n\nLeft: before this work, at the same place and hour.\n\n"]
    parts += [_view(row) for row in result["views"]]
    return "".join(parts)


def _classes(result: dict[str, Any]) -> str:
    """Return recall by blueprint, day and night."""
    day, night = result["day"], result["night"]
    lines = ["| | day: shown | found | night: shown | found |", "|---|---|---|---|---|"]
    for name in sorted({*day["shown"], *night["shown"]}):
        cells = [str(part[key].get(name, 0)) for part in (day, night) for key in ("shown", "found")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    sums = [f"{sum(part[key].values())}" for part in (day, night) for key in ("shown", "found")]
    lines.append("| **all** | " + " | ".join(sums) + " |")
    rates = (
        f"\nRecall by day {day['recall']:.0%}, by night and dusk {night['recall']:.0%}; "
        f"false vehicles {day['false']} in {day['frames']} frames by day, "
        f"{night['false']} in {night['frames']} by night.\n"
    )
    return "\n".join(lines) + "\n" + rates


def _footage(result: dict[str, Any]) -> str:
    """Return the statistics of the real clips and of all frames by day."""
    names = list(next(iter(result["real"].values())))
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for clip, row in result["real"].items():
        lines.append(f"| real: {clip} | " + " | ".join(f"{row[name]:.2f}" for name in names) + " |")
    for title, wanted in (("ours by day", True), ("ours by night", False)):
        rows = [row["statistics"] for row in result["views"] if row["day"] is wanted]
        spans = [
            f"{min(row[name] for row in rows):.2f} to {max(row[name] for row in rows):.2f}"
            for name in names
        ]
        lines.append(f"| {title} | " + " | ".join(spans) + " |")
    return "\n".join(lines) + "\n"


def _outside(result: dict[str, Any]) -> str:
    """Name the frames by day whose figures leave the range of the real clips by over a quarter."""
    days = [row for row in result["views"] if row["day"]]
    out = [f"`{row['view']}` ({', '.join(row['outside'])})" for row in days if row["outside"]]
    said = "; ".join(out) if out else "none"
    return (
        f"\nOutside the range of the real colour clips widened by a quarter, of {len(days)} frames "
        f"by day: {said}.\n"
    )


def _view(row: dict[str, Any]) -> str:
    name = row["view"]
    return (
        f"**{name}**: {row['found']} of {row['shown']} vehicles found, {row['false']} false\n\n"
        f"![{name} before](../assets/judged/{name}-before.jpg) "
        f"![{name}](../assets/judged/{name}.jpg)\n\n"
    )


if __name__ == "__main__":
    main()
