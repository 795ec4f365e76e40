"""Automatic white balance: the colour of the light, told from what looks grey in the picture.

Grey world among likely greys: only what lies near the locus of black bodies and daylight counts, as
its colour is more likely the light's than the surface's. The nearest colour temperature within the
range of the camera, and a little green or purple beside it, is then taken away in part, by a gain
per channel (von Kries 1902).
Locus: Planck's law to 4000 K, daylight of CIE 15 from 5000 K, mixed evenly in mired between;
it goes straight on beyond 25000 K, for clear dusk is bluer than that. Proved in
`tests/annotate/lens/test_white.py`.
Chroma is (ln red/green, ln blue/green) of linear light; the renderer's white has none.
Shapes: N colours, K places of the locus.
"""

from typing import final

import numpy as np
from jaxtyping import Float, Float32, Float64

from rareworld.annotate.lens.config import BalanceConfig
from rareworld.annotate.world.sky_spectrum import LUMINANCE, SRGB_OF_XYZ, WHITE_BALANCE, matching

Chroma = Float64[np.ndarray, "2"]

RENDERED_K = 5900.0
"""Daylight that the renderer shows as white (`sky_spectrum.WHITE_BALANCE`)."""
_MIRED = np.arange(-60.0, 441.0, 4.0)
_BLUEST = 40.0
"""Mired up to which the daylight formula is defined."""
_NEAR = 0.16
"""Chroma distance to the locus at which a colour counts 0.6 of one on it; by eye."""
_ROAD = np.log([0.128 / 0.121, 0.111 / 0.121])
"""Chroma of old asphalt: what streets are mostly made of is not quite grey (`materials`)."""
_DARKEST, _BRIGHTEST = 0.015, 1.2
"""Radiance of what is measured: neither noise nor lamps."""
_UNSEEN = 0.25
"""Share of the picture at the top that is not measured: there is the sky."""
_EVERY = 8
"""Squares of the small picture from one that is measured to the next."""
_LEAST = 1e-3
"""Mean weight below which nothing looks grey and the balance of daylight is kept."""
_BESIDE = 0.12
"""Most chroma beside the locus that is made up for; by eye."""
_TURN = 0.1
"""Chroma of blue over which the share goes from that of warm to that of cold light."""


def planckian_xy(kelvin: Float[np.ndarray, "k"]) -> Float64[np.ndarray, "k 2"]:
    """Return the chromaticity of black bodies."""
    um = np.linspace(0.36, 0.83, 471)
    power = um**-5 / np.expm1(14387.77 / (um * kelvin[:, None]))
    xyz = power @ matching(um).T
    return (xyz / xyz.sum(axis=1, keepdims=True))[:, :2]


def daylight_xy(kelvin: Float[np.ndarray, "k"]) -> Float64[np.ndarray, "k 2"]:
    """Return the chromaticity of phases of daylight, 4000 to 25000 K (CIE 15)."""
    m = 1e3 / kelvin
    warm = 0.244063 + 0.09911 * m + 2.9678 * m**2 - 4.6070 * m**3
    cold = 0.237040 + 0.24748 * m + 1.9018 * m**2 - 2.0064 * m**3
    x = np.where(kelvin <= 7000, warm, cold)
    return np.stack([x, -3.0 * x * x + 2.870 * x - 0.275], axis=1)


def chroma_of_mired(mired: Float[np.ndarray, "k"]) -> Float64[np.ndarray, "k 2"]:
    """Return the chroma of a white card in light of some reciprocal temperature, as rendered."""
    inside = np.maximum(mired, _BLUEST)
    chroma, ahead = _within(inside), _within(inside + 1.0)
    straight = chroma + (ahead - chroma) * (mired - inside)[:, None]
    return straight - _within(np.array([1e6 / RENDERED_K]))


def _within(mired: Float[np.ndarray, "k"]) -> Float64[np.ndarray, "k 2"]:
    """Do so where the locus is defined."""
    kelvin = 1e6 / mired
    body = _chroma_of_xy(planckian_xy(kelvin))
    sky = _chroma_of_xy(daylight_xy(np.maximum(kelvin, 4000.0)))
    share = np.clip((250.0 - mired) / 50.0, 0, 1)[:, None]
    return body + (sky - body) * share


def _chroma_of_xy(xy: Float[np.ndarray, "k 2"]) -> Float64[np.ndarray, "k 2"]:
    x, y = xy.T
    rgb = np.stack([x, y, 1 - x - y], axis=1) @ SRGB_OF_XYZ.T * WHITE_BALANCE
    return np.log(rgb[:, ::2] / rgb[:, 1:2])


_LOCUS = chroma_of_mired(_MIRED)


def light_of(rgb: Float[np.ndarray, "n 3"], config: BalanceConfig) -> Chroma:
    """Return the chroma of the light on what looks grey, as far as the camera makes up for it.

    Args:
        rgb: Linear light of parts of a picture.
        config: The camera's range; where nothing looks grey, daylight is taken.
    """
    light = rgb @ LUMINANCE
    seen = (light > _DARKEST) & (rgb.max(axis=1) < _BRIGHTEST) & (rgb.min(axis=1) > 0)
    chroma = np.log(rgb[seen, ::2] / rgb[seen, 1:2]) - _ROAD
    off = ((chroma[:, None] - _LOCUS[::3]) ** 2).sum(axis=2).min(axis=1)
    weight = np.exp(-0.5 * off / _NEAR**2) * np.sqrt(light[seen])
    if weight.sum() <= _LEAST * len(rgb):
        return np.zeros(2)
    mean = weight @ chroma / weight.sum()
    nearest = int(((_LOCUS - mean) ** 2).sum(axis=1).argmin())
    beside = mean - _LOCUS[nearest]
    beside *= min(1.0, _BESIDE / max(float(np.hypot(*beside)), 1e-9))
    mired = np.clip(_MIRED[nearest], 1e6 / config.coldest_k, 1e6 / config.warmest_k)
    return chroma_of_mired(np.array([mired]))[0] + beside


@final
class WhiteBalance:
    """Gains per frame that take the colour of the light away; call once per frame, in order."""

    def __init__(self, config: BalanceConfig | None, frame_s: float) -> None:
        self._config = config
        self._frame_s = frame_s
        self._chroma: Chroma | None = None

    def follow(self, small: Float32[np.ndarray, "p q 3"]) -> Float64[np.ndarray, "3"]:
        """Return the factors of the next frame.

        Args:
            small: Light of the frame, by squares.
        """
        config = self._config
        if config is None or config.cold_share == config.warm_share == 0:
            return np.ones(3)
        wanted = light_of(_measured(small), config)
        before = wanted if self._chroma is None else self._chroma
        share = -float(np.expm1(-self._frame_s / config.seconds))
        self._chroma = before + (wanted - before) * share
        return gains_for(self._chroma, config)


def gains_for(chroma: Float[np.ndarray, "2"], config: BalanceConfig) -> Float64[np.ndarray, "3"]:
    """Return the factors for light of a chroma; a white card under it stays as bright."""
    share = np.interp(chroma[1], [-_TURN, _TURN], [config.warm_share, config.cold_share])
    card = np.exp([chroma[0], 0.0, chroma[1]])
    gains = card**-share
    return gains * float((card @ LUMINANCE) / ((card * gains) @ LUMINANCE))


def _measured(small: Float32[np.ndarray, "p q 3"]) -> Float64[np.ndarray, "n 3"]:
    """Return every few squares below the sky."""
    top = int(_UNSEEN * len(small))
    return small[top::_EVERY, ::_EVERY].reshape(-1, 3).astype(np.float64)
