"""canonical_url: many spellings, one identity. Laws by Hypothesis, cases as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.urls import canonical_url, same_site, site

CASES = [
    ("HTTP://News.Example.COM:80/a/../b?b=2&a=1#top", "https://news.example.com/b?a=1&b=2"),
    ("http://example.com", "https://example.com/"),
    ("https://example.com:443/a", "https://example.com/a"),
    ("http://example.com:8080/a", "http://example.com:8080/a"),
    ("https://example.com./a?", "https://example.com/a"),
    ("https://example.com/a?utm_source=rss&id=7&fbclid=x", "https://example.com/a?id=7"),
    ("https://example.com/?p=123&UTM_Medium=feed", "https://example.com/?p=123"),
    ("https://example.com/a?ref=rss&source=newsletter", "https://example.com/a"),
    ("https://example.com/a?ref=main-3", "https://example.com/a?ref=main-3"),
    ("https://example.com/a?at_medium=RSS&at_campaign=x", "https://example.com/a"),
    ("https://example.com/a&amp;b", "https://example.com/a&amp;b"),
    ("https://example.com/caf%c3%a9", "https://example.com/caf%C3%A9"),
    ("https://example.com/café", "https://example.com/caf%C3%A9"),
    ("https://example.com/%7Euser", "https://example.com/~user"),
    ("https://example.com/a%2Fb", "https://example.com/a%2Fb"),
    ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
    ("https://user:secret@example.com/a", "https://example.com/a"),
    ("  https://example.com/a\n%20", "https://example.com/a"),
    ("https://exam\tple.com/a\u200b", "https://example.com/a"),
    ("https://example.com/a;jsessionid=8A?x=1", "https://example.com/a?x=1"),
    ("https://example.com/a?&&x=1&", "https://example.com/a?x=1"),
    ("https://example.com/a?x=", "https://example.com/a?x="),
    ("https://example.com/a/", "https://example.com/a/"),
    ("https://example.com/A", "https://example.com/A"),
    ("https://[2001:DB8::1]/a", "https://[2001:db8::1]/a"),
]


@pytest.mark.parametrize(("url", "expected"), CASES)
def test_spellings(url: str, expected: str) -> None:
    assert canonical_url(url) == expected


def test_a_link_is_resolved_against_its_base() -> None:
    assert canonical_url("../b?c", "https://example.com/a/x/") == "https://example.com/a/b?c="
    assert canonical_url("//cdn.example.com/b", "http://a.example/") == "https://cdn.example.com/b"


@pytest.mark.parametrize(
    "url",
    [
        "", "/a", "a.html", "mailto:a@example.com", "javascript:alert(1)", "ftp://example.com/",
        "file:///etc/passwd", "http://", "https:///a", "http://exa mple.com/", "http://[::1/",
        "http://example.com:port/", "http://example.com:99999/", "https://e.com/" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_url(url)


hosts = st.sampled_from(["example.com", "News.Example.co.uk", "bücher.example", "127.0.0.1"])
paths = st.text(max_size=30).map(lambda text: "/" + text.replace("\\", ""))
names = st.text(alphabet="abcdeüxyz-_.", min_size=1, max_size=6).map(lambda name: "q" + name)
parameters = st.lists(st.tuples(names, st.text(alphabet="abc+%20é&=", max_size=6)), max_size=4)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    query = "&".join(f"{name}={value}" for name, value in draw(parameters))
    path = draw(paths).replace("?", "").replace("#", "")
    return f"{draw(st.sampled_from(['http', 'https']))}://{draw(hosts)}{path}?{query}"


@given(addresses())
def test_the_identity_of_an_identity_is_itself(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once


tracking = st.sampled_from(
    [
        "utm_source=rss",
        "UTM_CAMPAIGN=a%20b",
        "fbclid=1",
        "gclid=",
        "ref=rss",
        "mc_cid=7",
        "_hsenc=p",
    ]
)


@given(addresses(), tracking, st.booleans())
def test_tracking_parameters_make_no_difference(url: str, noise: str, first: bool) -> None:
    head, _, query = url.partition("?")
    noisy = f"{head}?{noise}&{query}" if first else f"{head}?{query}&{noise}"
    assert canonical_url(noisy) == canonical_url(url)


@given(addresses())
def test_http_and_https_are_one_identity(url: str) -> None:
    rest = url.partition("://")[2]
    assert canonical_url(f"http://{rest}") == canonical_url(f"https://{rest}")


@given(st.text(max_size=60))
def test_any_text_gives_an_address_or_a_value_error(text: str) -> None:
    try:
        found = canonical_url(text, "https://example.com/a/")
    except ValueError:
        return
    assert found.startswith(("http://", "https://"))
    assert found.isascii()


def test_sites() -> None:
    assert site("https://www.bbc.co.uk/news") == "bbc.co.uk"
    assert same_site("https://www.bbc.co.uk/a", "http://feeds.bbc.co.uk/b")
    assert not same_site("https://one.blogspot.com/", "https://two.blogspot.com/")
    assert not same_site("https://one.test/", "https://two.test/")
    assert same_site("https://a.one.test/", "https://b.one.test/")
    assert not same_site("https://192.0.2.1/", "https://198.0.2.1/")
