"""A results table of made-up networks for which the papers' findings hold, or do not."""

import json

import numpy as np

from selectax.study.configuration.config import SweepConfig, to_json
from selectax.study.run import results

# How much lower robust accuracy is at each epsilon, in 1/255.
EPSILONS = {0: 0, 2: 0, 4: 0.1, 8: 0.3}
UNITS = {f"layer{at}": 16 * at for at in range(1, 7)}
ALPHAS = (-2.0, -1.0, -0.4, 0.0, 0.4, 1.0, 2.0)
CONFIG = {
    "dataset": "digits",
    "model": "resnet8",
    "alpha": list(ALPHAS),
    "seeds": 4,
    "epochs": 5,
    "batch_size": 32,
    "train_limit": None,
    "measures": ["selectivity", "corruptions", "attacks", "dimensionality", "input_gradients"],
}


STRENGTHS = (0.0, 0.4, 1.0, 2.0)


def planted_table(
    *,
    alphas=ALPHAS,
    seeds=4,
    sign=1,
    noise=0.002,
    doubts=0,
    dataset="digits",
    model="resnet8",
    dead=None,
):
    """Rows in which selectivity rises with alpha, and what the papers found follows it, by sign.

    `dead` is the share of dead units of a layer by (alpha, seed); without it, it is not measured.
    """
    generator = np.random.default_rng(0)
    rows = []
    for alpha in alphas:
        for seed in range(seeds):
            whose = {"dataset": dataset, "model": model, "alpha": alpha, "seed": seed}

            def row(metric, value, whose=whose, **where):
                rows.append({**whose, "epoch": 5, "metric": metric, **where, "value": value})

            def add(metric, value, row=row, **where):
                row(metric, value + noise * generator.normal(), **where)

            selectivity = {-2.0: 0.01, -1.0: 0.05, -0.4: 0.2, 0.0: 0.3}.get(alpha, 0.3 + alpha / 5)
            add("class_selectivity", selectivity)
            row("class_selectivity", 9.0, perturbation="fog", severity=1)
            add("train_loss", 1.0)
            add("accuracy", {-2.0: 0.88, -1.0: 0.9, -0.4: 0.91}.get(alpha, 0.9 - alpha / 20))
            effect = sign * selectivity
            for severity in (1, 5):
                for name in ("fog", "snow"):
                    add("accuracy", 0.7 - effect / 4, perturbation=name, severity=severity)
            add("accuracy", 0.7 - effect / 4, perturbation="corruptions")
            add("relative_accuracy", 0.8 - effect / 4, perturbation="corruptions")
            for name, steps in (("fgsm", 1), ("pgd", 1), ("pgd", 10)):
                for epsilon, lower in EPSILONS.items():
                    where = {"perturbation": name, "epsilon": epsilon / 255, "steps": steps}
                    add("accuracy", 0.4 + effect / 2 - lower if epsilon else 0.9, **where)
            row("masked_gradients", doubts, perturbation="pgd", epsilon=8 / 255, steps=10)
            for layer, units in UNITS.items():
                add("class_selectivity", selectivity, layer=layer)
                row("class_selectivity", 9.0, layer=layer, perturbation="fog", severity=1)
                if dead is not None:
                    share = dead.get((alpha, seed), 0.0)
                    row("dead_units", share * (layer == "layer2"), layer=layer)
                for value, where in (
                    (0.5 - effect / 3, {}),
                    (0.55, {"perturbation": "fog", "severity": 1}),
                    (0.55 + sign * 0.1, {"perturbation": "pgd", "epsilon": 8 / 255, "steps": 10}),
                    (0.6 - effect / 4, {"perturbation": "difference:fog", "severity": 1}),
                    (
                        0.7 - effect / 2,
                        {"perturbation": "difference:pgd", "epsilon": 8 / 255, "steps": 10},
                    ),
                ):
                    noisy = value + noise * generator.normal()
                    row("dimensionality_95", units * noisy, layer=layer, **where)
                add("input_gradient_cv", 1 + effect, layer=layer)
                add("input_gradient_cv_over_units", 1 + effect, layer=layer)
    return results.table(rows)


def planted_training(method, **options):
    """Networks trained for robustness: the planted ones, with alpha's magnitude as the strength.

    Selectivity rises with the strength of `adversarial`, and falls with that of `augmix`.
    """
    sign = {"adversarial": 1, "augmix": -1}[method]
    table = planted_table(alphas=tuple(sign * strength for strength in STRENGTHS), **options)
    strength = sign * table["alpha"]
    return table.assign(training=method, training_strength=strength, alpha=0.0)


def write_run(folder, table, **config):
    """The folder of a run as a sweep leaves it, with nothing but what a report needs."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(to_json(SweepConfig()) | CONFIG | config))
    (folder / "layers.json").write_text(json.dumps(UNITS))
    (folder / "images.json").write_text(json.dumps({"training": 13_500}))
    results.save(folder / "results.csv", table)
    return folder


def write_runs_of_seeds(folder, table, **config):
    """A run for each seed of a table, as array jobs leave them."""
    return [
        write_run(folder / f"seed {seed}", of_seed, seeds=1, first_seed=int(seed), **config)
        for seed, of_seed in table.groupby("seed")
    ]
