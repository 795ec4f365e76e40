"""Cosmos-Reason1-7B's hidden states, the text encoder of Predict2.5: 512 x 100,352.

The prompt is put into a chat, padded or cut to 512 tokens and read without a mask, so the rows of
padding are states like any other and are attended to. Every layer's state is normalised over its
channels and all layers stand side by side; the net projects them first (`projection.py`).

Source: nvidia/Cosmos-Reason1-7B (Qwen2.5-VL-7B); cosmos-predict2.5 `text_encoders/text_encoder.py`.
Oracle: diffusers' `Cosmos2_5_PredictBasePipeline` on the whole model, same weights
(`tests/models/text/test_encoders.py`).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import (
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLTextModel,
)

from rareworld.errors import FormatError
from rareworld.models.text.encoder import MAX_TOKENS, EncoderName, check_prompts, seated
from rareworld.models.text.hub import REASON1, reading
from rareworld.models.text.pretrained import read_net

SYSTEM_PROMPT = "You are a helpful assistant who will provide prompts to an image generator."
"""First turn of the chat; the nets were trained with these words."""


@final
class Reason1Encoder:
    """The language model of Qwen2.5-VL with its tokenizer."""

    def __init__(
        self,
        net: Qwen2_5_VLTextModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        device: torch.device,
        offload: bool = False,
    ) -> None:
        self._net, self._tokenizer = net.eval().requires_grad_(requires_grad=False), tokenizer
        self._device, self._offload = device, offload
        self._pad = _pad_token(tokenizer)

    @classmethod
    def load(
        cls, folder: Path, *, dtype: torch.dtype, device: torch.device, offload: bool = False
    ) -> "Reason1Encoder":
        """Read a folder in the hub's layout and keep its language model only.

        Raises:
            FormatError: If the folder is not a whole Qwen2.5-VL with its tokenizer.
        """
        with reading(folder, REASON1):
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
            _add_template(tokenizer, folder / "chat_template.json")
        whole = read_net(Qwen2_5_VLForConditionalGeneration, folder, dtype, REASON1)
        return cls(whole.model.language_model, tokenizer, device=device, offload=offload)

    @property
    def name(self) -> EncoderName:
        """Return which encoder this is."""
        return EncoderName.REASON1

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b 512 c"]:
        """Return the normalised states of every layer side by side, first layer first."""
        check_prompts(self, prompts)
        ids = torch.stack([self._fit(self._tokens(prompt)) for prompt in prompts])
        with seated(self._net, self._device, offload=self._offload):
            states = self._net(
                input_ids=ids.to(self._device), output_hidden_states=True, use_cache=False
            ).hidden_states
            return torch.cat([normalise(state) for state in states[1:]], dim=-1)

    def cut(self, prompt: str) -> str:
        """Return the text past token 512 of the chat."""
        return str(
            self._tokenizer.decode(self._tokens(prompt)[MAX_TOKENS:], skip_special_tokens=True)
        ).strip()

    def _tokens(self, prompt: str) -> list[int]:
        chat = self._tokenizer.apply_chat_template(
            [_turn("system", SYSTEM_PROMPT), _turn("user", prompt)],
            tokenize=False,
            add_generation_prompt=False,
        )
        return list(
            self._tokenizer(str(chat), add_special_tokens=False, verbose=False)["input_ids"]
        )

    def _fit(self, tokens: list[int]) -> Int[Tensor, "512"]:
        """Cut or pad to the length the nets were trained with."""
        kept = tokens[:MAX_TOKENS]
        return torch.tensor(kept + [self._pad] * (MAX_TOKENS - len(kept)))


def normalise(state: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
    """Return rows of mean 0 and (unbiased) standard deviation 1 over their channels."""
    centred = state - state.mean(dim=-1, keepdim=True)
    return centred / (state.std(dim=-1, keepdim=True) + 1e-8)


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _add_template(tokenizer: PreTrainedTokenizerBase, path: Path) -> None:
    """Read the chat template that vision models keep beside their tokenizer."""
    if tokenizer.chat_template is None and path.is_file():
        tokenizer.chat_template = json.loads(path.read_text(encoding="utf-8"))["chat_template"]


def _pad_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id that fills up to 512.

    Raises:
        FormatError: If the tokenizer lacks it or a chat template.
    """
    pad = tokenizer.pad_token_id
    if not isinstance(pad, int) or tokenizer.chat_template is None:
        raise FormatError(
            f"{tokenizer.name_or_path}: expected a tokenizer with a padding token and a chat "
            f"template, found one without; take all files of {REASON1.repo_id}"
        )
    return pad
