"""Samples and lists of them: upstream's forms read, every mistake named with its remedy."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rareworld.errors import ConfigError, FormatError
from rareworld.generate.sample import (
    Filled,
    InferenceType,
    Request,
    Sample,
    check_copies,
    make_request,
    parse_sample,
    prompt_of,
    read_requests,
)
from rareworld.models.cosmos_predict.defaults import Defaults

PROMPT = {"name": "a", "prompt": "rain on a crossing"}


def _list(folder: Path, content: object, name: str = "list.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_defaults_are_upstream_s() -> None:
    sample = parse_sample(PROMPT)
    filled = sample.filled(None)
    assert (sample.seed, filled.guidance, filled.num_steps) == (0, 7, 35)
    assert filled.negative_prompt is None
    assert sample.chunk_overlap == 1
    assert (sample.resolution, sample.enable_autoregressive) == ("none", False)


def test_a_pipelines_own_defaults_fill_what_is_left_out() -> None:
    told = Defaults(
        height=128, width=224, num_frames=17, fps=8, num_steps=12, guidance=1.5, negative_prompt=""
    )
    assert parse_sample(PROMPT).filled(told) == Filled(
        guidance=1.5, num_steps=12, negative_prompt=""
    )
    asked = parse_sample(PROMPT | {"guidance": 0, "num_steps": 3, "negative_prompt": "fog"})
    assert asked.filled(told) == Filled(guidance=0.0, num_steps=3, negative_prompt="fog")


def test_upstream_s_full_sample_is_read(tmp_path: Path) -> None:
    values = {
        "name": "soccer_action_sequence",
        "inference_type": "image2world",
        "prompt": "A player dribbles.",
        "input_path": "first_frame.mp4",
        "negative_prompt": "blur",
        "seed": 3,
        "guidance": 3,
        "resolution": "704,1280",
        "num_output_frames": 93,
        "num_steps": 35,
        "enable_autoregressive": False,
        "chunk_size": 77,
        "chunk_overlap": 1,
    }
    (request,) = read_requests(_list(tmp_path, values))
    sample = request.sample()
    assert sample.input_path == tmp_path / "first_frame.mp4"
    assert sample.kind == InferenceType.IMAGE2WORLD
    assert request.name == "soccer_action_sequence"


FORMS: dict[str, tuple[str, object]] = {
    "one object": ("l.json", PROMPT),
    "a list": ("l.json", [PROMPT]),
    "json lines": ("l.jsonl", json.dumps(PROMPT) + "\n\n"),
    "yaml": ("l.yaml", yaml.safe_dump(PROMPT)),
    "yml list": ("l.yml", yaml.safe_dump([PROMPT])),
    "october 2025": (
        "l.json",
        {"inference_type": "text2world", "samples": {"a": {"prompt": PROMPT["prompt"]}}},
    ),
    "samples as a list": ("l.json", {"samples": [PROMPT]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_list_gives_the_same_sample(form: str, tmp_path: Path) -> None:
    name, content = FORMS[form]
    (request,) = read_requests(_list(tmp_path, content, name))
    assert request.name == "a"
    assert request.sample().prompt == PROMPT["prompt"]


def test_october_s_shared_values_reach_every_sample_and_its_own_win(tmp_path: Path) -> None:
    content = {
        "inference_type": "text2world",
        "seed": 5,
        "samples": {"a": {"prompt": "x"}, "b": {"prompt": "y", "seed": 6}},
    }
    a, b = read_requests(_list(tmp_path, content))
    assert (a.sample().seed, b.sample().seed) == (5, 6)
    assert a.sample().kind == b.sample().kind == InferenceType.TEXT2WORLD


def test_predict2_s_batch_file_is_read(tmp_path: Path) -> None:
    content = [
        {"input_video": "in/a.mp4", "prompt": "x", "output_video": "out/crash.mp4"},
        {"input_video": "/abs/b.jpg", "prompt": "y", "output_video": "out/calm.mp4"},
    ]
    a, b = read_requests(_list(tmp_path, content))
    assert (a.name, b.name) == ("crash", "calm")
    assert a.sample().input_path == tmp_path / "in/a.mp4"
    assert a.sample().save_path == tmp_path / "out/crash.mp4"
    assert b.sample().input_path == Path("/abs/b.jpg")


def test_nameless_samples_are_counted(tmp_path: Path) -> None:
    requests = read_requests(_list(tmp_path, [{"prompt": "x"}, {"prompt": "y"}]))
    assert [request.name for request in requests] == ["list_0000", "list_0001"]


def test_overrides_win(tmp_path: Path) -> None:
    (request,) = read_requests(_list(tmp_path, PROMPT | {"seed": 1}), {"seed": 9})
    assert request.sample().seed == 9


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({}, None),
        ({"num_conditional_frames": 1, "input_path": "a.png"}, InferenceType.IMAGE2WORLD),
        ({"num_conditional_frames": 5, "input_path": "a.mp4"}, InferenceType.VIDEO2WORLD),
        ({"inference_type": "text2world"}, InferenceType.TEXT2WORLD),
    ],
)
def test_the_kind_may_be_said_in_either_way(
    asked: dict[str, Any], kind: InferenceType | None
) -> None:
    assert parse_sample(PROMPT | asked).kind == kind


@pytest.mark.parametrize(("kind", "latents"), list(zip(InferenceType, (0, 1, 2), strict=True)))
def test_kinds_start_from_zero_one_or_two_latent_frames(kind: InferenceType, latents: int) -> None:
    assert kind.latents == latents


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"num_step": 3}, "unknown key 'num_step' (did you mean 'num_steps'?)"),
    "no prompt": ({"prompt": None}, "no prompt; give prompt or prompt_path"),
    "blank prompt": ({"prompt": "  "}, "no prompt"),
    "two prompts": ({"prompt_path": "p.txt"}, "prompt and prompt_path are both given"),
    "guidance too high": ({"guidance": 8}, "guidance: Input should be less than or equal to 7"),
    "guidance below": ({"guidance": -1}, "guidance: Input should be greater than or equal to 0"),
    "guidance broken": ({"guidance": "much"}, "guidance: Input should be a valid number"),
    "no steps": ({"num_steps": 0}, "num_steps: Input should be greater than or equal to 1"),
    "negative seed": ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
    "no frames": ({"num_output_frames": 0}, "num_output_frames: Input should be greater than"),
    "unknown kind": ({"inference_type": "world2world"}, "'text2world', 'image2world' or"),
    "unknown shape": ({"aspect_ratio": "21:9"}, "aspect_ratio: Input should be '1:1'"),
    "three frames": ({"num_conditional_frames": 3}, "num_conditional_frames: Input should be 1"),
    "name with a slash": ({"name": "a/b"}, "name: String should match pattern"),
    "hidden name": ({"name": ".a"}, "name: String should match pattern"),
    "empty name": ({"name": ""}, "name: String should match pattern"),
    "image without": ({"inference_type": "image2world"}, "image2world needs input_path"),
    "video without": ({"num_conditional_frames": 5}, "video2world needs input_path"),
    "two kinds": (
        {"inference_type": "video2world", "num_conditional_frames": 1, "input_path": "a.mp4"},
        "inference_type video2world and num_conditional_frames 1 (image2world) differ",
    ),
    "said twice": (
        {"input_path": "a.mp4", "input_video": "b.mp4"},
        "input_video and input_path mean the same",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_sample_is_an_error_with_its_remedy(case: str) -> None:
    values, words = BAD[case]
    with pytest.raises(ConfigError) as caught:
        parse_sample(PROMPT | values)
    assert words in str(caught.value)


def test_a_wrong_sample_does_not_end_its_list(tmp_path: Path) -> None:
    good, bad = read_requests(_list(tmp_path, [PROMPT, PROMPT | {"name": "b", "guidance": 9}]))
    assert isinstance(good.content, Sample)
    assert bad.name == "b"
    with pytest.raises(ConfigError, match=r"list.json: sample 'b': guidance"):
        bad.sample()


@pytest.mark.parametrize(
    ("name", "safe"),
    [("a/b", "a_b"), ("../up", "up"), ("", "sample"), ("é", "é"), ("x" * 999, "x" * 200)],
)
def test_a_wrong_sample_still_gets_a_name_a_folder_may_have(name: str, safe: str) -> None:
    request = make_request({"name": name, "guidance": 9}, "list", 0, "list.json")
    assert request == Request(safe, request.content)


LISTS: dict[str, tuple[str, str, str]] = {
    "not json": ("l.json", "{", "not valid .json"),
    "a broken line": ("l.jsonl", '{"prompt": "x"}\n{', "not valid .jsonl"),
    "not yaml": ("l.yaml", "a: [", "not valid .yaml"),
    "another kind": ("l.toml", "", "expected a .json, .jsonl, .yaml or .yml"),
    "a number": ("l.json", "3", "expected a sample with keys and values, found int: 3"),
    "nothing": ("l.yaml", "", "expected a sample with keys and values, found NoneType"),
    "an empty list": ("l.json", "[]", "holds no sample"),
    "no samples": ("l.json", '{"samples": {}}', "holds no sample"),
    "samples of another shape": ("l.json", '{"samples": {"a": "x"}}', "must map each name"),
    "samples as text": ("l.json", '{"samples": "x"}', "must map each name"),
    "samples of numbers": ("l.json", '{"samples": [1]}', "must map each name"),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_that_cannot_be_read_is_named(case: str, tmp_path: Path) -> None:
    name, text, words = LISTS[case]
    with pytest.raises(ConfigError) as caught:
        read_requests(_list(tmp_path, text, name))
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.json: cannot be read .* check the path"):
        read_requests(tmp_path / "none.json")


def test_a_prompt_file_is_relative_to_its_list(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text(" a bus brakes \n")
    (request,) = read_requests(_list(tmp_path, {"prompt_path": "p.txt"}))
    assert prompt_of(request.sample()) == "a bus brakes"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read as text"), (b"", "is empty"), (b"\xff\xfe\xfa", "cannot be read as")],
)
def test_a_prompt_file_without_a_prompt_is_an_error(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        prompt_of(parse_sample({"name": "a", "prompt_path": str(path)}))


@pytest.mark.parametrize("name", ["quarantine.json", "Quarantine.JSON", "stage"])
def test_names_of_the_job_s_own_files_are_refused(name: str) -> None:
    request = make_request({"name": name, "prompt": "x"}, "list", 0, "list.json")
    assert request.name == f"{name}_"
    with pytest.raises(ConfigError, match="file of the job itself; choose another name"):
        request.sample()


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "[" * 2000 + "]" * 2000])
@pytest.mark.parametrize("name", ["l.json", "l.jsonl", "l.yaml"])
def test_a_list_nested_without_end_is_named(text: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=rf"{name}: nested too deeply"):
        read_requests(_list(tmp_path, text, name))


def test_a_copy_must_be_an_mp4() -> None:
    request = make_request({"prompt": "x", "save_path": "a.avi"}, "list", 0, "list.json")
    with pytest.raises(ConfigError, match=r"save_path: a\.avi must end in \.mp4"):
        request.sample()


def test_copies_need_places_of_their_own(tmp_path: Path) -> None:
    def asked(name: str, file: str) -> Request:
        values = {"name": name, "prompt": "x", "save_path": str(tmp_path / file)}
        return make_request(values, "list", 0, "list.json")

    out, wrong = tmp_path / "out", Request("bad", "wrong")
    check_copies([asked("a", "a.mp4"), asked("b", "b.mp4"), wrong], out, overwrite=False)
    with pytest.raises(ConfigError, match="samples 'a' and 'b' would both be copied"):
        check_copies([asked("a", "a.mp4"), asked("b", "x/../a.mp4")], out, overwrite=True)
    (tmp_path / "a.mp4").write_bytes(b"one")
    with pytest.raises(ConfigError, match=r"a\.mp4 exists .* pass --overwrite"):
        check_copies([asked("a", "a.mp4")], out, overwrite=False)
    check_copies([asked("a", "a.mp4")], out, overwrite=True)
    (out / "a").mkdir(parents=True)
    (out / "a" / "a.mp4").write_bytes(b"one")
    check_copies([asked("a", "a.mp4")], out, overwrite=False)
