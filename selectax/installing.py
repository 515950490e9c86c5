"""How to install what only a part of the package needs."""

# By its folder: as long as the package is not published, its name may belong to anyone.
STUDY = 'in a clone of selectax, run pip install ".[study]"'
TENSORBOARD = 'in a clone of selectax, run pip install ".[tensorboard]"'


def sentence_on_missing(part: str, library: str | None) -> str:
    """What is missing, and how to install it.

    Args:
      part: what needs it, such as selectax.models.
      library: name of the module that is not installed.
    """
    return f"{part} needs {library}, which is not installed; {STUDY}."
