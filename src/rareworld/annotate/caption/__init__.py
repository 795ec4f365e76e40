"""A clip in words: what its camera shows, read from the scene and not guessed from pixels."""
