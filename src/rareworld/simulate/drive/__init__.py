"""Drivers: paths, speed profiles and the controllers that follow them with real tyres."""
