"""Programs on popular dependants of aiohttp's client, run on aiohttp and on aioxide's client."""
