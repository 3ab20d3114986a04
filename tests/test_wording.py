from hypothesis import given, settings
from hypothesis import strategies as st

from digitlab.wording import counted, listing, percent, signed_text


@given(st.floats(0, 1), st.sampled_from([1, 2]))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_percentages_never_round_to_all_or_nothing(share: float, decimals: int) -> None:
    text = percent(share, decimals)
    assert text.endswith(" %")
    number = float(text.removesuffix(" %").lstrip("<> "))
    assert abs(number - 100 * share) <= 10.0**-decimals + 1e-9
    if text[0].isdigit():
        assert (number in (0.0, 100.0)) == (share in (0.0, 1.0))


def test_words_at_the_edges() -> None:
    assert listing(str(i) for i in range(40)).endswith("28, 29 and 10 more")
    assert listing(["1", "2"]) == "1, 2"
    assert counted(0, "map") == "0 maps"
    assert signed_text(-1e-7) == "−1e−07" and signed_text(123456) == "123,000"
