"""Export of a clip to the folder layout of NVIDIA's smart-city data generation blueprint.

Directories, file names and keys are those of metropolis-sdg-smart-cities 0.1.0; what it gets wrong
is set right (docs/reference/metropolis.md). Proved by a strict reader written apart from this
code in `tests/data/formats/metropolis/`.
"""

import importlib.util
from pathlib import Path

from rareworld.data.formats.metropolis.options import MetropolisOptions
from rareworld.errors import MissingExtraError

__all__ = ["MetropolisOptions", "export_metropolis"]


def export_metropolis(
    clip_path: Path, out_path: Path, options: MetropolisOptions | None = None
) -> None:
    """Write a clip folder in the metropolis layout; it appears when complete.

    Raises:
        MissingExtraError: If opencv is not installed.
        StoreError: If the clip is damaged, an id does not fit the layout or `out_path` exists.
    """
    if importlib.util.find_spec("cv2") is None:
        raise MissingExtraError("opencv-python-headless", extra="export")
    from rareworld.data.formats.metropolis.export import export

    export(clip_path, out_path, options or MetropolisOptions())
