"""Starts and stops libsumo, which holds one simulation per process.

Lane changes take `LANE_CHANGE_S` (SUMO's simple continuous model). The sublane model would place
vehicles freely across the lane but SUMO 1.28 crashes the process with it on converted OpenDRIVE
networks; our own offset across the lane stands in for it (`pose.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from rareworld.errors import MissingExtraError, ScenarioError

LANE_CHANGE_S = 2.6
"""Mean duration of a lane change in free traffic is 3 to 6 s; the visible part is shorter."""

_OPTIONS = (
    "--no-step-log", "--no-warnings", "--duration-log.disable", "--step-method.ballistic",
    "--time-to-teleport", "-1", "--collision.action", "none",
    "--intermodal-collision.action", "none", "--max-depart-delay", "30",
    "--lanechange.duration", str(LANE_CHANGE_S),
    "--pedestrian.striping.dawdling", "0",
)  # fmt: skip
"""Nobody is teleported or removed after a crash; positions follow from speeds by trapezoids."""


def load() -> ModuleType:
    """Return libsumo.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import libsumo
    except ImportError:
        raise MissingExtraError("libsumo", extra="simulate") from None
    return libsumo


@contextmanager
def running(net: Path, types: str, *, step_s: float, seed: int) -> Iterator[ModuleType]:
    """Run SUMO on a network with vehicle types (text of an additional file) until the block ends.

    Raises:
        ScenarioError: If a simulation already runs in this process, or SUMO refuses the network.
    """
    sumo = load()
    if sumo.isLoaded():
        raise ScenarioError(
            "SUMO already runs in this process and holds one simulation at a time; "
            "end the other one first or use another process"
        )
    if not net.is_file():
        raise ScenarioError(f"SUMO network {net} does not exist")
    options = ["--step-length", str(step_s), "--seed", str(seed), *_OPTIONS]
    with TemporaryDirectory(prefix="rareworld-") as folder:
        extra = Path(folder) / "types.add.xml"
        extra.write_text(types, encoding="utf-8")
        try:
            sumo.start(["sumo", "-n", str(net), "-a", str(extra), *options])
        except sumo.TraCIException as error:
            raise ScenarioError(f"SUMO cannot load {net}: {error}") from None
    try:
        yield sumo
    finally:
        sumo.close()
