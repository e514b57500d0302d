"""The cache folder: fetched files and built indexes. Everything in it can be deleted and comes back."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "AGENTFLOW_CACHE"


def cache_folder(*parts: str) -> Path:
    """The cache folder, or the folder `parts` inside it. Nothing is created.

    It is the user's cache folder of the operating system, or the one that the environment variable
    `AGENTFLOW_CACHE` names.

    >>> cache_folder("models").name
    'models'
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    root = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("agentflow", appauthor=False)
    return root.joinpath(*parts)
