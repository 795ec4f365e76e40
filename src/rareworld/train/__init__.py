"""Post-training: data in, objectives, adapters, one loop from one process to many nodes."""
