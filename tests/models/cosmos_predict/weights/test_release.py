"""What lies around a checkpoint tells the timestep of clean frames, or nothing does."""

import pytest

from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.weights.release import conditional_timestep, run_value

SMALL, LARGE = FAMILIES["predict2.5-2b"], FAMILIES["predict2.5-14b"]


@pytest.mark.parametrize(
    ("path", "family", "value"),
    [
        ("2B/base/pre-trained/d20b7120-df3e-4911-919d-db6e08bad31c_ema_bf16.pt", SMALL, -1.0),
        ("2B/base/post-trained/81edfebe-bd6a-4039-8c1d-737df1a790bf_ema_bf16.pt", SMALL, 0.1),
        ("81edfebe-bd6a-4039-8c1d-737df1a790bf/model_ema_bf16.pt", SMALL, 0.1),
        ("base/pre-trained/54937b8c-29de-4f04-862c-e67b04ec41e8_ema_bf16.pt", LARGE, -1.0),
        ("base/post-trained/e21d2a49-4747-44c8-ba44-9f6f9243715f_ema_bf16.pt", LARGE, -1.0),
        ("base/post-trained/model.pt", SMALL, 0.1),
        ("base/post-trained/model.pt", LARGE, -1.0),
        ("base/pre-trained/model.pt", SMALL, -1.0),
        ("base/post-trained/transformer", SMALL, 0.1),
        ("base/post-trained", SMALL, 0.1),
        ("post-trained/model.pt", SMALL, None),
        ("post-trained/pre-trained/model.pt", SMALL, None),
        ("base/mine/post-trained/model.pt", SMALL, None),
        ("base/post-trained/mine/iter_7/model.pt", SMALL, None),
        ("auto/multiview/post-trained/model.pt", LARGE, None),
        ("my_post-trained_model.pt", SMALL, None),
        ("model.pt", SMALL, None),
        ("base/post-trained/model.pt", FAMILIES["predict2-2b"], None),
    ],
)
def test_released_names_tell_it(tmp_path, path: str, family, value: float | None) -> None:
    told = conditional_timestep(tmp_path / path, family)
    assert (told.value if told else None) == value


def test_a_hubs_cache_tells_the_branch_of_a_snapshot(tmp_path) -> None:
    repo = tmp_path / "models--nvidia--Cosmos-Predict2.5-2B"
    for branch, commit in (("post-trained", "aaa111"), ("pre-trained", "bbb222")):
        ref = repo / "refs" / "diffusers" / "base" / branch
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit)
    for commit, value in (("aaa111", 0.1), ("bbb222", -1.0), ("ccc333", None)):
        told = conditional_timestep(repo / "snapshots" / commit / "transformer", SMALL)
        assert (told.value if told else None) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\n  conditional_frame_timestep: -1.0\n", -1.0),
        ("conditional_frame_timestep: 1.0e-04\n", 1e-4),
        ("conditional_frame_timestep: 0.1\nb:\n  conditional_frame_timestep: 0.1\n", 0.1),
        ("conditional_frame_timestep: 0.1\nb:\n  conditional_frame_timestep: -1\n", None),
        ("conditional_frame_timestep: ${x}\n", None),
        ("x_conditional_frame_timestep: 1\n", None),
        ("", None),
    ],
)
def test_a_runs_config_tells_it_where_it_is_of_one_mind(tmp_path, text: str, value) -> None:
    (tmp_path / "config.yaml").write_text(f"_target_: !!python/name:builtins.print\n{text}")
    path = tmp_path / "checkpoints" / "iter_000000100" / "model"
    told = conditional_timestep(path, SMALL)
    assert (told.value if told else None) == value


def test_a_runs_config_wins_over_the_folders_name(tmp_path) -> None:
    (tmp_path / "config.yaml").write_text("conditional_frame_timestep: -1.0\nlora_alpha: 32\n")
    path = tmp_path / "post-trained" / "model.pt"
    told = conditional_timestep(path, SMALL)
    assert told is not None
    assert told.value == -1.0
    assert told.by.endswith("config.yaml")
    alpha = run_value(path, "lora_alpha")
    assert alpha is not None
    assert alpha.value == 32.0
    assert run_value(path, "lora_rank") is None
