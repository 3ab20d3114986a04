import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from digitlab.wording import counted, listing, percent, sentence, signed_text, value_range


@given(st.floats(0, 1), st.sampled_from([1, 2]))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_percentages_never_round_to_all_or_nothing(share: float, decimals: int) -> None:
    text = percent(share, decimals)
    assert text.endswith(" %")
    number = float(text.removesuffix(" %").lstrip("<> "))
    assert abs(number - 100 * share) <= 10.0**-decimals + 1e-9
    assert (text in ("0 %", "100 %")) == (share in (0.0, 1.0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(0, "map"), "0 maps"),
        (counted(1, "digit"), "1 digit"),
        (counted(2000, "digit"), "2,000 digits"),
        (percent(0.99999), "> 99.9 %"),
        (percent(0.0001), "< 0.1 %"),
        (percent(0.99684, decimals=2), "99.68 %"),
        (signed_text(-0.1234), "−0.123"),
        (signed_text(-1e-7), "−1e−07"),
        (signed_text(123456), "123,000"),
        (value_range(torch.tensor([0.5, -1])), "−1 to 0.5"),
        (listing(["1", "2"]), "1, 2"),
        (listing(["1", "2", "3"], limit=2), "1, 2 and 1 more"),
        (sentence("Ten digits", "a grid"), "Ten digits: a grid."),
        (sentence("Which?", "a grid"), "Which? A grid."),
        (sentence(None, "a grid"), "A grid."),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert text == expected
