"""Adversarial attacks: FGSM, PGD and kin, and robust accuracy over epsilons and steps.

`logits_fn` is any function from images to logits, or to a tuple that begins with them, whose result
for one image depends on that image alone (batch norm in inference). Images are floats within
`bounds`. An attack is untargeted, and maximises the loss of the true class, unless it is given
`targets`; its result lies inside both the epsilon ball and the bounds, exactly. Epsilon, step size,
steps and targets may be traced: one compilation serves all their values. Attacks compute in at
least float32 and round their results towards the clean images. Attacks can be mapped over samples,
models and epsilons.
"""

from selectax.attacks.auto_pgd import apgd
from selectax.attacks.curves.over_epsilons import (
    breaking_epsilons,
    robust_accuracy_curve,
    robust_within,
)
from selectax.attacks.curves.over_steps import robust_accuracy_over_steps
from selectax.attacks.gradient_masking import Believability, believability, masking_warnings
from selectax.attacks.gradient_sign import fgsm
from selectax.attacks.momentum import mi_fgsm
from selectax.attacks.norms import NORMS, Norm
from selectax.attacks.projected_gradient import pgd
from selectax.attacks.restarts import strongest

__all__ = [
    "NORMS",
    "Believability",
    "Norm",
    "apgd",
    "believability",
    "breaking_epsilons",
    "fgsm",
    "masking_warnings",
    "mi_fgsm",
    "pgd",
    "robust_accuracy_curve",
    "robust_accuracy_over_steps",
    "robust_within",
    "strongest",
]
