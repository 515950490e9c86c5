"""Robust accuracy over epsilons: one queue of attacks beside torchattacks with each epsilon anew.

Run as `python experiments/benchmarks/robust_accuracy_curve.py /path/to/real/data`. PyTorch's
threads wait for each other by spinning, so that on a busy machine the ratio means something only
where both have one core: `taskset -c 0 python …`.
"""

import dataclasses
import pathlib
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torchattacks
import tyro
from pretrained import TorchResNet32, jax_logits, true_test_images, weights

from selectax.attacks import robust_accuracy_curve
from selectax.attacks.arguments import checked_problem
from selectax.attacks.projected_gradient import projected_gradient
from selectax.attacks.queue import run_queue

COARSE = np.array([0.25, 0.5, 1, 2, 3, 4, 6, 8], np.float32) / 255
FINE = np.linspace(0.25, 8, 32, dtype=np.float32) / 255


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    real_data: tyro.conf.Positional[pathlib.Path]
    """Folder of the pretrained weights and of CIFAR-10."""
    images: int = 256
    """Test images."""
    steps: int = 10
    """Of PGD."""
    batch_size: int = 32
    """Images that our attacks take at a time."""
    repetitions: int = 3
    """Of ours, theirs, ours, …, in turn, so that a busy machine is busy for both."""


def main(options: Options) -> None:
    """Prints seconds, image-steps and curves."""
    state = weights(options.real_data)
    images, labels = true_test_images(options.real_data, options.images)
    logits_fn, theirs = jax_logits(options.real_data), TorchResNet32(state)

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

    torch_images = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    torch_labels = torch.tensor(labels).long()

    def attack_each_epsilon(epsilons):
        correct = theirs(torch_images).argmax(1) == torch_labels
        accuracies = []
        for epsilon in epsilons.tolist():
            attack = torchattacks.PGD(
                theirs, eps=epsilon, alpha=2.5 * epsilon / options.steps, steps=options.steps
            )
            correct &= theirs(attack(torch_images, torch_labels)).argmax(1) == torch_labels
            accuracies.append(correct.float().mean().item())
        return accuracies

    for epsilons in (COARSE, FINE):
        jax.block_until_ready(curve(jax.random.key(0), epsilons))  # compiled apart
    ours, fine, anew = [], [], []
    for repetition in range(options.repetitions):
        key = jax.random.key(repetition)
        ours.append(timed(lambda key=key: np.asarray(curve(key, COARSE))))
        anew.append(timed(lambda: attack_each_epsilon(COARSE)))
        fine.append(timed(lambda key=key: np.asarray(curve(key, FINE))))
        print(f"{ours[-1][0]:.1f} s, theirs {anew[-1][0]:.1f} s, 32 epsilons {fine[-1][0]:.1f} s")

    steps = evaluations(jax.random.key(0), logits_fn, images, labels, options)
    whole = options.images * options.steps * len(COARSE)
    print(f"epsilons × 255   {COARSE * 255}")
    print(
        f"selectax         {np.round(ours[-1][1], 3)}  {seconds(ours):.1f} s, {steps} image-steps"
    )
    print(
        f"torchattacks     {np.round(anew[-1][1], 3)}  {seconds(anew):.1f} s, {whole} image-steps"
    )
    print(f"image-steps      {steps / whole:.3f} of torchattacks'")
    print(f"faster           {ratio(anew, ours):.2f} ×")
    print(f"32 epsilons      {seconds(fine):.1f} s, {ratio(fine, ours):.2f} × the time of 8")


def evaluations(key, logits_fn, images, labels, options):
    """Evaluations of the gradient that the queue makes, counted image by image."""
    problem = checked_problem(logits_fn, images, jnp.asarray(labels), norm="linf", bounds=(0, 1))

    @jax.jit
    def count(key, images):
        return run_queue(
            key,
            problem,
            projected_gradient(problem, steps=options.steps, step_size=None),
            images,
            jnp.argmax(logits_fn(images), axis=-1) == labels,
            jnp.asarray(COARSE),
            steps=options.steps,
            restarts=1,
            random_start=True,
            warm_start=True,
            batch_size=options.batch_size,
        ).evaluations

    return int(count(key, jnp.asarray(images)))


def timed(function):
    """Seconds and result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def seconds(runs):
    """The median."""
    return statistics.median(elapsed for elapsed, _ in runs)


def ratio(runs, others):
    """The median over runs made one after the other."""
    return statistics.median(a / b for (a, _), (b, _) in zip(runs, others, strict=True))


if __name__ == "__main__":
    main(tyro.cli(Options))
