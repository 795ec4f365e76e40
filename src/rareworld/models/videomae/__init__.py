"""VideoMAE v2, ViT-g fine-tuned on Something-Something v2: the network of CD-FVD."""
