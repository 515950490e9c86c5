"""One of each kind, added from outside of the package, and a sweep that uses all of them."""

import dataclasses
import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import study
from selectax.attacks import Attack, Method, inside
from selectax.corruptions import Corruption
from selectax.models import Network
from selectax.study import sweeps
from tests.project.markdown import blocks

pytestmark = pytest.mark.slow


# A measure: how many units of each layer never respond, and of the logits, which are no layer.
def dead_rows(subject):
    yield {"metric": "silent_units", "layer": "logits", "value": 0.0}
    for layer, index in subject.selectivity.items():
        yield {"metric": "silent_units", "layer": layer, "value": float(np.mean(index == 0))}
    dead = [np.mean(index == 0) for index in subject.selectivity.values()]
    yield {"metric": "silent_units", "value": float(np.mean(dead))}


DEAD_UNITS = study.Measure(
    name="silent_units",
    help="share of units with index 0",
    metrics={"silent_units": "share of units that never respond, 0 to 1"},
    rows=dead_rows,
    needs_no_sign=True,
)


# An attack: a single step along the gradient, of half the radius.
def half_step(problem):
    def update(state, points, evaluation, origin, epsilon):
        moved = points + epsilon / 2 * problem.norm.normalize(evaluation.gradient)
        return inside(problem, moved, origin, epsilon), state

    return Method(lambda origin, epsilon: jnp.zeros(()), update)


HALF_STEP = Attack("half_step", half_step, single_step=True, help="half of FGSM")


# A corruption: images are darkened.
def darken(key, image, share):
    return image * share


DARKENING = Corruption(
    name="darkening",
    apply=darken,
    severities={"cifar10": (0.9, 0.8, 0.7, 0.6, 0.5)},
    source="this test",
)


# A network in plain JAX.
def init(key, images):
    inner, outer = jax.random.split(key)
    pixels = images[0].size
    return {
        "params": {
            "hidden": jax.random.normal(inner, (pixels, 12)) / pixels**0.5,
            "logits": jax.random.normal(outer, (12, 3)) / 12**0.5,
        }
    }


def apply(variables, images):
    params = variables["params"]
    hidden = jax.nn.relu(images.reshape(len(images), -1) @ params["hidden"])
    return hidden @ params["logits"], {"hidden": hidden}


DENSE = Network(init, apply)


# A data set: three colours.
@functools.cache
def colours(samples, seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, samples)
    images = generator.integers(0, 120, (samples, 8, 8, 3))
    images[np.arange(samples), :, :, labels] += 60
    return images.astype(np.uint8), labels


# A regularizer: mean activity in place of mean selectivity.
def mean_activity(activations, labels, num_classes):
    return jnp.mean(activations["hidden"])


# A training method: images become darker the stronger it is.
def darker(batch):
    return batch.images * (1 - batch.strength)


def farther_apart(logits, labels, strength):
    return 0 * jnp.mean(logits)


DARKER = study.TrainingMethod(
    "darker", "dark images", "the share of light that is lost", darker, farther_apart, largest=1
)

STRENGTHS = study.MethodOptions(training_strength=(0.0, 0.9))


CONFIG = study.SweepConfig(
    data=study.DataOptions(dataset="colours"),
    training=study.TrainingOptions(model="dense", epochs=2, batch_size=16),
    regularizer=study.RegularizerOptions(alpha=(-1.0, 0.0, 1.0), seeds=1),
    evaluation=study.EvaluationOptions(
        attack_images=16, severities=(1, 5), epsilons=(8.0,), pgd_steps=(2,)
    ),
    log=study.LogOptions(quiet=True),
)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "own"
    chosen = ("selectivity", "corruptions", "attacks")
    config = study.SweepConfig(
        *(CONFIG.data, CONFIG.training, CONFIG.regularizer, CONFIG.evaluation),
        method=STRENGTHS,
        run=study.RunOptions(output=folder, mesh="1x1"),
        log=CONFIG.log,
    )
    return study.sweep(
        config,
        network=DENSE,
        data=(colours(200, 0), colours(60, 1)),
        measures=[*(study.MEASURES[name] for name in chosen), DEAD_UNITS],
        attacks=[HALF_STEP],
        corruptions=[DARKENING],
        regularizer=mean_activity,
        training_method=DARKER,
    )


def test_all_of_them_are_in_the_table(outcome):
    table = outcome.table
    assert set(table["dataset"]) == {"colours"}
    assert set(table["model"]) == {"dense"}
    assert set(table.loc[table["metric"] == "silent_units", "layer"]) == {"", "hidden", "logits"}
    assert set(table["training"]) == {"darker"}
    assert set(table["training_strength"]) == {0.0, 0.9}
    assert {"half_step", "darkening"} <= set(table["perturbation"])
    darker = table[(table["perturbation"] == "darkening") & (table["metric"] == "accuracy")]
    assert set(darker["severity"]) == {1, 5}


def test_the_regularizer_is_what_alpha_multiplies(outcome):
    """Activity falls with a negative alpha, so that accuracy does, and the loss grows."""
    table = outcome.table[outcome.table["training_strength"] == 0]
    loss = table[table["metric"] == "train_loss"].groupby("alpha")["value"].last()
    assert loss[-1.0] > loss[0.0] > loss[1.0]


def test_the_training_method_is_what_the_strength_says(outcome):
    """Networks that were trained on dark images know the test images less well."""
    table = outcome.table[outcome.table["alpha"] == 0]
    loss = table[table["metric"] == "train_loss"].groupby("training_strength")["value"].last()
    assert loss[0.9] > loss[0.0]


def test_the_example_in_the_documentation_works(tmp_path, monkeypatch):
    page = pathlib.Path(__file__).parents[1] / "docs" / "own_sweep.md"
    names = {"__name__": "own_sweep"}
    exec(compile("".join(blocks(page, "python")), page.name, "exec"), names)
    monkeypatch.chdir(tmp_path)
    outcome = names["main"]()
    assert outcome.report == pathlib.Path("runs/own/report.html")
    assert outcome.report.exists()
    assert set(outcome.table["alpha"]) == {-0.5, 0.0, 0.5}
    of_alpha = outcome.table.query("metric == 'class_selectivity' and perturbation == ''")
    of_alpha = of_alpha[of_alpha["layer"] == ""].set_index("alpha")["value"]
    assert of_alpha[-0.5] < of_alpha[0.0] < of_alpha[0.5]
    activations = {"first": jnp.array([[1.0, 3.0]])}
    assert names["mean_activity"](activations, None, 10) == 2


def test_they_are_drawn_and_reported(outcome):
    names = {path.stem for path in outcome.figures}
    assert {"silent_units_by_alpha", "silent_units_by_layer"} <= names
    page = outcome.report.read_text()
    for name in ("silent units", "half step", "darkening", "colours", "dense"):
        assert name in page.replace("_", " "), name


def test_negative_responses_are_refused_before_training(tmp_path, monkeypatch):
    def signed(variables, images):
        logits, activations = apply(variables, images)
        return logits, {"hidden": jnp.tanh(activations["hidden"] - 1)}

    config = dataclasses.replace(CONFIG, run=study.RunOptions(output=tmp_path / "run"))
    monkeypatch.setattr(sweeps, "train_group", None)
    with pytest.raises(ValueError, match=r"activations\['hidden'\] hold negative responses"):
        study.sweep(config, network=Network(init, signed), data=(colours(200, 0), colours(60, 1)))
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_them_and_measures_nothing_again(outcome):
    config = study.SweepConfig(
        *(CONFIG.data, CONFIG.training, CONFIG.regularizer, CONFIG.evaluation),
        method=STRENGTHS,
        run=study.RunOptions(output=outcome.results.parent, mesh="1x1", resume=True),
        log=CONFIG.log,
    )

    def never(subject):
        raise AssertionError("measured again")

    chosen = ("selectivity", "corruptions", "attacks")
    again = study.sweep(
        config,
        network=DENSE,
        data=(colours(200, 0), colours(60, 1)),
        measures=[*(study.MEASURES[name] for name in chosen), DEAD_UNITS],
        attacks=[HALF_STEP],
        corruptions=[DARKENING],
        regularizer=mean_activity,
        training_method=DARKER,
    )
    assert again.table.equals(outcome.table)
