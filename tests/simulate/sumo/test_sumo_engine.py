"""Starting and stopping SUMO: one at a time, closed after every kind of end, named errors."""

import builtins
from pathlib import Path

import pytest

from rareworld.errors import MissingExtraError, ScenarioError
from rareworld.simulate.maps.library import Place
from rareworld.simulate.sumo.engine import LANE_CHANGE_S, load, running
from rareworld.simulate.sumo.vehicles import types_xml

pytest.importorskip("libsumo")


def test_the_clock_runs_in_the_step_asked_for(junction: Place) -> None:
    with running(junction.net_path, types_xml(), step_s=0.05, seed=1) as sumo:
        for _ in range(30):
            sumo.simulationStep()
        assert sumo.simulation.getTime() == pytest.approx(1.5)
        assert sumo.simulation.getDeltaT() == pytest.approx(0.05)


def test_our_types_are_known_and_carry_their_sizes(junction: Place) -> None:
    with running(junction.net_path, types_xml(), step_s=0.05, seed=1) as sumo:
        assert "city_bus" in sumo.vehicletype.getIDList()
        assert sumo.vehicletype.getLength("city_bus") == pytest.approx(12.0, abs=1.0)
        assert float(sumo.simulation.getOption("lanechange.duration")) == LANE_CHANGE_S
        assert sumo.simulation.getOption("collision.action") == "none"


def test_one_simulation_at_a_time_and_the_first_goes_on(junction: Place) -> None:
    with running(junction.net_path, types_xml(), step_s=0.1, seed=1) as sumo:
        with (
            pytest.raises(ScenarioError, match="one simulation at a time"),
            running(junction.net_path, types_xml(), step_s=0.1, seed=1),
        ):
            pass
        sumo.simulationStep()
        assert sumo.simulation.getTime() == pytest.approx(0.1)


def test_an_error_inside_the_block_closes_sumo(junction: Place) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        running(junction.net_path, types_xml(), step_s=0.1, seed=1),
    ):
        raise ZeroDivisionError
    assert not load().isLoaded()
    with running(junction.net_path, types_xml(), step_s=0.1, seed=1) as sumo:
        assert sumo.isLoaded()


@pytest.mark.parametrize(
    ("text", "message"), [("<net", "cannot load"), (None, r"none\.net\.xml does not exist")]
)
def test_networks_that_cannot_be_read_are_named(
    tmp_path: Path, text: str | None, message: str
) -> None:
    net = tmp_path / "none.net.xml"
    if text is not None:
        net.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=message), running(net, types_xml(), step_s=0.1, seed=1):
        pass
    assert not load().isLoaded()


def test_broken_types_are_an_error_too(junction: Place) -> None:
    with (
        pytest.raises(ScenarioError, match="cannot load"),
        running(junction.net_path, "<additional", step_s=0.1, seed=1),
    ):
        pass


def test_a_missing_libsumo_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest, **more):
        if name == "libsumo":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"rareworld\[simulate\]"):
        load()
