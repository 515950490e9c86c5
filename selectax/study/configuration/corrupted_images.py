"""Chooses the corrupted images of a sweep: official ones, or our corruptions of the test images."""

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
    """Replaces defaults in a configuration by the names of the corruptions and the kind of images.

    Args:
      config: configuration that has passed `check`.
      official_at_hand: whether the official corrupted data set is available.
      at_hand: the corruptions in the available data set, possibly only some; empty if not known.

    Raises:
      ConfigurationError: if there is no official data set, or it lacks a corruption.
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
    # User-defined images are not in the table.
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
    """Returns a message if `auto` did not find official corrupted images and uses ours; else None.

    Args:
      asked: configuration as given.
      resolved: result of `resolve_corruptions` for it.
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
    if asked.data.archives is None:
        where, remedy = "", "use --corrupted-images official to download it"
    else:
        where, remedy = f" {asked.data.archives}", "put its archive there"
    return (
        f"Corrupted images: our own corruptions of the test images of {dataset}, because "
        f"{CORRUPTED[dataset]} is neither prepared nor in --archives{where}; {remedy}, or use "
        "--corrupted-images own to use ours without this message."
    )
