"""The same scene through a ray caster that runs on CUDA, and on the CPU as the slow, fine choice.

Labels come from the ray through each pixel's centre, colours from several rays per pixel. `warp` is
imported in this room only.
"""
