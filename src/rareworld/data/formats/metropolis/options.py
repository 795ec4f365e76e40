"""Options of the metropolis export."""

from typing import final

from pydantic import Field

from rareworld.core.taxonomy import ClassId
from rareworld.data.config import Config
from rareworld.data.video import H264


@final
class MetropolisOptions(Config):
    """What to write and which objects to list."""

    limit_distance_m: float = Field(default=float("inf"), gt=0, allow_inf_nan=True)
    """Objects whose centre is farther from the camera are not listed; upstream uses 100."""
    area_threshold_px: int = Field(default=0, ge=0)
    """Objects with a smaller tight box are not listed; upstream uses 100."""
    canny_classes: tuple[ClassId, ...] = tuple(
        item for item in ClassId if item not in (ClassId.BUILDING, ClassId.SKY)
    )
    """Classes kept in `masks/`."""
    overlays: bool = True
    """Write the four `rgb_with_*` folders."""
    videos: bool = True
    """Write `videos/`, at the clip's own frame rate."""
    full_depth: bool = True
    """Also write `depth_full/`: 16-bit codes of the clip, without the 65 m limit."""
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    """Of `rgb/` and the overlays."""
    video: H264 = H264()
    """Compression of `videos/`."""
