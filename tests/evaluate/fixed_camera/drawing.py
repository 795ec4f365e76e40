"""Clips drawn with known truth: textured ground, vehicles on given paths, sub-pixel exact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

FINE = 4
"""Drawn so many times larger and averaged down."""
FPS = 8.0
SIZE = (128, 224)

Path = Callable[[float], tuple[float, float]]


def generator(seed):
    return np.random.Generator(np.random.Philox(seed))


def ground(size=SIZE, seed=0, contrast=12.0):
    """Return smooth random ground with lane lines, as floats (h w 3)."""
    h, w = size
    draws = generator(seed)
    noise = np.zeros((h, w))
    for cell, weight in ((32, 1.0), (8, 0.7), (3, 0.5)):
        coarse = draws.normal(size=(h // cell + 2, w // cell + 2))
        y, x = np.arange(h) / cell, np.arange(w) / cell
        top, left = y.astype(int), x.astype(int)
        fy, fx = (y - top)[:, None], (x - left)[None]
        rows, columns = top[:, None], left[None]
        upper = coarse[rows, columns] * (1 - fx) + coarse[rows, columns + 1] * fx
        lower = coarse[rows + 1, columns] * (1 - fx) + coarse[rows + 1, columns + 1] * fx
        noise += weight * (upper * (1 - fy) + lower * fy)
    picture = 100 + contrast * noise
    picture[h // 3 : h // 3 + 2, ::1] += 50
    picture[:, w // 5 : w // 5 + 3] += 40
    return np.repeat(picture[..., None], 3, axis=2)


@dataclass(frozen=True)
class Vehicle:
    """Where the middle of a box is and how large it is, at times in seconds."""

    path: Path
    size: Callable[[float], tuple[float, float]] = lambda t: (22.0, 14.0)
    colour: tuple[float, float, float] = (200.0, 60.0, 50.0)
    seen: Callable[[float], bool] = lambda t: True
    melt: float = 0.0
    """Grey levels of texture that is drawn anew in every frame."""

    def box(self, t):
        (x, y), (w, h) = self.path(t), self.size(t)
        return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def straight(start, velocity):
    """Return a path of constant velocity."""
    return lambda t: (start[0] + velocity[0] * t, start[1] + velocity[1] * t)


def texture(u, v):
    """Return brightness over a vehicle: dark windows, bright roof, wheels."""
    out = np.zeros_like(u)
    out[(v > 0.15) & (v < 0.4) & (u > 0.15) & (u < 0.85)] = -90
    out[(v > 0.45) & (v < 0.6)] = 45
    out[(v > 0.8) & (np.abs(u - 0.2) < 0.12)] = -60
    out[(v > 0.8) & (np.abs(u - 0.8) < 0.12)] = -60
    out[(u > 0.9) & (v < 0.6)] = 40
    return out


def draw(
    vehicles: Sequence[Vehicle], *, frames=17, fps=FPS, base=None, noise=0.0, seed=1, cover=()
):
    """Return a clip (uint8); later vehicles hide earlier ones, `cover` boxes hide all."""
    base = ground() if base is None else base
    draws = generator(seed)
    out = []
    for number in range(frames):
        t = number / fps
        frame = base.copy()
        for vehicle in vehicles:
            if vehicle.seen(t):
                _paint(frame, vehicle, t, draws)
        for left, top, right, bottom in cover:
            part = np.s_[top:bottom, left:right]
            frame[part] = base[part] * 0.4 + 90
        out.append(frame + draws.normal(scale=noise, size=frame.shape) if noise else frame)
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


def _paint(frame, vehicle, t, draws):
    """Paint a vehicle onto a frame, FINE x FINE samples to a pixel."""
    box = np.round(vehicle.box(t) * FINE) / FINE
    h, w, _ = frame.shape
    left, top = np.maximum(np.floor(box[:2]).astype(int), 0)
    right, bottom = np.minimum(np.ceil(box[2:]).astype(int), (w, h))
    if left >= right or top >= bottom:
        return
    x = (np.arange(left * FINE, right * FINE) + 0.5) / FINE
    y = (np.arange(top * FINE, bottom * FINE) + 0.5) / FINE
    v, u = np.meshgrid(
        (y - box[1]) / (box[3] - box[1]), (x - box[0]) / (box[2] - box[0]), indexing="ij"
    )
    inside = (u > 0) & (u < 1) & (v > 0) & (v < 1)
    paint = texture(u, v)
    if vehicle.melt:
        cells = draws.normal(scale=vehicle.melt, size=(5, 5))
        paint = (
            paint * 0.2 + cells[np.clip(v * 5, 0, 4).astype(int), np.clip(u * 5, 0, 4).astype(int)]
        )
    part = frame[top:bottom, left:right]
    fine = part.repeat(FINE, 0).repeat(FINE, 1)
    fine[inside] = (np.array(vehicle.colour) + paint[..., None])[inside]
    part[:] = fine.reshape(bottom - top, FINE, right - left, FINE, 3).mean((1, 3))


def shifted(picture, right, down, zoom=1.0, turn_rad=0.0):
    """Return a picture moved, zoomed and turned about its middle (cubic; edges repeat)."""
    from scipy.ndimage import map_coordinates

    h, w, _ = picture.shape
    rows, columns = np.mgrid[:h, :w].astype(float)
    y, x = rows - (h - 1) / 2 - down, columns - (w - 1) / 2 - right
    c, s = np.cos(turn_rad) / zoom, np.sin(turn_rad) / zoom
    at = np.stack([-s * x + c * y + (h - 1) / 2, c * x + s * y + (w - 1) / 2])
    parts = [map_coordinates(picture[..., k], at, order=3, mode="nearest") for k in range(3)]
    return np.stack(parts, axis=-1)


def as_clip(pictures):
    return np.clip(np.round(np.stack(pictures)), 0, 255).astype(np.uint8)
