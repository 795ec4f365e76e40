"""Training of a video tokenizer of the Wan 2.1 kind from random weights."""
