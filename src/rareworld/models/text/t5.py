"""T5-11B's encoder, the text encoder of Predict2: 512 x 1024, zero past the prompt.

Source: google-t5/t5-11b; cosmos-predict2 `auxiliary/text_encoder.py` for length, padding and the
zeroed rows. Oracle: diffusers' `Cosmos2VideoToWorldPipeline`, same weights, equal bit for bit
(`tests/models/text/test_encoders.py`).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast, T5EncoderModel

from rareworld.models.text.encoder import MAX_TOKENS, EncoderName, check_prompts, seated, zero_rows
from rareworld.models.text.hub import T5, reading
from rareworld.models.text.pretrained import read_net

_MARKS = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


@final
class T5Encoder:
    """T5's encoder with its tokenizer; padding is masked, and its rows are zeroed."""

    def __init__(
        self,
        net: T5EncoderModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        device: torch.device,
        offload: bool = False,
    ) -> None:
        self._net, self._tokenizer = net.eval().requires_grad_(requires_grad=False), tokenizer
        self._device, self._offload = device, offload

    @classmethod
    def load(
        cls, folder: Path, *, dtype: torch.dtype, device: torch.device, offload: bool = False
    ) -> "T5Encoder":
        """Read a folder in the hub's layout; weights are never held in another type.

        Raises:
            FormatError: If the folder is not a whole T5 with its tokenizer.
        """
        tokenizer = read_tokenizer(folder)
        net = read_net(T5EncoderModel, folder, dtype, T5)
        return cls(net, tokenizer, device=device, offload=offload)

    @property
    def name(self) -> EncoderName:
        """Return which encoder this is."""
        return EncoderName.T5

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b 512 c"]:
        """Return the last hidden states; rows past the end-of-sequence token are zero."""
        check_prompts(self, prompts)
        tokens = self._tokenizer(
            list(prompts),
            padding="max_length",
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        ).to(self._device)
        with seated(self._net, self._device, offload=self._offload):
            states = self._net(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            ).last_hidden_state
        return zero_rows(states, tokens["attention_mask"].sum(dim=1).tolist())

    def cut(self, prompt: str) -> str:
        """Return the text past token 511; the last one is the end of sequence."""
        ids = self._tokenizer(prompt, verbose=False)["input_ids"]
        if len(ids) <= MAX_TOKENS:
            return ""
        return str(self._tokenizer.decode(ids[MAX_TOKENS - 1 :], skip_special_tokens=True))


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Read T5's tokenizer as it was published; the library's own class may rebuild parts of it.

    Raises:
        FormatError: If `tokenizer.json` is missing or damaged.
    """
    path = folder / "tokenizer.json"
    with reading(folder, T5):
        text = path.read_text(encoding="utf-8")
        if "model" not in json.loads(text):
            raise ValueError(f"{path.name} holds no tokenizer")
        return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(text), **_MARKS)
