"""Terms of the loss against closed forms."""

import pytest
import torch

from rareworld.train.tokenizer.config import TokenizerObjectiveConfig
from rareworld.train.tokenizer.objective import divergence, motion, perceived, total


def test_divergence_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 50, generator=generator, dtype=torch.float64)
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(normal, standard).mean()
    torch.testing.assert_close(divergence(mean, log_variance), expected, rtol=1e-12, atol=1e-12)


def test_motion_is_the_error_of_the_change() -> None:
    one, two = torch.rand(2, 2, 3, 5, 4, 4, dtype=torch.float64)
    expected = (one.diff(dim=2) - two.diff(dim=2)).abs().mean()
    torch.testing.assert_close(motion(one - two), expected)
    assert motion(one[:, :, :1]) == 0


def test_perceived_frames_are_compared_with_themselves() -> None:
    rgb = torch.zeros(2, 3, 5, 4, 4)
    back = rgb + torch.arange(5.0)[:, None, None]

    def gap(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        return (one - two).mean(dim=(1, 2, 3))

    assert perceived(gap, rgb, back, (0, 3)) == pytest.approx(1.5)


def test_total_weighs_the_terms_there_are() -> None:
    config = TokenizerObjectiveConfig(pixel=2, motion=3, kl=0.5)
    terms = {"pixel": torch.tensor(1.0), "motion": torch.tensor(2.0), "kl": torch.tensor(4.0)}
    assert float(total(terms, config)) == 2 + 6 + 2
