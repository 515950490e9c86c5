"""Which corrupted images a sweep measures: the official ones, or our own of the test images."""

import dataclasses
from collections.abc import Sequence

from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.errors import ConfigurationError


def resolve_corruptions(
    config: SweepConfig,
    *,
    official_at_hand: bool,
    at_hand: Sequence[str] = (),
) -> SweepConfig:
    """The same configuration with its corruptions, and which images they are, spelled out.

    Args:
      config: a configuration that `check` lets pass.
      official_at_hand: whether the official corrupted form of the data set can be had.
      at_hand: the corruptions that it holds, which may be a part; empty if that is not known.

    Raises:
      ConfigurationError: the official set does not exist, or lacks a corruption.
    """
    from selectax.corruptions import CORRUPTIONS
    from selectax.datasets import CORRUPTED, DATASETS, DataSet, describe

    dataset, evaluation = config.data.dataset, config.evaluation
    which = evaluation.corrupted_images
    if which == "auto":
        which = "official" if official_at_hand else "own"
    known = tuple(CORRUPTIONS)
    if dataset in CORRUPTED:
        known = describe(CORRUPTED[dataset]).corruptions
    # Your own images have no entry.
    by_default = DATASETS.get(dataset, DataSet).default_corruptions
    names = by_default if evaluation.corruptions is None else evaluation.corruptions
    if which == "official":
        if dataset not in CORRUPTED:
            raise ConfigurationError(
                f"--corrupted-images official: {dataset} has no official corrupted set; take own."
            )
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    f"--corruptions {name}: {CORRUPTED[dataset]} has none; name some of "
                    f"{', '.join(known)}, or add --corrupted-images own."
                )
            if at_hand and name not in at_hand:
                raise ConfigurationError(
                    f"--corruptions {name}: the {CORRUPTED[dataset]} at hand is a part without it; "
                    f"name some of {', '.join(at_hand)}, or add --corrupted-images own."
                )
    return dataclasses.replace(
        config,
        evaluation=dataclasses.replace(evaluation, corruptions=names, corrupted_images=which),
    )


def fallback(asked: SweepConfig, resolved: SweepConfig) -> str | None:
    """A sentence that says which corrupted images are used, if auto did not find the official ones.

    Args:
      asked: the configuration as given.
      resolved: the same by `resolve_corruptions`.
    """
    from selectax.datasets import CORRUPTED

    dataset, evaluation = asked.data.dataset, asked.evaluation
    fell_back = (
        "corruptions" in evaluation.measures
        and evaluation.corrupted_images == "auto"
        and resolved.evaluation.corrupted_images == "own"
        and dataset in CORRUPTED
    )
    if not fell_back:
        return None
    return (
        f"Corrupted images: our own corruptions of the test images of {dataset}, since "
        f"{CORRUPTED[dataset]} is neither prepared nor in --archives; --corrupted-images official "
        "downloads it, and own takes ours without this line."
    )
