"""The pretrained ResNet-32 of the real data, in JAX and in PyTorch, and true test images."""

import pathlib
import tarfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from selectax import models

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def true_test_images(real_data: pathlib.Path, count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """The first test images, float32 in [0, 1] of shape (count, 32, 32, 3), and labels, int32."""
    with tarfile.open(real_data / "cifar-10-binary.tar.gz") as archive:
        content = archive.extractfile("cifar-10-batches-bin/test_batch.bin").read()
    records = np.frombuffer(content, np.uint8).reshape(-1, 3073)[:count]
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32) / 255
    return images, records[:, 0].astype(np.int32)


def weights(real_data: pathlib.Path) -> dict[str, torch.Tensor]:
    """The state dict, its names without the "module." of a parallel wrapper."""
    content = torch.load(real_data / "resnet32-cifar10.th", map_location="cpu", weights_only=True)
    return {name.removeprefix("module."): value for name, value in content["state_dict"].items()}


def jax_logits(real_data: pathlib.Path):
    """Images (samples, 32, 32, 3) to logits."""
    variables = models.from_torch(real_data / "resnet32-cifar10.th", "resnet32", 10)
    module = models.create("resnet32", 10)
    return lambda images: module.apply(variables, images)[0]


class _Block(nn.Module):
    def __init__(self, channels, features, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, features, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)
        self.stride, self.new = stride, features - channels

    def forward(self, maps):
        inner = functional.relu(self.bn1(self.conv1(maps)))
        shortcut = maps[:, :, :: self.stride, :: self.stride]
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        return functional.relu(self.bn2(self.conv2(inner)) + shortcut)


class TorchResNet32(nn.Module):
    """Images (samples, 3, 32, 32) in [0, 1] to logits."""

    def __init__(self, state):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        channels = [16, 16, 32, 64]
        for stage in (1, 2, 3):
            blocks = [
                _Block(
                    channels[stage - (block == 0)],
                    channels[stage],
                    2 if stage > 1 and block == 0 else 1,
                )
                for block in range(5)
            ]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)
        self.load_state_dict(state)
        self.eval()
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def forward(self, images):
        """Logits."""
        mean, deviation = (
            images.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _DEVIATION)
        )
        maps = (images - mean) / deviation
        maps = functional.relu(self.bn1(self.conv1(maps)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        return self.linear(maps.mean((2, 3)))
