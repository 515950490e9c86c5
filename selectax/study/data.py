"""Loads the images for training, validation and evaluation."""

import math
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from selectax.datasets import describe, load
from selectax.datasets.corrupted_sets import OfficialSet, open_official_set
from selectax.datasets.loading import open_source
from selectax.datasets.pipeline.batches import Batches, in_batches
from selectax.datasets.pipeline.streaming import choose_input
from selectax.study.components import NONE, Components
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import DataOptions, EvaluationOptions
from selectax.study.measures.computation.own_corruptions import OwnCorruptions
from selectax.study.measures.subject import EvaluationImages
from selectax.study.runtime.devices import axis_size, copy_to_all, share_batches
from selectax.study.training.inputs import Resident, Streamed


class Data(NamedTuple):
    """Images for training, validation and evaluation.

    Attributes:
      training: training images.
      validation: images that select the best epoch.
      evaluation: images on which networks are measured.
      counts: number of images by purpose: "training", "validation" and "test".
    """

    training: Resident | Streamed
    validation: Batches
    evaluation: EvaluationImages
    counts: dict[str, int]


def where_data_lie(data: DataOptions) -> dict[str, Any]:
    """Arguments of `selectax.datasets.load`."""
    return {
        "data_dir": data.data_dir,
        "archives": data.archives,
        "allow_unverified_archives": data.allow_unverified_archives,
    }


def training_source(config: SweepConfig, components: Components = NONE) -> tuple[Any, int]:
    """Opens the training set; prepares the data set if necessary.

    Returns:
      Training examples, accessed by index without reading all of them, and how many of them a sweep
      uses.

    Raises:
      ConfigurationError: a batch is larger than the training set.
      selectax.datasets.DataError: the data cannot be had.
    """
    data, batch_size = config.data, config.training.batch_size
    source: Any = (
        open_source(data.dataset, "train", **where_data_lie(data))
        if components.splits is None
        else components.splits["train"][1]
    )
    samples = min(len(source), data.train_limit or len(source))
    if batch_size > samples:
        raise ConfigurationError(
            f"--batch-size {batch_size}: larger than the training set; give at most {samples}."
        )
    return source, samples


def load_data(config: SweepConfig, mesh: Mesh | None = None, components: Components = NONE) -> Data:
    """Loads the images of a sweep; prepares data sets if necessary.

    Args:
      config: configuration with resolved corruptions.
      mesh: devices that receive the images.
      components: may hold images of your own.

    Raises:
      ConfigurationError: a batch is larger than the training set.
      selectax.datasets.DataError: the data cannot be had.
    """
    data, evaluation = config.data, config.evaluation
    source, samples = training_source(config, components)
    if components.splits is None and _chosen_input(config, samples) == "stream":
        training: Resident | Streamed = Streamed(source, samples)
    else:
        resident = (jnp.asarray(part[:samples]) for part in _split(data, "train", components))
        training = Resident(*copy_to_all(tuple(resident), mesh))
    images, labels = (
        part[: data.validation_limit] for part in _split(data, "validation", components)
    )
    validation = in_batches(
        images,
        labels,
        evaluation.evaluation_batch_size,
        multiple=axis_size(mesh, "data"),
    )
    measured = load_evaluation_images(data, evaluation, components)
    return Data(
        training=training,
        validation=share_batches(validation, mesh),
        evaluation=measured,
        counts={
            "training": samples,
            "validation": len(images),
            "test": int(measured.test.where.sum()),
        },
    )


def load_evaluation_images(
    data: DataOptions, evaluation: EvaluationOptions, components: Components = NONE
) -> EvaluationImages:
    """Loads the images on which networks are measured; see `load_data`."""
    where = where_data_lie(data)
    images, labels = (
        part[: evaluation.evaluation_images] for part in _split(data, "test", components)
    )
    batch_size = evaluation.evaluation_batch_size
    test = in_batches(images, labels, batch_size)
    benchmark = (components.data_set or describe(data.dataset)).benchmark
    corrupted: OfficialSet | OwnCorruptions = OwnCorruptions(
        test, benchmark, components.corruptions
    )
    if "corruptions" in evaluation.measures and evaluation.corrupted_images == "official":
        corrupted = open_official_set(data.dataset, where, test)
    return EvaluationImages(
        test=test,
        attacked=in_batches(
            images[: evaluation.attack_images], labels[: evaluation.attack_images], batch_size
        ),
        corrupted=corrupted,
        benchmark=benchmark,
    )


def _split(data: DataOptions, name: str, components: Components) -> tuple[np.ndarray, np.ndarray]:
    if components.splits is not None:
        images, labels = components.splits[name]
        return images, labels.astype(np.int32)
    return load(data.dataset, name, **where_data_lie(data))


def _chosen_input(config: SweepConfig, samples: int) -> str:
    if config.run.input != "auto":
        return config.run.input
    host_memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    image_bytes = samples * math.prod(describe(config.data.dataset).image_shape)
    return choose_input(image_bytes, jax.local_devices()[0], host_memory=host_memory)
