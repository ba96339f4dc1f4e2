"""Other people's programs, each doing real work on aioxide and on asyncio."""
