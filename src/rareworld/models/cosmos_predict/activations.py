"""What a training step keeps for its backward pass, and per-block compilation of it.

Self-attention over a clip's tokens is most of the arithmetic (at 84,480 tokens 0.0935 of 0.125
seconds of a block's forward pass), all else is cheap to do again. So a block is cut in two there:

    tokens --project--> queries, keys, values --attend--> attended --take, finish--> tokens

Policies: `none` keeps everything; `full` keeps the block's tokens and runs the block twice;
`keep_attention` keeps the tokens and what attention gave, and runs `project` and `take, finish`
twice, attention once; `offload` is `keep_attention` with both kept in the host's memory.
Attention is a black box here: whatever it saves for its backward pass is kept, save its own
queries, keys and values, which are projected again. So every back end works, and shared attention.

Sources: Chen et al. 2016, arXiv:1604.06174 (recomputation); Korthikanti et al. 2022,
arXiv:2205.05198 (selective). Proved in `tests/models/cosmos_predict/test_activations.py`: gradients
of every policy against plain autograd's.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from types import MethodType
from typing import Any, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapter_layer import LowRankLinear
from rareworld.models.cosmos_predict.host_memory import HostMemory
from rareworld.models.cosmos_predict.layers import modulate
from rareworld.models.cosmos_predict.model import Block, CosmosDiT, fused
from rareworld.nn.attention import Attend
from rareworld.nn.sequence import SharedAttend

POLICIES = ("none", "full", "keep_attention", "offload")
"""Every policy, by the memory it takes on the device, most first but for `full`."""


def set_activations(net: CosmosDiT, policy: str, *, compile: bool = False) -> CosmosDiT:  # noqa: A002 - the setting's name
    """Choose what the net's blocks keep for the backward pass; without gradients nothing changes.

    May be called again. Add adapters first.

    Args:
        net: The network; returned.
        policy: `none`, `full`, `keep_attention` or `offload`.
        compile: Fuse each block's element-wise work; attention stays outside the fused graphs.
            The first step of each shape is slow.

    Raises:
        ConfigError: If there is no such policy.
    """
    if policy not in POLICIES:
        raise ConfigError(
            f"compute.activations: expected one of {', '.join(POLICIES)}, found {policy!r}"
        )
    host = HostMemory() if policy == "offload" else None
    parts = _Parts.fused() if compile else _Parts()
    for layer in net.modules():
        if isinstance(layer, LowRankLinear):
            layer.lean = policy == "offload"
    for rank, module in enumerate(net.blocks):
        block = cast(Block, module)
        block.forward = _Path(block, policy, parts, host, first=rank == 0)
    return net


def _exchanged(
    project: Callable[..., tuple[Tensor, ...]], attend: Attend
) -> Callable[..., tuple[Tensor, ...]]:
    """Return projections that give our heads of all tokens where ranks share tokens."""
    if not isinstance(attend, SharedAttend):
        return project

    def projected(block: Block, *arguments: Tensor) -> tuple[Tensor, ...]:
        return tuple(attend.to_heads(x) for x in project(block, *arguments))

    return projected


def _whole(block: Block, *arguments: Tensor | None) -> Tensor:
    return MethodType(Block.forward, block)(*arguments)


def _project(block: Block, *arguments: Tensor) -> tuple[Tensor, ...]:
    return block.project(*arguments)


def _finish(
    block: Block,
    x: Tensor,
    attended: Tensor,
    gate: Tensor,
    embedding: Tensor,
    shared: Tensor,
    context: Tensor,
) -> Tensor:
    return block.finish(block.take(x, attended, gate), embedding, shared, context)


def _finish_twice(block: Block, *arguments: Tensor, random: bool) -> Tensor:
    """Keep the arguments only; compiled, just what the backward pass reads is done again."""
    return cast(
        Tensor,
        checkpoint(_finish, block, *arguments, use_reentrant=False, preserve_rng_state=random),
    )


@final
@dataclass(frozen=True)
class _Parts:
    """A block's parts as functions of the block: one graph of each serves all blocks."""

    whole: Callable[..., Tensor] = _whole
    project: Callable[..., tuple[Tensor, ...]] = _project
    finish: Callable[..., Tensor] = _finish_twice
    compiled: bool = False

    @classmethod
    def fused(cls) -> "_Parts":
        return cls(fused(_whole), fused(_project), fused(_finish_twice), compiled=True)


@final
@dataclass(frozen=True)
class _Path:
    """The way through a block; stands in for its `forward`."""

    block: Block
    policy: str
    parts: _Parts
    host: HostMemory | None
    first: bool

    def __call__(
        self,
        x: Float[Tensor, "b t s d"],
        embedding: Float[Tensor, "b f d"],
        shared: Float[Tensor, "b f d3"],
        context: Float[Tensor, "b n c"] | None,
        rope: Float[Tensor, "m r"] | None,
    ) -> Float[Tensor, "b t s d"]:
        """Return the tokens after the block."""
        given = (x, embedding, shared, context, rope)
        if not torch.is_grad_enabled() or self.policy == "none":
            return self.parts.whole(self.block, *given)
        if self.parts.compiled and not x.requires_grad:
            # the first block's tokens need no gradient: asked for all the same, one graph does all
            x = x.detach().requires_grad_()
            given = (x, *given[1:])
        if self.policy == "full" or context is None or rope is None:
            random = _draws(self.block)
            kept = checkpoint(
                self.parts.whole, self.block, *given, use_reentrant=False, preserve_rng_state=random
            )
            return cast(Tensor, kept)
        return self._keep_attention(x, embedding, shared, context, rope)

    def _keep_attention(
        self, x: Tensor, embedding: Tensor, shared: Tensor, context: Tensor, rope: Tensor
    ) -> Tensor:
        block = self.block
        modulation = modulate(block.adaln_modulation_self_attn, embedding, shared, x.dtype)
        shift, scale, gate = modulation
        if self.host is not None:
            self.host.next_block(x, first=self.first)
        with self._kept():
            attend = block.self_attn.attend
            recall = _Recall(block, _exchanged(self.parts.project, attend), self.host)
            q, k, v = _Project.apply(recall, x, shift, scale, rope, *recall.parameters)
        with recall.watch(q, k, v):
            # ranks that share tokens: what was traded is traded again, not kept
            shared_out = isinstance(attend, SharedAttend)
            attended = attend.attend(q, k, v) if shared_out else attend(q, k, v)
        del q, k, v
        if isinstance(attend, SharedAttend):
            attended = attend.to_tokens(attended)
        with self._kept():
            told = (gate, embedding, shared, context)
            return self.parts.finish(block, x, attended, *told, random=_draws(block))

    def _kept(self) -> AbstractContextManager[object]:
        """Return where saved tensors go to the host's memory, if they do."""
        host = self.host
        return nullcontext() if host is None else saved_tensors_hooks(host.pack, host.unpack)


@final
class _Project(torch.autograd.Function):
    """Queries, keys and values of tokens; the backward pass makes them again, once for all uses."""

    @staticmethod
    def forward(ctx: Any, recall: "_Recall", *tensors: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401 - as torch types it
        given = tensors[: len(tensors) - len(recall.parameters)]
        ctx.recall = recall
        return recall.first(given)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - as torch types it
        return None, *ctx.recall.gradients(grads, ctx.needs_input_grad[1:])


@final
@dataclass(frozen=True)
class _Again:
    """Stands for a saved view of queries (0), keys (1) or values (2)."""

    rank: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@final
class _Recall:
    """One use of a block's projections: gives their outputs now, and again when they are needed."""

    def __init__(
        self, block: Block, project: Callable[..., tuple[Tensor, ...]], host: HostMemory | None
    ) -> None:
        attention = block.self_attn
        layers = [attention.q_proj, attention.k_proj, attention.v_proj]
        layers += [attention.q_norm, attention.k_norm]
        self.parameters = [p for layer in layers for p in layer.parameters() if p.requires_grad]
        self._block = block
        self._project = project
        self._host = host
        self._random = _RandomState.now(block) if _draws(*layers) else None
        self._given: list[object] | None = None
        self._needed: list[bool] = []
        self._made: tuple[list[Tensor], tuple[Tensor, ...]] | None = None

    def first(self, given: Iterable[Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs, keeping the inputs only."""
        tensors = list(given)
        self._given = [self._pack(x.detach()) for x in tensors]
        self._needed = [x.requires_grad for x in tensors]
        # with dropout the very graph that will run again must run: others may draw in other order
        with torch.set_grad_enabled(self._random is not None):
            made = self._project(self._block, *tensors)
        return tuple(x.detach().contiguous() for x in made)

    def watch(self, q: Tensor, k: Tensor, v: Tensor) -> saved_tensors_hooks:
        """Return a context in which saved views of the three are not kept."""
        sources = [x.untyped_storage().data_ptr() for x in (q, k, v)]
        large = q.numel()

        def pack(x: Tensor) -> object:
            source = x.untyped_storage().data_ptr()
            if source in sources:
                view = (tuple(x.shape), x.stride(), int(x.storage_offset()))
                return _Again(sources.index(source), *view)
            if self._host is not None and x.numel() >= large:
                self._host.admit(x)
            return self._pack(x)

        return saved_tensors_hooks(pack, self._unpack)

    def gradients(
        self, grads: tuple[Tensor, ...], needed: tuple[bool, ...]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs and parameters; what was kept is given up."""
        inputs, made = self._again()
        leaves = [*inputs, *self.parameters]
        wanted = [leaf for leaf, need in zip(leaves, needed, strict=True) if need]
        pairs = [(out, grad) for out, grad in zip(made, grads, strict=True) if out.requires_grad]
        outputs, given = zip(*pairs, strict=True)
        found = iter(torch.autograd.grad(outputs, wanted, given, allow_unused=True))
        self._made = self._given = None
        return tuple(next(found) if need else None for need in needed)

    def _again(self) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Return inputs and outputs with the graph between them, made once."""
        if self._made is None:
            if self._given is None:
                raise RuntimeError(
                    "activations: a step's graph can be differentiated once; compute the loss again"
                )
            given = [self._unpack(x).detach() for x in self._given]
            if self._host is not None:
                self._host.fetch_before(self._given[0])
            inputs = [x.requires_grad_(need) for x, need in zip(given, self._needed, strict=True)]
            drawn = nullcontext() if self._random is None else self._random.again()
            with torch.enable_grad(), drawn:
                made = self._project(self._block, *inputs)
            self._made = inputs, tuple(x.contiguous() for x in made)
        return self._made

    def _pack(self, x: Tensor) -> object:
        return x if self._host is None else self._host.pack(x)

    def _unpack(self, packed: object) -> Tensor:
        if isinstance(packed, _Again):
            made = self._again()[1][packed.rank].detach()
            return made.as_strided(packed.size, packed.stride, packed.offset)
        return cast(Tensor, packed) if self._host is None else self._host.unpack(packed)


@final
@dataclass(frozen=True)
class _RandomState:
    """State of the generators that dropout draws from."""

    host: Tensor
    device: Tensor | None

    @classmethod
    def now(cls, block: Block) -> "_RandomState":
        device = block.self_attn.q_norm.weight.device
        on_gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(torch.get_rng_state(), on_gpu)

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw what was drawn from here on, and then forget it."""
        devices = [] if self.device is None else [torch.cuda.current_device()]
        with torch.random.fork_rng(devices):
            torch.set_rng_state(self.host)
            if self.device is not None:
                torch.cuda.set_rng_state(self.device)
            yield


def _draws(*modules: nn.Module) -> bool:
    """Tell whether anything in modules is drawn at random in the forward pass."""
    every = (part for module in modules for part in module.modules())
    return any(isinstance(part, nn.Dropout) and part.training and part.p > 0 for part in every)
