"""T5 and Reason1 against diffusers' pipelines with the same weights, and closed forms."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import Cosmos2_5_PredictBasePipeline, Cosmos2VideoToWorldPipeline
from torch import Tensor, nn
from transformers import Qwen2_5_VLForConditionalGeneration

from models.text import tiny
from rareworld.errors import ConfigError, FormatError
from rareworld.models.text.encoder import (
    EncoderName,
    TextCutWarning,
    TextEncoder,
    seated,
    zero_rows,
)
from rareworld.models.text.mini import MiniEncoder
from rareworld.models.text.reason1 import SYSTEM_PROMPT, Reason1Encoder, normalise
from rareworld.models.text.t5 import T5Encoder

PROMPTS = ["a car hits the bus at night", "red light", "truck"]
CPU = torch.device("cpu")


def _t5_by_diffusers(encoder: T5Encoder, prompts: list[str]) -> Tensor:
    net = tiny.t5_net().get_encoder()
    pipeline: Any = SimpleNamespace(tokenizer=encoder._tokenizer, text_encoder=net)
    with torch.no_grad():
        return Cosmos2VideoToWorldPipeline._get_t5_prompt_embeds(
            pipeline, prompts, max_sequence_length=512, device=CPU, dtype=torch.float32
        )


def _reason1_by_diffusers(encoder: Reason1Encoder, prompts: list[str]) -> Tensor:
    pipeline: Any = SimpleNamespace(
        tokenizer=encoder._tokenizer, text_encoder=tiny.reason1_net().float()
    )
    with torch.no_grad():
        return Cosmos2_5_PredictBasePipeline._get_prompt_embeds(
            pipeline, prompts, max_sequence_length=512, device=CPU, dtype=torch.float32
        )


@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[:1]], ids=["batch", "single"])
def test_t5_equals_diffusers_bit_for_bit(t5: T5Encoder, prompts: list[str]) -> None:
    assert torch.equal(t5.encode(prompts), _t5_by_diffusers(t5, prompts))


@pytest.mark.filterwarnings("ignore::rareworld.models.text.encoder.TextCutWarning")
def test_t5_equals_diffusers_where_text_is_cut(t5: T5Encoder) -> None:
    assert torch.equal(t5.encode([tiny.LONG]), _t5_by_diffusers(t5, [tiny.LONG]))


def test_t5_rows_are_zero_from_the_end_of_the_prompt_on(t5: T5Encoder) -> None:
    context = t5.encode(PROMPTS)
    for row, prompt in zip(context, PROMPTS, strict=True):
        tokens = len(prompt.split()) + 1  # the end of sequence counts
        assert row[:tokens].ne(0).any(dim=-1).all()
        assert torch.equal(row[tokens:], torch.zeros(512 - tokens, 32))


def test_t5_pads_with_a_mask_so_the_others_in_a_batch_do_not_matter(t5: T5Encoder) -> None:
    together, alone = t5.encode(PROMPTS)[1], t5.encode([PROMPTS[1]])[0]
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[:1]], ids=["batch", "single"])
def test_reason1_equals_diffusers_on_the_whole_model(
    reason1: Reason1Encoder, prompts: list[str]
) -> None:
    ours, theirs = reason1.encode(prompts), _reason1_by_diffusers(reason1, prompts)
    assert ours.shape == (len(prompts), 512, tiny.LAYERS * tiny.CHANNELS)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::rareworld.models.text.encoder.TextCutWarning")
def test_reason1_equals_diffusers_where_text_is_cut(reason1: Reason1Encoder) -> None:
    ours, theirs = reason1.encode([tiny.LONG]), _reason1_by_diffusers(reason1, [tiny.LONG])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_both_equal_diffusers_bit_for_bit_in_bfloat16(
    t5_folder: Path, reason1_folder: Path
) -> None:
    kind = torch.bfloat16
    t5 = T5Encoder.load(t5_folder, dtype=kind, device=CPU)
    reason1 = Reason1Encoder.load(reason1_folder, dtype=kind, device=CPU)
    whole = Qwen2_5_VLForConditionalGeneration.from_pretrained(reason1_folder, dtype=kind).eval()
    first: Any = SimpleNamespace(tokenizer=t5._tokenizer, text_encoder=t5._net)
    second: Any = SimpleNamespace(tokenizer=reason1._tokenizer, text_encoder=whole)
    more: dict[str, Any] = {"max_sequence_length": 512, "device": CPU, "dtype": kind}
    with torch.no_grad():
        one = Cosmos2VideoToWorldPipeline._get_t5_prompt_embeds(first, PROMPTS, **more)
        two = Cosmos2_5_PredictBasePipeline._get_prompt_embeds(second, PROMPTS, **more)
    assert torch.equal(t5.encode(PROMPTS), one)
    assert torch.equal(reason1.encode(PROMPTS), two)


def test_reason1_is_every_layer_but_the_embedding_normalised_side_by_side(
    reason1: Reason1Encoder,
) -> None:
    ids = torch.tensor([reason1._fit(reason1._tokens(PROMPTS[0])).tolist()])
    with torch.no_grad():
        states = tiny.reason1_net()(input_ids=ids, output_hidden_states=True).hidden_states
    assert len(states) == tiny.LAYERS + 1
    expected = []
    for state in states[1:]:
        exact = state.double()
        mean = exact.sum(-1, keepdim=True) / tiny.CHANNELS
        variance = ((exact - mean) ** 2).sum(-1, keepdim=True) / (tiny.CHANNELS - 1)
        expected.append((exact - mean) / (variance.sqrt() + 1e-8))
    found = reason1.encode(PROMPTS[:1]).double()
    torch.testing.assert_close(found, torch.cat(expected, -1), rtol=0, atol=1e-5)


def test_normalised_rows_have_mean_zero_and_unbiased_deviation_one() -> None:
    rows = normalise(3 + 5 * torch.randn(2, 4, 64, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(rows.mean(-1), torch.zeros(2, 4), rtol=0, atol=1e-6)
    torch.testing.assert_close(rows.std(-1), torch.ones(2, 4), rtol=0, atol=1e-6)


def test_reason1_reads_padding_as_text_so_its_rows_are_states_too(reason1: Reason1Encoder) -> None:
    tokens = reason1._tokens(PROMPTS[0])
    context = reason1.encode(PROMPTS[:1])[0]
    assert context.ne(0).any(dim=-1).all()
    other = Reason1Encoder(reason1._net, reason1._tokenizer, device=CPU)
    other._pad = tokens[-1]
    changed = other.encode(PROMPTS[:1])[0]
    assert torch.equal(context[: len(tokens)], changed[: len(tokens)])  # causal: text is before it
    assert (context[len(tokens) :] - changed[len(tokens) :]).abs().amax(-1).gt(1e-3).all()


def test_reason1_puts_the_prompt_into_the_chat_it_was_trained_with(
    reason1: Reason1Encoder,
) -> None:
    chat = (
        f"<|im_start|>system\n{SYSTEM_PROMPT}<|im_end|>\n<|im_start|>user\na car hits<|im_end|>\n"
    )
    assert reason1._tokens("a car hits") == reason1._tokenizer(chat)["input_ids"]


@pytest.mark.parametrize("name", ["t5", "reason1", "mini"])
def test_text_that_does_not_fit_is_shown(name: str, request: pytest.FixtureRequest) -> None:
    encoder: TextEncoder = MiniEncoder(64) if name == "mini" else request.getfixturevalue(name)
    assert encoder.cut(PROMPTS[0]) == ""
    cut = encoder.cut(tiny.LONG)
    assert tiny.LONG.endswith(cut[-40:])
    assert 80 < len(cut.split()) < 130
    with pytest.warns(TextCutWarning, match=r"more than 512 tokens; its end is not read: '\w+"):
        encoder.encode([tiny.LONG])


@pytest.mark.parametrize("name", ["t5", "reason1", "mini"])
def test_nothing_to_encode_is_an_error(name: str, request: pytest.FixtureRequest) -> None:
    encoder: TextEncoder = MiniEncoder(64) if name == "mini" else request.getfixturevalue(name)
    assert encoder.name is EncoderName(name)
    assert isinstance(encoder, TextEncoder)
    with pytest.raises(ConfigError, match="at least one prompt"):
        encoder.encode([])


def test_prompts_that_differ_give_contexts_that_differ(t5: T5Encoder, reason1) -> None:
    for encoder in (t5, reason1):
        one, two = encoder.encode(["a car hits the bus", "the bus hits a car"])
        assert (one - two).abs().max() > 1e-2


def test_zero_rows_leaves_rows_before_the_length() -> None:
    rows = zero_rows(torch.full((2, 4, 3), torch.nan), [4, 0])
    assert rows[0].isnan().all()
    assert torch.equal(rows[1], torch.zeros(4, 3))


class Travelled(nn.Module):
    """Remembers where it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []

    def to(self, *args: Any, **kwargs: Any) -> "Travelled":
        self.places.append(str(args[0]))
        return self


@pytest.mark.parametrize(("offload", "places"), [(False, ["meta"]), (True, ["meta", "cpu"])])
def test_a_net_leaves_its_device_with_offload_only(offload: bool, places: list[str]) -> None:
    net = Travelled()
    with pytest.raises(KeyError), seated(net, torch.device("meta"), offload=offload):
        raise KeyError
    assert net.places == places


def test_weights_that_are_missing_are_named(t5_folder: Path, tmp_path: Path) -> None:
    folder = tiny.write_t5(tmp_path / "t5")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    del state["encoder.block.1.layer.0.SelfAttention.q.weight"]
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(FormatError, match=r"1 weights .* missing.*block.1.*SelfAttention.q"):
        T5Encoder.load(folder, dtype=torch.float32, device=CPU)


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _no_weights(folder: Path) -> None:
    (folder / "pytorch_model.bin").unlink()


def _cut_weights(folder: Path) -> None:
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [_no_tokenizer, _broken_tokenizer, _no_weights, _cut_weights])
def test_a_damaged_folder_is_refused_with_what_belongs_there(damage, tmp_path: Path) -> None:
    folder = tiny.write_t5(tmp_path / "t5")
    damage(folder)
    with pytest.raises(FormatError, match=r"not a whole T5-11B.*it takes config.json"):
        T5Encoder.load(folder, dtype=torch.float32, device=CPU)


def test_a_tokenizer_without_chat_template_is_refused(tmp_path: Path) -> None:
    folder = tiny.write_reason1(tmp_path / "reason1")
    (folder / "chat_template.json").unlink()
    with pytest.raises(FormatError, match="chat template"):
        Reason1Encoder.load(folder, dtype=torch.float32, device=CPU)


def test_weights_are_held_in_the_type_asked_for(t5_folder: Path, reason1_folder: Path) -> None:
    for kind, folder in ((T5Encoder, t5_folder), (Reason1Encoder, reason1_folder)):
        encoder = kind.load(folder, dtype=torch.bfloat16, device=CPU)
        assert {p.dtype for p in encoder._net.parameters()} == {torch.bfloat16}
        assert not any(p.requires_grad for p in encoder._net.parameters())
        assert encoder.encode(PROMPTS[:1]).dtype is torch.bfloat16
