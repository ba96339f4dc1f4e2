//! Cookies as browsers and aiohttp keep them.
