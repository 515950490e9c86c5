"""Names of layers and the choices that have a name, for the networks that have such layers."""

import jax
import jax.numpy as jnp
import pytest

from selectax import models
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.regularized_layers import LAYER_CHOICES, regularized_layers

CHOICE = "block-outputs-by-stage"
LAYERS = ("stem", "stage1_block1_inner", "stage1_block1_outer")


def layers_of(name):
    module = models.create(name, 10)
    images = jnp.zeros((1, 32, 32, 3))
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    return list(jax.eval_shape(module.apply, variables, images)[1])


def refused(names, layers):
    with pytest.raises(ConfigurationError) as raised:
        regularized_layers(names, layers)
    text = str(raised.value)
    assert text.endswith(".")
    assert ". " not in text.replace("? ", "")
    return text


def test_names_of_layers_are_taken_as_they_are():
    assert regularized_layers((), LAYERS) is None
    given = ("stage1_block1_outer", "stem")
    assert regularized_layers(given, LAYERS) == given


@pytest.mark.parametrize(
    ("name", "stages"),
    [("resnet8", (1, 1)), ("resnet20", (3, 3)), ("resnet18", (2, 2, 2)), ("resnet50", (3, 4, 6))],
)
def test_block_outputs_are_grouped_by_stage_without_the_last(name, stages):
    """The numbers of blocks are those of He et al. 2016."""
    expected = tuple(
        tuple(f"stage{stage}_block{block}_sum" for block in range(1, blocks + 1))
        for stage, blocks in enumerate(stages, start=1)
    )
    assert regularized_layers((CHOICE,), layers_of(name)) == expected


def test_unknown_names_are_refused_with_the_nearest():
    text = refused(("stem", "stage1_block1_iner"), LAYERS)
    assert text.startswith("--regularized-layers stage1_block1_iner: ")
    assert "did you mean stage1_block1_inner?" in text
    known = ", ".join((*LAYERS, *LAYER_CHOICES))
    assert f"Known are {known}." in text
    assert f"did you mean {CHOICE}?" in refused(("block-outputs",), LAYERS)


def test_a_choice_is_given_alone():
    text = refused((CHOICE, "stem"), LAYERS)
    assert text.startswith(f"--regularized-layers {CHOICE} stem: ")
    assert "give it alone" in text


@pytest.mark.parametrize("layers", [LAYERS, ("stage1_block1_sum",), None])
def test_networks_without_several_stages_of_blocks_are_refused(layers):
    text = refused((CHOICE,), layers or layers_of("vgg16"))
    assert text.startswith(f"--regularized-layers {CHOICE}: needs a network with two stages")
    assert "choose a residual network" in text
