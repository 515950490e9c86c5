"""The networks' PyTorch counterpart: a ResNet in the form for CIFAR, shortcuts A."""

import jax
import torch
from torch import nn
from torch.nn import functional


def device() -> str:
    """PyTorch's name of the kind of device that JAX computes on."""
    return "cuda" if jax.default_backend() == "gpu" else "cpu"


def finished() -> None:
    """Waits for what was begun on the device."""
    if device() == "cuda":
        torch.cuda.synchronize()


class Block(nn.Module):
    """Two convolutions and a shortcut without weights."""

    def __init__(self, channels: int, features: int, stride: int):
        super().__init__()
        self.stride, self.new = stride, features - channels
        self.inner = nn.Conv2d(channels, features, 3, stride, 1, bias=False)
        self.inner_norm = nn.BatchNorm2d(features)
        self.sum = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        self.sum_norm = nn.BatchNorm2d(features)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Feature maps to feature maps."""
        residual = functional.relu(self.inner_norm(self.inner(maps)))
        residual = self.sum_norm(self.sum(residual))
        if self.new:
            maps = functional.pad(
                maps[:, :, :: self.stride, :: self.stride],
                (0, 0, 0, 0, self.new // 2, self.new - self.new // 2),
            )
        return functional.relu(maps + residual)


class CifarResNet(nn.Module):
    """Images (samples, 3, height, width) in [0, 1] to logits."""

    def __init__(self, depth: int, num_classes: int):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        channels, blocks = 16, []
        for features in (16, 32, 64):
            for block in range((depth - 2) // 6):
                stride = 2 if block == 0 and features > 16 else 1
                blocks.append(Block(channels, features, stride))
                channels = features
        self.blocks = nn.Sequential(*blocks)
        self.logits = nn.Linear(64, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images to logits."""
        maps = functional.relu(self.stem_norm(self.stem((images - self.mean) / self.deviation)))
        return self.logits(self.blocks(maps).mean((2, 3)))
