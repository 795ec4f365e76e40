"""Map + scenario -> recording: traffic (SUMO), driving (tyre forces), crashes (MuJoCo)."""
