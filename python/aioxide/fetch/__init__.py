"""``aioxide fetch``: many URLs into one place, within limits, and again where it stopped.

    command      the command line
    sources, sitemap, target    which URLs
    hosts        when the next request to which host may go out
    robots       what a host allows
    fetcher, page, trouble      one request, and what came of it
    work         hosts and fetcher together, in one loop
    stores, writer              where the pages go
    foreman, share, processes, dask, worker     the same in several processes
    job, tally, bars, notes, summary   a run from start to end, and what it shows

Nothing here is imported by ``import aioxide``.
"""
