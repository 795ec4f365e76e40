"""The verb: options become samples and settings, lists are read, errors keep their codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.calls import done, refused
from rareworld.cli import generate as verb
from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import read_json
from rareworld.data.video import probe
from rareworld.errors import ConfigError, FormatError, JobError, RareworldError
from rareworld.generate.models import ModelConfig
from rareworld.models.cosmos_predict.tiny import write_tiny_adapter, write_tiny_pipeline

APP = typer.Typer()
APP.command("generate")(verb.generate)
QUICK = ["--resolution", "32,48", "--num-output-frames", "5", "--num-steps", "2"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_tiny_pipeline(tmp_path_factory.mktemp("cli") / "tiny"))


def _done(*arguments: object) -> str:
    return done(APP, *arguments).stdout


def _list(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_a_prompt_on_the_command_line_becomes_a_video(tiny: str, tmp_path: Path) -> None:
    save = tmp_path / "videos" / "crash.mp4"
    told = _done(
        "--model", tiny, "--prompt", "a car hits a bus", "--save_path", save, "-o", tmp_path, *QUICK
    )
    assert "1 done, 0 kept from before, 0 quarantined" in told
    assert probe(save).num_frames == 5
    assert sha256_file(save) == sha256_file(tmp_path / "crash" / "crash.mp4")


def test_a_list_is_made_and_gone_on_with(tiny: str, tmp_path: Path) -> None:
    path = _list(tmp_path / "l.json", {
        "inference_type": "text2world", "num_steps": 2, "samples": {"a": {"prompt": "x"}},
    })  # fmt: skip
    command = ("-i", path, "--model", tiny, "-o", tmp_path / "out", *QUICK[:4])
    assert "1 done" in _done(*command)
    answer = json.loads(_done(*command, "--json"))
    assert answer["items"][0]["status"] == "kept"
    assert answer["items"][0]["size"] == "32,48"


def test_several_lists_follow_one_i(tiny: str, tmp_path: Path) -> None:
    paths = [_list(tmp_path / f"{n}.json", {"name": n, "prompt": n}) for n in ("a", "b", "c")]
    told = _done("-i", *paths, "--model", tiny, "-o", tmp_path / "out", *QUICK)
    assert "3 done" in told


def test_options_win_over_every_sample_of_a_list(tiny: str, tmp_path: Path) -> None:
    path = _list(tmp_path / "l.json", [{"name": n, "prompt": n, "seed": 1} for n in ("a", "b")])
    _done("-i", path, "--seed", "9", "--model", tiny, "-o", tmp_path / "out", *QUICK)
    for name in ("a", "b"):
        sidecar = read_json(tmp_path / "out" / name / f"{name}.json")
        assert sidecar["from"]["sample"]["seed"] == 9


def test_a_bad_sample_is_quarantined_and_told_by_the_exit_code(tiny: str, tmp_path: Path) -> None:
    path = _list(tmp_path / "l.json", [{"prompt": "x"}, {"prompt": "y", "guidence": 3}])
    error = refused(APP, "-i", path, "--model", tiny, "-o", tmp_path / "out", *QUICK)
    assert isinstance(error, JobError)
    assert "unknown key 'guidence' (did you mean 'guidance'?)" in str(error)
    assert probe(tmp_path / "out" / "l_0000" / "l_0000.mp4").num_frames == 5
    assert json.loads((tmp_path / "out" / "quarantine.json").read_text())[0]["item"] == "l_0001"


def test_adapters_and_settings_reach_the_model(tiny: str, tmp_path: Path) -> None:
    adapter = write_tiny_adapter(tmp_path / "a")
    _done(
        "--model", tiny, "--prompt", "x", "--adapter", f"{adapter}:0.5", "--adapter", adapter,
        "--set", "fast.guide_from=0.5", "--dtype", "float32", "-o", tmp_path / "out", *QUICK,
    )  # fmt: skip
    made_from = read_json(tmp_path / "out" / "sample_0000" / "sample_0000.json")["from"]
    assert [adapter["weight"] for adapter in made_from["adapters"]] == [0.5, 1.0]
    assert made_from["settings"]["fast"]["guide_from"] == 0.5


def test_a_settings_file_is_read_and_options_win(tiny: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"model: {tiny}\nattention: plain\ndtype: bfloat16\n")
    _done("--config", config, "--prompt", "x", "--dtype", "float32", "-o", tmp_path / "o", *QUICK)
    record = read_json(tmp_path / "o" / "sample_0000" / "sample_0000.json")
    assert record["from"]["dtype"] == "float32"
    assert record["from"]["settings"]["attention"] == "plain"


ALIASES: dict[str, tuple[list[str], str, object]] = {
    "batch": (["--batch_input_json", "l.json"], "lists", [Path("l.json")]),
    "conditional": (["--num_conditional_frames", "5"], "num_conditional_frames", 5),
    "aspect": (["--aspect_ratio", "9:16"], "aspect_ratio", "9:16"),
    "input": (["--input_path", "a.png"], "input_path", Path("a.png")),
    "negative": (["--negative_prompt", "blur"], "negative_prompt", "blur"),
    "checkpoint": (["--checkpoint-path", "m.pt"], "model", "m.pt"),
    "dit": (["--dit_path", "m.pt"], "model", "m.pt"),
    "save": (["--save_path", "a.mp4"], "save_path", Path("a.mp4")),
    "ema": (["--load_ema"], "ema", True),
    "alpha": (["--lora_alpha", "16"], "alpha", 16.0),
    "guardrail": (["--guardrail", "--disable_guardrail"], "guardrail", False),
    "guardrails": (["--guardrail", "--disable-guardrails"], "guardrail", False),
    "gpus": (["--num_gpus", "2"], "num_gpus", 2),
    "context parallel": (["--context_parallel_size", "2"], "num_gpus", 2),
}


@pytest.mark.parametrize("case", ALIASES)
def test_predict2_s_flags_are_ours_too(case: str) -> None:
    arguments, name, value = ALIASES[case]
    command = typer.main.get_command(APP)
    assert command.make_context("generate", arguments).params[name] == value


SETTINGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "nothing": ([], {}),
    "model": (["--model", "14B/pre-trained"], {"model": "14B/pre-trained"}),
    "all parts": (["--offload", "all"], {"offload": ["model", "text", "tokenizer"]}),
    "upstream's flags": (
        ["--offload-diffusion-model", "--offload-tokenizer"], {"offload": ["model", "tokenizer"]}
    ),
    "compile": (["--compile"], {"compile": True}),
    "rate": (["--fps", "10"], {"fps": 10}),
    "sizes": (["--any-size"], {"any_size": True}),
    "Predict2's size": (["--model_size", "14B"], {"model": "predict2/14B/720p-16fps"}),
    "Predict2's table and rate": (
        ["--model-size", "2B", "--resolution", "480", "--fps", "10"],
        {"model": "predict2/2B/480p-10fps", "fps": 10},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTINGS)
def test_options_become_the_model_s_settings(case: str) -> None:
    arguments, expected = SETTINGS[case]
    params = typer.main.get_command(APP).make_context("generate", arguments).params
    given = {key: value for key, value in params.items() if value not in (None, ())}
    values = verb._settings(given, {})
    assert values == expected
    ModelConfig.parse(values)


def test_every_option_of_a_sample_is_one_of_its_fields() -> None:
    from rareworld.generate.sample import Sample

    assert set(verb.SAMPLE) == set(Sample.model_fields)
    assert set(verb.MODEL) < set(ModelConfig.model_fields)


BAD: dict[str, tuple[list[str], type[RareworldError], str]] = {
    "nothing": ([], ConfigError, "give --prompt, or a list of samples with -i"),
    "no prompt": (["--seed", "3"], ConfigError, "no prompt; give prompt or prompt_path"),
    "guidance": (["--prompt", "x", "--guidance", "9"], ConfigError, "guidance"),
    "device": (["--prompt", "x", "--device", "tpu"], ConfigError, "auto, cpu or cuda"),
    "list": (["-i", "/none.json"], ConfigError, "check the path"),
    "model": (["--prompt", "x", "--model", "2B/post"], ConfigError, "did you mean"),
    "offload": (["--prompt", "x", "--offload", "modle"], ConfigError, "did you mean 'model'"),
    "attention": (["--prompt", "x", "--attention", "slow"], ConfigError, "attention"),
    "setting": (["--prompt", "x", "--set", "fast.tolerance=1"], ConfigError, "cache_tolerance"),
    "refiner": (["--prompt", "x", "--refine", "http://127.0.0.1"], ConfigError, "--refine-model"),
    "adapter": (["--prompt", "x", "--adapter", "/none"], ConfigError, "does not exist"),
    "two models": (["--prompt", "x", "--model-size", "2B"], ConfigError, "drop one of them"),
    "gpus": (
        ["--prompt", "x", "--num_gpus", "4"],
        ConfigError,
        "run: torchrun --nproc-per-node 4 -m rareworld generate",
    ),
    "context parallel": (
        ["--prompt", "x", "--context-parallel-size", "2"],
        ConfigError,
        "2 GPUs want 2 processes, found 1",
    ),
    "refiner or not": (
        ["--prompt", "x", "--refine", "u", "--disable-prompt-refiner"],
        ConfigError,
        "drop one of them",
    ),
    "reserved": (["--prompt", "x", "--name", "stage"], ConfigError, "file of the job itself"),
    "copy": (["--prompt", "x", "--save_path", "a.avi"], ConfigError, "a.avi must end in .mp4"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_options_are_errors_with_their_remedy(case: str, tiny: str) -> None:
    arguments, kind, words = BAD[case]
    model = [] if "--model" in arguments else ["--model", tiny]
    error = refused(APP, *arguments, *model)
    assert isinstance(error, kind)
    assert words in str(error)


def test_a_job_that_fails_wholly_keeps_its_error_s_class(tiny: str, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no")
    error = refused(APP,
        "--prompt", "x", "--input_path", tmp_path / "bad.mp4", "--model", tiny, "-o",
        tmp_path / "out", *QUICK,
    )  # fmt: skip
    assert isinstance(error, FormatError)


def test_a_prompt_that_is_cut_is_shown(tiny: str, tmp_path: Path) -> None:
    long = " ".join(["word"] * 600)
    result = done(APP, "--prompt", long, "--model", tiny, "-o", tmp_path, *QUICK)
    assert result.stderr.count("longer than 512 tokens; its last 439 characters are not") == 1
    assert "guardrail: off" in result.stderr
    notes = read_json(tmp_path / "sample_0000" / "sample_0000.json")["notes"]
    assert notes == [
        "the prompt is longer than 512 tokens; its last 439 characters are not read: "
        + repr(" ".join(["word"] * 88)[:200] + "...")
    ]


def test_the_verb_loads_no_torch_before_it_runs() -> None:
    code = "import sys; import rareworld.cli.generate; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_list_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from rareworld.cli.generate import _read\n"
        "try: _read([], {'prompt': ''})\n"
        "except Exception as e: print(type(e).__name__)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "ConfigError"


def test_upstream_flags_that_change_nothing_say_so(tiny: str, tmp_path: Path) -> None:
    flags = (
        "--keep_going", "--disable-prompt-refiner", "--offload_guardrail_models", "--num-gpus", "1",
        "--disable_guardrails",
    )  # fmt: skip
    result = done(APP, "--prompt", "x", "--model", tiny, "-o", tmp_path, *QUICK, *flags)
    told = " ".join(result.stderr.split())
    for line in verb.MEANINGLESS.values():
        assert f"note: {line}" in told
    assert "guardrail: off" in told


def test_a_copy_in_the_way_is_told_before_any_work(tiny: str, tmp_path: Path) -> None:
    save = tmp_path / "crash.mp4"
    save.write_bytes(b"mine")
    command = ("--prompt", "x", "--save_path", save, "--model", tiny, "-o", tmp_path / "o", *QUICK)
    assert "exists and is not the video of sample 'crash'" in str(refused(APP, *command))
    assert not (tmp_path / "o").exists()
    _done(*command, "--overwrite")
    assert probe(save).num_frames == 5
    assert "1 kept from before" in _done(*command)
