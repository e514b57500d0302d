"""Corpora by name, by path and by folder: built once, whole or not at all, and anew when their source changes."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.assets.asset import Asset, State
from agentflow.assets.hashing import write_hashed
from agentflow.assets.progress import NoProgress, Progress
from agentflow.errors import ConfigError, DownloadError, UnknownName
from agentflow.tools.corpora import CORPORA, NamedCorpus, build_corpus, list_corpora, open_corpus
from agentflow.tools.corpus import Corpus
from agentflow.tools.passages import Passage, read_passages

QUIET = NoProgress()
MARS = {"id": "m", "title": "Mars", "text": "A red planet."}
VENUS = {"id": "v", "title": "Venus", "text": "A hot planet."}
SHARED = Path(os.environ.get("AGENTFLOW_SHARED", Path(__file__).parents[2] / ".." / "shared" / "data"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def jsonl(*records: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def write(file: Path, *records: object) -> Path:
    file.write_bytes(jsonl(*records))
    return file


def titles(corpus: Corpus, query: str = "planet") -> list[str]:
    return sorted(hit.passage.title for hit in corpus.search(query, 5))


def files_under(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


class Shelf:
    label = "shelf"

    def __init__(self, content: bytes | None) -> None:
        self.content, self.num_calls = content, 0

    def num_bytes_needed(self, asset: Asset, parts: Path) -> int:
        return asset.num_bytes

    def bring(self, asset: Asset, target: Path, parts: Path, progress: Progress) -> str:
        self.num_calls += 1
        if self.content is None:
            raise DownloadError("it is empty")
        return write_hashed(target, [self.content])


def corpora(shelf: Shelf) -> dict[str, NamedCorpus]:
    content = jsonl(MARS, VENUS)
    asset = Asset("planets.jsonl", "CC0-1.0", len(content), hashlib.sha256(content).hexdigest(), (shelf,))
    return {"planets": NamedCorpus("planets", "two planets", "somebody", asset, read_passages)}


def test_a_corpus_of_the_registry_is_fetched_and_built_once(cache: Path) -> None:
    shelf = Shelf(jsonl(MARS, VENUS))
    known = corpora(shelf)
    assert list_corpora(known)[0].state is State.ABSENT
    corpus = open_corpus("planets", progress=QUIET, corpora=known)
    assert titles(corpus) == ["Mars", "Venus"]
    assert corpus.manifest.attribution == "somebody"
    assert corpus.manifest.licence == "CC0-1.0"
    (listing,) = list_corpora(known)
    assert (listing.state, listing.num_passages) == (State.ON_DISK, 2)
    (cache / "files" / "planets.jsonl").unlink()
    assert titles(open_corpus("planets", fetch=False, corpora=known)) == ["Mars", "Venus"]
    assert shelf.num_calls == 1


def test_without_fetching_an_absent_corpus_is_an_error_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match="planets is not on disk, and may not be fetched"):
        open_corpus("planets", fetch=False, progress=QUIET, corpora=corpora(Shelf(None)))


def test_a_corpus_that_can_not_be_fetched() -> None:
    with pytest.raises(DownloadError, match="shelf did not bring it"):
        open_corpus("planets", progress=QUIET, corpora=corpora(Shelf(None)))


def test_a_corpus_is_built_under_a_name_and_opened_by_it(tmp_path: Path) -> None:
    built = build_corpus(write(tmp_path / "a.jsonl", MARS), "my-planets", attribution="me", progress=QUIET)
    assert titles(built) == titles(open_corpus("my-planets")) == ["Mars"]
    listing = list_corpora()[-1]
    assert (listing.name, listing.num_passages, listing.attribution) == ("my-planets", 1, "me")
    assert "a.jsonl" in listing.about
    (tmp_path / "a.jsonl").unlink()
    assert titles(open_corpus("my-planets")) == ["Mars"]


def test_a_packed_file_makes_the_same_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(MARS, VENUS)))
    assert titles(open_corpus(tmp_path / "a.jsonl.gz", progress=QUIET)) == ["Mars", "Venus"]


def test_a_file_is_indexed_on_first_use_and_again_when_its_content_changes(tmp_path: Path, cache: Path) -> None:
    file = write(tmp_path / "a.jsonl", MARS)
    assert titles(open_corpus(str(file), progress=QUIET)) == ["Mars"]
    before = files_under(cache)
    assert titles(open_corpus(str(file), progress=QUIET)) == ["Mars"]
    assert files_under(cache) == before
    os.utime(file, ns=(1, 1))
    assert titles(open_corpus(str(file), progress=QUIET)) == ["Mars"]
    changed = {path for path, time in files_under(cache).items() if before[path] != time}
    assert {Path(path).name for path in changed} == {"corpus.json"}
    write(file, VENUS)
    assert titles(open_corpus(str(file), progress=QUIET)) == ["Venus"]


def test_files_of_one_name_in_two_folders_are_two_corpora(tmp_path: Path) -> None:
    for folder, record in (("one", MARS), ("two", VENUS)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.jsonl", record)
    assert titles(open_corpus(tmp_path / "one" / "a.jsonl", progress=QUIET)) == ["Mars"]
    assert titles(open_corpus(tmp_path / "two" / "a.jsonl", progress=QUIET)) == ["Venus"]


def test_a_folder_of_a_corpus_can_be_moved_and_opened(tmp_path: Path) -> None:
    built = build_corpus(write(tmp_path / "a.jsonl", MARS), "mine", progress=QUIET)
    built.folder.rename(tmp_path / "elsewhere")
    assert titles(open_corpus(tmp_path / "elsewhere")) == ["Mars"]


def test_a_bad_line_leaves_nothing_behind(tmp_path: Path, cache: Path) -> None:
    file = write(tmp_path / "a.jsonl", MARS, {"id": "x", "title": "no text"})
    with pytest.raises(ConfigError, match=r"a\.jsonl, line 2: the field 'text' is missing"):
        build_corpus(file, "mine", progress=QUIET)
    assert [path.name for path in (cache / "corpora").iterdir()] == ["mine.lock"]
    assert [listing.name for listing in list_corpora()] == ["wikipedia-vital"]


def test_a_bad_line_in_the_new_version_leaves_the_old_corpus(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", MARS)
    build_corpus(file, "mine", progress=QUIET)
    write(file, VENUS, VENUS)
    with pytest.raises(ConfigError, match="line 2: the id 'v' was already used"):
        build_corpus(file, "mine", progress=QUIET)
    assert titles(open_corpus("mine")) == ["Mars"]


def test_what_an_interrupted_build_left_is_swept_away(tmp_path: Path, cache: Path) -> None:
    left = cache / "corpora" / ".mine.building"
    (left / "index").mkdir(parents=True)
    (left / "corpus.json").write_text("{}")
    assert [listing.name for listing in list_corpora()] == ["wikipedia-vital"]
    build_corpus(write(tmp_path / "a.jsonl", MARS), "mine", progress=QUIET)
    assert sorted(path.name for path in (cache / "corpora").iterdir()) == ["mine", "mine.lock"]


def test_a_corpus_that_is_being_searched_can_be_replaced(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", MARS)
    old = build_corpus(file, "mine", progress=QUIET)
    new = build_corpus(write(file, VENUS), "mine", attribution="me", progress=QUIET)
    assert (titles(old), titles(new)) == (["Mars"], ["Venus"])
    assert build_corpus(file, "mine", attribution="you", progress=QUIET).manifest.attribution == "you"


@pytest.mark.parametrize("name", ["wikipedia-vital", "My Planets", "../up", "", ".hidden", "a/b"])
def test_names_that_a_corpus_can_not_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="can not be named"):
        build_corpus(write(tmp_path / "a.jsonl", MARS), name, progress=QUIET)


def test_an_unknown_corpus_is_told_the_known_ones(tmp_path: Path) -> None:
    build_corpus(write(tmp_path / "a.jsonl", MARS), "mine", progress=QUIET)
    with pytest.raises(UnknownName) as raised:
        open_corpus("wikipedia-vitals")
    assert "did you mean 'wikipedia-vital'?" in str(raised.value)
    assert "mine" in str(raised.value)
    assert "path of a JSONL file" in str(raised.value)


def test_folders_that_hold_no_corpus_or_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no corpus of this version"):
        open_corpus(tmp_path)
    built = build_corpus(write(tmp_path / "a.jsonl", MARS), "mine", progress=QUIET)
    (built.folder / "index" / "meta.json").write_text("{}")
    with pytest.raises(ConfigError, match="damaged"):
        open_corpus("mine")


def test_a_corpus_of_another_version_is_built_anew_from_its_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", MARS)
    note = open_corpus(file, progress=QUIET).folder / "corpus.json"
    note.write_text(note.read_text().replace('"index_version": 1', '"index_version": 0'))
    assert open_corpus(file, progress=QUIET).manifest.index_version == 1


def test_two_processes_at_once_build_one_corpus(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", *({"id": str(n), "title": f"t{n}", "text": "planet"} for n in range(2000)))
    script = "import sys; from agentflow.tools.corpora import open_corpus; print(open_corpus(sys.argv[1]).manifest)"
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(file)], stdout=-1, stderr=-1, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert sum("indexing" in errors for _, errors in said) == 1


def test_vital_articles_become_passages(tmp_path: Path) -> None:
    file = tmp_path / "vital.json"
    article = {"title": "Mars", "extract": "Mars is red.", "description": "Fourth planet", "topic": "Science"}
    file.write_text(json.dumps({"Mars": article, "Venus": {**article, "title": "Venus", "description": ""}}))
    told: list[int] = []
    assert list(CORPORA["wikipedia-vital"].read(file, told.append)) == [
        Passage("vital-00000", "Mars", "Fourth planet. Mars is red."),
        Passage("vital-00001", "Venus", "Mars is red."),
    ]
    assert told == [file.stat().st_size]


@pytest.mark.skipif(not (SHARED / "corpus").is_dir(), reason=f"no development data at {SHARED}")
def test_questions_over_real_passages_find_their_gold_ones() -> None:
    corpus = open_corpus(SHARED / "corpus" / "wiki_pool.jsonl.gz", progress=QUIET)
    with gzip.open(SHARED / "train" / "search_train.jsonl.gz", "rt", encoding="utf-8") as lines:
        questions = [json.loads(line) for line in lines][:500]
    found = [
        bool({hit.passage.id for hit in corpus.search(question["question"], 5)} & set(question["gold_ids"]))
        for question in questions
    ]
    assert sum(found) / len(found) > 0.75
