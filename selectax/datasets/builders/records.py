"""Writes labelled images to record files that TFDS can read.

TFDS's own writer takes about 80 µs per image and keeps a whole split in memory. It spends most of
that time on compression, which hardly reduces the size of images. This writer takes about 12 µs
per image and keeps one image in memory.
"""

import os
from collections.abc import Iterable

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from jaxtyping import UInt8
from tensorflow_datasets.proto import tf_example_pb2


def write_examples(
    path: str | os.PathLike[str],
    examples: Iterable[dict[str, bytes | UInt8[np.ndarray, "height width channels"] | int]],
) -> tuple[int, int]:
    """Writes examples that have an "image" (pixels, or the bytes of an image file) and a "label".

    Returns:
      The number of examples and their total size in bytes.
    """
    # With one record per group, records can be read efficiently in any order.
    writer = ArrayRecordWriter(os.fspath(path), "group_size:1,uncompressed")
    count = size = 0
    try:
        for example in examples:
            image = example["image"]
            record = tf_example_pb2.Example()
            feature = record.features.feature
            feature["image"].bytes_list.value.append(
                image if isinstance(image, bytes) else np.asarray(image).tobytes()
            )
            feature["label"].int64_list.value.append(int(example["label"]))
            serialized = record.SerializeToString()
            writer.write(serialized)
            count, size = count + 1, size + len(serialized)
    finally:
        writer.close()
    return count, size
