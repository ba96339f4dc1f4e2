//! What happened so far, as `/stats` tells it.

/// Counters of the site. `/stats` itself is not counted among the answers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Answers with status 200, all of them.
    pub(crate) served: u64,
    /// Those of them that were notices.
    pub(crate) notices: u64,
    pub(crate) not_found: u64,
    /// Requests answered with 4xx because they were not proper ones.
    pub(crate) malformed: u64,
    /// Requests given up after the time limit.
    pub(crate) timed_out: u64,
    /// Connections reset because too many were open.
    pub(crate) refused: u64,
    /// Requests whose client went away before the answer.
    pub(crate) abandoned: u64,
    pub(crate) accepted: u64,
    pub(crate) open: usize,
    pub(crate) peak: usize,
}

impl Stats {
    pub(crate) fn count_opened(&mut self) {
        self.accepted += 1;
        self.open += 1;
        self.peak = self.peak.max(self.open);
    }

    pub(crate) fn to_json(&self) -> String {
        let Self {
            served,
            notices,
            not_found,
            malformed,
            timed_out,
            refused,
            abandoned,
            accepted,
            open,
            peak,
        } = self;
        format!(
            "{{\"served\": {served}, \"notices\": {notices}, \"not_found\": {not_found}, \
             \"malformed\": {malformed}, \"timed_out\": {timed_out}, \"refused\": {refused}, \
             \"abandoned\": {abandoned}, \"accepted\": {accepted}, \"open\": {open}, \
             \"peak\": {peak}}}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_when_connections_close() {
        let mut stats = Stats::default();
        stats.count_opened();
        stats.count_opened();
        stats.open -= 1;
        stats.count_opened();
        assert_eq!((stats.accepted, stats.open, stats.peak), (3, 2, 2));
        assert!(stats.to_json().contains("\"open\": 2, \"peak\": 2}"));
    }
}
