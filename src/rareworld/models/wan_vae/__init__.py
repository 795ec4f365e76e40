"""Wan 2.1 VAE: the video tokenizer of Cosmos Predict2 and Predict2.5."""
