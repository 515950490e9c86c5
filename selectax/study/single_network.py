"""Measures any JAX network, from any library, in the same way as the networks of a study."""

import dataclasses
import inspect
import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Int, UInt8

from selectax.corruptions import CORRUPTIONS
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import Network
from selectax.study.components import check_images_and_labels, check_outputs
from selectax.study.configuration.checks import check_evaluation
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.kinds import check_kinds
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.computation.own_corruptions import OwnCorruptions
from selectax.study.measures.measure import Measure
from selectax.study.measures.measurement import measure_network, measures_of
from selectax.study.measures.registry import MEASURES, table_with
from selectax.study.measures.subject import EvaluationImages, Subject
from selectax.study.run import results

_EVERYTHING = EvaluationOptions(measures=tuple(MEASURES), corruptions=tuple(CORRUPTIONS))


def measure(
    apply_fn: Callable[..., tuple[jax.Array, dict[str, jax.Array]]],
    variables: Any,
    images: UInt8[np.ndarray, "samples height width channels"],
    labels: Int[np.ndarray, "samples"],
    num_classes: int,
    *,
    options: EvaluationOptions = _EVERYTHING,
    measures: Iterable[Measure] | None = None,
    seed: int = 0,
    dataset: str = "",
    model: str = "",
    benchmark: Benchmark = "cifar10",
) -> pd.DataFrame:
    """Measures a network given as a JAX function, and returns its results table.

    The function warns if the network seems to mask its gradients. If some logits are not finite,
    it warns, and the table has a single row with the metric "diverged".

    Args:
      apply_fn: pure function `apply_fn(variables, images)` that evaluates float32 images in [0, 1].
        It returns logits of shape (samples, classes) and activations, a dict from layer names to
        arrays of shape (samples, …, units), in order of depth. It must support forward-mode
        differentiation if input gradients are measured. For ablation, it must also take a keyword
        `masks`, a dict from layer names to bool arrays of shape (units,). Units whose mask is False
        must return 0.
      variables: the network's parameters and state, as any pytree of arrays.
      images: images as uint8.
      labels: classes, counted from 0.
      num_classes: number of classes.
      options: options of the measures. By default, everything is measured except on official
        corrupted data sets.
      measures: measures that replace the names in `options.measures`: entries of
        `selectax.study.MEASURES` or your own.
      seed: seed of random numbers, except those of corruptions.
      dataset: name of the data set in the table.
      model: name of the model in the table.
      benchmark: benchmark that defines the severities of corruptions: cifar10, tiny_imagenet or
        imagenet.

    Returns:
      A results table as described in `selectax.study.run.results.table`. Its alpha is NaN and its
      epoch is 0.

    Raises:
      ValueError: if images, labels or the outputs of apply_fn have other shapes; if labels are
        outside the classes; if ablation is requested but apply_fn takes no masks; if an option is
        invalid, such as a severity of 9; or if selectivity, other indices or ablation are requested
        and a unit's mean over positions is negative.

    References:
      Leavitt & Morcos, 2020, arXiv 2007.04440, 2010.07693 and 2003.01262.
    """
    own = () if measures is None else tuple(measures)
    table = table_with(own)
    if measures is not None:
        names = tuple(measure.name for measure in own)
        options = dataclasses.replace(options, measures=names)
    _check_options(options, table)
    images, labels = np.asarray(images), np.asarray(labels)
    _check_data(images, labels, num_classes)
    if "ablation" in options.measures and "masks" not in inspect.signature(apply_fn).parameters:
        raise ValueError(
            "options.measures has ablation, but apply_fn takes no keyword masks; add it, or leave "
            "ablation out."
        )
    two = jax.ShapeDtypeStruct((2, *images.shape[1:]), jnp.float32)
    check_outputs("apply_fn", apply_fn, variables, two, num_classes)
    names = tuple(CORRUPTIONS) if options.corruptions is None else options.corruptions
    options = dataclasses.replace(options, corruptions=names)
    images, labels = images[: options.evaluation_images], labels[: options.evaluation_images]
    size = options.evaluation_batch_size
    test = in_batches(images, labels, size)
    attacked = in_batches(images[: options.attack_images], labels[: options.attack_images], size)
    subject = Subject(
        seed,
        Network(_no_init, apply_fn, masked=_WithMasks(apply_fn)),
        variables,
        EvaluationImages(test, attacked, OwnCorruptions(test, benchmark), benchmark),
        options,
        num_classes,
    )
    measured = measure_network(subject, measures_of(options.measures, table))
    for sentence in measured.warnings:
        warnings.warn(sentence, stacklevel=2)
    whose = {"dataset": dataset, "model": model, "alpha": math.nan, "seed": seed, "epoch": 0}
    return results.table([{**whose, **row} for row in measured.rows])


def _named(field):
    return f"options.{field}"


def _check_options(options, table):
    check_kinds(options, _named)
    check_evaluation(options, _named, table)
    if options.corrupted_images == "official":
        raise ConfigurationError(
            "options.corrupted_images official: images given here have no official corrupted form; "
            "take own."
        )


def _check_data(images, labels, num_classes):
    check_images_and_labels(images, labels)
    outside = (labels < 0) | (labels >= num_classes)
    if np.any(outside):
        raise ValueError(
            f"labels hold {labels[outside][0]}, but num_classes={num_classes} allows 0 to "
            f"{num_classes - 1}; give the network's own classes."
        )


@dataclasses.dataclass(frozen=True)
class _WithMasks:
    """Passes masks to a function by keyword. Instances are equal if their functions are equal."""

    apply_fn: Callable[..., tuple[jax.Array, dict[str, jax.Array]]]

    def __call__(self, variables, images, masks):
        return self.apply_fn(variables, images, masks=masks)


def _no_init(key, images):
    raise TypeError("a network that is measured here is trained already.")
