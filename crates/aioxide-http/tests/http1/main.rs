//! The client's side of HTTP/1.1: byte scripts, each cut at every byte, and a slow decoder that
//! agrees with the real one.

mod body;
mod chunks;
mod differential;
mod eof;
mod lenient;
mod limits;
mod model;
mod request;
mod reuse;
mod script;
mod sizes;
mod strict;
mod template;
mod trickle;
