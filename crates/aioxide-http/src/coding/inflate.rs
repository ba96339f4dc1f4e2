//! gzip and deflate.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Coding;
use super::gzip::{Fault, Header, Trailer};
use super::stage::{EngineError, Turn};

/// The method in the first byte of a zlib header, RFC 1950. A stream without a header has other
/// bits there, unless its first block is a stored one with padding that is not zero.
const ZLIB_METHOD: u8 = 8;

/// What stands around the compressed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapper {
    Gzip,
    Zlib,
    None,
    /// zlib or none: the first byte says.
    Unknown,
}

#[derive(Debug)]
enum Phase {
    /// Between two members.
    Start,
    Header(Header),
    Data,
    Trailer(Trailer),
}

/// The engine for gzip and deflate. It allocates its window with the first data.
#[derive(Debug)]
pub(super) struct Inflate {
    inflater: Option<Decompress>,
    wrapper: Wrapper,
    phase: Phase,
    crc: Crc,
}

impl Inflate {
    pub(super) fn new(coding: Coding) -> Self {
        let wrapper = if coding == Coding::Gzip { Wrapper::Gzip } else { Wrapper::Unknown };
        Self { inflater: None, wrapper, phase: Phase::Start, crc: Crc::new() }
    }

    /// Uses the window of a decoder that is no longer needed.
    pub(super) fn take_buffers(&mut self, other: Self) {
        self.inflater = other.inflater;
    }

    /// All that is there of the member is one byte, which may be anything.
    pub(super) fn has_one_stray_byte(&self) -> bool {
        matches!(&self.phase, Phase::Header(header) if header.only_one_byte())
    }

    pub(super) fn turn(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, EngineError> {
        let mut done = Turn::default();
        loop {
            let rest = &input[done.consumed..];
            match &mut self.phase {
                Phase::Start => {
                    let Some(first) = rest.first() else { return Ok(done) };
                    self.begin(*first);
                }
                Phase::Header(header) => {
                    let (consumed, whole) = header.read(rest).map_err(describe)?;
                    done.consumed += consumed;
                    if !whole {
                        return Ok(done);
                    }
                    self.begin_data(false);
                }
                Phase::Data => {
                    if self.data(rest, &mut output[done.produced..], &mut done)? {
                        return Ok(done);
                    }
                }
                Phase::Trailer(trailer) => {
                    let (consumed, whole) = trailer.read(rest, &self.crc).map_err(describe)?;
                    done.consumed += consumed;
                    done.ended = whole;
                    if whole {
                        self.phase = Phase::Start;
                    }
                    return Ok(done);
                }
            }
        }
    }

    fn begin(&mut self, first: u8) {
        if self.wrapper == Wrapper::Unknown {
            let zlib = first & 0xf == ZLIB_METHOD;
            self.wrapper = if zlib { Wrapper::Zlib } else { Wrapper::None };
        }
        match self.wrapper {
            Wrapper::Gzip => self.phase = Phase::Header(Header::new()),
            wrapper => self.begin_data(wrapper == Wrapper::Zlib),
        }
    }

    fn begin_data(&mut self, zlib_header: bool) {
        match &mut self.inflater {
            Some(inflater) => inflater.reset(zlib_header),
            None => self.inflater = Some(Decompress::new(zlib_header)),
        }
        self.crc.reset();
        self.phase = Phase::Data;
    }

    /// Inflates; true if this turn is over.
    fn data(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        done: &mut Turn,
    ) -> Result<bool, EngineError> {
        let Some(inflater) = &mut self.inflater else { return Ok(true) };
        let (total_in, total_out) = (inflater.total_in(), inflater.total_out());
        let status =
            inflater.decompress(input, output, FlushDecompress::None).map_err(|error| {
                let what = match error.needs_dictionary() {
                    Some(_) => "a preset dictionary is needed",
                    // Whether the inflater is asked once more after it has met the fault depends
                    // on how the data was cut; what is wrong with the data does not.
                    None => "the compressed data is damaged",
                };
                EngineError::Corrupt(what.to_owned().into())
            })?;
        let produced = (inflater.total_out() - total_out) as usize;
        done.consumed += (inflater.total_in() - total_in) as usize;
        done.produced += produced;
        let gzip = self.wrapper == Wrapper::Gzip;
        if gzip {
            self.crc.update(&output[..produced]);
        }
        if status != Status::StreamEnd {
            return Ok(true);
        }
        if gzip {
            self.phase = Phase::Trailer(Trailer::default());
        } else {
            self.phase = Phase::Start;
            done.ended = true;
        }
        Ok(!gzip)
    }
}

fn describe(fault: Fault) -> EngineError {
    match fault {
        Fault::Magic => EngineError::NoMember("no gzip header"),
        Fault::Other(what) => EngineError::Corrupt(what.into()),
    }
}
