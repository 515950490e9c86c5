"""TRAINING_METHODS: the training methods of a sweep, by name.

Importing the table imports no method. Each module is imported when its method is first used, so
that the command line shows its help without delay.
"""

from collections.abc import Callable
from typing import Any

from selectax.study.runtime.lazy_functions import lazy_function
from selectax.study.training.methods.method import TrainingMethod


def _in_module(module: str, function: str) -> Callable[..., Any]:
    """Returns a function of a module of this folder, which is imported when it is called."""
    return lazy_function(f"selectax.study.training.methods.{module}", function)


STANDARD = TrainingMethod(
    name="standard",
    help="images as they are, after augmentation",
    strength="has no meaning; 0",
    largest=0,
)

TRAINING_METHODS: dict[str, TrainingMethod] = {
    method.name: method
    for method in (
        STANDARD,
        TrainingMethod(
            name="adversarial",
            help="images attacked by PGD with a random start (Madry et al. 2018)",
            strength="epsilon of the attack in 1/255 of the pixel range, in either norm",
            images=_in_module("adversarial", "attacked_images"),
            options=("adversarial_norm", "adversarial_steps", "adversarial_step_size"),
        ),
        TrainingMethod(
            name="augmix",
            help="RGB images, two augmented versions of each, and a consistency loss (Hendrycks et "
            "al. 2020)",
            strength="a factor of the severity and share of the augmentation, 1 as published",
            images=_in_module("augmix", "three_versions"),
            loss=_in_module("augmix", "consistency_loss"),
            views=3,
            needs_colour=True,
        ),
        TrainingMethod(
            name="corruption",
            help="images under a random one of several corruptions",
            strength="the severity, a whole number from 0 to 5",
            images=_in_module("corruption", "corrupted_images"),
            options=("training_corruptions",),
            largest=5,
            whole_numbers=True,
        ),
    )
}
