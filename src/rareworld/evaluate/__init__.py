"""Honest numbers about generated video: how far it is from real video, and how sure that is."""
