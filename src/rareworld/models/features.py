"""Networks that turn clips into features, one rule for all: FID, FVD, CD-FVD, JEDi.

    net = load_feature_net("i3d", device=torch.device("cpu"))
    rows = net.features(clips)        # "n 16 h w 3" of 0 to 255 -> "n 400"

| name | network | width | frames | metric |
|---|---|---|---|---|
| `inception` | TF Inception-v3 of 2015-12-05, pool3 | 2048 | 1 | FID, KID |
| `i3d` | DeepMind I3D, Kinetics-400, logits | 400 | 16 | FVD, StyleGAN-V's protocol |
| `i3d-tats` | the same net, weights of TATS | 400 | any from 9 | FVD as cd-fvd computes it |
| `videomae-ssv2` | VideoMAE v2 ViT-g, SSv2 | 1408 | 16 | CD-FVD |
| `vjepa-ssv2` | V-JEPA ViT-H, SSv2 probe's pooler | 1280 | 16 | JEDi |

A net takes whole frames as they were decoded (any size, mixed sizes in separate calls) and does its
protocol's resizing itself, so that no second resize creeps in. `frames` is the length a clip must
have: 1 for nets that look at single pictures, which take clips of any length and give a row for
each frame, clip by clip; None for nets that take any length. Features are float32 on the net's
device, the same on every call with the same batch; TF32 and reduced precision are off while
they are computed.

Batches are the caller's: give as many clips a call as memory holds. A net never keeps what it saw.

Weights come from the path given, our cache, the hub's cache, or a download; which they were stands
in `weights` and belongs beside every number. Proved in `tests/models/test_features.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from rareworld.data.config import nearest
from rareworld.errors import ConfigError
from rareworld.models.i3d.features import load_i3d, load_i3d_tats
from rareworld.models.inception.features import load_inception
from rareworld.models.packaged import WeightsRecord
from rareworld.models.videomae.features import load_videomae
from rareworld.models.vjepa.features import load_vjepa


@runtime_checkable
class FeatureNet(Protocol):
    """A network with its weights, pre-processing and device."""

    @property
    def name(self) -> str:
        """Name as in `load_feature_net`."""
        ...

    @property
    def preprocessing(self) -> str:
        """Name of the pre-processing: part of the protocol, as two of them give two numbers."""
        ...

    @property
    def width(self) -> int:
        """Values of a feature row."""
        ...

    @property
    def frames(self) -> int | None:
        """Frames a clip must have; 1: single pictures, a row each; None: any number."""
        ...

    @property
    def weights(self) -> WeightsRecord:
        """Which weights are loaded."""
        ...

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "m d"]:
        """Return a row for each clip; for each frame if `frames` is 1 (m = n t, clip by clip).

        Args:
            clips: RGB frames as decoded, on any device.

        Raises:
            ConfigError: If clips have not the frames the protocol needs.
        """
        ...


class _Loader(Protocol):
    def __call__(
        self, weights: Path | None, *, device: torch.device, preprocessing: str | None
    ) -> FeatureNet: ...


_LOADERS: Mapping[str, _Loader] = MappingProxyType(
    {
        "inception": load_inception,
        "i3d": load_i3d,
        "i3d-tats": load_i3d_tats,
        "videomae-ssv2": load_videomae,
        "vjepa-ssv2": load_vjepa,
    }
)
NAMES = tuple(_LOADERS)
"""Every network."""


def load_feature_net(
    name: str,
    *,
    weights: Path | None = None,
    device: torch.device,
    preprocessing: str | None = None,
) -> FeatureNet:
    """Return a network, ready on a device.

    Args:
        name: One of `NAMES`.
        weights: Weights file in any layout the network's reader knows; None looks in the caches,
            then downloads where the protocol's weights can be had without an account.
        device: Where to compute.
        preprocessing: Name of the pre-processing; None takes the network's first.

    Raises:
        ConfigError: If there is no such network or pre-processing.
        FormatError: If the weights cannot be had or are not this network's. A network that cannot
            be had is never replaced by another.
    """
    if name not in _LOADERS:
        raise ConfigError(f"no feature network {name!r}{nearest(name, NAMES)}")
    return _LOADERS[name](weights, device=device, preprocessing=preprocessing)
