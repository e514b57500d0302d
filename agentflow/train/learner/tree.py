"""Sequences that share prefixes, packed into one: each shared token once.

A trie of the sequences is laid out depth first. A token attends to its ancestors, and its position is its depth, so
what is computed for it equals what would be computed in a sequence of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]


class Segment(NamedTuple):
    """A run of tokens without a fork: packed places `start` to `end`, and all that follow on it to `subtree_end`."""

    start: int
    end: int
    subtree_end: int


@dataclass(frozen=True)
class Tree:
    """Packed sequences. `token_ids`, `positions` (depths) and `parents` (places, -1 at a root) have one entry a token.

    `segments` are in depth-first order; `paths` holds, for each sequence in the order they came, the places of its
    tokens.
    """

    token_ids: Ids
    positions: Ids
    parents: Ids
    segments: tuple[Segment, ...]
    paths: tuple[Ids, ...]

    def __len__(self) -> int:
        return len(self.token_ids)


def build_tree(sequences: Sequence[Ids], *, share: bool = True) -> Tree:
    """Pack sequences of at least one token. Without `share` each keeps its own copy of everything.

    >>> tree = build_tree([np.array([5, 6, 7]), np.array([5, 6, 8, 9])])
    >>> tree.token_ids.tolist(), tree.positions.tolist()
    ([5, 6, 7, 8, 9], [0, 1, 2, 2, 3])
    >>> [tuple(segment) for segment in tree.segments]
    [(0, 2, 5), (2, 3, 3), (3, 5, 5)]
    >>> [path.tolist() for path in tree.paths]
    [[0, 1, 2], [0, 1, 3, 4]]
    """
    order = in_order(sequences)
    paths: list[Ids] = [np.empty(0, dtype=np.int64)] * len(sequences)
    tokens: list[Ids] = []
    parents: list[Ids] = []
    size, before = 0, -1
    for index in order:
        shared = shared_length(sequences[before], sequences[index]) if share and before >= 0 else 0
        new = np.arange(size, size + len(sequences[index]) - shared)
        paths[index] = np.concatenate([paths[before][:shared], new])
        tokens.append(sequences[index][shared:])
        parents.append(np.concatenate([[-1], paths[index]])[shared:-1])
        size, before = size + len(new), index
    parent = np.concatenate(parents)
    position = _depths(paths, size)
    return Tree(np.concatenate(tokens), position, parent, _segments(parent, position), tuple(paths))


def in_order(sequences: Sequence[Ids]) -> list[int]:
    """Indices in the order of a dictionary, so that each sequence shares most with its neighbours.

    >>> in_order([np.array([2, 1]), np.array([1, 3]), np.array([1])])
    [2, 1, 0]
    """
    return sorted(range(len(sequences)), key=lambda index: sequences[index].tolist())


def shared_length(one: Ids, other: Ids) -> int:
    """How many tokens two sequences share at their beginning.

    >>> shared_length(np.array([1, 2, 3]), np.array([1, 2, 4, 5]))
    2
    """
    length = min(len(one), len(other))
    differs = np.flatnonzero(one[:length] != other[:length])
    return int(differs[0]) if len(differs) else length


def _depths(paths: Sequence[Ids], size: int) -> Ids:
    depths = np.empty(size, dtype=np.int64)
    for path in paths:
        depths[path] = np.arange(len(path))
    return depths


def _segments(parents: Ids, depths: Ids) -> tuple[Segment, ...]:
    """Cut where a token does not follow on the one before it, or where that one has several children."""
    children = np.bincount(parents[parents >= 0], minlength=len(parents))
    follows = parents[1:] == np.arange(len(parents) - 1)
    only_child = children[:-1] == 1
    starts = [0, *(np.flatnonzero(~(follows & only_child)) + 1).tolist()]
    ends = [*starts[1:], len(parents)]
    subtree_ends = _subtree_ends(starts, depths)
    return tuple(Segment(*bounds) for bounds in zip(starts, ends, subtree_ends, strict=True))


def _subtree_ends(starts: Sequence[int], depths: Ids) -> list[int]:
    """A subtree ends where a later segment begins at the same depth or above."""
    ends = [len(depths)] * len(starts)
    open_segments: list[int] = []
    for index, start in enumerate(starts):
        while open_segments and depths[starts[open_segments[-1]]] >= depths[start]:
            ends[open_segments.pop()] = start
        open_segments.append(index)
    return ends
