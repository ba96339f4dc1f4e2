//! The file of user names and passwords, netrc.
