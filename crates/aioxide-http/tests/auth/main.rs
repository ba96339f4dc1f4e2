//! Credentials: what aiohttp does with the same, and what has to hold whatever comes.

mod advisories;
mod basic;
mod digest;
mod oracle;
mod properties;
#[path = "../cookies/table.rs"]
mod table;
mod world;
