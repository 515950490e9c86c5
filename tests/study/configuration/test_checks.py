"""What the command line gives, and the sentences that refuse what cannot be meant."""

import dataclasses
import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tyro

from selectax.datasets import SEVERITIES
from selectax.study.configuration import checks
from selectax.study.configuration.checks import check, flags_without_effect
from selectax.study.configuration.config import SweepConfig, defaults_of, to_json
from selectax.study.configuration.corrupted_images import resolve_corruptions
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.method_checks import check_channels
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.training.methods.registry import TRAINING_METHODS

ROOT = Path(__file__).parents[3]
GROUPS = ("data", "training", "regularizer", "method", "evaluation", "run")
ADVERSARIAL = {"training_method": "adversarial", "training_strength": (0.0, 2.0)}
CORRUPTION = {"training_method": "corruption", "training_strength": (0.0, 2.0)}


def changed(**flags):
    """The default configuration with some flags changed, in whatever group they are."""
    config = SweepConfig()
    for name, value in flags.items():
        (group,) = (g for g in GROUPS if hasattr(getattr(config, g), name))
        options = dataclasses.replace(getattr(config, group), **{name: value})
        config = dataclasses.replace(config, **{group: options})
    return config


def parsed(*arguments):
    return tyro.cli(SweepConfig, args=arguments, config=(tyro.conf.OmitArgPrefixes,))


def test_the_default_is_fine():
    check(SweepConfig())


def test_the_first_run_has_defaults_of_its_own():
    digits = defaults_of("digits")
    check(digits)
    assert len(digits.regularizer.alpha) >= 6
    assert min(digits.regularizer.alpha) <= -5
    assert digits.regularizer.seeds >= 4
    assert {*EvaluationOptions().measures, "input_gradients"} == set(digits.evaluation.measures)
    # Its number of attacked images is nobody's flag.
    selectivity = dataclasses.replace(digits.evaluation, measures=("selectivity",))
    check(dataclasses.replace(digits, evaluation=selectivity))
    for name in ("cifar10", "tiny_imagenet"):
        assert defaults_of(name) == changed(dataset=name)
        assert defaults_of(name).regularizer.alpha == (-1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("flags", "flag_and_value", "remedy"),
    [
        ({"alpha": (0.0, math.nan)}, "--alpha nan", "give a finite number."),
        ({"alpha": (math.inf,)}, "--alpha inf", "give a finite number."),
        ({"alpha": (-math.inf, 0.0)}, "--alpha -inf", "give a finite number."),
        ({"alpha": ()}, "--alpha", "give at least one value"),
        ({"alpha": (0.5, 1.0, 0.5)}, "--alpha 0.5 1 0.5", "give each value once"),
        ({"alpha": (0.0, -0.0)}, "--alpha 0 -0", "give each value once"),
        ({"dataset": "cifar"}, "--dataset cifar:", "did you mean cifar10?"),
        ({"dataset": ""}, "--dataset", "Known are digits, cifar10"),
        ({"model": "resnet200"}, "--model resnet200:", "did you mean resnet20?"),
        ({"corruptions": ("contrast", "blur")}, "--corruptions blur:", "mean zoom_blur?"),
        ({"corruptions": ()}, "--corruptions", "give at least one value"),
        ({"epochs": 0}, "--epochs 0:", "at least 1"),
        ({"batch_size": -3}, "--batch-size -3:", "at least 1"),
        ({"seeds": 0}, "--seeds 0:", "at least 1"),
        ({"hosts": 2}, "--hosts 2: no effect without a --coordinator", "HOST:PORT"),
        ({"coordinator": "auto", "host": 1}, "--host 1: no effect with --coordinator auto", "omit"),
        (
            {"regularized_layers": ("one", "one")},
            "--regularized-layers one one:",
            "each value once",
        ),
        ({"first_seed": -1}, "--first-seed -1:", "from 0 to 2147483647"),
        ({"first_seed": 2**31 - 2, "seeds": 3}, "--seeds 3:", "give fewer, or a smaller first"),
        ({"data_dir": Path("d")}, "--data-dir d:", "has no effect with --dataset digits"),
        ({"archives": Path("a")}, "--archives a:", "has no effect with --dataset digits"),
        ({"allow_unverified_archives": True}, "--allow-unverified-archives:", "has no effect"),
        ({"train_limit": 0}, "--train-limit 0:", "at least 1"),
        ({"validation_limit": 0}, "--validation-limit 0:", "at least 1"),
        ({"evaluation_images": 0}, "--evaluation-images 0:", "at least 1"),
        ({"attack_images": -1}, "--attack-images -1:", "at least 1"),
        ({"evaluation_batch_size": 0}, "--evaluation-batch-size 0:", "at least 1"),
        ({"pgd_steps": (10, 0)}, "--pgd-steps 0:", "at least 1"),
        ({"pgd_steps": ()}, "--pgd-steps", "give at least one value"),
        ({"pgd_steps": (10, 10)}, "--pgd-steps 10 10:", "give each value once"),
        ({"response_epsilons": (3.0,)}, "--response-epsilons 3:", "some of 2 4 8 16."),
        ({"pgd_restarts": 0}, "--pgd-restarts 0:", "at least 1"),
        ({"models_at_a_time": 0}, "--models-at-a-time 0:", "at least 1"),
        ({"learning_rate": math.nan}, "--learning-rate nan:", "at least 0"),
        ({"learning_rate": -0.1}, "--learning-rate -0.1:", "at least 0"),
        ({"momentum": math.inf}, "--momentum inf:", "at least 0"),
        ({"weight_decay": -1.0}, "--weight-decay -1.0:", "at least 0"),
        ({"epsilons": (1.0, -2.0)}, "--epsilons -2.0:", "at least 0"),
        ({"epsilons": (math.nan,)}, "--epsilons nan:", "at least 0"),
        ({"epsilons": ()}, "--epsilons", "give at least one value"),
        ({"measures": ("attacks", "attacks")}, "--measures attacks attacks:", "each value once"),
        (
            {"measures": ("selectivity",), "epsilons": (8.0,)},
            "--epsilons 8: has no effect without --measures attacks",
            "or omit --epsilons.",
        ),
        (
            {"measures": ("attacks",), "severities": (1, 2)},
            "--severities 1 2: has no effect without --measures corruptions",
            "omit --severities.",
        ),
        (
            {"measures": ("corruptions",), "attack_images": 9},
            "--attack-images 9: has no effect without --measures attacks or input_gradients or",
            "omit --attack-images.",
        ),
        (
            {"measures": ("attacks",), "response_epsilons": (8.0,)},
            "--response-epsilons 8: has no effect without --measures selectivity or dimens",
            "or omit --response-epsilons.",
        ),
        (
            {"measures": ("selectivity",), "response_epsilons": ()},
            "--response-epsilons: has no effect without --measures attacks;",
            "or omit --response-epsilons.",
        ),
        ({"training_method": "adverserial"}, "--training-method adverserial:", "mean adversarial?"),
        ({**ADVERSARIAL, "training_strength": (0.0, -1.0)}, "--training-strength -1.0:", "least 0"),
        ({**ADVERSARIAL, "training_strength": (math.nan,)}, "--training-strength nan:", "finite"),
        ({**ADVERSARIAL, "training_strength": (math.inf,)}, "--training-strength inf:", "finite"),
        ({**ADVERSARIAL, "training_strength": (2.0, 1.0, 2)}, "--training-strength 2 1 2:", "once"),
        ({**ADVERSARIAL, "training_strength": ()}, "--training-strength", "at least one value"),
        ({**ADVERSARIAL, "training_strength": (0.0,)}, "--training-strength 0:", "above 0"),
        (
            {"training_strength": (0.0, 2.0)},
            "--training-strength 0 2: has no effect with --training-method standard",
            "choose another method",
        ),
        ({**ADVERSARIAL, "adversarial_steps": 0}, "--adversarial-steps 0:", "at least 1"),
        ({**ADVERSARIAL, "adversarial_norm": "l1"}, "--adversarial-norm l1:", "did you mean l"),
        ({**ADVERSARIAL, "adversarial_step_size": 0.0}, "--adversarial-step-size 0:", "above 0"),
        ({**ADVERSARIAL, "adversarial_step_size": -1.0}, "--adversarial-step-size -1.0:", "finite"),
        ({**CORRUPTION, "training_strength": (2.5,)}, "--training-strength 2.5:", "whole numbers"),
        ({**CORRUPTION, "training_strength": (6.0,)}, "--training-strength 6:", "from 0 to 5"),
        (
            {**CORRUPTION, "training_corruptions": ("contrst",)},
            "--training-corruptions contrst:",
            "did you mean contrast?",
        ),
        (
            {**CORRUPTION, "training_corruptions": ("fog", "fog")},
            "--training-corruptions fog fog:",
            "each value once",
        ),
        ({**CORRUPTION, "training_corruptions": ()}, "--training-corruptions", "at least one"),
        (
            {**ADVERSARIAL, "training_corruptions": ("fog",)},
            "--training-corruptions fog: has no effect without --training-method corruption",
            "omit --training-corruptions.",
        ),
        (
            {"adversarial_steps": 3},
            "--adversarial-steps 3: has no effect without --training-method adversarial",
            "omit --adversarial-steps.",
        ),
        (
            {"adversarial_norm": "l2"},
            "--adversarial-norm l2: has no effect without --training-method adversarial",
            "omit --adversarial-norm.",
        ),
        ({"alpha_epochs": (0, 2)}, "--alpha-epochs 0 2:", "between 1 and --epochs 5"),
        ({"alpha_epochs": (3, 2)}, "--alpha-epochs 3 2:", "between 1 and --epochs 5"),
        ({"alpha_epochs": (1, 6)}, "--alpha-epochs 1 6:", "between 1 and --epochs 5"),
        ({"warmup_epochs": -1.0}, "--warmup-epochs -1.0:", "at least 0"),
        ({"warmup_epochs": 5.5}, "--warmup-epochs 5.5:", "at most --epochs 5"),
        ({"alpha_warmup_epochs": math.nan}, "--alpha-warmup-epochs nan:", "finite number"),
        (
            {"alpha_epochs": (2, 3), "alpha_warmup_epochs": 3.0},
            "--alpha-warmup-epochs 3:",
            "at most the 2 epochs of the regularizer",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(flags, flag_and_value, remedy):
    with pytest.raises(ConfigurationError) as raised:
        check(changed(**flags))
    text = str(raised.value)
    assert text.startswith(flag_and_value)
    assert remedy in text
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text


def test_flags_without_effect_are_those_that_the_measures_do_not_use():
    flags = flags_without_effect(["attacks"])
    assert {"--severities", "--response-epsilons"} <= flags
    assert not {"--epsilons", "--attack-images"} & flags
    assert "--response-epsilons" not in flags_without_effect(["attacks", "dimensionality"])


@pytest.mark.parametrize(
    "flags",
    [
        {"alpha": (-2.0, 0.0, 1e-3)},
        {"measures": ()},
        {"epsilons": (0.0, 8.0)},
        {"learning_rate": 0.0},
        {**ADVERSARIAL, "training_strength": (0.0, 1.0, 2.5)},
        {**CORRUPTION, "training_corruptions": ("fog", "frost")},
        {"training_method": "augmix", "training_strength": (0.5,)},
        {**ADVERSARIAL, "adversarial_norm": "l2", "adversarial_steps": 1},
        {"alpha_epochs": (1, 5)},
        {"alpha_epochs": (5, 5)},
        {"warmup_epochs": 5.0, "alpha_epochs": (2, 3), "alpha_warmup_epochs": 1.5},
        {"first_seed": 2**31 - 2, "seeds": 2},
        {"attack_images": None},
        {"epochs": 1, "batch_size": 1, "seeds": 1, "train_limit": 1, "evaluation_images": 1},
    ],
)
def test_the_ends_of_what_can_be_meant_are_taken(flags):
    check(changed(**flags))


def test_negative_numbers_are_values_on_the_command_line():
    config = parsed("--alpha", "-1", "0", "1", "--seeds", "2")
    assert config.regularizer.alpha == (-1.0, 0.0, 1.0)
    assert config.regularizer.seeds == 2
    assert parsed("--alpha", "-.5", "-1e-3", "--epochs", "1").regularizer.alpha == (-0.5, -0.001)
    check(config)


def test_flags_reach_their_fields():
    config = parsed(
        *("--dataset", "cifar10", "--archives", "a", "--data-dir", "d", "--train-limit", "9"),
        *("--allow-unverified-archives", "--model", "resnet20", "--batch-size", "7"),
        *("--regularized-layers", "one", "two", "--alpha-epochs", "2", "4"),
        *("--measures", "attacks", "selectivity", "--norm", "l2", "--attack-images", "None"),
        *("--output", "o", "--resume"),
    )
    expected = changed(
        **{"dataset": "cifar10", "archives": Path("a"), "data_dir": Path("d"), "train_limit": 9},
        **{"allow_unverified_archives": True, "model": "resnet20", "batch_size": 7},
        **{"regularized_layers": ("one", "two"), "alpha_epochs": (2, 4)},
        **{"measures": ("attacks", "selectivity"), "norm": "l2", "attack_images": None},
        **{"output": Path("o"), "resume": True},
    )
    assert config == expected


def test_the_output_folder_is_named_after_data_and_model():
    assert changed(model="resnet20").output == Path("runs/digits_resnet20")
    assert changed(output=Path("there")).output == Path("there")


def test_json_holds_every_flag_that_determines_the_results_and_no_other():
    config = SweepConfig()
    flags = to_json(config)
    assert json.loads(json.dumps(flags)) == flags
    every = {field.name for group in GROUPS for field in dataclasses.fields(getattr(config, group))}
    where_and_how = {"archives", "data_dir", "output", "resume", "models_at_a_time"}
    where_and_how |= {"input", "checkpoint_minutes", "mesh", "dry_run", "coordinator"}
    where_and_how |= {"hosts", "host", "curves", "no_report"}
    assert set(flags) == every - where_and_how
    assert flags["alpha"] == [-1.0, 0.0, 1.0]
    assert to_json(changed(alpha=(-1.0, 2.0)))["alpha"] == [-1.0, 2.0]
    assert to_json(changed(data_dir=Path("d"), archives=Path("a"), resume=True)) == flags


def test_a_method_for_colour_is_refused_for_grey_images():
    method = TRAINING_METHODS["augmix"]
    check_channels(method, "cifar10", (32, 32, 3))
    check_channels(TRAINING_METHODS["adversarial"], "grey", (8, 8, 1))
    with pytest.raises(ConfigurationError, match=r"--training-method augmix: needs images with 3"):
        check_channels(method, "grey", (8, 8, 1))


@pytest.mark.parametrize(
    ("dataset", "number"), [("digits", 5), ("cifar10", 19), ("tiny_imagenet", 15)]
)
def test_corruptions_are_spelled_out_by_data_set(dataset, number):
    for official_at_hand in (True, False):
        config = resolve_corruptions(
            changed(dataset=dataset), official_at_hand=official_at_hand and dataset != "digits"
        )
        assert len(set(config.evaluation.corruptions)) == number
        which = "official" if official_at_hand and dataset != "digits" else "own"
        assert config.evaluation.corrupted_images == which
    asked_for = changed(dataset=dataset, corruptions=("fog",), corrupted_images="own")
    resolved = resolve_corruptions(asked_for, official_at_hand=True).evaluation
    assert (resolved.corruptions, resolved.corrupted_images) == (("fog",), "own")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"dataset": "digits"}, r"--corrupted-images official: digits has no official.*take own"),
        (
            {"dataset": "tiny_imagenet", "corruptions": ("spatter",)},
            r"--corruptions spatter: tiny_imagenet_c has none.*--corrupted-images own",
        ),
    ],
)
def test_what_no_official_set_has_is_refused(flags, says):
    config = changed(corrupted_images="official", **flags)
    with pytest.raises(ConfigurationError, match=says):
        resolve_corruptions(config, official_at_hand=True)


@pytest.mark.parametrize("value", [1e39, -1e39, float("inf"), 3.5e38])
def test_numbers_that_are_infinite_in_training_are_refused(value):
    with np.errstate(over="ignore"):
        assert np.isinf(np.float32(value))
    with pytest.raises(ConfigurationError, match=r"^--alpha .*: give a finite number"):
        check(changed(alpha=(0.0, value)))
    check(changed(alpha=(0.0, float(np.finfo(np.float32).max))))


def test_archives_of_an_embedded_data_set_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^--archives .*--dataset digits.*omit it"):
        check(changed(archives=tmp_path / "missing"))
    check(changed(archives=tmp_path, dataset="cifar10"))


def test_curves_for_tensorboard_need_its_writer(monkeypatch):
    check(changed(curves="tensorboard"))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert any(need.startswith("tensorboardX") for need in extras["tensorboard"])
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r'pip install "\.\[tensorboard\]", or'):
        check(changed(curves="tensorboard"))
    check(changed(curves="csv"))


def test_severities_are_those_of_the_data_sets():
    assert SweepConfig().evaluation.severities == SEVERITIES
