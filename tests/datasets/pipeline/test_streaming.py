"""Streaming: the order of resident training, restarts at any step, hosts, and the same network."""

import functools
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import datasets
from selectax.datasets.loading import open_source
from selectax.datasets.pipeline.augmentation import augment
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.datasets.pipeline.order import epoch_order
from selectax.datasets.pipeline.streaming import choose_input, stream
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_epoch, train_step
from tests.datasets import small_archives as small
from tests.study.tiny import TinyNetwork, bytes_and_labels


class Numbered:
    """Examples whose pixels say their index."""

    def __len__(self):
        return 37

    def __getitem__(self, index):
        return {"image": np.full((2, 2, 3), index, np.uint8), "label": index}


def labels(iterator):
    return [batch["label"].tolist() for batch in iterator]


@pytest.fixture
def order():
    return np.concatenate([epoch_order(0, epoch, 37, 8)[0] for epoch in range(3)])


def test_order_holds_each_sample_once_per_epoch_and_differs():
    first, second = (epoch_order(0, epoch, 40, 8)[0] for epoch in (0, 1))
    other_seed, _ = epoch_order(1, 0, 40, 8)
    for indices in (first, second, other_seed):
        assert sorted(indices.ravel()) == list(range(40))
        assert indices.shape == (5, 8)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other_seed)
    assert epoch_order(0, 0, 39, 8)[0].shape == (4, 8)


@pytest.mark.parametrize("device", [None, "first"])
def test_batches_come_in_order(order, device):
    device = device and jax.devices()[0]
    for batch, indices in zip(stream(Numbered(), order, device=device), order, strict=True):
        assert isinstance(batch["image"], jax.Array if device else np.ndarray)
        np.testing.assert_array_equal(batch["label"], indices)
        assert batch["label"].dtype == np.int32
        assert batch["image"].dtype == np.uint8
        assert batch["image"].shape == (8, 2, 2, 3)
        np.testing.assert_array_equal(batch["image"][:, 1, 0, 2], indices)


@pytest.mark.parametrize("step", [0, 1, 5, 11])
@pytest.mark.parametrize("device", [None, "first"])
def test_restart_at_any_step(order, step, device):
    make = functools.partial(stream, Numbered(), order, device=device and jax.devices()[0])
    iterator = make()
    for _ in range(step):
        next(iterator)
    saved = json.dumps(iterator.get_state())
    rest = labels(iterator)
    again = make()
    again.set_state(json.loads(saved))
    assert labels(again) == rest == order[step:].tolist()


def test_hosts_share_each_batch(order):
    parts = [labels(stream(Numbered(), order, host=host, hosts=4)) for host in range(4)]
    together = np.concatenate([np.array(part) for part in parts], axis=1)
    np.testing.assert_array_equal(together, order)


def test_batches_over_several_devices(order, four_devices):
    mesh = jax.sharding.Mesh(np.array(four_devices), "data")
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    batch = next(stream(Numbered(), order, device=sharding))
    assert batch["image"].sharding == sharding
    np.testing.assert_array_equal(batch["label"], order[0])


def test_what_cannot_be_is_refused(order):
    with pytest.raises(ValueError, match="order: holds 37, but the source has 37"):
        stream(Numbered(), order + 1)
    with pytest.raises(ValueError, match="order: holds -1"):
        stream(Numbered(), order - 1)
    with pytest.raises(ValueError, match="hosts 3: host 0 gets no equal part of a batch of 8"):
        stream(Numbered(), order, hosts=3)


def test_an_error_in_reading_arrives(order):
    class Broken(Numbered):
        def __getitem__(self, index):
            raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        next(stream(Broken(), order))


@pytest.mark.slow
def test_streamed_training_gives_the_same_network_as_resident():
    images, targets = bytes_and_labels(70)
    source = [{"image": i, "label": label} for i, label in zip(images, targets, strict=True)]
    recipe = Recipe(of_module(TinyNetwork()), 3, epochs=1, batch_size=16)
    hyperparameters = Hyperparameters(jnp.float32(0.5), jnp.float32(0.1), jnp.int32(3))
    initial = init_state(hyperparameters, recipe, images.shape[1:])
    resident, _ = jax.jit(functools.partial(train_epoch, recipe=recipe))(
        initial, jnp.asarray(images), jnp.asarray(targets), hyperparameters, jnp.int32(0)
    )
    order, keys = epoch_order(3, 0, len(images), 16)
    step = jax.jit(functools.partial(train_step, recipe=recipe, steps_per_epoch=len(order)))
    state = initial
    for key, batch in zip(keys, stream(source, order, device=jax.devices()[0]), strict=True):
        augmented = to_unit_range(augment(key, batch["image"]))
        state, _ = step(state, augmented, batch["label"], hyperparameters)
    for ours, theirs in zip(jax.tree.leaves(state), jax.tree.leaves(resident), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_digits_have_a_source_too():
    source = open_source("digits", "test")
    images, targets = datasets.load("digits", "test")
    np.testing.assert_array_equal(source[7]["image"], images[7])
    assert (source[7]["label"], len(source)) == (targets[7], len(targets))


def test_choice_of_input():
    class Device:
        def __init__(self, stats):
            self.stats = stats

        def memory_stats(self):
            return self.stats

    large = Device({"bytes_limit": 16 << 30})
    assert choose_input(1 << 30, large, host_memory=1 << 30) == "resident"
    assert choose_input(5 << 30, large, host_memory=1 << 40) == "stream"
    assert choose_input(1 << 30, Device(None), host_memory=16 << 30) == "resident"
    assert choose_input(1 << 30, Device(None), host_memory=2 << 30) == "stream"


@pytest.mark.slow
def test_worker_processes_and_no_tensorflow(tmp_path):
    archive = small.write(tmp_path / "archives", small.TINY_IMAGENET)
    program = f"""
import sys
import numpy as np
from absl import flags
from selectax.datasets.loading import open_source
from selectax.datasets.pipeline.streaming import stream

if __name__ == "__main__":
    flags.FLAGS.mark_as_parsed()  # as `stream` asks for
    source = open_source("tiny_imagenet", "test", data_dir={str(tmp_path / "data")!r},
                         archives={str(archive.parent)!r}, allow_unverified_archives=True)
    order = np.arange(10).reshape(5, 2)
    for workers in (0, 2):
        iterator = stream(source, order, workers=workers)
        images = [batch["image"] for batch in iterator]
        expected = np.stack([source[index]["image"] for index in range(10)])
        np.testing.assert_array_equal(np.concatenate(images), expected)
    iterator = stream(source, order, workers=2)
    next(iterator), next(iterator)
    again = stream(source, order, workers=2)
    again.set_state(iterator.get_state())
    np.testing.assert_array_equal(next(again)["image"], expected[4:6])
    assert not {{"tensorflow", "torch"}} & set(sys.modules)
"""
    (tmp_path / "program.py").write_text(program)
    subprocess.run([sys.executable, str(tmp_path / "program.py")], check=True, timeout=120)
