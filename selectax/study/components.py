"""User-defined networks, data, measures and regularizers that replace those of a configuration."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from selectax.attacks import Attack
from selectax.corruptions import Corruption
from selectax.datasets import DataSet
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.models.network import Network, shapes_of_layers
from selectax.regularization import Regularizer
from selectax.selectivity import unit_responses
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.values import spaced
from selectax.study.measures.measure import Measure
from selectax.study.measures.measurement import check_signs
from selectax.study.measures.registry import MEASURES, table_with
from selectax.study.training.methods.method import TrainingMethod
from selectax.study.training.methods.registry import TRAINING_METHODS

Split = tuple[np.ndarray, np.ndarray]

# If no validation images are given, every tenth training image is used for validation.
_VALIDATION_EVERY = 10


@dataclasses.dataclass(frozen=True)
class Components:
    """User-defined components that replace those named in the configuration.

    Attributes:
      network: replaces the network of `--model`, which is then only a name.
      splits: training, validation and test images with labels. They replace the data set of
        `--dataset`, which is then only a name.
      measures: the available measures, from which `--measures` selects.
      attacks: replace the attacks of `--attacks`.
      corruptions: replace the corruptions of `--corruptions`.
      regularizer: replaces mean class selectivity.
      training_method: replaces the training method of `--training-method`.
    """

    network: Network | None = None
    splits: Mapping[str, Split] | None = None
    measures: Mapping[str, Measure] = dataclasses.field(default_factory=lambda: MEASURES)
    attacks: tuple[Attack, ...] = ()
    corruptions: tuple[Corruption, ...] = ()
    regularizer: Regularizer | None = None
    training_method: TrainingMethod | None = None

    @property
    def methods(self) -> dict[str, TrainingMethod]:
        """Available training methods, from which `--training-method` selects."""
        own = self.training_method
        return dict(TRAINING_METHODS) if own is None else {**TRAINING_METHODS, own.name: own}

    def names(self, config: SweepConfig) -> dict[str, tuple[str, ...]]:
        """Returns the names of user-defined components, by field of the configuration."""
        own = {
            "model": (config.training.model,) if self.network else (),
            "dataset": (config.data.dataset,) if self.splits else (),
            "attacks": tuple(attack.name for attack in self.attacks),
            "corruptions": tuple(corruption.name for corruption in self.corruptions),
        }
        return {field: names for field, names in own.items() if names}

    @property
    def data_set(self) -> DataSet | None:
        """Description of user-defined images; None if there are none."""
        if self.splits is None:
            return None
        num_classes = 1 + max(int(labels.max()) for _, labels in self.splits.values())
        return DataSet(
            num_classes=num_classes,
            image_shape=self.splits["train"][0].shape[1:],
            horizontal_flip=False,
            class_names=tuple(str(label) for label in range(num_classes)),
        )


NONE = Components()


def checked_components(
    config: SweepConfig,
    *,
    network: Network | None,
    data: Iterable[tuple[Any, Any]] | None,
    measures: Iterable[Measure] | None,
    attacks: Iterable[Attack] | None,
    corruptions: Iterable[Corruption] | None,
    regularizer: Regularizer | None,
    training_method: TrainingMethod | None = None,
) -> tuple[SweepConfig, Components]:
    """Checks user-defined components, and returns them with a configuration that names them.

    Args:
      config: configuration of the sweep.
      network: user-defined network.
      data: (train, test) or (train, validation, test), each a pair of images and labels.
      measures: measures that replace `config.evaluation.measures`.
      attacks: attacks that replace `config.evaluation.attacks`.
      corruptions: corruptions of the test images that replace `config.evaluation.corruptions`.
      regularizer: user-defined regularizer.
      training_method: training method that replaces `config.method.training_method`.

    Raises:
      ConfigurationError: if a component is invalid. The message names the argument and the remedy.
    """
    components = Components(
        network, _splits(data), regularizer=regularizer, training_method=training_method
    )
    if training_method is not None:
        method = dataclasses.replace(config.method, training_method=training_method.name)
        config = dataclasses.replace(config, method=method)
    if measures is not None:
        measures = tuple(measures)
        try:
            table = table_with(measures)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        components = dataclasses.replace(components, measures=table)
        names = tuple(measure.name for measure in measures)
        evaluation = dataclasses.replace(config.evaluation, measures=names)
        config = dataclasses.replace(config, evaluation=evaluation)
    if attacks is not None:
        components = dataclasses.replace(components, attacks=tuple(attacks))
    if corruptions is not None:
        components = dataclasses.replace(components, corruptions=tuple(corruptions))
        config = _corrupted_here(config, "corruptions")
    if data is not None:
        config = _corrupted_here(config, "data")
    own = components.names(config)
    chosen: dict[str, Any] = {
        field: own[field] for field in ("attacks", "corruptions") if field in own
    }
    evaluation = dataclasses.replace(config.evaluation, **chosen)
    config = dataclasses.replace(config, evaluation=evaluation)
    _check_used_with(config, components)
    return config, components


def check_network(network: Network, data_set: DataSet, measures: Iterable[Measure]) -> None:
    """Checks the shapes and types that a network's functions return, without computing anything.

    Raises:
      ConfigurationError: if a function is missing or returns something else. The message names the
        function and the remedy.
    """
    images = jax.ShapeDtypeStruct((2, *data_set.image_shape), jnp.float32)
    variables = jax.eval_shape(network.init, jax.random.key(0), images)
    if not isinstance(variables, Mapping) or "params" not in variables:
        raise ConfigurationError(
            f"network.init returned {type(variables).__name__}, not a dict with 'params'; return "
            "a dict with the trained arrays in 'params' and any other state under other names."
        )
    check_outputs("network.apply", network.apply, variables, images, data_set.num_classes)
    for measure in measures:
        for function in measure.requires:
            if getattr(network, function) is None:
                raise ConfigurationError(
                    f"measures {measure.name}: needs network.{function}, which is None; give that "
                    "function, or leave the measure out."
                )


def units_of(name: str, network: Network, data_set: DataSet) -> dict[str, int]:
    """Returns the number of units of each layer, in order of depth, without computing anything.

    Raises:
      ConfigurationError: the data set's images are too small for a layer. The message names it.
    """

    def respond(images):
        return network.apply(network.init(jax.random.key(0), images), images)

    shape = data_set.image_shape
    activations = shapes_of_layers(respond, jax.ShapeDtypeStruct((1, *shape), jnp.float32))
    for layer, array in activations.items():
        if not array.size:  # its means would be NaN
            raise ConfigurationError(
                f"--model {name}: images of shape {tuple(shape)} leave nothing of layer {layer}, "
                f"of shape {array.shape[1:]}; choose larger images or another network."
            )
    return {layer: array.shape[-1] for layer, array in activations.items()}


def check_outputs(
    name: str, apply: Callable[..., Any], variables: Any, images: Any, num_classes: int
) -> None:
    """Checks that a function returns logits and activations, without computing anything.

    Args:
      name: name of the function for the error message.
      apply: function that should map (variables, images) to (logits, activations).
      variables: variables of the network.
      images: `jax.ShapeDtypeStruct` of two images.
      num_classes: number of classes.

    Raises:
      ConfigurationError: if the function returns something else. The message names the function,
        what it returned and the remedy.
    """
    found = jax.eval_shape(apply, variables, images)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)):
        raise ConfigurationError(
            f"{name} must return (logits, activations), activations a dict from layer name to "
            f"array, not {type(found).__name__}; collect the layers' outputs in one."
        )
    logits, activations = found
    if logits.shape != (2, num_classes):
        raise ConfigurationError(
            f"{name} gives logits of shape {logits.shape} for 2 images, not (2, {num_classes}); "
            "give the network's num_classes."
        )
    for layer, array in activations.items():
        if array.ndim < 2 or array.shape[0] != 2:
            raise ConfigurationError(
                f"{name} gives activations[{layer!r}] of shape {array.shape} for 2 images, not "
                "(2, …, units); put samples first and units last."
            )
    if not activations:
        raise ConfigurationError(f"{name} gives no activations; collect the layers' outputs.")


def check_initial_signs(network: Network, images: Any, layers: Collection[str]) -> None:
    """Checks that no response of an untrained network is negative, by a batch of images.

    Many networks that give negative responses do so from the start, so that they are refused before
    they are trained.

    Args:
      network: user-defined network.
      images: a batch of images, as bytes.
      layers: layers whose responses must not be negative.

    Raises:
      ConfigurationError: a response is negative. The message names the layer and the remedy.
    """
    least = jax.device_get(_least_responses(jax.random.key(0), images, network=network))
    check_signs({layer: least[layer] for layer in layers})


def check_images_and_labels(images: np.ndarray, labels: np.ndarray, *, whose: str = "") -> None:
    """Checks that images are bytes, and that there is an integer label for each of them.

    Args:
      images: array of any type and shape.
      labels: array of any type and shape.
      whose: words before "images" and "labels" in the error message.

    Raises:
      ConfigurationError: if they have another type or shape. The message names it and the remedy.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
        raise ConfigurationError(
            f"{whose}images must be uint8 of shape (samples, height, width, channels), not "
            f"{images.dtype} of shape {images.shape}; give bytes, at least one image."
        )
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ConfigurationError(
            f"{whose}labels must be integers of shape {images.shape[:1]}, not {labels.dtype} of "
            f"shape {labels.shape}; give one for each image."
        )


def _check_used_with(config: SweepConfig, components: Components) -> None:
    """Checks for options that do not fit user-defined components or have no effect with them.

    Raises:
      ConfigurationError: there is such an option.
    """
    regularized_layers = config.regularizer.regularized_layers
    if components.regularizer is not None and config.training.micro_batches > 1:
        raise ConfigurationError(
            f"micro_batches {config.training.micro_batches}: regularizer needs the whole batch; "
            "omit one of them."
        )
    if components.regularizer is not None and regularized_layers:
        raise ConfigurationError(
            f"regularized_layers {spaced(regularized_layers)}: has no effect on regularizer, a "
            "function of your own; omit it, and choose the layers inside the function."
        )
    if components.network is not None and config.training.precision != "float32":
        raise ConfigurationError(
            f"precision {config.training.precision}: has no effect on network, a network of your "
            "own; omit it, and cast inside the network."
        )
    if components.splits is not None and config.run.input == "stream":
        raise ConfigurationError(
            "input stream: has no effect on data, images of your own, which are kept on the "
            "device; omit it."
        )


def _corrupted_here(config: SweepConfig, argument: str) -> SweepConfig:
    """Returns a configuration whose test images are corrupted here.

    An official set holds other corruptions, and corruptions of other images.

    Raises:
      ConfigurationError: the configuration asks for an official set.
    """
    if config.evaluation.corrupted_images == "official":
        raise ConfigurationError(
            f"corrupted_images official: has no effect with {argument} of your own; give own."
        )
    evaluation = dataclasses.replace(config.evaluation, corrupted_images="own")
    return dataclasses.replace(config, evaluation=evaluation)


@functools.partial(jax.jit, static_argnames="network")
def _least_responses(key, images, *, network):
    images = to_unit_range(images)
    _, activations = network.apply(network.init(key, images[:1]), images)
    return {layer: jnp.min(unit_responses(array)) for layer, array in activations.items()}


def _splits(data: Iterable[tuple[Any, Any]] | None) -> Mapping[str, Split] | None:
    if data is None:
        return None
    given = [(np.asarray(images), np.asarray(labels)) for images, labels in data]
    if len(given) == 2:
        (images, labels), test = given
        held_out = np.arange(len(images)) % _VALIDATION_EVERY == _VALIDATION_EVERY - 1
        train, validation = ((images[chosen], labels[chosen]) for chosen in (~held_out, held_out))
        given = [train, validation, test]
    if len(given) != 3:
        raise ConfigurationError(
            f"data has {len(given)} parts; give (train, test) or (train, validation, test), each "
            "images and labels."
        )
    splits = dict(zip(("train", "validation", "test"), given, strict=True))
    for name, (images, labels) in splits.items():
        check_images_and_labels(images, labels, whose=f"data: {name} ")
        if labels.min() < 0:
            raise ConfigurationError(
                f"data: {name} labels hold {labels.min()}; give classes from 0 up."
            )
    return splits
