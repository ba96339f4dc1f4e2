//! A thread that no signal is delivered to.

use std::io;
use std::mem::MaybeUninit;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that blocks every signal, from its first instruction on: they are the program's,
/// whose system calls they interrupt.
///
/// # Errors
/// The process is out of threads.
pub(super) fn spawn_without_signals(
    builder: Builder,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: The set is written.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: Both sets are ours; a new thread inherits the mask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let spawned = builder.spawn(run);
    // SAFETY: The set is what the call above wrote.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
    }
    spawned
}
