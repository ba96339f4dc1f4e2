//! What a thread is doing, as the kernel and the interpreter's memory say it.

use std::fs;
use std::os::fd::RawFd;

use libc::c_long;

use super::calls::{Waits, call};
use super::descriptor::{Target, target};
use super::layout::{Gil, Layout, Place};
use super::memory::Memory;

/// What keeps a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// It computes.
    Cpu,
    /// The garbage collector does.
    Gc,
    /// It would compute, and has no processor.
    Processor,
    /// It lets time pass.
    Sleep,
    /// It waits in a system call for something outside of the process.
    Syscall,
    /// It waits for a disk.
    Disk,
    /// It waits for another thread.
    Lock,
    /// It waits for the GIL, which another thread has.
    Gil,
    /// It waits for another process.
    Process,
    /// The kernel does not say.
    Unknown,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gc => "gc",
            Self::Processor => "processor",
            Self::Sleep => "sleep",
            Self::Syscall => "syscall",
            Self::Disk => "disk",
            Self::Lock => "lock",
            Self::Gil => "gil",
            Self::Process => "process",
            Self::Unknown => "unknown",
        }
    }
}

/// What a thread is doing.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    pub(super) kind: Kind,
    /// The system call that it is in.
    pub(super) call: Option<&'static str>,
    pub(super) descriptor: Option<RawFd>,
    pub(super) target: Option<Target>,
    /// The thread state that has the GIL; 0 when nobody has it.
    pub(super) holder: usize,
}

/// The GIL at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Lock {
    address: usize,
    size: usize,
    holder: usize,
}

/// What the thread `tid`, whose state is at `thread`, is doing.
pub(super) fn activity(
    memory: &Memory,
    layout: Option<&Layout>,
    tid: i32,
    thread: usize,
) -> Activity {
    let lock =
        layout.and_then(|layout| lock(memory, &layout.gil?, thread, layout)).unwrap_or_default();
    let mut activity = Activity {
        kind: Kind::Unknown,
        call: None,
        descriptor: None,
        target: None,
        holder: lock.holder,
    };
    let state = state(tid);
    match system_call(tid) {
        Some(Where::Running) => activity.kind = Kind::Cpu,
        Some(Where::Call(number, arguments)) => {
            waiting(&mut activity, memory, &lock, number, arguments);
        }
        // In the kernel without having called it: a page that has to be read, or one to be made.
        Some(Where::Fault) => {
            activity.kind = if state == Some('D') { Kind::Disk } else { Kind::Cpu };
        }
        None => match state {
            Some('R') => activity.kind = Kind::Cpu,
            Some('D') => activity.kind = Kind::Disk,
            _ => {}
        },
    }
    if state == Some('D') && matches!(activity.kind, Kind::Syscall | Kind::Unknown) {
        activity.kind = Kind::Disk;
    }
    let collects = || layout.and_then(|layout| collects(memory, layout, thread));
    if activity.kind == Kind::Cpu && lock.holder == thread && collects() == Some(true) {
        activity.kind = Kind::Gc;
    }
    activity
}

fn waiting(
    activity: &mut Activity,
    memory: &Memory,
    lock: &Lock,
    number: c_long,
    arguments: [usize; 2],
) {
    let Some((name, waits)) = call(number) else {
        activity.kind = Kind::Syscall;
        return;
    };
    activity.call = Some(name);
    let descriptor = match waits {
        Waits::Descriptor | Waits::Locked => Some(arguments[0]),
        Waits::Polled if arguments[1] > 0 => {
            memory.array::<4>(arguments[0]).map(|bytes| u32::from_ne_bytes(bytes) as usize)
        }
        Waits::Disk if arguments[0] < 1 << 20 && !matches!(name, "sync" | "msync") => {
            Some(arguments[0])
        }
        _ => None,
    };
    activity.descriptor = descriptor.and_then(|number| RawFd::try_from(number).ok());
    activity.target = activity.descriptor.and_then(target);
    activity.kind = match waits {
        Waits::Sleep => Kind::Sleep,
        // The GIL's own mutexes and conditions lie in its structure.
        Waits::Futex if (lock.address..lock.address + lock.size).contains(&arguments[0]) => {
            Kind::Gil
        }
        Waits::Futex | Waits::Locked => Kind::Lock,
        Waits::Disk => Kind::Disk,
        Waits::Process => Kind::Process,
        _ if activity.target.as_ref().is_some_and(|target| target.on_disk) => Kind::Disk,
        _ => Kind::Syscall,
    };
}

/// Where a thread is, by the kernel.
enum Where {
    Running,
    Call(c_long, [usize; 2]),
    Fault,
}

fn system_call(tid: i32) -> Option<Where> {
    let text = fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).ok()?;
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    if first == "running" {
        return Some(Where::Running);
    }
    let number: c_long = first.parse().ok()?;
    if number < 0 {
        return Some(Where::Fault);
    }
    let mut argument = || {
        let word = words.next()?.strip_prefix("0x")?;
        usize::from_str_radix(word, 16).ok()
    };
    Some(Where::Call(number, [argument()?, argument()?]))
}

/// The letter by which the kernel says what a thread is at: R runs, S waits, D waits for a disk.
fn state(tid: i32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    // The name before may contain anything.
    text.rsplit_once(')')?.1.trim_start().chars().next()
}

fn lock(memory: &Memory, gil: &Gil, thread: usize, layout: &Layout) -> Option<Lock> {
    let address = match gil.place {
        Place::At(address) => address,
        Place::Behind(offset) => {
            memory.word(memory.word(thread + layout.thread.interpreter)? + offset)?
        }
    };
    let locked = memory.array::<4>(address + gil.locked).map(i32::from_ne_bytes)? == 1;
    let holder = memory.word(address + gil.holder)?;
    Some(Lock { address, size: gil.size, holder: if locked { holder } else { 0 } })
}

/// The thread state that has the GIL, in which `thread` is one of several; 0 for nobody.
pub(super) fn gil_holder(memory: &Memory, layout: &Layout, thread: usize) -> Option<usize> {
    lock(memory, &layout.gil?, thread, layout).map(|lock| lock.holder)
}

/// Whether the garbage collector is at work.
pub(super) fn collects(memory: &Memory, layout: &Layout, thread: usize) -> Option<bool> {
    let interpreter = memory.word(thread + layout.thread.interpreter)?;
    memory.array::<4>(interpreter + layout.collecting?).map(|bytes| i32::from_ne_bytes(bytes) == 1)
}
