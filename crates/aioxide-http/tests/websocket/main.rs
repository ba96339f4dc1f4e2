//! WebSocket: byte scripts at every split, a server of its own, and the sections of Autobahn.

mod close;
mod compression;
mod connection;
mod fragments;
mod frames;
mod handshake;
mod limits;
mod puff;
mod round_trip;
mod send;
mod server;
mod text;
