"""What is put together: the right base, the right thing trained, nothing left changed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import AdapterSpec
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.pipeline import RELEASES
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter
from rareworld.nn.ranks import Ranks
from rareworld.train.assemble import (
    Learner,
    assemble,
    attention_of,
    compute_dtype,
    empty_context,
    family_of,
    load_base,
    spec_of,
)
from rareworld.train.config import AdapterConfig, BaseConfig, ComputeConfig, TrainConfig
from rareworld.train.data.clips import Bucket
from rareworld.train.ema import PowerEma

CPU = torch.device("cpu")
ALONE = Ranks(rank=0, world=1, device=CPU)
BUCKET = Bucket(32, 48, 5)


def make(pipeline: Path, **values: object) -> Learner:
    config = {"base": {"model": str(pipeline)}, "compute": {"device": "cpu"}, **values}
    return assemble(TrainConfig.parse(config), ALONE, [BUCKET])


def output(learner: Learner) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return learner.net(
            torch.randn(1, 16, 2, 4, 6, generator=generator),
            torch.full((1,), 500.0),
            torch.randn(1, 512, 64, generator=generator),
            torch.zeros(1, 1, 2, 4, 6),
        )


def shift(learner: Learner) -> None:
    with torch.no_grad():
        for value in learner.adapted.parameters:
            value += 0.1


@pytest.mark.parametrize("adapter", [None, {"rank": 2}, {"rank": 2, "targets": "with_norms"}])
def test_what_is_trained_is_what_is_asked_for(tiny: Callable[..., Path], adapter: object) -> None:
    learner = make(tiny(), adapter=adapter)
    trained = {name for name, p in learner.module.named_parameters() if p.requires_grad}
    assert trained == set(learner.adapted.names)
    assert any("lora_" not in name for name in trained) is (adapter != {"rank": 2})
    assert learner.has_adapter is bool(adapter)
    assert learner.module.training


def test_the_base_is_there_without_the_adapter_and_comes_back(tiny: Callable[..., Path]) -> None:
    learner = make(tiny(), adapter={"rank": 2, "targets": "with_norms"})
    before = output(learner)
    shift(learner)
    trained = output(learner)
    assert not torch.allclose(before, trained)
    with learner.without():
        assert torch.equal(output(learner), before)
    assert torch.equal(output(learner), trained)


def test_a_still_moment_leaves_no_trace(tiny: Callable[..., Path]) -> None:
    """Averaged weights are in place inside, weights and random states come back after."""
    learner = make(tiny(), adapter={"rank": 2, "dropout": 0.5})
    from rareworld.train.config import EmaConfig

    ema = PowerEma(learner.adapted.trained, EmaConfig())
    base = output_still(learner, None)
    shift(learner)
    state = torch.get_rng_state()
    with learner.still(ema):
        torch.rand(5)
        assert not learner.module.training
        assert torch.equal(output(learner), base)
    assert torch.equal(torch.get_rng_state(), state)
    assert learner.module.training
    assert not torch.equal(output_still(learner, None), base)


def output_still(learner: Learner, ema: PowerEma | None) -> torch.Tensor:
    with learner.still(ema):
        return output(learner)


def test_what_is_gathered_is_the_average_and_written_once(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    from rareworld.train.config import EmaConfig

    learner = make(tiny(), adapter={"rank": 2, "targets": "with_norms"})
    shift(learner)
    ema = PowerEma(learner.adapted.trained, EmaConfig())
    averaged = {name: value.clone() for name, value in learner.adapted.trained.items()}
    write = learner.gather(ema)
    shift(learner)  # a copy was taken: what comes later is not in it
    write(tmp_path / "adapter")
    layer = "blocks.0.self_attn.q_proj"
    adapter = read_adapter(tmp_path / "adapter")
    assert torch.equal(adapter.layers[layer].b, averaged[f"{layer}.lora_B.default.weight"])
    assert adapter.family == "predict2.5-tiny"


def test_empty_text_is_what_the_nets_projection_makes_of_zeros(tiny: Callable[..., Path]) -> None:
    net = load_base(BaseConfig(model=str(tiny())), dtype=torch.float32, device=CPU, seed=0).net
    empty = empty_context(net)
    assert empty.shape == (1, 512, 64)
    torch.testing.assert_close(empty[0, 7], net.crossattn_proj(torch.zeros(96)).detach())
    older = load_base(
        BaseConfig(model=str(tiny("predict2"))), dtype=torch.float32, device=CPU, seed=0
    ).net
    assert not empty_context(older).any()


def test_random_weights_follow_from_the_seed(tiny: Callable[..., Path]) -> None:
    config = BaseConfig(model=str(tiny()), init="random")
    first, again, other = (
        load_base(config, dtype=torch.float32, device=CPU, seed=seed) for seed in (1, 1, 2)
    )
    key = "blocks.0.mlp.layer1.weight"
    assert torch.equal(first.net.state_dict()[key], again.net.state_dict()[key])
    assert not torch.equal(first.net.state_dict()[key], other.net.state_dict()[key])
    assert first.conditional_timestep == -1.0


def test_a_family_is_known_by_its_name_or_its_checkpoint(tiny: Callable[..., Path]) -> None:
    assert family_of(BaseConfig(model="predict2.5-2b")).parameters == 2_059_174_912
    assert family_of(BaseConfig(model=str(tiny("predict2")))).name == "predict2-tiny"
    with pytest.raises(ConfigError, match="no such file"):
        family_of(BaseConfig(model="predict3"))


def test_a_released_names_family_needs_no_download() -> None:
    found = {name: family_of(BaseConfig(model=name)).name for name in RELEASES}
    assert found["2B/post-trained"] == "predict2.5-2b"
    assert found["14B/pre-trained"] == "predict2.5-14b"
    assert found["predict2/2B/480p-10fps"] == "predict2-2b"
    assert found["predict2/14B/720p-16fps"] == "predict2-14b"
    assert set(found.values()) == set(FAMILIES)


@pytest.mark.parametrize(
    ("device", "deterministic", "wanted", "found"),
    [
        ("cuda", True, "auto", "flash"),
        ("cuda", True, "plain", "plain"),
        ("cuda", False, "auto", "auto"),
        ("cuda", False, "cudnn", "cudnn"),
        ("cpu", True, "auto", "auto"),
    ],
)
def test_a_fixed_order_wants_an_attention_that_has_one(
    device: str, deterministic: bool, wanted: str, found: str
) -> None:
    config = ComputeConfig.parse({"deterministic": deterministic, "attention": wanted})
    assert attention_of(config, torch.device(device)).value == found


def test_an_attention_without_a_fixed_order_is_refused_where_one_is_wanted() -> None:
    config = ComputeConfig.parse({"deterministic": True, "attention": "cudnn"})
    with pytest.raises(ConfigError, match=r"expected flash or plain .* found cudnn"):
        attention_of(config, torch.device("cuda"))


def test_adapter_settings_reach_the_network() -> None:
    config = AdapterConfig(rank=8, alpha=4.0, targets=("q_proj",), dora=True, dropout=0.1)
    assert spec_of(config) == AdapterSpec(
        rank=8, alpha=4.0, targets=("q_proj",), dora=True, dropout=0.1
    )


@pytest.mark.parametrize(
    ("dtype", "device", "found"),
    [
        ("auto", "cpu", torch.float32),
        ("auto", "cuda", torch.bfloat16),
        ("bfloat16", "cpu", torch.bfloat16),
    ],
)
def test_types(dtype: str, device: str, found: torch.dtype) -> None:
    config = TrainConfig.parse({"compute": {"dtype": dtype}})
    assert compute_dtype(config, torch.device(device)) is found
