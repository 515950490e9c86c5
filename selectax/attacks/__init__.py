"""Adversarial attacks, and robust accuracy as a function of epsilon and of the number of steps.

`logits_fn` is any function from images to logits, or to a tuple that begins with logits. Its result
for one image must depend on that image only, so batch norm must be in inference mode. Images are
floats within `bounds`.

Attacks are untargeted and maximise the loss of the true class, unless `targets` are given. Results
lie inside the epsilon ball and the bounds, exactly. Attacks compute in at least float32, and round
their results towards the clean images. Epsilon, step size, number of steps and targets can be
traced, so one compilation serves all their values. Attacks can be mapped over samples, models and
epsilons.

`ATTACKS` is the table of attacks. `run_attack` runs any of them, or an `Attack` of your own.
"""

from typing import TYPE_CHECKING

from selectax.attacks.arguments import Problem, make_problem
from selectax.attacks.attack import Attack, run_attack
from selectax.attacks.auto_pgd import apgd
from selectax.attacks.curves.over_epsilons import (
    breaking_epsilons,
    robust_accuracy_curve,
    robust_within,
)
from selectax.attacks.curves.over_steps import robust_accuracy_over_steps
from selectax.attacks.gradient_masking import (
    Believability,
    attack_believability,
    masking_warnings,
)
from selectax.attacks.gradient_sign import fgsm
from selectax.attacks.iteration import Evaluation, Method, evaluate, inside, iterate
from selectax.attacks.momentum import mi_fgsm
from selectax.attacks.norms import NORMS, Norm
from selectax.attacks.projected_gradient import pgd
from selectax.attacks.registry import ATTACKS
from selectax.attacks.restarts import strongest_attack
from selectax.renamed import old_names

__all__ = [
    "ATTACKS",
    "NORMS",
    "Attack",
    "Believability",
    "Evaluation",
    "Method",
    "Norm",
    "Problem",
    "apgd",
    "attack_believability",
    "breaking_epsilons",
    "evaluate",
    "fgsm",
    "inside",
    "iterate",
    "make_problem",
    "masking_warnings",
    "mi_fgsm",
    "pgd",
    "robust_accuracy_curve",
    "robust_accuracy_over_steps",
    "robust_within",
    "run_attack",
    "strongest_attack",
]

if not TYPE_CHECKING:  # type checkers would otherwise accept any name
    __getattr__ = old_names(__name__)
