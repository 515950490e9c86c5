"""Checkpoints come back as they were saved; only complete ones count, and two are kept."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.models.network import of_module
from selectax.study.run import checkpoints as checkpoints_module
from selectax.study.run.checkpoints import CheckpointError, open_checkpoints
from selectax.study.training.population import init_population
from selectax.study.training.recipe import Recipe
from tests import xla
from tests.study.tiny import TinyNetwork, grid

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def population():
    recipe = Recipe(of_module(TinyNetwork()), 3, epochs=4, batch_size=8)
    return init_population(grid([-1.0, 0.5], [0, 1], 0.1), recipe=recipe, image_shape=(8, 8, 3))


def at_epoch(population, epoch):
    """Differs from epoch to epoch, in floats that are NaN too."""
    history = jax.tree.map(lambda past: past.at[:, :epoch].set(epoch + 1 / 3), population.history)
    best = jax.tree.map(lambda leaf: leaf + np.float32(epoch / 7), population.best_variables)
    return dataclasses.replace(population, history=history, best_variables=best)


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def epochs_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fields_that_an_earlier_version_lacked_keep_their_values(population, tmp_path):
    saved = at_epoch(population, 1)
    hyperparameters = vars(saved.hyperparameters).copy()
    del hyperparameters["warmup_epochs"], hyperparameters["alpha_warmup_epochs"]
    with open_checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, dataclasses.replace(saved, hyperparameters=hyperparameters))
        checkpoints.finish()
        epoch, restored = checkpoints.restore(population, may_lack="hyperparameters")
    assert epoch == 1
    assert_same(restored, saved)


def test_restored_is_what_was_saved_last(population, tmp_path):
    with open_checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, at_epoch(population, 1))
        checkpoints.save(2, at_epoch(population, 2))
        epoch, within = checkpoints.restore(population)
    assert epoch == 2
    assert_same(within, at_epoch(population, 2))
    with open_checkpoints(tmp_path / "checkpoints") as reopened:
        epoch, restored = reopened.restore(population)
    assert epoch == 2
    assert_same(restored, at_epoch(population, 2))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(restored))


@pytest.mark.parametrize(
    "name", ["alpha=[-1,0,1]", "back\\slash", "a*b", os.fsdecode(b"caf\xe9"), "[!a]?"], ids=ascii
)
def test_any_name_of_a_folder_is_taken(tmp_path, name):
    """In brackets Orbax looks for other files than it wrote, and commits without them."""
    tree, folder = {"one": jnp.arange(3)}, tmp_path / name / "checkpoints"
    warnings = []
    for step in (1, 2):
        with open_checkpoints(folder, warnings.append) as checkpoints:
            before, _ = checkpoints.restore(tree)
            checkpoints.save(step, {"one": jnp.arange(3) + step})
        assert before == step - 1
    with open_checkpoints(folder, warnings.append) as checkpoints:
        step, restored = checkpoints.restore(tree)
    assert (step, warnings) == (2, [])
    np.testing.assert_array_equal(restored["one"], [2, 3, 4])
    assert epochs_in(folder) == ["1", "2"]


def test_a_checkpoint_that_cannot_be_read_back_is_not_called_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints_module, "_MISREAD", re.compile("(?!)"))
    with (
        pytest.raises(CheckpointError, match=r"no checkpoint can be written .*--resume"),
        open_checkpoints(tmp_path / "[x]") as checkpoints,
    ):
        checkpoints.save(1, {"one": jnp.arange(3)})


def test_without_a_checkpoint_one_begins_at_the_beginning(population, tmp_path):
    with open_checkpoints(tmp_path / "checkpoints") as checkpoints:
        epoch, restored = checkpoints.restore(population)
    assert epoch == 0
    assert restored is population


def test_training_may_reuse_the_memory_of_what_is_being_saved(population, tmp_path):
    """And once it is finished, the process may be killed."""
    saved = at_epoch(population, 1)
    expected = jax.tree.map(np.array, saved)
    overwrite = jax.jit(lambda tree: jax.tree.map(jnp.zeros_like, tree), donate_argnums=0)
    with open_checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, saved)
        jax.block_until_ready(overwrite(saved))
        checkpoints.finish()
        shutil.copytree(tmp_path / "checkpoints", tmp_path / "as after a kill")
    with open_checkpoints(tmp_path / "as after a kill") as checkpoints:
        epoch, restored = checkpoints.restore(population)
    assert epoch == 1
    assert_same(restored, expected)


def test_the_last_two_are_kept(population, tmp_path):
    with open_checkpoints(tmp_path) as checkpoints:
        for epoch in (1, 2, 3, 4):
            checkpoints.save(epoch, at_epoch(population, epoch))
            assert len(epochs_in(tmp_path)) >= min(epoch - 1, 2)
    assert epochs_in(tmp_path) == ["3", "4"]


def test_a_checkpoint_half_written_is_ignored(population, tmp_path, monkeypatch):
    """Whatever is renamed last makes it complete; a kill just before leaves all but that."""
    with open_checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.save(1, at_epoch(population, 1))
        checkpoints.finish()
        half_written = tmp_path / "half"

        def killed(source, *_, **__):
            if not half_written.exists():
                shutil.copytree(tmp_path / "run", half_written)
            raise OSError(28, os.strerror(28))

        two = at_epoch(population, 2)
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", killed)
            patch.setattr(os, "replace", killed)
            checkpoints.save(2, two)
            with pytest.raises(CheckpointError, match=r"No space left on device.*--resume"):
                checkpoints.finish()
    assert len(epochs_in(half_written)) == 2
    assert len(list(half_written.glob("*2*/**/*"))) > 2, "killed too early to show anything"
    with open_checkpoints(half_written) as checkpoints:
        epoch, restored = checkpoints.restore(population)
        assert epoch == 1
        assert_same(restored, at_epoch(population, 1))
        checkpoints.save(2, at_epoch(population, 2))
    with open_checkpoints(half_written) as checkpoints:
        epoch, restored = checkpoints.restore(population)
    assert epoch == 2
    assert_same(restored, at_epoch(population, 2))


def test_a_checkpoint_of_other_shapes_is_not_taken_for_ours(population, tmp_path):
    with open_checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, population)
        fewer = jax.tree.map(lambda leaf: leaf[:3], population)
        with pytest.raises(ValueError, match=r"shape"):
            checkpoints.restore(fewer)


def damage_one_file(folder, change):
    """Of those that hold arrays, the largest."""
    files = [path for path in folder.rglob("*") if path.is_file() and "/d/" in path.as_posix()]
    change(max(files, key=lambda path: path.stat().st_size))


@pytest.mark.slow
def test_a_checkpoint_of_devices_that_are_not_there_is_read(tmp_path, four_devices):
    writer = f"""
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from pathlib import Path
from selectax.study.run import checkpoints as checkpoints_module
from selectax.study.run.checkpoints import open_checkpoints
spread = NamedSharding(Mesh(np.array(jax.devices()), "model"), PartitionSpec("model"))
with open_checkpoints(Path({str(tmp_path)!r})) as checkpoints:
    checkpoints.save(7, {{"alpha": jax.device_put(np.arange(8.0), spread)}})
"""
    eight = {"XLA_FLAGS": xla.flags(8)}
    subprocess.run([sys.executable, "-c", writer], check=True, cwd=ROOT, env=os.environ | eight)
    warnings = []
    with open_checkpoints(tmp_path, warnings.append) as checkpoints:
        restored = checkpoints.restore_as_it_is()
        np.testing.assert_array_equal(restored["alpha"], np.arange(8))
        # Of other shapes, but whole: not to be set aside.
        with pytest.raises(ValueError, match="shape"):
            checkpoints.restore({"alpha": jnp.zeros(5)})
        step, restored = checkpoints.restore({"alpha": jnp.zeros(8)})
    np.testing.assert_array_equal(restored["alpha"], np.arange(8))
    assert step == 7
    assert warnings == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
    ],
    ids=["removed", "truncated", "zeros"],
)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(population, tmp_path, change):
    with open_checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, at_epoch(population, 1))
        checkpoints.save(2, at_epoch(population, 2))
    damage_one_file(tmp_path / "2", change)
    warnings = []
    with open_checkpoints(tmp_path, warnings.append) as checkpoints:
        epoch, restored = checkpoints.restore(population)
        assert epoch == 1
        assert_same(restored, at_epoch(population, 1))
        checkpoints.save(2, at_epoch(population, 2))
    (warning,) = warnings
    assert f"{tmp_path / '2'}: is damaged (" in warning
    assert "damaged_2" in warning
    with open_checkpoints(tmp_path, warnings.append) as checkpoints:
        epoch, restored = checkpoints.restore(population)
    assert epoch == 2
    assert_same(restored, at_epoch(population, 2))
    assert len(warnings) == 1


def test_without_any_whole_checkpoint_one_begins_at_the_beginning(population, tmp_path):
    with open_checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, at_epoch(population, 1))
    damage_one_file(tmp_path / "1", lambda path: path.unlink())
    warnings = []
    with open_checkpoints(tmp_path, warnings.append) as checkpoints:
        assert checkpoints.restore(population) == (0, population)
    assert len(warnings) == 1
