"""CD-FVD's features: VideoMAE v2 behind `load_feature_net("videomae-ssv2")`.

Pre-processing `cd-fvd`: frames squashed to 224 x 224 with torch's bilinear and scaled to 0 to 1; no
mean or deviation is taken out, as cd-fvd 0.1.1 takes none. Features are the mean over tokens,
normalised, before the classifier: 1408 for a clip of 16 frames.

Source: Ge et al. 2024 (2404.12391). Proved in `tests/models/videomae/test_features.py`.
"""

from pathlib import Path
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.models.clip_input import check_clips, exact_float32, in_chunks, squashed
from rareworld.models.packaged import WeightsRecord
from rareworld.models.states import frozen
from rareworld.models.video_vit import VideoVit, VitShape
from rareworld.models.videomae.weights import VIT_G, read_videomae, videomae_file

PREPROCESSING = "cd-fvd"
_AT_ONCE_CPU = 1
_AT_ONCE_GPU = 8


@final
class VideoMaeFeatures:
    """A row for each clip; see `models.features.FeatureNet`."""

    name = "videomae-ssv2"
    preprocessing = PREPROCESSING

    def __init__(self, net: VideoVit, weights: WeightsRecord, *, device: torch.device) -> None:
        self.weights = weights
        self.device = device
        self.width = net.shape.width
        self.frames = net.shape.frames
        self._size = net.shape.size
        self._net = frozen(net, device)
        self._at_once = _AT_ONCE_CPU if device.type == "cpu" else _AT_ONCE_GPU

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "n d"]:
        """Return a row for each clip.

        Raises:
            ConfigError: If these are not bytes of RGB clips of the protocol's length.
        """
        check_clips(clips, self.name, frames=self.frames)
        with exact_float32():
            rows = [
                self._net(squashed(chunk.to(self.device), self._size) / 255)
                for chunk in in_chunks(clips, self._at_once)
            ]
            return torch.cat(rows)


def load_videomae(
    weights: Path | None = None,
    *,
    device: torch.device,
    preprocessing: str | None = None,
    shape: VitShape = VIT_G,
) -> VideoMaeFeatures:
    """Return the network with weights from a path, a cache or the hub.

    Raises:
        ConfigError: If there is no such pre-processing.
        FormatError: If the weights cannot be had or are not this network's.
    """
    if preprocessing not in (None, PREPROCESSING):
        raise ConfigError(f"videomae-ssv2: no pre-processing {preprocessing!r} (known: cd-fvd)")
    path, record = videomae_file(weights)
    return VideoMaeFeatures(read_videomae(path, shape), record, device=device)
