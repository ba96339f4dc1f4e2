//! The encoder of a body.

use ::brotli::enc::StandardAlloc;
use ::brotli::enc::encode::{BrotliEncoderOperation, BrotliEncoderStateStruct};
use flate2::{Compress, Compression, FlushCompress, Status};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use super::{Coding, EncodeError};

/// Output grows by pieces of this size.
const PIECE: usize = 16 * 1024;

/// The brotli window: two to the power of this, as the command line tool has it.
const BROTLI_WINDOW_LOG: i32 = 22;
/// The zstd window that RFC 9659 lets a receiver stop at.
const ZSTD_WINDOW_LOG: u32 = 23;
/// The first level of zstd that would choose a larger one.
const ZSTD_LARGE: i32 = 20;

type BrotliState = BrotliEncoderStateStruct<StandardAlloc>;

enum Engine {
    Identity,
    Deflate(Box<Compress>),
    Brotli(Box<BrotliState>),
    Zstd(CCtx<'static>),
}

/// What the encoder is to do with what it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Hold what may compress better with what follows.
    More,
    /// Write so much that the other side can decode all of it.
    Flushed,
    End,
}

/// Encodes one body. All output is appended to the caller's vector; it is hardly larger than the
/// input, so the caller bounds it by giving the body in pieces.
pub struct Encoder {
    engine: Engine,
    coding: Coding,
    finished: bool,
}

impl Encoder {
    /// An encoder at `level`, or at the level that is usual: 6 of 0 to 9 for gzip and deflate, 4 of
    /// 0 to 11 for br, 3 of -7 to 22 for zstd.
    ///
    /// # Errors
    /// The coding has no such level, or there is no memory.
    pub fn new(coding: Coding, level: Option<i32>) -> Result<Self, EncodeError> {
        let engine = match coding {
            Coding::Identity => Engine::Identity,
            Coding::Gzip => {
                let level = checked(coding, level, 6, 0, 9)?;
                Engine::Deflate(Box::new(Compress::new_gzip(compression(level), 15)))
            }
            Coding::Deflate => {
                let level = checked(coding, level, 6, 0, 9)?;
                Engine::Deflate(Box::new(Compress::new(compression(level), true)))
            }
            Coding::Brotli => Engine::Brotli(brotli(checked(coding, level, 4, 0, 11)?)),
            Coding::Zstd => Engine::Zstd(zstd(checked(coding, level, 3, -7, 22)?)?),
        };
        Ok(Self { engine, coding, finished: false })
    }

    /// An encoder for deflate without the zlib header and trailer. It is what parts of a multipart
    /// body have with aiohttp.
    ///
    /// # Errors
    /// There is no such level.
    pub fn raw_deflate(level: Option<i32>) -> Result<Self, EncodeError> {
        let level = checked(Coding::Deflate, level, 6, 0, 9)?;
        let engine = Engine::Deflate(Box::new(Compress::new(compression(level), false)));
        Ok(Self { engine, coding: Coding::Deflate, finished: false })
    }

    /// The coding.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Takes `input`, and appends what is ready to `output`.
    ///
    /// # Errors
    /// The body is finished, or the library failed.
    pub fn encode(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), EncodeError> {
        // Without input, zlib would call it an error that nothing is to be done.
        if input.is_empty() && !self.finished {
            return Ok(());
        }
        self.run(input, output, Until::More)
    }

    /// Appends so much that the peer can decode all that was given, at the cost of some size.
    ///
    /// # Errors
    /// The body is finished, or the library failed.
    pub fn flush(&mut self, output: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.run(&[], output, Until::Flushed)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The body is finished already, or the library failed.
    pub fn finish(&mut self, output: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.run(&[], output, Until::End)?;
        self.finished = true;
        Ok(())
    }

    fn run(&mut self, input: &[u8], output: &mut Vec<u8>, until: Until) -> Result<(), EncodeError> {
        let coding = self.coding;
        if self.finished {
            return Err(EncodeError::Finished { coding });
        }
        match &mut self.engine {
            Engine::Identity => {
                output.extend_from_slice(input);
                Ok(())
            }
            Engine::Deflate(engine) => run_deflate(engine, input, output, until),
            Engine::Brotli(engine) => run_brotli(engine, input, output, until),
            Engine::Zstd(engine) => run_zstd(engine, input, output, until),
        }
        .map_err(|what| EncodeError::Failed { coding, what })
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("coding", &self.coding)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

fn checked(
    coding: Coding,
    level: Option<i32>,
    usual: i32,
    least: i32,
    most: i32,
) -> Result<i32, EncodeError> {
    let level = level.unwrap_or(usual);
    if (least..=most).contains(&level) {
        Ok(level)
    } else {
        Err(EncodeError::Level { coding, level, least, most })
    }
}

fn compression(level: i32) -> Compression {
    Compression::new(level.unsigned_abs())
}

fn brotli(level: i32) -> Box<BrotliState> {
    let mut state = Box::new(BrotliState::new(StandardAlloc::default()));
    state.params.quality = level;
    state.params.lgwin = BROTLI_WINDOW_LOG;
    state
}

fn zstd(level: i32) -> Result<CCtx<'static>, EncodeError> {
    let failed = |what: &str| EncodeError::Failed { coding: Coding::Zstd, what: what.to_owned() };
    let mut context = CCtx::try_create().ok_or_else(|| failed("out of memory"))?;
    let mut set = |parameter| {
        context.set_parameter(parameter).map_err(|code| failed(zstd_safe::get_error_name(code)))
    };
    set(CParameter::CompressionLevel(level))?;
    if level >= ZSTD_LARGE {
        set(CParameter::WindowLog(ZSTD_WINDOW_LOG))?;
    }
    Ok(context)
}

fn run_deflate(
    engine: &mut Compress,
    mut input: &[u8],
    output: &mut Vec<u8>,
    until: Until,
) -> Result<(), String> {
    let flush = match until {
        Until::More => FlushCompress::None,
        Until::Flushed => FlushCompress::Sync,
        Until::End => FlushCompress::Finish,
    };
    loop {
        // Never so little that a second flush follows the first: zlib would write another marker.
        if output.capacity() - output.len() < 64 {
            output.reserve(piece(input.len()));
        }
        let before = engine.total_in();
        let status =
            engine.compress_vec(input, output, flush).map_err(|error| error.to_string())?;
        input = &input[(engine.total_in() - before) as usize..];
        let full = output.len() == output.capacity();
        let over = match until {
            Until::More => input.is_empty() && !full,
            Until::Flushed => !full,
            Until::End => status == Status::StreamEnd,
        };
        if over {
            return Ok(());
        }
        output.reserve(piece(input.len()));
    }
}

fn run_brotli(
    engine: &mut BrotliState,
    input: &[u8],
    output: &mut Vec<u8>,
    until: Until,
) -> Result<(), String> {
    let operation = || match until {
        Until::More => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
        Until::Flushed => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
        Until::End => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
    };
    let (mut left, mut consumed) = (input.len(), 0);
    loop {
        let start = output.len();
        output.resize(start + piece(left), 0);
        let (mut room, mut produced) = (output.len() - start, 0);
        let fine = engine.compress_stream(
            operation(),
            &mut left,
            input,
            &mut consumed,
            &mut room,
            &mut output[start..],
            &mut produced,
            &mut None,
            &mut |_, _, _, _| (),
        );
        output.truncate(start + produced);
        if !fine {
            return Err("the encoder refuses".to_owned());
        }
        let over = match until {
            Until::More | Until::Flushed => left == 0 && !engine.has_more_output(),
            Until::End => engine.is_finished(),
        };
        if over {
            return Ok(());
        }
    }
}

fn run_zstd(
    engine: &mut CCtx<'static>,
    input: &[u8],
    output: &mut Vec<u8>,
    until: Until,
) -> Result<(), String> {
    let mut source = InBuffer::around(input);
    loop {
        output.reserve(piece(input.len() - source.pos()));
        let start = output.len();
        let mut sink = OutBuffer::around_pos(output, start);
        let left = match until {
            Until::More => engine.compress_stream(&mut sink, &mut source).map(|_| 0),
            Until::Flushed => engine.flush_stream(&mut sink),
            Until::End => engine.end_stream(&mut sink),
        };
        let left = left.map_err(|code| zstd_safe::get_error_name(code).to_owned())?;
        if left == 0 && source.pos() == input.len() {
            return Ok(());
        }
    }
}

/// How much room to make for what comes of so much input.
fn piece(input: usize) -> usize {
    (input / 2).clamp(256, PIECE)
}
