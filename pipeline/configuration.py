"""What the user has set: `newsfold.toml` beside the database.

Comes in: where the database is. Goes out: a Configuration, complete with defaults. It never lets
a mistake pass: an unknown key or a value of the wrong type is told with what is allowed.

A new table is a frozen dataclass with defaults and a field of Configuration; a new key is a field
of its table. Values that a type cannot rule out are refused in `__post_init__` by a ValueError.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from pipeline.ages import age_of
from pipeline.budget import seconds_of
from pipeline.digest.feeds import TAG, is_tag
from pipeline.weights import same_event
from storage.database import file_of
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from email.headerregistry import Address

    from sqlite_utils import Database

FILE = "newsfold.toml"
_ADDRESS = re.compile(r"https?://[^\s/?#]+/(?:[^\s?#]*/)?")
_WORDS = {
    str: "a text in quotation marks",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
_Table = TypeVar("_Table")
PERIODS = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
HEAVIEST = 100.0  # weight; more drowns all others
PORTS = {"starttls": 587, "tls": 465, "none": 25}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Younger ones are still folded, edited, told by a weekly digest, or looked at by health.
LEAST_KEPT = {
    "text": timedelta(days=30),
    "pages": timedelta(days=4),
    "entries": timedelta(days=30),
    "runs": timedelta(days=30),
}
_WEIGHTS = ("sources", "categories")
_PLAIN = ("llm", "templates")  # of [digest], neither weights nor profiles
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HTTPS = re.compile(r"https://[!-~]+")


@dataclass(frozen=True, slots=True)
class Fold:
    """How stories are folded into events."""

    embedding: str | None = None  # a package that carries a model, a folder or a model of a hub
    multilingual: bool = False  # the embedding knows many languages: stories fold across them
    download: bool = False  # the model may be fetched from its hub
    threshold: float | None = None  # how alike the stories of an event are on average, 0 to 1

    def __post_init__(self) -> None:
        if self.embedding is not None and not self.embedding.strip():
            raise ValueError("embedding names no model; leave the line out to fold without one")
        if self.embedding is None and self.multilingual:
            raise ValueError("multilingual = true needs an embedding that knows many languages")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError("threshold must lie between 0 and 1; leave the line out for the usual")


@dataclass(frozen=True, slots=True)
class Run:
    """How a scheduled pass runs."""

    time: str = "8m"  # it ends in order when it is up; a scheduler starts one every ten minutes

    def __post_init__(self) -> None:
        try:
            seconds_of(self.time)
        except ValueError as error:
            raise ValueError(f"time: {error}") from error


@dataclass(frozen=True, slots=True)
class Poll:
    """Minutes between two polls of a feed, whatever it publishes; crawlers/settings.py has the
    usual ones."""

    shortest: int | None = None
    longest: int | None = None
    with_news: int | None = None  # the longest for a feed that brought anything new

    @property
    def settings(self) -> dict[str, int]:
        """Those that were set, by the names that the crawler has for them."""
        told = {
            "NEWSFOLD_SHORTEST_INTERVAL": self.shortest,
            "NEWSFOLD_LONGEST_INTERVAL": self.longest,
            "NEWSFOLD_INTERVAL_WITH_NEWS": self.with_news,
        }
        return {name: minutes for name, minutes in told.items() if minutes is not None}


@dataclass(frozen=True, slots=True)
class Profile:
    """A digest that comes regularly: what is in it, for whom, and in which form."""

    period: str = "daily"
    most: int = 20  # events
    categories: tuple[str, ...] = ()  # only these; all where there are none
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # only events that one of these reports
    title: str = "newsfold"
    form: str = "text"
    to: tuple[str, ...] = ()  # who gets it by mail

    def __post_init__(self) -> None:
        if self.period not in PERIODS:
            raise ValueError(f"period must be one of {', '.join(PERIODS)}")
        if self.most < 1:
            raise ValueError("most must be 1 or more")
        if not self.title.isprintable():
            raise ValueError("title must be one line")
        for recipient in self.to:
            address_of(recipient)

    @property
    def span(self) -> timedelta:
        return PERIODS[self.period]


@dataclass(frozen=True, slots=True)
class Digest:
    """What digests are made of. Every other table of [digest] is a profile by its name."""

    sources: dict[str, float] = field(default_factory=dict)  # weights by id; 1 is usual
    categories: dict[str, float] = field(default_factory=dict)  # weights; digest/choose.toml
    profiles: dict[str, Profile] = field(default_factory=dict)
    llm: str | None = None  # of the llm library, writes TL;DRs; none: the reports' own sentences
    templates: Path | None = None  # a folder whose templates come before ours

    def __post_init__(self) -> None:
        if self.llm is not None and not self.llm.strip():
            raise ValueError(
                "[digest] llm names no model; leave the line out for the reports' own sentences"
            )
        for name, weights in (("sources", self.sources), ("categories", self.categories)):
            for key, weight in weights.items():
                if not 0 <= weight <= HEAVIEST:
                    raise ValueError(f"[digest.{name}] {key} must lie from 0 to {HEAVIEST:g}")

    def profile(self, name: str) -> Profile:
        """A profile by its name; daily and weekly are there without being set. Raises
        NewsfoldError."""
        known = {period: Profile(period=period) for period in PERIODS} | self.profiles
        if name not in known:
            raise NewsfoldError(
                f"no profile is called {name!r}; there are {', '.join(known)}, and each table"
                f" [digest.NAME] in {FILE} makes one",
                WRONG_CALL,
            )
        return known[name]


@dataclass(frozen=True, slots=True)
class Mail:
    """The server that takes mail, and what stands in the head of each."""

    host: str = ""
    port: int | None = None  # by `tls`: 587, 465 or 25
    tls: str = "starttls"  # or tls (from the start), or none
    user: str | None = None  # its password: NEWSFOLD_MAIL_PASSWORD, or password_file
    password_file: str | None = None
    ca_file: str | None = None  # certificates to trust in place of the system's
    sender: str = ""  # newsfold <news@example.org>
    reply_to: str | None = None
    unsubscribe: str | None = None  # an https address, in which {to} is the recipient

    def __post_init__(self) -> None:
        if self.tls not in PORTS:
            raise ValueError(f"tls must be one of {', '.join(PORTS)}")
        if self.user and self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError("tls = 'none' would send the password for all to read")
        if self.sender:
            address_of(self.sender)
        if self.reply_to:
            address_of(self.reply_to)
        if self.unsubscribe and not _HTTPS.fullmatch(self.unsubscribe):
            raise ValueError("unsubscribe must be an https address without spaces")


@dataclass(frozen=True, slots=True)
class Site:
    """What static pages and feeds say of themselves."""

    title: str = "newsfold"
    base_url: str = ""  # where the site is found
    tag: str = TAG  # who hands out the ids of feed entries, and since when

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("title is empty; leave the line out for the usual")
        if self.base_url and not _ADDRESS.fullmatch(self.base_url):
            raise ValueError('base_url must be as in "https://news.example/", with the last slash')
        if not is_tag(self.tag):
            raise ValueError('tag must be a domain of yours and a year, as in "news.example,2026"')


@dataclass(frozen=True, slots=True)
class Keep:
    """How long `newsfold prune` keeps what grows: 30d, 8w, 2y; for ever where nothing is said."""

    text: str | None = None  # words of stories
    pages: str | None = None  # as they were fetched; every pass drops those of a week ago
    entries: str | None = None  # what feeds said of them
    runs: str | None = None  # rows of passes

    def __post_init__(self) -> None:
        for name, age in self.ages.items():
            if age < LEAST_KEPT[name]:
                raise ValueError(f"{name} is kept for {LEAST_KEPT[name].days} days at least")

    @property
    def ages(self) -> dict[str, timedelta]:
        """Those that were set."""
        told = {"text": self.text, "pages": self.pages, "entries": self.entries, "runs": self.runs}
        found: dict[str, timedelta] = {}
        for name, age in told.items():
            try:
                found |= {} if age is None else {name: age_of(age)}
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return found


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it; each field is a table of the file."""

    fold: Fold = field(default_factory=Fold)
    run: Run = field(default_factory=Run)
    poll: Poll = field(default_factory=Poll)
    digest: Digest = field(default_factory=Digest)
    mail: Mail = field(default_factory=Mail)
    site: Site = field(default_factory=Site)
    keep: Keep = field(default_factory=Keep)

    @property
    def fingerprint(self) -> str:
        """The same for the same settings, whatever file they were written in."""
        told = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def fingerprint_beside(database: str | Path) -> str:
    """Of the settings that count for a database."""
    return read_configuration(database).fingerprint


def read_configuration(database: str | Path, file: Path | None = None) -> Configuration:
    """The configuration beside a database, or in another `file`; the defaults where there is none
    beside it.

    Raises NewsfoldError, which names the file, the key and what is allowed.
    """
    path = file or Path(database).parent / FILE
    try:
        told = _table(Configuration, tomllib.loads(path.read_text("utf-8")), "")
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        raise NewsfoldError(f"{path} cannot be read ({error.strerror})", WRONG_CALL) from error
    except ValueError as error:  # of ours, of TOML or of UTF-8
        raise NewsfoldError(f"{path}: {error}", WRONG_CALL) from error
    if told.digest.templates is None:
        return told
    folder = path.parent / told.digest.templates
    if not folder.is_dir():
        raise NewsfoldError(f"{path}: [digest] templates: {folder} is no folder", WRONG_CALL)
    return replace(told, digest=replace(told.digest, templates=folder))


def threshold_beside(db: Database, *, embedded: bool) -> float:
    """How alike the stories of an event are on average: as set beside the database, else the
    model's."""
    return read_configuration(file_of(db)).fold.threshold or same_event(embedded)


def write_threshold(database: str | Path, threshold: float) -> Path:
    """Write `[fold] threshold` into the file beside a database, which is made where there is none;
    everything else in it stays as it stands. Raises NewsfoldError when it cannot be written."""
    read_configuration(database)  # what has a mistake in it is told, not written over
    import tomlkit  # who only reads need not load it

    path = Path(database).parent / FILE
    try:
        document = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
        fold = document.setdefault("fold", tomlkit.table())
        fold["threshold"] = threshold
        beside = path.with_name(f".{FILE}.new")
        beside.write_text(tomlkit.dumps(document), "utf-8")
        beside.replace(path)
    except OSError as error:
        raise NewsfoldError(f"{path} cannot be written ({error.strerror})") from error
    return path


def address_of(written: str) -> Address:
    """`Ada Quill <ada@example.org>`, or the address alone. Raises ValueError for anything else."""
    from email.errors import MessageError  # takes time to load, and few commands send mail
    from email.headerregistry import Address
    from email.utils import parseaddr

    name, address = parseaddr(written)
    try:
        found = Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError, MessageError) as error:
        raise ValueError(f"{written!r} is no mail address") from error
    if not (found.username and found.domain and written.isprintable()):
        raise ValueError(f"{written!r} is no mail address")
    if not address.isascii():
        raise ValueError(f"{written!r}: write the domain as it goes over the wire (xn--...)")
    return found


def _table(kind: type[_Table], given: dict[str, Any], name: str) -> _Table:
    """The dataclass of a table, from what the file says in it."""
    hints = get_type_hints(kind)
    unknown = sorted(set(given) - set(hints))
    if unknown:
        raise ValueError(f"{name}{unknown[0]} is not known; allowed: {', '.join(hints)}")
    told = {key: _value(hints[key], value, f"{name}{key}") for key, value in given.items()}
    try:
        return kind(**told)
    except ValueError as error:
        raise ValueError(f"{name}{error}") from error


def _digest(given: dict[str, Any]) -> Digest:
    """Of [digest]: two tables of weights, and profiles by name."""
    profiles = {}
    for name, told in given.items():
        if name in (*_WEIGHTS, *_PLAIN):
            continue
        if not isinstance(told, dict):
            raise ValueError(f"[digest] {name} must be a table: [digest.{name}]")
        if not _NAME.fullmatch(name):
            raise ValueError(f"[digest.{name}]: a name is of small letters, digits and hyphens")
        profiles[name] = _table(Profile, told, f"[digest.{name}] ")
    weights = {
        name: _value(dict[str, float], given.get(name, {}), f"digest.{name}") for name in _WEIGHTS
    }
    plain = {key: _value(str, given[key], f"[digest] {key}") for key in _PLAIN if key in given}
    if "templates" in plain:
        plain["templates"] = Path(cast("str", plain["templates"]))
    return Digest(profiles=profiles, **cast("dict[str, Any]", weights | plain))


def _value(hint: Any, value: object, name: str) -> object:
    if hint is Digest and isinstance(value, dict):
        return _digest(value)
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{name} must be a table: [{name}]")
        _, held = get_args(hint)
        return {key: _value(held, each, f"[{name}] {key}") for key, each in value.items()}
    if get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(type(each) is str for each in value):
            raise ValueError(f'{name} must be a list of texts: ["...", "..."]')
        return tuple(value)
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise ValueError(f"{name} must be a table: [{name}]")
        return _table(cast("type[Any]", hint), value, f"[{name}] ")
    allowed = set(get_args(hint) or (hint,)) - {type(None)}  # TOML has no word for None
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:  # not isinstance: true is no number here
        words = " or ".join(sorted(_WORDS[each] for each in allowed))
        raise ValueError(f"{name} must be {words}")
    return value
