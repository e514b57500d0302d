"""Reading passages: what is taken, and which line is blamed for what."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import ConfigError
from agentflow.tools.passages import Passage, read_passages

MARS = '{"id": "m", "title": "Mars", "text": "A planet."}'
written = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
passages = st.lists(st.builds(Passage, written, written, written), min_size=1, unique_by=lambda passage: passage.id)


@given(passages, st.booleans(), st.booleans())
def test_whatever_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Passage], packed: bool, escaped: bool
) -> None:
    lines = [
        json.dumps({"title": passage.title, "id": passage.id, "text": passage.text, "n": 1}, ensure_ascii=escaped)
        for passage in wanted
    ]
    content = "\n".join(lines).encode()
    file = tmp_path_factory.mktemp("read") / "passages"
    file.write_bytes(gzip.compress(content) if packed else content)
    assert list(read_passages(file)) == wanted


def test_blank_lines_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "passages.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + MARS.encode() + b"\r\n\n  \n")
    assert list(read_passages(file)) == [Passage("m", "Mars", "A planet.")]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "wanted a JSON object, found list"),
        ('{"id": "a", "text": "t"}', "the field 'title' is missing"),
        ('{"id": 7, "title": "t", "text": "t"}', "the field 'id' is no string"),
        ('{"id": "a", "title": "t", "text": null}', "the field 'text' is no string"),
        ('{"id": "a", "title": "t", "text": " "}', "the field 'text' is empty"),
        ('{"id": "", "title": "t", "text": "t"}', "the field 'id' is empty"),
        (MARS, "the id 'm' was already used"),
        ('{"id": "a", "title": "t", "text": "\\ud800"}', "not valid Unicode"),
        ('{"id": "a", "title": "t", "text": "\udce9"}', "not UTF-8"),
        pytest.param("[" * 100_000, "not JSON", id="too deep"),
        pytest.param("1" * 5_000, "Exceeds the limit", id="too many digits"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, complaint: str, packed: bool) -> None:
    file = tmp_path / "passages.jsonl"
    content = f"{MARS}\n\n{line}\n".encode(errors="surrogateescape")
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ConfigError) as raised:
        list(read_passages(file))
    assert str(raised.value).startswith(f"{file}, line 3: ")
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no passages"),
        (b"\n\n", "holds no passages"),
        (gzip.compress(MARS.encode())[:-6], "damaged or cut off"),
        (b"\x1f\x8b nothing packed", "can not read"),
    ],
)
def test_a_file_without_passages_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "passages"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint):
        list(read_passages(file))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.jsonl"):
        list(read_passages(tmp_path / "no.jsonl"))


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "passages.jsonl"
    file.write_text(f"{MARS}\n")
    told: list[int] = []
    list(read_passages(file, told.append))
    assert told == [file.stat().st_size]
