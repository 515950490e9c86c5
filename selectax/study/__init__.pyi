"""The names of the package: `__init__.py` loads each of them when it is first used."""

from .configuration.config import SweepConfig as SweepConfig
from .configuration.errors import ConfigurationError as ConfigurationError
from .configuration.evaluate_config import EvaluateConfig as EvaluateConfig
from .configuration.options import DataOptions as DataOptions
from .configuration.options import EvaluationOptions as EvaluationOptions
from .configuration.options import LogOptions as LogOptions
from .configuration.options import MethodOptions as MethodOptions
from .configuration.options import RegularizerOptions as RegularizerOptions
from .configuration.options import RunOptions as RunOptions
from .configuration.options import TrainingOptions as TrainingOptions
from .evaluation.evaluate import evaluate as evaluate
from .measures.measure import Measure as Measure
from .measures.registry import MEASURES as MEASURES
from .measures.subject import Subject as Subject
from .run.results import load_results as load_results
from .single_network import measure as measure
from .sweeps import Outcome as Outcome
from .sweeps import sweep as sweep
from .training.methods.method import TrainingMethod as TrainingMethod
from .training.methods.registry import TRAINING_METHODS as TRAINING_METHODS
