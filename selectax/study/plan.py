"""The plan of a sweep, made before any work: its networks, training recipe and devices."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.sharding import Mesh

from selectax import models
from selectax.arguments.activations import layer_groups
from selectax.datasets import DataSet, describe
from selectax.datasets.corrupted_sets import corruptions_at_hand
from selectax.datasets.pipeline.augmentation import augment, random_resized_crop
from selectax.datasets.registry import LEARNING_RATE_DROPS
from selectax.models.network import Network, of_module
from selectax.study.components import NONE, Components, Regularizer, check_network, units_of
from selectax.study.configuration.config import SweepConfig, to_json
from selectax.study.configuration.corrupted_images import resolve_corruptions
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.method_checks import check_channels
from selectax.study.configuration.options import MethodOptions
from selectax.study.configuration.regularized_layers import regularized_layers
from selectax.study.data import where_data_lie
from selectax.study.measures.measure import Measure
from selectax.study.measures.measurement import measures_of
from selectax.study.run import results
from selectax.study.run.folder import DEVICES_PER_BATCH, RunFolder, check_folder
from selectax.study.run.networks import NetworkId, plan_groups
from selectax.study.runtime.devices import axis_size, make_mesh
from selectax.study.training.methods.method import TrainingMethod
from selectax.study.training.population import Population, init_population
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import ALL_EPOCHS, Hyperparameters


class Plan(NamedTuple):
    """Everything that is known of a sweep before it starts.

    Attributes:
      config: the configuration, with all defaults resolved.
      folder: folder of the run.
      units: number of units of each layer, in order of depth.
      network: functions of the network, as it is evaluated.
      data_set: description of the data set.
      measures: measures to take of each network.
      components: your own network, data, measures, attacks and regularizer.
      recipe: training settings that all networks share.
      mesh: device mesh; None for a single device.
      wanted: networks that the configuration asks for.
      groups: networks that are trained together; groups of earlier runs in the folder come first.
    """

    config: SweepConfig
    folder: RunFolder
    units: Mapping[str, int]
    network: Network
    data_set: DataSet
    measures: tuple[Measure, ...]
    components: Components
    recipe: Recipe
    mesh: Mesh | None
    wanted: list[NetworkId]
    groups: list[list[NetworkId]]


def make_plan(config: SweepConfig, components: Components = NONE) -> Plan:
    """Makes the plan from the configuration, the folder and the devices.

    Args:
      config: a configuration that passed `selectax.study.configuration.checks.check`.
      components: your own network, data, measures, attacks and regularizer.

    Raises:
      ConfigurationError: the configuration does not fit the network, the folder or the devices.
    """
    at_hand = corruptions_at_hand(config.data.dataset, **where_data_lie(config.data))
    config = resolve_corruptions(config, official_at_hand=bool(at_hand), at_hand=at_hand)
    data_set = components.data_set or describe(config.data.dataset)
    measures = measures_of(config.evaluation.measures, components.measures)
    if components.network is None:
        module = models.create(config.training.model, data_set.num_classes)
        precision = config.training.precision
        network = of_module(module)
        trained = network if precision == "float32" else of_module(module, precision)
    else:
        trained = network = components.network
        check_network(network, data_set, measures)
    units = units_of(config.training.model, network, data_set)
    method = components.methods[config.method.training_method]
    check_channels(method, config.data.dataset, data_set.image_shape)
    layers = regularized_layers(config.regularizer.regularized_layers, list(units))
    wanted = [
        NetworkId(alpha, seed, method.name, strength)
        for alpha in config.regularizer.alpha
        for strength in config.method.strengths
        for seed in config.regularizer.seed_numbers
    ]
    batch_size = config.training.batch_size
    mesh = make_mesh(
        config.run.mesh,
        len(wanted),
        batch_size,
        jax.devices(),
        micro_batches=config.training.micro_batches,
        whole_batches=components.regularizer is not None,
    )
    folder = check_folder(config.output, settings_of(config, mesh), resume=config.run.resume)
    recipe = _recipe(config, trained, data_set, layers, components.regularizer, method)
    groups = plan_groups(folder, wanted)
    return Plan(
        config=config,
        folder=folder,
        units=units,
        network=network,
        data_set=data_set,
        measures=measures,
        components=components,
        recipe=recipe,
        mesh=mesh,
        wanted=wanted,
        groups=groups,
    )


def settings_of(config: SweepConfig, mesh: Mesh | None) -> dict[str, Any]:
    """Returns the settings that determine the results, by flag, as JSON types.

    The number of devices that share a batch is among them if it decides which images batch norm
    takes together: those of a device, or the parts of its micro-batches on all devices.
    """
    settings = to_json(config)
    if config.training.batch_norm == "per-device" or config.training.micro_batches > 1:
        settings[DEVICES_PER_BATCH] = axis_size(mesh, "data")
    return settings


def layers_without_sign(plan: Plan) -> Collection[str]:
    """Returns the layers whose responses must not be negative, by a measure or the regularizer."""
    if any(measure.needs_no_sign for measure in plan.measures):
        return plan.units
    if plan.recipe.regularizer is not None or not any(plan.config.regularizer.alpha):
        return ()
    groups = layer_groups(plan.recipe.layers or tuple(plan.units))
    return [layer for group in groups for layer in group]


def hyperparameters_of(
    networks: Sequence[NetworkId],
    learning_rate: float,
    *,
    learning_rate_drops: Sequence[float] = LEARNING_RATE_DROPS,
    alpha_epochs: tuple[int, int] = ALL_EPOCHS,
    warmup_epochs: float = 0,
    alpha_warmup_epochs: float = 0,
    adversarial_step_size: float = MethodOptions().adversarial_step_size,
) -> Hyperparameters:
    """Hyperparameters of several networks, stacked along a leading axis."""
    alphas, seeds, _, strengths = zip(*networks, strict=True)

    def for_each(value, dtype):
        value = np.asarray(value, dtype)
        return np.broadcast_to(value, (len(networks), *value.shape))

    # NumPy's functions compile nothing.
    values = jax.device_put(
        (
            np.asarray(alphas, np.float32),
            for_each(learning_rate, np.float32),
            np.asarray(seeds, np.int32),
            for_each(learning_rate_drops, np.float32),
            for_each(alpha_epochs, np.int32),
            for_each(warmup_epochs, np.float32),
            for_each(alpha_warmup_epochs, np.float32),
            np.asarray(strengths, np.float32),
            for_each(adversarial_step_size, np.float32),
        )
    )
    return Hyperparameters(*values)


def table_so_far(folder: RunFolder) -> pd.DataFrame:
    """Results table of earlier runs in the folder.

    Raises:
      ConfigurationError: its table is damaged.
    """
    path = results.table_in(folder.path)
    if not path.exists():
        return results.table([])
    try:
        return results.load(path)
    except ValueError:
        raise ConfigurationError(
            f"--output {folder.path}: its {path.name} is damaged; remove that file, and what is "
            "not in the run's other table is measured anew."
        ) from None


def fresh(plan: Plan, networks: Sequence[NetworkId]) -> Population:
    """Networks initialized from their seeds."""
    return init_population(
        _hyperparameters(plan, networks),
        recipe=plan.recipe,
        image_shape=plan.data_set.image_shape,
    )


def one_batch(plan: Plan) -> tuple[jax.Array, jax.Array]:
    """A batch of black images and labels, as a stand-in for the training set."""
    batch_size = plan.recipe.batch_size
    return jnp.zeros((batch_size, *plan.data_set.image_shape), jnp.uint8), jnp.zeros(
        batch_size, jnp.int32
    )


def _hyperparameters(plan: Plan, networks: Sequence[NetworkId]) -> Hyperparameters:
    config = plan.config
    first, last = config.regularizer.alpha_epochs or (1, ALL_EPOCHS[1])
    return hyperparameters_of(
        networks,
        config.training.learning_rate,
        learning_rate_drops=plan.data_set.learning_rate_drops,
        alpha_epochs=(first - 1, last),
        warmup_epochs=config.training.warmup_epochs,
        alpha_warmup_epochs=config.regularizer.alpha_warmup_epochs,
        adversarial_step_size=config.method.adversarial_step_size,
    )


def _recipe(
    config: SweepConfig,
    network: Network,
    data_set: DataSet,
    layers: tuple[str | tuple[str, ...], ...] | None,
    own: Regularizer | None,
    method: TrainingMethod,
) -> Recipe:
    training = config.training
    return Recipe(
        network=network,
        num_classes=data_set.num_classes,
        epochs=training.epochs,
        batch_size=training.batch_size,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        layers=layers,
        augment=random_resized_crop if training.augmentation == "resized-crop" else augment,
        horizontal_flip=data_set.horizontal_flip,
        micro_batches=training.micro_batches,
        synchronize_batch_norm=training.batch_norm == "synchronized",
        regularizer=own,
        method=method,
        method_options=_static_options(config.method, method, data_set),
    )


def _static_options(
    options: MethodOptions, method: TrainingMethod, data_set: DataSet
) -> tuple[tuple[str, Any], ...]:
    """Names and values of the options of a method that are compiled into its program."""
    if method.images is None:
        return ()
    traced = ("adversarial_step_size",)
    fields = {name: getattr(options, name) for name in method.options if name not in traced}
    return tuple({**fields, "benchmark": data_set.benchmark}.items())
