"""Finding, checking and putting together a model's parts, in every layout; errors name remedies."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rareworld.errors import ConfigError, DeviceError, FormatError
from rareworld.generate.engine import Encoder
from rareworld.generate.models import (
    ModelConfig,
    _set_window,
    depends,
    find_parts,
    load_engine,
    widest_window,
)
from rareworld.generate.offload import Part
from rareworld.models.cosmos_predict.hashes import sha256_of
from rareworld.models.cosmos_predict.pipeline import INDEX, RELEASES
from rareworld.models.cosmos_predict.tiny import (
    tiny_checkpoint,
    write_tiny_adapter,
    write_tiny_pipeline,
)
from rareworld.models.cosmos_predict.weights.adapter_io import split_weight
from rareworld.models.cosmos_predict.weights.writer import write_pt
from rareworld.models.find import cache_folder
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.t5 import T5Encoder
from rareworld.nn.attention import AttentionBackend, Choice
from tests.generate.conftest import ALONE
from tests.models.text.tiny import write_reason1, write_t5

CPU = torch.device("cpu")
Tiny = Callable[..., Path]


def test_the_default_is_the_post_trained_2b() -> None:
    assert ModelConfig().model == next(iter(RELEASES)) == "2B/post-trained"


@pytest.mark.parametrize(
    ("name", "repo", "file"),
    [
        ("2B/post-trained", "nvidia/Cosmos-Predict2.5-2B",
         "base/post-trained/81edfebe-bd6a-4039-8c1d-737df1a790bf_ema_bf16.pt"),
        ("14B/pre-trained", "nvidia/Cosmos-Predict2.5-14B",
         "base/pre-trained/54937b8c-29de-4f04-862c-e67b04ec41e8_ema_bf16.pt"),
        ("predict2/2B/720p-16fps", "nvidia/Cosmos-Predict2-2B-Video2World",
         "model-720p-16fps.pt"),
        ("predict2/14B/480p-10fps", "nvidia/Cosmos-Predict2-14B-Video2World",
         "model-480p-10fps.pt"),
    ],
)  # fmt: skip
def test_released_names_lead_to_published_files(name: str, repo: str, file: str) -> None:
    published = RELEASES[name].published
    assert (published.repo_id, published.files) == (repo, (file,))


def _in_cache(name: str, generation: str, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Lay a tiny checkpoint where a release would be in our cache."""
    monkeypatch.setenv("RAREWORLD_CACHE", str(root))
    published = RELEASES[name].published
    target = cache_folder(published.repo_id) / published.files[0]
    write_pt(root / "made", tiny_checkpoint(generation))
    target.parent.mkdir(parents=True)
    (root / "made" / "model.pt").rename(target)


@pytest.mark.parametrize(
    ("name", "generation", "frames", "table"),
    [
        ("predict2/2B/480p-10fps", "predict2", 61, "480"),
        ("predict2/2B/720p-16fps", "predict2", 93, "720"),
        ("2B/post-trained", "predict2.5", 93, "720"),
    ],
)
def test_a_release_brings_its_frame_rate_and_sizes(
    name: str, generation: str, frames: int, table: str, tiny: Tiny, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _in_cache(name, generation, monkeypatch, tmp_path)
    parts = find_parts(ModelConfig(model=name, tokenizer=tiny() / "vae"), CPU)
    assert (parts.limits.frames, parts.limits.table) == (frames, table)
    assert parts.conditional_timestep == (0.1 if generation == "predict2.5" else None)


def test_a_net_of_no_released_size_takes_any_size(tiny: Tiny) -> None:
    assert not find_parts(ModelConfig(model=str(tiny())), CPU).limits.tabled


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("2B/posttrained", "no such file, folder or release (did you mean '2B/post-trained'?)"),
        ("/nowhere", "no such file, folder or release"),
    ],
)
def test_an_unknown_model_is_refused(model: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_parts(ModelConfig(model=model), CPU)
    assert words in str(caught.value)


def test_a_frame_rate_no_model_knows_is_refused(tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match="fps: expected 16 or 10"):
        find_parts(ModelConfig(model=str(tiny()), fps=24), CPU)


@pytest.mark.parametrize(
    ("text", "weight"), [("{a}", 1.0), ("{a}=0.5", 0.5), ("{a}=-1", -1.0), ("{a}:1e-1", 0.1)]
)
def test_an_adapter_s_weight_follows_its_path(text: str, weight: float, tmp_path: Path) -> None:
    assert split_weight(text.format(a=tmp_path)) == (tmp_path, weight)


def test_a_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "run:2=3"
    folder.mkdir()
    assert split_weight(str(folder)) == (folder, 1.0)
    assert split_weight(f"{folder}=0.5") == split_weight(f"{folder}:0.5") == (folder, 0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [("/nowhere", "/nowhere does not exist"), ("/nowhere=2", "/nowhere does not exist"),
     ("/nowhere:2", "/nowhere does not exist"), ("/nowhere=two", "expected PATH or PATH=WEIGHT"),
     ("=2", "does not exist")],
)  # fmt: skip
def test_an_adapter_that_is_not_there_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split_weight(text)
    assert words in str(caught.value)


def test_an_adapter_of_another_net_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    adapter = write_tiny_adapter(tmp_path / "a")
    file = next(adapter.glob("*.safetensors"))
    wider = {
        key: tensor.repeat(1, 2) if "lora_A" in key else tensor.repeat(2, 1)
        for key, tensor in load_file(file).items()
    }
    save_file(wider, file)
    parts = find_parts(ModelConfig(model=str(tiny()), adapters=(str(adapter),)), CPU)
    with pytest.raises(FormatError, match="adapter of this network"):
        load_engine(parts, ALONE)


def test_a_truncated_net_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny(), tmp_path / "broken")
    file = next((broken / "transformer").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(FormatError, match="transformer"):
        find_parts(ModelConfig(model=str(broken)), CPU)


def test_every_layout_of_a_net_makes_the_same_hashable_parts(tiny: Tiny, tmp_path: Path) -> None:
    write_pt(tmp_path / "pt", tiny_checkpoint())
    config = {"tokenizer": tiny() / "vae", "encoder": EncoderName.MINI}
    folder = find_parts(ModelConfig(model=str(tiny() / "transformer"), **config), CPU)
    file = find_parts(ModelConfig(model=str(tmp_path / "pt" / "model.pt"), **config), CPU)
    nets = [load_engine(parts, ALONE).sampler.net for parts in (folder, file)]
    states = [net.state_dict() for net in nets]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert folder.conditional_timestep == file.conditional_timestep == 0.1


def test_a_predict25_checkpoint_that_says_no_timestep_asks_for_it(
    tiny: Tiny, tmp_path: Path
) -> None:
    write_pt(tmp_path / "pt", tiny_checkpoint())
    (tmp_path / "pt" / "checkpoint.json").unlink()
    config = {
        "model": str(tmp_path / "pt"), "tokenizer": tiny() / "vae", "encoder": EncoderName.MINI,
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"conditional_timestep: 0\.1"):
        find_parts(ModelConfig(**config), CPU)
    parts = find_parts(ModelConfig(**config, conditional_timestep=-1), CPU)
    assert parts.conditional_timestep == -1


def _pipeline(generation: str, folder: Path, dim: int) -> Path:
    """Write a pipeline with a real text encoder and its tokenizer in two folders, as diffusers."""
    pipeline = write_tiny_pipeline(folder, generation)
    write = write_t5 if generation == "predict2" else write_reason1
    write(folder / "text_encoder")
    (folder / "tokenizer").mkdir()
    for file in (folder / "text_encoder").iterdir():
        if "token" in file.name or "chat" in file.name:
            file.rename(folder / "tokenizer" / file.name)
    index = json.loads((folder / INDEX).read_text())
    index["text_encoder"] = ["transformers", "T5EncoderModel"]
    (folder / INDEX).write_text(json.dumps(index))
    return pipeline


@pytest.mark.parametrize(
    ("generation", "width", "kind"), [("predict2", 32, "t5"), ("predict2.5", 96, "reason1")]
)
def test_a_pipeline_of_diffusers_brings_its_text_encoder(
    generation: str, width: int, kind: str, tmp_path: Path
) -> None:
    parts = find_parts(ModelConfig(model=str(_pipeline(generation, tmp_path / "p", width))), CPU)
    assert depends(parts)["text"]["encoder"] == kind
    engine = load_engine(parts, ALONE)
    assert engine.ends is not None
    states = engine.ends.encoder.encode(["a car hits the bus"])
    assert states.shape == (1, 512, width)
    assert isinstance(engine.ends.encoder, Encoder)
    assert isinstance(engine.ends.encoder, T5Encoder) == (kind == "t5")


def test_parts_are_described_by_content_not_by_place(tiny: Tiny, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny(), tmp_path / "copy")
    one, two = (depends(find_parts(ModelConfig(model=str(p)), CPU)) for p in (tiny(), copy))
    assert one == two
    other = depends(find_parts(ModelConfig(model=str(tiny("predict2"))), CPU))
    assert other["model_sha256"] != one["model_sha256"]
    assert other["family"] == "predict2-tiny"


def test_a_folder_s_hash_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    first = sha256_of(tmp_path)
    (tmp_path / "a").write_text("y")
    second = sha256_of(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, sha256_of(tmp_path), sha256_of(tmp_path / "b")}) == 4


def test_types_and_back_ends_are_as_asked(tiny: Tiny) -> None:
    config = ModelConfig(
        model=str(tiny()), dtype="bfloat16", attention=AttentionBackend.PLAIN,
        offload=frozenset({Part.MODEL}),
    )  # fmt: skip
    engine = load_engine(find_parts(config, CPU), ALONE)
    assert engine.sampler.net.dtype == torch.bfloat16
    assert engine.about[0].endswith("predict2.5-tiny, torch.bfloat16 on cpu")
    assert engine.about[1] == "attention: plain (asked for)"


def test_a_back_end_that_does_not_run_here_is_refused(tiny: Tiny) -> None:
    with pytest.raises(DeviceError, match="cudnn: needs CUDA"):
        find_parts(ModelConfig(model=str(tiny()), attention=AttentionBackend.CUDNN), CPU)


def test_auto_is_bfloat16_on_a_gpu_and_float32_without(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rareworld.generate.models.choose", lambda *_: Choice(AttentionBackend.PLAIN, "for a test")
    )
    config = ModelConfig(model=str(tiny()))
    assert find_parts(config, CPU).dtype == torch.float32
    assert find_parts(config, torch.device("cuda")).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("file", "fps", "frames", "table", "noted"),
    [
        ("model-480p-10fps.pt", None, 61, "480", ()),
        ("my-model-720p-10fps-run3.pt", None, 61, "720", ()),
        ("model-480p-10fps.pt", 16, 93, "480", ()),
        ("mine.pt", None, 93, "720", ("720p assumed, 16 fps assumed",)),
        ("mine.pt", 10, 61, "720", ("720p assumed, 10 fps as asked for",)),
    ],
)
def test_a_predict2_file_s_name_tells_its_table_and_rate(
    file: str, fps: int | None, frames: int, table: str, noted: tuple[str, ...], tiny: Tiny,
    tmp_path: Path,
) -> None:  # fmt: skip
    write_pt(tmp_path / "made", tiny_checkpoint("predict2"))
    path = (tmp_path / "made" / "model.pt").rename(tmp_path / file)
    parts = find_parts(ModelConfig(model=str(path), tokenizer=tiny() / "vae", fps=fps), CPU)
    assert (parts.limits.frames, parts.limits.table) == (frames, table)
    assert len(parts.notes) == len(noted)
    assert all(words in note for words, note in zip(noted, parts.notes, strict=True))


def test_nothing_is_assumed_of_predict25(tiny: Tiny) -> None:
    assert find_parts(ModelConfig(model=str(tiny())), CPU).notes == ()


def test_the_back_end_that_auto_chose_decides_the_key(tiny: Tiny) -> None:
    auto, named = (
        depends(find_parts(ModelConfig(model=str(tiny()), attention=wanted), CPU))
        for wanted in (AttentionBackend.AUTO, AttentionBackend.FLASH)
    )
    plain = depends(find_parts(ModelConfig(model=str(tiny()), attention="plain"), CPU))
    assert auto["settings"]["attention"] == "flash"
    assert auto == named != plain


GB = 10**9
WINDOWS: dict[str, tuple[int, torch.dtype, bool, int]] = {
    "a large GPU": (139 * GB, torch.bfloat16, False, 4),
    "24 GB, fused": (23 * GB, torch.bfloat16, True, 4),
    "24 GB": (23 * GB, torch.bfloat16, False, 2),
    "16 GB, fused": (15 * GB, torch.bfloat16, True, 2),
    "16 GB": (15 * GB, torch.bfloat16, False, 1),
    "next to nothing": (1 * GB, torch.bfloat16, True, 1),
    "40 GB at float32, fused": (40 * GB, torch.float32, True, 2),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_the_window_is_the_widest_that_memory_allows(case: str) -> None:
    free, dtype, fused, expected = WINDOWS[case]
    assert widest_window(free, dtype=dtype, fused=fused) == expected


def test_the_window_goes_by_what_is_free_on_the_gpu(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks that torch holds and nobody uses count as free: 14 and 6 GB."""
    parts = find_parts(ModelConfig(model=str(tiny()), dtype="bfloat16"), CPU)
    engine = load_engine(parts, ALONE)
    assert engine.ends is not None
    assert engine.ends.tokenizer.window == 1
    assert engine.about[-1] == "tokenizer: window 1 (on cpu)"
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (14 * GB, 80 * GB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 9 * GB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 3 * GB)
    told = _set_window(engine.ends.tokenizer, parts, torch.device("cuda"))
    assert engine.ends.tokenizer.window == 1
    assert told == "tokenizer: window 1 (20.0 GB of the GPU are free)"
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (60 * GB, 80 * GB))
    assert "window 4 (66.0 GB" in _set_window(engine.ends.tokenizer, parts, torch.device("cuda"))
