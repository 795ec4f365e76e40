"""Every recipe builds, on the meta device, and trains what its docstring says."""

from pathlib import Path

import pytest

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.pipeline import RELEASES
from rareworld.models.mini.find import MINI_NAME
from rareworld.recipes.training import ALIASES, RECIPES, summary, training_recipe
from rareworld.train.assemble import family_of
from rareworld.train.config import ParallelConfig, TrainConfig

TRAINED = {
    "traffic_anomaly_2b": 22_937_600,
    "predict2_2b_conservative": 11_468_800,
    "predict2_2b_balanced": 22_937_600,
    "predict2_2b_aggressive": 45_875_200,
    "predict2_14b_conservative": 71_958_528,
    "predict2_14b_balanced": 143_917_056,
    "predict2_14b_aggressive": 287_834_112,
    "robotics_2b": 34_406_400,
    "surveillance_2b": 13_762_560,
    "creative_2b": 45_875_200 + 28 * 4 * 128,
    "sports_txt": 45_875_200,
    "sports_json_rank32": 45_875_200,
    "full_2b": 1_956_413_440,
    "full_14b": 14_265_285_632,
    "mini_pretrain": 15_393_856,
    "mini_crash_lora": 16 * 8 * (6 * 640 + 2 * 576 + 2 * 1600),
    "mini_crash_lora_gpu": 16 * 8 * (6 * 640 + 2 * 576 + 2 * 1600),
}
"""Parameters that each recipe trains: closed form, r (inputs + outputs) over the adapted layers."""


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_as_many_parameters_as_it_says(name: str) -> None:
    config = RECIPES[name]()
    net = build_on_meta(family_of(config.base).net)
    if config.adapter is None:
        trained = sum(parameter.numel() for parameter in net.parameters())
    else:
        trained = add_adapters(net, AdapterSpec(**config.adapter.model_dump()), seed=0).trainable
    assert trained == TRAINED[name]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_being_written_and_read(name: str) -> None:
    config = RECIPES[name]()
    assert config.name == name
    assert config.base.model in {*RELEASES, MINI_NAME}
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
    assert summary(name)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_upstream_s_names_lead_to_recipes(alias: str, name: str) -> None:
    assert training_recipe(alias) == RECIPES[name]()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'traffic_anomaly_2b'"):
        training_recipe("traffic_anomally_2b")


def test_the_mix_of_the_traffic_recipe_is_one_to_one() -> None:
    sources = training_recipe("traffic_anomaly_2b").data.sources
    assert [source.share for source in sources] == [1.0, 1.0]
    assert sources[0].path == Path("datasets/its/normal")


def test_numbers_that_guides_get_wrong_are_right_here() -> None:
    traffic = training_recipe("traffic_anomaly_2b")
    assert traffic.optimizer.lr == pytest.approx(4.3158e-5, rel=1e-4)
    assert traffic.data.batch_size * 2 == 8  # 8 GPUs, 2 to a clip
    assert training_recipe("sports_txt").base.conditional_timestep is None  # the checkpoint's own


@pytest.mark.parametrize(
    ("name", "gpus", "sharers"),
    [
        ("traffic_anomaly_2b", 8, 2),
        ("traffic_anomaly_2b", 4, 1),
        ("traffic_anomaly_2b", 1, 1),
        ("predict2_2b_balanced", 8, 1),
        ("full_14b", 32, 8),
        ("sports_txt", 24, 3),
    ],
)
def test_a_step_is_dealt_out_on_any_number_of_gpus(name: str, gpus: int, sharers: int) -> None:
    config = training_recipe(name)
    assert config.on(gpus).parallel.context == sharers
    assert config.data.batch_size % (gpus // sharers) == 0


def test_a_division_that_was_asked_for_stays() -> None:
    config = training_recipe("traffic_anomaly_2b")
    asked = config.model_copy(update={"parallel": ParallelConfig(context=4)})
    assert asked.on(8) == asked
