"""Scrapy settings: the way of a page, read from top to bottom. Data only; it decides nothing.

Settings of our own begin with NEWSFOLD_. `newsfold crawl` and `scrapy crawl` both use this file.
"""

import os

from storage.runs import program_version

# Who asks. A publisher who wants to write to whoever runs this needs an address.
BOT_NAME = "newsfold"
NEWSFOLD_CONTACT = os.environ.get("NEWSFOLD_CONTACT", "")
USER_AGENT = f"newsfold/{program_version()}" + (f" (+{NEWSFOLD_CONTACT})" * bool(NEWSFOLD_CONTACT))
SPIDER_MODULES = ["crawlers.spiders"]
NEWSPIDER_MODULE = "crawlers.spiders"

# What is asked: whatever may be asked of public hosts, one request a host at a time.
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "newsfold"  # the name that robots.txt files would use
NEWSFOLD_PUBLIC_HOSTS_ONLY = True  # tests on loopback switch it off
CONCURRENT_REQUESTS = 32
CONCURRENT_REQUESTS_PER_DOMAIN = 1
# Seconds between two requests to a host, on average. Never 0: without any delay Scrapy 2.19 sends
# all waiting requests of a host at once, whatever CONCURRENT_REQUESTS_PER_DOMAIN says.
DOWNLOAD_DELAY = 1.0
NEWSFOLD_MAX_CRAWL_DELAY = 30.0  # seconds; a longer Crawl-delay in robots.txt is cut
# Minutes between two polls of a feed, whatever it publishes; newsfold.toml has them, too.
NEWSFOLD_SHORTEST_INTERVAL = 10
NEWSFOLD_INTERVAL_WITH_NEWS = 3 * 60  # the longest for a feed that brought anything new
NEWSFOLD_LONGEST_INTERVAL = 24 * 60
NEWSFOLD_PAGES_A_FEED = 100  # pages of a feed in one pass; the rest waits for the next
NEWSFOLD_SITEMAP_DAYS = 3  # a sitemap seen for the first time lists weeks; a feed would not
CLOSESPIDER_TIMEOUT = 40 * 60  # seconds a spider may take; what is left waits for the next pass

# The way of a request: top to bottom on the way out, bottom to top on the way back.
DOWNLOADER_MIDDLEWARES = {
    "crawlers.middlewares.ThroughProxy": 40,
    "crawlers.middlewares.PublicHostsOnly": 50,
    "crawlers.middlewares.ObeyRobots": 100,
    "crawlers.middlewares.HoldHosts": 110,
    "crawlers.middlewares.WholeAnswers": 585,  # of what HttpCompressionMiddleware (590) unpacked
    "crawlers.middlewares.FewCodings": 595,  # before that unpacks it
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # ours corrects it
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # feeds link where they like
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
}
NEWSFOLD_PROXY = None  # an HTTP proxy for every request; the demo serves its invented web so
REDIRECT_MAX_TIMES = 5
METAREFRESH_ENABLED = False  # finding one costs decoding every page; feeds link to real pages
COOKIES_ENABLED = False
REFERRER_POLICY = "no-referrer"
HTTPCACHE_ENABLED = False  # validators are kept a feed, in the database

# What is waited for. All limits are totals for one request, from connecting to the last byte.
DOWNLOAD_TIMEOUT = 30
NEWSFOLD_ROBOTS_TIMEOUT = 15
DNS_TIMEOUT = 5
TWISTED_DNS_RESOLVER = "crawlers.hosts.PublicResolver"
REACTOR_THREADPOOL_MAXSIZE = 32  # as many names as requests can be looked up at a time
DOWNLOAD_VERIFY_CERTIFICATES = True  # or anyone on the way could write the news
DOWNLOAD_MAXSIZE = 10 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
EXTENSIONS = {"crawlers.headers.BoundHeaders": 0}
# Within a pass only a connection that broke is tried again, once. Everything else has its reason
# stored, and its next chance in a later pass; above all 429 and 503, which ask us to stay away.
RETRY_TIMES = 1
RETRY_HTTP_CODES = [502, 504, 522, 524]
RETRY_EXCEPTIONS = [
    "scrapy.exceptions.DownloadFailedError",
    "scrapy.exceptions.ResponseDataLossError",
]
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the reason is stored with the entry
HTTPERROR_ALLOW_ALL = True  # crawlers/answers.py says what a status means

# Many crawlers: crawlers/shared. `newsfold run --queue` and `newsfold worker` name the queue.
NEWSFOLD_QUEUE = None
NEWSFOLD_CRAWLER_LATE = 15.0  # seconds without a word; then a crawler's tasks go to the others
NEWSFOLD_QUEUE_PATIENCE = 60.0  # seconds that Redis, or all crawlers, may be away

# The way of a page that was fetched.
CONCURRENT_ITEMS = 4
ITEM_PIPELINES = {
    "crawlers.item_pipelines.CheckFields": 100,
    "crawlers.item_pipelines.StorePage": 200,
}
DEFAULT_DROPITEM_LOG_LEVEL = "DEBUG"

# How it runs.
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False  # a server that runs code; on by default in Scrapy 2.19
LOG_LEVEL = "WARNING"
NEWSFOLD_NOW = None  # an ISO 8601 time to live in instead of the present; for tests and the demo
