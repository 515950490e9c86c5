"""The devices of a sweep: networks spread over one axis, each network's batches over the other."""

import re
from collections.abc import Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from selectax.datasets.pipeline.batches import Batches
from selectax.study.configuration.errors import ConfigurationError

Tree = TypeVar("Tree")

# Of the networks' axis, what may idle rather than that batches are shared.
_LARGEST_IDLE_SHARE = 0.25


def make_mesh(
    layout: str, networks: int, batch_size: int, devices: Sequence[jax.Device]
) -> Mesh | None:
    """Axes "model" and "data"; None for a single device.

    Args:
      layout: "auto", or "MxD" for M parts of the population by D parts of each batch.
      networks: in the population.
      batch_size: images a step.
      devices: to take, all of them with "auto".

    Raises:
      ConfigurationError: the layout cannot be meant or does not fit.
    """
    if layout == "auto":
        models = _models_axis(networks, batch_size, len(devices))
        shape = (models, len(devices) // models)
    else:
        shape = _parse(layout)
        if shape[0] * shape[1] > len(devices):
            raise ConfigurationError(
                f"--mesh {layout}: needs {shape[0] * shape[1]} devices and there are "
                f"{len(devices)}; give a smaller one, or auto."
            )
    if batch_size % shape[1]:
        raise ConfigurationError(
            f"--mesh {layout}: --batch-size {batch_size} is no multiple of {shape[1]}; give one "
            "whose second number divides it."
        )
    if shape == (1, 1):
        return None
    return Mesh(np.array(devices[: shape[0] * shape[1]]).reshape(shape), ("model", "data"))


def spread_networks(tree: Tree, mesh: Mesh | None) -> Tree:
    """Networks, stacked along the first axis, over the model axis; whole where they do not fit."""
    if mesh is None:
        return tree
    networks = len(jax.tree.leaves(tree)[0])
    spec = P("model") if networks % mesh.shape["model"] == 0 else P()
    return _put(tree, NamedSharding(mesh, spec))


def copy_to_all(tree: Tree, mesh: Mesh | None) -> Tree:
    """The same arrays on every device."""
    return tree if mesh is None else _put(tree, NamedSharding(mesh, P()))


def share_batches(batches: Batches, mesh: Mesh | None) -> Batches:
    """Each batch spread over the data axis."""
    return batches if mesh is None else _put(batches, NamedSharding(mesh, P(None, "data")))


def axis_size(mesh: Mesh | None, axis: str) -> int:
    """Devices along an axis, "model" or "data"; 1 without a mesh."""
    return 1 if mesh is None else mesh.shape[axis]


def describe_mesh(mesh: Mesh | None) -> str:
    """In words, for the console."""
    if mesh is None:
        return f"1 device ({jax.devices()[0].device_kind})"
    models, data = mesh.shape["model"], mesh.shape["data"]
    kind = mesh.devices.flat[0].device_kind
    return f"{mesh.size} devices ({kind}): {models} for networks × {data} for each batch"


def _put(tree: Tree, sharding: NamedSharding) -> Tree:
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    # Every host has the whole; device_put would compare them, and take NaN for a difference.
    def parts(leaf):
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, whole.__getitem__)

    return jax.tree.map(parts, tree)


def _models_axis(networks: int, batch_size: int, devices: int) -> int:
    """As many parts of the population as leave few devices idle: they exchange nothing."""
    for models in range(devices, 0, -1):
        fits = devices % models == 0 and batch_size % (devices // models) == 0
        rounds = -(-networks // models)
        if fits and 1 - networks / (rounds * models) <= _LARGEST_IDLE_SHARE:
            return models
    # No layout fits the batch: devices beyond the networks idle.
    return devices


def _parse(layout: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", layout)
    if match is None:
        raise ConfigurationError(
            f"--mesh {layout}: give auto, or two numbers such as 4x2, for 4 parts of the networks "
            "by 2 parts of each batch."
        )
    return int(match[1]), int(match[2])
