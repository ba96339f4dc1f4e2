//! zstd.

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::stage::{EngineError, Turn};

/// Contexts that hold more than this are not kept for the next body.
const KEPT: usize = 1024 * 1024;

/// How libzstd names its errors; the codes are not part of its wrapper.
const NO_FRAME: &str = "Unknown frame descriptor";
const WINDOW: &str = "Frame requires too much memory for decoding";
const CORRUPT: &str = "Data corruption detected";
const MEMORY: &str = "Allocation error : not enough memory";

/// The longest header of a frame.
const HEADER: usize = 18;

/// The engine for zstd. It makes its context with the first data.
pub(super) struct Zstd {
    context: Option<DCtx<'static>>,
    window_log: u32,
    /// The first bytes of the frame, and how many bytes it has decoded to. The header may say how
    /// many these are to be, which libzstd compares in some frames only if they come in one piece.
    header: [u8; HEADER],
    header_length: usize,
    frame_out: u64,
}

impl Zstd {
    pub(super) fn new(window_log: u32) -> Self {
        Self {
            context: None,
            window_log: window_log.clamp(10, 31),
            header: [0; HEADER],
            header_length: 0,
            frame_out: 0,
        }
    }

    /// Uses the context of a decoder that is no longer needed.
    pub(super) fn take_buffers(&mut self, other: Self) {
        self.context =
            other.context.filter(|context| context.sizeof() <= KEPT).and_then(|context| {
                let mut context = context;
                context.reset(ResetDirective::SessionOnly).ok()?;
                set_window(&mut context, self.window_log).then_some(context)
            });
    }

    pub(super) fn turn(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, EngineError> {
        if self.context.is_none() {
            let mut context = DCtx::try_create().ok_or(EngineError::Memory)?;
            if !set_window(&mut context, self.window_log) {
                return Err(EngineError::Memory);
            }
            self.context = Some(context);
        }
        let Some(context) = &mut self.context else { return Err(EngineError::Memory) };
        let mut source = InBuffer::around(input);
        let mut sink = OutBuffer::around(output);
        let hint = context.decompress_stream(&mut sink, &mut source).map_err(|code| {
            match zstd_safe::get_error_name(code) {
                NO_FRAME => EngineError::NoMember(NO_FRAME),
                WINDOW => EngineError::Window(self.window_log),
                MEMORY => EngineError::Memory,
                what => EngineError::Corrupt(what.into()),
            }
        })?;
        let turn = Turn { consumed: source.pos(), produced: sink.pos(), ended: hint == 0 };
        self.compare_size(&input[..turn.consumed], &turn)?;
        Ok(turn)
    }

    fn compare_size(&mut self, consumed: &[u8], turn: &Turn) -> Result<(), EngineError> {
        let taken = consumed.len().min(HEADER - self.header_length);
        let end = self.header_length + taken;
        self.header[self.header_length..end].copy_from_slice(&consumed[..taken]);
        self.header_length = end;
        self.frame_out += turn.produced as u64;
        if turn.ended {
            let said = zstd_safe::get_frame_content_size(&self.header[..end]).ok().flatten();
            if said.is_some_and(|said| said != self.frame_out) {
                return Err(EngineError::Corrupt(CORRUPT.into()));
            }
            (self.header_length, self.frame_out) = (0, 0);
        }
        Ok(())
    }
}

fn set_window(context: &mut DCtx<'static>, log: u32) -> bool {
    context.set_parameter(DParameter::WindowLogMax(log)).is_ok()
}

impl std::fmt::Debug for Zstd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zstd").field("window_log", &self.window_log).finish_non_exhaustive()
    }
}
