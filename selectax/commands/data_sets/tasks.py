"""The tasks of `selectax data`."""

import dataclasses
import pathlib
import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from selectax.commands.data_sets.config import Show, Where
from selectax.commands.data_sets.contact_sheet import contact_sheet
from selectax.datasets import ALL_DATASETS, SEVERITIES, DataError, describe, load
from selectax.datasets.archives.archive import is_official, locate
from selectax.datasets.builders.corrupted import CorruptedBuilder
from selectax.datasets.checking import check
from selectax.datasets.loading import builder_class_of, find_builder
from selectax.datasets.preparation import prepare
from selectax.study.runtime.whole_files import whole_file


def prepare_all(names: Sequence[str], where: Where) -> None:
    """Prepares data sets from their archives."""
    for name in _chosen(names):
        builder = _builder_of(name, where)
        folder = pathlib.Path(builder.data_dir_root) / builder.name
        if builder.is_prepared:
            print(f"{name}: prepared before, in {folder}")
            continue
        begin = time.perf_counter()
        prepare(builder)
        seconds = time.perf_counter() - begin
        images, part = _images_and_part(builder)
        print(
            f"{name}: {images:,} images in {seconds:.1f} s, "
            f"{images / seconds:,.0f} images/s, in {folder}{part}"
        )


def _images_and_part(builder):
    """Number of prepared images, and the corruptions if the archive lacks some."""
    configs, part = [builder], ""
    if isinstance(builder, CorruptedBuilder):
        there = builder.prepared_corruptions
        configs = [
            type(builder)(config=config, data_dir=builder.data_dir_root)
            for config in builder.BUILDER_CONFIGS
            if config.corruption in there
        ]
        if len(there) < len(describe(builder.name).corruptions):
            part = f"; a part, which holds {', '.join(there)}"
    images = sum(split.num_examples for config in configs for split in config.info.splits.values())
    return images, part


def check_all(names: Sequence[str], where: Where) -> None:
    """Reads every image of prepared data sets, and prints counts."""
    for name in _chosen(names):
        builder = _builder_of(name, where)
        table = Table(title=f"{name}: every image read")
        table.add_column("part", no_wrap=True)
        for column in ("images", "classes", "smallest class", "largest class", "mean pixel"):
            table.add_column(column, justify="right")
        for part in check(builder):
            *counts, mean = part[1:]
            table.add_row(part.part, *(f"{count:,}" for count in counts), f"{mean:.1f}")
        Console().print(table)


def list_all(where: Where) -> None:
    """Prints a table of all data sets."""
    table = Table()
    for column in ("data set", "classes", "pixels", "splits", "prepared in", "archive"):
        table.add_column(column, overflow="fold")
    for name in ALL_DATASETS:
        description = describe(name)
        height, width, _ = description.image_shape
        folder, archive, count = "embedded", "", str(len(description.corruptions))
        if not description.is_embedded:
            builder, archive = _builder_and_archive(name, where)
            folder = pathlib.Path(builder.data_dir_root) / builder.name
            folder = str(folder) if builder.is_prepared else "not yet"
            if isinstance(builder, CorruptedBuilder) and builder.is_prepared:
                there = len(builder.prepared_corruptions)
                count = count if there == len(description.corruptions) else f"{there} of {count}"
        splits = ", ".join(description.splits)
        if description.corruptions:
            splits += f" × {count} corruptions × {len(SEVERITIES)} severities"
        pixels = f"{height} × {width}"
        table.add_row(name, str(description.num_classes), pixels, splits, folder, archive)
    Console().print(table)


def show(command: Show) -> None:
    """Draws a contact sheet."""
    description = describe(command.name)
    where = dataclasses.asdict(command.where)
    if description.corruptions:
        of_each, names = [], []
        builder = _builder_of(command.name, command.where)
        prepare(builder)
        for corruption in builder.prepared_corruptions:
            for severity in SEVERITIES:
                images, labels = load(
                    command.name, command.split, corruption=corruption, severity=severity, **where
                )
                of_each.append(images[0])
                names.append(f"{corruption} {severity}")
        pictures = np.stack(of_each)
        columns = 2 * len(SEVERITIES)
    else:
        pictures, labels = load(command.name, command.split, **where)
        pictures = pictures[: command.images]
        names = [description.class_names[label] for label in labels[: command.images]]
        columns = min(8, len(pictures))
    with whole_file(command.sheet, "wb") as file:
        contact_sheet(pictures, names, columns=columns).save(file, format="PNG")
    of_one = f" of one {description.class_names[labels[0]]}" if description.corruptions else ""
    print(f"Contact sheet{of_one}: {command.sheet}")


def _builder_and_archive(name, where):
    """The builder, and where its archive is: in the folder that is given, or at its source."""
    known = builder_class_of(name).archives()
    if where.archives is None:
        return _builder_of(name, where), known[0].url
    if not where.archives.exists():
        raise DataError(f"--archives {where.archives}: no such folder; name another.")
    path = locate(known, where.archives)
    if path is None:
        archive = f"none in {where.archives}"
    elif where.allow_unverified_archives or is_official(path, known):
        return _builder_of(name, where), str(path)
    else:
        archive = f"{path}, unverified"
    elsewhere = dataclasses.replace(where, archives=None, allow_unverified_archives=False)
    return _builder_of(name, elsewhere), archive


def _builder_of(name, where):
    """The builder; any configuration will do, because all are prepared at once."""
    options = dataclasses.asdict(where)
    if corruptions := describe(name).corruptions:
        options |= {"corruption": corruptions[0], "severity": SEVERITIES[0]}
    return find_builder(name, **options)


def _chosen(names):
    if not names:
        known = (name for name in ALL_DATASETS if not describe(name).is_embedded)
        raise DataError(f"NAME: give at least one data set of {', '.join(known)}.")
    for name in names:
        builder_class_of(name)  # refuses an embedded one
    return names
