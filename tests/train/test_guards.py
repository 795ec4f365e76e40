"""Every guard passes on a sound run and fires on one that is broken in the way it is there for."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import (
    Adapted,
    AdapterSpec,
    add_adapters,
    without_adapters,
)
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.tiny import tiny_checkpoint, tiny_family
from rareworld.train.batch import Batch
from rareworld.train.config import ObjectiveConfig
from rareworld.train.guards import (
    Finding,
    Seen,
    check_adapted_differs,
    check_after_first_step,
    check_base,
    check_first_loss,
    check_initial,
    check_varied,
    enforce,
)
from rareworld.train.objective.base import Loss
from rareworld.train.objective.world import FIRST_LOSS_BAND, WorldObjective

SPEC = AdapterSpec(rank=2, targets="with_norms")


def base(seed: int = 0) -> CosmosDiT:
    checkpoint = tiny_checkpoint("predict2", seed=seed)
    net = CosmosDiT(checkpoint.family.net)
    net.load_state_dict(checkpoint.state)
    return net


def adapted(spec: AdapterSpec = SPEC) -> Adapted:
    return add_adapters(base(), spec, seed=0)


def loss_of(net: CosmosDiT, *, text: float = 1.0) -> Loss:
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        latent=torch.randn(2, 16, 3, 4, 4, generator=generator),
        context=text * torch.randn(2, 5, 64, generator=generator),
        ids=(0, 1),
        clips=("a", "b"),
    )
    config = ObjectiveConfig(text_dropout=0.0)
    return WorldObjective(net, tiny_family("predict2"), config).loss(batch)


def stepped(lr: float = 1e-4, *, text: float = 1.0) -> Adapted:
    """Return a network after a real step of AdamW."""
    run = adapted()
    optimizer = torch.optim.AdamW(run.parameters, lr=lr)
    loss_of(run.net, text=text).total.backward()
    optimizer.step()
    return run


def fires(finding: Finding, *says: str) -> None:
    assert not finding.ok
    with pytest.raises(ConfigError) as error:
        enforce(finding)
    for text in says:
        assert text in str(error.value)


def test_a_sound_run_passes_every_guard() -> None:
    run = adapted()
    findings = [
        check_base(base(), tiny_checkpoint("predict2").state, "tiny"),
        check_base(run.net, tiny_checkpoint("predict2").state, "tiny"),
        check_initial(run.trained),
        check_first_loss(torch.full((8,), 0.03), torch.full((8,), 2.0)),
        check_varied(sound(), clips=4),
    ]
    run = stepped()
    findings.append(check_after_first_step(run.trained, 1e-4))
    with torch.no_grad(), without_adapters(run) as net:
        plain = loss_of(net).per_sample
    findings.append(check_adapted_differs(loss_of(run.net).per_sample, plain))
    assert all(finding.ok for finding in findings), [str(finding) for finding in findings]
    enforce(*findings)


def test_a_sound_run_in_bfloat16_is_held_against_its_checkpoint_too() -> None:
    net = base().to(torch.bfloat16)
    run = add_adapters(net, SPEC, seed=0)
    found = check_base(run.net, tiny_checkpoint("predict2").state, "tiny")
    assert found.ok
    assert "(100.0%)" in found.found


def test_base_weights_that_were_not_loaded_are_noticed() -> None:
    """As when a layout is guessed and everything unknown is skipped: the net keeps its own."""
    wanted = tiny_checkpoint("predict2").state
    fires(
        check_base(CosmosDiT(tiny_family("predict2").net), wanted, "model.pt"),
        "0 of 47 tensors are those of model.pt (0.0%)",
        "47 of other values: x_embedder",
        "check base.model",
    )
    one = base()
    with torch.no_grad():
        one.blocks[1].mlp.layer2.weight[0] += 1
    fires(check_base(one, wanted, "m"), "46 of 47", "1 of other values: blocks.1.mlp.layer2.weight")
    fires(check_base(build_on_meta(tiny_family("predict2").net), wanted, "m"), "0 of 47")


def test_keys_that_find_no_place_are_noticed() -> None:
    wanted = dict(tiny_checkpoint("predict2").state)
    lost = wanted.pop("blocks.0.mlp.layer1.weight")
    fires(
        check_base(base(), wanted | {"module.blocks.0.mlp.layer1.weight": lost}, "m"),
        "1 missing: blocks.0.mlp.layer1.weight",
        "1 without a place: module.blocks.0.mlp.layer1.weight",
    )


def test_packed_layers_only_have_to_be_there() -> None:
    net, wanted = base(), tiny_checkpoint("predict2").state
    layer = net.get_submodule("blocks.0.mlp.layer1")
    layer.weight = torch.nn.Parameter(torch.zeros(9, dtype=torch.uint8), requires_grad=False)
    assert check_base(net, wanted, "m").ok


@pytest.mark.parametrize(
    ("value", "says"),
    [(0.0, "are all zero: blocks.1.mlp.layer1.lora_A"), (float("nan"), "are not finite: blocks.1")],
)
def test_an_a_that_was_never_drawn_is_noticed(value: float, says: str) -> None:
    run = adapted()
    with torch.no_grad():
        run.trained["blocks.1.mlp.layer1.lora_A.default.weight"].fill_(value)
    fires(check_initial(run.trained), says, "adapt.draw")


def test_adapters_left_on_the_meta_device_and_none_at_all_are_noticed() -> None:
    run = add_adapters(build_on_meta(tiny_family("predict2").net), SPEC, seed=0)
    fires(check_initial(run.trained), "48 have no memory", "0 sound")
    fires(check_initial({}), "nothing is trained")


def test_a_first_step_of_rate_zero_is_noticed() -> None:
    fires(check_after_first_step(stepped(lr=0.0).trained, 0.0), "B moved in 0 of 20", "f_start")


def test_a_step_on_parameters_that_the_network_does_not_use_is_noticed() -> None:
    """As when a network is copied, or sharded, after its optimizer was made."""
    run = adapted()
    optimizer = torch.optim.AdamW(run.parameters)
    used = copy.deepcopy(run)
    loss_of(used.net).total.backward()
    optimizer.step()
    fires(check_after_first_step(used.trained, 1e-4), "no gradient reaches them")


def test_one_dead_layer_is_noticed_but_attention_to_dropped_text_may_rest() -> None:
    rested = stepped(text=0.0)
    found = check_after_first_step(rested.trained, 1e-4)
    assert found.ok, str(found)
    assert "B moved in 12 of 20" in found.found
    with torch.no_grad():
        rested.trained["blocks.0.self_attn.v_proj.lora_B.default.weight"].zero_()
    fires(check_after_first_step(rested.trained, 1e-4), "blocks.0.self_attn.v_proj.lora_B")


def test_a_step_that_diverged_is_noticed() -> None:
    fires(check_after_first_step(stepped(lr=float("inf")).trained, 1.0), "not finite; lower")
    whole = {"blocks.0.mlp.layer1.weight": torch.ones(1)}
    assert check_after_first_step(whole, 1e-4).ok, "without adapters there is nothing to see"


def test_the_first_loss_of_random_weights_is_noticed() -> None:
    loss = loss_of(base())
    found = check_first_loss(loss.tags["velocity_error"], loss.tags["velocity_power"])
    fires(found, "predicting nothing", "base.conditional_timestep", "not normalised")


@pytest.mark.parametrize(
    ("error", "samples", "ok"),
    [
        (FIRST_LOSS_BAND[0] / 2, 8, False),
        (FIRST_LOSS_BAND[0] * 2, 8, True),
        (FIRST_LOSS_BAND[1] * 0.9, 8, True),
        (FIRST_LOSS_BAND[1] * 1.1, 8, False),
        (FIRST_LOSS_BAND[1] * 1.1, 2, True),
        (1.9, 2, False),
        (3.04, 1, False),
        (float("nan"), 8, False),
    ],
)
def test_first_losses_are_held_to_the_band(error: float, samples: int, ok: bool) -> None:
    found = check_first_loss(torch.full((samples,), error), torch.full((samples,), 2.0))
    assert found.ok == ok, str(found)


def test_an_adapter_that_does_nothing_is_noticed() -> None:
    run = adapted()
    output = loss_of(run.net).per_sample
    with torch.no_grad(), without_adapters(run) as net:
        fires(check_adapted_differs(output, loss_of(net).per_sample), "B is zero")
    fires(check_adapted_differs(output * float("nan"), output), "training diverged")


def sound() -> list[Seen]:
    """Return 16 draws of two windows each of four clips."""
    return [
        Seen(window=f"{i % 4}#{i % 8}", clip=f"{i % 4}", level=0.1 * i, fingerprint=(i % 8, 1.0))
        for i in range(16)
    ]


BROKEN = {
    "one clip": ({"clip": "a"}, "1 clips of 40"),
    "one level": ({"level": 0.5}, "1 noise levels"),
    "one latent": ({"fingerprint": (0.0, 1.0)}, "1 contents in 8 windows"),
    "blank videos": ({"fingerprint": (0.0, 0.0)}, "16 samples of one value throughout"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_data_that_does_not_vary_is_noticed(name: str) -> None:
    changes, says = BROKEN[name]
    seen = [replace(one, **changes) for one in sound()]
    fires(check_varied(seen, clips=40), says, "build the cache again")
    assert check_varied(seen[:7], clips=40).ok, "seven samples tell nothing"


def test_a_long_run_of_the_thousand_levels_of_predict2_5_varies() -> None:
    levels = torch.randint(1000, (5000,), generator=torch.Generator().manual_seed(0))
    seen = [
        Seen(window=f"{i % 50}#0", clip=f"{i % 50}", level=float(x), fingerprint=(i % 50, 1.0))
        for i, x in enumerate(levels)
    ]
    assert check_varied(seen, clips=50).ok


def test_all_that_failed_is_told_at_once() -> None:
    bad = check_initial({})
    worse = check_adapted_differs(torch.ones(1), torch.ones(1))
    with pytest.raises(ConfigError, match=r"(?s)learn nothing.*initial weights.*adapted output"):
        enforce(bad, Finding(check="x", ok=True, found="fine"), worse)


def test_figures_are_told_of_sound_findings_too() -> None:
    values: Tensor = torch.full((8,), 0.03)
    line = str(check_first_loss(values, 2 * values))
    assert line.startswith(
        "first loss: velocity error 0.03 over 8 samples, expected 0.003 to 0.302"
    )
    assert "base.model" not in line
