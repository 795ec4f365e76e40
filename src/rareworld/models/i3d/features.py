"""FVD's features: I3D's logits behind `load_feature_net("i3d")` and `("i3d-tats")`.

| name | weights | BN epsilon | frames | pre-processing |
|---|---|---|---|---|
| `i3d` | TF-Hub's i3d-kinetics-400/1 | 1e-3 | 16 | `stylegan-v`: bilinear to 224 x 224 |
| `i3d-tats` | TATS's i3d_pretrained_400.pt | 1e-5, as cd-fvd | 9 or more | `cd-fvd`: the same |

Both squash frames to 224 x 224 with torch's bilinear (no antialias, aspect not kept) and scale
bytes to -1 to 1 as 2 x / 255 - 1; both take logits before the softmax, averaged over time. Numbers
of the two are not comparable.

Proved in `tests/models/i3d/test_features.py`.
"""

from pathlib import Path
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from rareworld.errors import ConfigError, FormatError
from rareworld.models.clip_input import check_clips, exact_float32, in_chunks, squashed
from rareworld.models.find import cache_folder
from rareworld.models.i3d.net import LEAST_FRAMES, SIZE, WIDTH
from rareworld.models.i3d.weights import read_tats, read_tf_hub
from rareworld.models.packaged import I3D, WeightsRecord, given_record, packaged_weights
from rareworld.models.states import frozen

FRAMES = 16
TATS_FILE = "i3d_pretrained_400.pt"
TATS_FOLDER = "songweige/TATS"
TATS_URL = "https://github.com/songweige/TATS/raw/main/tats/fvd/i3d_pretrained_400.pt"
_AT_ONCE_CPU = 2
_AT_ONCE_GPU = 16


@final
class I3dFeatures:
    """A row of 400 for each clip; see `models.features.FeatureNet`."""

    width = WIDTH

    def __init__(
        self,
        name: str,
        net: nn.Module,
        weights: WeightsRecord,
        *,
        preprocessing: str,
        frames: int | None,
        device: torch.device,
    ) -> None:
        self.name = name
        self.frames = frames
        self.weights = weights
        self.preprocessing = preprocessing
        self.device = device
        self._net = frozen(net, device)
        self._at_once = _AT_ONCE_CPU if device.type == "cpu" else _AT_ONCE_GPU

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "n 400"]:
        """Return a row for each clip.

        Raises:
            ConfigError: If these are not bytes of RGB clips of the protocol's length.
        """
        check_clips(clips, self.name, frames=self.frames, least=LEAST_FRAMES)
        with exact_float32():
            return torch.cat([self._rows(chunk) for chunk in in_chunks(clips, self._at_once)])

    def _rows(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "n 400"]:
        return self._net(to_net(clips.to(self.device)))


def to_net(clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "n 3 t 224 224"]:
    """Return clips as the net takes them: squashed to 224 x 224, -1 to 1, channels last."""
    return squashed(clips, SIZE).mul_(2 / 255).sub_(1)


def load_i3d(
    weights: Path | None = None, *, device: torch.device, preprocessing: str | None = None
) -> I3dFeatures:
    """Return FVD's network with weights from a path, the cache or a download.

    Raises:
        ConfigError: If there is no such pre-processing.
        FormatError: If the weights cannot be had or are not this network's.
    """
    mode = _mode("i3d", preprocessing, "stylegan-v")
    path, record = packaged_weights(I3D, weights)
    net = read_tf_hub(path)
    return I3dFeatures("i3d", net, record, preprocessing=mode, frames=FRAMES, device=device)


def load_i3d_tats(
    weights: Path | None = None, *, device: torch.device, preprocessing: str | None = None
) -> I3dFeatures:
    """Return cd-fvd's network with weights from a path or our cache.

    Raises:
        ConfigError: If there is no such pre-processing.
        FormatError: If the weights are not there (they are not downloaded) or not this network's.
    """
    mode = _mode("i3d-tats", preprocessing, "cd-fvd")
    path = weights or cache_folder(TATS_FOLDER) / TATS_FILE
    if weights is None and not path.is_file():
        raise FormatError(
            f"i3d-tats: {TATS_FILE} of TATS is not at {path}; download it from {TATS_URL} (50 MB) "
            "and put it there or give its path. FVD with the weights of TF-Hub is i3d: another "
            "name, another number"
        )
    record = given_record(path, what="I3D of TATS")
    net = read_tats(path)
    return I3dFeatures("i3d-tats", net, record, preprocessing=mode, frames=None, device=device)


def _mode(name: str, given: str | None, only: str) -> str:
    if given not in (None, only):
        raise ConfigError(f"{name}: no pre-processing {given!r} (known: {only})")
    return only
