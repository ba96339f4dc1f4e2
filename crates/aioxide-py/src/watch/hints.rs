//! What to do about it.

use super::activity::Kind;
use super::report::{Report, Work};

/// From so many steps on, it is their number that makes a turn long.
const FEW: usize = 20;
/// The file of the frames that run an import.
const IMPORT: &str = "<frozen importlib._bootstrap>";

/// What could be done about what `report` tells of.
pub(super) fn hint(report: &Report) -> Option<String> {
    let kind = report.activity.kind;
    // Where there was no processor, what ran has nothing to do with it.
    if kind != Kind::Processor
        && let Some(text) = by_work(report)
    {
        return Some(text.to_owned());
    }
    if report.stack.is_empty() && kind == Kind::Cpu {
        return None;
    }
    let asked = || report.site.source.as_ref().is_some_and(|source| source.contains("gc.collect("));
    let text = match kind {
        Kind::Sleep => "`await asyncio.sleep(...)` waits without holding the loop",
        Kind::Cpu if report.still && report.has_gil => {
            "C code that keeps the GIL keeps it in a thread, too: use a process pool \
             (`loop.run_in_executor`), or do less at a time"
        }
        Kind::Cpu if report.still => "`await asyncio.to_thread(...)` lets the loop go on meanwhile",
        Kind::Cpu => {
            "`await asyncio.to_thread(...)` shares the GIL with the loop by turns; a process pool \
             takes no time from it"
        }
        Kind::Gc if asked() => "the program asks for it: do that where no loop waits, if at all",
        Kind::Gc => "`gc.freeze()` after the start, or a higher `gc.set_threshold()`",
        Kind::Syscall => {
            "use asyncio's own streams or an asynchronous client, or `await asyncio.to_thread(...)`"
        }
        Kind::Disk => "`await asyncio.to_thread(...)` waits for the disk elsewhere",
        Kind::Lock => {
            "between tasks use `asyncio.Lock`; what other threads lock, take in a thread: `await \
             asyncio.to_thread(...)`"
        }
        Kind::Gil => {
            "what keeps the GIL belongs into a process: a thread cannot do it beside the loop"
        }
        Kind::Process if report.activity.call.is_some_and(|call| !call.starts_with("wait")) => {
            "a child keeps its parent, and the GIL, until it runs its program: a slow disk holds it up, \
             or what it is to open before"
        }
        Kind::Process => "`asyncio.create_subprocess_exec()` waits without holding the loop",
        Kind::Processor => {
            "other threads and processes have the processors, or a container's limit is reached: this \
             line is where it happened, not why"
        }
        Kind::Unknown => return None,
    };
    Some(text.to_owned())
}

/// The same, where what ran says more than what it did.
fn by_work(report: &Report) -> Option<&'static str> {
    if matches!(report.work, Work::Turn { begun: FEW.., .. }) {
        return Some(
            "many steps became ready at once: start fewer tasks at a time, by a semaphore or by a \
             queue and a few workers",
        );
    }
    let imports = report.stack.iter().any(|line| line.frame.file == IMPORT);
    imports.then_some("a module is imported for the first time: import it before the loop runs")
}
