"""Adversarial training: each batch is replaced by its images under a PGD attack.

The attack runs inside the compiled training step. It starts at a random point of the ball and sees
the network in evaluation mode: batch norm uses the running statistics, so that each image's attack
is independent of the other images, of the number of devices and of micro-batches. The gradient of
the loss is then taken in training mode, with the batch statistics of the attacked images, from
which the running statistics are updated. Both are our choice; we could not read the papers' methods
sections.

References:
  Madry et al., 2018, "Towards deep learning models resistant to adversarial attacks", eq. 2.1 and
  section 2.1.
"""

import jax
import jax.numpy as jnp

from selectax.attacks.arguments import make_problem
from selectax.attacks.iteration import as_images, inside, iterate
from selectax.attacks.projected_gradient import pgd_method
from selectax.study.training.methods.batch import Batch, Images


def attacked_images(batch: Batch) -> Images:
    """Returns the images after a PGD attack with a random start.

    Args:
      batch: images to attack. The strength is epsilon in 1/255 of the pixel range, for linf as for
        l2. Its options are the name of the norm, the number of steps, and the length of a step in
        units of epsilon / steps; the length is traced.

    Returns:
      Images in [0, 1] within epsilon of the batch's images; at strength 0 exactly those.
    """
    norm, steps = batch.options["adversarial_norm"], batch.options["adversarial_steps"]
    problem, origin = make_problem(batch.logits_fn, batch.images, batch.labels, norm=norm)
    epsilon = (batch.strength / 255).astype(origin.dtype)
    step_size = (batch.options["adversarial_step_size"] * epsilon / steps).astype(origin.dtype)

    def random_start(key, image):
        return problem.norm.random_start(key, image[None], epsilon)[0]

    start = inside(problem, jax.vmap(random_start)(batch.keys, origin), origin, epsilon)
    method = pgd_method(problem, steps=steps, step_size=step_size)
    points = iterate(problem, method, start, origin, epsilon, steps=steps)
    attacked = as_images(problem, points, origin)
    return jnp.where(batch.strength > 0, attacked, batch.images)
