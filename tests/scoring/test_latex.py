from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.scoring.latex import boxed, plain_signs


def test_the_last_box_counts_with_its_braces_matched() -> None:
    assert boxed(r"\boxed{1} then \boxed{\frac{2}{\sqrt{3}}}.") == r"\frac{2}{\sqrt{3}}"
    assert boxed(r"\boxed{}") == ""
    assert boxed(r"\boxed{1} then \boxed{2") is None


def test_a_command_ends_at_its_last_letter() -> None:
    assert plain_signs(r"\divide \timesheet \leftarrow") == r"\divide \timesheet \leftarrow"
    assert plain_signs(r"2\times3 \div 4\cdot5\%") == "2×3 ÷ 4·5%"
    assert plain_signs(r"\$1{,}000\,\;x") == "$1,000 x"


@settings(deadline=None)
@given(st.text(), st.text(alphabet="ab12+ \\"))
def test_a_box_is_found_in_any_text(text: str, inside: str) -> None:
    assert boxed(f"{text}\\boxed{{{inside}}}") == inside
    plain_signs(text)
