"""A network trained on CIFAR-10 in PyTorch, in place of our own ResNet-32's parameters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.models import create


@functools.cache
def resnet32(folder):
    """The predicted labels of images in [0, 1], as a compiled function."""
    torch = pytest.importorskip("torch")
    weights = torch.load(folder / "resnet32-cifar10.th", map_location="cpu", weights_only=True)[
        "state_dict"
    ]
    weights = {name.removeprefix("module."): value.numpy() for name, value in weights.items()}
    network = create("resnet32", 10)
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    variables = jax.tree_util.tree_map_with_path(
        lambda path, like: _of(weights, [part.key for part in path], like.shape), shapes
    )

    @jax.jit
    def classify(images):
        logits, _ = network.apply(variables, images)
        return jnp.argmax(logits, axis=-1)

    return classify


def _of(weights, path, shape):
    """The weight of their name for ours."""
    _, module, leaf = path
    if module == "logits":
        value = weights["linear.weight"].T if leaf == "kernel" else weights["linear.bias"]
    else:
        *place, where, kind = module.split("_")
        number = 1 if where in ("stem", "inner") else 2
        prefix = ""
        if where != "stem":
            stage, block = (int(part[-1]) for part in place)
            prefix = f"layer{stage}.{block - 1}."
        if kind == "convolution":
            value = weights[f"{prefix}conv{number}.weight"].transpose(2, 3, 1, 0)
        else:
            theirs = {
                "scale": "weight",
                "bias": "bias",
                "mean": "running_mean",
                "var": "running_var",
            }[leaf]
            value = weights[f"{prefix}bn{number}.{theirs}"]
    assert value.shape == shape
    return np.asarray(value)
