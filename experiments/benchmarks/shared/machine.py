"""What the figures of a benchmark depend on: processor, vector width and versions."""

import importlib.metadata
import os
import platform
from pathlib import Path

import jax


def machine() -> str:
    """One line."""
    packages = ("jax", "jaxlib", "flax", "torch", "torchattacks")
    versions = " ".join(f"{name} {_version(name)}" for name in packages)
    share = f"{cores()} of {os.cpu_count()} cores"
    device = jax.devices()[0]
    accelerator = "" if device.platform == "cpu" else f"{device.device_kind}, "
    return f"{accelerator}{_processor()}, {vector_level()}, {share}; {versions}"


def cores() -> int:
    """Those that this process may use, of which XLA and PyTorch take all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def vector_level() -> str:
    """The widest vectors of the processor."""
    flags = _cpuinfo("flags").split()
    for flag, level in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX")):
        if flag in flags:
            return level
    return "no AVX"


def _processor():
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(field):
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    values = (line.partition(":")[2].strip() for line in lines if line.startswith(field))
    return next(values, "")


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
