"""A source: a file of a model hub, fetched by the hub's own client. Not a client of our own.

The client brings its proxies, tokens, mirrors (`HF_ENDPOINT`) and offline switch (`HF_HUB_OFFLINE`). It does not resume
a file after an interruption: an interrupted hub download starts again.
"""

import importlib
import importlib.util
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.assets.asset import Asset
from agentflow.assets.hashing import sha256_of
from agentflow.assets.progress import Progress, watched
from agentflow.errors import DownloadError


@dataclass(frozen=True)
class HubSource:
    """`file` of the hub's `repo`. `endpoint` is the hub's address, by default the client's own.

    `timeout_seconds` is how long the hub may take to answer at all; one that does not is left at once.
    """

    repo: str
    file: str
    revision: str = "main"
    endpoint: str | None = None
    timeout_seconds: float = 5.0

    @property
    def label(self) -> str:
        return f"hub {self.repo}"

    def num_bytes_needed(self, asset: Asset, parts: Path) -> int:  # noqa: ARG002 - the client keeps no parts
        return asset.num_bytes

    def bring(self, asset: Asset, target: Path, parts: Path, progress: Progress) -> str:
        if importlib.util.find_spec("huggingface_hub") is None:
            raise DownloadError('huggingface_hub is not installed (pip install "agentflow-grpo[local]")')
        try:
            # The name look-up alone can take a minute without a network, and no client's timeout covers it.
            _within(self.timeout_seconds, lambda: self._check(asset))
            fetched = self._download(asset, parts / "hub", progress)
        # The client's errors have several roots, which change with its versions. Each means: not from here.
        except Exception as error:
            if isinstance(error, DownloadError) or (isinstance(error, OSError) and error.filename is not None):
                raise  # ours, or the disk's
            reason = " ".join(str(error).split())[:300]
            raise DownloadError(f"{type(error).__name__}: {reason}") from error
        with progress.bar(f"checking {asset.file}", asset.num_bytes) as advance:
            found = sha256_of(fetched, advance)
        os.replace(fetched, target)
        return found

    def _check(self, asset: Asset) -> None:
        """Ask the hub what it has, so that an unreachable hub or a wrong file costs seconds and not a gigabyte."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(self.repo, self.file, revision=self.revision, endpoint=self.endpoint)
        offered = get_hf_file_metadata(url, timeout=self.timeout_seconds, endpoint=self.endpoint)
        if offered.size not in (None, asset.num_bytes):
            raise DownloadError(f"its {self.file} has {offered.size} bytes, expected {asset.num_bytes}")
        if re.fullmatch("[0-9a-f]{64}", offered.etag or "") and offered.etag != asset.sha256:
            raise DownloadError(f"its {self.file} has the SHA-256 {offered.etag}, expected {asset.sha256}")

    def _download(self, asset: Asset, folder: Path, progress: Progress) -> Path:
        from huggingface_hub import hf_hub_download

        bars: Any = importlib.import_module("huggingface_hub.utils")  # its type stubs do not export these switches
        quiet_already = bars.are_progress_bars_disabled()
        bars.disable_progress_bars()  # ours is shown
        try:
            with progress.bar(f"fetching {asset.file}", asset.num_bytes) as advance, watched(folder, advance):
                return Path(
                    hf_hub_download(
                        self.repo,
                        self.file,
                        revision=self.revision,
                        local_dir=folder,
                        endpoint=self.endpoint,
                        etag_timeout=self.timeout_seconds,
                    )
                )
        finally:
            if not quiet_already:
                bars.enable_progress_bars()


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Run `work`; raise `DownloadError` if it takes longer. It is then left behind in a thread that ends with us."""
    raised: list[Exception] = []

    def attempt() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed on, below
            raised.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise DownloadError(f"no answer within {seconds:g} seconds")
    if raised:
        raise raised[0]
