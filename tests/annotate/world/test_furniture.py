"""Lines, racks, gantries and pictograms: shapes in closed form, sides, classes."""

import numpy as np
import pytest

from rareworld.annotate.world.furniture import bike_rack, catenary, gantry, noise_wall, wire
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.signs import PICTOGRAMS, pictogram
from rareworld.core.scene import WIRE_SLACK_M
from rareworld.core.taxonomy import ClassId


@pytest.mark.parametrize("span", [12.0, 40.0, 55.0])
@pytest.mark.parametrize("share", [0.01, 0.022, 0.08])
def test_cables_hang_as_catenaries(span, share):
    """The curve satisfies a y'' = sqrt(1 + y'^2) with one a (differences, 1 %) and its sag."""
    line = catenary(span, share * span, 401)
    assert line[[0, -1], 1] == pytest.approx(0, abs=1e-9)
    assert line[:, 1].min() == pytest.approx(-share * span, rel=1e-6)
    step = line[1, 0] - line[0, 0]
    slope = np.gradient(line[:, 1], step)
    bend = np.gradient(slope, step)[2:-2]
    ratio = np.sqrt(1 + slope[2:-2] ** 2) / bend
    assert ratio.std() / ratio.mean() < 0.01


@pytest.mark.parametrize("style", [0, 1])
def test_wires_run_from_mast_to_mast_and_rise_or_fall_by_style(style):
    made = wire((40.0, WIRE_SLACK_M + 2.0, 8.0), style).corners_m.reshape(-1, 3)
    start, end = (made[np.abs(made[:, 0] - x) < 0.1, 2].mean() for x in (-20, 20))
    assert start == pytest.approx(7.88, abs=0.03)
    assert end - start == pytest.approx(-2.0 if style else 2.0, abs=0.05)


def test_a_gantry_clears_lorries_and_shows_its_boards_to_minus_y():
    made = gantry((20.0, 0.8, 7.2), 0)
    over = np.abs(made.corners_m[..., 0]).max(axis=1) < 9.5
    assert made.corners_m[over][..., 2].min() > 4.5
    blue = made.material == material("sign blue")
    normal = face_normals(made.corners_m[blue])
    front = normal[np.argmin(made.corners_m[blue][..., 1].mean(axis=1))]
    assert front[1] < 0
    assert int(ClassId.TRAFFIC_SIGN) in set(made.class_id)


def test_bays_of_a_noise_wall_join_without_a_gap():
    points = noise_wall((4.0, 0.25, 3.6), 0).corners_m.reshape(-1, 3)
    assert points[:, 0].min() <= -2.0
    assert points[:, 0].max() == pytest.approx(2.0)


def test_racks_differ_in_how_many_bicycles_lean_there():
    counts = {bike_rack((4.2, 1.7, 1.05), style).size for style in range(8)}
    assert len(counts) > 2


@pytest.mark.parametrize("name", PICTOGRAMS)
def test_pictograms_face_x_layer_over_layer_without_flicker(name):
    made = pictogram(PICTOGRAMS[name], 2.2)
    normal = face_normals(made.corners_m)
    back = made.material == material("sign back")
    assert (normal[back][:, 0] < 0).all()
    assert (normal[~back][:, 0] > 0).all()
    depth = made.corners_m[~back][..., 0].max(axis=1)
    gaps = np.diff(np.unique(depth.round(6)))
    assert (gaps > 0.004).all()
    middle = made.corners_m.reshape(-1, 3)
    assert (middle[:, 2].max() + middle[:, 2].min()) / 2 == pytest.approx(2.2, abs=0.13)
    assert set(made.class_id) == {int(ClassId.TRAFFIC_SIGN)}
