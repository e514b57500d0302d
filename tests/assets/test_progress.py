import io
import shutil
import threading
import time
from pathlib import Path

from agentflow.assets.cache import cache_folder
from agentflow.assets.progress import (
    BarProgress,
    LineProgress,
    NoProgress,
    Progress,
    bytes_under,
    open_progress,
    watched,
)


def test_plain_lines_tell_each_tenth_of_something_big_once() -> None:
    stream = io.StringIO()
    with LineProgress(stream).bar("fetching", 100_000_000) as advance:
        for done in (5_000_000, 25_000_000, 26_000_000, 100_000_000, 100_000_000):
            advance(done)
    assert stream.getvalue().splitlines() == ["fetching: 100.0 MB", "fetching: 20 %", "fetching: 100 %"]


def test_plain_lines_say_of_something_small_only_that_it_begins() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.say("[bold]as it is")
    with progress.bar("fetching", 10) as advance:
        advance(10)
    assert stream.getvalue().splitlines() == ["[bold]as it is", "fetching: 10 bytes"]


def test_a_bar_is_drawn_where_it_is_asked_for() -> None:
    stream = io.StringIO()
    progress = BarProgress(stream)
    progress.say("[bold]as it is")
    with progress.bar("fetching", 10) as advance:
        advance(10)
    assert "[bold]as it is" in stream.getvalue()
    assert "fetching" in stream.getvalue()


def test_silence() -> None:
    progress: Progress = NoProgress()
    progress.say("nothing")
    with progress.bar("nothing", 1) as advance:
        advance(1)


def test_no_bar_where_there_is_no_terminal() -> None:
    assert isinstance(open_progress(bar=True), BarProgress)
    assert isinstance(open_progress(bar=False), LineProgress)
    assert isinstance(open_progress(), LineProgress)


def test_a_folder_is_watched_while_it_grows(tmp_path: Path) -> None:
    seen: list[int] = []
    with watched(tmp_path, seen.append, before=100):
        (tmp_path / "file").write_bytes(bytes(50))
        deadline = time.monotonic() + 10
        while 150 not in seen and time.monotonic() < deadline:
            time.sleep(0.01)
    assert 150 in seen
    assert bytes_under(tmp_path) == 50
    assert bytes_under(tmp_path / "nowhere") == 0


def test_the_cache_is_where_the_variable_says(cache: Path) -> None:
    assert cache_folder("models") == cache / "models"


def test_folders_that_vanish_meanwhile_are_no_error(tmp_path: Path) -> None:
    """A download that another program does moves its files about while they are counted."""
    finished = threading.Event()

    def make_and_remove() -> None:
        while not finished.is_set():
            folder = tmp_path / "parts" / "deeper" / "still"
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"x")
            shutil.rmtree(tmp_path / "parts")

    other = threading.Thread(target=make_and_remove)
    other.start()
    try:
        assert {bytes_under(tmp_path) for _ in range(300)} <= {0, 1}
    finally:
        finished.set()
        other.join()
