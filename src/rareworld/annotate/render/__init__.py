"""Pixels from a `RenderScene`: the CPU rasteriser and the compiled passes over its buffers.

The only room that imports numba. `backend.Renderer` is what every backend offers.
"""
