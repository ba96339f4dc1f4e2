//! No response brings the decoder down, and the same comes of it however it is cut.
#![no_main]

use aioxide_http::http1::response::{Decoder, Event, Exchange, Leniency, Limits, ResponseError};

#[derive(arbitrary::Arbitrary, Debug)]
struct Connection<'a> {
    method: u8,
    read_until_eof: bool,
    eof: bool,
    small: bool,
    leniency: [bool; 5],
    cut: u8,
    bytes: &'a [u8],
}

/// All events but the data in words, the data joined, and what is left or wrong at the end.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    steps: Vec<String>,
    data: Vec<u8>,
    rest: Vec<u8>,
    error: Option<String>,
}

libfuzzer_sys::fuzz_target!(|connection: Connection<'_>| {
    let whole = run(&connection, connection.bytes.len().max(1));
    let cut = usize::from(connection.cut).max(1);
    assert_eq!(run(&connection, cut), whole);
    assert_eq!(run(&connection, 1), whole);
});

fn run(connection: &Connection<'_>, piece: usize) -> Outcome {
    let mut decoder = decoder(connection);
    let mut outcome = Outcome::default();
    let mut bytes = connection.bytes;
    while !bytes.is_empty() {
        let (mut input, rest) = bytes.split_at(piece.min(bytes.len()));
        loop {
            match decoder.next(&mut input) {
                Ok(Some(event)) => {
                    let is_over = matches!(event, Event::End | Event::Upgrade);
                    push(&mut outcome, &event);
                    if is_over {
                        outcome.rest = [input, rest].concat();
                        return outcome;
                    }
                }
                Ok(None) => break,
                Err(error) => return fail(outcome, &mut decoder, error),
            }
        }
        assert_eq!(input, b"", "all is taken");
        bytes = rest;
    }
    while connection.eof {
        match decoder.handle_eof() {
            Ok(Some(event)) => push(&mut outcome, &event),
            Ok(None) => break,
            Err(error) => return fail(outcome, &mut decoder, error),
        }
    }
    outcome
}

fn decoder(connection: &Connection<'_>) -> Decoder {
    let [folds, bare_line_feeds, control_characters, spaces, codings] = connection.leniency;
    let leniency = Leniency {
        folds,
        bare_line_feeds,
        control_characters,
        spaces_after_chunk_size: spaces,
        foreign_transfer_codings: codings,
    };
    let small = Limits {
        max_line_size: 24,
        max_field_size: 30,
        max_headers: 3,
        max_head_size: 80,
        max_informational: 1,
        max_informational_size: 40,
        max_chunk_extension: 4,
        max_chunk_extensions: 6,
    };
    let limits = if connection.small { small } else { Limits::default() };
    let mut decoder = Decoder::new(limits, leniency);
    let method = ["GET", "HEAD", "CONNECT"][usize::from(connection.method) % 3];
    let read_until_eof = connection.read_until_eof;
    let exchange = Exchange { read_until_eof, ..Exchange::new(method) };
    decoder.begin(exchange).expect("a new connection");
    decoder
}

fn push(outcome: &mut Outcome, event: &Event<'_>) {
    match event {
        Event::Data(data) => {
            assert!(!data.is_empty());
            outcome.data.extend_from_slice(data);
        }
        Event::Head(head) | Event::Informational(head) => {
            outcome.steps.push(format!("{} {head:?} {:?}", outcome.data.len(), head.reason()));
        }
        event => outcome.steps.push(format!("{} {event:?}", outcome.data.len())),
    }
}

fn fail(mut outcome: Outcome, decoder: &mut Decoder, error: ResponseError) -> Outcome {
    assert!(!decoder.reusable());
    assert_eq!(decoder.next(&mut &b"HTTP/1.1 200 OK\r\n\r\n"[..]), Err(error.clone()));
    assert!(!error.to_string().is_empty());
    // What a line that is not HTTP's begins with is as long as what was at hand.
    outcome.error = Some(match error {
        ResponseError::InvalidStatusLine { .. } => "a status line".to_owned(),
        error => format!("{error:?}"),
    });
    outcome
}
