"""A results table of made-up networks for which the papers' findings hold, or do not."""

import json

import numpy as np

from selectax.study.configuration.config import SweepConfig, to_json
from selectax.study.run import results

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


def planted_table(*, alphas=ALPHAS, seeds=4, sign=1, noise=0.002, doubts=0):
    """Rows in which selectivity rises with alpha, and what the papers found follows it, by sign."""
    generator = np.random.default_rng(0)
    rows = []
    for alpha in alphas:
        for seed in range(seeds):
            whose = {"dataset": "digits", "model": "resnet8", "alpha": alpha, "seed": seed}

            def add(metric, value, whose=whose, **where):
                value += noise * generator.normal()
                rows.append({**whose, "epoch": 5, "metric": metric, **where, "value": value})

            selectivity = {-2.0: 0.01, -1.0: 0.05, -0.4: 0.2, 0.0: 0.3}.get(alpha, 0.3 + alpha / 5)
            add("class_selectivity", selectivity)
            add("train_loss", 1.0)
            add("accuracy", {-2.0: 0.88, -1.0: 0.9, -0.4: 0.91}.get(alpha, 0.9 - alpha / 20))
            effect = sign * selectivity
            for severity in (1, 5):
                for name in ("fog", "snow"):
                    add("accuracy", 0.7 - effect / 4, perturbation=name, severity=severity)
            add("accuracy", 0.7 - effect / 4, perturbation="corruptions")
            add("relative_accuracy", 0.8 - effect / 4, perturbation="corruptions")
            for name, steps in (("fgsm", 1), ("pgd", 1), ("pgd", 10)):
                for epsilon in (0.0, 2 / 255, 8 / 255):
                    where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
                    add("accuracy", 0.9 if epsilon == 0 else 0.1 + effect / 2, **where)
            rows.append(
                {**whose, "epoch": 5, "metric": "masked_gradients", "perturbation": "pgd"}
                | {"epsilon": 8 / 255, "steps": 10, "value": doubts}
            )
            for layer, units in UNITS.items():
                add("class_selectivity", selectivity, layer=layer)
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
                    value = units * (value + noise * generator.normal())
                    rows.append(
                        {**whose, "epoch": 5, "metric": "dimensionality_95", "layer": layer}
                        | {**where, "value": value}
                    )
                add("input_gradient_cv", 1 + effect, layer=layer)
                add("input_gradient_cv_over_units", 1 + effect, layer=layer)
    return results.table(rows)


def write_run(folder, table, **config):
    """The folder of a run as a sweep leaves it, with nothing but what a report needs."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(to_json(SweepConfig()) | CONFIG | config))
    (folder / "layers.json").write_text(json.dumps(UNITS))
    (folder / "images.json").write_text(json.dumps({"training": 13_500}))
    results.save(folder / "results.csv", table)
    return folder
