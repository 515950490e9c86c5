"""LAYER_CHOICES: named choices of regularized layers, for `--regularized-layers`.

To add a choice, add a function, an entry in the table and a test.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

from selectax.arguments.names import unknown
from selectax.study.configuration.errors import ConfigurationError

_FLAG = "--regularized-layers"
# The last layer of a residual block, in the names of `selectax.models`.
_BLOCK_OUTPUT = re.compile(r"stage(\d+)_block\d+_sum")


@dataclasses.dataclass(frozen=True)
class LayerChoice:
    """A choice of layers that has a name.

    Attributes:
      help: what is regularized, in a few words.
      groups: maps the names of a network's layers, in order of depth, to groups of names whose
        units are pooled; no groups if the network has none of these layers.
      needs: what a network without these layers lacks.
    """

    help: str
    groups: Callable[[Sequence[str]], tuple[tuple[str, ...], ...]]
    needs: str


def block_outputs_by_stage(layers: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The last layer of each residual block, one group per stage, without the last stage.

    References:
      Ranadive et al., 2023, "On the special role of class-selective neurons in early training" (the
      choice of their code).
    """
    stages: dict[str, list[str]] = {}
    for layer in layers:
        if match := _BLOCK_OUTPUT.fullmatch(layer):
            stages.setdefault(match[1], []).append(layer)
    return tuple(map(tuple, stages.values()))[:-1]


LAYER_CHOICES: Mapping[str, LayerChoice] = {
    "block-outputs-by-stage": LayerChoice(
        "the last ReLU of each residual block, pooled by stage, without the last stage, as in the "
        "code of Ranadive et al. 2023",
        block_outputs_by_stage,
        "two stages of residual blocks",
    ),
}


def regularized_layers(
    names: Sequence[str], layers: Sequence[str]
) -> tuple[str | tuple[str, ...], ...] | None:
    """The layers, or groups of layers, that a configuration regularizes.

    Args:
      names: values of `--regularized-layers`: layers, or the name of one choice.
      layers: names of the network's layers, in order of depth.

    Returns:
      Names or groups of names, as `selectax.mean_selectivity` takes them; None for all layers.

    Raises:
      ConfigurationError: the network lacks a layer, or the layers of a choice, or a choice is
        given beside other names.
    """
    for name in names:
        if name in LAYER_CHOICES and len(names) > 1:
            raise ConfigurationError(
                f"{_FLAG} {' '.join(names)}: {name} chooses all regularized layers; give it alone, "
                "or only names of layers."
            )
        if name not in (*layers, *LAYER_CHOICES):
            raise ConfigurationError(unknown(f"{_FLAG} {name}", name, (*layers, *LAYER_CHOICES)))
    if not names or names[0] not in LAYER_CHOICES:
        return tuple(names) or None
    choice = LAYER_CHOICES[names[0]]
    if not (groups := choice.groups(layers)):
        raise ConfigurationError(
            f"{_FLAG} {names[0]}: needs a network with {choice.needs}, and this one has the layers "
            f"{', '.join(layers)}; name some of these, or choose a residual network."
        )
    return groups
