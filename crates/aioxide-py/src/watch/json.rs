//! Reports as JSON, for programs. Times are in seconds.

use aioxide_core::Nanos;
use serde_json::{Map, Value, json};

use super::report::{Line, Report, Work};
use super::slot::Slot;
use super::text::doing;

/// What is known while the loop is blocked.
pub(super) fn blocked(report: &Report, slot: &Slot) -> Map<String, Value> {
    let activity = &report.activity;
    let work = match report.work {
        Work::Step => json!({"unit": "step"}),
        Work::Turn { steps, begun } => json!({"unit": "turn", "steps": steps, "begun": begun}),
    };
    let task = report.task.as_ref();
    let value = json!({
        "event": "blocked",
        "id": report.id,
        "pid": std::process::id(),
        "loop": slot.number,
        "thread": slot.tid,
        "time": seconds(report.wall),
        "monotonic": seconds(report.at),
        "began": seconds(report.began),
        "blocked_for": seconds(report.at - report.began),
        "limit": seconds(slot.limit),
        "work": work,
        "kind": activity.kind.name(),
        "doing": doing(report),
        "call": activity.call,
        "descriptor": activity.descriptor,
        "target": activity.target.as_ref().map(|target| target.text.as_str()),
        "holds_gil": report.has_gil,
        "waited_for_processor": report.waited(report.at - report.began).map(seconds),
        "site": line(&report.site),
        "stack": lines(&report.stack),
        "gil_holder": report.holder.as_ref().map(|holder| {
            json!({"thread": holder.tid, "stack": lines(&holder.stack)})
        }),
        "task": task.map(|task| json!({"name": task.name, "coroutine": task.coroutine})),
        "label": report.label,
        "delayed": {"count": report.delayed.count, "tasks": report.delayed.tasks},
        "hint": report.hint,
        "count": report.verdict.count,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What is known when the loop is free again at `now`.
pub(super) fn freed(report: &Report, slot: &Slot, now: Nanos) -> Map<String, Value> {
    let samples: Vec<Value> = report
        .places
        .iter()
        .map(|place| {
            json!({
                "count": place.count,
                "kind": place.kind.name(),
                "file": place.frame.as_ref().map(|frame| frame.file.as_str()),
                "line": place.frame.as_ref().map(|frame| frame.line),
                "function": place.frame.as_ref().map(|frame| frame.function.as_str()),
            })
        })
        .collect();
    let value = json!({
        "event": "free",
        "id": report.id,
        "pid": std::process::id(),
        "loop": slot.number,
        "monotonic": seconds(now),
        "blocked_for": seconds(report.length(now)),
        "waited_for_processor": report.waited(report.length(now)).map(seconds),
        "samples": samples,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn lines(stack: &[Line]) -> Vec<Value> {
    stack.iter().map(line).collect()
}

fn line(line: &Line) -> Value {
    json!({
        "file": line.frame.file,
        "line": line.frame.line,
        "function": line.frame.function,
        "source": line.source,
    })
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

/// A line of output.
pub(super) fn to_line(map: Map<String, Value>) -> String {
    format!("{}\n", Value::Object(map))
}
