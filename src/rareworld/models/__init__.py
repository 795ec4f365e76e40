"""One room per model family: network, weights, text, tokenizer."""
