r"""Game of 24: an expression over four given numbers, each used exactly once, that makes 24. Arithmetic is the judge.

The final answer is read. What may surround its expression: `$...$`, back-quotes, a code fence, quotes, `**...**`, a
full stop, and equals signs: `24 = ...`, `... = 6 * 4 = 24`, `... = \boxed{24}`, where every side must make 24. Words
score 0.0, and so do steps that are not one expression. A sign in front of a number is refused: the numbers are joined,
not changed, and no puzzle needs it, since a negative result can be turned round at its subtraction.
"""

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from agentflow.scoring.arithmetic import MAX_CHARACTERS, read_expression
from agentflow.scoring.final import final_answer
from agentflow.scoring.latex import boxed, plain_signs

TARGET = 24
_FENCE = re.compile(r"```[a-z]*\n")
_WRAPPING = str.maketrans(dict.fromkeys("$`\"'“”‘’", " "))
_EMPHASIS = re.compile(r"(?P<before>^|=)\s*\*\*(?P<inside>(?:(?!\*\*).)+)\*\*\s*(?=[=.]|$)", re.DOTALL)
_EQUALS = re.compile("==?|＝")


def game24(answer: str, numbers: Sequence[int], target: int = TARGET) -> float:
    r"""1.0 if the answer makes `target` exactly and uses each of `numbers` exactly once, else 0.0; never an error.

    >>> game24("(10 - 4) × (5 - 1)", [1, 4, 5, 10]), game24(r"\boxed{8 \div (3 - \frac{8}{3})} = 24", [3, 3, 8, 8])
    (1.0, 1.0)
    >>> game24("4 * 6", [1, 4, 5, 10]), game24("(10 - 4) × (5 - 1)", [1, 4, 5, 9])
    (0.0, 0.0)
    >>> game24("53 * 58 / 53 + 53 = 111", [53, 58, 53, 53], target=111)
    1.0
    """
    readings = {final_answer(answer), final_answer(_without_boxed_target(answer, target))}
    return float(any(_makes(reading, Counter(map(Fraction, numbers)), target) for reading in readings))


def _without_boxed_target(answer: str, target: int) -> str:
    """An answer whose box holds the target alone, without the box."""
    inside = boxed(answer)
    return answer if inside is None or inside.strip() != str(target) else answer.replace(f"\\boxed{{{inside}}}", inside)


def _makes(text: str, numbers: Counter[Fraction], target: int) -> bool:
    """Whether all sides of a text make the target, and one of them does out of the numbers."""
    if len(text) > MAX_CHARACTERS:
        return False
    sides = [read_expression(side) for side in _EQUALS.split(_bare(text))]
    made = [side.numbers for side in sides if side is not None and side.value == target]
    return len(made) == len(sides) and any(Counter(side) == numbers for side in made)


def _bare(text: str) -> str:
    """An expression or an equation without what may surround it.

    >>> _bare("```python\\n4 * 6\\n```"), _bare("**4 * 6** = `24`.")
    ('4 * 6', '4 * 6=  24')
    """
    unquoted = _FENCE.sub(" ", plain_signs(text)).translate(_WRAPPING).strip()
    return _EMPHASIS.sub(r"\g<before>\g<inside>", unquoted).strip(" .\n")
