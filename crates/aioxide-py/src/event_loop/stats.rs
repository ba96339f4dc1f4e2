//! What the loop has counted, as numbers for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Loop;

#[pymethods]
impl Loop {
    /// The loop's counters since it was made, as a dict.
    ///
    /// turns, polls and steps (int); poll_time and busy_time in seconds (float); step_times, a list
    /// of (seconds, count): how many steps took at least that long and less than twice as long.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = &self.counters;
        let seconds = |ticks: u64| self.clock.nanos_in(ticks).map(|nanos| nanos as f64 / 1e9);
        let steps: Vec<_> = counters
            .steps()
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count != 0)
            .map(|(power, count)| (seconds(1 << power), count))
            .collect();
        let stats = PyDict::new(py);
        stats.set_item("turns", counters.turns())?;
        stats.set_item("polls", counters.polls())?;
        stats.set_item("steps", counters.epoch())?;
        stats.set_item("poll_time", seconds(counters.poll_ticks()))?;
        stats.set_item("busy_time", seconds(counters.busy_ticks()))?;
        stats.set_item("step_times", steps)?;
        Ok(stats)
    }
}
