"""Corruptions of one image by the original's own libraries and loops, in float64.

What the original draws at random is an argument here.
"""

import io
import math

import cv2
import numpy as np
import scipy.ndimage
import skimage.color
import skimage.filters
from PIL import Image


def as_bytes(image):
    return np.floor(image * 255 + 1e-6).astype(np.uint8)


def _gaussian(image, sigma, **options):
    channel_axis = -1 if image.ndim == 3 else None
    return skimage.filters.gaussian(image, sigma, channel_axis=channel_axis, **options)


def defocus_blur(image, radius, alias_blur):
    reach = 8 if radius <= 8 else radius
    kernel_size = (3, 3) if radius <= 8 else (5, 5)
    x, y = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    disk = np.array(x**2 + y**2 <= radius**2, np.float64)
    disk = cv2.GaussianBlur(disk / disk.sum(), ksize=kernel_size, sigmaX=alias_blur)
    image = np.asarray(image, np.float64)
    return np.clip(cv2.filter2D(image, -1, disk), 0, 1)


def _clipped_zoom(image, factor):
    (height, width) = image.shape[:2]
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    top, left = (height - rows) // 2, (width - columns) // 2
    crop = image[top : top + rows, left : left + columns]
    zoomed = scipy.ndimage.zoom(crop, (factor, factor, 1), order=1, mode="nearest")
    top, left = (zoomed.shape[0] - height) // 2, (zoomed.shape[1] - width) // 2
    return zoomed[top : top + height, left : left + width]


def zoom_blur(image, factors):
    image = np.asarray(image, np.float64)
    total = image + sum(_clipped_zoom(image, factor) for factor in factors)
    return np.clip(total / (len(factors) + 1), 0, 1)


def saturate(image, factor, addend):
    hsv = skimage.color.rgb2hsv(np.asarray(image, np.float64))
    hsv[..., 1] = np.clip(hsv[..., 1] * factor + addend, 0, 1)
    return np.clip(skimage.color.hsv2rgb(hsv), 0, 1)


def jpeg_compression(image, quality):
    """Bytes to bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def motion_blur(image, radius, sigma, angle):
    image = np.asarray(image, np.float64)
    height, width = image.shape[:2]
    weights = [math.exp(-(step**2) / (2 * sigma**2)) for step in range(2 * radius + 1)]
    blurred = np.zeros_like(image)
    for step, weight in enumerate(weights):
        down = math.ceil(step * math.sin(angle) - 0.5)
        right = math.ceil(step * math.cos(angle) - 0.5)
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        columns = np.clip(np.arange(width) + right, 0, width - 1)
        blurred += weight / sum(weights) * image[rows][:, columns]
    return blurred


def glass_blur(image, sigma, shift, steps):
    """Steps: (down, right) of every pixel for each round."""
    image = as_bytes(_gaussian(np.asarray(image, np.float64), sigma))
    height, width = image.shape[:2]
    for down, right in steps:
        for row in range(height - shift, shift, -1):
            for column in range(width - shift, shift, -1):
                there = row + down[row, column], column + right[row, column]
                here = row, column
                image[here], image[there] = image[there], image[here]
    return np.clip(_gaussian(image / 255.0, sigma), 0, 1)


def snow(image, mean, deviation, factor, threshold, radius, sigma, share, noise, angle):
    image = np.asarray(image, np.float64)
    layer = _clipped_zoom(mean + deviation * noise[..., None], factor)
    layer[layer < threshold] = 0
    layer = as_bytes(np.clip(layer, 0, 1)) / 255
    layer = as_bytes(motion_blur(layer, radius, sigma, angle)) / 255
    grey = image @ [0.299, 0.587, 0.114]
    image = share * image + (1 - share) * np.maximum(image, grey[..., None] * 1.5 + 0.5)
    return np.clip(image + layer + np.rot90(layer, k=2), 0, 1)


def plasma_fractal(side, decay, noise):
    """Noise: for each step the values in [-1, 1] of squares, then of both kinds of diamonds."""
    plane = np.zeros((side, side))
    step, wibble = side, 100
    for squares, beside, below in noise:
        half = step // 2
        corners = plane[::step, ::step]
        around = corners + np.roll(corners, -1, axis=0)
        around = around + np.roll(around, -1, axis=1)
        plane[half::step, half::step] = around / 4 + wibble * wibble * squares
        centres, corners = plane[half::step, half::step], plane[::step, ::step]
        around = centres + np.roll(centres, 1, axis=0) + corners + np.roll(corners, -1, axis=1)
        plane[::step, half::step] = around / 4 + wibble * wibble * beside
        around = centres + np.roll(centres, 1, axis=1) + corners + np.roll(corners, -1, axis=0)
        plane[half::step, ::step] = around / 4 + wibble * wibble * below
        step //= 2
        wibble /= decay
    plane -= plane.min()
    return plane / plane.max()


def fog(image, amount, fractal):
    image = np.asarray(image, np.float64)
    height, width = image.shape[:2]
    most = image.max()
    image = image + amount * fractal[:height, :width, None]
    return np.clip(image * most / (most + amount), 0, 1)


def elastic_transform(image, amplitude, sigma, shift, corner_draws, field_draws):
    """Lengths in pixels; draws are in [-1, 1], (row, column) last."""
    image = np.asarray(image, np.float64)
    height, width, channels = image.shape
    centre, half = np.array([height // 2, width // 2]), min(height, width) // 3
    corners = centre + half * np.array([[1, 1], [-1, 1], [-1, -1]])
    moved = corners + shift * np.asarray(corner_draws, np.float64)
    # Rows of (row, column, 1) before the map for those after it.
    back = np.linalg.solve(np.c_[moved, np.ones(3)], corners.astype(float))
    rows, columns = np.indices((height, width))
    places = np.stack([rows, columns, np.ones_like(rows)], -1) @ back
    field = np.stack(
        [
            amplitude * _gaussian(np.asarray(one, np.float64), sigma, mode="reflect", truncate=3)
            for one in np.moveaxis(field_draws, -1, 0)
        ],
        -1,
    )

    def sample(image, places, mode):
        return np.stack(
            [
                scipy.ndimage.map_coordinates(
                    image[..., channel], np.moveaxis(places, -1, 0), order=1, mode=mode
                )
                for channel in range(channels)
            ],
            -1,
        )

    image = sample(image, places, "mirror")
    return np.clip(sample(image, np.stack([rows, columns], -1) + field, "reflect"), 0, 1)


def spatter(image, mean, deviation, sigma, threshold, last, kind, noise):
    image = np.asarray(image, np.float64)
    layer = _gaussian(mean + deviation * np.asarray(noise, np.float64), sigma)
    layer[layer < threshold] = 0
    if kind == 1:
        cover = _gaussian((layer > threshold).astype(np.float64), last)
        cover[cover < 0.8] = 0
        cover = cover[..., None]
        return np.clip(image * (1 - cover) + cover * np.array([63, 42, 20]) / 255, 0, 1)
    layer = as_bytes(layer)
    distance = cv2.distanceTransform(255 - cv2.Canny(layer, 50, 150), cv2.DIST_L2, 5)
    _, distance = cv2.threshold(distance, 20, 20, cv2.THRESH_TRUNC)
    distance = cv2.equalizeHist(cv2.blur(distance, (3, 3)).astype(np.uint8))
    kernel = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    distance = cv2.blur(cv2.filter2D(distance, cv2.CV_8U, kernel), (3, 3)).astype(np.float64)
    drops = layer * distance
    drops *= last / drops.max()
    return np.clip(image + drops[..., None] * np.array([175, 238, 238]) / 255, 0, 1)
