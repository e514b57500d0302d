"""The file itself: what stands in it, what does not, and what a reader says to one that is broken."""

import doctest
import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import ConfigError, InfraError
from agentflow.evaluation import identity, selection, summary
from agentflow.evaluation.receipt import Receipt, read_receipt
from agentflow.evaluation.rescore import rescore

from .asking import Team, config_of, numbers, run


@pytest.mark.parametrize("module", [identity, selection, summary])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.fixture
def receipt(tmp_path: Path) -> Receipt:
    return run(tmp_path / "receipt.jsonl", numbers(5), Team(wrong=[2]), trials=2)


def lines(receipt: Receipt) -> list[dict[str, Any]]:
    return [json.loads(line) for line in receipt.path.read_text().splitlines()]


def test_a_header_and_then_a_line_for_each_trial_in_the_order_of_the_items(receipt: Receipt) -> None:
    header, *records = lines(receipt)
    assert (header["kind"], header["schema_version"]) == ("header", 1)
    assert [(record["id"], record["trial"]) for record in records] == [
        (f"item-{number}", trial) for number in range(5) for trial in (0, 1)
    ]
    one = records[4]
    assert (one["id"], one["score"], one["answer"], one["golds"], one["scorer"]) == (
        "item-2",
        0.0,
        "nobody knows",
        ["2"],
        "number",
    )
    assert one["trajectory"]["turns"][0]["result"] == "a number"
    assert header["summary"]["accuracy"]["mean"] == 0.8
    assert header["modules"]["planner"]["engine"] == "openai:planner"
    assert header["modules"]["planner"]["sampling"]["temperature"] == 0
    assert list(header["tools"]) == ["generalist"]
    assert header["config"]["budget"]["max_turns"] == header["max_turns"] == 5


def test_it_is_read_as_it_was_made(receipt: Receipt) -> None:
    whole, light = read_receipt(receipt.path), read_receipt(receipt.path, trajectories=False)
    assert whole.header == light.header == receipt.header
    assert light.records == receipt.records
    assert all(record.trajectory and record.trajectory.answer == record.answer for record in whole.records)


def test_it_can_be_packed(receipt: Receipt, tmp_path: Path) -> None:
    packed = tmp_path / "receipt.jsonl.gz"
    packed.write_bytes(gzip.compress(receipt.path.read_bytes()))
    assert read_receipt(packed, trajectories=False).records == receipt.records
    assert rescore(packed).is_same
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(ConfigError, match=r"can not read the receipt .*receipt.jsonl.gz after line"):
        read_receipt(packed)


def test_the_hash_in_the_header_is_that_of_the_lines_below_it(receipt: Receipt) -> None:
    _, below = receipt.path.read_bytes().split(b"\n", maxsplit=1)
    assert receipt.header.records_hash == hashlib.sha256(below).hexdigest()


@pytest.mark.parametrize("change", [lambda text: "", lambda text: '{"pid": 1}', lambda text: text[:200]])
def test_what_is_no_receipt_has_nothing_to_score(receipt: Receipt, change: Any) -> None:
    receipt.path.write_text(change(receipt.path.read_text()))
    with pytest.raises(ConfigError, match="wanted a receipt that"):
        rescore(receipt.path)


def test_a_finished_receipt_that_lost_lines_is_refused_and_can_be_completed(receipt: Receipt) -> None:
    first, *rest = receipt.path.read_bytes().splitlines(keepends=True)
    receipt.path.write_bytes(b"".join([first, *rest[:6]]))
    with pytest.raises(ConfigError, match=r"was finished with 10 records, and has 6: lines of it are lost"):
        read_receipt(receipt.path)
    team = Team(wrong=[2])
    assert len(run(receipt.path, numbers(5), team, trials=2).records) == 10
    assert team.asked("planner") == [3, 3, 4, 4]
    assert rescore(receipt.path).is_same


def test_a_line_that_can_not_be_read_is_deleted_and_its_trial_run_again(receipt: Receipt) -> None:
    whole = receipt.path.read_bytes().splitlines(keepends=True)
    receipt.path.write_bytes(b"".join([*whole[:2], b"\0" * 50 + b"\n", *whole[3:]]))
    with pytest.raises(ConfigError, match=r"line 3 is not JSON: .*: delete that line, and the command"):
        run(receipt.path, numbers(5), trials=2)
    receipt.path.write_bytes(b"".join([*whole[:2], *whole[3:]]))
    team = Team()
    run(receipt.path, numbers(5), team, trials=2)
    assert team.asked("planner") == [0]


def test_a_mark_that_was_changed_is_found(receipt: Receipt) -> None:
    text = receipt.path.read_text()
    receipt.path.write_text(text.replace('"score":0.0', '"score":1.0'))
    found = rescore(receipt.path)
    assert not found.is_intact
    assert not read_receipt(receipt.path).is_intact
    assert not found.is_same
    assert [(change.record.id, change.record.score, change.score) for change in found.changes] == [
        ("item-2", 1.0, 0.0),
        ("item-2", 1.0, 0.0),
    ]


def test_an_unfinished_receipt_can_be_read_and_scored(receipt: Receipt) -> None:
    header, *records = lines(receipt)
    header |= {"finished": "", "summary": None, "records_hash": ""}
    whole = "\n".join(json.dumps(line) for line in (header, *records))
    receipt.path.write_text(whole[: len(whole) - 100])
    found = read_receipt(receipt.path)
    assert (found.is_finished, len(found.records)) == (False, 9)
    assert rescore(receipt.path).is_same


def test_of_a_trial_that_was_run_again_the_last_record_counts(receipt: Receipt) -> None:
    header, *records = lines(receipt)
    header |= {"finished": "", "summary": None, "records_hash": ""}
    failed = records[0] | {"score": None, "failure": "infra"}
    receipt.path.write_text("".join(f"{json.dumps(line)}\n" for line in (header, failed, *records)))
    assert len(read_receipt(receipt.path).records) == 10
    assert rescore(receipt.path).after.failures == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "", "is empty: wanted a receipt"),
        (lambda text: "pid,score\n1,1\n", "line 1 is not JSON"),
        (lambda text: '{"pid": 1}\n', "line 1: no receipt"),
        (lambda text: '{"pid": 1}', "is cut off in its first line: wanted a receipt"),
        (lambda text: text[:200], "is cut off in its first line: wanted a receipt"),
        (lambda text: "[1]\n", "line 1: wanted a JSON object"),
        (lambda text: text.replace('"schema_version":1', '"schema_version":9', 1), "a receipt of schema version 9"),
        (lambda text: text.replace('"seed":0', '"seed":"x"', 1), "line 1: seed: "),
        (lambda text: text.replace('"trial":1', '"trial":"x"', 1), "line 3: trial: "),
        (lambda text: text.replace('"item-1","trial":0', '"item-1",,', 1), r"line 4 is not JSON: .*: delete that line"),
        (lambda text: text.replace('"failure":""', '"failure":"bad"', 1), "line 2: failure: "),
    ],
)
def test_a_broken_receipt_is_an_error_with_its_line(receipt: Receipt, change: Any, words: str) -> None:
    receipt.path.write_text(change(receipt.path.read_text()))
    with pytest.raises(ConfigError, match=words):
        read_receipt(receipt.path)


def test_no_receipt_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no receipt at"):
        read_receipt(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match="is a folder: name a receipt in it"):
        read_receipt(tmp_path)


def test_half_a_surrogate_pair_costs_no_record(tmp_path: Path) -> None:
    task = numbers(1)[0]
    strange = task.model_copy(update={"metadata": {**task.metadata, "note": "\ud83d"}})
    receipt = run(tmp_path / "receipt.jsonl", [strange])
    assert read_receipt(receipt.path).records[0].score == 1


def test_prompts_and_weights_are_known_by_their_contents(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "analyst.md").write_text("## user\n$question $tools\n")
    before = run(tmp_path / "one.jsonl", numbers(1), config=config_of(prompts=str(prompts))).header.prompts
    (prompts / "analyst.md").write_text("## user\nThink. $question $tools\n")
    after = run(tmp_path / "two.jsonl", numbers(1), config=config_of(prompts=str(prompts))).header.prompts
    changed = {name for name in before.files if before.files[name] != after.files[name]}
    assert changed == {"analyst.md"}
    assert before.hash != after.hash
    team = ("analyst", "planner", "executor", "program", "verifier", "generator")
    assert list(before.files) == [f"{name}.md" for name in team]


def test_a_disk_that_is_full_costs_no_record_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write, room = tmp_path / "receipt.jsonl", os.write, [4]

    def write_until_full(descriptor: int, data: bytes) -> int:
        if len(data) < 1000:  # something else's
            return write(descriptor, data)
        room[0] -= 1
        return write(descriptor, data[: len(data) if room[0] > 0 else 100])

    monkeypatch.setattr(os, "write", write_until_full)
    with pytest.raises(InfraError, match=r"can not write the receipt .*no space is left; what is in it is whole"):
        run(out, numbers(5), concurrency=1)
    monkeypatch.undo()
    assert len(read_receipt(out).records) == 2
    assert out.read_bytes().endswith(b"\n")
    assert len(run(out, numbers(5)).records) == 5


def test_a_disk_that_is_full_at_the_end_keeps_no_half_of_a_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("no space is left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InfraError, match="can not write the receipt"):
        run(tmp_path / "receipt.jsonl", numbers(5))
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["receipt.jsonl"]
    assert len(run(tmp_path / "receipt.jsonl", numbers(5)).records) == 5


def test_what_is_written_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    run(tmp_path / "one.jsonl", numbers(4))
    num_at_the_end = len(synced)
    monkeypatch.setattr("agentflow.evaluation.receipt_file.SYNC_SECONDS", 0.0)
    run(tmp_path / "two.jsonl", numbers(4))
    assert len(synced) - num_at_the_end == num_at_the_end + 5


def test_a_link_stays_one(tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk" / "receipt.jsonl"
    elsewhere.parent.mkdir()
    link = tmp_path / "receipt.jsonl"
    link.symlink_to(elsewhere)
    run(link, numbers(2), limit=1)
    run(link, numbers(2))
    assert link.is_symlink()
    assert len(read_receipt(elsewhere).records) == 2
    assert [file.name for file in elsewhere.parent.iterdir()] == ["receipt.jsonl"]


@pytest.mark.parametrize("content", ['{"my": "data"}', "a line\nand half of one", '{"kind": "trace", "schema'])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: str) -> None:
    out = tmp_path / "precious.jsonl"
    out.write_text(content)
    with pytest.raises(ConfigError, match=r"precious.jsonl.*(is no receipt: name another file|line 1 is not JSON)"):
        run(out, numbers(1))
    assert out.read_text() == content


def test_a_receipt_is_packed_when_it_is_finished(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is packed when it is finished"):
        run(tmp_path / "receipt.jsonl.gz", numbers(1))


def test_only_a_file_can_be_a_receipt(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not write the receipt /dev/null: it is no file"):
        run(Path("/dev/null"), numbers(2))
    with pytest.raises(ConfigError, match="it is no file"):
        run(tmp_path, numbers(2))
