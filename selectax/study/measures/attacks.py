"""Measures accuracy, dimensionality and selectivity under attacks, and masked gradients."""

import functools
import zlib

import jax
import numpy as np

from selectax.attacks import Attack, attack_believability, masking_warnings
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.study.measures.computation.perturbation import Perturbation
from selectax.study.measures.computation.statistics import PerturbedMeasures, measure_perturbed
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means, perturbed_dimensionality_rows
from selectax.study.measures.subject import Subject, count
from selectax.study.runtime.waiting import fetch


def rows(subject: Subject) -> list[Row]:
    """Returns rows for each attack and epsilon, and the number of signs of masked gradients."""
    found: list[Row] = []
    for attack in subject.attacks:
        for steps in (1,) if attack.single_step else subject.options.pgd_steps:
            found += _attack_rows(subject, attack, steps)
    return [*found, _masked_gradients(subject)]


def _attack_rows(subject: Subject, attack: Attack, steps: int) -> list[Row]:
    """Returns the rows of one attack. Its curve over epsilon starts with the clean images."""
    options, images, name = subject.options, subject.images, attack.name
    epsilons = np.asarray(options.epsilons) / 255
    measured = measure_perturbed(
        jax.random.fold_in(subject.key, zlib.crc32(name.encode())),
        subject.variables,
        images.attacked,
        subject.before_attacks.responses,
        epsilons.astype(np.float32),
        steps,
        apply=subject.network.apply,
        perturbation=Perturbation(attack, norm=options.norm, restarts=options.pgd_restarts),
        num_classes=subject.num_classes,
    )
    correct = measured.correct.reshape(len(epsilons), -1) & subject.unattacked
    # As `robust_within` does, which would compile a program for each number of images.
    robust = np.stack([correct[epsilons <= epsilon].all(0) for epsilon in epsilons])
    attacked = count(images.attacked)
    accuracies = {0.0: subject.unattacked.sum() / attacked}
    accuracies |= zip(epsilons.tolist(), robust.sum(1) / attacked, strict=True)
    found: list[Row] = []
    for epsilon, accuracy in accuracies.items():
        where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
        found.append({"metric": "accuracy", **where, "value": accuracy})
    for at, epsilon in enumerate(epsilons):
        where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
        # Without a perturbation, the difference consists only of rounding errors.
        if "dimensionality" in options.measures and epsilon > 0:
            found += perturbed_dimensionality_rows(measured, at, subject.layers, where)
    if "selectivity" in options.measures:
        found += _selectivity_rows(subject, measured, {"perturbation": name, "steps": steps})
    return found


def _selectivity_rows(subject: Subject, measured: PerturbedMeasures, where: Row) -> list[Row]:
    """Returns the class selectivity at each epsilon, and at 0 that of the same images unattacked.

    The index of few images is higher than that of the whole test set, so that only rows of the same
    images can be compared.
    """
    of_units = {0.0: subject.before_attacks.selectivity}
    for at, epsilon in enumerate(np.asarray(subject.options.epsilons) / 255):
        of_units[float(epsilon)] = {
            layer: values[at] for layer, values in measured.selectivity.items()
        }
    found: list[Row] = []
    for epsilon, layers in of_units.items():
        means = {name: np.mean(values) for name, values in layers.items()}
        found += layer_means("class_selectivity", means, {**where, "epsilon": epsilon})
    return found


def _masked_gradients(subject: Subject) -> Row:
    """Counts the signs of masked gradients under the strongest PGD, and adds a warning for each."""
    attacked, options = subject.images.attacked, subject.options
    shown = np.asarray(attacked.where)[0]
    epsilon, steps = max(options.epsilons) / 255, max(options.pgd_steps)
    found = fetch(
        _believability(
            subject.key,
            subject.variables,
            to_unit_range(np.asarray(attacked.images)[0][shown]),
            np.asarray(attacked.labels)[0][shown],
            np.float32(epsilon),
            np.int32(steps),
            apply=subject.network.apply,
            norm=options.norm,
        )
    )
    sentences = masking_warnings(found)
    subject.warnings.extend(sentences)
    where = {"perturbation": "pgd", "epsilon": epsilon, "steps": steps}
    return {"metric": "masked_gradients", **where, "value": len(sentences)}


@functools.partial(jax.jit, static_argnames=("apply", "norm"))
def _believability(key, variables, images, labels, epsilon, steps, *, apply, norm):
    def logits_fn(images):
        return apply(variables, images)[0]

    return attack_believability(
        key, logits_fn, images, labels, epsilon=epsilon, steps=steps, norm=norm
    )
