//! This process's own memory, read so that a wrong address is an answer and not a crash.
//!
//! The kernel copies, as it would from another process: an address that is not mapped is `EFAULT`.
//! What comes back may be stale or half written, so whoever reads believes nothing.

use std::cell::OnceCell;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Longer reads are refused: a length that was read from memory may be anything.
const MOST: usize = 1 << 20;

/// Reads memory. Made by the thread that uses it, and not carried over a fork.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// What is read instead, where the system call is forbidden: `None` when that cannot be opened.
    file: OnceCell<Option<File>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Fills `into` from `address`; `false` when not all of it could be read.
    pub(crate) fn read(&self, address: usize, into: &mut [u8]) -> bool {
        if address == 0 {
            return false;
        }
        if self.file.get().is_none() {
            let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
            let remote = libc::iovec {
                iov_base: std::ptr::without_provenance_mut(address),
                iov_len: into.len(),
            };
            let process = std::process::id().cast_signed();
            // SAFETY: The kernel writes into `into` only, which is ours, and checks the address that
            // it copies from.
            let count = unsafe {
                libc::process_vm_readv(process, &raw const local, 1, &raw const remote, 1, 0)
            };
            let forbidden = count < 0
                && matches!(
                    std::io::Error::last_os_error().raw_os_error(),
                    Some(libc::EPERM | libc::ENOSYS)
                );
            if !forbidden {
                return usize::try_from(count) == Ok(into.len());
            }
        }
        let file = self.file.get_or_init(|| File::open("/proc/self/mem").ok());
        file.as_ref().is_some_and(|file| file.read_exact_at(into, address as u64).is_ok())
    }

    /// `N` bytes at `address`.
    pub(crate) fn array<const N: usize>(&self, address: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.read(address, &mut bytes).then_some(bytes)
    }

    /// The pointer, or other word, at `address`.
    pub(crate) fn word(&self, address: usize) -> Option<usize> {
        self.array(address).map(usize::from_ne_bytes)
    }

    /// `length` bytes at `address`.
    pub(crate) fn bytes(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        if length > MOST {
            return None;
        }
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes).then_some(bytes)
    }
}

/// The word at `offset` of memory that was read.
pub(crate) fn word_in(bytes: &[u8], offset: usize) -> Option<usize> {
    let word = bytes.get(offset..offset + size_of::<usize>())?;
    Some(usize::from_ne_bytes(word.try_into().ok()?))
}
