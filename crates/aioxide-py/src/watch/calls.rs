//! The system calls that are told apart: which wait for what, and on which descriptor.

use libc::c_long;

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Time to pass.
    Sleep,
    /// Another thread: a lock, a condition.
    Futex,
    /// The descriptor that is its first argument.
    Descriptor,
    /// A lock on the file that is its first argument.
    Locked,
    /// The descriptors in the array that its first two arguments describe.
    Polled,
    /// A disk, whatever the descriptor.
    Disk,
    /// Another process.
    Process,
    /// Something else.
    Other,
}

macro_rules! calls {
    ($($(#[$gate:meta])* $number:ident $name:literal $waits:ident,)*) => {
        /// The name of a call, and what it waits for.
        pub(super) fn call(number: c_long) -> Option<(&'static str, Waits)> {
            match number {
                $($(#[$gate])* libc::$number => Some(($name, Waits::$waits)),)*
                _ => None,
            }
        }
    };
}

calls! {
    SYS_clock_nanosleep "clock_nanosleep" Sleep,
    SYS_nanosleep "nanosleep" Sleep,
    SYS_futex "futex" Futex,
    SYS_read "read" Descriptor,
    SYS_readv "readv" Descriptor,
    SYS_pread64 "pread" Descriptor,
    SYS_preadv "preadv" Descriptor,
    SYS_write "write" Descriptor,
    SYS_writev "writev" Descriptor,
    SYS_pwrite64 "pwrite" Descriptor,
    SYS_pwritev "pwritev" Descriptor,
    SYS_recvfrom "recvfrom" Descriptor,
    SYS_recvmsg "recvmsg" Descriptor,
    SYS_recvmmsg "recvmmsg" Descriptor,
    SYS_sendto "sendto" Descriptor,
    SYS_sendmsg "sendmsg" Descriptor,
    SYS_sendmmsg "sendmmsg" Descriptor,
    SYS_sendfile "sendfile" Descriptor,
    SYS_connect "connect" Descriptor,
    SYS_accept "accept" Descriptor,
    SYS_accept4 "accept4" Descriptor,
    SYS_ioctl "ioctl" Descriptor,
    SYS_flock "flock" Locked,
    SYS_fcntl "fcntl" Locked,
    SYS_epoll_pwait "epoll_pwait" Descriptor,
    #[cfg(target_arch = "x86_64")]
    SYS_epoll_wait "epoll_wait" Descriptor,
    #[cfg(target_arch = "x86_64")]
    SYS_poll "poll" Polled,
    SYS_ppoll "ppoll" Polled,
    #[cfg(target_arch = "x86_64")]
    SYS_select "select" Other,
    SYS_pselect6 "pselect" Other,
    SYS_fsync "fsync" Disk,
    SYS_fdatasync "fdatasync" Disk,
    SYS_sync "sync" Disk,
    SYS_syncfs "syncfs" Disk,
    SYS_msync "msync" Disk,
    SYS_sync_file_range "sync_file_range" Disk,
    SYS_ftruncate "ftruncate" Disk,
    SYS_fallocate "fallocate" Disk,
    // Those that make a process return when that runs its program, if it shares the memory until then.
    SYS_clone "clone" Process,
    SYS_clone3 "clone3" Process,
    #[cfg(target_arch = "x86_64")]
    SYS_vfork "vfork" Process,
    SYS_wait4 "wait4" Process,
    SYS_waitid "waitid" Process,
    SYS_openat "openat" Other,
    #[cfg(target_arch = "x86_64")]
    SYS_open "open" Other,
    SYS_unlinkat "unlinkat" Other,
    SYS_statx "statx" Other,
    SYS_getdents64 "getdents64" Other,
    SYS_rt_sigtimedwait "sigtimedwait" Other,
    SYS_rt_sigsuspend "sigsuspend" Other,
}
