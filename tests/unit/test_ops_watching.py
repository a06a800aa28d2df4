from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.floor.watching import News, news

looks = st.lists(
    st.fixed_dictionaries({"bin_id": st.sampled_from("ABCDE"), "version": st.integers(1, 3)}),
    unique_by=lambda bin_: bin_["bin_id"],
)


def bin_of(name: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {"bin_id": name, "version": version, **more}


def test_what_came_what_changed_and_what_left_is_news_and_the_rest_is_not() -> None:
    before = [bin_of("A"), bin_of("B"), bin_of("C", picture_url="https://photos.example/1")]
    after = [bin_of("D"), bin_of("B", 2), bin_of("C", picture_url="https://photos.example/2")]
    assert list(news(before, after)) == [
        News("came", bin_of("D")),
        News("changed", bin_of("B", 2)),
        News("left", bin_of("A")),
    ]


@given(looks, looks)
def test_whoever_hears_all_the_news_knows_what_is_there(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    known = {bin_["bin_id"]: bin_ for bin_ in before}
    for one in news(before, after):
        if one.what == "left":
            del known[one.bin["bin_id"]]
        else:
            known[one.bin["bin_id"]] = one.bin
    assert known == {bin_["bin_id"]: bin_ for bin_ in after}


@given(looks)
def test_nothing_is_news_where_nothing_happened(bins: list[dict[str, Any]]) -> None:
    assert list(news(bins, bins)) == []
