"""CD-FVD's features: transformers' VideoMAE and cd-fvd's own code agree with ours."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from models.numbers import pattern
from models.videomae.tiny import TINY, official_file, official_state
from rareworld.errors import ConfigError
from rareworld.models.clip_input import squashed
from rareworld.models.videomae.features import VideoMaeFeatures, load_videomae

CPU = torch.device("cpu")
CLIPS = torch.stack([pattern(4, 30, 40), pattern(4, 60, 40)[:, 30:]])


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> VideoMaeFeatures:
    path = official_file(tmp_path_factory.mktemp("videomae") / "vit.pth")
    return load_videomae(path, device=CPU, shape=TINY)


def transformers_net() -> VideoMAEForVideoClassification:
    """Return transformers' network with the same weights."""
    config = VideoMAEConfig(
        image_size=TINY.size,
        patch_size=TINY.patch,
        num_frames=TINY.frames,
        hidden_size=TINY.width,
        num_hidden_layers=TINY.depth,
        num_attention_heads=TINY.heads,
        intermediate_size=TINY.hidden,
        layer_norm_eps=1e-6,
        use_mean_pooling=True,
        num_labels=174,
    )
    found = VideoMAEForVideoClassification(config).eval()
    found.load_state_dict(transformers_names(official_state(), list(found.state_dict())))
    return found


def transformers_names(state: dict[str, Tensor], theirs: list[str]) -> dict[str, Tensor]:
    """Return official weights by transformers' names: three matrices for one of q, k and v.

    Newer versions renamed `q_bias` to `query.bias`, and so for values.
    """
    old = any(name.endswith("q_bias") for name in theirs)
    parts = {
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
        "attn.q_bias": f"attention.attention.{'q_bias' if old else 'query.bias'}",
        "attn.v_bias": f"attention.attention.{'v_bias' if old else 'value.bias'}",
    }
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith("attn.qkv.weight"):
            layer = f"videomae.encoder.layer.{name.split('.')[1]}.attention.attention"
            for key, part in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found[f"{layer}.{key}.weight"] = part
        elif name.startswith("blocks."):
            _, number, rest = name.split(".", 2)
            ours = next(part for part in parts if rest.startswith(part))
            renamed = rest.replace(ours, parts[ours], 1)
            found[f"videomae.encoder.layer.{number}.{renamed}"] = value
        else:
            outer = name.replace(
                "patch_embed.proj", "videomae.embeddings.patch_embeddings.projection"
            )
            found[outer.replace("head.", "classifier.")] = value
    assert set(found) == set(theirs)
    return found


@torch.inference_mode()
def test_features_are_transformers_before_the_classifier(net: VideoMaeFeatures) -> None:
    oracle = transformers_net()
    pixels = (squashed(CLIPS, TINY.size) / 255).transpose(1, 2)
    tokens = oracle.videomae(pixels).last_hidden_state
    expected = oracle.fc_norm(tokens.mean(1))
    torch.testing.assert_close(net.features(CLIPS), expected, rtol=1e-5, atol=1e-6)


def test_features_are_cd_fvds(net: VideoMaeFeatures) -> None:
    """cd-fvd 0.1.1's preprocess_videomae and VisionTransformer, same weights and clips."""
    expected = [
        [0.045876, -0.209902, -0.228182, -0.073884],
        [0.077749, -0.217937, -0.216669, -0.047324],
    ]
    found = net.features(CLIPS)[:, [0, 1, 15, 31]]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=2e-6)


def test_what_made_the_rows_is_told(net: VideoMaeFeatures) -> None:
    assert (net.name, net.width, net.frames, net.preprocessing) == (
        "videomae-ssv2",
        32,
        4,
        "cd-fvd",
    )
    assert net.weights.name == "vit.pth"


def test_other_lengths_and_pre_processings_are_refused(net: VideoMaeFeatures) -> None:
    with pytest.raises(ConfigError, match="exactly 4 frames, found 3"):
        net.features(CLIPS[:, :3])
    with pytest.raises(ConfigError, match="no pre-processing 'jedi'"):
        load_videomae(Path("x"), device=CPU, preprocessing="jedi")
