"""What hangs and falls between camera and street: halos of lamps, puffs, rain and snow.

Laid over the linear radiance of a finished picture, behind what is nearer, in the order far to
near: halos (`glow`), puffs, then layers of drops. Labels know nothing of it. The bytes do not
depend on threads. Proved in tests/annotate/render/test_air.py.
"""

from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Float32, Int64

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.drops import (
    Fall,
    Look,
    Streak,
    draw_streaks,
    drawn_order,
    drop_light,
    empty_streaks,
    look_of,
    make_fall,
    place_drops,
    rain_law,
    slab_box,
    snow_law,
)
from rareworld.annotate.render.glow import HALO_FAINT, STEP, add_glow, glow_nodes, no_fixed
from rareworld.annotate.render.lamps import LampSet, overhead
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.puffs import draw_puffs, mist_of
from rareworld.annotate.world.model import FrameState, RenderScene
from rareworld.core.seed import Seed

_RAIN_LAYERS_M = (18.0, 7.0, 3.0, 1.0)
_SNOW_LAYERS_M = (60.0, 24.0, 9.0, 3.0, 0.8)
_HALOS_SEEN_M = 150.0
"""Depth up to which lamps light drops and mist."""
_PIECES = 8
_PAIRS_M = 40.0
"""Two lamps of a vehicle farther away have one halo."""


@final
class AirPass:
    """Lays the air of one scene over the pictures of one fixed camera.

    Args:
        scene: Light, lamps and air.
        eye: The camera.
        size: Width and height of the picture.
        exposure: Of the picture: the daylight's times the config's.
        seed: Of the drops.
        bands: Threads; their number does not show.
    """

    def __init__(
        self,
        scene: RenderScene,
        eye: Eye,
        size: tuple[int, int],
        exposure: float,
        seed: Seed,
        bands: Bands,
    ) -> None:
        self._eye, self._size, self._exposure, self._bands = eye, size, exposure, bands
        self._extinction = float(scene.air.extinction_per_m)
        self._puff_light = drop_light(scene.daylight) * exposure
        low, extent = slab_box(eye, size, eye.near_m, _HALOS_SEEN_M)
        floor = min(float(light.position_m[2]) for light in scene.lights) if scene.lights else 0.0
        self._lamps = LampSet(
            scene, exposure, overhead(low[:2], (low + extent)[:2]), min(floor, float(low[2]))
        )
        self._layers = _layers(scene, eye, size, exposure, seed.child("air"))
        shape = (-(-size[1] // STEP) + 1, -(-size[0] // STEP) + 1, 3)
        self._nodes = np.zeros(shape, np.float32)
        self._fixed = no_fixed(self._strong(self._lamps.standing), shape[:2])

    @property
    def always(self) -> bool:
        """Whether every picture is changed; else only those with puffs."""
        return bool(self._layers) or self._lamps.any_lamp

    def wanted(self, state: FrameState) -> bool:
        """Return whether this picture is changed."""
        return self.always or len(state.puffs) > 0

    def apply(
        self,
        radiance: Float32[np.ndarray, "h w 3"],
        depth_m: Float32[np.ndarray, "h w"],
        state: FrameState,
    ) -> None:
        """Lay the air over exposed radiance, in place; `depth_m` runs along the optical axis."""
        self._lamps.update(state)
        lamps, eye, height = self._lamps.lamps, self._eye, len(depth_m)
        if self._lamps.any_lamp:
            self._halo(radiance, depth_m)
        if len(state.puffs):
            mist = mist_of(eye, state.puffs, lamps, self._puff_light, self._exposure)
            self._bands.over_rows(
                height, lambda rows: draw_puffs(eye, mist, depth_m, rows, radiance)
            )
        for fall, look, streaks in self._layers:
            self._place(fall, look, streaks, state.time_s)
            self._draw(streaks, depth_m, radiance)

    def _halo(
        self, radiance: Float32[np.ndarray, "h w 3"], depth_m: Float32[np.ndarray, "h w"]
    ) -> None:
        """Add the light that air scatters around lamps."""
        lamps, eye = self._lamps.lamps, self._eye
        riding = self._strong(self._lamps.riding(eye.position, _PAIRS_M))
        self._bands.over_rows(
            len(self._nodes),
            lambda rows: glow_nodes(
                eye, lamps, self._fixed, riding, depth_m, self._extinction, self._exposure, rows,
                np.empty(len(riding), np.int64), self._nodes,
            ),
        )  # fmt: skip
        self._bands.over_rows(
            len(depth_m), lambda rows: add_glow(self._nodes, depth_m, rows, radiance)
        )

    def _strong(self, which: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "m"]:
        """Return those of some lamps whose halo can be seen at all."""
        strength = self._lamps.lamps.table.most[which] * self._exposure * self._extinction
        return which[strength > HALO_FAINT]

    def _draw(
        self,
        streaks: Streak,
        depth_m: Float32[np.ndarray, "h w"],
        radiance: Float32[np.ndarray, "h w 3"],
    ) -> None:
        """Lay the drops of a layer over the picture."""
        which = drawn_order(streaks)
        self._bands.over_rows(
            len(depth_m), lambda rows: draw_streaks(streaks, which, depth_m, rows, radiance)
        )

    def _place(self, fall: Fall, look: Look, streaks: Streak, time_s: float) -> None:
        """Find where the drops of a layer are."""
        count, lamps = len(fall.place), self._lamps.lamps
        edges = [count * k // _PIECES for k in range(_PIECES + 1)]
        self._bands.over_items(
            list(pairwise(edges)),
            lambda which: place_drops(
                self._eye, self._size, fall, look, lamps, time_s, which, streaks
            ),
        )


def _layers(
    scene: RenderScene, eye: Eye, size: tuple[int, int], exposure: float, seed: Seed
) -> list[tuple[Fall, Look, Streak]]:
    """Return the layers of rain and snow, from the far to the near."""
    air, out = scene.air, []
    kinds = (
        ("rain", air.rain_mmph, rain_law, _RAIN_LAYERS_M),
        ("snow", air.snow_mmph, snow_law, _SNOW_LAYERS_M),
    )
    for kind, rate_mmph, law, depths in kinds:
        if rate_mmph <= 0.0:
            continue
        look = look_of(kind, scene.daylight, air, exposure)
        for number, (far, near) in enumerate(pairwise(depths)):
            random = seed.child(kind, number).generator()
            fall = make_fall(kind, law(rate_mmph), eye, size, (near, far), random)
            out.append((fall, look, empty_streaks(len(fall.place))))
    return out
