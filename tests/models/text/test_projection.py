"""The frozen projection: its formula, its hash, and that contexts kept after it are exact."""

import copy

import pytest
import torch
from torch import Tensor, nn

from rareworld.errors import FormatError
from rareworld.models.text.encoder import EncoderName, TextEncoder
from rareworld.models.text.mini import MiniEncoder
from rareworld.models.text.projection import BIAS, WEIGHT, ProjectedEncoder, Projection


def _state(raw: int = 64, width: int = 16, seed: int = 0) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {
        WEIGHT: torch.randn(width, raw, generator=random) / raw**0.5,
        BIAS: torch.randn(width, generator=random),
        "x_embedder.proj.1.weight": torch.zeros(2, 2),
    }


def _projection(state: dict[str, Tensor], dtype: torch.dtype = torch.float32) -> Projection:
    return Projection.from_state(state, "net.pt", dtype=dtype)


def test_it_is_a_linear_layer_with_bias_and_the_exact_gelu() -> None:
    state = _state()
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(1))
    y = x.double() @ state[WEIGHT].double().T + state[BIAS].double()
    expected = 0.5 * y * (1 + torch.erf(y / 2**0.5))
    torch.testing.assert_close(_projection(state)(x).double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_equals_the_net_s_own_layer_bit_for_bit(dtype: torch.dtype) -> None:
    state = _state()
    layer = nn.Sequential(nn.Linear(64, 16), nn.GELU())
    layer.load_state_dict({"0.weight": state[WEIGHT], "0.bias": state[BIAS]})
    layer = copy.deepcopy(layer).to(dtype)
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(1)).to(dtype)
    with torch.no_grad():
        assert torch.equal(_projection(state, dtype)(x), layer(x))


def test_the_hash_tells_values_and_not_how_they_are_stored() -> None:
    exact = {key: value.bfloat16() for key, value in _state().items()}
    wide = {key: value.float() for key, value in exact.items()}
    one, two = _projection(exact, torch.bfloat16), _projection(wide, torch.float32)
    assert one.sha256 == two.sha256 == two.to(torch.device("cpu")).sha256
    assert len(one.sha256) == 64


@pytest.mark.parametrize("key", [WEIGHT, BIAS])
def test_the_hash_changes_with_every_value(key: str) -> None:
    state = _state()
    before = _projection(state).sha256
    state[key].view(-1)[-1] += 1e-3
    assert _projection(state).sha256 != before
    assert _projection(_state(seed=1)).sha256 != before


@pytest.mark.parametrize("key", [WEIGHT, BIAS])
def test_a_net_without_the_layer_is_refused(key: str) -> None:
    state = _state()
    del state[key]
    with pytest.raises(FormatError, match=rf"net.pt: expected {key}.*Predict2.5 checkpoint"):
        _projection(state)


def test_an_encoder_with_projection_is_the_encoder_then_the_projection() -> None:
    encoder, projection = MiniEncoder(64), _projection(_state())
    both = ProjectedEncoder(encoder, projection)
    assert isinstance(both, TextEncoder)
    assert both.name is EncoderName.MINI
    assert torch.equal(both.encode(["a bus"]), projection(encoder.encode(["a bus"])))
    assert both.cut("x " * 600) == encoder.cut("x " * 600) != ""
