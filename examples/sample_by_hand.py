"""A video from an image, part by part: what `rareworld generate` does inside, on a CPU.

    python examples/sample_by_hand.py OUT

Small random nets make noise; shapes, order and calls are Predict2's.
"""

import sys
from pathlib import Path

import torch

from rareworld.data.video import RgbWriter, probe
from rareworld.diffusion.noise import seeded_noise
from rareworld.models.cosmos_predict.denoise import Conditioning, make_denoise, plan_sampling
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.pixels import to_frames
from rareworld.models.cosmos_predict.sizes import Limits
from rareworld.models.cosmos_predict.tiny import tiny_checkpoint
from rareworld.models.text.mini import MiniEncoder
from rareworld.models.wan_vae.config import MINI_VAE
from rareworld.models.wan_vae.tokenizer import latent_frames, random_tokenizer

FRAMES, ROWS, COLUMNS = 9, 64, 96


@torch.no_grad()
def main(out: Path) -> None:
    """Make one video; print what passes from part to part."""
    checkpoint = tiny_checkpoint("predict2")
    family = checkpoint.family
    net = CosmosDiT(family.net)
    net.load_state_dict(checkpoint.state)

    tokenizer = random_tokenizer(MINI_VAE)
    clean = tokenizer.encode(torch.zeros(1, 3, 1, ROWS, COLUMNS))  # a grey image, in -1 to 1
    print(f"image -> clean latent {tuple(clean.shape)}")

    encoder = MiniEncoder(family.net.context_dim)
    context, negative = (encoder.encode([text]) for text in ("A red car brakes.", "blurry"))
    print(f"prompt -> context {tuple(context.shape)}")

    start = Conditioning(clean=clean, num_clean_frames=1)
    denoise = make_denoise(net, family, start, context=context, uncond_context=negative, guidance=7)
    plan = plan_sampling(family.objective, steps=6)
    noise = seeded_noise(0, (1, 16, latent_frames(FRAMES), ROWS // 8, COLUMNS // 8))
    latent = plan.run(denoise, noise)
    print(f"noise -> {plan.evaluations} guided passes of {plan.sampler} -> {tuple(latent.shape)}")
    print(f"clean frame unchanged: {torch.equal(latent[:, :, :1], clean)}")

    with RgbWriter(out / "by_hand.mp4", Limits().fps) as writer:
        for frame in (f for part in tokenizer.decode_stream(latent) for f in to_frames(part)):
            writer.write(frame)
    print(f"video: {probe(out / 'by_hand.mp4').num_frames} frames")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
