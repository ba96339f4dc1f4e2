"""Transports, servers and streams, each on aioxide and on asyncio."""
