"""A study in the plain way, by the libraries one would reach for; by default the default job.

PyTorch trains and evaluates, torchattacks attacks, imagecorruptions corrupts and scikit-learn finds
components: networks, training and measurements are those of `experiments/sweep.py`. Written to be
fast as far as these libraries are: channels last, batches cropped by one indexing, no gradients
where none are needed, images corrupted once for all networks, responses of all layers from the pass
that gives the logits, the responses to clean images kept for all perturbations, scikit-learn's
fastest solver.

It does less than a sweep: it looks for no masked gradients, keeps no checkpoints, and makes
no figures and no report. And imagecorruptions knows ImageNet's severities alone, which are stronger
than CIFAR-10-C's: as much work, other accuracies.
"""

import contextlib
import copy
import csv
import dataclasses
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
import torch
import torchattacks
import tyro
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks.shared.original_corruptions import original
from experiments.benchmarks.shared.peer import CifarResNet

COLUMNS = (
    "dataset",
    "model",
    "alpha",
    "seed",
    "epoch",
    "metric",
    "layer",
    "perturbation",
    "severity",
    "epsilon",
    "steps",
    "value",
)
CLASSES, DEPTH = 10, 8
EVALUATION_BATCH = 128
PADDING = 4
SEVERITIES = (1, 2, 3, 4, 5)

Row = dict[str, Any]
Responses = dict[str, np.ndarray]
"""Of layers by name, in order of depth: (samples, units)."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Trains networks and measures them."""

    data: Path
    """File of NumPy's with the images and labels of each split, as `default_job.py` writes it."""
    output: Path
    """Where the results table goes, as CSV."""
    alpha: tuple[float, ...] = (-5.0, -1.0, 0.0, 0.4, 1.0, 2.0)
    """Strengths of the regularizer."""
    seeds: int = 4
    """Networks per alpha."""
    epochs: int = 4
    """Passes over the training set."""
    dataset: str = "digits"
    """Its name in the table."""
    batch_size: int = 32
    """Images per training step."""
    mirror: bool = False
    """Mirror half of the training images."""
    corruptions: tuple[str, ...] = (
        *("gaussian_noise", "gaussian_blur", "brightness", "contrast", "pixelate"),
    )
    """Names of corruptions."""
    attack_images: int = 96
    """Test images that are attacked."""
    epsilons: tuple[float, ...] = (2, 4, 8, 16)
    """Of the attacks, in 255ths."""
    pgd_steps: tuple[int, ...] = (10,)
    """Steps of PGD."""


class Split(NamedTuple):
    """Images (samples, 3, height, width) in [0, 1], channels last in memory, and their classes."""

    images: Tensor
    labels: Tensor


class Measured(NamedTuple):
    """Which images are classified correctly, and the responses of each layer."""

    correct: np.ndarray
    responses: Responses


class Trained(NamedTuple):
    """A network at its best epoch, and loss and accuracy of each epoch in training."""

    network: CifarResNet
    best_epoch: int
    history: list[tuple[float, float]]


def to_pixels(images: np.ndarray) -> Tensor:
    """Bytes (samples, height, width, 3) to what networks take."""
    return (torch.from_numpy(images).float() / 255).permute(0, 3, 1, 2)


def load_splits(path: Path) -> dict[str, Split]:
    with np.load(path) as arrays:
        return {
            name: Split(
                to_pixels(arrays[f"{name}_images"]),
                torch.from_numpy(arrays[f"{name}_labels"]).long(),
            )
            for name in ("train", "validation", "test")
        }


def new_network() -> CifarResNet:
    network = CifarResNet(DEPTH, CLASSES)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    nn.init.zeros_(network.logits.bias)
    return network.to(memory_format=torch.channels_last)


def layers_of(network: CifarResNet) -> dict[str, tuple[nn.Module, bool]]:
    """Modules beside the ReLUs, which are functions, and whether the maps come into them."""
    layers: dict[str, tuple[nn.Module, bool]] = {"stage0_stem": (network.blocks, True)}
    per_stage = len(network.blocks) // 3
    for at, block in enumerate(network.blocks):
        name = f"stage{at // per_stage + 1}_block{at % per_stage + 1}"
        layers[f"{name}_inner"] = block.sum, True
        layers[f"{name}_sum"] = block, False
    return layers


@contextlib.contextmanager
def recorded_responses(network: CifarResNet) -> Iterator[dict[str, Tensor]]:
    """A dict that each pass fills with the layers' responses, the means of maps over space."""
    responses: dict[str, Tensor] = {}

    def record(name):
        def hook(_module, inputs, output=None):
            responses[name] = (inputs[0] if output is None else output).mean((2, 3))

        return hook

    handles = [
        module.register_forward_pre_hook(record(name))
        if comes_in
        else module.register_forward_hook(record(name))
        for name, (module, comes_in) in layers_of(network).items()
    ]
    try:
        yield responses
    finally:
        for handle in handles:
            handle.remove()


def class_selectivity(responses: Mapping[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
    """Index of each unit of each layer, over the classes that are there."""
    units = torch.cat(list(responses.values()), 1)
    members = functional.one_hot(labels, CLASSES).to(units.dtype)
    counts = members.sum(0)
    means = (members.T @ units)[counts > 0] / counts[counts > 0, None]
    highest = means.max(0).values
    rest = (means.sum(0) - highest) / max(len(means) - 1, 1)
    index = (highest - rest) / (highest + rest + 1e-6) * (len(means) > 1)
    widths = [layer.shape[1] for layer in responses.values()]
    return dict(zip(responses, index.split(widths), strict=True))


def mean_selectivity(responses: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Mean over layers of the mean over a layer's units."""
    return torch.stack([i.mean() for i in class_selectivity(responses, labels).values()]).mean()


def batches_of_epoch(
    padded: Tensor, labels: Tensor, options: Options
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images cropped at random from padded ones of (samples, height, width, 3), shuffled."""
    size, batch = torch.arange(padded.shape[1] - 2 * PADDING), options.batch_size
    for chosen in torch.randperm(len(labels)).split(batch)[: len(labels) // batch]:
        rows, columns = torch.randint(0, 2 * PADDING + 1, (2, batch, 1)) + size
        if options.mirror:
            columns = torch.where(torch.rand(batch, 1) < 0.5, columns.flip(1), columns)
        images = padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]
        yield images.permute(0, 3, 1, 2), labels[chosen]


def train_step(network, optimizer, images: Tensor, labels: Tensor, alpha: float):
    """Loss and accuracy of a batch, by which the network is changed."""
    optimizer.zero_grad()
    with recorded_responses(network) if alpha else contextlib.nullcontext({}) as responses:
        logits = network(images)
    loss = functional.cross_entropy(logits, labels)
    if alpha:
        loss = loss - alpha * mean_selectivity(responses, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), (logits.argmax(1) == labels).float().mean().item()


def train(alpha: float, seed: int, splits: Mapping[str, Split], options: Options) -> Trained:
    torch.manual_seed(seed)
    network = new_network()
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    images, labels = splits["train"]
    steps = len(labels) // options.batch_size
    drops = [round(share * options.epochs * steps) for share in (1 / 2, 3 / 4)]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, drops)
    padded = functional.pad(images, (PADDING,) * 4).permute(0, 2, 3, 1).contiguous()
    history, best_accuracy, best_epoch, best = [], -1.0, 0, {}
    for epoch in range(1, options.epochs + 1):
        network.train()
        of_steps = []
        for batch in batches_of_epoch(padded, labels, options):
            of_steps.append(train_step(network, optimizer, *batch, alpha))
            schedule.step()
        history.append(tuple(np.mean(of_steps, axis=0)))
        accuracy = validate(network, splits["validation"])
        if accuracy > best_accuracy:
            best_accuracy, best_epoch = accuracy, epoch
            best = copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    # So that attacks compute the images' gradients alone.
    return Trained(network.eval().requires_grad_(False), best_epoch, history)


def in_batches(split: Split) -> Iterable[tuple[Tensor, Tensor]]:
    return zip(*(values.split(EVALUATION_BATCH) for values in split), strict=True)


@torch.inference_mode()
def validate(network: CifarResNet, split: Split) -> float:
    network.eval()
    right = sum((network(images).argmax(1) == labels).sum() for images, labels in in_batches(split))
    return float(right) / len(split.labels)


@torch.inference_mode()
def measure(network: CifarResNet, split: Split) -> Measured:
    correct, parts = [], []
    with recorded_responses(network) as responses:
        for images, labels in in_batches(split):
            correct.append(network(images).argmax(1) == labels)
            parts.append(dict(responses))
    layers = {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}
    return Measured(torch.cat(correct).numpy(), layers)


def dimensionality_rows(responses: Responses, where: Row) -> Iterator[Row]:
    """Components that reach a share of the variance, and the participation ratio."""
    for layer, matrix in responses.items():
        # Without any variance scikit-learn divides 0 by 0.
        with np.errstate(invalid="ignore"):
            variances = PCA(svd_solver="covariance_eigh").fit(matrix).explained_variance_
        reached, there = np.cumsum(variances), variances.max() > 0
        for percent in (90, 95, 99):
            components = np.sum(reached < percent / 100 * reached[-1]) + there
            metric = f"dimensionality_{percent}"
            yield {"metric": metric, "layer": layer, **where, "value": components}
        ratio = variances.sum() ** 2 / np.sum(variances**2) if there else 0
        yield {"metric": "participation_ratio", "layer": layer, **where, "value": ratio}


def perturbed_rows(perturbed: Responses, clean: Responses, where: Row) -> Iterator[Row]:
    """Dimensionality of the responses, and of what the perturbation changes in them."""
    yield from dimensionality_rows(perturbed, where)
    difference = {name: perturbed[name] - clean[name] for name in clean}
    of_difference = where | {"perturbation": f"difference:{where['perturbation']}"}
    yield from dimensionality_rows(difference, of_difference)


def clean_rows(clean: Measured, labels: Tensor) -> Iterator[Row]:
    responses = {name: torch.from_numpy(layer) for name, layer in clean.responses.items()}
    selectivity = class_selectivity(responses, labels)
    means = {name: float(index.mean()) for name, index in selectivity.items()}
    yield {"metric": "accuracy", "value": clean.correct.mean()}
    yield {"metric": "class_selectivity", "value": np.mean(list(means.values()))}
    for layer, index in selectivity.items():
        yield {"metric": "class_selectivity", "layer": layer, "value": means[layer]}
        for decile, value in enumerate(np.quantile(index.numpy(), np.arange(11) / 10)):
            metric = f"class_selectivity_decile_{decile}"
            yield {"metric": metric, "layer": layer, "value": value}
    yield from dimensionality_rows(clean.responses, {})


def corruption_rows(
    network: CifarResNet, corrupted: Mapping[tuple[str, int], Split], clean: Measured
) -> Iterator[Row]:
    """Under each corruption at each severity, and means over all."""
    accuracies, clean_accuracy = [], clean.correct.mean()
    for (name, severity), split in corrupted.items():
        where = {"perturbation": name, "severity": severity}
        measured = measure(network, split)
        accuracies.append(measured.correct.mean())
        yield from accuracy_rows(accuracies[-1], clean_accuracy, where)
        yield from perturbed_rows(measured.responses, clean.responses, where)
    yield from accuracy_rows(np.mean(accuracies), clean_accuracy, {"perturbation": "corruptions"})


def accuracy_rows(accuracy: float, clean_accuracy: float, where: Row) -> Iterator[Row]:
    relative = accuracy / clean_accuracy if clean_accuracy else math.nan
    yield {"metric": "accuracy", **where, "value": accuracy}
    yield {"metric": "relative_accuracy", **where, "value": relative}


def attack_rows(network: CifarResNet, split: Split, options: Options) -> Iterator[Row]:
    """Under FGSM and PGD with each epsilon; an image that a smaller one breaks stays broken."""
    clean = measure(network, split)
    for name, steps in (("fgsm", 1), *(("pgd", steps) for steps in options.pgd_steps)):
        withstood = clean.correct
        where = {"metric": "accuracy", "perturbation": name, "steps": steps}
        yield {**where, "epsilon": 0.0, "value": withstood.mean()}
        for epsilon in (epsilon / 255 for epsilon in options.epsilons):
            attack = new_attack(name, network, epsilon, steps)
            measured = measure(network, split._replace(images=attack(*split)))
            withstood = withstood & measured.correct
            yield {**where, "epsilon": epsilon, "value": withstood.mean()}
            of_attack = {"perturbation": name, "epsilon": epsilon, "steps": steps}
            yield from perturbed_rows(measured.responses, clean.responses, of_attack)


def new_attack(name: str, network: CifarResNet, epsilon: float, steps: int):
    if name == "fgsm":
        return torchattacks.FGSM(network, eps=epsilon)
    return torchattacks.PGD(network, eps=epsilon, alpha=2.5 * epsilon / steps, steps=steps)


def corrupt(split: Split, names: Iterable[str]) -> dict[tuple[str, int], Split]:
    """The images under each corruption at each severity."""
    np.random.seed(0)  # of which imagecorruptions draws
    images = (split.images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()

    def corrupted(name, severity):
        function = original(name)
        return np.stack([function(image, severity) for image in images])

    return {
        (name, severity): split._replace(images=to_pixels(corrupted(name, severity)))
        for name in names
        for severity in SEVERITIES
    }


def training_rows(trained: Trained) -> Iterator[Row]:
    for epoch, (loss, accuracy) in enumerate(trained.history, start=1):
        yield {"epoch": epoch, "metric": "train_loss", "value": loss}
        yield {"epoch": epoch, "metric": "train_accuracy", "value": accuracy}


def rows_of(
    trained: Trained,
    test: Split,
    corrupted: Mapping[tuple[str, int], Split],
    options: Options,
) -> Iterator[Row]:
    """All rows of a network."""
    attacked = Split(*(values[: options.attack_images] for values in test))
    network = trained.network
    clean = measure(network, test)
    yield from training_rows(trained)
    yield from clean_rows(clean, test.labels)
    yield from corruption_rows(network, corrupted, clean)
    yield from attack_rows(network, attacked, options)


def study(options: Options) -> Iterator[Row]:
    """The rows of all networks, which differ in alpha and seed."""
    splits = load_splits(options.data)
    corrupted = corrupt(splits["test"], options.corruptions)
    for alpha in options.alpha:
        for seed in range(options.seeds):
            trained = train(alpha, seed, splits, options)
            whose = {"dataset": options.dataset, "model": "resnet8", "alpha": alpha, "seed": seed}
            for row in rows_of(trained, splits["test"], corrupted, options):
                yield {**whose, "epoch": trained.best_epoch, **row}
            print(f"alpha {alpha:g} seed {seed}", file=sys.stderr)


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    # Thousands of fits of small matrices, which are known to be sound.
    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(study(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
