"""Adapters in the whole network: counts, draws, files PEFT and diffusers load, the way back."""

import copy
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from peft import LoraConfig, PeftModel, inject_adapter_in_model
from safetensors.torch import load_file
from torch.distributed.fsdp import fully_shard
from torch.utils.checkpoint import checkpoint

from models.cosmos_predict.tiny import random_inputs, random_net, relative_error
from models.cosmos_predict.weights.test_adapter_io import pipeline_around, run_twin, twin
from models.cosmos_predict.weights.tiny import config
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import (
    Adapted,
    AdapterSpec,
    adapted_layers,
    add_adapters,
    draw,
    extract,
    extract_norms,
    train_whole,
    without_adapters,
    write_trained,
)
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.shared import SharedNet
from rareworld.models.cosmos_predict.weights.adapter import merge
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter, write_peft_adapter
from rareworld.models.cosmos_predict.weights.norms import NORMS_FILE, read_norms
from rareworld.nn.attention import LocalAttend

PARITY = 1e-5
"""Largest relative difference to PEFT's and diffusers' output, float32."""
TYPES = (torch.float32, torch.bfloat16)
SIZE = {"clips": 1, "size": (2, 4, 4)}
SPECS = [
    AdapterSpec(rank=4),
    AdapterSpec(rank=4, alpha=3),
    AdapterSpec(rank=4, rslora=True),
    AdapterSpec(rank=4, dora=True),
    AdapterSpec(rank=4, targets="with_norms"),
    AdapterSpec(rank=2, targets=("self_attn.q_proj", "layer1")),
]


def trained(spec: AdapterSpec, dtype: torch.dtype = torch.float32) -> tuple[CosmosDiT, Adapted]:
    """Return the base and a copy whose adapters are as training could leave them."""
    base = random_net(config()).to(dtype)
    adapted = add_adapters(copy.deepcopy(base), spec, seed=5)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in adapted.trained.items():
            noise = torch.randn(p.shape, generator=generator)
            p.copy_(0.3 * noise if "lora_B" in name else p * (1 + 0.2 * noise))
    return base, adapted


COUNTS = [
    ("predict2-2b", 8, "attention_mlp", 11_468_800),
    ("predict2-2b", 16, "attention_mlp", 22_937_600),
    ("predict2.5-2b", 16, "attention_mlp", 22_937_600),
    ("predict2-2b", 32, "attention_mlp", 45_875_200),
    ("predict2-2b", 64, "attention_mlp", 91_750_400),
    ("predict2-2b", 16, "attention", 13_762_560),
    ("predict2-2b", 16, "with_norms", 22_937_600 + 28 * 4 * 128),
    ("predict2-14b", 16, "attention_mlp", 71_958_528),
    ("predict2-14b", 32, "attention_mlp", 143_917_056),
    ("predict2.5-14b", 64, "attention_mlp", 287_834_112),
]


@pytest.mark.parametrize(("family", "rank", "targets", "count"), COUNTS)
def test_the_released_sizes_train_so_many_values(family, rank, targets, count) -> None:
    """Built without memory; the frozen rest is the published size of the network."""
    net = build_on_meta(FAMILIES[family].net)
    adapted = add_adapters(net, AdapterSpec(rank=rank, targets=targets), seed=0)
    assert adapted.trainable == count
    norms = count - 22_937_600 if targets == "with_norms" else 0
    assert adapted.frozen == FAMILIES[family].parameters - norms
    assert all(p.is_meta and p.dtype == torch.float32 for p in adapted.parameters)
    doc = (Path(__file__).parents[3] / "docs/explain/adapters.md").read_text(encoding="utf-8")
    assert f"{count:,}" in doc


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_new_adapters_change_no_bit_of_the_output(spec: AdapterSpec, dtype: torch.dtype) -> None:
    net = random_net(config()).to(dtype)
    inputs = random_inputs(config(), **SIZE)
    expected = net(*inputs)
    adapted = add_adapters(net, spec, seed=0)
    found = net(*inputs)
    assert torch.equal(found, expected)
    assert found.dtype == expected.dtype
    found.float().square().mean().backward()
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in adapted.parameters)
    assert all(p.grad is None for name, p in net.named_parameters() if name not in adapted.names)


def test_a_is_as_kaiming_draws_it_and_b_is_zero() -> None:
    """Uniform within 1 / sqrt(inputs), so its deviation is that over sqrt(3)."""
    adapted = add_adapters(random_net(config(width=256)), AdapterSpec(rank=32), seed=0)
    for layer in adapted_layers(adapted.net).values():
        a, b = (factor.detach() for factor in layer.factors)
        most = 1 / math.sqrt(a.shape[1])
        assert float(a.abs().max()) <= most
        assert float(a.std()) == pytest.approx(most / math.sqrt(3), rel=0.2)
        assert not b.any()


def test_a_layers_draw_follows_from_the_seed_and_its_name_alone() -> None:
    nets = [random_net(config()) for _ in range(3)]
    state = torch.get_rng_state()
    whole = add_adapters(nets[0], AdapterSpec(), seed=3)
    few = add_adapters(nets[1], AdapterSpec(targets=("q_proj",)), seed=3)
    other = add_adapters(nets[2], AdapterSpec(), seed=4)
    late = add_adapters(build_on_meta(config()), AdapterSpec(), seed=3)
    late.net.to_empty(device="cpu")
    draw(late.net, 3)
    assert torch.equal(torch.get_rng_state(), state), "the global generator was drawn from"
    name = "blocks.1.cross_attn.q_proj.lora_A.default.weight"
    assert torch.equal(whole.trained[name], few.trained[name])
    assert torch.equal(whole.trained[name], late.trained[name])
    assert not torch.equal(whole.trained[name], other.trained[name])
    twin_name = name.replace("blocks.1", "blocks.0")
    assert not torch.equal(whole.trained[name], whole.trained[twin_name])


@pytest.mark.parametrize("spec", SPECS[:4], ids=str)
def test_output_and_gradients_equal_those_of_pefts_forward(spec: AdapterSpec) -> None:
    base, adapted = trained(spec)
    settings = LoraConfig(
        r=spec.rank,
        lora_alpha=spec.alpha or spec.rank,
        target_modules=list(spec.endings),
        use_dora=spec.dora,
        use_rslora=spec.rslora,
    )
    theirs = inject_adapter_in_model(settings, base)
    theirs.load_state_dict(adapted.net.state_dict())
    inputs = random_inputs(config(), **SIZE)
    expected, found = theirs(*inputs), adapted.net(*inputs)
    assert relative_error(found, expected) < PARITY
    expected.square().mean().backward()
    found.square().mean().backward()
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in adapted.trained.items():
        assert relative_error(parameter.grad, gradients[name]) < 10 * PARITY, name


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_diffusers_loads_what_is_written_and_computes_the_same(tmp_path, spec) -> None:
    base, adapted = trained(spec)
    folder = tmp_path / "adapter"
    adapter = extract(adapted.net, source="run", family="predict2.5-2b")
    write_trained(folder, adapter, extract_norms(adapted.net))
    pipeline = pipeline_around(twin(base.state_dict()))
    pipeline.load_lora_weights(str(folder))
    theirs = pipeline.transformer
    if (folder / NORMS_FILE).exists():
        found = theirs.load_state_dict(load_file(folder / NORMS_FILE), strict=False)
        assert not found.unexpected_keys
    inputs = random_inputs(config(), **SIZE)
    with torch.no_grad():
        expected = adapted.net(*inputs)
        assert relative_error(run_twin(theirs, inputs), expected) < PARITY
        assert relative_error(base(*inputs), expected) > 100 * PARITY


@pytest.mark.parametrize("spec", SPECS[:4], ids=str)
def test_peft_loads_what_is_written_and_merging_it_is_the_adapted_net(tmp_path, spec) -> None:
    base, adapted = trained(spec)
    adapter = extract(adapted.net, source="run", family="predict2.5-2b")
    assert adapter.family == "predict2.5-2b"
    assert adapter.parameters == adapted.trainable
    inputs = random_inputs(config(), **SIZE)
    write_peft_adapter(tmp_path, adapter)
    merged = random_net(config())
    merged.load_state_dict(merge(base.state_dict(), [(read_adapter(tmp_path), 1.0)]))
    loaded = PeftModel.from_pretrained(base, str(tmp_path)).eval()
    with torch.no_grad():
        expected = adapted.net(*inputs)
        assert relative_error(loaded(*inputs), expected) < PARITY
        assert relative_error(merged(*inputs), expected) < PARITY


def test_norms_trained_whole_come_out_by_name_and_lie_beside_the_factors(tmp_path) -> None:
    base, adapted = trained(AdapterSpec(rank=4, targets="with_norms"))
    norms = extract_norms(adapted.net)
    assert set(norms) == set(adapted.base_norms)
    assert len(norms) == 8
    adapter = extract(adapted.net, source="run", family="f")
    write_trained(tmp_path / "a", adapter, norms)
    merged = random_net(config())
    merged.load_state_dict(merge(base.state_dict(), [(read_adapter(tmp_path / "a"), 1.0)]))
    inputs = random_inputs(config(), **SIZE)
    with torch.no_grad():
        assert relative_error(merged(*inputs), adapted.net(*inputs)) < PARITY
    write_trained(tmp_path / "b", adapter, {})
    assert read_norms(tmp_path / "b") == {}


def test_averages_are_taken_out_in_place_of_the_present_values() -> None:
    _, adapted = trained(AdapterSpec(rank=4, targets="with_norms"))
    average = {name: torch.full_like(p, 2.0) for name, p in adapted.trained.items()}
    adapter = extract(adapted.net, source="ema", family="f", tensors=average)
    tensors = [t for x in adapter.layers.values() for t in (x.a, x.b)]
    tensors += extract_norms(adapted.net, average).values()
    assert all(bool((t == 2.0).all()) for t in tensors)


def test_what_is_taken_out_does_not_follow_the_training() -> None:
    _, adapted = trained(AdapterSpec(rank=4))
    adapter = extract(adapted.net, source="x", family="f")
    with torch.no_grad():
        for parameter in adapted.parameters:
            parameter.zero_()
    assert all(bool(x.a.any()) for x in adapter.layers.values())


@pytest.mark.parametrize("spec", SPECS[3:5], ids=str)
def test_without_adapters_the_net_is_its_base_and_then_itself_again(spec: AdapterSpec) -> None:
    base, adapted = trained(spec, torch.bfloat16)
    inputs = random_inputs(config(), **SIZE)
    with torch.no_grad():
        before = adapted.net(*inputs)
        with without_adapters(adapted) as net:
            assert torch.equal(net(*inputs), base(*inputs))
        assert torch.equal(adapted.net(*inputs), before)
    assert all(p.requires_grad for p in adapted.parameters)
    with pytest.raises(ZeroDivisionError), without_adapters(adapted):
        _ = 1 / 0
    assert torch.equal(adapted.net(*inputs), before)


def test_recomputing_blocks_gives_the_same_gradients_with_dropout_too() -> None:
    _, adapted = trained(AdapterSpec(rank=4, dropout=0.3))
    adapted.net.train()
    inputs = random_inputs(config(), **SIZE)
    gradients = []
    for again in (False, True):
        for block in adapted.net.blocks if again else ():
            plain = block.forward
            block.forward = lambda *x, f=plain: checkpoint(f, *x, use_reentrant=False)
        torch.manual_seed(0)
        adapted.net(*inputs).square().mean().backward()
        gradients.append([p.grad.clone() for p in adapted.parameters])
        adapted.net.zero_grad()
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_blocks_with_adapters_compile() -> None:
    """In a process of its own: compilers cannot see through the checker of annotations."""
    script = Path(__file__).with_name("compiled_adapted.py")
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert max(found["errors"]) < PARITY
    assert found["graphs"] == found["expected_graphs"]


@pytest.fixture
def _alone():
    """A process group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("_alone")
def test_a_sharded_and_shared_net_is_called_extracted_and_switched_as_a_plain_one() -> None:
    base, adapted = trained(AdapterSpec(rank=4, dora=True, targets="with_norms"))
    inputs = random_inputs(config(), padded=False, **SIZE)
    expected = extract(adapted.net, source="x", family="f")
    norms = extract_norms(adapted.net)
    with torch.no_grad():
        whole = adapted.net(*inputs)
        for block in adapted.net.blocks:
            fully_shard(block)
        fully_shard(adapted.net)
        shared = SharedNet(adapted.net, LocalAttend(), dist.group.WORLD)
        assert relative_error(shared(*list(inputs)[:4]), whole) < PARITY
        with without_adapters(adapted) as net:
            assert relative_error(net(*inputs), base(*inputs)) < PARITY
        assert relative_error(adapted.net(*inputs), whole) < PARITY
    found = extract(adapted.net, source="x", family="f")
    assert all(torch.equal(found.layers[n].a, expected.layers[n].a) for n in expected.layers)
    assert all(torch.equal(x, norms[n]) for n, x in extract_norms(adapted.net).items())


def test_whole_training_leaves_the_projection_of_raw_text_alone() -> None:
    """Its input is not in the cache: it would be trained by nothing but weight decay."""
    net = random_net(config())
    adapted = train_whole(net)
    projection = sum(p.numel() for p in net.crossattn_proj.parameters())
    assert adapted.frozen == projection
    assert adapted.trainable == sum(p.numel() for p in net.parameters()) - projection
    assert {n for n, p in net.named_parameters() if p.requires_grad} == set(adapted.names)
    older = train_whole(random_net(config("predict2-2b")))
    assert older.frozen == 0


def test_networks_and_settings_that_do_not_fit_are_refused() -> None:
    net = random_net(config())
    with pytest.raises(ConfigError, match="expected a network with adapters, found none"):
        extract(net, source="x", family="f")
    with pytest.raises(ConfigError, match=r"expected one of attention, .*got 'all'"):
        add_adapters(net, AdapterSpec(targets="all"), seed=0)
    with pytest.raises(ConfigError, match="to_q match no layer"):
        add_adapters(net, AdapterSpec(targets=("to_q",)), seed=0)
    add_adapters(net, AdapterSpec(), seed=0)
    with pytest.raises(ConfigError, match="has adapters already"):
        add_adapters(net, AdapterSpec(), seed=0)


@pytest.mark.parametrize(("share", "moved"), [(1.0, 0.35), (0.25, 0.09)])
def test_bfloat16_factors_lose_most_steps(share: float, moved: float) -> None:
    """Why factors are float32: upstream's top rate, 0.6 times 2^-14.5, on A of 2048 inputs."""
    net = random_net(config())
    adapted = add_adapters(net, AdapterSpec(rank=4096, targets=("blocks.0.mlp.layer1",)), seed=0)
    inputs = config().width
    a = adapted.parameters[0].detach() * (inputs / 2048) ** 0.5
    step = share * 0.6 * 2**-14.5
    found = {x: float(((a.to(x).float() + step).to(x) != a.to(x)).float().mean()) for x in TYPES}
    assert found[torch.float32] == 1.0
    assert found[torch.bfloat16] == pytest.approx(moved, abs=0.01)
    narrow = add_adapters(random_net(config()), AdapterSpec(dtype="bfloat16"), seed=0)
    assert all(p.dtype == torch.bfloat16 for p in narrow.parameters)
