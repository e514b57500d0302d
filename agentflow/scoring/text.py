"""Free-text answers: one normal form, and three rules over it.

The normal form is SQuAD's (lower case, no punctuation, no articles) with its known faults mended, so rewards can
differ from the official script in these cases only:

- accents and compatibility forms are folded: `Beyoncé` is `Beyonce`;
- a number keeps its point and its minus sign, and loses its thousands commas: `3.5` is not `35`, nor `-10` `10`;
- a dash, a slash, or any mark between two digits parts words: `2014–15` is not `201415`;
- a day of a month is one day in both orders: `June 5th, 2004` is `5 June 2004`, and `Jun` is `June` beside a day;
  `2004-06-05` is that day, too;
- a text that consists of articles or of punctuation keeps them, so that the blood type `A` can be an answer, and
  nothing matches an empty answer.

An answer is read as a whole and, where it sets its final answer apart, as that; `Yes, because ...` is a `yes`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from agentflow.scoring.characters import plain_characters
from agentflow.scoring.dates import day_first, month_named
from agentflow.scoring.final import final_answer
from agentflow.scoring.latex import unwrapped

_ARTICLES = frozenset({"a", "an", "the"})
_CLOSED = frozenset({"yes", "no", "noanswer"})  # as in HotpotQA's script: half of "no" is worth nothing
_CLOSED_FIRST = re.compile(
    r"\**(?P<said>yes|no)\**(?:[,;:]|[.!]\**\s+(?=[a-z])|\s+(?=\(|-\s)|\s*\n)(?P<reason>.*)", re.IGNORECASE | re.DOTALL
)
_CLOSED_LAST = re.compile(r"\b(?:yes|no)\s*(?:[,;:.!)*]|$)", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?!,[0-9])")
_PART_OF_NUMBER = re.compile(r"(?<=[0-9])\.(?=[0-9])|(?<![^\s([])-(?=[0-9])")
_ACCENTS = re.compile("[\u0300-\u036f]")  # those of Latin, Greek and Cyrillic: elsewhere a mark is a vowel
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def normal_form(text: str) -> str:
    """The words that count, in lower case and parted by single spaces; empty only for a blank text.

    >>> normal_form(" The  Café, in “Łódź”! ")
    'cafe in lodz'
    >>> normal_form("1,875 of U.S. 2014–15"), normal_form("−3.5%"), normal_form("A")
    ('1875 of us 2014 15', '-3.5', 'a')
    """
    folded = month_named(_folded(text))
    words = _without_punctuation(_THOUSANDS.sub(lambda match: match[0].replace(",", ""), folded)).split()
    content = [word for word in words if word not in _ARTICLES]
    return day_first(" ".join(content or words or folded.split() or text.split()))


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1.0 if the answer's normal form is that of one of the golds (answers and aliases alike), else 0.0.

    >>> exact_match("the beatles.", ["The Beatles", "Fab Four"]), exact_match("Beatle", ["The Beatles"])
    (1.0, 0.0)
    """
    forms = _readings(answer)
    return float(any(normal_form(gold) in forms for gold in golds))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 over the golds, in [0, 1], of the answer's words as a bag; `yes` and `no` match whole or not at all.

    >>> token_f1("Wilhelm Röntgen", ["Wilhelm Conrad Rontgen"]), token_f1("no", ["no idea"])
    (0.8, 0.0)
    """
    forms = _readings(answer)
    return max((_f1(form, normal_form(gold)) for gold in golds for form in forms), default=0.0)


def contains(answer: str, golds: Sequence[str]) -> float:
    """1.0 if the words of a gold stand in the answer, whole, in order and side by side, else 0.0.

    Lenient: an answer that lists every candidate scores. Fit for measuring, and not as a reward to train on.

    >>> contains("It was Paris, France.", ["paris"]), contains("comparison", ["paris"])
    (1.0, 0.0)
    """
    padded = [f" {form} " for form in _readings(answer)]
    forms = [normal_form(gold) for gold in golds]
    return float(any(form != "" and f" {form} " in text for form in forms for text in padded))


def _readings(answer: str) -> set[str]:
    """The normal forms of an answer: of all of it, of its final answer, and of the `yes` or `no` that this begins with.

    >>> sorted(_readings("The answer is Paris.")), sorted(_readings("No, never.")), _readings(" ")
    (['answer is paris', 'paris'], ['no', 'no never'], set())
    """
    final = unwrapped(final_answer(answer))
    closed = _CLOSED_FIRST.match(plain_characters(final))
    said = closed["said"] if closed and not _CLOSED_LAST.search(closed["reason"]) else final
    return {form for form in map(normal_form, {answer.strip(), final, said}) if form}


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", plain_characters(text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).translate(_LETTERS)


def _without_punctuation(text: str) -> str:
    kept = {match.start() for match in _PART_OF_NUMBER.finditer(text)}
    return "".join(text[index] if index in kept else _spelling(text, index) for index in range(len(text)))


def _spelling(text: str, index: int) -> str:
    """What becomes of one character: itself, a space, or nothing."""
    character = text[index]
    category = unicodedata.category(character)
    if category[0] not in "PS" and category != "Cf":
        return character
    between_digits = text[index - 1 : index].isdigit() and text[index + 1 : index + 2].isdigit()
    return " " if character in "-/⁄" or between_digits else ""


def _f1(answer: str, gold: str) -> float:
    if answer in _CLOSED or gold in _CLOSED:
        return float(answer == gold)
    answer_words, gold_words = answer.split(), gold.split()
    shared = (Counter(answer_words) & Counter(gold_words)).total()
    return 2 * shared / (len(answer_words) + len(gold_words)) if shared else 0.0
