"""A results table with known values, and what lines of its figures are."""

import itertools

import numpy as np
from matplotlib.colors import to_hex

from selectax.study.report.figures.style import line_styles
from selectax.study.run import results

ALPHAS, SEEDS = (-1.0, 0.0, 1.0), (0, 1, 2)
UNITS = {"stem": 16, "stage1": 16, "stage2": 32}
EPSILONS = (0.0, 2 / 255, 8 / 255)
ATTACKS = (("fgsm", 1), ("pgd", 1), ("pgd", 10))
ORDERS = {"most selective first": 0.0, "random": -0.1, "least selective first": -0.2}
DIMENSIONS = {"": 4, "contrast": 6, "difference:contrast": 8, "pgd": 10, "difference:pgd": 12}


def accuracy_under(name, severity):
    return {"contrast": 0.9, "pixelate": 0.7}[name] - 0.1 * severity


def robust_accuracy(name, steps, epsilon):
    return 0.8 - (5 if name == "fgsm" else 6 + steps / 10) * epsilon


def decile_of_selectivity(depth, decile):
    return 0.1 + 0.1 * depth + 0.05 * decile


def table():
    """Values differ over seeds by their number less 1, which leaves the mean, times a little."""
    rows = []
    for alpha, seed in itertools.product(ALPHAS, SEEDS):
        whose = {"dataset": "digits", "model": "resnet8", "alpha": alpha, "seed": seed}
        aside = 0.01 * (seed - 1) + 0.02 * alpha

        def add(metric, value, whose=whose, aside=aside, **where):
            rows.append({**whose, "epoch": 5, "metric": metric, "value": value + aside, **where})

        add("class_selectivity", 0.4)
        add("class_selectivity", 0.9, layer="stem")
        # Of perturbed images: no figure of ours shows it beside that of clean ones.
        add("class_selectivity", 9.0, perturbation="contrast", severity=1)
        add("class_selectivity", 9.0, perturbation="contrast", severity=1, layer="stem")
        add("accuracy", 0.8)
        add("accuracy", 0.12, perturbation="corruptions")
        add("train_accuracy", 0.3)
        add("input_gradient_cv", 0.6)
        add("input_gradient_cv_over_units", 0.5)
        for name, severity in itertools.product(("contrast", "pixelate"), (1, 2, 3, 4, 5)):
            add("accuracy", accuracy_under(name, severity), perturbation=name, severity=severity)
            relative = 0.3 + 0.1 * severity
            add("relative_accuracy", relative, perturbation=name, severity=severity)
        for (name, steps), epsilon in itertools.product(ATTACKS, EPSILONS):
            where = {"perturbation": name, "steps": steps, "epsilon": epsilon}
            add("accuracy", robust_accuracy(name, steps, epsilon), **where)
        for order, lower in ORDERS.items():
            ablation = f"ablation:{order.replace(' ', '_')}"
            for number in (0, 16, 64):
                add("accuracy", 0.8 + lower - number / 100, perturbation=ablation, steps=number)
        for depth, (layer, units) in enumerate(UNITS.items()):
            add("dead_units", 0.2 + 0.1 * depth, layer=layer)
            add("input_gradient_cv", 0.2 + depth, layer=layer)
            add("input_gradient_cv_over_units", 0.4 + depth, layer=layer)
            for decile in range(11):
                value = decile_of_selectivity(depth, decile)
                add(f"class_selectivity_decile_{decile}", value, layer=layer)
            for order, lower in ORDERS.items():
                ablation = f"ablation:{order.replace(' ', '_')}"
                for number, at in ((0, 0.8), (units // 4, 0.6), (units, 0.2)):
                    value = at + lower - 0.05 * depth
                    where = {"layer": layer, "perturbation": ablation, "steps": number}
                    add("accuracy", value, **where)
            for perturbation, components in DIMENSIONS.items():
                strengths = [{}]
                if "contrast" in perturbation:
                    strengths = [{"severity": severity} for severity in (1, 2)]
                elif "pgd" in perturbation:
                    strengths = [{"epsilon": epsilon, "steps": 10} for epsilon in EPSILONS[1:]]
                for number, strength in enumerate(strengths):
                    where = {"layer": layer, "perturbation": perturbation, **strength}
                    # Strengths lie around the mean that is given.
                    around = components + 2 * number - (len(strengths) - 1)
                    add("dimensionality_95", around + depth, **where)
                    add("dimensionality_99", 16, **where)
    return results.table(rows)


def lines(axes):
    """Points of each alpha's line, found by its look."""
    looks = {style["color"]: alpha for alpha, style in line_styles(ALPHAS).items()}
    found = {
        looks[to_hex(line.get_color())]: line.get_xydata().astype(float) for line in axes.lines
    }
    assert len(found) == len(axes.lines)
    return found


def assert_lines(axes, along, mean):
    """Lines of all alphas, whose means over seeds are a function of the place."""
    found = lines(axes)
    assert set(found) == set(ALPHAS)
    for alpha, points in found.items():
        expected = [(at, mean(at) + 0.02 * alpha) for at in along]
        np.testing.assert_allclose(points, expected, atol=1e-9)


def by_title(figure):
    return {axes.get_title(): axes for axes in figure.axes}


def assert_means(axes, mean):
    """The line of means along alpha, with a dot a network."""
    expected = [(alpha, mean + 0.02 * alpha) for alpha in ALPHAS]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), expected, atol=1e-9)
    dots = {tuple(np.round(point, 9)) for point in axes.collections[0].get_offsets()}
    assert dots == {
        (alpha, round(mean + 0.02 * alpha + 0.01 * (seed - 1), 9))
        for alpha, seed in itertools.product(ALPHAS, SEEDS)
    }
