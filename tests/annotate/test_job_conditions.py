"""Jobs under night, rain and a camera's lens: same bytes for any workers, nothing mixed up."""

import json
from pathlib import Path

import numpy as np
import pytest

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.job import AnnotateStage
from rareworld.annotate.lens.config import LensConfig, Preset
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.core.camera import Rig
from rareworld.core.conditions import Lighting, RoadCondition, Weather
from rareworld.data.atomic import sha256_file
from rareworld.data.clip import open_clip
from rareworld.data.recording import write_recording
from rareworld.errors import ConfigError
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.stage import content_key
from tests.annotate.streets import CONFIG, street, view

NIGHT = ConditionsConfig(lighting=Lighting.NIGHT, weather=Weather.RAINING)
SEEN = CONFIG.model_copy(
    update={"conditions": NIGHT, "lens": LensConfig.parse({"preset": "cctv", "stream": None})}
)
RIG = Rig(cameras=(view("near", width=64, height=48),))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    root = tmp_path_factory.mktemp("recordings")
    made = []
    for name in ("00000-a", "00001-b"):
        write_recording(street(3), root / name)
        made.append(root / name)
    return made


def _digests(out: Path) -> dict[str, str]:
    return {
        item.relative_to(out).as_posix(): sha256_file(item)
        for item in sorted(out.rglob("*"))
        if item.is_file()
    }


@pytest.fixture(scope="module")
def inline(folders, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("inline")
    report = LocalRunner(inline=True).run(AnnotateStage(SEEN, RIG), folders, out)
    assert report.sentence() == "2 done, 0 kept from before, 0 quarantined"
    return out


@pytest.mark.parametrize("workers", [1, 2])
def test_bytes_at_night_through_a_lens_do_not_depend_on_the_workers(
    workers: int, folders, inline: Path, tmp_path: Path
) -> None:
    report = LocalRunner(workers=workers).run(AnnotateStage(SEEN, RIG), folders, tmp_path)
    assert not report.quarantined
    assert _digests(tmp_path) == _digests(inline)


def test_a_clip_tells_the_sky_and_the_lens_it_was_made_under(inline: Path) -> None:
    clip = open_clip(inline / "00000-a" / "near", deep=True)
    told = clip.meta.provenance
    assert told["conditions"]["weather"] == "raining"
    assert told["conditions"]["lighting"] == "night"
    assert told["conditions"]["sun_elevation_deg"] < -6
    lens = told["lens"]
    assert {"distortion", "sway", "shutter", "drops", "sensor"} <= set(lens)
    assert "stream" not in lens
    assert 1 / 60 <= lens["shutter"]["readout_s"] <= 0.9 / clip.meta.fps
    assert AnnotateConfig.parse(told["annotate"]) == SEEN
    json.dumps(told)


def test_two_recordings_that_are_alike_get_lenses_of_their_own_name_only(inline: Path) -> None:
    """Same seed, scene and camera: the lens is drawn from these, not from the folder's name."""
    first, second = (open_clip(inline / name / "near") for name in ("00000-a", "00001-b"))
    assert first.meta.provenance["lens"] == second.meta.provenance["lens"]


CHANGES = {
    "weather": {"conditions": ConditionsConfig(lighting=Lighting.NIGHT, weather=Weather.FOG)},
    "lighting": {"conditions": ConditionsConfig(weather=Weather.RAINING)},
    "intensity": {"conditions": NIGHT.model_copy(update={"intensity": 0.9})},
    "road": {"conditions": NIGHT.model_copy(update={"road": RoadCondition.FLOODING})},
    "lens": {"lens": LensConfig(preset=Preset.CCTV)},
    "shutter": {"lens": LensConfig.parse({"preset": "cctv", "stream": None, "shutter": None})},
}


@pytest.mark.parametrize("name", CHANGES)
def test_finished_clips_are_never_taken_for_those_of_other_conditions(
    name: str, folders, inline: Path
) -> None:
    stage = AnnotateStage(SEEN.model_copy(update=CHANGES[name]), RIG)
    before = _digests(inline)
    assert content_key(stage, folders[0]) != content_key(AnnotateStage(SEEN, RIG), folders[0])
    with pytest.raises(ConfigError, match=r"00000-a holds work of another configuration"):
        LocalRunner(inline=True).run(stage, folders, inline)
    assert _digests(inline) == before


def test_finished_clips_of_the_same_conditions_are_kept(folders, inline: Path) -> None:
    report = LocalRunner(inline=True).run(AnnotateStage(SEEN, RIG), folders, inline)
    assert report.count("kept") == 2


def test_conditions_per_recording_rule_over_the_common_ones(folders, tmp_path: Path) -> None:
    own = {folders[1].name: ConditionsConfig(lighting=Lighting.ZENITH)}
    plain = CONFIG.model_copy(update={"conditions": NIGHT})
    stage = AnnotateStage(plain, RIG, conditions=own)
    report = LocalRunner(inline=True).run(stage, folders, tmp_path)
    assert not report.quarantined
    dark, bright = (open_clip(tmp_path / folder.name / "near") for folder in folders)
    assert dark.meta.provenance["conditions"]["lighting"] == "night"
    assert bright.meta.provenance["conditions"]["lighting"] == "zenith"
    assert bright.frame(0).rgb.mean() > dark.frame(0).rgb.mean() + 20
    # light and weather change no label of what stands and drives there
    for name in ("instance_id", "depth_m"):
        np.testing.assert_array_equal(getattr(bright.frame(0), name), getattr(dark.frame(0), name))


def test_a_lighting_that_does_not_occur_there_is_quarantined_with_the_reason(
    tmp_path: Path,
) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime

    from rareworld.core.scene import Light

    made = street(2)
    arctic = Light(
        latitude_deg=78.0, longitude_deg=15.0, when=datetime(2026, 6, 21, 12, tzinfo=UTC)
    )
    write_recording(replace(made, scene=replace(made.scene, light=arctic)), tmp_path / "r")
    config = CONFIG.model_copy(update={"conditions": ConditionsConfig(lighting=Lighting.NIGHT)})
    report = LocalRunner(inline=True).run(AnnotateStage(config, RIG), [tmp_path / "r"],
                                          tmp_path / "out")  # fmt: skip
    (bad,) = report.quarantined
    assert bad.kind == "ConfigError"
    assert "night" in bad.error
    assert not (tmp_path / "out" / "r").exists()


@pytest.mark.parametrize("lens", [{"preset": "cctv"}, {"preset": "cctv", "stamp": None}, {}])
def test_a_clip_is_made_again_byte_for_byte_from_what_it_tells(lens, folders, tmp_path: Path):
    config = CONFIG.model_copy(update={"conditions": NIGHT, "lens": LensConfig.parse(lens)})
    AnnotateStage(config, RIG).run(folders[0], tmp_path / "first", lambda _share: None)
    told = open_clip(tmp_path / "first" / "near").meta.provenance["annotate"]
    again = AnnotateConfig.parse(json.loads(json.dumps(told)))
    AnnotateStage(again, RIG).run(folders[0], tmp_path / "second", lambda _share: None)
    assert _digests(tmp_path / "first") == _digests(tmp_path / "second")
