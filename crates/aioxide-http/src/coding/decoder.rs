//! The decoder of a body: one stage for each coding.

use smallvec::SmallVec;

use super::stage::Stage;
use super::{Codings, DecodeError, Limits, MAX_STEP};

/// What is held between two stages.
const LINK: usize = 16 * 1024;

/// The first piece of output that [`Decoder::decode_to_vec`] makes room for.
const FIRST_PIECE: usize = 1024;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// So many bytes of the input are used up; the caller gives the rest again.
    pub consumed: usize,
    /// So many bytes were written.
    pub produced: usize,
    /// There may be more to write: the caller is to ask again, with or without more input.
    pub more: bool,
}

/// Bytes on the way from one stage to the next.
#[derive(Debug, Default)]
struct Link {
    /// Empty until it is used.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Link {
    fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        self.bytes.resize(LINK, 0);
        &mut self.bytes[self.end..]
    }
}

/// Decodes one body after another. Nothing is allocated until data comes.
///
/// ```
/// use aioxide_http::coding::{Coding, Codings, Decoder, Encoder, Limits};
/// let mut encoder = Encoder::new(Coding::Gzip, None)?;
/// let mut body = Vec::new();
/// encoder.encode(b"hello", &mut body)?;
/// encoder.finish(&mut body)?;
///
/// let mut decoder = Decoder::new(&Codings::parse([&b"GZIP"[..]])?, Limits::default());
/// let mut output = [0; 16];
/// let step = decoder.decode(&body, &mut output)?;
/// assert_eq!(&output[..step.produced], b"hello");
/// decoder.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// The first one takes what the peer sent.
    stages: SmallVec<[Stage; 1]>,
    /// One between each two stages.
    links: Vec<Link>,
    limits: Limits,
    total_out: u64,
    more: bool,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder for a body with these codings.
    #[must_use]
    pub fn new(codings: &Codings, limits: Limits) -> Self {
        let mut decoder = Self {
            stages: SmallVec::new(),
            links: Vec::new(),
            limits,
            total_out: 0,
            more: false,
            failed: None,
        };
        decoder.reset(codings, limits);
        decoder
    }

    /// Begins another body, and keeps the buffers that it can use.
    pub fn reset(&mut self, codings: &Codings, limits: Limits) {
        let codings = codings.as_slice();
        self.stages.truncate(codings.len());
        for (index, coding) in codings.iter().rev().enumerate() {
            match self.stages.get_mut(index) {
                Some(stage) => stage.reset(*coding, &limits),
                None => self.stages.push(Stage::new(*coding, &limits)),
            }
        }
        self.links.clear();
        self.links.resize_with(codings.len().saturating_sub(1), Link::default);
        self.limits = limits;
        self.total_out = 0;
        self.more = false;
        self.failed = None;
    }

    /// Nothing is to be decoded: the caller can use the body as it is.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.stages.is_empty()
    }

    /// How many bytes of the body have been decoded.
    #[must_use]
    pub fn total_out(&self) -> u64 {
        self.total_out
    }

    /// Decodes into `output`, of which at most [`MAX_STEP`] bytes are used.
    ///
    /// When the step says that there is no more, all input is used up.
    ///
    /// # Errors
    /// Says what is wrong with the body, and again at each further call. What was decoded in the
    /// same call is lost.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let room = output.len().min(MAX_STEP);
        let step = self.step(&input[..input.len().min(MAX_STEP)], &mut output[..room]);
        match step {
            Ok(mut step) => {
                step.more |= step.consumed < input.len();
                self.more = step.more;
                Ok(step)
            }
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Decodes into `output` from its start, at most [`MAX_STEP`] bytes. What it holds is written
    /// over; it grows by about as much as is decoded, and does not shrink, so that its memory is
    /// filled with zeros once for many bodies.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode).
    pub fn decode_over(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<Step, DecodeError> {
        let mut done = Step::default();
        self.fill(input, output, 0, &mut done)?;
        Ok(done)
    }

    /// Decodes and appends to `output`, at most [`MAX_STEP`] bytes. It grows by about as much as is
    /// decoded.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode); what was appended before the error stays.
    pub fn decode_to_vec(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Step, DecodeError> {
        let start = output.len();
        let mut done = Step::default();
        let filled = self.fill(input, output, start, &mut done);
        output.truncate(start + done.produced);
        filled.map(|()| done)
    }

    /// Decodes into `output` from `start` on, and makes it longer where it has to be.
    fn fill(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        start: usize,
        done: &mut Step,
    ) -> Result<(), DecodeError> {
        let mut piece = input.len().saturating_mul(4).max(FIRST_PIECE);
        loop {
            let end = start + (done.produced + piece).min(MAX_STEP);
            if output.len() < end {
                output.resize(end, 0);
            }
            let room = &mut output[start + done.produced..end];
            let step = self.decode(&input[done.consumed..], room)?;
            done.consumed += step.consumed;
            done.produced += step.produced;
            done.more = step.more;
            if !done.more || done.produced == MAX_STEP || step.consumed + step.produced == 0 {
                return Ok(());
            }
            piece = piece.saturating_mul(2);
        }
    }

    /// The body ended. A body of no bytes is fine whatever the coding.
    ///
    /// # Errors
    /// The body ended in the middle, or the caller has not taken all that was decoded.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.more {
            return Err(DecodeError::NotDrained);
        }
        self.stages.iter().try_for_each(Stage::finish)
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        let mut step = match &mut self.stages[..] {
            [] => copy(input, output),
            [stage] => {
                let turn = stage.step(input, output, &self.limits)?;
                let more = turn.produced == output.len() && !stage.is_whole();
                Step { consumed: turn.consumed, produced: turn.produced, more }
            }
            _ => self.run_all(input, output)?,
        };
        step.more |= step.consumed < input.len();
        self.total_out += step.produced as u64;
        self.check_ratio()?;
        Ok(step)
    }

    /// Moves bytes through all stages, the last one first, so little is held between them.
    fn run_all(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        let last = self.stages.len() - 1;
        let mut step = Step::default();
        // Also what is decoded between the stages is work that must be bounded.
        let mut between = 0;
        loop {
            let mut moved = false;
            for index in (0..=last).rev() {
                let (before, after) = self.links.split_at_mut(index);
                let source = match before.last() {
                    Some(link) => link.pending(),
                    None => &input[step.consumed..],
                };
                let sink = match after.first_mut() {
                    Some(link) => link.room(),
                    None => &mut output[step.produced..],
                };
                if sink.is_empty() {
                    continue;
                }
                let turn = self.stages[index].step(source, sink, &self.limits)?;
                moved |= turn.consumed + turn.produced > 0;
                match before.last_mut() {
                    Some(link) => link.start += turn.consumed,
                    None => step.consumed += turn.consumed,
                }
                match after.first_mut() {
                    Some(link) => {
                        link.end += turn.produced;
                        between += turn.produced;
                    }
                    None => step.produced += turn.produced,
                }
            }
            let full = step.produced == output.len();
            if full || between >= MAX_STEP || !moved {
                step.more = (full || moved) && !self.is_drained();
                return Ok(step);
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.stages.iter().all(Stage::is_whole)
            && self.links.iter().all(|link| link.start == link.end)
    }

    fn check_ratio(&self) -> Result<(), DecodeError> {
        let (Some(limit), Some(first)) = (self.limits.max_ratio, self.stages.first()) else {
            return Ok(());
        };
        let allowed = first.total_in().saturating_mul(u64::from(limit));
        if self.total_out > self.limits.ratio_from && self.total_out > allowed {
            return Err(DecodeError::Ratio { limit });
        }
        Ok(())
    }
}

fn copy(input: &[u8], output: &mut [u8]) -> Step {
    let length = input.len().min(output.len());
    output[..length].copy_from_slice(&input[..length]);
    Step { consumed: length, produced: length, more: false }
}
