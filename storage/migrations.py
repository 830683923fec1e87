"""The schema, as append-only steps: a step that has shipped is never edited.

The comments inside the statements are the documentation: SQLite keeps them, so
`sqlite3 news.db .schema` shows them and docs/schema.md is made from them.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from storage.tallies import MOST_PAIRED, pair_anew, tally_everything

migrations = Migrations("newsfold")


@migrations(name="0001_first_tables")
def first_tables(db: Database) -> None:
    for statement in _FIRST_TABLES:
        db.execute(statement)


@migrations(name="0002_vectors")
def vectors(db: Database) -> None:
    db.execute(_VECTORS)


@migrations(name="0003_readings")
def readings(db: Database) -> None:
    """What folding keeps of a story, and which stories wait for it, stand in tables of their own:
    a row of `stories` is long, and SQLite writes all of it anew when one column changes."""
    for statement in _READINGS:
        db.execute(statement)
    waiting = "INSERT INTO waiting SELECT id, coalesce(published, first_seen) FROM stories"
    if "folded_at" not in db["stories"].columns_dict:
        db.execute(waiting)
        return
    # Before the first release a column said it.
    db.execute(f"{waiting} WHERE folded_at IS NULL")
    db.execute("DROP INDEX stories_waiting")
    db.execute("DROP INDEX stories_undated")
    db.execute("ALTER TABLE stories DROP COLUMN folded_at")


@migrations(name="0004_polling")
def polling(db: Database) -> None:
    """How feeds ask to be polled, and which hosts have asked us to stay away."""
    for statement in _POLLING:
        db.execute(statement)


@migrations(name="0007_health")
def health(db: Database) -> None:
    """What a pass cost, what failed in it and what it ran on; and a way to the latest entries of
    each feed, however many there are."""
    for statement in _HEALTH:
        db.execute(statement)


@migrations(name="0005_discussions")
def discussions(db: Database) -> None:
    """What is said elsewhere of a story, by its address: the story may come later, or never."""
    for statement in _DISCUSSIONS:
        db.execute(statement)


@migrations(name="0006_dates")
def dates(db: Database) -> None:
    """How the time of a story was found, and whether it must be paid for."""
    for statement in _DATES:
        db.execute(statement)


@migrations(name="0008_robots")
def robots(db: Database) -> None:
    """What each site's robots.txt says, so that a pass need not ask again."""
    db.execute(_ROBOTS)


@migrations(name="0009_addresses")
def addresses(db: Database) -> None:
    """Where else a story stands, so that discussions find it that name another of its addresses."""
    for statement in _ADDRESSES:
        db.execute(statement)


@migrations(name="0010_corrections")
def corrections(db: Database) -> None:
    """What analysts have said of the grouping, and who was in which event when."""
    for statement in _CORRECTIONS:
        db.execute(statement)


@migrations(name="0011_search")
def search(db: Database) -> None:
    """Full-text indexes, ways to what analysts ask for, and tallies that are kept as events are
    saved: what would be counted over a million stories at each question."""
    for statement in (*_SEARCH, *_WAYS, *_TALLIES):
        db.execute(statement)
    fill_search(db)
    tally_everything(db)


def fill_search(db: Database) -> None:
    """Put what is stored into the full-text indexes, which are empty."""
    for statement in _FILL_SEARCH:
        db.execute(statement)


@migrations(name="0012_summaries")
def summaries(db: Database) -> None:
    """What language models have written, so that they are not asked twice."""
    db.execute(_SUMMARIES)


@migrations(name="0013_categories")
def categories(db: Database) -> None:
    """What kind of happening an analyst says that an event is, and what was learned from that."""
    for statement in _CATEGORIES:
        db.execute(statement)


@migrations(name="0014_digests")
def digests(db: Database) -> None:
    """What readers have been told, so that nothing is told twice, and who has got it."""
    for statement in _DIGESTS:
        db.execute(statement)


@migrations(name="0015_edits_in_time")
def edits_in_time(db: Database) -> None:
    """What was edited in a period is found without reading the words of all that ever was."""
    db.execute("CREATE INDEX revisions_replaced ON revisions (replaced_at, story_id)")


@migrations(name="0016_pruned")
def pruned(db: Database) -> None:
    """Whose words were dropped after years. Such a story waits for no fold again: there is nothing
    to read in it. The two indexes are for foreign keys: whoever drops a pass looks for its rows."""
    for statement in _PRUNED:
        db.execute(statement)


@migrations(name="0017_archives")
def archives(db: Database) -> None:
    """Which web archives were imported, so that none is read twice."""
    db.execute(_ARCHIVES)


@migrations(name="0018_names_length")
def names_length(db: Database) -> None:
    """So that an event can be related to others by the names that they share alone."""
    db.execute(
        "ALTER TABLE events ADD COLUMN names_length REAL"
        " /* how much its names say in all, as the length of a vector, when it was last related;"
        " null: they have changed since */"
    )


@migrations(name="0019_pairs_of_few")
def pairs_of_few(db: Database) -> None:
    """An event of thousands of sources was millions of pairs of them, which told nothing."""
    if db.execute("SELECT 1 FROM events WHERE source_count > ?", (MOST_PAIRED,)).fetchone():
        pair_anew(db)


@migrations(name="0020_event_marks")
def event_marks(db: Database) -> None:
    """Whom an event could be related to is read from small rows, in place of all their names."""
    db.execute(_EVENT_MARKS)
    db.execute("ALTER TABLE events DROP COLUMN names_length")


_FIRST_TABLES = (
    """CREATE TABLE sources (
  -- A publisher. Sources of one owner do not count as independent voices.
  id TEXT PRIMARY KEY, -- short name, such as ars-technica
  name TEXT NOT NULL, -- as people call it
  home TEXT NOT NULL, -- address of the front page
  language TEXT NOT NULL, -- BCP 47, such as en or pt-BR
  owner TEXT NOT NULL -- who owns it; its own name when independent
)""",
    """CREATE TABLE feeds (
  -- One URL that lists new entries of a source, and how its last polls went.
  id INTEGER PRIMARY KEY,
  source_id TEXT NOT NULL REFERENCES sources(id), -- whose feed it is
  url TEXT NOT NULL UNIQUE, -- where it is fetched now (a permanent redirect moves it)
  kind TEXT NOT NULL, -- feed (RSS, Atom, JSON Feed), sitemap or section (a listing page)
  links TEXT, -- for a section: CSS selector of the links to articles
  etag TEXT, -- validator of the last full answer
  last_modified TEXT, -- validator of the last full answer
  last_fetched TEXT, -- when it last answered at all
  next_due TEXT, -- not polled before this time
  interval_minutes INTEGER, -- the present polling interval
  last_status INTEGER, -- HTTP status of the last answer
  last_error TEXT, -- why the last poll failed; null when it did not
  failures INTEGER NOT NULL DEFAULT 0, -- failed polls in a row
  retired TEXT -- not polled any more: since when it is gone (410), or removed, or moved
)""",
    """CREATE TABLE entries (
  -- An item as a feed gave it, and what became of fetching its page.
  id INTEGER PRIMARY KEY,
  feed_id INTEGER NOT NULL REFERENCES feeds(id), -- the feed that listed it
  url TEXT NOT NULL, -- the link as given
  canonical_url TEXT NOT NULL, -- the link without tracking and other noise
  guid TEXT, -- the feed's own identifier; kept, never relied on
  title TEXT NOT NULL, -- as the feed gave it
  summary TEXT NOT NULL, -- as the feed gave it, as plain text
  author TEXT, -- as the feed gave it
  published TEXT, -- the feed's time for it
  published_precision TEXT NOT NULL, -- minute, day or guessed
  comments INTEGER, -- number of comments, where the feed tells it
  language TEXT, -- as the feed declared it
  first_seen TEXT NOT NULL, -- when we first saw it
  status TEXT NOT NULL, -- waiting, fetched, failed, gone (404, 410) or forbidden (robots.txt)
  attempts INTEGER NOT NULL DEFAULT 0, -- fetches of its page so far
  error TEXT, -- why the last fetch failed
  UNIQUE (feed_id, canonical_url)
)""",
    "CREATE INDEX entries_waiting ON entries (status, feed_id)",
    "CREATE INDEX entries_canonical_url ON entries (canonical_url)",
    """CREATE TABLE pages (
  -- What was fetched for an entry, compressed; dropped some days after extraction.
  id INTEGER PRIMARY KEY,
  entry_id INTEGER NOT NULL UNIQUE REFERENCES entries(id), -- the entry it was fetched for
  url TEXT NOT NULL, -- where the redirects ended
  fetched_at TEXT NOT NULL, -- when it was fetched
  encoding TEXT, -- charset of the HTTP header, if it named one
  extracted TEXT, -- when it was read; null while it waits
  error TEXT, -- why no story could be made of it
  html BLOB NOT NULL -- the body as sent, zlib; last, so that the others are read without it
)""",
    "CREATE INDEX pages_waiting ON pages (id) WHERE extracted IS NULL",
    "CREATE INDEX pages_extracted ON pages (extracted)",
    "CREATE INDEX pages_without_story ON pages (entry_id) WHERE error IS NOT NULL",
    """CREATE TABLE stories (
  -- One article at one canonical URL.
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE, -- canonical URL: the identity of the story
  source_id TEXT NOT NULL REFERENCES sources(id), -- who published it
  title TEXT NOT NULL, -- headline
  text TEXT NOT NULL, -- plain text, paragraphs apart by a blank line
  sections TEXT NOT NULL, -- the same text as JSON: [{"heading", "text"}]
  summary TEXT NOT NULL, -- what the feed said of it
  authors TEXT NOT NULL, -- JSON list of names
  published TEXT, -- the publisher's time; null when none was given
  published_precision TEXT NOT NULL, -- minute, day or guessed
  updated TEXT, -- the publisher's time of the last change
  first_seen TEXT NOT NULL, -- our time of the first sight
  language TEXT NOT NULL, -- BCP 47
  image TEXT, -- address of the lead picture
  rubric TEXT, -- the source's own heading for it, such as Business
  comments INTEGER, -- number of comments, where a feed tells it
  canonical_claim TEXT, -- rel=canonical that points to another site: a carried text
  text_from TEXT NOT NULL, -- page, feed (the page could not be had) or import
  copy_of INTEGER REFERENCES stories(id), -- the story whose text this is, nearly word for word
  extra TEXT NOT NULL -- JSON object: keys of an import that newsfold does not know
)""",
    "CREATE INDEX stories_time ON stories (coalesce(published, first_seen))",
    "CREATE INDEX stories_source ON stories (source_id)",
    """CREATE TABLE revisions (
  -- The earlier words of a story that was edited after we had stored it.
  id INTEGER PRIMARY KEY,
  story_id INTEGER NOT NULL REFERENCES stories(id), -- the story, which keeps its id
  title TEXT NOT NULL, -- the earlier headline
  text TEXT NOT NULL, -- the earlier text
  replaced_at TEXT NOT NULL -- when the newer words arrived
)""",
    "CREATE INDEX revisions_story ON revisions (story_id)",
    """CREATE TABLE events (
  -- The stories about one happening. Ids are never used again: see lineage.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL, -- the title of the headline story
  headline_story INTEGER NOT NULL REFERENCES stories(id), -- the member that names the event
  category TEXT NOT NULL, -- such as model release, funding, outage
  category_because TEXT NOT NULL, -- the words that decided the category
  tldr TEXT NOT NULL, -- two or three sentences taken from the stories
  tldr_from TEXT NOT NULL, -- JSON: [{"text", "story_id"}], each sentence and its story
  language TEXT NOT NULL, -- BCP 47
  first_published TEXT, -- time of its first story
  last_published TEXT, -- time of its latest story
  first_source TEXT REFERENCES sources(id), -- who was first
  story_count INTEGER NOT NULL, -- members in all
  source_count INTEGER NOT NULL, -- different sources
  independent_count INTEGER NOT NULL, -- voices: owners with a text of their own
  comments INTEGER, -- comments on all members, where feeds tell them
  updated_at TEXT NOT NULL -- when newsfold last changed it
)""",
    "CREATE INDEX events_time ON events (last_published)",
    "CREATE INDEX events_category ON events (category)",
    """CREATE TABLE event_stories (
  -- Which story belongs to which event, and why. A story is in one event.
  story_id INTEGER PRIMARY KEY REFERENCES stories(id),
  event_id INTEGER NOT NULL REFERENCES events(id),
  role TEXT NOT NULL, -- original, copy, rewrite, commentary or roundup
  score REAL NOT NULL, -- 0 to 1: the match through which it came in
  through_story INTEGER REFERENCES stories(id), -- its best match in the event
  because TEXT NOT NULL -- the signals of that match, in words
)""",
    "CREATE INDEX event_stories_event ON event_stories (event_id)",
    """CREATE TABLE matches (
  -- The match through which a story came into its event, with the signals behind the score.
  left_story INTEGER NOT NULL REFERENCES stories(id), -- the smaller id
  right_story INTEGER NOT NULL REFERENCES stories(id),
  score REAL NOT NULL, -- 0 to 1
  signals TEXT NOT NULL, -- JSON: [{"name", "weight", "words"}]
  PRIMARY KEY (left_story, right_story)
) WITHOUT ROWID""",
    "CREATE INDEX matches_right ON matches (right_story)",
    """CREATE TABLE lineage (
  -- What became of an event: every id ever handed out answers for ever.
  id INTEGER PRIMARY KEY,
  event_id INTEGER NOT NULL, -- the event that changed
  kind TEXT NOT NULL, -- merged: event_id became other_event; split: other came out of it
  other_event INTEGER NOT NULL, -- merged into it, or split from it
  run_id INTEGER REFERENCES runs(id), -- the pass that decided it
  at TEXT NOT NULL -- when
)""",
    "CREATE INDEX lineage_event ON lineage (event_id)",
    "CREATE INDEX lineage_other ON lineage (other_event)",
    """CREATE TABLE figures (
  -- A number with its unit and what it says, quoted from a story.
  id INTEGER PRIMARY KEY,
  event_id INTEGER NOT NULL REFERENCES events(id),
  story_id INTEGER NOT NULL REFERENCES stories(id), -- where it stands
  key TEXT NOT NULL, -- the same for the same number in other words
  value REAL NOT NULL, -- normalised: 14.3 billion is 14300000000
  unit TEXT NOT NULL, -- such as USD, %, x, B parameters, or empty
  shown TEXT NOT NULL, -- the normalised form as people write it: $14.3B
  quote TEXT NOT NULL, -- the span as printed
  sentence TEXT NOT NULL, -- the sentence it stands in
  about TEXT NOT NULL -- the words beside it that say what is counted
)""",
    "CREATE INDEX figures_event ON figures (event_id)",
    "CREATE INDEX figures_key ON figures (key)",
    """CREATE TABLE event_names (
  -- The names that the stories of an event use: who and what it is about.
  event_id INTEGER NOT NULL REFERENCES events(id),
  name TEXT NOT NULL, -- such as Muse Spark
  mentions INTEGER NOT NULL, -- members that use it
  PRIMARY KEY (event_id, name)
) WITHOUT ROWID""",
    "CREATE INDEX event_names_name ON event_names (name)",
    """CREATE TABLE related_events (
  -- Events about the same names, but another happening.
  event_id INTEGER NOT NULL REFERENCES events(id),
  related_id INTEGER NOT NULL REFERENCES events(id),
  score REAL NOT NULL, -- 0 to 1
  because TEXT NOT NULL, -- what they share, in words
  PRIMARY KEY (event_id, related_id)
) WITHOUT ROWID""",
    "CREATE INDEX related_events_other ON related_events (related_id)",
    """CREATE TABLE runs (
  -- One pass of a verb over the database.
  id INTEGER PRIMARY KEY,
  verb TEXT NOT NULL, -- run (its parts are a crawl and a fold), crawl, fold or import
  started TEXT NOT NULL,
  finished TEXT, -- null while it works, or when it was killed
  exit_code INTEGER, -- 0 done, 1 failed or stopped, 3 done but some sources failed
  counts TEXT NOT NULL, -- JSON object: what was done, in numbers
  version TEXT NOT NULL -- of newsfold
)""",
)

_VECTORS = """CREATE TABLE vectors (
  -- What the embedding made of the words of stories: a cache, made anew where it is missing.
  model TEXT NOT NULL, -- the model by name, digest of its files and the library that ran it
  content_hash TEXT NOT NULL, -- BLAKE2b of the words that were embedded
  vector BLOB NOT NULL, -- of length 1, as little-endian float16
  PRIMARY KEY (model, content_hash)
)"""

_READINGS = (
    """CREATE TABLE waiting (
  -- The stories that wait to be folded: new ones, and those that changed since.
  story_id INTEGER PRIMARY KEY REFERENCES stories(id),
  at TEXT NOT NULL -- the time of the story: published, else first seen
)""",
    """CREATE TRIGGER stories_new AFTER INSERT ON stories BEGIN
  INSERT OR REPLACE INTO waiting VALUES (new.id, coalesce(new.published, new.first_seen));
END""",
    """CREATE TRIGGER stories_changed AFTER UPDATE OF source_id, title, text, sections, summary,
  authors, published, published_precision, updated, language, image, rubric, comments,
  canonical_claim, text_from ON stories BEGIN
  INSERT OR REPLACE INTO waiting VALUES (new.id, coalesce(new.published, new.first_seen));
END""",
    """CREATE TABLE readings (
  -- What folding looks at in a story, read once. A cache: made anew from the story where it is
  -- missing; those of stories that lie long before the latest are dropped.
  story_id INTEGER PRIMARY KEY REFERENCES stories(id),
  at REAL NOT NULL, -- the time that counts for folding, in seconds since 1970; else first seen
  dated INTEGER NOT NULL, -- 0: the story may be of any time
  seen REAL NOT NULL, -- when we first saw it
  out_by REAL, -- when it was out at the latest
  url TEXT NOT NULL, -- as in stories
  source_id TEXT NOT NULL, -- as in stories
  language TEXT NOT NULL, -- the first two letters
  claims_home INTEGER NOT NULL, -- 1: it names another site as its canonical home
  content_hash TEXT NOT NULL, -- of the words that an embedding reads, as in vectors
  marks BLOB NOT NULL, -- what it is compared by, as numbers
  said TEXT NOT NULL, -- JSON: words, names and numbers that a reason can quote
  sketch BLOB NOT NULL -- a sample of its text, by which copies are found
)""",
    "CREATE INDEX readings_time ON readings (at)",
    "CREATE INDEX readings_seen ON readings (seen)",
    """CREATE TABLE unrelated (
  -- Events that changed and wait to be related to others.
  event_id INTEGER PRIMARY KEY
)""",
)

_POLLING = (
    "ALTER TABLE feeds ADD COLUMN poll_every INTEGER"
    " /* minutes between two polls that the feed asks for (ttl, sy:updatePeriod) */",
    "ALTER TABLE feeds ADD COLUMN skip_hours TEXT"
    " /* JSON list: hours of the day (UTC) in which it wants no poll */",
    "ALTER TABLE feeds ADD COLUMN skip_days TEXT"
    " /* JSON list: days on which it wants no poll, 0 is Monday */",
    "ALTER TABLE feeds ADD COLUMN hub TEXT"
    " /* WebSub: who would tell subscribers of its news at once */",
    "ALTER TABLE feeds ADD COLUMN hub_topic TEXT"
    " /* WebSub: the address to subscribe to at the hub */",
    """CREATE TABLE held_hosts (
  -- Hosts that have asked us to stay away (429, 503): nothing of theirs is asked before.
  host TEXT PRIMARY KEY, -- its name, without port
  until TEXT NOT NULL -- by Retry-After, else half an hour
)""",
)

_HEALTH = (
    "ALTER TABLE runs ADD COLUMN part_of INTEGER REFERENCES runs(id) /* the whole pass */",
    "ALTER TABLE runs ADD COLUMN durations TEXT NOT NULL DEFAULT '{}'"
    " /* JSON object: seconds of each step, and in total */",
    "ALTER TABLE runs ADD COLUMN errors TEXT NOT NULL DEFAULT '[]'"
    " /* JSON list: the first sources that failed and why, or what ended the pass */",
    "ALTER TABLE runs ADD COLUMN stopped TEXT"
    " /* why it ended with work left: time is up, interrupted, failed; null when it did not */",
    "ALTER TABLE runs ADD COLUMN versions TEXT NOT NULL DEFAULT '{}'"
    " /* JSON object: of newsfold, python, scrapy, sqlite */",
    "ALTER TABLE runs ADD COLUMN configuration TEXT"
    " /* digest of the settings; the same digest, the same newsfold.toml */",
    "CREATE INDEX entries_feed ON entries (feed_id, first_seen)",
)

_DISCUSSIONS = (
    """CREATE TABLE discussions (
  -- What is said of a story on another site, such as Hacker News. It is no story of its own.
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE, -- canonical URL of the discussion
  story_url TEXT NOT NULL, -- canonical URL of what it discusses; a story of ours or not
  feed_id INTEGER NOT NULL REFERENCES feeds(id), -- the feed that first told of it
  points INTEGER, -- votes, where the feed tells them
  comments INTEGER, -- number of comments, where the feed tells it
  first_seen TEXT NOT NULL, -- when we first saw it
  last_seen TEXT NOT NULL -- when its numbers were last told
)""",
    "CREATE INDEX discussions_story ON discussions (story_url)",
    "CREATE INDEX discussions_feed ON discussions (feed_id)",
    "ALTER TABLE entries ADD COLUMN story_url TEXT"
    " /* the story that its page turned out to be, where that has another address */",
)

_DATES = (
    """CREATE TABLE date_claims (
  -- Every time of publication that was claimed for a story, and what became of the claim.
  story_id INTEGER NOT NULL REFERENCES stories(id),
  place INTEGER NOT NULL, -- the smaller, the sooner it is believed
  origin TEXT NOT NULL, -- who claimed it: JSON-LD, meta tags, the feed, the address and so on
  said TEXT NOT NULL, -- in its own words
  at TEXT, -- as it was read; null where that names no day for certain
  precision TEXT, -- minute, day or guessed
  verdict TEXT NOT NULL, -- believed, refined (another knew the minute), not needed, or why not
  PRIMARY KEY (story_id, place)
) WITHOUT ROWID""",
    "ALTER TABLE stories ADD COLUMN paywalled INTEGER"
    " /* 1: it must be paid for, 0: it is free; null when nobody says */",
)

_CORRECTIONS = (
    """CREATE TABLE corrections (
  -- A verdict of an analyst. It holds in every later fold, until it is undone.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  verb TEXT NOT NULL, -- merge, split, move, pin title or not-an-event
  event_id INTEGER NOT NULL, -- the event that it was said of; lineage tells what became of it
  title TEXT, -- of a pinned title: its words
  note TEXT NOT NULL, -- why, in the analyst's words
  made_by TEXT NOT NULL, -- who said it
  made_at TEXT NOT NULL, -- when
  undone_by TEXT, -- who took it back
  undone_at TEXT, -- when; null while it holds
  pending INTEGER NOT NULL DEFAULT 1 -- 1: the next fold has to bring it about
)""",
    """CREATE TABLE correction_stories (
  -- What a correction demands, as demands on stories: they outlive every event.
  correction_id INTEGER NOT NULL REFERENCES corrections(id), -- the correction
  story_id INTEGER NOT NULL REFERENCES stories(id), -- a story that it is about
  part TEXT NOT NULL, -- together: in one event; apart: not in that one; alone: by itself; title
  released_by INTEGER REFERENCES corrections(id), -- a later correction that was let win for it
  PRIMARY KEY (correction_id, story_id)
) WITHOUT ROWID""",
    "CREATE INDEX correction_stories_story ON correction_stories (story_id)",
    "ALTER TABLE event_stories ADD COLUMN since TEXT"
    " /* when it came into this event; null: before this was kept */",
    "ALTER TABLE event_stories ADD COLUMN since_run INTEGER"
    " /* the pass that put it there (runs); null: before this was kept */",
    """CREATE TABLE past_members (
  -- Which story was in which event until it went to another one.
  id INTEGER PRIMARY KEY,
  story_id INTEGER NOT NULL REFERENCES stories(id), -- the story that went
  event_id INTEGER NOT NULL, -- the event that it left, which may have ended
  since TEXT, -- when it had come into that event; null: before this was kept
  since_run INTEGER, -- the pass that had put it there; null: before this was kept
  until TEXT NOT NULL, -- when it went
  until_run INTEGER NOT NULL -- the pass in which it went (runs)
)""",
    "CREATE INDEX past_members_event ON past_members (event_id)",
    "CREATE INDEX past_members_story ON past_members (story_id)",
    "CREATE INDEX past_members_until ON past_members (until_run)",
    """CREATE TRIGGER event_stories_moved AFTER UPDATE OF event_id ON event_stories
  WHEN old.event_id <> new.event_id BEGIN
  INSERT INTO past_members (story_id, event_id, since, since_run, until, until_run)
  VALUES (old.story_id, old.event_id, old.since, old.since_run, new.since, new.since_run);
END""",
    "ALTER TABLE events ADD COLUMN not_an_event INTEGER NOT NULL DEFAULT 0"
    " /* 1: an analyst says that nothing happened; lists leave it out */",
    """CREATE TABLE trial_members (
  -- Where a trial (fold --dry-run) would put stories, of those that it would put elsewhere.
  run_id INTEGER NOT NULL REFERENCES runs(id), -- the trial
  story_id INTEGER NOT NULL REFERENCES stories(id), -- the story
  event_id INTEGER NOT NULL, -- the event; negative for one that would be new
  PRIMARY KEY (run_id, story_id)
) WITHOUT ROWID""",
)

_ROBOTS = """CREATE TABLE robots (
  -- What each site's robots.txt said last. A cache: dropped after 30 days, and beyond 64 MB.
  site TEXT PRIMARY KEY, -- scheme, host and port, such as https://example.org
  confirmed TEXT NOT NULL, -- when the site last gave it, or said that it is still so
  due TEXT NOT NULL, -- asked for again from then on: a day later, or as Cache-Control says
  etag TEXT, -- validator
  last_modified TEXT, -- validator
  body BLOB -- the file, zlib; null when there is none, and all is allowed
)"""

_ADDRESSES = (
    """CREATE TABLE addresses (
  -- Other addresses of stories: of redirects that led to them, of services, short and AMP ones.
  -- Dropped after 60 days.
  url TEXT PRIMARY KEY, -- canonical URL of the address
  story_url TEXT, -- canonical URL of the story; null when it was told of two stories
  seen TEXT NOT NULL -- when it was last told
) WITHOUT ROWID""",
    "CREATE INDEX addresses_story ON addresses (story_url)",
    "CREATE INDEX addresses_seen ON addresses (seen)",
    "INSERT OR REPLACE INTO addresses SELECT canonical_url, story_url, first_seen FROM entries"
    " WHERE story_url IS NOT NULL",
    "ALTER TABLE entries DROP COLUMN story_url",
    "ALTER TABLE entries ADD COLUMN through TEXT"
    " /* the link as given, where a service such as FeedBurner put it in place of url */",
    "ALTER TABLE pages ADD COLUMN redirects TEXT /* JSON list: the addresses that led to url */",
    "ALTER TABLE discussions ADD COLUMN link TEXT NOT NULL DEFAULT ''"
    " /* canonical URL of what it links to; where that is no story, story_url is the same */",
    "UPDATE discussions SET link = story_url",
    "CREATE INDEX discussions_link ON discussions (link)",
)

# Scripts that put no spaces between words; the title, or the start of a text without one, tells.
_HAS_NO_SPACES = (
    "coalesce(nullif({row}.title, ''), substr({row}.text, 1, 200))"
    " GLOB '*[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]*'"
)
_EVENT_HAS_NO_SPACES = _HAS_NO_SPACES.replace("{row}.text", "{row}.tldr")
# Combining marks are letters: a word of Hindi or Arabic would end at each of its vowels.
WORD_TOKENIZER = "tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\""


def _kept_in_step(
    index: str, table: str, columns: tuple[str, ...], when: str = "", pad: str = ""
) -> tuple[str, ...]:
    """The triggers by which a full-text index follows its table. `when` names the rows that are
    in it, with {row} for the row."""

    def values(row: str) -> str:
        return ", ".join([f"{row}.id", *(f"{row}.{column}{pad}" for column in columns)])

    def only(row: str) -> str:
        return f" WHERE {when.format(row=row)}" if when else ""

    listed = f"rowid, {', '.join(columns)}"
    put = f"INSERT INTO {index} ({listed}) SELECT {values('new')}{only('new')};"
    take = f"INSERT INTO {index} ({index}, {listed}) SELECT 'delete', {values('old')}{only('old')};"
    changed = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
    return (
        f"CREATE TRIGGER {index}_new AFTER INSERT ON {table} BEGIN {put} END",
        f"CREATE TRIGGER {index}_gone AFTER DELETE ON {table} BEGIN {take} END",
        f"CREATE TRIGGER {index}_changed AFTER UPDATE OF {', '.join(columns)} ON {table}"
        f" WHEN {changed} BEGIN {take} {put} END",
    )


_STORY_WORDS, _EVENT_WORDS = ("title", "text", "summary"), ("title", "tldr")
_SEARCH = (
    f"""CREATE VIRTUAL TABLE stories_search /*
  The words of all stories, for full-text search: WHERE stories_search MATCH 'words'. */
USING fts5(title, text, summary, content='stories', content_rowid='id', {WORD_TOKENIZER})""",
    f"""CREATE VIRTUAL TABLE events_search /*
  The words of all events, for full-text search: WHERE events_search MATCH 'words'. */
USING fts5(title, tldr, content='events', content_rowid='id', {WORD_TOKENIZER})""",
    # Two spaces behind each text: its last two letters, too, begin a run of three.
    """CREATE VIEW stories_unspaced_text AS SELECT id, title || '  ' AS title,
  text || '  ' AS text, summary || '  ' AS summary FROM stories""",
    """CREATE VIEW events_unspaced_text AS SELECT id, title || '  ' AS title,
  tldr || '  ' AS tldr FROM events""",
    """CREATE VIRTUAL TABLE stories_unspaced /*
  Runs of three letters of the stories in scripts without spaces (Chinese, Japanese, Thai). */
USING fts5(title, text, summary, content='stories_unspaced_text', content_rowid='id',
  tokenize='trigram')""",
    """CREATE VIRTUAL TABLE events_unspaced /*
  Runs of three letters of the events in scripts without spaces (Chinese, Japanese, Thai). */
USING fts5(title, tldr, content='events_unspaced_text', content_rowid='id', tokenize='trigram')""",
    """CREATE VIRTUAL TABLE stories_unspaced_runs /* The runs of three that there are. */
USING fts5vocab(stories_unspaced, row)""",
    """CREATE VIRTUAL TABLE events_unspaced_runs /* The runs of three that there are. */
USING fts5vocab(events_unspaced, row)""",
    *_kept_in_step("stories_search", "stories", _STORY_WORDS),
    *_kept_in_step("events_search", "events", _EVENT_WORDS),
    *_kept_in_step("stories_unspaced", "stories", _STORY_WORDS, _HAS_NO_SPACES, " || '  '"),
    *_kept_in_step("events_unspaced", "events", _EVENT_WORDS, _EVENT_HAS_NO_SPACES, " || '  '"),
)

FILL_MEMORY, USUAL_MEMORY = 64_000_000, 1_048_576  # bytes; a third faster and a tenth smaller
_FILL_SEARCH = (
    *(
        statement
        for index in ("stories_search", "events_search")
        for statement in (
            f"INSERT INTO {index} ({index}, rank) VALUES ('hashsize', {FILL_MEMORY})",
            f"INSERT INTO {index} ({index}) VALUES ('rebuild')",
            f"INSERT INTO {index} ({index}, rank) VALUES ('hashsize', {USUAL_MEMORY})",
        )
    ),
    "INSERT INTO stories_unspaced (rowid, title, text, summary)"
    " SELECT id, title || '  ', text || '  ', summary || '  ' FROM stories"
    f" WHERE {_HAS_NO_SPACES.format(row='stories')}",
    "INSERT INTO events_unspaced (rowid, title, tldr)"
    " SELECT id, title || '  ', tldr || '  ' FROM events"
    f" WHERE {_EVENT_HAS_NO_SPACES.format(row='events')}",
)

_WAYS = (
    "CREATE INDEX events_rank ON events"
    " (independent_count DESC, source_count DESC, last_published DESC)",
    "DROP INDEX events_category",
    "CREATE INDEX events_category ON events"
    " (category, last_published, independent_count, not_an_event)",
    "DROP INDEX stories_source",
    "CREATE INDEX stories_source ON stories (source_id, coalesce(published, first_seen))",
    "CREATE INDEX stories_language ON stories (language, coalesce(published, first_seen))",
    "CREATE INDEX figures_value ON figures (unit, value)",
)

_TALLIES = (
    """CREATE TABLE event_sources (
  -- What each source has of an event. Made anew from the stories whenever the event is saved.
  event_id INTEGER NOT NULL REFERENCES events(id),
  source_id TEXT NOT NULL REFERENCES sources(id), -- who reports it
  category TEXT NOT NULL, -- of the event
  first_story INTEGER NOT NULL REFERENCES stories(id), -- the first one of this source
  published TEXT NOT NULL, -- time of that story; our first sight where it gives none
  precision TEXT NOT NULL, -- of that time: minute, day, guessed, or seen (ours)
  stories INTEGER NOT NULL, -- of this source, in all
  originals INTEGER NOT NULL, -- of these, with words of their own
  rewrites INTEGER NOT NULL, -- of these, another story in other words
  copies INTEGER NOT NULL, -- of these, another story word for word
  PRIMARY KEY (event_id, source_id)
) WITHOUT ROWID""",
    "CREATE INDEX event_sources_source ON event_sources (source_id, published)",
    """CREATE TABLE leads (
  -- Who had an event first, and who of another owner was next with words of its own. Only events
  -- that somebody else reports, too.
  event_id INTEGER PRIMARY KEY REFERENCES events(id),
  source_id TEXT NOT NULL REFERENCES sources(id), -- who was first
  story_id INTEGER NOT NULL REFERENCES stories(id), -- with this story
  published TEXT NOT NULL, -- its time
  next_source TEXT NOT NULL REFERENCES sources(id), -- who was next
  next_story INTEGER NOT NULL REFERENCES stories(id), -- with this story
  next_published TEXT NOT NULL, -- its time
  certainty TEXT NOT NULL, -- of the worse of the two times: minute, day or guessed
  minutes INTEGER -- of lead; by day: at the least, 0 where the order is open; guessed: null
)""",
    "CREATE INDEX leads_time ON leads (published)",
    "CREATE INDEX leads_source ON leads (source_id, published)",
    """CREATE TABLE source_days (
  -- How many stories of each source and category a day brought. A story counts on the day of the
  -- first story that its source has of the event.
  day TEXT NOT NULL, -- such as 2026-04-08, UTC
  source_id TEXT NOT NULL REFERENCES sources(id), -- who reports
  category TEXT NOT NULL, -- of the events
  events INTEGER NOT NULL, -- that it reports
  stories INTEGER NOT NULL, -- in all
  originals INTEGER NOT NULL, -- of these, with words of their own
  rewrites INTEGER NOT NULL, -- of these, another story in other words
  copies INTEGER NOT NULL, -- of these, another story word for word
  PRIMARY KEY (day, source_id, category)
) WITHOUT ROWID""",
    "CREATE INDEX source_days_empty ON source_days (day) WHERE events = 0",
    """CREATE TABLE source_pairs (
  -- How many events two sources both report, of those that at most 200 do; each pair stands in
  -- both orders.
  source_id TEXT NOT NULL REFERENCES sources(id), -- the one
  other_id TEXT NOT NULL REFERENCES sources(id), -- the other; itself: with any other
  events INTEGER NOT NULL, -- that both report
  PRIMARY KEY (source_id, other_id)
) WITHOUT ROWID""",
    "CREATE INDEX source_pairs_empty ON source_pairs (source_id) WHERE events = 0",
)

_SUMMARIES = """CREATE TABLE summaries (
  -- TL;DRs that a language model wrote, where the user asks for that. A cache: it may be emptied.
  model TEXT NOT NULL, -- its name in the llm library
  given TEXT NOT NULL, -- digest of what it was told to do and of the reports that it was given
  event_id INTEGER NOT NULL, -- the event that they were reports of
  kept TEXT NOT NULL, -- JSON: [{"text", "story_id"}], sentences that the reports bear out
  dropped TEXT NOT NULL, -- JSON: [{"text", "missing"}], sentences with what stands in no report
  made_at TEXT NOT NULL, -- when it answered
  PRIMARY KEY (model, given)
) WITHOUT ROWID"""

_CATEGORIES = (
    "ALTER TABLE corrections ADD COLUMN category TEXT"
    " /* of a pinned category: its label; the verb is pin category */",
    """CREATE TABLE category_models (
  -- What was learned from pinned categories, the latest row from the latest of them.
  id INTEGER PRIMARY KEY,
  learned_from TEXT NOT NULL UNIQUE, -- the same for the same pins: nothing is learned anew
  made_at TEXT NOT NULL, -- when
  pins INTEGER NOT NULL, -- pinned events that it was learned from
  said TEXT NOT NULL, -- where it is used and where not, in words
  model TEXT NOT NULL -- its weights, as JSON; null in there when it is used nowhere
)""",
)

_DIGESTS = (
    """CREATE TABLE digests (
  -- A digest that was made for its readers: what it says is told.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  profile TEXT NOT NULL, -- whose it is: daily, weekly, or a table [digest.NAME] of newsfold.toml
  made_at TEXT NOT NULL, -- when
  since TEXT NOT NULL, -- the period that it tells of: from
  until TEXT NOT NULL, -- to
  form TEXT NOT NULL, -- text, markdown, html, json, mail and so on
  left_out INTEGER NOT NULL, -- events of the period that it does not tell
  body BLOB NOT NULL -- as it was written, zlib; a mail without its recipient
)""",
    "CREATE INDEX digests_profile ON digests (profile, until)",
    """CREATE TABLE digest_events (
  -- An event as a digest told it.
  digest_id INTEGER NOT NULL REFERENCES digests(id), -- the digest
  place INTEGER NOT NULL, -- 1 is the top
  event_id INTEGER NOT NULL, -- its id then; lineage tells what became of it
  headline TEXT NOT NULL, -- its headline then
  url TEXT NOT NULL, -- the address of its headline story then
  category TEXT NOT NULL, -- its category then
  told TEXT NOT NULL, -- JSON: "stories", "figures", "voices", "steps" that a reader now knows
  since_then TEXT, -- JSON: of these, what was new; null where it was told for the first time
  PRIMARY KEY (digest_id, place)
) WITHOUT ROWID""",
    "CREATE INDEX digest_events_event ON digest_events (event_id)",
    """CREATE TABLE digest_mails (
  -- A digest on its way to one recipient.
  digest_id INTEGER NOT NULL REFERENCES digests(id), -- the digest
  recipient TEXT NOT NULL, -- key of the mail address, which stands in newsfold.toml alone
  message_id TEXT NOT NULL UNIQUE, -- the same at each try
  state TEXT NOT NULL, -- planned, sending, sent, uncertain (perhaps sent), or refused
  tries INTEGER NOT NULL DEFAULT 0, -- how often it was begun
  changed_at TEXT NOT NULL, -- since when it is in this state
  error TEXT, -- what the server said last; null when it was content
  PRIMARY KEY (digest_id, recipient)
) WITHOUT ROWID""",
    "CREATE INDEX digest_mails_waiting ON digest_mails (state)"
    " WHERE state IN ('planned', 'sending', 'uncertain')",
)

_PRUNED = (
    "ALTER TABLE stories ADD COLUMN pruned TEXT"
    " /* when its words were dropped (newsfold prune); null: they are kept */",
    "ALTER TABLE events ADD COLUMN pruned TEXT"
    " /* when the words of its stories were dropped: no fold changes it since; null: it is open */",
    "DROP TRIGGER stories_changed",
    """CREATE TRIGGER stories_changed AFTER UPDATE OF source_id, title, text, sections, summary,
  authors, published, published_precision, updated, language, image, rubric, comments,
  canonical_claim, text_from ON stories WHEN new.pruned IS NULL BEGIN
  INSERT OR REPLACE INTO waiting VALUES (new.id, coalesce(new.published, new.first_seen));
END""",
    "CREATE INDEX lineage_run ON lineage (run_id)",
    "CREATE INDEX runs_part ON runs (part_of)",
)

_ARCHIVES = """CREATE TABLE archives (
  -- A web archive (WARC file) that was imported. One that is done is not read again.
  name TEXT PRIMARY KEY, -- its path from the root, or its address
  size INTEGER, -- bytes, as they were fetched
  etag TEXT, -- its state: what its server calls it; of a file, when it was last changed
  begun TEXT NOT NULL, -- when the reading began
  finished TEXT, -- when it ended; null while it is read, or when that was killed
  counts TEXT NOT NULL, -- JSON object: what was in it, in numbers, of the last reading
  error TEXT -- why it could not be read, or not to its end
) WITHOUT ROWID"""

_EVENT_MARKS = """CREATE TABLE event_marks (
  -- What relating looks at in an event. A cache: made anew when the event was changed.
  event_id INTEGER PRIMARY KEY REFERENCES events(id),
  marks BLOB NOT NULL, -- its names as numbers, with how many members use each
  last_published TEXT NOT NULL, -- as in events
  category TEXT NOT NULL, -- as in events
  title TEXT NOT NULL, -- as in events
  length REAL NOT NULL -- how much its names say in all, as the length of a vector
)"""
