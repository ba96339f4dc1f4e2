//! Where a redirect leads, and what goes along.
