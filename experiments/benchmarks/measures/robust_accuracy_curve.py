"""Robust accuracy over epsilons: one queue of attacks beside torchattacks with each epsilon anew.

Run as `python experiments/benchmarks/measures/robust_accuracy_curve.py /path/to/real/data`.
PyTorch's threads spin while they wait for each other, so on a busy machine give both one core, or
the ratio means little: `taskset -c 0 python …`.
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torchattacks
import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.peer import device, finished
from experiments.benchmarks.shared.pretrained import (
    TorchResNet32,
    jax_logits,
    true_test_images,
    weights,
)
from selectax.attacks import robust_accuracy_curve
from selectax.attacks.arguments import make_problem
from selectax.attacks.curves.batched_search import search_epsilons
from selectax.attacks.projected_gradient import pgd_method

COARSE = np.array([0.25, 0.5, 1, 2, 3, 4, 6, 8], np.float32) / 255


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    real_data: tyro.conf.Positional[pathlib.Path]
    """Folder of the pretrained weights and of CIFAR-10."""
    images: int = 256
    """Test images."""
    steps: int = 10
    """Of PGD."""
    fine: int = 32
    """Epsilons of the finer curve."""
    batch_size: int = 32
    """Images that our attacks take at a time."""
    repetitions: int = 3
    """Of ours, theirs, ours, …, in turn, so that a busy machine is busy for both."""


def contest(options: Options) -> Contest:
    """Prints image-steps and curves, and times the curves."""
    state = weights(options.real_data)
    images, labels = true_test_images(options.real_data, options.images)
    logits_fn = jax_logits(options.real_data)
    theirs = TorchResNet32(state).to(device())

    @jax.jit
    def curve(key, epsilons):
        return robust_accuracy_curve(
            key,
            logits_fn,
            images,
            labels,
            epsilons=epsilons,
            steps=options.steps,
            batch_size=options.batch_size,
        )

    torch_images = torch.tensor(images.transpose(0, 3, 1, 2).copy()).to(device())
    torch_labels = torch.tensor(labels).long().to(device())

    def attack_each_epsilon(epsilons):
        correct = theirs(torch_images).argmax(1) == torch_labels
        accuracies = []
        for epsilon in epsilons.tolist():
            attack = torchattacks.PGD(
                theirs, eps=epsilon, alpha=2.5 * epsilon / options.steps, steps=options.steps
            )
            correct &= theirs(attack(torch_images, torch_labels)).argmax(1) == torch_labels
            accuracies.append(correct.float().mean().item())
        finished()
        return np.array(accuracies)

    key = jax.random.key(0)
    fine = np.linspace(0.25, 8, options.fine, dtype=np.float32) / 255
    steps = evaluations(key, logits_fn, images, labels, options)
    cold = evaluations(key, logits_fn, images, labels, options, warm_start=False)
    whole = options.images * options.steps * len(COARSE)
    print(f"epsilons × 255   {COARSE * 255}")
    print(f"selectax         {np.round(curve(key, COARSE), 3)}  {steps} image-steps")
    print(f"torchattacks     {np.round(attack_each_epsilon(COARSE), 3)}  {whole} image-steps")
    print(f"image-steps      {steps / whole:.3f} of torchattacks'")
    print(
        f"without warm start, as in sweeps: {cold} image-steps, {cold / whole:.3f} of torchattacks'"
    )
    return Contest(
        f"Robust accuracy of ResNet-32 at 8 epsilons, PGD-{options.steps}, {options.images} images",
        time_in_turn(
            {
                "one queue": lambda: jax.block_until_ready(curve(key, COARSE)),
                f"one queue, {len(fine)} epsilons": lambda: jax.block_until_ready(curve(key, fine)),
                "torchattacks": lambda: attack_each_epsilon(COARSE),
            },
            rounds=options.repetitions,
        ),
        work=1,
        unit="curves",
        peer="torchattacks",
        aims=Aims(4, 5, gpu=4),
    )


def evaluations(key, logits_fn, images, labels, options, *, warm_start=True):
    """Evaluations of the gradient that the queue makes, counted image by image."""
    problem, _ = make_problem(logits_fn, images, labels)

    @jax.jit
    def count(key, images):
        return search_epsilons(
            key,
            problem,
            pgd_method(problem, steps=options.steps),
            images,
            jnp.argmax(logits_fn(images), axis=-1) == labels,
            jnp.asarray(COARSE),
            steps=options.steps,
            restarts=1,
            random_start=True,
            warm_start=warm_start,
            batch_size=options.batch_size,
        ).evaluations

    return int(count(key, jnp.asarray(images)))


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
