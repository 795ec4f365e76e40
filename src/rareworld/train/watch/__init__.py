"""What a run shows while it goes on: curves, samples, trackers."""
