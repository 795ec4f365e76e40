"""What rain, snow, sand, dirt and years do to a surface: colour, roughness and mirror of a point.

Plain scalar functions in the language of `formulas.py`, so that every backend weathers alike. Each
takes the dry colour (linear), roughness and reflectance and returns them weathered: red, green,
blue, roughness, f0. Noise fades where a pixel is wider than it (`soft`, metres), so that distant
ground does not glitter. Proved in tests/annotate/render/test_weathering.py.
"""

from rareworld.annotate.render.formulas import (
    cloud_noise,
    dirt_share,
    lying_share,
    mix,
    puddle_share,
    ripple,
    sand_on_road,
    smoothstep,
    snow_on_road,
    wet_albedo,
    wet_roughness,
)


def calm(noise: float, wavelength_m: float, soft_m: float) -> float:
    """Return noise drawn to its mean where a pixel covers about a wavelength of it."""
    return mix(noise, 0.5, smoothstep(0.15, 0.6, soft_m / wavelength_m))


def worn_road(
    x: float,
    y: float,
    soft_m: float,
    wear: float,
    stain: float,
    crack: float,
    red: float,
    green: float,
    blue: float,
    rough: float,
) -> tuple[float, float, float, float]:
    """Return colour and roughness of dry ground: large patches, polished tracks, oil, cracks.

    Paint, which is brighter than any ground, wears off where wheels pass.
    """
    broad = cloud_noise(0.071 * x, 0.071 * y, 11)
    fine = calm(cloud_noise(0.83 * x, 0.83 * y, 17), 1.2, soft_m)
    paint = smoothstep(0.26, 0.42, max(red, green))
    k = 1.0 + 0.24 * (broad - 0.5) + 0.10 * (fine - 0.5)
    k = k * (1.0 + 0.20 * wear * (1.0 - paint))
    open_crack = smoothstep(0.45, 1.0, crack) * smoothstep(0.25, 0.6, fine)
    k = k * (1.0 - 0.42 * stain) * (1.0 - 0.16 * crack - 0.26 * open_crack)
    bare = paint * smoothstep(0.25, 1.0, wear) * smoothstep(0.42, 0.75, fine + 0.2 * broad) * 0.55
    red = mix(red, 0.13, bare)
    green = mix(green, 0.13, bare)
    blue = mix(blue, 0.128, bare)
    smooth = max(rough - 0.10 * wear * (1.0 - paint), 0.3)
    return min(red * k, 1.0), min(green * k, 1.0), min(blue * k, 1.0), smooth


def wet_road(
    x: float,
    y: float,
    soft_m: float,
    hollow: float,
    wear: float,
    wetness: float,
    fill: float,
    red: float,
    green: float,
    blue: float,
    rough: float,
    f0: float,
) -> tuple[float, float, float, float, float, float]:
    """Return weathered values of wet ground, and the share that stands under water."""
    patch = cloud_noise(0.31 * x, 0.31 * y, 23)
    shore = calm(cloud_noise(1.1 * x, 1.1 * y, 29), 0.9, soft_m)
    film = min(wetness * (0.70 + 0.45 * patch), 1.0)
    pool = puddle_share(0.75 * hollow + 0.42 * patch * patch, fill, shore)
    red = mix(wet_albedo(red, rough, film), wet_albedo(red, 0.9, 1.0) * 0.80 + 0.008, pool)
    green = mix(wet_albedo(green, rough, film), wet_albedo(green, 0.9, 1.0) * 0.80 + 0.008, pool)
    blue = mix(wet_albedo(blue, rough, film), wet_albedo(blue, 0.9, 1.0) * 0.80 + 0.007, pool)
    damp = mix(wet_roughness(rough, film), 0.22, film * wear * 0.6)
    return red, green, blue, mix(damp, 0.03, pool), mix(mix(f0, 0.025, film), 0.02, pool), pool


def snowy_road(
    x: float, y: float, soft_m: float, wear: float, amount: float,
    red: float, green: float, blue: float, rough: float, f0: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return weathered values of ground under snow: white, grey or bare where wheels roll."""
    edge = calm(cloud_noise(0.9 * x, 0.9 * y, 31), 1.1, soft_m)
    lumps = calm(cloud_noise(2.7 * x, 2.7 * y, 37), 0.4, soft_m)
    drift = cloud_noise(0.16 * x, 0.16 * y, 41)
    cover, rolled = snow_on_road(amount, wear, mix(edge, drift, 0.35))
    bright = (0.78 + 0.10 * (lumps - 0.5) + 0.06 * (drift - 0.5)) * mix(1.0, 0.52, rolled)
    bright = bright * mix(1.0, 0.80 + 0.2 * edge, rolled)
    damp = amount * 0.75
    red = mix(wet_albedo(red, rough, damp), bright * mix(0.98, 0.97, rolled), cover)
    green = mix(wet_albedo(green, rough, damp), bright * mix(1.0, 0.965, rolled), cover)
    blue = mix(wet_albedo(blue, rough, damp), bright * mix(1.035, 0.955, rolled), cover)
    return (
        red,
        green,
        blue,
        mix(wet_roughness(rough, damp * 0.6), 0.85, cover),
        mix(f0, 0.02, cover),
    )


def sandy_road(
    x: float, y: float, soft_m: float, wear: float, amount: float,
    red: float, green: float, blue: float, rough: float, f0: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return weathered values of ground under sand: ochre drifts, dust between."""
    edge = calm(cloud_noise(1.3 * x + 0.4 * y, 0.45 * y - 0.3 * x, 43), 0.9, soft_m)
    drift = cloud_noise(0.13 * x + 0.05 * y, 0.21 * y - 0.03 * x, 47)
    grain = calm(cloud_noise(6.1 * x, 4.3 * y, 53), 0.2, soft_m)
    cover = sand_on_road(amount, wear, mix(edge, drift, 0.6))
    cover = mix(0.34 * amount, 0.94, cover)
    bright = 1.0 + 0.14 * (grain - 0.5) + 0.20 * (drift - 0.5)
    red = mix(red, 0.43 * bright, cover)
    green = mix(green, 0.325 * bright, cover)
    blue = mix(blue, 0.215 * bright, cover)
    return red, green, blue, mix(rough, 0.95, cover), mix(f0, 0.03, cover)


def covered(
    x: float,
    y: float,
    z: float,
    soft_m: float,
    up: float,
    exposed: float,
    snow: float,
    sand: float,
    red: float,
    green: float,
    blue: float,
    rough: float,
    f0: float,
) -> tuple[float, float, float, float, float]:
    """Return weathered values of what stands under open sky: snow and sand on faces that look up.

    `exposed` is the share of the sky overhead that is open: less lies under trees and roofs.
    """
    across = x + 0.63 * z
    along = y - 0.47 * z
    edge = calm(cloud_noise(2.1 * across, 2.1 * along, 59), 0.45, soft_m)
    lumps = calm(cloud_noise(5.3 * across, 5.3 * along, 61), 0.2, soft_m)
    open_up = 0.15 + 0.85 * exposed
    white = lying_share(snow * open_up, up, edge) * smoothstep(0.05, 0.2, snow)
    bright = 0.80 + 0.10 * (lumps - 0.5)
    red = mix(red, bright * 0.98, white)
    green = mix(green, bright, white)
    blue = mix(blue, bright * 1.035, white)
    # dust clings to walls too, thinly
    ochre = max(0.75 * lying_share(sand * open_up, up, edge), 0.28 * sand * (0.4 + 0.6 * edge))
    red = mix(red, 0.43, ochre)
    green = mix(green, 0.32, ochre)
    blue = mix(blue, 0.195, ochre)
    hidden = max(white, ochre)
    return red, green, blue, mix(rough, 0.9, hidden), mix(f0, 0.02, hidden)


def wet_outside(
    up: float, wetness: float, red: float, green: float, blue: float, rough: float, f0: float
) -> tuple[float, float, float, float, float]:
    """Return weathered values of a wet roof, wall, lawn or person: darker, hardly glossier."""
    film = wetness * (0.45 + 0.45 * max(up, 0.0))
    return (
        wet_albedo(red, rough, film),
        wet_albedo(green, rough, film),
        wet_albedo(blue, rough, film),
        mix(rough, min(rough, 0.45), 0.6 * film),
        f0,
    )


def dirty_vehicle(
    x: float,
    y: float,
    z: float,
    soft_m: float,
    height_m: float,
    dirt: float,
    wetness: float,
    red: float,
    green: float,
    blue: float,
    rough: float,
    f0: float,
) -> tuple[float, float, float, float, float]:
    """Return weathered values of a vehicle: road film towards the sills, glossier in the rain.

    (x, y, z) is in the vehicle's own frame, so that its dirt rides along.
    """
    streak = calm(cloud_noise(2.3 * x + 1.7 * y, 1.4 * z + 0.9 * y, 67), 0.6, soft_m)
    share = dirt_share(height_m, dirt, streak)
    dull = mix(1.0, 0.62, wetness)
    red = mix(red, 0.168 * dull, share)
    green = mix(green, 0.152 * dull, share)
    blue = mix(blue, 0.132 * dull, share)
    gloss = mix(rough, min(rough, 0.14), wetness * 0.8)
    return red, green, blue, mix(gloss, mix(0.85, 0.45, wetness), share), mix(f0, 0.03, share)


def flood_water(
    x: float, y: float, soft_m: float, time_s: float, rain: float
) -> tuple[float, float, float, float, float]:
    """Return colour and the two slopes of the surface of a flood."""
    silt = cloud_noise(0.09 * x, 0.09 * y, 71)
    sx, sy = ripple(x, y, time_s, 73)
    rise = (0.012 + 0.02 * rain) * (1.0 - smoothstep(0.1, 1.2, soft_m)) + 0.004
    k = 0.8 + 0.4 * silt
    return 0.120 * k, 0.094 * k, 0.058 * k, sx * rise, sy * rise
