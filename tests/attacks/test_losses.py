import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks.losses import cross_entropy, difference_of_logits_ratio, fooled
from tests.reference import attacks as reference

LOGITS = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
LABELS = (np.arange(50) % 6).astype(np.int32)
TARGETS = ((LABELS + 1 + np.arange(50) % 5) % 6).astype(np.int32)


def test_softplus_of_the_log_odds_is_the_cross_entropy():
    found = jax.nn.softplus(cross_entropy(LOGITS, LABELS))
    np.testing.assert_allclose(found, reference.cross_entropy(LOGITS, LABELS), rtol=1e-5)
    towards = jax.nn.softplus(-cross_entropy(LOGITS, LABELS, TARGETS))
    np.testing.assert_allclose(towards, reference.cross_entropy(LOGITS, TARGETS), rtol=1e-5)


@pytest.mark.parametrize("targets", [None, TARGETS])
def test_dlr_by_its_definition(targets):
    found = difference_of_logits_ratio(LOGITS, LABELS, targets)
    for sample, (logits, label) in enumerate(zip(LOGITS, LABELS, strict=True)):
        descending = np.sort(logits)[::-1]
        if targets is None:
            margin = np.delete(logits, label).max() - logits[label]
            scale = descending[0] - descending[2]
        else:
            margin = logits[targets[sample]] - logits[label]
            scale = descending[0] - (descending[2] + descending[3]) / 2
        np.testing.assert_allclose(found[sample], margin / scale, rtol=1e-5)


@pytest.mark.parametrize("targets", [None, TARGETS])
def test_dlr_knows_neither_scale_nor_shift(targets):
    plain = difference_of_logits_ratio(LOGITS, LABELS, targets)
    changed = difference_of_logits_ratio(1000 * LOGITS - 7, LABELS, targets)
    np.testing.assert_allclose(changed, plain, rtol=1e-3)


def test_fooled_means_wrong_or_on_target():
    predicted = LOGITS.argmax(axis=1)
    np.testing.assert_array_equal(fooled(LOGITS, LABELS), predicted != LABELS)
    np.testing.assert_array_equal(fooled(LOGITS, LABELS, TARGETS), predicted == TARGETS)
    assert not np.any(fooled(LOGITS * np.nan, LABELS + 1))


@pytest.mark.parametrize("place", ["label first", "label elsewhere"])
def test_dlr_and_its_gradient_equal_those_of_torchattacks(place):
    torch = pytest.importorskip("torch")
    torchattacks = pytest.importorskip("torchattacks")
    labels = LOGITS.argmax(axis=1).astype(np.int32) if place == "label first" else LABELS
    theirs = torchattacks.APGD(torch.nn.Identity())
    logits = torch.tensor(LOGITS, requires_grad=True)
    expected = theirs.dlr_loss(logits, torch.tensor(labels).long())
    expected.sum().backward()
    np.testing.assert_allclose(
        difference_of_logits_ratio(LOGITS, labels), expected.detach(), rtol=1e-5
    )
    gradient = jax.grad(lambda logits: jnp.sum(difference_of_logits_ratio(logits, labels)))
    np.testing.assert_allclose(gradient(LOGITS), logits.grad, rtol=1e-4, atol=1e-5)
