"""Checks the options of training methods before any work. Each error is one sentence."""

from collections.abc import Mapping, Sequence

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import MethodOptions
from selectax.study.configuration.values import (
    check_count,
    check_each_once,
    check_finite,
    check_name,
    flag_of,
    spaced,
)
from selectax.study.training.methods.method import TrainingMethod
from selectax.study.training.methods.registry import STANDARD, TRAINING_METHODS


def check_method(
    options: MethodOptions, methods: Mapping[str, TrainingMethod] = TRAINING_METHODS
) -> None:
    """Checks the training method, its strengths and its options.

    Args:
      options: options whose kinds `check_kinds` has checked.
      methods: the available methods, from which `--training-method` selects.

    Raises:
      ConfigurationError: if a value is invalid or has no effect. The message names the flag, the
        value and the remedy.
    """
    check_name("--training-method", options.training_method, tuple(methods))
    method = methods[options.training_method]
    for strength in options.training_strength:
        check_finite("--training-strength", strength, 0)
    check_each_once("--training-strength", options.training_strength)
    _check_strengths(options, method)
    check_count("--adversarial-steps", options.adversarial_steps)
    check_finite("--adversarial-step-size", options.adversarial_step_size, 0)
    if options.adversarial_step_size == 0:
        raise ConfigurationError("--adversarial-step-size 0: give a number above 0.")
    _check_used(options, method, methods)
    if "training_corruptions" in method.options:
        # Imported here because it loads JAX.
        from selectax.corruptions import CORRUPTIONS

        for name in options.training_corruptions:
            check_name("--training-corruptions", name, tuple(CORRUPTIONS))
        check_each_once("--training-corruptions", options.training_corruptions)


def check_channels(method: TrainingMethod, dataset: str, image_shape: Sequence[int]) -> None:
    """Checks that images have the colours that a training method needs.

    Args:
      method: training method.
      dataset: name of the data set, for the error message.
      image_shape: height, width and channels of an image.

    Raises:
      ConfigurationError: the method needs three channels and images have another number.
    """
    channels = image_shape[-1]
    if method.needs_colour and channels != 3:
        raise ConfigurationError(
            f"--training-method {method.name}: needs images with 3 channels, but those of "
            f"{dataset} have {channels}; choose another method or data set."
        )


def _check_strengths(options: MethodOptions, method: TrainingMethod) -> None:
    strengths = options.training_strength
    text = f"--training-strength {spaced(strengths)}"
    if method is STANDARD:
        if any(strengths):
            raise ConfigurationError(
                f"{text}: has no effect with --training-method standard; choose another method, or "
                "omit --training-strength."
            )
        return
    if not any(strengths):
        raise ConfigurationError(
            f"{text}: with --training-method {method.name}, give a strength above 0, or omit "
            "--training-method."
        )
    for strength in strengths:
        if strength > method.largest or (method.whole_numbers and strength % 1):
            kind = "whole numbers" if method.whole_numbers else "numbers"
            raise ConfigurationError(
                f"--training-strength {strength:g}: for --training-method {method.name}, give "
                f"{kind} from 0 to {method.largest:g}."
            )


def _check_used(
    options: MethodOptions, method: TrainingMethod, methods: Mapping[str, TrainingMethod]
) -> None:
    default = MethodOptions()
    for other in methods.values():
        for field in other.options:
            value = getattr(options, field)
            if field not in method.options and value != getattr(default, field):
                text = spaced(value) if isinstance(value, tuple) else value
                raise ConfigurationError(
                    f"{flag_of(field)} {text}: has no effect without --training-method "
                    f"{other.name}; add it, or omit {flag_of(field)}."
                )
