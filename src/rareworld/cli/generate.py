"""`rareworld generate`: prompts, images and videos become world videos.

Options carry Predict2.5's names and, as aliases, Predict2's. Options of a sample make one sample
where no list is given, and win over the values of every sample of a list otherwise.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.models import OptionInfo

from rareworld.cli.jobs import AsJson, Out, Overwrite, Settings, failure, tell, told_once
from rareworld.cli.output import error_console
from rareworld.data.config import override, read_mapping
from rareworld.errors import ConfigError

if TYPE_CHECKING:
    from rareworld.generate.guard import Guard
    from rareworld.generate.job import GenerateStage
    from rareworld.generate.refine import RefineConfig
    from rareworld.generate.sample import Request
    from rareworld.nn.ranks import Ranks
    from rareworld.runtime.stage import JobReport

SAMPLE = (
    "name", "prompt", "prompt_path", "inference_type", "input_path", "negative_prompt",
    "num_conditional_frames", "seed", "guidance", "resolution", "aspect_ratio",
    "num_output_frames", "num_steps", "enable_autoregressive", "chunk_size", "chunk_overlap",
    "save_path",
)  # fmt: skip
"""Options that are fields of a sample."""
MODEL = (
    "model", "adapters", "ema", "alpha", "tokenizer", "encoder", "encoder_weights", "contexts",
    "fps", "any_size", "dtype", "attention",
)  # fmt: skip
"""Options that are fields of the model's settings."""

MEANINGLESS = {
    "keep_going": "--keep-going: a sample that fails never ends the others",
    "disable_prompt_refiner": "--disable-prompt-refiner: prompts are refined only with --refine",
    "offload_guardrail_models": "--offload-guardrail-models: the guardrail's models stay in place",
    "num_gpus": "--num-gpus: the work is divided among the processes of torchrun",
}
"""Upstream's flags that change nothing here, and why."""

_SAMPLE, _MODEL, _RUN = "Sample", "Model", "How it runs"


def _text(*names: str, help: str, panel: str = _SAMPLE) -> OptionInfo:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help, rich_help_panel=panel)


Lists = Annotated[
    list[Path] | None,
    _text("--input", "-i", "--batch_input_json", "--batch-input-json",
          help="Lists of samples: .json, .jsonl, .yaml. Repeat for several."),
]  # fmt: skip
More = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LISTS]...", help="More lists: `-i *.json` works as upstream."),
]
Name = Annotated[str | None, _text("--name", help="Name of the result.")]
Prompt = Annotated[str | None, _text("--prompt", help="What happens.")]
PromptPath = Annotated[
    Path | None, _text("--prompt-path", "--prompt_path", help="Text file with the prompt.")
]
Kind = Annotated[
    str | None,
    _text("--inference-type", "--inference_type",
          help="text2world, image2world or video2world; default: what the input holds."),
]  # fmt: skip
InputPath = Annotated[
    Path | None, _text("--input-path", "--input_path", help="Image or video to go on from.")
]
Negative = Annotated[
    str | None,
    _text("--negative-prompt", "--negative_prompt", help="What to steer away from; '' for none."),
]
Frames5 = Annotated[
    int | None,
    _text("--num-conditional-frames", "--num_conditional_frames", help="Predict2: 1 or 5."),
]
Seed = Annotated[int | None, _text("--seed", help="Decides the noise (default 0).")]
Guidance = Annotated[float | None, _text("--guidance", help="0 to 7 (default: the model's, or 7).")]
Resolution = Annotated[
    str | None, _text("--resolution", help="none (the model's own, or 704,1280), 480, 720 or H,W.")
]
Aspect = Annotated[
    str | None, _text("--aspect-ratio", "--aspect_ratio", help="1:1, 4:3, 3:4, 16:9 or 9:16.")
]
NumFrames = Annotated[
    int | None,
    _text(
        "--num-output-frames",
        "--num_output_frames",
        help="4k + 1 up to the model's own (93), the default.",
    ),
]
Steps = Annotated[
    int | None, _text("--num-steps", "--num_steps", help="Default: the model's own, or 35.")
]
Autoregressive = Annotated[
    bool | None,
    _text("--enable-autoregressive/--no-autoregressive", help="Go on chunk by chunk."),
]
ChunkSize = Annotated[int | None, _text("--chunk-size", help="Frames of a chunk (77, or fewer).")]
Overlap = Annotated[int | None, _text("--chunk-overlap", help="Frames fed again: 1 or 5.")]
SavePath = Annotated[
    Path | None, _text("--save-path", "--save_path", help="Copy the video here (.mp4).")
]
Model = Annotated[
    str | None,
    _text("--model", "--checkpoint-path", "--dit_path", panel=_MODEL,
          help="mini, a released name (default 2B/post-trained), checkpoint or pipeline."),
]  # fmt: skip
Adapters = Annotated[
    list[str] | None,
    _text("--adapter", panel=_MODEL, help="PATH[=WEIGHT] of a LoRA to fold in; repeatable."),
]
Ema = Annotated[
    bool | None, _text("--ema/--no-ema", "--load_ema", help="Averaged weights.", panel=_MODEL)
]
Alpha = Annotated[
    float | None,
    _text("--alpha", "--lora_alpha", help="Alpha of a LoRA in the checkpoint.", panel=_MODEL),
]
Tokenizer = Annotated[Path | None, _text("--tokenizer", help="Wan 2.1 tokenizer.", panel=_MODEL)]
EncoderOption = Annotated[str | None, _text("--encoder", help="t5, reason1 or mini.", panel=_MODEL)]
EncoderWeights = Annotated[
    Path | None, _text("--encoder-weights", help="Folder of the text encoder.", panel=_MODEL)
]
Contexts = Annotated[
    Path | None, _text("--contexts", help="Cache of `rareworld embed`.", panel=_MODEL)
]
Fps = Annotated[int | None, _text("--fps", help="Rate the model knows: 16 or 10.", panel=_MODEL)]
AnySize = Annotated[
    bool | None, _text("--any-size", help="Allow sizes off the tables.", panel=_MODEL)
]
Device = Annotated[str, _text("--device", help="auto, cpu or cuda.", panel=_RUN)]
Dtype = Annotated[str | None, _text("--dtype", help="bfloat16 or float32.", panel=_RUN)]
Attention = Annotated[
    str | None,
    _text("--attention", panel=_RUN,
          help="auto, cudnn, flash, flash3, fa4, efficient, sage, plain."),
]  # fmt: skip
Compile = Annotated[bool | None, _text("--compile", help="Fuse element-wise work.", panel=_RUN)]
Offload = Annotated[
    str, _text("--offload", help="all, or model,text,tokenizer: on the GPU only in turn.",
               panel=_RUN)
]  # fmt: skip
OffloadModel = Annotated[
    bool, _text("--offload-diffusion-model", help="As --offload model.", panel=_RUN)
]
OffloadText = Annotated[
    bool, _text("--offload-text-encoder", help="As --offload text.", panel=_RUN)
]
OffloadTokenizer = Annotated[
    bool, _text("--offload-tokenizer", help="As --offload tokenizer.", panel=_RUN)
]
GuardrailOption = Annotated[
    bool,
    _text("--guardrail/--disable-guardrail", " /--disable-guardrails", " /--disable_guardrail",
          " /--disable_guardrails", panel=_RUN,
          help="Judge prompts and videos (cosmos-guardrail); off unless asked for."),
]  # fmt: skip
RefineUrl = Annotated[
    str | None, _text("--refine", help="URL of an OpenAI-compatible refiner.", panel=_RUN)
]
RefineModel = Annotated[
    str | None, _text("--refine-model", help="Model the refiner's endpoint knows.", panel=_RUN)
]
RefineHttp = Annotated[
    bool, _text("--refine-allow-http", help="Allow plain HTTP to another machine.", panel=_RUN)
]
Gpus = Annotated[
    int | None,
    typer.Option("--num-gpus", "--num_gpus", "--context-parallel-size", "--context_parallel_size",
                 min=1, hidden=True),
]  # fmt: skip
ModelSize = Annotated[
    str | None, _text("--model-size", "--model_size", help="Predict2: 2B or 14B.", panel=_MODEL)
]
NoRefiner = Annotated[
    bool, typer.Option("--disable-prompt-refiner", "--disable_prompt_refiner", hidden=True)
]
KeepGoing = Annotated[bool, typer.Option("--keep-going", "--keep_going", hidden=True)]
OffloadGuard = Annotated[
    bool,
    typer.Option("--offload-guardrail-models", "--offload_guardrail_models",
                 "--offload-guardrail", "--offload_guardrail", hidden=True),
]  # fmt: skip
ConfigFile = Annotated[Path | None, _text("--config", help="Settings file.", panel=_RUN)]


def generate(
    more: More = None,
    *,
    lists: Lists = None,
    out: Out = Path("generated"),
    name: Name = None,
    prompt: Prompt = None,
    prompt_path: PromptPath = None,
    inference_type: Kind = None,
    input_path: InputPath = None,
    negative_prompt: Negative = None,
    num_conditional_frames: Frames5 = None,
    seed: Seed = None,
    guidance: Guidance = None,
    resolution: Resolution = None,
    aspect_ratio: Aspect = None,
    num_output_frames: NumFrames = None,
    num_steps: Steps = None,
    enable_autoregressive: Autoregressive = None,
    chunk_size: ChunkSize = None,
    chunk_overlap: Overlap = None,
    save_path: SavePath = None,
    model: Model = None,
    adapters: Adapters = None,
    ema: Ema = None,
    alpha: Alpha = None,
    tokenizer: Tokenizer = None,
    encoder: EncoderOption = None,
    encoder_weights: EncoderWeights = None,
    contexts: Contexts = None,
    fps: Fps = None,
    any_size: AnySize = None,
    device: Device = "auto",
    dtype: Dtype = None,
    attention: Attention = None,
    compile_net: Compile = None,
    offload: Offload = "",
    offload_diffusion_model: OffloadModel = False,
    offload_text_encoder: OffloadText = False,
    offload_tokenizer: OffloadTokenizer = False,
    guardrail: GuardrailOption = False,
    refine: RefineUrl = None,
    refine_model: RefineModel = None,
    refine_allow_http: RefineHttp = False,
    num_gpus: Gpus = None,
    model_size: ModelSize = None,
    disable_prompt_refiner: NoRefiner = False,
    keep_going: KeepGoing = False,
    offload_guardrail_models: OffloadGuard = False,
    config: ConfigFile = None,
    settings: Settings = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Generate videos; the same command goes on after a stop, torchrun shares the work."""
    given = {key: value for key, value in locals().items() if value is not None}
    notes = _upstream(given)  # wrong options and lists are told before torch loads
    requests = _requests(given)
    from rareworld.generate.job import copy_out, make_stage, run_on_ranks
    from rareworld.generate.models import ModelConfig
    from rareworld.nn.ranks import Ranks

    values = override(_settings(given, read_mapping(config) if config else {}), settings or [])
    model_config = ModelConfig.parse(values, source=str(config or "generate"))
    joined = Ranks.join(_device(device))
    with warnings.catch_warnings(record=True) as said, told_once(joined) as ranks:
        warnings.simplefilter("always", UserWarning)
        stage = make_stage(requests, model_config, ranks)
        stage.guard, stage.refiner = _guard(given, ranks), _refiner(given)
        stage.tell = _tell if not as_json else stage.tell
        report = run_on_ranks(
            stage, lambda: _run(stage, out, overwrite=overwrite, show=not as_json)
        )
    _tell_notes(said, report, notes)
    if report is None:
        return
    copy_out(requests, report, out)
    tell(report, out, as_json=as_json)
    if report.quarantined:
        raise failure(report, out)


def _upstream(given: Mapping[str, Any]) -> list[str]:
    """Return what to say of upstream's flags that change nothing here.

    Raises:
        ConfigError: If a flag contradicts another, or says a number of GPUs that are not there.
    """
    if "model_size" in given and "model" in given:
        raise ConfigError("--model-size and --model both say the model; drop one of them")
    if given["disable_prompt_refiner"] and "refine" in given:
        raise ConfigError("--disable-prompt-refiner and --refine differ; drop one of them")
    _check_gpus(given.get("num_gpus"))
    return [line for flag, line in MEANINGLESS.items() if given.get(flag)]


def _check_gpus(wanted: int | None) -> None:
    """Refuse a number of GPUs that torchrun did not start as many processes for."""
    world = os.environ.get("WORLD_SIZE", "1")
    if wanted is not None and str(wanted) != world:
        raise ConfigError(
            f"--num-gpus (--context-parallel-size): {wanted} GPUs want {wanted} processes, found "
            f"{world}; run: torchrun --nproc-per-node {wanted} -m rareworld generate ..."
        )


def _requests(given: Mapping[str, Any]) -> "list[Request]":
    """Return the samples of all lists, or the one that options describe, with places for copies.

    Raises:
        ConfigError: If there is none, a list cannot be read, the one of the options is wrong, or
            a copy has no place of its own.
        FormatError: If a list is nested without end.
    """
    from rareworld.generate.sample import check_copies

    lists = [*given.get("lists", []), *given.get("more", [])]
    requests = _read(lists, _chosen(given, SAMPLE))
    check_copies(requests, given["out"], overwrite=given["overwrite"])
    return requests


def _read(lists: list[Path], values: Mapping[str, Any]) -> "list[Request]":
    from rareworld.generate.sample import make_request, read_requests

    if lists:
        return [request for path in lists for request in read_requests(path, values)]
    if not values:
        raise ConfigError("nothing to generate: give --prompt, or a list of samples with -i")
    request = make_request(values, "sample", 0, "options")
    request.sample()
    return [request]


def _chosen(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of a group that were given, paths as text."""
    return {
        name: str(given[name]) if isinstance(given[name], Path) else given[name]
        for name in names
        if name in given
    }


def _settings(given: Mapping[str, Any], read: dict[str, Any]) -> dict[str, Any]:
    """Return the model's settings: a file's, then the options over them."""
    from rareworld.generate.offload import read_offload

    values = read | _chosen(given, MODEL)
    if "model_size" in given:
        table = "480" if given.get("resolution") == "480" else "720"
        rate = given.get("fps", 16)
        values["model"] = f"predict2/{given['model_size']}/{table}p-{rate}fps"
    if "compile_net" in given:
        values["compile"] = given["compile_net"]
    offload = read_offload(
        given["offload"],
        model=given["offload_diffusion_model"],
        text_encoder=given["offload_text_encoder"],
        tokenizer=given["offload_tokenizer"],
    )
    return values | ({"offload": sorted(offload)} if offload else {})


def _device(wanted: str) -> str:
    """Return the kind of device to join ranks with.

    Raises:
        ConfigError: If there is no such kind; torchrun deals out the GPUs themselves.
    """
    import torch

    if wanted not in {"auto", "cpu", "cuda"}:
        raise ConfigError(
            f"--device: expected auto, cpu or cuda, found {wanted!r}; choose a GPU with "
            "CUDA_VISIBLE_DEVICES"
        )
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


def _guard(given: Mapping[str, Any], ranks: "Ranks") -> "Guard":
    from rareworld.generate.guard import make_guard

    return make_guard(enabled=given["guardrail"] and ranks.leads, device=str(ranks.device))


def _refiner(given: Mapping[str, Any]) -> "RefineConfig | None":
    """Return where prompts are refined, if anywhere.

    Raises:
        ConfigError: If an address comes without a model.
    """
    from rareworld.generate.refine import RefineConfig

    if "refine" not in given:
        return None
    if "refine_model" not in given:
        raise ConfigError("--refine: name the model of the endpoint too, with --refine-model")
    return RefineConfig(
        url=given["refine"],
        model=given["refine_model"],
        allow_http=given["refine_allow_http"],
    )


def _run(stage: "GenerateStage", out: Path, *, overwrite: bool, show: bool) -> "JobReport":
    """Run the job in this process, which holds the model, with a bar that moves at every step."""
    from rareworld.runtime.local import LocalRunner
    from rareworld.runtime.progress import progress_bar

    if show:
        _tell(f"guardrail: {stage.guard.name}")
    with progress_bar(stage.name, len(stage.requests), show=show) as watcher:
        runner = LocalRunner(inline=True, overwrite=overwrite)
        return runner.run(stage, list(stage.requests), out, watcher)


def _tell_notes(
    said: "list[warnings.WarningMessage]", report: "JobReport | None", notes: list[str]
) -> None:
    """Tell warnings and what samples noted, each once; a prompt that was cut is noted already."""
    from rareworld.models.text.encoder import TextCutWarning

    lines = [str(one.message) for one in said if not issubclass(one.category, TextCutWarning)]
    lines = [*(notes if report else []), *lines]
    for outcome in report.outcomes if report else ():
        lines += [f"{outcome.item}: {note}" for note in outcome.summary.get("notes", [])]
    for line in dict.fromkeys(lines):
        _tell(f"note: {line}")


def _tell(line: str) -> None:
    error_console().print(line, markup=False)
