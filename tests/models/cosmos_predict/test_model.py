"""The transformer against diffusers' with the same weights, and every trap of the architecture."""

import json
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models.cosmos_predict.tiny import (
    Inputs,
    random_inputs,
    random_net,
    relative_error,
    tiny_config,
)
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT, init_weights
from rareworld.nn.attention import LocalAttend

EVERY = sorted(FAMILIES)
TOLERANCE = 1e-5
"""Largest relative error in float32 that is accepted between two networks."""

DIFFUSERS_NAMES = (
    ("x_embedder.proj.1", "patch_embed.proj"),
    ("t_embedder.1", "time_embed.t_embedder"),
    ("t_embedding_norm", "time_embed.norm"),
    ("final_layer.linear", "proj_out"),
    ("final_layer.adaln_modulation.", "norm_out.linear_"),
    ("blocks.", "transformer_blocks."),
    ("adaln_modulation_self_attn.", "norm1.linear_"),
    ("adaln_modulation_cross_attn.", "norm2.linear_"),
    ("adaln_modulation_mlp.", "norm3.linear_"),
    ("self_attn.", "attn1."),
    ("cross_attn.", "attn2."),
    ("output_proj", "to_out.0"),
    ("q_proj", "to_q"),
    ("k_proj", "to_k"),
    ("v_proj", "to_v"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
    ("mlp.layer1", "ff.net.0.proj"),
    ("mlp.layer2", "ff.net.2"),
)


def diffusers_name(name: str) -> str:
    for ours, theirs in DIFFUSERS_NAMES:
        name = name.replace(ours, theirs)
    return name


def twin_in_diffusers(net: CosmosDiT) -> CosmosTransformer3DModel:
    """Return diffusers' network of the same shape with the same weights."""
    c = net.config
    rows, columns, frames = c.rope_ratios
    twin = CosmosTransformer3DModel(
        in_channels=c.latent_channels + 2,
        out_channels=c.latent_channels,
        num_attention_heads=c.num_heads,
        attention_head_dim=c.head_dim,
        num_layers=c.num_blocks,
        mlp_ratio=c.mlp_ratio,
        text_embed_dim=c.context_dim,
        adaln_lora_dim=c.adaln_dim,
        patch_size=c.patch,
        rope_scale=(frames, rows, columns),
        concat_padding_mask=False,
        extra_pos_embed_type=None,
        use_crossattn_projection=c.raw_context_dim is not None,
        crossattn_proj_in_channels=c.raw_context_dim or c.context_dim,
        encoder_hidden_states_channels=c.context_dim,
    )
    state = {diffusers_name(name): value for name, value in net.state_dict().items()}
    twin.load_state_dict(state, strict=True)
    return twin


def run_diffusers(
    twin: CosmosTransformer3DModel, config: NetConfig, given: Inputs, fps: int | None = None
) -> Tensor:
    """Return its prediction; no frame rate means no scaling of time, as upstream has it.

    It resizes the padding mask through torchvision, so both masks go in as one.
    """
    t = given.timestep * config.timestep_scale
    assert given.padding_mask is not None
    padding = given.padding_mask[:, :, None, ::8, ::8].expand_as(given.condition_mask)
    return twin(
        hidden_states=given.latent,
        timestep=t[:, None, :, None, None] if t.ndim == 2 else t,
        encoder_hidden_states=given.context,
        condition_mask=torch.cat([given.condition_mask, padding], dim=1),
        fps=fps,
        return_dict=False,
    )[0]


@pytest.mark.parametrize("per_frame", [False, True], ids=["per clip", "per frame"])
@pytest.mark.parametrize("family", EVERY)
@torch.no_grad()
def test_parity_with_diffusers(family: str, per_frame: bool) -> None:
    config = tiny_config(family)
    net = random_net(config)
    given = random_inputs(config, per_frame=per_frame)
    expected = run_diffusers(twin_in_diffusers(net), config, given)
    assert relative_error(net(*given), expected) <= TOLERANCE


@torch.no_grad()
def test_parity_with_diffusers_at_real_heads_and_many_tokens() -> None:
    config = tiny_config("predict2.5-2b", width=256, num_heads=2, num_blocks=3)
    net = random_net(config)
    given = random_inputs(config, size=(6, 10, 14), per_frame=True)
    expected = run_diffusers(twin_in_diffusers(net), config, given)
    assert relative_error(net(*given), expected) <= TOLERANCE


@pytest.mark.parametrize(("fps", "same"), [(24, True), (16, False)])
@torch.no_grad()
def test_time_is_not_scaled_by_the_frame_rate(fps: int, same: bool) -> None:
    """Diffusers scales by 24 / fps when given one; upstream has that switched off."""
    config = tiny_config("predict2-2b")
    net = random_net(config)
    given = random_inputs(config)
    error = relative_error(net(*given), run_diffusers(twin_in_diffusers(net), config, given, fps))
    assert error <= TOLERANCE if same else error > 100 * TOLERANCE


def test_gradients_agree_with_diffusers() -> None:
    config = tiny_config("predict2.5-2b")
    net = random_net(config)
    twin = twin_in_diffusers(net)
    given = random_inputs(config, per_frame=True)
    net(*given).square().sum().backward()
    run_diffusers(twin, config, given).square().sum().backward()
    theirs = dict(twin.named_parameters())
    worst = max(
        relative_error(p.grad, theirs[diffusers_name(name)].grad)
        for name, p in net.named_parameters()
        if p.grad is not None
    )
    assert all(p.grad is not None for p in net.parameters())
    assert worst <= 1e-4


@pytest.mark.parametrize("family", EVERY)
def test_names_are_upstreams(family: str) -> None:
    names = set(random_net(tiny_config(family, num_blocks=1)).state_dict())
    parts = ("self_attn", "cross_attn")
    expected = {f"blocks.0.{a}.{p}_proj.weight" for a in parts for p in ("q", "k", "v", "output")}
    expected |= {f"blocks.0.{a}.{p}_norm.weight" for a in parts for p in "qk"}
    expected |= {f"blocks.0.mlp.layer{n}.weight" for n in (1, 2)}
    expected |= {
        f"blocks.0.adaln_modulation_{a}.{n}.weight" for a in (*parts, "mlp") for n in (1, 2)
    }
    expected |= {f"t_embedder.1.linear_{n}.weight" for n in (1, 2)}
    expected |= {f"final_layer.adaln_modulation.{n}.weight" for n in (1, 2)}
    expected |= {"x_embedder.proj.1.weight", "t_embedding_norm.weight", "final_layer.linear.weight"}
    if family.startswith("predict2.5"):
        expected |= {"crossattn_proj.0.weight", "crossattn_proj.0.bias"}
    assert names == expected


@torch.no_grad()
def test_input_channels_are_latent_then_condition_then_padding() -> None:
    config = tiny_config("predict2-2b")
    net = random_net(config)
    given = random_inputs(config)
    seen: list[Tensor] = []
    net.x_embedder.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    net(*given)
    c = config.latent_channels
    assert torch.equal(seen[0][:, :c], given.latent)
    assert torch.equal(seen[0][:, c], given.condition_mask[:, 0])
    assert given.padding_mask is not None
    nearest = given.padding_mask[..., ::8, ::8]
    assert torch.equal(seen[0][:, c + 1], nearest.expand(-1, 3, -1, -1))


@torch.no_grad()
def test_no_padding_mask_means_nothing_is_padded() -> None:
    config = tiny_config("predict2-2b")
    net = random_net(config)
    given = random_inputs(config, padded=False)
    padding = torch.zeros(2, 1, 32, 48)
    assert torch.equal(net(*given), net(*list(given)[:4], padding))


def block_arguments(net: CosmosDiT, given: Inputs) -> tuple[Any, ...]:
    """Return what the first block is called with."""
    seen: list[tuple[Any, ...]] = []
    net.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args))
    net(*given)
    return seen[0]


@pytest.mark.parametrize("family", EVERY)
@torch.no_grad()
def test_blocks_see_the_normalised_sinusoid_and_the_shared_vector(family: str) -> None:
    config = tiny_config(family)
    net = random_net(config).double()
    given = random_inputs(config).to(torch.float64)
    _, embedding, shared, *_ = block_arguments(net, given)
    half = config.width // 2
    t = given.timestep.double()[:, None] * config.timestep_scale
    angles = t * torch.exp(-torch.log(torch.tensor(1e4)) * torch.arange(half) / half)
    waves = torch.cat([angles.cos(), angles.sin()], dim=1)
    rms = waves.square().mean(dim=1, keepdim=True).add(1e-6).sqrt()
    assert relative_error(embedding[:, 0], waves / rms * net.t_embedding_norm.weight) < 1e-5
    first, second = (x.weight for x in (net.t_embedder[1].linear_1, net.t_embedder[1].linear_2))
    hidden = waves @ first.T
    hidden = hidden * hidden.sigmoid()
    assert relative_error(shared[:, 0], hidden @ second.T) < 1e-5


@torch.no_grad()
def test_timesteps_are_never_spread_over_tokens() -> None:
    config = tiny_config("predict2-2b")
    net = random_net(config)
    per_clip = largest_tensors(net, random_inputs(config, size=(4, 8, 8)))
    per_frame = largest_tensors(net, random_inputs(config, size=(4, 8, 8), per_frame=True))
    assert per_frame == per_clip


class Watch(TorchDispatchMode):
    """Counts operations by the size of what they make."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.sizes[out.numel()] = self.sizes.get(out.numel(), 0) + 1
        return out


def largest_tensors(net: CosmosDiT, given: Inputs) -> dict[int, int]:
    """Return how often tensors as large as the tokens, or larger, are made."""
    tokens = given.latent[:, 0].numel() // 4 * net.config.width
    with Watch() as watch:
        net(*given)
    return {size: count for size, count in watch.sizes.items() if size >= tokens}


class Live(TorchDispatchMode):
    """Follows the bytes of what is alive, but for what was there before."""

    def __init__(self, net: CosmosDiT) -> None:
        super().__init__()
        self.seen = {p.untyped_storage()._cdata for p in net.parameters()}
        self.now = self.peak = 0

    def free(self, key: int, size: int) -> None:
        self.seen.discard(key)
        self.now -= size

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for made in out if isinstance(out, tuple | list) else [out]:
            storage = made.untyped_storage() if isinstance(made, Tensor) else None
            if storage is not None and storage._cdata not in self.seen:
                self.seen.add(storage._cdata)
                weakref.finalize(storage, self.free, storage._cdata, storage.nbytes())
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
        return out


@pytest.mark.parametrize("per_frame", [False, True], ids=["per clip", "per frame"])
@pytest.mark.parametrize("family", ["predict2-2b", "predict2.5-2b"])
@torch.no_grad()
def test_peak_memory_is_seven_times_the_tokens_at_full_size(family: str, per_frame: bool) -> None:
    """Tokens, what the MLP reads, its hidden layer of four and what it gives; no memory is taken.

    With the weights: 6.4 and 6.6 GB at 704 x 1280 x 93 in bfloat16, text projected beforehand.
    """
    config = FAMILIES[family].net.model_copy(update={"num_blocks": 3})
    net = build_on_meta(config).bfloat16()
    net.set_attention(lambda q, k, v: torch.empty_like(q))

    def zeros(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device="meta")

    steps = zeros(1, 24, dtype=torch.float32) if per_frame else zeros(1, dtype=torch.float32)
    text = zeros(1, 512, config.context_dim)
    with Live(net) as live:
        net(zeros(1, 16, 24, 88, 160), steps, text, zeros(1, 1, 24, 88, 160))
    tokens = 84_480 * config.width * 2
    assert 7.0 <= live.peak / tokens <= 7.3
    assert FAMILIES[family].parameters * 2 + live.peak <= 7.0e9


@torch.no_grad()
def test_text_is_attended_without_a_mask() -> None:
    """Rows of zeros past the prompt take their share of the softmax."""
    config = tiny_config("predict2-2b")
    net = random_net(config)
    latent, timestep, context, mask, padding = random_inputs(config)
    longer = torch.cat([context, torch.zeros_like(context)], dim=1)
    short = net(latent, timestep, context, mask, padding)
    assert relative_error(net(latent, timestep, longer, mask, padding), short) > 1e-3


@torch.no_grad()
def test_projected_context_skips_the_projection() -> None:
    config = tiny_config("predict2.5-2b")
    net = random_net(config)
    latent, timestep, context, mask, padding = random_inputs(config)
    once = net.project_context(context)
    again = net(latent, timestep, once, mask, padding)
    assert torch.equal(again, net(latent, timestep, context, mask, padding))
    formula = torch.nn.functional.linear(context, *net.crossattn_proj[0].parameters())
    exact = formula * 0.5 * (1 + torch.erf(formula / 2**0.5))
    assert relative_error(once, exact) <= TOLERANCE


@pytest.mark.parametrize(
    ("family", "embedding", "result"),
    [
        ("predict2-2b", torch.bfloat16, torch.bfloat16),
        ("predict2-14b", torch.bfloat16, torch.bfloat16),
        ("predict2.5-2b", torch.float32, torch.float32),
        ("predict2.5-14b", torch.float32, torch.float32),
    ],
)
@torch.no_grad()
def test_only_predict25_modulates_and_ends_in_float32(
    family: str, embedding: torch.dtype, result: torch.dtype
) -> None:
    config = tiny_config(family)
    net = random_net(config).bfloat16()
    given = random_inputs(config).to(torch.bfloat16)
    x, told, shared, *_ = block_arguments(net, given)
    assert (x.dtype, told.dtype, shared.dtype) == (torch.bfloat16, embedding, embedding)
    assert net(*given).dtype == result


@torch.no_grad()
def test_float32_modulation_is_exact_to_float32_with_bfloat16_weights() -> None:
    config = tiny_config("predict2.5-2b")
    net = random_net(config).bfloat16()
    given = random_inputs(config).to(torch.bfloat16)
    coarse = random_net(config.model_copy(update={"fp32_modulation": False})).bfloat16()
    wide = random_net(config).bfloat16().double()
    exact = block_arguments(wide, given.to(torch.float64))[2]
    assert relative_error(block_arguments(net, given)[2], exact) < 1e-5
    assert relative_error(block_arguments(coarse, given)[2], exact) > 1e-4


@pytest.mark.parametrize("family", EVERY)
def test_in_place_work_without_gradients_changes_nothing(family: str) -> None:
    config = tiny_config(family)
    net = random_net(config)
    given = random_inputs(config, per_frame=True)
    kept = [None if x is None else x.clone() for x in given]
    with torch.no_grad():
        without = net(*given)
    assert relative_error(without, net(*given).detach()) < 1e-6
    assert all(
        x is y or torch.equal(x, y) for x, y in zip(given, kept, strict=True) if x is not None
    )


@pytest.mark.parametrize("family", EVERY)
@torch.no_grad()
def test_several_texts_are_answered_as_one_by_one_with_shared_work(family: str) -> None:
    """The first block's self-attention is computed once; every bit stays."""
    asked: list[int] = []

    def counted(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        asked.append(k.shape[1])
        return LocalAttend()(q, k, v)

    config = tiny_config(family)
    net = random_net(config, attend=counted)
    latent, timestep, context, mask, padding = random_inputs(config, per_frame=True)
    texts = (context, context + 1, context[:, :3])
    alone = [net(latent, timestep, text, mask, padding) for text in texts]
    each = len(asked)
    together = net(latent, timestep, texts, mask, padding)
    assert all(torch.equal(a, b) for a, b in zip(together, alone, strict=True))
    assert len(asked) - each == each - (len(texts) - 1)


@torch.no_grad()
def test_a_share_with_its_rows_of_the_table_equals_its_part_of_the_whole() -> None:
    """With one key per query nothing is exchanged, so shares can be compared directly."""

    def own(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return v + 0.1 * (q - k)

    config = tiny_config("predict2-2b")
    net = random_net(config)
    net.set_attention(own, cross=LocalAttend())
    given = random_inputs(config, size=(4, 4, 6), per_frame=True)
    whole = net(*given)
    table = net.rotary(net.grid(given.latent), given.latent.device)
    shares = [
        net(
            given.latent[:, :, part],
            given.timestep[:, part],
            given.context,
            given.condition_mask[:, :, part],
            given.padding_mask,
            rope=table.unflatten(0, (4, -1))[part].flatten(0, 1),
        )
        for part in (slice(0, 2), slice(2, 4))
    ]
    assert relative_error(torch.cat(shares, dim=2), whole) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "graphs"),
    [("inference", 1), ("tuned", 1), ("training", 1), ("texts", 3), ("heights", 10)],
)
def test_fused_blocks_agree_with_plain_ones(mode: str, graphs: int) -> None:
    """In a process of its own: compilers cannot see through the checker of annotations."""
    script = Path(__file__).with_name("compiled.py")
    ran = subprocess.run(
        [sys.executable, str(script), mode], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["graphs"] == graphs
    assert max(found["errors"]) < TOLERANCE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"latent": torch.zeros(1, 15, 2, 4, 4)}, "16 channels"),
        ({"latent": torch.zeros(1, 16, 2, 5, 4)}, "multiples of"),
        ({"latent": torch.zeros(1, 16, 2, 4, 242)}, "up to"),
        ({"context": torch.zeros(1, 3, 7)}, "found 7"),
        ({"timestep": torch.zeros(1, 3)}, "one per clip or per latent frame"),
    ],
    ids=["channels", "patch", "too large", "context", "timestep"],
)
@torch.no_grad()
def test_inputs_that_do_not_fit_are_named(change: dict[str, Tensor], says: str) -> None:
    config = tiny_config("predict2.5-2b")
    given = {
        "latent": torch.zeros(1, 16, 2, 4, 4),
        "timestep": torch.zeros(1),
        "context": torch.zeros(1, 3, 24),
        **change,
    }
    size = given["latent"].shape[2:]
    with pytest.raises(ConfigError, match=says):
        random_net(config)(**given, condition_mask=torch.zeros(1, 1, *size))


def test_initial_weights_follow_the_seed_and_do_not_modulate() -> None:
    config = tiny_config("predict2.5-2b")
    nets = [CosmosDiT(config) for _ in range(2)]
    for net in nets:
        init_weights(net, torch.Generator().manual_seed(7))
    first, second = (net.state_dict() for net in nets)
    assert all(torch.equal(first[name], second[name]) for name in first)
    up = first["blocks.0.adaln_modulation_mlp.2.weight"]
    assert not up.any()
    drawn = first["blocks.1.mlp.layer1.weight"]
    assert float(drawn.std() * config.width**0.5) == pytest.approx(0.986, abs=0.02)
