r"""Where the final answer stands in what a model wrote: in tags, in a box, or behind "answer is" or "answer:"."""

import re

from agentflow.scoring.latex import boxed

_OPEN, _CLOSE = "<answer>", "</answer>"
_LEAD = re.compile(
    r"\banswer[\s*_]*(?:(?:is|would be|should be|must be)\b(?: therefore| thus| indeed)?|[:=：])(?:\*\*|__)?[\s:：]*",
    re.IGNORECASE,
)


def final_answer(text: str) -> str:
    r"""The part of a text that is the answer; all of it where nothing sets the answer apart. Nothing raises.

    >>> final_answer("It took a while. **Answer:** Rome"), final_answer(r"so \boxed{4}, since 2 + 2 = 4")
    ('Rome', '4')
    >>> final_answer("<answer>The answer is Rome.</answer>"), final_answer(" Rome ")
    ('Rome.', 'Rome')
    """
    inside = enclosed(text)
    said = (text if inside is None else inside).strip()
    after = _LEAD.split(said)[-1]
    opened_before_the_lead = len(after) < len(said) and after.endswith("**") and after.count("**") == 1
    return after.removesuffix("**").strip() if opened_before_the_lead else after.strip()


def enclosed(text: str) -> str | None:
    r"""What the last `<answer>` tags hold, or the last `\boxed{}`; None without either. A box inside the tags counts.

    >>> enclosed(r"<answer>\boxed{4}</answer>"), enclosed("The answer is 4")
    ('4', None)
    """
    start = text.rfind(_OPEN)
    end = text.find(_CLOSE, start)
    tagged = text[start + len(_OPEN) : end] if 0 <= start < end else None
    inside = boxed(text if tagged is None else tagged)
    return tagged if inside is None else inside
