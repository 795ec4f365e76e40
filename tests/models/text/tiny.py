"""Tiny random text encoders in the real classes and the hub's real file layouts."""

import json
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)

WORDS = (
    "a", "car", "hits", "the", "bus", "at", "night", "rain", "truck", "stops", "red", "light",
    "crosses", "and",
)  # fmt: skip
LONG = " ".join(f"{WORDS[i % len(WORDS)]}" for i in range(600))
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}<|im_end|>\n{% endfor %}"
)
LAYERS, CHANNELS = 3, 32


@cache
def t5_net() -> T5ForConditionalGeneration:
    """Encoder and decoder, as published."""
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=200, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
        feed_forward_proj="relu", tie_word_embeddings=True,
    )  # fmt: skip
    return T5ForConditionalGeneration(config).eval()


def write_t5(folder: Path) -> Path:
    """Write config.json, pytorch_model.bin and tokenizer.json, as google-t5/t5-11b has them."""
    folder.mkdir(parents=True, exist_ok=True)
    t5_net().config.save_pretrained(folder)
    torch.save(t5_net().state_dict(), folder / "pytorch_model.bin")
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary += [(f"▁{word}", -2.0) for word in WORDS] + [("▁", -3.0)]
    vocabulary += [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyz.,"]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@cache
def reason1_net() -> Qwen2_5_VLForConditionalGeneration:
    """Language model and vision tower, as published."""
    torch.manual_seed(1)
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": 120, "hidden_size": CHANNELS, "intermediate_size": 48,
            "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]
            },
        },
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
            "out_hidden_size": CHANNELS,
        },
    )  # fmt: skip
    return Qwen2_5_VLForConditionalGeneration(config).eval()


def write_reason1(folder: Path) -> Path:
    """Write config, safetensors and a tokenizer with a chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    reason1_net().save_pretrained(folder)
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    names = [*specials, *WORDS, "system", "user", "helpful", "assistant", "You", "are"]
    vocabulary = {name: index for index, name in enumerate(dict.fromkeys(names))}
    vocabulary["<unk>"] = len(vocabulary)
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens(specials)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<|endoftext|>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": CHAT}))
    return folder
