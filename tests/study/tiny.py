"""Networks and images small enough for tests."""

import flax.linen as nn
import numpy as np

from selectax.models.network import of_module
from selectax.study import sweeps
from selectax.study.measures.computation.own_corruptions import OwnCorruptions
from selectax.study.measures.measurement import measure_network, measures_of
from selectax.study.measures.subject import EvaluationImages, Subject
from selectax.study.plan import hyperparameters_of
from selectax.study.run.networks import NetworkId
from tests.reference.tiny_network import logits_and_responses


def grid(alphas, seeds, learning_rate):
    """Every alpha with every seed, the seeds of one alpha side by side."""
    return hyperparameters_of(
        [NetworkId(alpha, seed) for alpha in alphas for seed in seeds], learning_rate
    )


def evaluation_images(test, attacked):
    """Batches to measure on, and to corrupt here."""
    return EvaluationImages(test, attacked, OwnCorruptions(test, "cifar10"))


class TinyNetwork(nn.Module):
    """Two layers, of 5 and 4 units, and a few logits."""

    num_classes: int = 3

    @nn.compact
    def __call__(self, images, train=False, masks=None):
        """Logits and activations."""
        masks = masks or {"first": 1, "second": 1}
        first = nn.relu(nn.Conv(5, (3, 3), strides=2)(images)) * masks["first"]
        second = nn.relu(nn.Conv(4, (3, 3))(first)) * masks["second"]
        return nn.Dense(self.num_classes)(second.mean((1, 2))), {"first": first, "second": second}


def measured(seed, variables, images, options, network, num_classes=3):
    """All rows and warnings of a network of Flax."""
    of_network = Subject(seed, of_module(network), variables, images, options, num_classes)
    return measure_network(of_network, measures_of(options.measures))


def subject(variables, batches, options, network, num_classes=3):
    """A network of Flax, measured on the same images for everything."""
    images = evaluation_images(batches, batches)
    return Subject(0, of_module(network), variables, images, options, num_classes)


def draw_little(set_attribute):
    """Has sweeps draw one empty figure: all would take longer than all else that they do here.

    The attributes are set by `monkeypatch.setattr`.
    """
    # Here, for processes that draw nothing need not wait for Matplotlib.
    from matplotlib.figure import Figure

    from selectax.study.report import figures

    set_attribute(sweeps, "has_images", lambda *_: False)
    empty = Figure((1, 1))
    empty.add_subplot().set_axis_off()
    set_attribute(figures, "draw_all", lambda *_: {"selectivity_by_alpha": empty})


def bytes_and_labels(samples, seed=0):
    """Images of 8 × 8 whose colours tell three classes apart."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, samples).astype(np.int32)
    images = generator.integers(0, 120, (samples, 8, 8, 3))
    images[np.arange(samples), :, :, labels] += 20
    return images.astype(np.uint8), labels


def fitted_variables(images, labels):
    """A network that is right about most images, its last layer fitted to the classes."""
    generator = np.random.default_rng(0)

    def layer(*shape):
        kernel, bias = 0.4 * generator.normal(size=shape), 0.1 * generator.normal(size=shape[-1])
        return {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}

    params = {"Conv_0": layer(3, 3, 3, 5), "Conv_1": layer(3, 3, 5, 4), "Dense_0": layer(4, 3)}
    _, responses = logits_and_responses({"params": params}, images / 255)
    inputs = np.column_stack([responses["second"], np.ones(len(images))])
    fitted, *_ = np.linalg.lstsq(inputs, np.eye(3)[labels], rcond=None)
    kernel, bias = np.split(fitted.astype(np.float32), [4])
    return {"params": {**params, "Dense_0": {"kernel": kernel, "bias": bias[0]}}}
