"""Corruptions of one image in float64, a pixel at a time, by the original code's own procedure."""

import colorsys
import math

import numpy as np


def gaussian_blur(image, sigma):
    """Kernel cut at 4 sigma; beyond the border the border pixel repeats."""
    reach = int(4 * sigma + 0.5)
    weights = [math.exp(-(shift**2) / (2 * sigma**2)) for shift in range(-reach, reach + 1)]
    weights = [weight / sum(weights) for weight in weights]
    image = np.asarray(image, np.float64)
    for axis in (0, 1):
        last = image.shape[axis] - 1
        blurred = np.zeros_like(image)
        for place in range(last + 1):
            for shift, weight in zip(range(-reach, reach + 1), weights, strict=True):
                source = min(max(place + shift, 0), last)
                if axis == 0:
                    blurred[place] += weight * image[source]
                else:
                    blurred[:, place] += weight * image[:, source]
        image = blurred
    return np.clip(image, 0, 1)


def contrast(image, factor):
    """Away from each channel's own mean."""
    image = np.asarray(image, np.float64)
    corrupted = np.zeros_like(image)
    for channel in range(image.shape[2]):
        mean = image[:, :, channel].mean()
        corrupted[:, :, channel] = (image[:, :, channel] - mean) * factor + mean
    return np.clip(corrupted, 0, 1)


def brightness(image, amount):
    """HSV there and back by the standard library."""
    image = np.asarray(image, np.float64)
    corrupted = np.zeros_like(image)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            hue, saturation, value = colorsys.rgb_to_hsv(*image[row, column])
            value = min(max(value + amount, 0), 1)
            corrupted[row, column] = colorsys.hsv_to_rgb(hue, saturation, value)
    return corrupted


def _box(line, new_size):
    """Mean of the pixels whose centres lie in each new pixel, or, enlarging, of the nearest one."""
    scale = len(line) / new_size
    reach = max(scale, 1) / 2
    resized = []
    for place in range(new_size):
        centre = (place + 0.5) * scale
        covered = [
            line[source] for source in range(len(line)) if -reach < source + 0.5 - centre <= reach
        ]
        resized.append(math.floor(sum(covered) / len(covered) + 0.5))
    return resized


def pixelate(image, share):
    """Bytes throughout; columns before rows, as Pillow does."""
    image = np.floor(np.asarray(image, np.float64) * 255 + 0.5)
    height, width, channels = image.shape
    for rows, columns in (
        (max(int(height * share), 1), max(int(width * share), 1)),
        (height, width),
    ):
        narrowed = np.zeros((image.shape[0], columns, channels))
        for row in range(image.shape[0]):
            for channel in range(channels):
                narrowed[row, :, channel] = _box(list(image[row, :, channel]), columns)
        image = np.zeros((rows, columns, channels))
        for column in range(columns):
            for channel in range(channels):
                image[:, column, channel] = _box(list(narrowed[:, column, channel]), rows)
    return image / 255
