"""`rareworld demo`: six incidents, simulated, labelled and shown in one page."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, final

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.job import AnnotateStage
from rareworld.annotate.lens.config import LensConfig, Preset
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.core.conditions import Lighting, RoadCondition, Weather
from rareworld.core.trajectory import Recording
from rareworld.data.clip import ClipReader, open_clip
from rareworld.data.recording import read_recording
from rareworld.draw.report import ClipSection, Page, event_marks, write_page
from rareworld.errors import JobError
from rareworld.recipes.sections import (
    LABELS_FILE,
    MOMENT_FILE,
    PLAN_FILE,
    STRIP_FILE,
    Pair,
    SectionConfig,
    SectionStage,
    moment_of,
)
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.progress import progress_bar
from rareworld.runtime.stage import JobReport, Stage
from rareworld.simulate.job import CameraConfig, Choice, SimulateConfig, SimulateStage
from rareworld.simulate.scenarios.catalogue import scenario_type
from rareworld.simulate.scenarios.staging import Outcome

T = TypeVar("T")
Say = Callable[[str], None]

REPORT_FILE, STRIP_PICTURE = "report.html", "strip.jpg"


def demo_config(seed: int = 7) -> SimulateConfig:
    """Return six scenarios of different kinds on different places."""
    return SimulateConfig(
        scenarios=(
            Choice(scenario="side_impact", places=("signalised_junction",)),
            Choice(scenario="pedestrian_struck", places=("midblock_crossing",)),
            Choice(scenario="pile_up", places=("motorway_merge",)),
            Choice(
                scenario="left_turn_across", outcome=Outcome.NEAR_MISS, places=("skewed_five_arm",)
            ),
            Choice(scenario="rear_end", places=("arterial",)),
            Choice(scenario="cyclist_struck", outcome=Outcome.SAFE, places=("rural_crossroads",)),
        ),
        n=6,
        seed=seed,
        duration_s=5.0,
        cameras=CameraConfig(width=1280, height=720),
    )


DEMO_CONDITIONS: tuple[ConditionsConfig, ...] = (
    ConditionsConfig(lighting=Lighting.AFTERNOON),
    ConditionsConfig(lighting=Lighting.NIGHT, weather=Weather.RAINING),
    ConditionsConfig(lighting=Lighting.MID_MORNING, weather=Weather.FOG, intensity=0.35),
    ConditionsConfig(lighting=Lighting.AFTERNOON, weather=Weather.SNOW_FALLING),
    ConditionsConfig(lighting=Lighting.GOLDEN_HOUR),
    ConditionsConfig(lighting=Lighting.MID_MORNING, road=RoadCondition.PUDDLES),
)
"""Light and weather of the six, in their order."""


@final
@dataclass
class Demo:
    """One run of the demo; steps finished before are kept."""

    out: Path
    config: SimulateConfig
    workers: int = 0
    overwrite: bool = False
    """Replace results of another seed or version."""
    say: Say = print
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    def run(self) -> Path:
        """Simulate, annotate and write the report; return its path.

        Raises:
            JobError: If an item was quarantined.
        """
        recordings, clips = self.out / "recordings", self.out / "clips"
        stage = SimulateStage(self.config, self.out / "maps")
        taken = self._step(stage, range(self.config.n), recordings)
        folders = [recordings / outcome.item for outcome in taken.outcomes]
        conditions = {f.name: c for f, c in zip(folders, DEMO_CONDITIONS, strict=False)}
        lens = LensConfig(preset=Preset.CCTV)
        config = AnnotateConfig(lens=lens)
        self._step(AnnotateStage(config, conditions=conditions), folders, clips)
        pairs = [Pair(f, c) for f in folders for c in _clips_in(clips / f.name)]
        sections = self._step(SectionStage(SectionConfig()), pairs, self.out / "sections")
        shown = [self.out / "sections" / outcome.item for outcome in sections.outcomes]
        shutil.copyfile(shown[0] / STRIP_FILE, self.out / STRIP_PICTURE)
        page = self._page(pairs, shown, taken)
        write_page(page, self.out / REPORT_FILE)
        return self.out / REPORT_FILE

    def _step(self, stage: Stage[T], items: Sequence[T], out: Path) -> JobReport:
        """Run one stage and note its time."""
        begin = time.monotonic()
        runner = LocalRunner(workers=self.workers, overwrite=self.overwrite)
        with progress_bar(stage.name, len(items)) as watcher:
            report = runner.run(stage, items, out, watcher)
        self.seconds[stage.name] = time.monotonic() - begin
        self.say(f"{stage.name}: {report.sentence()} ({self.seconds[stage.name]:.0f} s)")
        if report.quarantined:
            first = report.quarantined[0]
            raise JobError(f"demo: {first.item} was quarantined: {first.error}")
        return report

    def _page(self, pairs: Sequence[Pair], shown: Sequence[Path], taken: JobReport) -> Page:
        clips = tuple(section(pair, folder) for pair, folder in zip(pairs, shown, strict=True))
        return Page(
            title="Six incidents, simulated and labelled",
            lead=(
                "Traffic by SUMO, crashes by MuJoCo, pictures and every label by rareworld's CPU "
                "renderer, each clip under another sky, seen through the lens of a traffic camera. "
                "No game engine, no GPU, no network."
            ),
            strip_jpeg=(shown[0] / STRIP_FILE).read_bytes(),
            strip_caption="All label channels of one frame: the moment of contact.",
            clips=clips,
            tables={
                "How long it took": [
                    ["step", "seconds on this machine"],
                    *([name, f"{value:.1f}"] for name, value in self.seconds.items()),
                ],
                "How the recordings came about": [
                    ["recording", "attempts", "actors", "events"],
                    *(
                        [
                            outcome.item,
                            str(outcome.summary["attempts"]),
                            str(outcome.summary["actors"]),
                            ", ".join(outcome.summary["events"]),
                        ]
                        for outcome in taken.outcomes
                    ),
                ],
            },
        )


def section(pair: Pair, folder: Path) -> ClipSection:
    """Return one clip of the report from its recording, clip and pictures."""
    recording, clip = read_recording(pair.recording), open_clip(pair.clip)
    moment_s = moment_of(recording.events)
    kind = scenario_type(str(recording.provenance["scenario"]))
    outcome = str(recording.provenance["outcome"]).replace("_", " ")
    return ClipSection(
        title=f"{kind.title} ({outcome})",
        summary=f"{kind.summary} Place: {recording.scene.name}; {conditions_words(clip)}.",
        rgb_mp4=(pair.clip / "rgb.mp4").read_bytes(),
        labels_mp4=(folder / LABELS_FILE).read_bytes(),
        moment_jpeg=(folder / MOMENT_FILE).read_bytes(),
        moment_caption="Mid-clip." if moment_s is None else f"At {moment_s:.3f} s, with boxes.",
        plan_svg=(folder / PLAN_FILE).read_text(encoding="utf-8"),
        duration_s=recording.duration_s,
        marks=event_marks(recording.events, recording.duration_s),
        figures=_figures(recording, len(clip.labels())),
    )


def conditions_words(clip: ClipReader) -> str:
    """Return light, weather and road of a clip in words."""
    made = AnnotateConfig.model_validate(clip.meta.provenance["annotate"]).conditions.record()
    words = (made.lighting, made.weather, made.road)
    return ", ".join(word.value.replace("_", " ") for word in words if word is not None)


def _figures(recording: Recording, labels: int) -> dict[str, str]:
    """Return the figures under a clip."""
    drawn = recording.provenance.get("drawn")
    parameters = drawn if isinstance(drawn, dict) else {}
    figures = {
        "actors": str(len(recording.scene.actors)),
        "frames": str(recording.tracks.num_frames),
        "object labels": f"{labels:,}",
        "contacts felt": str(len(recording.contacts)),
        "attempts": str(recording.provenance.get("attempts", 1)),
    }
    for name, value in parameters.items():
        figures[str(name)] = f"{value:.2f}" if isinstance(value, float) else str(value)
    return figures


def _clips_in(folder: Path) -> list[Path]:
    """Return the clips of one recording, by camera."""
    return sorted(item for item in folder.iterdir() if item.is_dir())
