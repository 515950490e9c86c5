"""What a sweep writes at its end: figures, a sheet of example images, and the report."""

from pathlib import Path

import numpy as np
import pandas as pd

from selectax.study.examples import Shown, perturb_examples
from selectax.study.measures.computation.exact_products import exact_products
from selectax.study.measures.registry import METRICS
from selectax.study.measures.subject import EvaluationImages
from selectax.study.plan import Plan
from selectax.study.report import figures
from selectax.study.report.figures.images import image_sheet
from selectax.study.report.figures.style import number_text
from selectax.study.report.findings import Finding, find
from selectax.study.reports import write_report
from selectax.study.run.unit_values import read_unit_values


def present(
    plan: Plan, table: pd.DataFrame, images: EvaluationImages, shown: Shown | None
) -> tuple[list[Path], tuple[Finding, ...]]:
    """Draws the figures and writes the report; returns the figures' PNG files and the findings."""
    metrics = METRICS | {
        name: text for measure in plan.measures for name, text in measure.metrics.items()
    }
    unit_values = read_unit_values(plan.folder.unit_values)
    drawn = figures.draw_all(table, plan.units, metrics, unit_values)
    options = plan.config.evaluation
    if shown is not None:
        alpha, seed, method, strength = shown.network
        training = "" if method == "standard" else f", {method} {number_text(strength)}"
        dataset, model = plan.config.data.dataset, plan.config.training.model
        with exact_products():  # as networks are measured, by the same programs
            examples = perturb_examples(
                seed, shown.variables, images, options, network=plan.network
            )
        drawn["images"] = image_sheet(
            *examples,
            plan.data_set.class_names,
            caption=f"{model} on {dataset}; α = {number_text(alpha)}, seed {seed}{training}; above "
            "each image the predicted class",
        )
    paths = figures.save(drawn, plan.folder.figures)
    findings = find(table, plan.units, np.random.default_rng(0))
    write_report(plan.folder.path, drawn, findings, metrics)
    return paths, findings
