//! br.

use ::brotli::enc::StandardAlloc;
use ::brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::stage::{EngineError, Turn};

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// The engine for brotli. Its window has at most 16 MiB, as RFC 7932 has it: the large windows that
/// the library knows are no part of the coding.
#[derive(Default)]
pub(super) struct Brotli {
    state: Option<Box<State>>,
    total_out: usize,
}

impl Brotli {
    pub(super) fn turn(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, EngineError> {
        let state = self.state.get_or_insert_with(|| {
            let alloc = StandardAlloc::default;
            Box::new(State::new_strict(alloc(), alloc(), alloc()))
        });
        let (mut left, mut consumed) = (input.len(), 0);
        let (mut room, mut produced) = (output.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut consumed,
            input,
            &mut room,
            &mut produced,
            output,
            &mut self.total_out,
            state,
        );
        let ended = match result {
            BrotliResult::ResultSuccess => true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
            BrotliResult::ResultFailure => {
                return Err(EngineError::Corrupt(
                    described(&format!("{:?}", state.error_code)).into(),
                ));
            }
        };
        if ended {
            // What it holds is not needed for the rest of the body.
            self.state = None;
        }
        Ok(Turn { consumed, produced, ended })
    }
}

/// The library's name of an error, as words.
fn described(code: &str) -> String {
    let code = code.strip_prefix("BROTLI_DECODER_ERROR_").unwrap_or(code);
    code.to_ascii_lowercase().replace('_', " ")
}

impl std::fmt::Debug for Brotli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Brotli").field("begun", &self.state.is_some()).finish_non_exhaustive()
    }
}
