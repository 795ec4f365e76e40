"""Our Inception is torch-fidelity's: same layers, same features from the same weights."""

from pathlib import Path

import torch

from models.inception.states import fidelity_state
from models.numbers import pattern
from rareworld.models.inception.net import BLOCKS, SIZE, WIDTH, Inception, unit_names
from rareworld.models.inception.pixels import to_net
from rareworld.models.inception.weights import read_inception

PLACES = [0, 1, 777, 1500, 2047]


def test_units_are_named_once_and_as_torch_fidelity_names_them() -> None:
    names = unit_names()
    assert len(set(names)) == len(names) == 94
    for name in ("Conv2d_4a_3x3", "Mixed_5b.branch5x5_2", "Mixed_7c.branch3x3dbl_3b"):
        assert name in names
    state = fidelity_state()
    assert {f"{name}.conv.weight" for name in names} <= set(state)


def test_every_parameter_of_the_published_network_is_there() -> None:
    """As many as weights and betas in NVIDIA's layout hold; there is no gamma."""
    with torch.device("meta"):
        net = Inception()
    assert sum(value.numel() for value in net.parameters()) == 21_768_352


def test_blocks_shrink_as_the_graph_does() -> None:
    with torch.device("meta"):
        net, x = Inception(), torch.empty(1, 3, SIZE, SIZE)
        sizes: dict[str, tuple[int, ...]] = {}
        for block in BLOCKS:
            module = net.get_submodule(block.name)
            module.register_forward_hook(
                lambda _, __, out, name=block.name: sizes.update({name: tuple(out.shape[1:])})
            )
        assert net(x).shape == (1, WIDTH)
    assert sizes["Mixed_5d"] == (288, 35, 35)
    assert sizes["Mixed_6e"] == (768, 17, 17)
    assert sizes["Mixed_7c"] == (2048, 8, 8)


FIDELITY = [[0.79, 0.00818, 1.80867, 0.01875, 0.0], [0.76032, 0.00755, 1.84673, 0.01546, 0.0]]
"""What torch-fidelity 0.4.0's own module gives for the weights and the pattern of this test."""


@torch.inference_mode()
def test_features_are_torch_fidelitys(tmp_path: Path) -> None:
    torch.save(fidelity_state(), tmp_path / "state.pth")
    net = read_inception(tmp_path / "state.pth")
    pictures = pattern(2, 96, 130).permute(0, 3, 1, 2).float()
    found = net(to_net(pictures, "torch-fidelity"))
    torch.testing.assert_close(found[:, PLACES], torch.tensor(FIDELITY), rtol=1e-5, atol=1e-5)
    norms = torch.tensor([36.020683, 36.883408])
    torch.testing.assert_close(found.norm(dim=1), norms, rtol=1e-5, atol=0)
