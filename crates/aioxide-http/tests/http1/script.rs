//! Runs a response through the decoder, whole and in pieces.

use aioxide_http::http1::response::{
    Decoder, Event, Exchange, Fields, Head, Leniency, Limits, ResponseError,
};

/// Names and values.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// An event, in a form that does not depend on how the data came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Informational(u16, Pairs),
    Head(u16, Vec<u8>, Pairs),
    /// All data up to the next other event.
    Data(Vec<u8>),
    ChunkEnd,
    Trailers(Pairs),
    End,
    Upgrade,
}

/// What came of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) steps: Vec<Step>,
    /// The name of the error's variant.
    pub(crate) error: Option<String>,
    /// What was left after the end, or for another protocol.
    pub(crate) rest: Vec<u8>,
    pub(crate) reusable: bool,
}

/// One exchange of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script<'a> {
    pub(crate) method: &'a str,
    pub(crate) limits: Limits,
    pub(crate) leniency: Leniency,
    pub(crate) read_until_eof: bool,
    /// The peer closes after the last byte.
    pub(crate) eof: bool,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            method: "GET",
            limits: Limits::default(),
            leniency: Leniency::STRICT,
            read_until_eof: true,
            eof: false,
            bytes,
        }
    }

    pub(crate) fn exchange(&self) -> Exchange {
        Exchange { read_until_eof: self.read_until_eof, ..Exchange::new(self.method) }
    }

    /// In the pieces that end at `cuts`. Besides the outcome the error as it is.
    pub(crate) fn run_cut(&self, cuts: &[usize]) -> (Outcome, Option<ResponseError>) {
        let mut decoder = Decoder::new(self.limits, self.leniency);
        decoder.begin(self.exchange()).expect("a new connection");
        let mut ends = cuts.to_vec();
        ends.push(self.bytes.len());
        let mut start = 0;
        let mut steps = Vec::new();
        let mut rest = Vec::new();
        let mut is_over = false;
        for end in ends {
            let mut input = &self.bytes[start..end];
            start = end;
            if let Err(error) = pull(&mut decoder, &mut input, &mut steps, &mut is_over) {
                return outcome(&decoder, steps, Some(error), rest);
            }
            rest.extend_from_slice(input);
            if input.is_empty() {
                continue;
            }
            assert!(is_over, "all is taken before the end");
            let before = input;
            let refused = decoder.next(&mut input);
            assert_eq!(input, before);
            assert!(!decoder.reusable());
            // What belongs to another protocol is left alone, other bytes are refused.
            assert_eq!(refused.is_err(), steps.last() == Some(&Step::End));
        }
        if self.eof && !is_over {
            loop {
                match decoder.handle_eof() {
                    Ok(Some(event)) => push(&mut steps, event),
                    Ok(None) => break,
                    Err(error) => return outcome(&decoder, steps, Some(error), rest),
                }
            }
        }
        outcome(&decoder, steps, None, rest)
    }

    /// Whole, at every byte in two, and byte by byte: the same comes of it.
    pub(crate) fn run(&self) -> Outcome {
        self.run_error().0
    }

    /// The same, with the error as it is.
    pub(crate) fn run_error(&self) -> (Outcome, Option<ResponseError>) {
        let whole = self.run_cut(&[]);
        for cut in 0..=self.bytes.len() {
            self.check(&whole, &[cut]);
        }
        let all: Vec<usize> = (0..self.bytes.len()).collect();
        self.check(&whole, &all);
        whole
    }

    pub(crate) fn check(&self, whole: &(Outcome, Option<ResponseError>), cuts: &[usize]) {
        let cut = self.run_cut(cuts);
        assert_eq!(cut.0, whole.0, "cut at {cuts:?}");
        // What a line that is not HTTP's begins with is as long as what was at hand.
        if !matches!(cut.1, Some(ResponseError::InvalidStatusLine { .. })) {
            assert_eq!(cut.1, whole.1, "cut at {cuts:?}");
        }
    }

    /// What the decoder says is wrong.
    pub(crate) fn error(&self) -> ResponseError {
        self.run_error().1.expect("an error")
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        let outcome = self.run();
        assert_eq!(outcome.error, None);
        outcome.steps
    }
}

fn outcome(
    decoder: &Decoder,
    steps: Vec<Step>,
    error: Option<ResponseError>,
    rest: Vec<u8>,
) -> (Outcome, Option<ResponseError>) {
    let name = error.as_ref().map(|error| {
        let shown = format!("{error:?}");
        shown.split(' ').next().unwrap_or_default().to_owned()
    });
    (Outcome { steps, error: name, rest, reusable: decoder.reusable() }, error)
}

fn pull(
    decoder: &mut Decoder,
    input: &mut &[u8],
    steps: &mut Vec<Step>,
    is_over: &mut bool,
) -> Result<(), ResponseError> {
    while !*is_over {
        match decoder.next(input) {
            Ok(Some(event)) => {
                *is_over = matches!(event, Event::End | Event::Upgrade);
                push(steps, event);
            }
            Ok(None) => break,
            Err(error) => {
                assert_eq!(decoder.next(input), Err(error.clone()), "an error stays");
                assert!(!decoder.reusable());
                return Err(error);
            }
        }
    }
    Ok(())
}

fn push(steps: &mut Vec<Step>, event: Event<'_>) {
    let step = match event {
        Event::Informational(head) => Step::Informational(head.status(), pairs(head.fields())),
        Event::Head(head) => {
            Step::Head(head.status(), head.reason().to_vec(), pairs(head.fields()))
        }
        Event::Data(data) => {
            assert!(!data.is_empty());
            if let Some(Step::Data(before)) = steps.last_mut() {
                before.extend_from_slice(data);
                return;
            }
            Step::Data(data.to_vec())
        }
        Event::ChunkEnd => Step::ChunkEnd,
        Event::Trailers(fields) => {
            assert!(!fields.is_empty());
            Step::Trailers(pairs(&fields))
        }
        Event::End => Step::End,
        Event::Upgrade => Step::Upgrade,
    };
    steps.push(step);
}

fn pairs(fields: &Fields) -> Pairs {
    fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// A head with this status, reason and these fields.
pub(crate) fn head(status: u16, reason: &str, fields: &[(&str, &str)]) -> Step {
    Step::Head(status, reason.into(), owned(fields))
}

pub(crate) fn owned(fields: &[(&str, &str)]) -> Pairs {
    fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

pub(crate) fn data(data: &[u8]) -> Step {
    Step::Data(data.to_vec())
}

/// The first head that comes of `bytes`, to a request with `method`.
pub(crate) fn first_head(method: &str, bytes: &[u8]) -> Head {
    let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
    decoder.begin(Exchange::new(method)).expect("a new connection");
    let mut input = bytes;
    match decoder.next(&mut input) {
        Ok(Some(Event::Head(head) | Event::Informational(head))) => head,
        other => panic!("no head but {other:?}"),
    }
}
