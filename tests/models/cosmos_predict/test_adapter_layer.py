"""One adapted layer against PEFT's own, and what it keeps for the backward pass."""

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from models.cosmos_predict.tiny import relative_error
from rareworld.models.cosmos_predict.adapter_layer import NAME, LowRankLinear

SETTINGS = [{}, {"lora_alpha": 3}, {"use_rslora": True}, {"use_dora": True}]
TOKENS = (2, 3, 5)


class Holder(nn.Module):
    """PEFT adapts layers inside of something."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(24, 40, bias=False)


def pair(dtype: torch.dtype = torch.float32, **settings: object) -> tuple[nn.Module, nn.Module]:
    """Return PEFT's layer and ours with the same numbers, float32 factors over a base of a type."""
    out = []
    for custom in (False, True):
        torch.manual_seed(3)
        values = {"r": 4, "lora_alpha": 8, "target_modules": ["layer"], "init_lora_weights": False}
        config = LoraConfig(**(values | settings))
        if custom:
            config._register_custom_module({nn.Linear: LowRankLinear})
        holder = inject_adapter_in_model(config, Holder())
        holder.layer.base_layer.to(dtype)
        out.append(holder.layer)
    theirs, ours = out
    assert isinstance(ours, LowRankLinear)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_output_and_gradients_equal_pefts_own(settings: dict) -> None:
    theirs, ours = pair(**settings)
    given = torch.randn(*TOKENS, 24)
    inputs = [given.clone().requires_grad_() for _ in range(2)]
    expected, found = theirs(inputs[0]), ours(inputs[1])
    assert relative_error(found, expected) < 1e-6
    expected.square().sum().backward()
    found.square().sum().backward()
    assert relative_error(inputs[1].grad, inputs[0].grad) < 1e-5
    named = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        if "lora_" in name:
            assert relative_error(parameter.grad, named[name].grad) < 1e-5, name


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_over_bfloat16_ours_is_as_near_to_float64_as_pefts(settings: dict) -> None:
    theirs, ours = pair(torch.bfloat16, **settings)
    given = torch.randn(*TOKENS, 24).bfloat16()
    exact = pair(torch.bfloat16, **settings)[0].double()(given.double())
    errors = [relative_error(layer(given), exact) for layer in (theirs, ours)]
    assert ours(given).dtype == torch.bfloat16
    assert errors[1] < max(1.5 * errors[0], 2**-7)


def test_nothing_the_size_of_the_tokens_is_kept_in_float32() -> None:
    """PEFT's layer keeps the input again, in float32: what a 720p clip cannot afford."""
    kept = {}
    for name, layer in zip(("theirs", "ours"), pair(torch.bfloat16), strict=True):
        layer.base_layer.requires_grad_(False)
        sizes: list[torch.Tensor] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, s=sizes: s.append(t) or t, lambda t: t
        ):
            layer(torch.randn(64, 24).bfloat16().requires_grad_())
        kept[name] = [t for t in sizes if t.dtype == torch.float32 and t.numel() >= 64 * 24]
    assert kept["theirs"]
    assert not kept["ours"]


def test_an_idle_layer_is_its_base() -> None:
    _, ours = pair()
    given = torch.randn(*TOKENS, 24)
    assert relative_error(ours(given), ours.inner(given)) > 1e-2
    ours.idle = True
    assert torch.equal(ours(given), ours.inner(given))


def test_dropout_stands_in_front_of_the_update_alone() -> None:
    _, ours = pair(lora_dropout=0.5)
    given = torch.ones(1000, 24)
    torch.manual_seed(0)
    dropped = (ours.train()(given) - ours.inner(given)).mean(0)
    whole = (ours.eval()(given) - ours.inner(given))[0]
    spread = torch.linalg.vector_norm(dropped - whole) / torch.linalg.vector_norm(whole)
    assert 0 < spread < 0.1
    a, b = ours.factors
    assert relative_error(whole, ours.scaling[NAME] * (b @ a).sum(1)) < 1e-5


def test_doras_lengths_are_the_rows_lengths() -> None:
    """Closed form in float64: rows of W + s B A, brought to the trained lengths."""
    _, ours = pair(use_dora=True)
    with torch.no_grad():
        ours.magnitude.mul_(1.7)
    a, b = (x.double() for x in ours.factors)
    rows = ours.inner.weight.double() + ours.scaling[NAME] * b @ a
    rows *= (ours.magnitude.double() / torch.linalg.vector_norm(rows, dim=1))[:, None]
    given = torch.randn(7, 24)
    assert relative_error(ours(given), given.double() @ rows.T) < 1e-6
