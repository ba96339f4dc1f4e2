//! The connections that a client keeps.
