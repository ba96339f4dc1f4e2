//! What touches the processor and the kernel. Each poller backend has the same names in its own
//! file; the rest of the crate sees the one that is chosen here.

pub mod epoll;
#[expect(unsafe_code, reason = "the counter instruction is an intrinsic without a safe form")]
pub mod tsc;
pub mod wakeup;

pub use epoll::Epoll;
pub use wakeup::Wakeup;
