"""What training eats: clips of datasets, their latents and text once, batches in a fixed order."""
