"""The demo's six incidents: what is simulated, under which skies, and what the page says of them.

Proved in `tests/recipes/test_demo_incidents.py`.
"""

from pathlib import Path

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.core.conditions import Lighting, RoadCondition, Weather
from rareworld.core.trajectory import Recording
from rareworld.data.clip import ClipReader, open_clip
from rareworld.data.recording import read_recording
from rareworld.draw.report import ClipSection, event_marks
from rareworld.recipes.sections import LABELS_FILE, MOMENT_FILE, PLAN_FILE, Pair, moment_of
from rareworld.simulate.job import CameraConfig, Choice, SimulateConfig
from rareworld.simulate.scenarios.catalogue import scenario_type
from rareworld.simulate.scenarios.staging import Outcome


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
        duration_s=4.0,
        cameras=CameraConfig(width=960, height=540),
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


def section(pair: Pair, folder: Path) -> ClipSection:
    """Return one clip of the report from its recording, clip and pictures."""
    recording, clip = read_recording(pair.recording), open_clip(pair.clip)
    moment_s = moment_of(recording.events)
    kind = scenario_type(str(recording.provenance["scenario"]))
    place = recording.scene.name.replace("_", " ")
    outcome = str(recording.provenance["outcome"]).replace("_", " ")
    return ClipSection(
        title=f"{kind.title} ({outcome})",
        summary=f"{kind.summary} Place: {place}; {conditions_words(clip)}.",
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


def clips_in(folder: Path) -> list[Path]:
    """Return the clips of one recording, by camera."""
    return sorted(item for item in folder.iterdir() if item.is_dir())
