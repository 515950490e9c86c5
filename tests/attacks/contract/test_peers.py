"""Beside torchattacks, on the pretrained ResNet-32 of the real data, at the same budget."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import apgd, fgsm, mi_fgsm, pgd

torch = pytest.importorskip("torch")
torchattacks = pytest.importorskip("torchattacks")
pytestmark = pytest.mark.peer

EPSILONS = {"linf": np.array([0.25, 0.5, 1, 2, 4]) / 255, "l2": [0.03, 0.06, 0.12, 0.25, 0.5]}
STEPS = 10


@pytest.fixture(scope="module")
def networks(real_data):
    """Ours and theirs, and 500 true test images with labels."""
    from experiments.benchmarks import pretrained

    state = pretrained.weights(real_data)
    images, labels = pretrained.true_test_images(real_data, 500)
    return pretrained.jax_logits(real_data), pretrained.TorchResNet32(state), images, labels


def theirs(name, network, epsilon, norm):
    step_size = 2.5 * epsilon / STEPS
    match name, norm:
        case "fgsm", "linf":
            return torchattacks.FGSM(network, eps=epsilon)
        case "pgd", "linf":
            return torchattacks.PGD(network, eps=epsilon, alpha=step_size, steps=STEPS)
        case "pgd", "l2":
            return torchattacks.PGDL2(network, eps=epsilon, alpha=step_size, steps=STEPS)
        case "mi_fgsm", "linf":
            alpha = epsilon / STEPS
            return torchattacks.MIFGSM(network, eps=epsilon, alpha=alpha, steps=STEPS)
        case "apgd-ce" | "apgd-dlr", _:
            options = {"eps": epsilon, "steps": STEPS, "loss": name.removeprefix("apgd-")}
            return torchattacks.APGD(network, norm=norm.capitalize(), **options)


OURS = {
    "fgsm": lambda key, *problem, **ball: fgsm(*problem, **ball),
    "pgd": functools.partial(pgd, steps=STEPS),
    "mi_fgsm": lambda key, *problem, **ball: mi_fgsm(*problem, steps=STEPS, **ball),
    "apgd-ce": functools.partial(apgd, steps=STEPS),
    "apgd-dlr": functools.partial(apgd, steps=STEPS, loss="dlr"),
}


def compare(networks, name, norm, count, epsilons):
    """Robust accuracies of ours and of theirs, at each epsilon."""
    logits_fn, network, images, labels = networks
    images, labels = images[:count], labels[:count]

    @jax.jit
    def accuracy(key, epsilon):
        adversarial = OURS[name](key, logits_fn, images, labels, epsilon=epsilon, norm=norm)
        return jnp.mean(jnp.argmax(logits_fn(adversarial), axis=-1) == labels)

    torch_images = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    torch_labels = torch.tensor(labels).long()

    def peer(epsilon):
        adversarial = theirs(name, network, epsilon, norm)(torch_images, torch_labels)
        return (network(adversarial).argmax(1) == torch_labels).float().mean().item()

    ours = np.array([accuracy(jax.random.key(0), epsilon) for epsilon in epsilons])
    peers = np.array([peer(epsilon) for epsilon in epsilons])
    print(f"{name} {norm}: {ours.round(3)} beside {peers.round(3)}")
    return ours, peers


@pytest.mark.slow
def test_the_imported_network_is_theirs(networks):
    logits_fn, network, images, labels = networks
    ours = jax.jit(logits_fn)(images)
    theirs = network(torch.tensor(images.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert np.mean(np.argmax(ours, axis=1) == labels) == pytest.approx(0.932)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "norm", "count"),
    [
        ("fgsm", "linf", 500),
        ("pgd", "linf", 500),
        ("pgd", "l2", 500),
        ("mi_fgsm", "linf", 500),
        ("apgd-ce", "linf", 200),
        ("apgd-ce", "l2", 200),
        ("apgd-dlr", "linf", 200),
        ("apgd-dlr", "l2", 200),
    ],
)
def test_robust_accuracy_is_no_higher_than_theirs(networks, name, norm, count):
    ours, peers = compare(networks, name, norm, count, EPSILONS[norm])
    assert np.all(ours <= peers + 0.01)
    assert 0.1 < ours[2] < 0.9
