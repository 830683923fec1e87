"""From the web to stored pages, and from pages to stories: Scrapy spiders and what they need."""
