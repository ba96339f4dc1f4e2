//! Cookies: what aiohttp does with the same, and what has to hold whatever comes.

mod advisories;
mod date;
mod header;
mod jar;
mod oracle;
mod properties;
mod set_cookie;
mod table;
mod world;
