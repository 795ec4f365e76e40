"""Eleven wavelengths that stand for daylight, what air does to each, and the way to linear sRGB.

Sun above the air: ASTM E-490. Colour matching: fits of Wyman, Sloan & Shirley (2013) to CIE 1931.
Rayleigh optical depth: Hansen & Travis (1974). Ozone: Serdyuchenko et al. (2014) at 233 K, means
over 30 nm, 300 Dobson units. Proved in tests/annotate/world/test_sky.py.
Shapes: W = 11 wavelengths.
"""

import numpy as np
from jaxtyping import Float

WAVELENGTH_UM = np.linspace(0.40, 0.70, 11)
SUN_TOP = np.array([1.63, 1.74, 2.026, 1.936, 1.864, 1.845, 1.810, 1.711, 1.591, 1.514, 1.409])
"""Irradiance above the air, W/m2/nm."""
_OZONE_M2 = 1e-26 * np.array(
    [0.165, 0.993, 3.64, 10.52, 21.65, 36.2, 45.9, 43.55, 27.05, 15.11, 7.81]
)
_OZONE_PER_M2 = 300 * 2.687e20
RAYLEIGH_DEPTH = (
    0.008569 * WAVELENGTH_UM**-4 * (1 + 0.0113 * WAVELENGTH_UM**-2 + 0.00013 * WAVELENGTH_UM**-4)
)
"""Vertical optical depth of clean air at sea level."""
OZONE_DEPTH = _OZONE_M2 * _OZONE_PER_M2
"""Vertical optical depth of the ozone layer."""
UNIT_LUX = 100_000.0
"""Illuminance of a white card of radiance 1: full sun."""

_LUMENS_PER_W = 683.002
SRGB_OF_XYZ = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
"""Linear sRGB (IEC 61966-2-1)."""
WHITE_BALANCE = np.array([0.8815, 1.0, 1.0750])
"""Gains that make a level card grey under a clear sky with the sun at 45 degrees."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of linear sRGB."""


def _lobe(um: np.ndarray, middle: float, below: float, above: float) -> np.ndarray:
    nm = um * 1000
    return np.exp(-0.5 * ((nm - middle) / np.where(nm < middle, below, above)) ** 2)


def matching(um: np.ndarray) -> Float[np.ndarray, "3 n"]:
    """Return the CIE 1931 colour matching functions."""
    x = 1.056 * _lobe(um, 599.8, 37.9, 31.0) + 0.362 * _lobe(um, 442.0, 16.0, 26.7)
    x -= 0.065 * _lobe(um, 501.1, 20.4, 26.2)
    y = 0.821 * _lobe(um, 568.8, 46.9, 40.5) + 0.286 * _lobe(um, 530.9, 16.3, 31.1)
    z = 1.217 * _lobe(um, 437.0, 11.8, 36.0) + 0.681 * _lobe(um, 459.0, 26.0, 13.8)
    return np.stack([x, y, z])


def _to_srgb() -> Float[np.ndarray, "3 w"]:
    """Return linear sRGB, in units of a sunlit white card, of W/m2/nm at the wavelengths."""
    fine = np.linspace(0.385, 0.715, 331)
    near = np.abs(fine - WAVELENGTH_UM[:, None]) / 0.03
    weight = matching(fine) @ np.clip(1 - near, 0, 1).T
    scale = _LUMENS_PER_W / UNIT_LUX
    return WHITE_BALANCE[:, None] * (SRGB_OF_XYZ @ weight) * scale


TO_SRGB = _to_srgb()


def srgb(spectrum: Float[np.ndarray, "... w"]) -> Float[np.ndarray, "... 3"]:
    """Return linear sRGB of W/m2/nm, within the gamut."""
    return into_gamut(spectrum @ TO_SRGB.T)


def into_gamut(colour: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """Return colours paled until no primary is negative, as bright as before."""
    grey = np.maximum(colour @ LUMINANCE, 0.0)[..., None]
    below = np.maximum(-colour.min(axis=-1, keepdims=True), 0.0)
    return np.maximum(grey + (colour - grey) * (grey / np.maximum(grey + below, 1e-30)), 0.0)
