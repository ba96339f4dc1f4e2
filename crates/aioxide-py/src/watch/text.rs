//! Reports as text, for people.

use std::fmt::Write as _;

use aioxide_core::Nanos;

use super::activity::Kind;
use super::frames::Frame;
use super::history::Length;
use super::interpreter::{FOLDERS, known};
use super::processor::Wait;
use super::report::{Line, Place, Report, Work};
use super::slot::Slot;

/// So many places are named when the loop is free again.
const PLACES: usize = 3;

/// What is written while the loop is blocked.
pub(super) fn blocked(report: &Report, slot: &Slot) -> String {
    let mut text = String::new();
    if report.verdict.dropped != 0 {
        let dropped = report.verdict.dropped;
        let _ = writeln!(text, "aioxide: {dropped} reports of a blocked event loop were left out");
    }
    let what = match report.work {
        Work::Step => "the event loop is blocked".to_owned(),
        Work::Turn { steps, begun } => {
            format!("one turn of the event loop takes long ({begun} of {steps} steps)")
        }
    };
    let _ = write!(text, "aioxide: {what}, {} so far", millis(report.at - report.began));
    if report.verdict.length == Length::Short {
        let count = report.verdict.count;
        let at = place(&report.site.frame);
        let line = if report.cause.is_unknown() { "" } else { " at this line" };
        let _ = writeln!(text, ": {}, at {at} (time {count}{line})", doing(report));
        return text;
    }
    let (pid, number) = (std::process::id(), slot.number);
    let _ = writeln!(text, " (limit {})  pid {pid}, loop {number}", millis(slot.limit));
    row(&mut text, "at", &with_source(&report.site));
    row(&mut text, "doing", &doing(report));
    if let Some(task) = &report.task {
        let of = task.coroutine.as_ref().map_or(String::new(), |name| format!(" ({name})"));
        row(&mut text, "task", &format!("'{}'{of}", task.name));
    }
    if let Some(label) = &report.label {
        row(&mut text, "label", label);
    }
    stack(&mut text, "stack", &report.stack, report.cut);
    if let Some(holder) = &report.holder {
        stack(&mut text, &format!("GIL {}", holder.tid), &holder.stack, false);
    }
    let count = report.delayed.count;
    if count != 0 {
        let names: Vec<_> = report.delayed.tasks.iter().map(|name| format!("'{name}'")).collect();
        let names =
            if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        let callbacks = if count == 1 { "callback waits" } else { "callbacks wait" };
        let since = millis(report.at - report.began);
        row(&mut text, "delays", &format!("{count} ready {callbacks}, for {since}{names}"));
    }
    if let Some(hint) = &report.hint {
        row(&mut text, "hint", hint);
    }
    text
}

/// What is written when the loop is free again at `now`.
pub(super) fn freed(report: &Report, now: Nanos) -> String {
    let what = match report.work {
        Work::Step => "the event loop is free again",
        Work::Turn { .. } => "the turn of the event loop has ended",
    };
    let length = report.length(now);
    let mut text = format!("aioxide: {what} after {}", millis(length));
    if report.wait.is_some_and(|wait| wait.is_most(length))
        && let Some(waited) = report.waited(length)
    {
        let _ = write!(text, ", for {} of which it waited for a processor", millis(waited));
    }
    if report.verdict.length == Length::Full {
        let places: Vec<_> = report.places.iter().take(PLACES).map(sampled).collect();
        let samples = if report.samples == 1 { "sample" } else { "samples" };
        let _ = write!(text, " ({} {samples}: {})", report.samples, places.join("; "));
    }
    if report.verdict.count > 1 {
        let _ = write!(text, ", time {}", report.verdict.count);
        if !report.cause.is_unknown() {
            let _ = write!(text, " at {}", place(&report.site.frame));
        }
    }
    text.push('\n');
    text
}

/// What the thread is doing, in words.
pub(super) fn doing(report: &Report) -> String {
    let activity = &report.activity;
    let call = activity.call.map_or(String::new(), |name| format!(" ({name})"));
    let on = || {
        let target = activity.target.as_ref().map(|target| target.text.as_str());
        match (target, activity.descriptor) {
            (Some(target), Some(fd)) => format!("{target}, descriptor {fd}"),
            (None, Some(fd)) => format!("descriptor {fd}"),
            _ => "the kernel".to_owned(),
        }
    };
    match activity.kind {
        Kind::Cpu if report.still && report.has_gil => {
            "computing, in one call of C code that holds the GIL".to_owned()
        }
        Kind::Cpu if report.still => "computing, in one call of C code".to_owned(),
        Kind::Cpu => "computing".to_owned(),
        Kind::Gc => "collecting garbage".to_owned(),
        Kind::Processor => match report.wait {
            Some(Wait { waited, of }) => {
                format!("waiting for a processor, {} of the last {}", millis(waited), millis(of))
            }
            None => "waiting for a processor".to_owned(),
        },
        Kind::Sleep => format!("sleeping{call}"),
        Kind::Syscall => format!("waiting for {}{call}", on()),
        Kind::Disk if activity.descriptor.is_some() => {
            format!("waiting for the disk: {}{call}", on())
        }
        Kind::Disk => format!("waiting for the disk{call}"),
        Kind::Lock if activity.descriptor.is_some() => {
            format!("waiting for a lock on {}{call}", on())
        }
        Kind::Lock => format!("waiting for a lock, or for another thread{call}"),
        Kind::Gil => match &report.holder {
            Some(holder) => format!("waiting for the GIL, which thread {} holds", holder.tid),
            None => "waiting for the GIL".to_owned(),
        },
        Kind::Process => format!("waiting for another process{call}"),
        Kind::Unknown => "waiting".to_owned(),
    }
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<7} {value}");
}

fn stack(text: &mut String, name: &str, lines: &[Line], cut: bool) {
    for (index, line) in lines.iter().enumerate() {
        row(text, if index == 0 { name } else { "" }, &with_source(line));
    }
    if cut {
        row(text, "", "...");
    }
}

fn with_source(line: &Line) -> String {
    match &line.source {
        Some(source) => format!("{}: {source}", place(&line.frame)),
        None => place(&line.frame),
    }
}

fn place(frame: &Frame) -> String {
    if frame.is_unknown() {
        return "no line of Python".to_owned();
    }
    format!("{}:{} in {}", shown(&frame.file), frame.line, frame.function)
}

fn sampled(place: &Place) -> String {
    let at = place.frame.as_ref().map_or_else(
        || "no Python code".to_owned(),
        |frame| format!("{} ({}:{})", frame.function, shown(&frame.file), frame.line),
    );
    format!("{} {} in {at}", place.count, place.kind.name())
}

/// A path as it is seen from the folder of packages, from the current one, or from that of the
/// standard library.
fn shown(file: &str) -> String {
    if let Some(file) = FOLDERS.iter().find_map(|folder| Some(file.rsplit_once(folder)?.1)) {
        return file.to_owned();
    }
    let below = |folder: &str| Some(file.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
    let folder = std::env::current_dir().ok();
    folder
        .and_then(|folder| below(folder.to_str()?))
        .or_else(|| known().and_then(|known| below(&known.library)))
        .unwrap_or_else(|| file.to_owned())
}

fn millis(length: Nanos) -> String {
    if length < 10_000_000 {
        format!("{:.1} ms", length as f64 / 1e6)
    } else if length < 10_000_000_000 {
        format!("{} ms", length / 1_000_000)
    } else {
        format!("{:.1} s", length as f64 / 1e9)
    }
}
