"""Every test that draws runs on Warp's CPU device, and with `-m gpu` on CUDA, unchanged."""

import pytest

from rareworld.annotate.render.choose import why_no_gpu
from rareworld.annotate.render.config import RendererKind

pytest.importorskip("warp")


@pytest.fixture(
    params=[RendererKind.WARP_CPU, pytest.param(RendererKind.GPU, marks=pytest.mark.gpu)]
)
def kind(request):
    """The ray caster on either device."""
    if request.param is RendererKind.GPU and why_no_gpu():
        pytest.skip(why_no_gpu())
    return request.param
