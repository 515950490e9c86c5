"""Measures accuracy, dimensionality and selectivity under attacks, and masked gradients."""

import itertools
import zlib

import jax
import numpy as np
from jaxtyping import Bool

from selectax.attacks import Attack, attack_believability, masking_warnings
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.computation.breaking import robust_at
from selectax.study.measures.computation.over_networks import over_networks
from selectax.study.measures.computation.statistics import PerturbedMeasures, measure_attacked
from selectax.study.measures.measure import Row
from selectax.study.measures.registry import RESPONSE_MEASURES
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
    options, name = subject.options, attack.name
    drawn = zlib.crc32(name.encode())
    epsilons = np.asarray(options.epsilons) / 255
    whole = _whole_attacks(options, attack)
    measured = None
    if whole.any():
        measured = subject.cohort.part(
            subject,
            ("attack", name, steps),
            lambda cohort: measure_attacked(
                cohort.keys(drawn),
                cohort.variables,
                subject.images.attacked,
                cohort.before_attacks[1],
                epsilons[whole].astype(np.float32),
                steps,
                apply=subject.network.apply,
                attack=attack,
                norm=options.norm,
                restarts=options.pgd_restarts,
                num_classes=subject.num_classes,
                mesh=cohort.mesh,
            ),
        )
    if measured is not None and whole.all():
        correct = measured.correct.reshape(len(epsilons), -1) & subject.unattacked
        # As `robust_within` does, which would compile a program for each number of images.
        robust = np.stack([correct[epsilons <= epsilon].all(0) for epsilon in epsilons])
    else:
        robust = subject.unattacked & subject.cohort.part(
            subject,
            ("robust", name, steps),
            lambda cohort: robust_at(
                cohort.keys(drawn),
                cohort.variables,
                subject.images.attacked,
                epsilons.astype(np.float32),
                steps,
                apply=subject.network.apply,
                attack=attack,
                norm=options.norm,
                restarts=options.pgd_restarts,
                mesh=cohort.mesh,
            ),
        )
    attacked = count(subject.images.attacked)
    accuracies = {0.0: subject.unattacked.sum() / attacked}
    accuracies |= zip(epsilons.tolist(), robust.sum(1) / attacked, strict=True)
    found: list[Row] = []
    for epsilon, accuracy in accuracies.items():
        where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
        found.append({"metric": "accuracy", **where, "value": accuracy})
    of_epsilons = dict(zip(epsilons[whole].tolist(), itertools.count()))
    asked_for = {of: of_epsilons[of] for of in epsilons[_asked_for(options)].tolist()}
    if measured is not None and asked_for:
        found += _response_rows(subject, measured, asked_for, name, steps)
    return found


def _whole_attacks(options: EvaluationOptions, attack: Attack) -> Bool[np.ndarray, "epsilons"]:
    """Returns for which epsilons all images are attacked to the last step.

    A single step is as fast as a search for the epsilon that breaks an image.
    """
    asked_for = _asked_for(options)
    return np.ones_like(asked_for) if attack.single_step else asked_for


def _asked_for(options: EvaluationOptions) -> Bool[np.ndarray, "epsilons"]:
    """Returns for which epsilons responses under attack are measured."""
    if not set(RESPONSE_MEASURES) & set(options.measures):
        return np.zeros(len(options.epsilons), bool)
    chosen = options.response_epsilons
    return np.isin(options.epsilons, options.epsilons if chosen is None else chosen)


def _response_rows(
    subject: Subject, measured: PerturbedMeasures, at: dict[float, int], name: str, steps: int
) -> list[Row]:
    """Returns the dimensionality and the class selectivity, for each epsilon and its index.

    At 0, the selectivity is that of the same images unattacked. The index of few images is higher
    than that of the whole test set, so that only rows of the same images can be compared.
    """
    options = subject.options
    found: list[Row] = []
    of_units = {0.0: subject.before_attacks.selectivity}
    for epsilon, index in at.items():
        where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
        # Without a perturbation, the difference consists only of rounding errors.
        if "dimensionality" in options.measures and epsilon > 0:
            found += perturbed_dimensionality_rows(measured, index, subject.layers, where)
        of_units[epsilon] = {layer: units[index] for layer, units in measured.selectivity.items()}
    if "selectivity" in options.measures:
        for epsilon, layers in of_units.items():
            means = {layer: np.mean(values) for layer, values in layers.items()}
            where = {"perturbation": name, "steps": steps, "epsilon": epsilon}
            found += layer_means("class_selectivity", means, where)
    return found


def _masked_gradients(subject: Subject) -> Row:
    """Counts the signs of masked gradients under the strongest PGD, and adds a warning for each."""
    attacked, options = subject.images.attacked, subject.options
    epsilon, steps = max(options.epsilons) / 255, max(options.pgd_steps)
    shown = np.asarray(attacked.where)[0]
    images, labels = (np.asarray(part)[0][shown] for part in (attacked.images, attacked.labels))
    found = subject.cohort.part(
        subject,
        "masked gradients",
        lambda cohort: fetch(
            _believability(
                key=cohort.keys(),
                variables=cohort.variables,
                images=images,
                labels=labels,
                epsilon=np.float32(epsilon),
                steps=np.int32(steps),
                apply=subject.network.apply,
                norm=options.norm,
                mesh=cohort.mesh,
            )
        ),
    )
    sentences = masking_warnings(found)
    subject.warnings.extend(sentences)
    where = {"perturbation": "pgd", "epsilon": epsilon, "steps": steps}
    return {"metric": "masked_gradients", **where, "value": len(sentences)}


@over_networks(each=("key", "variables"), static=("apply", "norm"))
def _believability(key, variables, images, labels, epsilon, steps, *, apply, norm):
    def logits_fn(images):
        return apply(variables, images)[0]

    key, images = jax.random.wrap_key_data(key), to_unit_range(images)
    return attack_believability(
        key, logits_fn, images, labels, epsilon=epsilon, steps=steps, norm=norm
    )
