"""Four CPU devices for the whole session, hypothesis without deadlines, and the real data.

Compiled programs are kept for the workers, the processes that tests start, and the next session.
"""

import gc
import os
import pathlib
from importlib import metadata

from tests import xla

os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(pathlib.Path(__file__).parents[1] / ".pytest_cache" / "jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
if metadata.version("jax") in ("0.10.0", "0.10.1"):
    # On some processors these print errors for each program that they reuse (jax-ml/jax#38445).
    os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")
# Threads of BLAS and of PyTorch spin while they wait for each other, and as many processes as there
# are processors, or more, already run.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Accelerators round the factors of products by default, which references do not.
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")

import hypothesis
import jax
import pytest

# XLA reads its flags when a backend starts, which no import of ours does.
os.environ["XLA_FLAGS"] = xla.quick_flags()
# JAX makes many small objects that live on, so that most collections find nothing.
gc.set_threshold(50_000, 20, 100)

# A first example of each shape compiles, which no deadline allows for, so that few are drawn where
# time is short.
hypothesis.settings.register_profile(
    "selectax",
    deadline=None,
    derandomize=True,
    # CI's run with 64 bits draws the more.
    max_examples=8 if jax.config.jax_enable_x64 else 5,
    print_blob=True,
)
hypothesis.settings.load_profile("selectax")


@pytest.fixture(scope="module", autouse=True)
def few_optimizations(request):
    """Compiling takes a quarter less time with few of XLA's optimizations, here and in processes.

    Tests that compare to the last bit, or that train for long, are marked as optimized.
    """
    few = request.node.get_closest_marker("optimized") is None
    if os.environ.get("JAX_DISABLE_MOST_OPTIMIZATIONS") != str(few):
        jax.clear_caches()
        jax.config.update("jax_disable_most_optimizations", few)
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(few)


@pytest.fixture(scope="module", autouse=True)
def few_memory_maps():
    """Frees memory, long before Linux's limit of 65,530 memory maps aborts the process."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_text().count("\n") > 30_000:
        jax.clear_caches()


@pytest.fixture(scope="session")
def four_devices() -> list[jax.Device]:
    """Four CPU devices, or a skip where the environment allows fewer."""
    try:
        devices = jax.devices("cpu")
    except RuntimeError as error:
        pytest.skip(f"JAX_PLATFORMS leaves no CPU backend: {error}")
    if len(devices) < 4:
        pytest.skip(f"needs 4 CPU devices and XLA_FLAGS allows {len(devices)}")
    return devices[:4]


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real archives, or a skip where none is named."""
    if not os.environ.get("SELECTAX_REAL_DATA"):
        pytest.skip("SELECTAX_REAL_DATA does not name a folder with the real archives")
    return pathlib.Path(os.environ["SELECTAX_REAL_DATA"])
