"""Runs a study of `experiments/studies/` by its name: a sweep with the flags in its flags.toml.

Flags of `sweep.py` that follow the name are added to the study's flags or replace them. By default
the run's folder is runs/NAME.
"""

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from selectax.commands import sweep
from selectax.commands.command_line.mistakes import unknown_choice
from selectax.commands.command_line.words import values_of
from selectax.study.configuration.checks import flags_without_effect

STUDIES = Path(__file__).parent / "studies"


def main(words: Sequence[str]) -> int:
    """Runs the study that the first word names, and returns the exit status."""
    names = sorted(path.parent.name for path in STUDIES.glob("*/flags.toml"))
    known = ", ".join(names)
    if not words:
        print(f"NAME: missing; known are {known}.", file=sys.stderr)
        return 2
    name, *more = words
    if name in ("--help", "-h"):
        print(f"usage: study.py NAME [flags of sweep.py]\n\n{__doc__}\nStudies: {known}.")
        return 0
    if name not in names:
        print(unknown_choice("", name, names), file=sys.stderr)
        return 2
    flags = tomllib.loads((STUDIES / name / "flags.toml").read_text())
    flags = {"output": f"runs/{name}", **flags}
    return sweep.main([*words_of(not_replaced(flags, more)), *more], "experiments/sweep.py")


def with_results() -> list[str]:
    """Names of the studies whose results are committed."""
    return sorted(path.parents[1].name for path in STUDIES.glob("*/run/results.parquet"))


def not_replaced(flags: Mapping[str, object], more: Sequence[str]) -> dict[str, object]:
    """The flags, by name without the dashes, that further words of a command line do not replace.

    Flags of measures that these words leave out are dropped, too.
    """
    given = {word.partition("=")[0].replace("_", "-") for word in more}
    if "--measures" in given:
        given |= flags_without_effect(values_of("--measures", more))
    return {flag: value for flag, value in flags.items() if f"--{flag}" not in given}


def words_of(flags: Mapping[str, object]) -> list[str]:
    """Words of the command line, for flags by name without the dashes."""
    words = []
    for flag, value in flags.items():
        words.append(f"--{flag}")
        words += map(str, value if isinstance(value, list) else [value])
    return words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
