//! The measured window: warm-up, then a count of messages or a time, then the report.
//!
//! ```text
//!   start          begin                           end
//!     | warm-up      | recorded                     | replies in flight are awaited, not recorded
//! ```

use crate::args::Load;
use crate::clock;
use crate::cpu;
use crate::failure::Failure;
use crate::histogram::Histogram;

/// What a run found.
#[derive(Debug)]
pub(crate) struct Report {
    messages: u64,
    nanos: u64,
    cpu_nanos: Option<u64>,
    latency: Histogram,
}

impl Report {
    /// As one line; `whose` says whose CPU time it was.
    pub(crate) fn to_json(&self, whose: &str) -> String {
        let micros = |nanos: u64| nanos as f64 / 1e3;
        let cpu = self
            .cpu_nanos
            .map_or_else(|| "null".to_owned(), |nanos| format!("{:.9}", nanos as f64 / 1e9));
        format!(
            "{{\"messages\": {}, \"seconds\": {:.9}, \"{whose}_cpu_seconds\": {cpu}, \
             \"latency_us\": {{\"p50\": {:.3}, \"p90\": {:.3}, \"p99\": {:.3}, \"max\": {:.3}}}}}",
            self.messages,
            self.nanos as f64 / 1e9,
            micros(self.latency.percentile(500)),
            micros(self.latency.percentile(900)),
            micros(self.latency.percentile(990)),
            micros(self.latency.max()),
        )
    }
}

/// Counts completed messages and knows when to start and to stop recording.
#[derive(Debug)]
pub(crate) struct Window {
    pid: Option<u32>,
    /// Where recording starts; `u64::MAX` once it has.
    begin_at: u64,
    began_at: u64,
    end_at: u64,
    length: u64,
    most: u64,
    messages: u64,
    /// How many messages an exchange stands for.
    weight: u64,
    cpu_at_begin: Option<u64>,
    latency: Histogram,
    ended: Option<(u64, Option<u64>)>,
    last_message_at: u64,
    stall: u64,
}

impl Window {
    pub(crate) fn open(load: &Load, now: u64) -> Self {
        let length = load.seconds.map_or(u64::MAX, clock::nanos);
        Self {
            pid: load.pid,
            begin_at: now.saturating_add(clock::nanos(load.warmup)),
            began_at: now,
            end_at: u64::MAX,
            length,
            most: load.messages.unwrap_or(u64::MAX),
            messages: 0,
            weight: load.group.max(load.replies) as u64,
            cpu_at_begin: None,
            latency: Histogram::new(),
            ended: None,
            last_message_at: now,
            stall: clock::nanos(load.stall),
        }
    }

    /// Whether another message may be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// An exchange was answered at `now`, `nanos` after it was sent.
    pub(crate) fn record(&mut self, now: u64, nanos: u64) -> Result<(), Failure> {
        self.last_message_at = now;
        if self.ended.is_some() {
            return Ok(());
        }
        self.messages += self.weight;
        self.latency.record(nanos);
        if now >= self.begin_at {
            self.begin()?;
        } else if now >= self.end_at || (self.messages >= self.most && self.has_begun()) {
            self.ended = Some((now, self.cpu()?));
        }
        Ok(())
    }

    /// Fails when no message was answered for too long. `waiting` says what was being waited for.
    pub(crate) fn check(&self, now: u64, waiting: impl FnOnce() -> String) -> Result<(), Failure> {
        let silent = now.saturating_sub(self.last_message_at);
        if silent <= self.stall {
            return Ok(());
        }
        Err(Failure::Peer(format!("nothing came for {:.1} s: {}", silent as f64 / 1e9, waiting())))
    }

    /// The report, once the window has ended.
    pub(crate) fn finish(self) -> Result<Report, Failure> {
        let Some((ended_at, cpu_at_end)) = self.ended else {
            return Err(Failure::Peer("it ended before the measured window did".to_owned()));
        };
        let cpu_nanos = match (self.cpu_at_begin, cpu_at_end) {
            (Some(begin), Some(end)) => Some(end.saturating_sub(begin)),
            _ => None,
        };
        Ok(Report {
            messages: self.messages,
            nanos: ended_at - self.began_at,
            cpu_nanos,
            latency: self.latency,
        })
    }

    fn has_begun(&self) -> bool {
        self.begin_at == u64::MAX
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.cpu_at_begin = self.cpu()?;
        self.messages = 0;
        self.latency.clear();
        self.begin_at = u64::MAX;
        // Reading /proc takes a while, in which the server goes on: so the clock comes after it.
        self.began_at = clock::now();
        self.end_at = self.began_at.saturating_add(self.length);
        Ok(())
    }

    fn cpu(&self) -> Result<Option<u64>, Failure> {
        self.pid.map(cpu::used_by).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::args::Load;

    fn load() -> Load {
        Load { warmup: 0.0, seconds: None, messages: Some(3), stall: 1.0, ..Load::default() }
    }

    #[test]
    fn the_message_that_ends_the_warm_up_is_not_counted() {
        let mut window = Window::open(&load(), 0);
        for _ in 0..4 {
            assert!(window.is_open());
            window.record(1, 500).unwrap();
        }
        assert!(!window.is_open());
        window.record(1, 900).unwrap();
        assert!(window.messages == 3 && window.latency.max() == 500);
    }

    #[test]
    fn silence_is_the_peers_fault() {
        let window = Window::open(&load(), 0);
        assert!(window.check(1_000_000_000, String::new).is_ok());
        let failure = window.check(1_000_000_001, || "3 connections wait".to_owned());
        let text = failure.unwrap_err().to_string();
        assert!(text.contains("nothing came for 1.0 s: 3 connections wait"), "{text}");
    }

    #[test]
    fn an_unfinished_window_has_no_report() {
        let window = Window::open(&load(), 0);
        assert_eq!(window.finish().unwrap_err().exit_code(), 3);
    }
}
