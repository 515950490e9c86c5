"""PUBLISHED: results that the papers' author has published as a figure, read off by us.

`experiments/studies/published_figure/README.md` says what the figure is and how it was read.
"""

import dataclasses
import importlib.resources

import pandas as pd


@dataclasses.dataclass(frozen=True)
class PublishedFigure:
    """A published figure of accuracy against mean selectivity.

    Attributes:
      label: what it shows and how we know, for a legend.
      file: name of its table in this folder, with one row an alpha.
    """

    label: str
    file: str

    def points(self) -> pd.DataFrame:
        """One point for each alpha, in order of alpha.

        Returns:
          Columns `alpha`; `selectivity`, the mean index, 0 to 1; `accuracy` on test images, a
          fraction; and the precision of both readings, `selectivity_error` and `accuracy_error`.
        """
        with importlib.resources.files(__package__).joinpath(self.file).open() as file:
            return pd.read_csv(file, dtype="float64").sort_values("alpha", ignore_index=True)


# By the name of the data set.
PUBLISHED: dict[str, PublishedFigure] = {
    "tiny_imagenet": PublishedFigure(
        "read off the author's figure:\nabout 20 ResNet-18 for each α",
        "resnet18_tiny_imagenet.csv",
    ),
}
