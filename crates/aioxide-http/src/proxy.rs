//! Ways through a proxy: CONNECT, SOCKS5, and when to take one.
