"""LPIPS is the authors': numbers are those of their package."""

import pytest
import torch

from models.lpips.states import lpips_state
from models.numbers import pattern
from rareworld.errors import ConfigError
from rareworld.models.lpips.net import LEAST, Lpips, check_pairs, load_lpips
from rareworld.models.packaged import LPIPS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Lpips:
    path = tmp_path_factory.mktemp("lpips") / "lpips.pth"
    torch.save(lpips_state(), path)
    return load_lpips(path, device=CPU)


ONE, TWO = pattern(2, 48, 70), pattern(4, 48, 70)[2:]


def test_distances_are_the_packages(net: Lpips) -> None:
    """`lpips` 0.1.4, `LPIPS(net="alex")`, on the weights and the pattern here."""
    expected = torch.tensor([0.31596851, 0.38965115])
    torch.testing.assert_close(net.distances(ONE, TWO), expected, rtol=1e-5, atol=0)


def test_equal_pictures_are_at_zero_and_order_does_not_matter(net: Lpips) -> None:
    assert net.distances(ONE, ONE).tolist() == [0, 0]
    torch.testing.assert_close(net.distances(ONE, TWO), net.distances(TWO, ONE))


def test_many_pairs_are_each_as_one_alone(net: Lpips) -> None:
    many = net.distances(ONE.repeat(5, 1, 1, 1), TWO.repeat(5, 1, 1, 1))
    alone = net.distances(ONE[:1], TWO[:1])
    torch.testing.assert_close(many[8:9], alone, rtol=1e-5, atol=1e-6)


def test_more_noise_is_farther(net: Lpips) -> None:
    noise = torch.randint(-40, 41, (48, 70, 3), generator=torch.Generator().manual_seed(0))
    pictures = [
        (ONE[0].int() + noise * share // 8).clamp(0, 255).byte() for share in (0, 1, 2, 4, 8)
    ]
    found = net.distances(ONE[:1].repeat(5, 1, 1, 1), torch.stack(pictures))
    assert found.diff().min() > 0


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (ONE.float(), TWO.float()),
        (ONE, TWO.float()),
        (ONE, TWO[:1]),
        (ONE, TWO[:, :40]),
        (ONE[0], TWO[0]),
        (ONE[..., :1], TWO[..., :1]),
        (ONE[:0], TWO[:0]),
    ],
    ids=["floats", "mixed", "counts", "sizes", "one picture", "grey", "none"],
)
def test_anything_but_equal_batches_of_bytes_is_refused(
    one: torch.Tensor, two: torch.Tensor
) -> None:
    with pytest.raises(ConfigError, match="expected two batches of RGB bytes"):
        check_pairs(one, two)


def test_pictures_too_small_for_the_last_layer_are_refused(net: Lpips) -> None:
    small = pattern(1, LEAST, LEAST)
    assert net.distances(small, small).tolist() == [0]
    with pytest.raises(ConfigError, match=r"at least 31 x 31 pixels, found 30 x 31"):
        net.distances(small[:, 1:], small[:, 1:])


@pytest.mark.slow
def test_published_weights_give_the_packages_distances() -> None:
    """`lpips` 0.1.4 with torchvision's AlexNet, on the same pixels; needs the weights."""
    if not LPIPS.path.is_file():
        pytest.skip("run: rareworld weights fetch lpips")
    found = load_lpips(device=CPU).distances(ONE, TWO)
    torch.testing.assert_close(found, torch.tensor(PUBLISHED), rtol=1e-5, atol=0)


PUBLISHED = [0.0503711, 0.0559318]
