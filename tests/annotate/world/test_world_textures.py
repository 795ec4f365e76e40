"""Textures: tiling, mean one, structure of masonry, and the materials that use them."""

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.model import Inside, Paint, StateBit, Texture
from rareworld.annotate.world.textures import SIZE, make_textures, noise
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Lamp

SEEDS = (0, 1, 77)
KINDS = [kind for kind in Texture if kind is not Texture.NONE]
MASONRY = (Texture.BRICK, Texture.PAVING)
DIM = ("tail lamp", "side marker")
"""Running lamps: 4 to 25 cd, which only show in the dark."""
SMOOTH = [kind for kind in KINDS if kind not in (*MASONRY, Texture.ROOF)]


@pytest.fixture(scope="module", params=SEEDS)
def textures(request):
    return make_textures(Seed(request.param))


@pytest.mark.parametrize("kind", KINDS)
def test_mean_is_one_in_every_channel(textures, kind):
    assert np.allclose(textures[kind].mean(axis=(0, 1)), 1, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_no_texel_is_black_or_glaring(textures, kind):
    assert textures[kind].min() > 0.01
    assert textures[kind].max() < 3.5


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("axis", [0, 1])
def test_the_step_over_the_border_is_like_any_other_step(textures, kind, axis):
    plane = textures[kind, :, :, 1].astype(float)
    steps = np.abs(np.diff(plane, axis=axis)).mean(axis=1 - axis)
    border = np.abs(np.take(plane, 0, axis) - np.take(plane, -1, axis)).mean()
    assert border < steps.mean() + 5 * steps.std() + 1e-6


@pytest.mark.parametrize("kind", MASONRY)
def test_masonry_has_joints_at_the_border_like_those_inside(textures, kind):
    """Rows are joints darker or lighter than stones; the first and the last row are half joints."""
    row = textures[kind, :, :, 1].mean(axis=1)
    assert abs(row[0] - row[-1]) < 0.12
    assert min(abs(row[0] - row[SIZE // 2]), abs(row[-1] - row[SIZE // 2])) < 0.6


def periods(plane: np.ndarray, axis: int) -> int:
    """Return the strongest number of repeats along an axis."""
    line = plane.mean(axis=1 - axis)
    power = np.abs(np.fft.rfft(line - line.mean()))
    return int(np.argmax(power))


@pytest.mark.parametrize(("kind", "rows"), [(Texture.BRICK, 20), (Texture.PAVING, 6)])
def test_courses_of_masonry_are_as_many_as_planned(textures, kind, rows):
    assert periods(textures[kind, :, :, 1], 0) % rows == 0


def test_roof_tiles_come_in_eight_courses_of_ten(textures):
    assert periods(textures[Texture.ROOF, :, :, 1], 0) == 8
    assert periods(textures[Texture.ROOF, :, :, 1], 1) == 10


@pytest.mark.parametrize("kind", [Texture.ASPHALT, Texture.CONCRETE, Texture.PLASTER])
def test_grey_surfaces_stay_grey(textures, kind):
    assert np.ptp(textures[kind], axis=-1).max() < 1e-5


@pytest.mark.parametrize("kind", [Texture.GRASS, Texture.LEAVES])
def test_plants_shift_their_hue_with_brightness_a_little(textures, kind):
    spread = np.ptp(textures[kind], axis=-1)
    assert 0.001 < spread.mean() < 0.2


@pytest.mark.parametrize("kind", [Texture.ASPHALT, Texture.GRASS])
def test_large_surfaces_show_no_blotches(textures, kind):
    """Averages over an eighth of the tile differ by less than 8 %, so its repeats are not seen."""
    plane = textures[kind, :, :, 1]
    block = plane.reshape(8, SIZE // 8, 8, SIZE // 8).mean(axis=(1, 3))
    assert np.ptp(block) < 0.16
    assert block.std() < 0.04


@pytest.mark.parametrize("seed", SEEDS)
def test_same_seed_same_bytes(textures, seed):
    made = make_textures(Seed(seed))
    assert made.tobytes() == make_textures(Seed(seed)).tobytes()
    assert made.dtype == np.float32


@pytest.mark.parametrize(
    ("band", "slope"), [((2, 6), 0.0), ((16, 128), 1.0), ((8, 32), 0.5), ((4, 256), 1.3)]
)
def test_noise_has_mean_zero_deviation_one_and_its_band(band, slope):
    field = noise(Seed(5).child("n"), band, slope)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1, abs=1e-6)
    power = np.abs(np.fft.fft2(field)) ** 2
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE)[None])
    out = (frequency > 1 / band[0] + 1e-9) | (frequency < 1 / band[1] - 1e-9)
    assert power[out].sum() < 1e-9 * power.sum()


def test_steeper_slopes_give_softer_clouds():
    rough, soft = (noise(Seed(2), (2, 256), slope) for slope in (0.0, 1.5))
    assert np.abs(np.diff(soft, axis=0)).mean() < 0.5 * np.abs(np.diff(rough, axis=0)).mean()


def test_noise_tiles_when_rolled():
    field = noise(Seed(9), (6, 64), 0.5)
    rolled = np.roll(field, (SIZE // 2, SIZE // 3), axis=(0, 1))
    for axis in (0, 1):
        inside = np.abs(np.diff(field, axis=axis)).max()
        assert np.abs(np.diff(rolled, axis=axis)).max() < 1.2 * inside


@pytest.mark.parametrize("made", MATERIALS, ids=lambda made: made.name)
def test_materials_are_physical(made):
    for value in (*made.colour, made.roughness, made.specular):
        assert 0 <= value <= 1
    assert min(made.emission) >= 0
    assert made.metres_per_repeat > 0
    assert material(made.name) == MATERIALS.index(made)
    if made.texture is not Texture.NONE:
        assert max(made.colour) * 3.5 > max(made.colour)
        assert made.paint is Paint.NONE


@pytest.mark.parametrize("made", [m for m in MATERIALS if m.lit_when], ids=lambda made: made.name)
def test_lamps_light_up_by_known_bits_and_glow_stronger_than_they_reflect(made):
    known = sum(int(bit) for bit in Lamp) | sum(int(bit) for bit in StateBit)
    assert made.lit_when & ~known == 0
    if made.name in DIM:
        assert 0.1 < max(made.emission) < max(made.colour), "a sunlit lens hides it by day"
    else:
        assert max(made.emission) > max(made.colour)


@pytest.mark.parametrize("signal", ["brake lamp", "left blinker", "right blinker"])
@pytest.mark.parametrize("running", DIM)
def test_signals_outshine_running_lamps_five_times_as_the_rules_want(signal, running):
    """Brake lamps are at least five times as strong as the tail lamps they join (after UN R7)."""
    strong, weak = (max(MATERIALS[material(name)].emission) for name in (signal, running))
    assert strong > 5 * weak


@pytest.mark.parametrize("made", [m for m in MATERIALS if not m.lit_when], ids=lambda m: m.name)
def test_everything_else_never_glows(made):
    assert max(made.emission) == 0


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("head lamp", Lamp.LOW_BEAM | Lamp.HIGH_BEAM), ("tail lamp", Lamp.POSITION | Lamp.LOW_BEAM),
        ("brake lamp", Lamp.BRAKE), ("reverse lamp", Lamp.REVERSE),
        ("left blinker", Lamp.LEFT_BLINKER), ("right blinker", Lamp.RIGHT_BLINKER),
        ("lens red", StateBit.RED), ("lens yellow", StateBit.YELLOW),
        ("lens green", StateBit.GREEN),
    ],
)  # fmt: skip
def test_each_lamp_has_its_own_bits(name, bits):
    assert MATERIALS[material(name)].lit_when == int(bits)


@pytest.mark.parametrize(
    ("name", "strongest"),
    [("lens red", 0), ("brake lamp", 0), ("tail lamp", 0), ("lens green", 1), ("lens yellow", 0)],
)
def test_lamps_have_their_colours(name, strongest):
    assert int(np.argmax(MATERIALS[material(name)].emission)) == strongest


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("asphalt", 0.08, 0.16), ("white paint", 0.5, 0.75), ("grass", 0.05, 0.13),
        ("tyre", 0.005, 0.03), ("concrete", 0.25, 0.5), ("leaves", 0.04, 0.12),
        ("paving", 0.2, 0.4),
    ],
)  # fmt: skip
def test_reflectances_are_those_measured_for_such_surfaces(name, low, high):
    assert low < np.mean(MATERIALS[material(name)].colour) < high


@pytest.mark.parametrize(
    ("name", "inside", "low", "high"),
    [
        ("car glass", Inside.CABIN, 0.5, 0.75), ("window", Inside.ROOM, 0.65, 0.82),
        ("shop window", Inside.SHOP, 0.7, 0.85), ("curtain glass", Inside.ROOM, 0.3, 0.55),
    ],
)  # fmt: skip
def test_glass_lets_through_what_such_panes_do_and_mirrors_at_both_faces(name, inside, low, high):
    """Light passed by tinted, insulating, clear and coated panes; 4 % come back from each face."""
    made = MATERIALS[material(name)]
    assert made.inside is inside
    assert low < np.mean(made.colour) < high
    assert max(made.colour) / min(made.colour) < 1.5
    assert made.specular == pytest.approx(2 * 0.04)
    assert made.roughness <= 0.05


def test_all_glass_with_something_behind_it_is_known():
    found = {made.name for made in MATERIALS if made.inside is not Inside.NONE}
    assert found == {"car glass", "window", "shop window", "curtain glass"}


@pytest.mark.parametrize("name", ["asphalt", "gutter", "kerb", "concrete", "white paint"])
def test_mineral_surfaces_are_nearly_neutral_and_never_cold(name):
    red, green, blue = MATERIALS[material(name)].colour
    assert red >= green >= blue
    assert red / blue < 1.2


@pytest.mark.parametrize("name", ["grass", "far ground", "leaves", "leaves dark", "leaves light"])
def test_plants_are_green_but_not_gaudy(name):
    red, green, blue = MATERIALS[material(name)].colour
    assert green > red > blue
    assert red / green > 0.55
    assert blue / green > 0.25


def test_the_plain_continues_the_meadow():
    near, far = (np.array(MATERIALS[material(name)].colour) for name in ("grass", "far ground"))
    assert np.abs(near / far - 1).max() < 0.15


def test_paints_replace_colours_in_both_roles():
    roles = {made.name: made.paint for made in MATERIALS if made.paint is not Paint.NONE}
    assert roles == {
        "paint": Paint.BODY, "paint metallic": Paint.BODY, "jacket": Paint.BODY,
        "umbrella": Paint.BODY, "cargo": Paint.SECOND, "tarpaulin": Paint.SECOND,
        "trousers": Paint.SECOND,
    }  # fmt: skip
