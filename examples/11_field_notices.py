"""Scrapes some hundreds of field notices, a bounded number at a time.

Look at: one `gather` over all notices, a semaphore that lets only so many of them talk to the
site at once, and one session that keeps its connections. Without the semaphore the site's
limits are met: `./dev run` shows what that costs.

Without `--url` the notices are those of the embedded site, so no network is needed.
"""

import argparse
import asyncio
import contextlib
import re
import sys
from collections import Counter
from urllib.parse import urljoin

import aiohttp
from scraper.site_process import SiteError, SiteProcess

LINK = re.compile(r'<a href="([^"#]*/notices/[^"#]+)"')
FIELD = re.compile(r"<dt>Severity</dt><dd>(\w+)</dd>")


class Scraper:
    def __init__(self, session: aiohttp.ClientSession, limit: int) -> None:
        self.session = session
        self.semaphore = asyncio.Semaphore(limit)
        self.at_once = 0
        self.most_at_once = 0

    async def fetch(self, url: str) -> str:
        async with self.semaphore:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                async with self.session.get(url) as response:
                    response.raise_for_status()
                    return await response.text()
            finally:
                self.at_once -= 1


async def scrape(url: str, limit: int, most: int) -> None:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        scraper = Scraper(session, limit)
        index = await scraper.fetch(url)
        links = list(dict.fromkeys(urljoin(url, link) for link in LINK.findall(index)))[:most]
        print(f"the index links {len(links)} notices")
        pages = await asyncio.gather(*(scraper.fetch(link) for link in links))
    print(f"fetched {len(pages)} notices, {sum(map(len, pages)) / 1e6:.1f} MB")
    print(f"at most {scraper.most_at_once} at a time")
    severities = Counter(match[1] for page in pages if (match := FIELD.search(page)))
    for severity, count in severities.most_common():
        print(f"  {severity}: {count}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Scrape field notices under a semaphore.")
    parser.add_argument("--url", help="an index page (default: the embedded site's)")
    parser.add_argument("--limit", type=int, default=20, help="requests at a time (20)")
    parser.add_argument("--notices", type=int, default=200, help="how many at most (200)")
    options = parser.parse_args()
    if options.limit < 1 or options.notices < 1:
        parser.error("--limit and --notices want a number from 1")
    try:
        with contextlib.ExitStack() as stack:
            url = options.url
            if url is None:
                site = stack.enter_context(SiteProcess(notices=options.notices, latency=10))
                url = site.url
            asyncio.run(scrape(url, options.limit, options.notices))
    except (SiteError, aiohttp.ClientError, TimeoutError) as error:
        print(f"cannot scrape: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
