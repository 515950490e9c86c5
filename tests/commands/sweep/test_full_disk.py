"""A disk that is full, at whatever file: one sentence, and once there is room the run goes on."""

import subprocess

import pandas as pd
import pytest

from selectax.study.run import results
from tests.commands.sweep.processes import PROGRAM, WITH_ALL_FIGURES, finished, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def of_a_large_disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    finished([start("--output", folder, "--mesh", "1x1", devices=1)])
    return results.load(folder / "results.csv")


@pytest.fixture
def disk(tmp_path):
    """Makes a file system of so many KiB, or skips where that is not allowed."""
    path = tmp_path / "disk"
    path.mkdir()

    def sized(kibibytes, *options):
        given = ",".join((*options, f"size={kibibytes}k"))
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", given, "tmpfs", str(path)],
            capture_output=True,
            check=False,
        )

    def resize(kibibytes):
        assert sized(kibibytes, "remount").returncode == 0

    if sized(4).returncode:
        pytest.skip("no file system can be mounted here")
    yield path, resize
    subprocess.run(["umount", str(path)], check=True)


# So many KiB are too few for the configuration, for a checkpoint, and for the figures.
SIZES = (4, 120, 560)


def test_a_full_disk_is_one_sentence_and_the_run_goes_on(disk, of_a_large_disk):
    path, resize = disk
    arguments = ("--output", path / "run", "--mesh", "1x1", "--resume")
    for kibibytes in SIZES:
        resize(kibibytes)
        program = WITH_ALL_FIGURES if kibibytes == SIZES[-1] else PROGRAM
        process = start(*arguments, devices=1, program=program)
        said, _ = process.communicate(timeout=200)
        assert process.returncode == 1, said
        assert "Traceback" not in said
        last = said.splitlines()[-1]
        assert last.startswith(str(path))
        assert "No space left on device" in last
        remedy = "free disk space or make the folder writable, and continue with --resume."
        assert last.endswith(remedy)
    resize(20_000)
    finished([start(*arguments, devices=1)])
    table = results.load(path / "run" / "results.csv")
    pd.testing.assert_frame_equal(table, of_a_large_disk)
