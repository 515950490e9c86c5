"""XLA's flags, for this process and for those that tests start."""

import os

_DEVICE_COUNT = "--xla_force_host_platform_device_count"
# Compiling takes half the time: fusions by XLA's older emitters, in one part and not in 32. At
# level 1 it takes a third less again, and tests to the last bit hold, as they do not at level 0.
QUICK = {
    "--xla_cpu_use_fusion_emitters": "false",
    "--xla_cpu_parallel_codegen_split_count": "1",
    "--xla_backend_optimization_level": "1",
}
# Options of jit: for a program that works longer than it compiles.
OPTIMIZED = {
    "xla_backend_optimization_level": 3,
    "xla_llvm_disable_expensive_passes": False,
    "xla_cpu_use_fusion_emitters": True,
}


def flags(devices: int | None = None) -> str:
    """The environment's flags with another number of CPU devices, or without one."""
    kept = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if _DEVICE_COUNT not in flag]
    return " ".join(kept if devices is None else [*kept, f"{_DEVICE_COUNT}={devices}"])


def quick_flags() -> str:
    """The environment's flags, with QUICK's and four CPU devices where it says nothing of them."""
    given = os.environ.get("XLA_FLAGS", "")
    wanted = QUICK | {_DEVICE_COUNT: "4"}
    added = [f"{name}={value}" for name, value in wanted.items() if name not in given]
    return " ".join([given, *added]).strip()
