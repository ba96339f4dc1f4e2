//! HTTP/1.1, the side of the client.
