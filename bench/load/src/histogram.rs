//! Latencies in buckets of constant relative width: 64 for each power of two, so that a
//! percentile is at most 1.6 % too high, at any length of run and without growing.

const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) * SUB as usize;

/// Counts of values by bucket, with the exact maximum.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.max = 0;
    }

    pub(crate) fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The smallest bucket edge that at least `per_mille` thousandths of the values lie under,
    /// never more than the maximum. Zero when nothing was recorded.
    pub(crate) fn percentile(&self, per_mille: u64) -> u64 {
        let wanted = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_edge(index).min(self.max);
            }
        }
        self.max
    }
}

/// Values under `SUB` have a bucket each; from there on each octave has `SUB` buckets.
fn bucket(value: u64) -> usize {
    let octave = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let base = u64::from(octave) * SUB;
    usize::try_from(base + (value >> octave)).unwrap_or(BUCKETS - 1)
}

/// The largest value that falls into the bucket.
fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * SUB {
        return index;
    }
    let octave = index / SUB - 1;
    let mantissa = index - octave * SUB;
    // The very last edge is 2^64 - 1: the addition wraps to zero exactly there.
    ((mantissa + 1) << octave).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, bucket, upper_edge};

    #[test]
    fn every_value_lies_under_the_edge_of_its_bucket_and_over_the_one_before() {
        for shift in 0..64 {
            for near in [-1_i64, 0, 1] {
                let value = (1_u64 << shift).wrapping_add_signed(near);
                let index = bucket(value);
                assert!(index < BUCKETS, "{value}");
                assert!(value <= upper_edge(index), "{value}");
                if index > 0 {
                    assert!(value > upper_edge(index - 1), "{value}");
                }
            }
        }
    }

    #[test]
    fn percentiles_are_within_two_per_cent() {
        let mut histogram = Histogram::new();
        for value in 1..=10_000 {
            histogram.record(value * 1000);
        }
        for (per_mille, exact) in [(500, 5_000_000_u64), (900, 9_000_000), (990, 9_900_000)] {
            let found = histogram.percentile(per_mille);
            assert!(found >= exact && found <= exact + exact / 50, "{per_mille}: {found}");
        }
        assert_eq!(histogram.percentile(1000), 10_000_000);
        assert_eq!(histogram.max(), 10_000_000);
    }

    #[test]
    fn an_empty_or_cleared_histogram_is_all_zero() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.percentile(500), 0);
        histogram.record(7);
        histogram.clear();
        assert_eq!((histogram.percentile(990), histogram.max()), (0, 0));
    }
}
