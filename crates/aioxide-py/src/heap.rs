//! How much memory that was freed the C library keeps for the process.
//!
//! glibc gives the end of its heap back to the kernel when more than 128 KiB of it are free, and
//! takes what is larger than that from the kernel apart. A client that receives 64 kB gives a
//! message's pages back with each one, and the next message pays for the faults: up to three
//! fifths of its CPU time (docs/design/007). Both limits grow when memory that was taken apart is
//! freed, to its size and twice its size, unless the process has set one of them itself. So one
//! such block is enough.

use std::hint::black_box;
use std::sync::Once;

/// Bodies that many requests wait for at a time are in memory together. What is kept at most is
/// twice this. glibc's own limit to this growth is 32 MiB.
const APART: usize = 8 << 20;

/// Lets glibc keep the end of its heap, up to twice `APART`. Nothing of the block is touched, so it
/// costs no memory.
pub(crate) fn keep_freed_pages() {
    static ONCE: Once = Once::new();
    if cfg!(target_env = "gnu") {
        ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(APART))));
    }
}
