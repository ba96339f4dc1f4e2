//! One coding of a body: its engine, and what holds for all engines.

use super::brotli::Brotli;
use super::inflate::Inflate;
use super::zstd::Zstd;
use super::{Coding, DecodeError, Limits, MEMBERS_PER};

/// What an engine did with input and output.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// A member ended with the last byte consumed, and all of it is in the output.
    pub(super) ended: bool,
}

/// An engine takes input and fills output until one is used up or a member ends. It begins the next
/// member by itself.
#[derive(Debug)]
enum Engine {
    Inflate(Inflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

/// The decoder of one coding.
#[derive(Debug)]
pub(super) struct Stage {
    engine: Engine,
    coding: Coding,
    /// Between two members, or before the first one.
    between: bool,
    /// The last turn filled the output, so there may be more without further input. Engines are not
    /// asked in vain: libzstd takes offence after sixteen times.
    full: bool,
    /// How many members have begun.
    members: u64,
    total_in: u64,
    total_out: u64,
}

impl Stage {
    pub(super) fn new(coding: Coding, limits: &Limits) -> Self {
        let engine = match coding {
            Coding::Brotli => Engine::Brotli(Brotli::default()),
            Coding::Zstd => Engine::Zstd(Zstd::new(limits.zstd_window_log)),
            Coding::Gzip | Coding::Deflate | Coding::Identity => {
                Engine::Inflate(Inflate::new(coding))
            }
        };
        Self { engine, coding, between: true, full: false, members: 0, total_in: 0, total_out: 0 }
    }

    /// A new body, with the engine that is there if it can do it.
    pub(super) fn reset(&mut self, coding: Coding, limits: &Limits) {
        let fresh = Self::new(coding, limits);
        let used = std::mem::replace(self, fresh);
        match (&mut self.engine, used.engine) {
            (Engine::Inflate(new), Engine::Inflate(old)) => new.take_buffers(old),
            (Engine::Zstd(new), Engine::Zstd(old)) => new.take_buffers(old),
            // A brotli decoder sizes its buffers for the one stream that it decodes.
            _ => {}
        }
    }

    pub(super) fn total_in(&self) -> u64 {
        self.total_in
    }

    /// All that was consumed is decoded and whole, and all that was decoded is in the output.
    pub(super) fn is_whole(&self) -> bool {
        self.between
    }

    /// Decodes until the input is used up or the output is full.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        limits: &Limits,
    ) -> Result<Turn, DecodeError> {
        let mut done = Turn::default();
        loop {
            let rest = &input[done.consumed..];
            let room = &mut output[done.produced..];
            if room.is_empty() {
                return Ok(done);
            }
            if self.between {
                if rest.is_empty() {
                    return Ok(done);
                }
                self.begin_member(limits)?;
            } else if rest.is_empty() && !self.full {
                return Ok(done);
            }
            let turn = self.turn(rest, room, limits)?;
            self.total_in += turn.consumed as u64;
            self.total_out += turn.produced as u64;
            done.consumed += turn.consumed;
            done.produced += turn.produced;
            self.between = turn.ended;
            if !turn.ended && turn.consumed + turn.produced == 0 {
                return Ok(done);
            }
        }
    }

    /// The end of the input: it must not be in the middle.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        let stray = match &self.engine {
            Engine::Inflate(inflate) => self.members > 1 && inflate.has_one_stray_byte(),
            Engine::Brotli(_) | Engine::Zstd(_) => false,
        };
        if self.between || stray {
            Ok(())
        } else {
            Err(DecodeError::Truncated { coding: self.coding })
        }
    }

    fn begin_member(&mut self, limits: &Limits) -> Result<(), DecodeError> {
        self.members += 1;
        if self.members > 1 && self.coding == Coding::Brotli {
            return Err(DecodeError::Trailing { coding: self.coding });
        }
        let allowed = u64::from(limits.max_members).saturating_mul(1 + self.total_in / MEMBERS_PER);
        if self.members > allowed {
            let limit = limits.max_members;
            return Err(DecodeError::TooManyMembers { coding: self.coding, limit });
        }
        self.between = false;
        Ok(())
    }

    /// One turn of the engine, within the limit on the size.
    fn turn(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        limits: &Limits,
    ) -> Result<Turn, DecodeError> {
        let mut beyond = [0];
        let mut room = output;
        if let Some(limit) = limits.max_decompressed_size {
            let left = limit.saturating_sub(self.total_out);
            if left == 0 {
                // One byte more than is allowed: if it is used, there is too much.
                room = &mut beyond;
            } else if left < room.len() as u64 {
                room = &mut room[..left as usize];
            }
        }
        let turn = match &mut self.engine {
            Engine::Inflate(inflate) => inflate.turn(input, room),
            Engine::Brotli(brotli) => brotli.turn(input, room),
            Engine::Zstd(zstd) => zstd.turn(input, room),
        };
        let turn = turn.map_err(|error| self.explain(error))?;
        self.full = turn.produced == room.len();
        match limits.max_decompressed_size {
            Some(limit) if self.total_out + turn.produced as u64 > limit => {
                Err(DecodeError::TooLarge { coding: self.coding, limit })
            }
            _ => Ok(turn),
        }
    }

    /// What is not a member behind a whole one is not bad data, but other data.
    fn explain(&self, error: EngineError) -> DecodeError {
        let coding = self.coding;
        match error {
            EngineError::NoMember(_) if self.members > 1 => DecodeError::Trailing { coding },
            EngineError::NoMember(what) => DecodeError::corrupt(coding, what),
            EngineError::Corrupt(what) => DecodeError::corrupt(coding, what),
            EngineError::Window(limit) => DecodeError::Window { coding, limit },
            EngineError::Memory => DecodeError::Memory { coding },
        }
    }
}

/// What an engine has to complain about.
#[derive(Debug)]
pub(super) enum EngineError {
    /// The first bytes are not of a member.
    NoMember(&'static str),
    Corrupt(std::borrow::Cow<'static, str>),
    Window(u32),
    Memory,
}
