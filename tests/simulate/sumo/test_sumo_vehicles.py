"""Vehicle types and drivers: what SUMO is told agrees with the blueprints and with field ranges."""

from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PEOPLE
from rareworld.simulate.sumo.vehicles import VCLASS, Traits, apply_traits, draw_traits, types_xml

DRIVEN = sorted(name for name, spec in BLUEPRINTS.items() if spec.class_id not in PEOPLE)


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, str]]:
    return {row.get("id", ""): dict(row.attrib) for row in ElementTree.fromstring(types_xml())}


def drawn(blueprint: str, level: float, count: int = 300) -> list[Traits]:
    return [draw_traits(blueprint, level, 1.0, Seed(k).generator()) for k in range(count)]


def test_there_is_one_type_per_blueprint_with_its_size(rows) -> None:
    assert set(rows) == set(BLUEPRINTS)
    for name, spec in BLUEPRINTS.items():
        size = tuple(float(rows[name][key]) for key in ("length", "width", "height"))
        assert size == pytest.approx(spec.size_m)
        assert rows[name]["vClass"] == VCLASS[name]


@pytest.mark.parametrize("name", DRIVEN)
def test_types_ask_for_less_than_the_vehicle_can_do(rows, name) -> None:
    spec, row = BLUEPRINTS[name], rows[name]
    assert float(row["accel"]) < spec.max_accel_mps2
    assert float(row["decel"]) < float(row["emergencyDecel"]) <= spec.max_brake_mps2
    assert float(row["maxSpeed"]) < spec.top_speed_mps
    assert float(row["speedDev"]) == 0.0


def test_people_have_no_engine(rows) -> None:
    for name, spec in BLUEPRINTS.items():
        assert ("accel" in rows[name]) is (spec.class_id not in PEOPLE)


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", ["saloon", "box_truck", "motorcycle"])
def test_traits_stay_in_the_ranges_of_field_studies(name: str, level: float) -> None:
    for traits in drawn(name, level):
        assert 0.9 <= traits.headway_s <= 1.8
        assert 1.6 <= traits.min_gap_m <= 3.0
        assert 0.9 * 0.85 <= traits.speed_factor <= 1.12 * 1.15
        assert 0.75 <= traits.accel_factor <= 1.15
        assert 0.0 <= traits.impatience <= 0.3


def test_the_mean_speed_is_that_of_the_level() -> None:
    """Half way between cautious (0.90) and pushing (1.12)."""
    factors = [traits.speed_factor for traits in drawn("saloon", 0.5, 2000)]
    assert np.mean(factors) == pytest.approx(1.01, abs=0.01)


def test_the_speed_factor_of_the_demand_multiplies() -> None:
    slow = draw_traits("saloon", 0.4, 0.5, Seed(7).generator())
    usual = draw_traits("saloon", 0.4, 1.0, Seed(7).generator())
    assert slow.speed_factor == pytest.approx(usual.speed_factor / 2)
    assert slow.headway_s == usual.headway_s


@pytest.mark.parametrize(
    ("name", "spread"), [("saloon", 0.11), ("box_truck", 0.07), ("motorcycle", 0.3)]
)
def test_places_across_the_lane_are_centred_and_bounded(name: str, spread: float) -> None:
    offsets = np.array([traits.lane_offset_m for traits in drawn(name, 0.4, 1000)])
    assert np.abs(offsets).max() <= 2 * spread
    assert offsets.mean() == pytest.approx(0.0, abs=4 * spread / np.sqrt(1000))
    assert offsets.std() == pytest.approx(spread, rel=0.12)


def test_the_widest_vehicle_fits_a_lane_wherever_it_drives() -> None:
    for name in ("box_truck", "city_bus"):
        worst = max(abs(traits.lane_offset_m) for traits in drawn(name, 0.4))
        assert BLUEPRINTS[name].width_m / 2 + worst < 3.1 / 2


CALLS = (
    "setSpeedFactor", "setTau", "setMinGap", "setAccel", "setImpatience", "setParameter",
)  # fmt: skip


def test_traits_are_told_to_sumo() -> None:
    told: dict[str, tuple] = {}
    sumo = ModuleType("sumo")
    sumo.vehicle = SimpleNamespace(
        **{call: lambda *values, call=call: told.update({call: values}) for call in CALLS}
    )
    traits = Traits(
        speed_factor=1.1, headway_s=1.2, min_gap_m=2.5, accel_factor=0.8, assertive=1.3,
        impatience=0.2,
    )  # fmt: skip
    apply_traits(sumo, "v", "suv", traits)
    accel = 0.75 * BLUEPRINTS["suv"].max_accel_mps2 * 0.8
    assert told == {
        "setSpeedFactor": ("v", 1.1), "setTau": ("v", 1.2), "setMinGap": ("v", 2.5),
        "setAccel": ("v", accel), "setImpatience": ("v", 0.2),
        "setParameter": ("v", "laneChangeModel.lcAssertive", "1.3"),
    }  # fmt: skip
