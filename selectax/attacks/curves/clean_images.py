"""Which clean images are worth attacking."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from selectax.attacks.arguments import Problem
from selectax.attacks.curves.batches import in_batches
from selectax.attacks.iteration import as_images
from selectax.attacks.losses import fooled
from selectax.attacks.norms import Images


def judge_clean(
    problem: Problem, images: Images, batch_size: int
) -> tuple[Bool[Array, "samples"], Bool[Array, "samples"]]:
    """Which clean images are misclassified, and which have pixels or logits that are not finite."""

    def judge(images, labels):
        logits = problem.logits_fn(as_images(problem, images, images))
        finite = jnp.all(jnp.isfinite(images), axis=tuple(range(1, images.ndim)))
        finite &= jnp.all(jnp.isfinite(logits), axis=-1)
        return fooled(logits, labels) & finite, ~finite

    wrong, undefined = in_batches(judge, batch_size, images, problem.labels)
    return wrong, undefined
