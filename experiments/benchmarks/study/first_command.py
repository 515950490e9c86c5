"""The first command, `python experiments/sweep.py`, beside that of an earlier commit.

Each in a fresh process, without compiled programs of an earlier run, and with the defaults of its
own commit: 417bfc0 trains 9 networks, today's default job 24, whose input gradients it measures,
too. Needs the project's history.

  python experiments/benchmarks/study/first_command.py [--alpha 0 --seeds 1 --epochs 1]
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from experiments.benchmarks.shared.contest import Aims, Contest
from experiments.benchmarks.study.default_job import uncached

ROOT = Path(__file__).resolve().parents[3]
EARLIER = "417bfc0"
# At most 0.6 of the time.
AIM = 1 / 0.6


def seconds(tree: Path, folder: Path, words: Sequence[str]) -> float:
    """Of the command in a checkout."""
    command = [sys.executable, tree / "experiments" / "sweep.py", "--output", folder, *words]
    start = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        cwd=tree,
        env=uncached() | {"PYTHONPATH": str(tree)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def contest(words: Sequence[str] = ()) -> Contest:
    """Each once; `words` are further flags of both."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, earlier = Path(temporary), Path(temporary, "earlier")
        earlier.mkdir()
        archive = ["git", "-C", ROOT, "archive", EARLIER]
        tar = subprocess.run(archive, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", earlier], input=tar, check=True)
        ours = seconds(ROOT, folder / "ours", words)
        theirs = seconds(earlier, folder / "theirs", words)
    return Contest(
        "The first command, 24 networks beside 9",
        {"selectax": [ours], EARLIER: [theirs]},
        work=1,
        unit="commands",
        peer=EARLIER,
        aims=Aims(AIM, AIM, gpu=AIM),
    )


if __name__ == "__main__":
    contest(sys.argv[1:]).show()
