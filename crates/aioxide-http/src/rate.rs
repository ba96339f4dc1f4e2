//! How many requests in which time.
