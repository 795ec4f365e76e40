"""What a model is trained to do: one file per objective, each called by the same loop."""
