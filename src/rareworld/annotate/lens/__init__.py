"""What a real camera does to a picture: bends it, moves it, exposes it, makes it noisy."""
