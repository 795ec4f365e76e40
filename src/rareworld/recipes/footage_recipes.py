"""Footage by name: what `mini` is trained, post-trained and judged on.

Proved in `tests/recipes/test_footage.py`.
"""

from pathlib import Path

from rareworld.annotate.lens.config import LensConfig, Preset
from rareworld.data.config import nearest
from rareworld.data.video import H264
from rareworld.errors import ConfigError
from rareworld.recipes.footage import FootageConfig
from rareworld.recipes.footage_scenes import Scenes
from rareworld.recipes.footage_windows import WindowConfig
from rareworld.simulate.job import Choice
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.staging import Outcome

_CCTV = LensConfig(preset=Preset.CCTV, stamp=None, stream=None)
"""A traffic camera without burnt-in text, which no small model could learn to write; compressed
once, by the set's own settings."""
_NORMAL = (Choice(scenario="normal_traffic"),)


def _ending(outcome: Outcome) -> tuple[Choice, ...]:
    """Return every scenario that can end like this."""
    return tuple(
        Choice(scenario=name, outcome=outcome)
        for name, kind in SCENARIOS.items()
        if outcome in kind.outcomes
    )


_CRASHES = (*_ending(Outcome.COLLISION) * 3, *_ending(Outcome.NEAR_MISS))
_STRETCH = WindowConfig()
_BUSY = (320.0, 520.0, 800.0, 1100.0)
"""Less leaves most short stretches empty."""
_ANYWHERE = WindowConfig(count=3, event_share=None)

SHIPPED = Path(__file__).parent / "assets" / "mini"
"""Sets that ship with the package, of the recipes `small_NAME`: `normal`, `crash`, `held_out`."""
_SMALL = H264(crf=24, preset="slow", keyframe_every=17)

FOOTAGE: dict[str, FootageConfig] = {
    "mini_normal": FootageConfig(
        scenarios=_NORMAL,
        n=600,
        seed=6001,
        vehicles_per_hour_per_lane=(160.0, *_BUSY),
    ),
    "mini_normal_cctv": FootageConfig(
        scenarios=_NORMAL,
        n=200,
        seed=6002,
        duration_s=12.0,
        window=_ANYWHERE,
        vehicles_per_hour_per_lane=_BUSY,
        lens=_CCTV,
    ),
    "mini_crash": FootageConfig(
        scenarios=_CRASHES, n=400, seed=6003, duration_s=8.0, window=_STRETCH, lens=_CCTV
    ),
    "mini_normal_held_out": FootageConfig(
        scenarios=_NORMAL,
        scenes=Scenes.HELD_OUT,
        n=60,
        seed=6004,
        duration_s=12.0,
        window=_ANYWHERE,
        vehicles_per_hour_per_lane=_BUSY,
        lens=_CCTV,
    ),
    "mini_crash_held_out": FootageConfig(
        scenarios=_ending(Outcome.COLLISION),
        scenes=Scenes.HELD_OUT,
        n=120,
        seed=6005,
        duration_s=8.0,
        window=_STRETCH,
        lens=_CCTV,
    ),
    "small_normal": FootageConfig(
        scenarios=_NORMAL,
        n=14,
        seed=6006,
        duration_s=12.0,
        window=_ANYWHERE,
        cameras=(1, 1),
        conditions=(1, 1),
        lens=_CCTV,
        rgb=H264(crf=26, preset="slow", keyframe_every=17),
    ),
    "small_crash": FootageConfig(
        scenarios=_ending(Outcome.COLLISION),
        n=21,
        seed=6007,
        duration_s=8.0,
        window=_STRETCH,
        cameras=(2, 2),
        conditions=(1, 1),
        lens=_CCTV,
        rgb=_SMALL,
    ),
    "small_held_out": FootageConfig(
        scenarios=_ending(Outcome.COLLISION),
        scenes=Scenes.HELD_OUT,
        n=14,
        seed=6019,
        duration_s=8.0,
        window=_STRETCH,
        cameras=(2, 2),
        conditions=(1, 1),
        lens=_CCTV,
        rgb=_SMALL,
    ),
}
"""Pre-training: clean and long. Post-training and evaluation: stretches through a CCTV lens. The
small ones ship with the package; the seed of the held-out one was chosen so that its few recordings
hold most weathers and hours, before any model saw it."""


def footage_recipe(name: str) -> FootageConfig:
    """Return a recipe by name.

    Raises:
        ConfigError: If there is none of this name.
    """
    if name not in FOOTAGE:
        raise ConfigError(f"unknown footage recipe {name!r}{nearest(name, list(FOOTAGE))}")
    return FOOTAGE[name]


def shipped(name: str) -> Path:
    """Return the folder of a shipped set: `normal`, `crash` or `held_out`.

    Raises:
        ConfigError: If there is none of this name.
    """
    path = SHIPPED / name
    if f"small_{name}" not in FOOTAGE:
        known = [known.removeprefix("small_") for known in FOOTAGE if known.startswith("small_")]
        raise ConfigError(f"no footage {name!r} ships with the package{nearest(name, known)}")
    return path
