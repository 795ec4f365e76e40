"""Text, image or video to world video: samples in, mp4 with a sidecar out."""
