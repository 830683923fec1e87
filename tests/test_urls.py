"""canonical_url: many spellings, one identity. Laws by Hypothesis, cases as a table."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.urls import canonical_url, same_site, site, without_amp

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


def google_news(address: str, kind: bytes = b"\x08\x13") -> str:
    """A link of Google News as it was made until 2024."""
    data = address.encode()
    size = (
        bytes([len(data)]) if len(data) < 0x80 else bytes([len(data) & 0x7F | 0x80, len(data) >> 7])
    )
    ticket = urlsafe_b64encode(kind + b"\x22" + size + data + b"\xd2\x01\x00").decode().rstrip("=")
    return f"https://news.google.com/rss/articles/{ticket}?oc=5"


STORY = "https://example.com/2026/quay-opens?id=7"
WRAPPED = [
    (google_news(STORY), STORY),
    (google_news(STORY + "&utm_source=rss"), STORY),
    (google_news("https://example.com/" + "a" * 200), "https://example.com/" + "a" * 200),
    (google_news("AU_yqLNticketwithoutanaddress"), google_news("AU_yqLNticketwithoutanaddress")),
    ("https://www.google.com/url?rct=j&sa=t&url=https%3A%2F%2Fexample.com%2Fa&ct=ga",
     "https://example.com/a"),
    ("https://www.google.com/url?q=javascript:alert(1)",
     "https://www.google.com/url?q=javascript%3Aalert(1)"),
    ("https://www.google.com/url?q=/search", "https://www.google.com/url?q=%2Fsearch"),
    ("https://www.google.com/search?q=https://example.com/",
     "https://www.google.com/search?q=https%3A%2F%2Fexample.com%2F"),
    ("https://www.google.com/amp/s/amp.example.com/a?b=1&usqp=x", "https://amp.example.com/a?b=1"),
    ("https://example-com.cdn.ampproject.org/c/s/example.com/a", "https://example.com/a"),
    ("https://www.example-com.cdn.ampproject.org/v/s/www.example.com/a?amp_js_v=0.1",
     "https://www.example.com/a"),
    ("https://www.bing.com/news/apiclick.aspx?ref=FexRss&url=https%3a%2f%2fexample.com%2fa&c=1",
     "https://example.com/a"),
    ("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2Fa%3Ffbclid%3D1&h=x",
     "https://example.com/a"),
    ("https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2Fa&data=1",
     "https://example.com/a"),
    ("https://www.google.com/url?q=https%3A%2F%2Fwww.google.com%2Famp%2Fs%2Fexample.com%2Fa",
     "https://example.com/a"),
    ("https://feedproxy.google.com/~r/example/~3/xYz/", "https://feedproxy.google.com/~r/example/~3/xYz/"),
    ("https://evil.example/url?url=https://example.com/a",
     "https://evil.example/url?url=https%3A%2F%2Fexample.com%2Fa"),
]  # fmt: skip


@pytest.mark.parametrize(("wrapper", "expected"), WRAPPED)
def test_wrappers_that_carry_the_address(wrapper: str, expected: str) -> None:
    assert canonical_url(wrapper) == canonical_url(expected)


def test_wrappers_within_wrappers_end() -> None:
    url = "https://example.com/a"
    for _ in range(4):
        url = "https://www.google.com/url?url=" + quote(url, safe="")
    assert canonical_url(url) == "https://example.com/a"
    for _ in range(10):
        url = "https://www.google.com/url?url=" + quote(url, safe="")
    with pytest.raises(ValueError, match=r"address"):
        canonical_url(url)


@pytest.mark.parametrize(
    ("amp", "page"),
    [
        ("https://example.com/a/amp", "https://example.com/a"),
        ("https://example.com/a/amp/", "https://example.com/a/"),
        ("https://example.com/amp/a", "https://example.com/a"),
        ("https://example.com/a.amp", "https://example.com/a"),
        ("https://example.com/a.amp.html", "https://example.com/a.html"),
        ("https://example.com/a-amp.html?id=1", "https://example.com/a.html?id=1"),
        ("https://example.com/a?amp=1", "https://example.com/a"),
        ("https://example.com/champ", "https://example.com/champ"),
        ("https://example.com/lamp/a", "https://example.com/lamp/a"),
    ],
)
def test_marks_of_amp_pages(amp: str, page: str) -> None:
    assert without_amp(amp) == page


def test_a_word_of_an_address_is_no_mark() -> None:
    assert canonical_url("https://example.com/guitars/amp") == "https://example.com/guitars/amp"


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


@settings(deadline=None)
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


@settings(deadline=None)
@given(addresses(), tracking, st.booleans())
def test_tracking_parameters_make_no_difference(url: str, noise: str, first: bool) -> None:
    head, _, query = url.partition("?")
    noisy = f"{head}?{noise}&{query}" if first else f"{head}?{query}&{noise}"
    assert canonical_url(noisy) == canonical_url(url)


@settings(deadline=None)
@given(addresses(), st.sampled_from(["url=", "q=", "sa=t&url="]))
def test_what_is_wrapped_keeps_its_identity(url: str, query: str) -> None:
    wrapper = f"https://www.google.com/url?{query}{quote(url, safe='')}"
    assert canonical_url(wrapper) == canonical_url(url)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_ticket_of_google_news_has_one_identity(data: bytes) -> None:
    ticket = urlsafe_b64encode(b"\x08\x13\x22" + data).decode()
    try:
        once = canonical_url(f"https://news.google.com/rss/articles/{ticket}")
    except ValueError:
        return
    assert canonical_url(once) == once


@settings(deadline=None)
@given(addresses())
def test_http_and_https_are_one_identity(url: str) -> None:
    rest = url.partition("://")[2]
    assert canonical_url(f"http://{rest}") == canonical_url(f"https://{rest}")


@settings(deadline=None)
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
