import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.train.learner.tree import Ids, Tree, build_tree

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=8)


def arrays(sequences: list[list[int]]) -> list[Ids]:
    return [np.array(ids, dtype=np.int64) for ids in sequences]


def ancestors(tree: Tree, place: int) -> list[int]:
    found = [place]
    while tree.parents[found[0]] >= 0:
        found.insert(0, int(tree.parents[found[0]]))
    return found


@given(SEQUENCES)
def test_each_sequence_is_a_path_from_a_root(sequences: list[list[int]]) -> None:
    tree = build_tree(arrays(sequences))
    for ids, path in zip(sequences, tree.paths, strict=True):
        assert tree.token_ids[path].tolist() == ids
        assert path.tolist() == ancestors(tree, int(path[-1]))
        assert tree.positions[path].tolist() == list(range(len(ids)))


@given(SEQUENCES)
def test_every_prefix_is_there_once(sequences: list[list[int]]) -> None:
    prefixes = {tuple(ids[:end]) for ids in sequences for end in range(1, len(ids) + 1)}
    assert len(build_tree(arrays(sequences))) == len(prefixes)


@given(SEQUENCES, st.booleans())
def test_segments_say_who_sees_whom(sequences: list[list[int]], share: bool) -> None:
    tree = build_tree(arrays(sequences), share=share)
    seen: list[set[int]] = [set() for _ in range(len(tree))]
    for start, end, subtree_end in tree.segments:
        for place in range(start, subtree_end):
            seen[place] |= set(range(start, min(place + 1, end)))
    assert seen == [set(ancestors(tree, place)) for place in range(len(tree))]


@given(SEQUENCES)
def test_segments_follow_on_each_other_and_are_few(sequences: list[list[int]]) -> None:
    segments = build_tree(arrays(sequences)).segments
    assert [segment.start for segment in segments[1:]] == [segment.end for segment in segments[:-1]]
    assert len(segments) <= 2 * len(sequences) - 1


def test_without_sharing_each_keeps_its_own() -> None:
    tree = build_tree(arrays([[1, 2], [1, 2], [1]]), share=False)
    assert len(tree) == 5
    assert len(tree.segments) == 3
