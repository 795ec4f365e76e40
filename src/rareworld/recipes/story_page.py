"""From what a story measured to what its page shows.

Proved in `tests/recipes/test_story_page.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rareworld.draw.report_story import Bar, Curve, Film, Metric, Row, Story, figure
from rareworld.recipes.story import AFTER, BEFORE, CONTROL, StoryConfig
from rareworld.recipes.story_clips import HeldOut

Found = Mapping[str, Any]
"""Content of `measured.json`."""

NAMES = {
    "fid": "FID", "kid": "KID", "fvd": "FVD", "cd_fvd": "CD-FVD", "jedi": "JEDi", "lpips": "LPIPS",
}  # fmt: skip
ABOUT = {
    "fid": "How far single pictures are from real ones: Fréchet distance of Inception features.",
    "kid": "The same features without assuming a Gaussian; unbiased at any number of clips.",
    "fvd": "How far 16 frames in motion are from real ones: Fréchet distance of I3D features.",
    "cd_fvd": "Fréchet distance of VideoMAE features, which look more at motion than I3D's.",
    "jedi": "Distance of V-JEPA features without assuming a Gaussian.",
}
LABELS = {
    BEFORE: "before",
    AFTER: "after post-training",
    CONTROL: "control: normal traffic only",
}
SHOWN = 5
"""Rows of videos that are open when the page is."""
FEW = 100
"""Below so many clips a Fréchet distance is mostly bias."""
SMOOTH = 0.1
"""Part of the steps that the drawn mean of the loss is taken over."""
SCORES = {"psnr_db": "PSNR", "ssim": "SSIM", "lpips": "LPIPS"}
CHECKS = (
    "fixed", "shift", "jitter", "swim", "tracks", "sound", "appearing", "vanishing", "growing",
    "melting", "oversized", "implausible", "speed", "accel", "contact_precision",
    "contact_recall",
)  # fmt: skip
"""Fixed-camera checks in the table."""


def story_of(
    config: StoryConfig,
    clips: Sequence[HeldOut],
    videos: Mapping[str, Sequence[Path]],
    found: Mapping[str, Found],
    losses: Sequence[Mapping[str, Any]],
) -> Story:
    """Return the page's part about post-training.

    Args:
        config: Of the story.
        clips: Held-out clips.
        videos: Generated videos of each set, in the order of `clips`.
        found: What was measured, by the set that was compared to the one before.
        losses: Rows of the run's metrics.
    """
    first = found[AFTER]
    return Story(
        title="Before and after post-training",
        lead=_lead(config, len(clips)),
        legend=_legend(config),
        rows=tuple(_row(rank, clip, videos) for rank, clip in enumerate(clips)),
        shown=SHOWN,
        metrics=tuple(_metrics(found)),
        left_out=tuple((NAMES[o["metric"]], str(o["reason"])) for o in first["left_out"]),
        limits=_limits(len(clips)),
        notes=_notes(found),
        tables=tuple(_tables(found)),
        curves=loss_curves(losses),
        curve_caption=(
            "Each step's loss scatters with the noise it drew; the mean shows where it goes. The "
            "held-out loss asks the same clips the same questions every time."
        ),
    )


def _lead(config: StoryConfig, clips: int) -> str:
    run = config.training
    rank = "the whole network" if run.adapter is None else f"an adapter of rank {run.adapter.rank}"
    control = " A control was trained as long on normal traffic alone." if config.control else ""
    return (
        f"{config.model} had seen only normal traffic. {run.steps} steps trained {rank} on normal "
        f"and crash clips, one to one.{control} Then every model continued the same {clips} crash "
        "clips, filmed in scenes that it was never trained on, from the same first frames, words "
        "and noise."
    )


def _legend(config: StoryConfig) -> str:
    given = "the first frame" if config.given == 1 else f"the first {config.given} frames"
    return (
        f"Models are given {given} and the caption; all else is theirs. The true continuation is "
        "what the simulator filmed: another course of events can be as plausible."
    )


def _row(rank: int, clip: HeldOut, videos: Mapping[str, Sequence[Path]]) -> Row:
    films = [Film(label="true continuation", mp4=clip.video.read_bytes(), tone="real")]
    films += [
        Film(label=LABELS[name], mp4=paths[rank].read_bytes(), tone=name)
        for name, paths in videos.items()
    ]
    return Row(
        name=f"{clip.name}, seed {clip.seed}",
        prompt=clip.prompt,
        first_png=clip.first.read_bytes(),
        films=tuple(films),
    )


def _metrics(found: Mapping[str, Found]) -> list[Metric]:
    """Return a metric for each protocol, with the bars of all sets."""
    first = found[AFTER]["evaluation"]
    if first is None:
        return []
    return [_metric(number, found) for number in first["numbers"] if number["which"] == "generated"]


def _metric(number: Mapping[str, Any], found: Mapping[str, Found]) -> Metric:
    protocol = number["protocol"]
    bars = [_bar(_number(found[AFTER], protocol, "baseline"), BEFORE)]
    bars += [_bar(_number(each, protocol, "generated"), name) for name, each in found.items()]
    split = number["split"]
    return Metric(
        name=f"{NAMES[number['metric']]} ({protocol})",
        about=f"{ABOUT[number['metric']]} Looked at: {number['frames']}.",
        better="lower is better",
        bars=tuple(bars),
        floor=None
        if split is None
        else Bar(label=f"real halves, {split['num_clips']} clips each:", value=split["value"]),
        verdict=" ".join(
            (
                *(_verdict(each, protocol, name) for name, each in found.items()),
                *_against_control(found[AFTER], protocol),
                *([] if split is None else [_at_half(split)]),
            )
        ),
    )


def _at_half(split: Mapping[str, Any]) -> str:
    """Return how far the set after post-training is from real halves at equal numbers of clips."""
    return (
        f"At {split['num_clips']} clips real halves score {figure(split['value'])} "
        f"({figure(split['low'])} to {figure(split['high'])} over {split['splits']} splits), the "
        f"set after post-training {figure(split['number'])}."
    )


def _number(found: Found, protocol: str, which: str) -> Mapping[str, Any]:
    numbers = found["evaluation"]["numbers"]
    return next(n for n in numbers if (n["protocol"], n["which"]) == (protocol, which))


def _bar(number: Mapping[str, Any], tone: str) -> Bar:
    return Bar(
        label=LABELS[tone],
        value=number["value"],
        low=number["low"],
        high=number["high"],
        tone=tone,
    )


def _verdict(found: Found, protocol: str, name: str) -> str:
    """Return how a set differs from the one before, in a sentence."""
    item = _comparison(found["evaluation"]["comparisons"], protocol)
    return f"{LABELS[name].capitalize()}: {changed(item)} than before ({interval(item)})."


def _against_control(found: Found, protocol: str) -> list[str]:
    """Return what is owed to the crashes alone, in a sentence, if there was a control."""
    if found["against_control"] is None:
        return []
    item = _comparison(found["against_control"], protocol)
    return [f"After post-training: {changed(item)} than the control ({interval(item)})."]


def _comparison(comparisons: Sequence[Mapping[str, Any]], protocol: str) -> Mapping[str, Any]:
    return next(item for item in comparisons if item["protocol"] == protocol)


def changed(item: Mapping[str, Any]) -> str:
    """Return how far a distance fell or rose in a comparison, as in `12 % higher`."""
    way = "lower" if item["difference"] >= 0 else "higher"
    drop = item["drop_percent"]
    much = figure(abs(item["difference"])) if drop is None else f"{abs(drop):.0f} %"
    return f"{much} {way}"


def interval(item: Mapping[str, Any]) -> str:
    """Return the interval of a comparison's difference, and whether it leaves zero out."""
    sure = "leaves zero out" if item["clear"] else "holds zero, so this may be chance"
    return (
        f"the {100 * item['level']:g} % interval of the difference, "
        f"{figure(item['difference_low'])} to {figure(item['difference_high'])}, {sure}"
    )


def _limits(clips: int) -> tuple[str, ...]:
    """Return what so many clips can and cannot show."""
    bias = (
        f"{clips} clips are few. A Fréchet distance of so few clips is mostly bias"
        if clips < FEW
        else f"A Fréchet distance of {clips} clips still has a bias, which falls as one by N"
    )
    return (
        f"{bias}: real clips against real clips score far from zero too. The dashed line is "
        "what two halves of the real clips score against each other; at that smaller number every "
        "distance is larger, so it is told beside each bar chart what the generated clips score "
        "there. Compare before with after at equal N, and never with numbers of other sets, sizes "
        "or protocols.",
        "Whiskers are bootstrap intervals over recordings: where the number would fall with other "
        "clips of the same kind. They say nothing of other kinds of clips, other seeds of training "
        "or other models; every training was run once.",
        "Held-out clips come from the renderer that the training clips come from. A falling "
        "distance shows that the model took up what crash clips of this renderer look like. It "
        "does not show that its crashes are physically right, and nothing of real streets.",
    )


def _notes(found: Mapping[str, Found]) -> tuple[str, ...]:
    """Return what the measurement warned of, each once."""
    evaluations = [each["evaluation"] for each in found.values() if each["evaluation"] is not None]
    return tuple(dict.fromkeys(text for one in evaluations for text in one["warnings"]))


def _tables(found: Mapping[str, Found]) -> list[tuple[str, list[list[str]]]]:
    """Return the checks that need no network, as tables."""
    out: list[tuple[str, list[list[str]]]] = []
    sets = {BEFORE: found[AFTER]["fixed_camera"][BEFORE]}
    sets |= {name: each["fixed_camera"][name] for name, each in found.items()}
    rows = _check_rows(sets)
    if len(rows) > 1:
        out.append(("Does the camera stand still, do vehicles stay themselves?", rows))
    paired = {BEFORE: found[AFTER]["paired"][BEFORE]}
    paired |= {name: each["paired"][name] for name, each in found.items()}
    out.append(("How close to what truly happened?", _paired_rows(paired)))
    return out


def _check_rows(sets: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[list[str]]:
    known = {name: {row["measure"]: row for row in rows} for name, rows in sets.items()}
    out = [["check", "real clips", *(LABELS[name] for name in sets), "better"]]
    for measure in CHECKS:
        found = {name: rows[measure] for name, rows in known.items() if measure in rows}
        if found:
            one = next(iter(found.values()))
            told = [_told(found.get(name)) for name in sets]
            out.append(
                [f"{one['says']} ({one['unit']})", _plain(one["real"]), *told, one["better"]]
            )
    return out


def _paired_rows(sets: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[list[str]]:
    """Return a row per score against the true continuation."""
    out = [["score", *(LABELS[name] for name in sets), "better"]]
    for place, one in enumerate(next(iter(sets.values()))):
        told = [_told(rows[place]) for rows in sets.values()]
        out.append([f"{SCORES[one['measure']]}: {one['says']}", *told, one["better"]])
    return out


def _told(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    return f"{_plain(row['value'])} ({_plain(row['low'])} to {_plain(row['high'])})"


def _plain(value: object) -> str:
    """Return a number as text; what JSON has no number for is a dash."""
    return figure(value) if isinstance(value, (int, float)) else "-"


def loss_curves(rows: Sequence[Mapping[str, Any]]) -> tuple[Curve, ...]:
    """Return the training loss, its running mean, and the held-out loss."""
    steps = [float(row["step"]) for row in rows if row.get("loss") is not None]
    losses = [float(row["loss"]) for row in rows if row.get("loss") is not None]
    if not steps:
        return ()
    width = max(round(SMOOTH * len(losses)), 1)
    parts = [losses[max(end - width, 0) : end] for end in range(1, len(losses) + 1)]
    means = tuple(sum(part) / len(part) for part in parts)
    held = [(row["step"], row["held_out/loss"]) for row in rows if row.get("held_out/loss")]
    out = [
        Curve(label="each step", steps=tuple(steps), values=tuple(losses), tone="thin"),
        Curve(label="mean", steps=tuple(steps), values=means, tone="mean"),
    ]
    if held:
        out.append(
            Curve(
                label="held-out clips",
                steps=tuple(float(step) for step, _ in held),
                values=tuple(float(value) for _, value in held),
                tone="after",
                dots=True,
            )
        )
    return tuple(out)
