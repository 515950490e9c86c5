"""Pieces from which a network lists its layers' names here and in PyTorch, in order of depth."""

from collections.abc import Iterator, Sequence


def convolution_and_norm(ours: str, convolution: str, norm: str) -> Iterator[tuple[str, str]]:
    """Names of a convolution and its batch norm.

    Args:
      ours: name of the layer here, without `_convolution` or `_norm`.
      convolution: name of the convolution in PyTorch.
      norm: name of the batch norm in PyTorch.

    Yields:
      Pairs of our name and PyTorch's.
    """
    yield f"{ours}_convolution", convolution
    yield f"{ours}_norm", norm


def residual_layers(
    blocks: Sequence[int], layers: Sequence[str], projected: Sequence[bool]
) -> Iterator[tuple[str, str]]:
    """Names of the layers of a residual network, from its stem to its last block.

    Args:
      blocks: number of blocks in each stage.
      layers: our names of the layers in a block.
      projected: for each stage, whether the shortcut of its first block is a projection.

    Yields:
      Pairs of our name and torchvision's.
    """
    yield from convolution_and_norm("stage0_stem", "conv1", "bn1")
    for stage, (count, projection) in enumerate(zip(blocks, projected, strict=True), start=1):
        for block in range(1, count + 1):
            ours, theirs = f"stage{stage}_block{block}", f"layer{stage}.{block - 1}"
            for number, layer in enumerate(layers, start=1):
                names = f"{theirs}.conv{number}", f"{theirs}.bn{number}"
                yield from convolution_and_norm(f"{ours}_{layer}", *names)
            if projection and block == 1:
                downsample = f"{theirs}.downsample.0", f"{theirs}.downsample.1"
                yield from convolution_and_norm(f"{ours}_shortcut", *downsample)
