//! How the benches of this crate measure: arms take turns round by round, so that a change of the
//! machine's speed hits all of them, and each reports its least and its median.

use aioxide_core::{Clock, Nanos};

/// Rounds of one arm after another.
const ROUNDS: usize = 25;

/// One arm: its name, how many operations a round does, and the round, which answers how many
/// nanoseconds they took.
pub(crate) struct Arm<'a> {
    name: String,
    operations: u64,
    round: Box<dyn FnMut(&Clock) -> Nanos + 'a>,
}

impl<'a> Arm<'a> {
    /// Names a round.
    pub(crate) fn new(
        name: impl Into<String>,
        operations: u64,
        round: impl FnMut(&Clock) -> Nanos + 'a,
    ) -> Self {
        Self { name: name.into(), operations, round: Box::new(round) }
    }
}

/// `cargo bench` asks for a measurement; `cargo test --all-targets` only runs the program.
pub(crate) fn wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Runs the arms in turns and prints nanoseconds per operation.
#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
pub(crate) fn compare(title: &str, arms: &mut [Arm<'_>]) {
    let clock = Clock::new();
    let mut samples = vec![Vec::with_capacity(ROUNDS); arms.len()];
    // The first round fills caches and buffers and is not counted.
    for round in 0..=ROUNDS {
        for (arm, samples) in arms.iter_mut().zip(&mut samples) {
            let took = (arm.round)(&clock);
            if round > 0 {
                samples.push(took as f64 / arm.operations as f64);
            }
        }
    }
    println!("{title}");
    println!("  {:<34}{:>10}{:>10}{:>10}", "ns per operation", "least", "median", "most");
    for (arm, samples) in arms.iter().zip(&mut samples) {
        samples.sort_by(f64::total_cmp);
        let (least, median, most) = (samples[0], samples[ROUNDS / 2], samples[ROUNDS - 1]);
        println!("  {:<34}{least:>10.1}{median:>10.1}{most:>10.1}", arm.name);
    }
}
