"""The device mesh of a sweep: one axis shards the networks, the other shards each batch."""

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

# Largest idle fraction of the axis "model" that "auto" accepts before it also splits batches.
_LARGEST_IDLE_SHARE = 0.25


def make_mesh(
    layout: str,
    networks: int,
    batch_size: int,
    devices: Sequence[jax.Device],
    *,
    micro_batches: int = 1,
    whole_batches: bool = False,
) -> Mesh | None:
    """Makes a mesh with the axes "model" and "data".

    Args:
      layout: "auto", or "MxD" to split the population into M parts and each batch into D parts.
      networks: number of networks in the population.
      batch_size: images per step.
      devices: available devices; "auto" uses all of them.
      micro_batches: number of parts of each batch, every one of which is split over the devices.
      whole_batches: whether each batch must stay on one device, because the regularizer is a
        user-defined function of the whole batch.

    Returns:
      The mesh; None for a single device.

    Raises:
      ConfigurationError: the layout is malformed, needs more devices than are available, does not
        divide the batch size, or splits batches that must stay whole.
    """
    if layout == "auto":
        # Devices without a network of their own stay idle if batches must stay whole.
        models = len(devices)
        if not whole_batches:
            models = _models_axis(networks, batch_size // micro_batches, len(devices))
        shape = (models, len(devices) // models)
    else:
        shape = _parse(layout)
        if shape[0] * shape[1] > len(devices):
            raise ConfigurationError(
                f"--mesh {layout}: needs {shape[0] * shape[1]} devices but only {len(devices)} are "
                "available; give a smaller mesh, or auto."
            )
    if whole_batches and shape[1] > 1:
        raise ConfigurationError(
            f"--mesh {layout}: splits each batch over {shape[1]} devices, but regularizer needs "
            "the whole batch; give a mesh whose second number is 1, or auto."
        )
    if batch_size // micro_batches % shape[1]:
        part = f" in {micro_batches} --micro-batches" if micro_batches > 1 else ""
        raise ConfigurationError(
            f"--mesh {layout}: --batch-size {batch_size}{part} is not a multiple of {shape[1]}; "
            f"give a mesh whose second number divides the {'part' if part else 'batch size'}."
        )
    if shape == (1, 1):
        return None
    return Mesh(np.array(devices[: shape[0] * shape[1]]).reshape(shape), ("model", "data"))


def spread_networks(tree: Tree, mesh: Mesh | None) -> Tree:
    """Shards networks, stacked along the first axis, over the axis "model".

    If the number of networks is not a multiple of the axis size, every device gets a full copy.
    """
    if mesh is None:
        return tree
    networks = len(jax.tree.leaves(tree)[0])
    spec = P("model") if networks % mesh.shape["model"] == 0 else P()
    return _put(tree, NamedSharding(mesh, spec))


def copy_to_all(tree: Tree, mesh: Mesh | None) -> Tree:
    """Copies arrays to every device of the mesh."""
    return tree if mesh is None else _put(tree, NamedSharding(mesh, P()))


def share_batches(batches: Batches, mesh: Mesh | None) -> Batches:
    """Shards each batch over the axis "data"."""
    return batches if mesh is None else _put(batches, NamedSharding(mesh, P(None, "data")))


def axis_size(mesh: Mesh | None, axis: str) -> int:
    """Number of devices along an axis, "model" or "data"; 1 without a mesh."""
    return 1 if mesh is None else mesh.shape[axis]


def describe_mesh(mesh: Mesh | None) -> str:
    """Describes the mesh in one line for the console."""
    if mesh is None:
        return f"1 device ({jax.devices()[0].device_kind})"
    models, data = mesh.shape["model"], mesh.shape["data"]
    kind = mesh.devices.flat[0].device_kind
    return f"{mesh.size} devices ({kind}): {models} for networks × {data} for each batch"


def _put(tree: Tree, sharding: NamedSharding) -> Tree:
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    # Every host has the full array. device_put would compare the hosts' arrays, and NaN != NaN.
    def parts(leaf):
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, whole.__getitem__)

    return jax.tree.map(parts, tree)


def _models_axis(networks: int, batch_size: int, devices: int) -> int:
    """Largest "model" axis that leaves few devices idle; networks need no communication."""
    for models in range(devices, 0, -1):
        fits = devices % models == 0 and batch_size % (devices // models) == 0
        rounds = -(-networks // models)
        if fits and 1 - networks / (rounds * models) <= _LARGEST_IDLE_SHARE:
            return models
    # No layout divides the batch size, so some devices stay idle.
    return devices


def _parse(layout: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", layout)
    if match is None:
        raise ConfigurationError(
            f"--mesh {layout}: give auto, or two numbers such as 4x2, which splits the networks "
            "into 4 parts and each batch into 2."
        )
    return int(match[1]), int(match[2])
