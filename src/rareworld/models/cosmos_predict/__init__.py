"""Cosmos Predict2 and Predict2.5: the network, its weights in every public layout, denoising."""
