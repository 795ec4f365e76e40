"""Settings of a training run, from data to checkpoints; every section is owned by its room.

A recipe (`rareworld.recipes`) is a function that returns a `TrainConfig`; `--set a.b=c` changes
single leaves. `Run` and its folder keep the whole resolved configuration.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, final

from pydantic import Field, field_validator, model_validator

from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.models.text.captions import Layout
from rareworld.models.text.encoder import EncoderName
from rareworld.nn.attention import AttentionBackend


@final
class BaseConfig(Config):
    """The pre-trained model that training starts from."""

    model: str = "2B/post-trained"
    """A released name, a checkpoint of any layout, or a pipeline folder."""
    ema: bool = False
    """Start from the checkpoint's averaged weights."""
    conditional_timestep: float | None = None
    """What clean frames are told, where a Predict2.5 checkpoint does not say it."""
    tokenizer: Path | None = None
    """Wan 2.1 tokenizer; left out, the pipeline's own, the caches, the hub."""
    encoder: EncoderName | None = None
    """Text encoder; left out, the one the family was trained with."""
    encoder_weights: Path | None = None
    """Its folder in the hub's layout; left out, the pipeline's own, the caches, the hub."""
    init: Literal["checkpoint", "random"] = "checkpoint"
    """`random` draws initial weights for pre-training; the model then gives the shape only."""


@final
class SourceConfig(Config):
    """One dataset of the mix."""

    path: Path
    """Predict2 or Predict2.5 directory, clips of ours, or a file of JSON lines."""
    layout: Layout = Layout.AUTO
    """Where captions stand."""
    prompt_type: str | None = None
    """Which text of `captions/*.json`: long, short, medium; left out, the first."""
    share: float = Field(default=1.0, gt=0)
    """Part of the mix, relative to the other sources' shares."""
    held_out: float | None = Field(default=None, ge=0, le=1)
    """Share of the recordings kept out of training; left out, `data.held_out`."""
    recording: str | None = None
    """Regular expression: the part of a video's name (of ours, its folder's) that it matches, or
    its first group, names the recording the clip was cut from; left out, what the data tells."""


@final
class DataConfig(Config):
    """Clips, how they are brought to the model's sizes and rate, and how they are mixed."""

    sources: tuple[SourceConfig, ...] = Field(default=(), max_length=1000)
    """Datasets, mixed by their shares."""
    resolution: str = "720"
    """`720` or `480`: each clip takes the nearest of five shapes; or one size, `H,W`."""
    num_frames: tuple[int, ...] = (93,)
    """Lengths of windows, 4 n + 1 each; a clip takes the longest that it fills."""
    fps: float = Field(default=16.0, gt=0)
    """Frame rate of the model; clips of another are resampled to it."""
    held_out: float = Field(default=0.05, ge=0, le=1)
    """Share of recordings kept out of training, for the held-out loss; whole recordings."""
    windows: int = Field(default=1, ge=1)
    """Windows cached of each clip; with several a draw takes one of them."""
    flip: bool = False
    """Cache a mirrored twin of each window too; traffic then drives on the other side."""
    cache: Path | None = None
    """Folder of latents and contexts; left out, `cache` inside the run's folder."""
    batch_size: int = Field(default=1, ge=1)
    """Samples of an optimizer step, over all GPUs and accumulated micro-batches."""
    micro_batch: int = Field(default=1, ge=1)
    """Samples of one forward pass on one GPU."""
    prefetch: int = Field(default=2, ge=0)
    """Steps read ahead; 0 reads when they are needed."""
    resident_gb: float = Field(default=0.0, ge=0)
    """Memory that may hold all latents and contexts on the training device; a cache that fits is
    read once, before training: small samples are gone through faster than files are read."""


@final
class ObjectiveConfig(Config):
    """What is learned; left-out values are those of the base model's generation."""

    conditional_frames: dict[int, float] | None = None
    """Probability of 0 (text), 1 (image), 2 (video) clean latent frames; left out, Predict2
    {1: .5, 2: .5} and Predict2.5 {0: .5, 1: .25, 2: .25}."""
    text_dropout: float = Field(default=0.2, ge=0, le=1)
    """Share of samples whose text is zeros, for guidance."""
    high_sigma_share: float | None = Field(default=None, ge=0, le=1)
    """Predict2: share of very noisy samples; left out, 0.05."""
    shift: float | None = Field(default=None, gt=0)
    """Predict2.5: shift of the noise levels; left out, 5."""
    table: bool = True
    """Predict2.5: noise levels are entries of the table of 1000, as in the first release; off,
    they are drawn without it, as in newer trainers."""
    loss_scale: float | None = Field(default=None, gt=0)
    """Factor on the loss; left out, Predict2's 10, Predict2.5's 1."""
    upstream: bool = False
    """Average over clean frames too, whose loss is zero, as upstream does."""


class Targets(StrEnum):
    """Which layers get an adapter."""

    ATTENTION = "attention"
    """Projections of self- and cross-attention."""
    ATTENTION_MLP = "attention_mlp"
    """And both layers of the MLP: upstream's six kinds."""
    WITH_NORMS = "with_norms"
    """And the norms of queries and keys, trained whole."""


@final
class AdapterConfig(Config):
    """Low-rank adapters; without this section the whole network is trained."""

    rank: int = Field(default=16, ge=1)
    """Rank of the update."""
    alpha: float | None = Field(default=None, gt=0)
    """Scale times rank; left out, the rank."""
    targets: Targets | tuple[str, ...] = Targets.ATTENTION_MLP
    """A set by name, or endings of module names such as `q_proj`: a list, or one text with commas
    as upstream writes it."""
    dora: bool = False
    """Train magnitudes apart from directions (Liu et al. 2024)."""
    rslora: bool = False
    """Divide alpha by the root of the rank (Kalajdzievski 2023)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout in front of the adapters."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of adapter weights; upstream's bfloat16 loses most of their updates."""
    quantize: Literal["none", "int8", "nf4"] = "none"
    """Keep the frozen base in 8 or 4 bits; peers advise against it for Cosmos."""

    @field_validator("targets", mode="before")
    @classmethod
    def _as_endings(cls, value: Any) -> Any:  # noqa: ANN401 - as pydantic calls it
        """Take a text that names no set as endings with commas between them."""
        if not isinstance(value, str) or value in set(Targets):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())


@final
class AdamWConfig(Config):
    """Optimizer."""

    lr: float = Field(default=2**-14.5, gt=0)
    """Learning rate before the schedule's factor."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Decay of the two moments; Predict2.5 takes (0.9, 0.999)."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay; Predict2.5 takes 1e-3."""
    decay_vectors: bool = True
    """Decay norms and biases too, as upstream; adapters have none of them."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient; Predict2.5 takes 0.1."""


@final
class ScheduleConfig(Config):
    """Factor on the learning rate: linear warm-up, then linear to `f_min` (`lambdalinear`)."""

    warm_up: int = Field(default=2000, ge=0)
    """Steps of warm-up."""
    cycle: int = Field(default=400_000, ge=1)
    """Steps until `f_min`, warm-up included; it stays there afterwards."""
    f_start: float = Field(default=1e-6, ge=0)
    """Factor at step 0."""
    f_max: float = Field(default=0.6, gt=0)
    """Factor after the warm-up."""
    f_min: float = Field(default=0.3, ge=0)
    """Factor at the end of the cycle."""

    @model_validator(mode="after")
    def _ordered(self) -> "ScheduleConfig":
        """Refuse a cycle that ends before its warm-up."""
        if self.warm_up >= self.cycle:
            raise ConfigError(
                f"schedule.warm_up {self.warm_up} must be less than schedule.cycle {self.cycle}, "
                "which includes it; warm up for fewer steps or lengthen the cycle"
            )
        return self


@final
class EmaConfig(Config):
    """Power average of the trained weights (Karras et al. 2024), of these only."""

    enabled: bool = True
    """Keep it, in float32."""
    s: float = Field(default=0.1, gt=0, lt=0.28)
    """Width of the average relative to the run's length."""


class Activations(StrEnum):
    """What the forward pass keeps for the backward pass."""

    NONE = "none"
    """Everything: fastest, most memory."""
    FULL = "full"
    """Inputs of blocks; each block runs twice."""
    KEEP_ATTENTION = "keep_attention"
    """Inputs of blocks and outputs of self-attention, the costly part."""
    OFFLOAD = "offload"
    """As `keep_attention`, kept in the host's memory."""


@final
class ComputeConfig(Config):
    """How a step is computed."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes a GPU where there is one."""
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Type of the frozen weights and the computation; auto is bfloat16 on a GPU."""
    attention: AttentionBackend = AttentionBackend.AUTO
    """Attention back end."""
    activations: Activations = Activations.KEEP_ATTENTION
    """What is kept for the backward pass."""
    compile: bool | None = None
    """Fuse each block's element-wise work; the first steps are slow. Left out, on GPUs that can."""
    deterministic: bool = False
    """On a GPU, kernels whose sums have a fixed order: a resumed run then equals an unbroken one to
    the bit, and takes 2.2 times as long (flash attention in its ordered mode; cuDNN has none).
    Without it they agree to rounding. On a CPU they are equal either way."""

    @property
    def may_compile(self) -> bool:
        """Return whether blocks are compiled where the device can."""
        return self.device != "cpu" if self.compile is None else self.compile


@final
class ParallelConfig(Config):
    """How GPUs share the work; their number is torchrun's."""

    context: int = Field(default=0, ge=0)
    """GPUs that share a clip's tokens (Ulysses); 0 is the fewest that a step's samples let be."""
    shard: int = Field(default=1, ge=0)
    """GPUs that share weights and optimizer state (FSDP2); 1 replicates, 0 is all of them."""


@final
class CheckpointConfig(Config):
    """When a run saves itself and what it keeps."""

    every: int = Field(default=500, ge=1)
    """Steps between saves; the last step is always saved."""
    keep_last: int = Field(default=3, ge=1)
    """Checkpoints kept besides the best."""
    keep_best: int = Field(default=1, ge=0)
    """Checkpoints kept for their held-out loss."""
    asynchronous: bool = True
    """Write while training goes on."""


@final
class WatchConfig(Config):
    """What a run reports."""

    every: int = Field(default=10, ge=1)
    """Steps between points of the curves."""
    trackers: tuple[Literal["tensorboard", "wandb", "trackio", "mlflow"], ...] = ("tensorboard",)
    """Where curves go besides the run's own `metrics.jsonl`."""
    wandb_mode: Literal["online", "offline", "disabled"] = "online"
    """As W&B knows it; `disabled` drops the tracker."""
    held_out_every: int = Field(default=500, ge=0)
    """Steps between held-out losses; 0 never."""
    held_out_clips: int = Field(default=16, ge=1)
    """Held-out clips they are taken over, at most."""
    samples_every: int = Field(default=1000, ge=0)
    """Steps between sample videos; 0 never."""
    samples: int = Field(default=2, ge=1)
    """Held-out prompts they are made of."""
    sample_steps: int = Field(default=35, ge=1)
    """Steps of the sampler."""
    sample_guidance: float = Field(default=3.0, ge=0)
    """Guidance of the samples."""


@final
class TrainConfig(Config):
    """A whole run."""

    name: str = "run"
    """Name of the run, and of its folder unless `--out` says otherwise."""
    steps: int = Field(default=10_000, ge=1)
    """Optimizer steps."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """All randomness follows from it."""
    base: BaseConfig = BaseConfig()
    data: DataConfig = DataConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    adapter: AdapterConfig | None = AdapterConfig()
    optimizer: AdamWConfig = AdamWConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    ema: EmaConfig = EmaConfig()
    compute: ComputeConfig = ComputeConfig()
    parallel: ParallelConfig = ParallelConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    watch: WatchConfig = WatchConfig()

    def on(self, world: int) -> "TrainConfig":
        """Return the settings for a number of GPUs, left-out divisions of the work decided.

        Without `parallel.context` a clip is shared by as few GPUs as let the samples of a step be
        dealt out evenly: 8 samples leave each of 8 GPUs a clip of its own, 4 give a clip to 2.
        """
        if self.parallel.context or world < 1:
            return self
        at_once = self.data.batch_size // self.data.micro_batch
        divisors = (n for n in range(1, world + 1) if world % n == 0)
        fewest = next(n for n in divisors if at_once % (world // n) == 0)
        parallel = self.parallel.model_copy(update={"context": fewest})
        return self.model_copy(update={"parallel": parallel})
