//! Content codings: what compresses and decompresses bodies.
