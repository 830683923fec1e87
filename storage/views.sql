-- What analysts can rely on. What they called no event is left out, but for the counts of coverage
-- and of pairs. Each view says in its first lines what it is and gives queries for
-- example; these run as tests. The views are made anew whenever they differ from this file.

CREATE VIEW first_reports AS
-- Who broke an event first, who of another owner was next with words of its own, by how long, and
-- how certain that is. Events that nobody else reports are not in it.
-- Example: who is first most often, by times known to the minute
--   SELECT source_id, count(*) AS times, avg(minutes) AS minutes FROM first_reports
--   WHERE published >= '2026-04-01' AND certainty = 'minute' AND minutes > 0
--   GROUP BY source_id ORDER BY times DESC LIMIT 10
-- Example: the longest leads of a week
--   SELECT event_id, title, source_id, next_source, minutes, certainty FROM first_reports
--   WHERE published BETWEEN '2026-04-06' AND '2026-04-13' ORDER BY minutes DESC LIMIT 10
SELECT
  l.event_id AS event_id, -- the event
  e.title AS title, -- of the event
  e.category AS category, -- of the event
  l.source_id AS source_id, -- who was first
  l.published AS published, -- and when
  l.next_source AS next_source, -- who was next
  l.next_published AS next_published, -- and when
  l.minutes AS minutes, -- of lead; by day: at the least, 0 where the order is open
  l.certainty AS certainty, -- of the worse of the two times: minute, day or guessed (minutes null)
  l.story_id AS story_id, -- the first story
  l.next_story AS next_story -- the next one
FROM leads AS l JOIN events AS e ON e.id = l.event_id WHERE e.not_an_event = 0;

CREATE VIEW coverage AS
-- How much is reported over time, by day, source and category, and how much of it is anybody's own.
-- It counts every story, also of what an analyst called no event.
-- Example: stories a day
--   SELECT day, sum(stories) AS stories, sum(originals) AS originals FROM coverage
--   WHERE day >= '2026-04-01' GROUP BY day ORDER BY day
-- Example: who copies most
--   SELECT source_id, sum(stories) AS stories, 1.0 * sum(copies) / sum(stories) AS copied
--   FROM coverage WHERE day >= '2026-04-01' GROUP BY source_id ORDER BY copied DESC LIMIT 10
SELECT
  d.day AS day, -- UTC; of the first story that the source has of an event
  d.source_id AS source_id, -- who reports
  s.owner AS owner, -- of the source
  d.category AS category, -- of the events
  d.events AS events, -- that the source reports
  d.stories AS stories, -- in all
  d.originals AS originals, -- of these, with words of their own
  d.rewrites AS rewrites, -- of these, another story in other words
  d.copies AS copies -- of these, another story word for word
FROM source_days AS d LEFT JOIN sources AS s ON s.id = d.source_id;

CREATE VIEW name_coverage AS
-- How a name is reported over time: a row for each source of each event that uses the name.
-- Example: stories on a name by day
--   SELECT day, count(DISTINCT event_id) AS events, sum(stories) AS stories FROM name_coverage
--   WHERE name = 'Muse Spark' GROUP BY day ORDER BY day
SELECT
  n.name AS name, -- as the stories write it
  substr(c.published, 1, 10) AS day, -- UTC; of the first story that the source has of the event
  c.source_id AS source_id, -- who reports
  c.event_id AS event_id, -- the event
  c.category AS category, -- of the event
  c.stories AS stories -- of this source
FROM event_names AS n JOIN event_sources AS c ON c.event_id = n.event_id
JOIN events AS e ON e.id = n.event_id WHERE e.not_an_event = 0;

CREATE VIEW sources_together AS
-- Sources that move together: how many events two sources both report, of those that at most 200
-- do. Those of one owner, and those that carry the texts of an agency, are near the top.
-- Example: with whom a source moves
--   SELECT other_id, events, share, alike FROM sources_together
--   WHERE source_id = 'ars-technica' AND same_owner = 0 ORDER BY alike DESC LIMIT 10
-- Example: the pairs that are most alike
--   SELECT source_id, other_id, events, alike FROM sources_together
--   WHERE source_id < other_id AND events >= 2 ORDER BY alike DESC LIMIT 10
SELECT
  p.source_id AS source_id, -- the one
  p.other_id AS other_id, -- the other
  a.owner = b.owner AS same_owner, -- 1: they are one voice
  p.events AS events, -- that both report
  1.0 * p.events / one.events AS share, -- of the events that the one reports with anybody else
  1.0 * p.events / (one.events + other.events - p.events) AS alike -- 0 to 1: of what either does
FROM source_pairs AS p
JOIN source_pairs AS one ON one.source_id = p.source_id AND one.other_id = p.source_id
JOIN source_pairs AS other ON other.source_id = p.other_id AND other.other_id = p.other_id
JOIN sources AS a ON a.id = p.source_id
JOIN sources AS b ON b.id = p.other_id
WHERE p.source_id <> p.other_id;

CREATE VIEW events_by_name AS
-- The events about a name, and the names of events.
-- Example: the latest about a name
--   SELECT event_id, title, last_published FROM events_by_name
--   WHERE name = 'Muse Spark' ORDER BY last_published DESC LIMIT 10
-- Example: the names of a week
--   SELECT name, count(*) AS events FROM events_by_name
--   WHERE last_published BETWEEN '2026-04-06' AND '2026-04-13'
--   GROUP BY name ORDER BY events DESC LIMIT 10
SELECT
  n.name AS name, -- as the stories write it
  n.mentions AS mentions, -- stories that use it
  e.id AS event_id, -- the event
  e.title AS title, -- of the event
  e.category AS category, -- of the event
  e.first_published AS first_published, -- time of its first story
  e.last_published AS last_published, -- time of its latest story
  e.independent_count AS independent -- voices
FROM event_names AS n JOIN events AS e ON e.id = n.event_id WHERE e.not_an_event = 0;

CREATE VIEW events_by_figure AS
-- The figures of events, with the sentence that each stands in and who wrote it.
-- Example: the largest sums
--   SELECT shown, about, title, source_id FROM events_by_figure
--   WHERE unit = 'USD' AND value >= 1e9 ORDER BY value DESC LIMIT 10
-- Example: who says what of one event
--   SELECT shown, source_id, sentence FROM events_by_figure WHERE event_id = 17
SELECT
  f.unit AS unit, -- such as USD, %, x, parameters, or empty
  f.value AS value, -- normalised: 14.3 billion is 14300000000
  f.shown AS shown, -- as people write it: $14.3B
  f.about AS about, -- the words beside it that say what is counted
  f.sentence AS sentence, -- in which it stands
  f.event_id AS event_id, -- the event
  e.title AS title, -- of the event
  e.category AS category, -- of the event
  e.last_published AS last_published, -- time of the event's latest story
  f.story_id AS story_id, -- where it stands
  s.source_id AS source_id, -- who says so
  s.url AS url -- of the story
FROM figures AS f JOIN events AS e ON e.id = f.event_id JOIN stories AS s ON s.id = f.story_id
WHERE e.not_an_event = 0;

CREATE VIEW events_by_category AS
-- The events of a category.
-- Example: the latest of one
--   SELECT event_id, title, last_published FROM events_by_category
--   WHERE category = 'funding' ORDER BY last_published DESC LIMIT 10
-- Example: how many there are of each
--   SELECT category, count(*) AS events, avg(independent) AS voices FROM events_by_category
--   WHERE last_published >= '2026-04-01' GROUP BY category ORDER BY events DESC
SELECT
  e.category AS category, -- such as model release, funding, outage
  e.id AS event_id, -- the event
  e.title AS title, -- of the event
  e.tldr AS tldr, -- two or three sentences taken from the stories
  e.first_published AS first_published, -- time of its first story
  e.last_published AS last_published, -- time of its latest story
  e.first_source AS first_source, -- who was first
  e.story_count AS stories, -- in all
  e.source_count AS sources, -- different ones
  e.independent_count AS independent -- voices
FROM events AS e WHERE e.not_an_event = 0;

CREATE VIEW independence AS
-- Independent reports of an event against copies: of its stories, how many are anybody's own.
-- Example: much told, and by one voice
--   SELECT event_id, title, stories, copies FROM independence
--   WHERE last_published >= '2026-04-01' AND independent = 1 AND stories >= 3
--   ORDER BY stories DESC LIMIT 10
SELECT
  e.id AS event_id, -- the event
  e.title AS title, -- of the event
  e.last_published AS last_published, -- time of its latest story
  e.story_count AS stories, -- in all
  e.source_count AS sources, -- different ones
  e.independent_count AS independent, -- voices: owners with words of their own
  (SELECT sum(originals) FROM event_sources AS c WHERE c.event_id = e.id) AS originals, -- stories
  (SELECT sum(rewrites) FROM event_sources AS c WHERE c.event_id = e.id) AS rewrites, -- stories
  (SELECT sum(copies) FROM event_sources AS c WHERE c.event_id = e.id) AS copies -- stories
FROM events AS e WHERE e.not_an_event = 0;
