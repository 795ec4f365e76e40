"""`rareworld demo`: six incidents simulated and labelled, `mini` post-trained, all in one page.

Proved in `tests/recipes/test_demo_incidents.py` and, from end to end, `test_story_run.py`.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rich.console import Console

from rareworld.annotate.job import AnnotateStage
from rareworld.annotate.lens.config import LensConfig, Preset
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.data.config import Config
from rareworld.data.jsontext import write_json
from rareworld.draw.report import Page, write_page
from rareworld.draw.report_story import Story
from rareworld.recipes.demo_incidents import DEMO_CONDITIONS, clips_in, demo_config, section
from rareworld.recipes.demo_record import headline_record, tables_of
from rareworld.recipes.sections import STRIP_FILE, Pair, SectionConfig, SectionStage
from rareworld.recipes.steps import Steps
from rareworld.recipes.story import StoryConfig, demo_story
from rareworld.recipes.story_nets import Sources
from rareworld.recipes.story_page import story_of
from rareworld.recipes.story_run import StoryRun, Told
from rareworld.runtime.stage import JobReport
from rareworld.simulate.job import SimulateConfig, SimulateStage

REPORT_FILE, STRIP_PICTURE = "report.html", "strip.jpg"
STRIP_OF = 4
"""Incident whose strip opens the page: the rear-end collision, near its camera."""
HEADLINE_FILE, HEADLINE_PAGE = "headline.json", "headline.html"


@final
class DemoConfig(Config):
    """What the demo does; `null` leaves a part out."""

    incidents: SimulateConfig | None = demo_config()
    """Six incidents that are simulated and labelled."""
    story: StoryConfig | None = demo_story()
    """Post-training of `mini`, before and after."""


@final
@dataclass(frozen=True, kw_only=True)
class Incidents:
    """The finished incidents."""

    pairs: tuple[Pair, ...]
    shown: tuple[Path, ...]
    """Folder with the pictures of each."""
    taken: JobReport


@final
@dataclass(frozen=True, kw_only=True)
class Demo:
    """One run of the demo; what was finished before is kept."""

    config: DemoConfig
    steps: Steps
    console: Console | None = None
    sources: Sources | None = None
    """Where networks that measure come from; None looks for them on this machine."""

    def run(self) -> Path:
        """Do every step and write the page; return its path.

        Raises:
            JobError: If an item was quarantined.
            RareworldError: If weights or clips are missing or damaged.
        """
        out, config = self.steps.out, self.config
        incidents = None if config.incidents is None else self._incidents(config.incidents)
        told = None
        if config.story is not None:
            told = story_run(config.story, self.steps, self.console, self.sources).run()
        write_page(self._page(incidents, told), out / REPORT_FILE)
        return out / REPORT_FILE

    def _incidents(self, config: SimulateConfig) -> Incidents:
        """Simulate, label and draw the incidents."""
        out = self.steps.out
        recordings, clips = out / "recordings", out / "clips"
        taken = self.steps.job(SimulateStage(config, out / "maps"), range(config.n), recordings)
        folders = [recordings / outcome.item for outcome in taken.outcomes]
        conditions = {f.name: c for f, c in zip(folders, DEMO_CONDITIONS, strict=False)}
        stage = AnnotateStage(
            AnnotateConfig(lens=LensConfig(preset=Preset.CCTV)), conditions=conditions
        )
        self.steps.job(stage, folders, clips)
        pairs = tuple(Pair(f, c) for f in folders for c in clips_in(clips / f.name))
        drawn = self.steps.job(SectionStage(SectionConfig()), pairs, out / "sections")
        shown = tuple(out / "sections" / outcome.item for outcome in drawn.outcomes)
        shutil.copyfile(_strip(shown), out / STRIP_PICTURE)
        return Incidents(pairs=pairs, shown=shown, taken=taken)

    def _page(self, incidents: Incidents | None, told: Told | None) -> Page:
        story = self.config.story
        pairs = () if incidents is None else incidents.pairs
        shown = () if incidents is None else incidents.shown
        return Page(
            title=TITLE if story is not None else INCIDENTS,
            lead=f"{INCIDENTS_LEAD if pairs else ''} {STORY_LEAD if told else ''}".strip(),
            strip_jpeg=_strip(shown).read_bytes() if shown else b"",
            strip_caption="One frame and its labels at the moment of contact.",
            story=None if story is None or told is None else page_story(story, told),
            clips_title=INCIDENTS if pairs else "",
            clips_lead=CLIPS_LEAD,
            clips=tuple(section(pair, folder) for pair, folder in zip(pairs, shown, strict=True)),
            tables=self._tables(incidents, told),
        )

    def _tables(
        self, incidents: Incidents | None, told: Told | None
    ) -> Mapping[str, Sequence[Sequence[str]]]:
        config = self.config
        seeds = {
            **({} if config.incidents is None else {"incidents": config.incidents.seed}),
            **({} if config.story is None else {"post-training": config.story.training.seed}),
            **({} if config.story is None else {"noise of the first clip": config.story.seed}),
        }
        return tables_of(
            self.steps.seconds(),
            None if incidents is None else incidents.taken,
            seeds,
            {} if told is None else told.environment,
        )


def _strip(shown: Sequence[Path]) -> Path:
    """Return the strip of the incident that fills its picture best."""
    return shown[min(STRIP_OF, len(shown) - 1)] / STRIP_FILE


def story_run(
    config: StoryConfig,
    steps: Steps,
    console: Console | None = None,
    sources: Sources | None = None,
) -> StoryRun:
    """Return a story to be carried out in the folder of the steps."""
    return StoryRun(
        out=steps.out,
        config=config,
        steps=steps,
        console=console,
        sources=sources or Sources(),
    )


def page_story(config: StoryConfig, told: Told) -> Story:
    """Return the page's part about a story."""
    return story_of(config, told.clips, told.videos, told.found, told.losses)


def run_headline(
    config: StoryConfig,
    steps: Steps,
    console: Console | None = None,
    sources: Sources | None = None,
) -> Path:
    """Carry out the headline's protocol; write its figures as JSON and as a page, return the page.

    Raises:
        RareworldError: If weights or clips are missing or damaged, or an item was quarantined.
    """
    told = story_run(config, steps, console, sources).run()
    record = headline_record(config, told, steps.seconds())
    write_json(steps.out / HEADLINE_FILE, record)
    page = Page(
        title="Post-training against the model as it was, on crash scenes never trained on",
        lead=str(record["sentence"]),
        story=page_story(config, told),
        tables=tables_of(
            steps.seconds(),
            None,
            {"post-training": config.training.seed, "noise of the first clip": config.seed},
            told.environment,
        ),
    )
    write_page(page, steps.out / HEADLINE_PAGE)
    return steps.out / HEADLINE_PAGE


TITLE = "From simulated crashes to a post-trained world model"
INCIDENTS = "Six incidents, simulated and labelled"
INCIDENTS_LEAD = (
    "Six incidents were simulated, filmed by traffic cameras and labelled by rareworld's own CPU "
    "renderer."
)
STORY_LEAD = (
    "Then mini, a small world model that had only seen normal traffic, was post-trained on "
    "crashes, and its videos of crash scenes it had never seen were measured before and after. All "
    "of it ran on this machine, without a network."
)
CLIPS_LEAD = (
    "Traffic by SUMO, crashes by MuJoCo, pictures and every label by rareworld's CPU renderer, "
    "each clip under another sky, seen through the lens of a traffic camera."
)
