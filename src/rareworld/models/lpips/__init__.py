"""LPIPS: how different two pictures look, by AlexNet's features and the authors' calibration."""
