"""Where metrics go besides the run's own file: TensorBoard, Weights & Biases, trackio. Each is its own package."""

import importlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from agentflow.errors import ConfigError
from agentflow.train.config import TrainSection
from agentflow.train.trainer import Sink

_PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb", "trackio": "trackio"}


class TensorBoard:
    """Event files in the run's folder: `tensorboard --logdir FOLDER`."""

    def __init__(self, package: ModuleType, folder: Path) -> None:
        self._writer = package.SummaryWriter(str(folder / "tensorboard"))

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Tracker:
    """W&B, and trackio, which has the same calls. A run that goes on is the same run there."""

    def __init__(self, package: ModuleType, folder: Path) -> None:
        self._package = package
        more = {"id": _identity(folder)} if package.__name__ == "wandb" else {}  # trackio goes by the name
        package.init(project="agentflow", name=folder.name, resume="allow", **more)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self._package.log(dict(metrics), step=step)

    def close(self) -> None:
        self._package.finish()


def _identity(folder: Path) -> str:
    """What W&B knows this run by: drawn once, and kept in the folder."""
    path = folder / "wandb-id"
    if not path.exists():
        path.write_text(f"{folder.name}-{secrets.token_hex(4)}", encoding="utf-8")
    return path.read_text(encoding="utf-8")


def open_sinks(settings: TrainSection, folder: Path) -> list[Sink]:
    """The sinks of a config. Raises `ConfigError` for one whose package is not installed."""
    sinks: list[Sink] = []
    for name in settings.sinks:
        package = _import(name)
        sinks.append(TensorBoard(package, folder) if name == "tensorboard" else Tracker(package, folder))
    return sinks


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(_PACKAGES[name])
    except ImportError:
        raise ConfigError(f"train.sinks has {name!r}, which needs a package: pip install {_PACKAGES[name]}") from None
