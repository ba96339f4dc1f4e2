//! Where the interpreter's own structures have the fields that are read out of them.
//!
//! Here is what is known of each version without asking it. `tasks/frames.rs` reads the frames of
//! the running thread with it, so it has to be known when this is compiled; `watch/layout.rs` reads
//! those of any thread, and from 3.13 on asks the interpreter. These structures do not change within
//! a minor version; neither reader believes the table before it was compared with what CPython's own
//! functions say.

/// Of a thread's state, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadState {
    pub(crate) interpreter: usize,
    pub(crate) current_frame: usize,
    /// Up to 3.12 `current_frame` leads to a structure, which has the frame here.
    pub(crate) indirect: Option<usize>,
    pub(crate) native_id: usize,
}

/// Of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) previous: usize,
    pub(crate) code: usize,
    pub(crate) instruction: usize,
    pub(crate) owner: usize,
}

/// Of a code object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    pub(crate) file: usize,
    pub(crate) name: usize,
    pub(crate) lines: usize,
    pub(crate) first_line: usize,
    pub(crate) instructions: usize,
}

pub(crate) const FRAME: Frame = if cfg!(Py_3_14) {
    Frame { previous: 8, code: 0, instruction: 56, owner: 74 }
} else if cfg!(Py_3_12) {
    Frame { previous: 8, code: 0, instruction: 56, owner: 70 }
} else {
    Frame { previous: 48, code: 32, instruction: 56, owner: 69 }
};
/// From 3.12 on, frames with this owner or a higher one are the interpreter's own.
pub(crate) const INTERPRETERS_OWN: u8 = 3;
/// The bits of a reference in a frame that are no part of its address.
pub(crate) const TAGS: usize = if cfg!(Py_3_14) { 3 } else { 0 };

/// Up to 3.12: where a thread's state has the pointer to a structure, and where that has the frame.
pub(crate) const INDIRECT: (usize, usize) = if cfg!(Py_3_12) { (56, 0) } else { (56, 8) };

#[cfg(not(Py_3_13))]
pub(crate) const THREAD: ThreadState = ThreadState {
    interpreter: 16,
    current_frame: INDIRECT.0,
    indirect: Some(INDIRECT.1),
    native_id: if cfg!(Py_3_12) { 144 } else { 160 },
};

#[cfg(not(Py_3_13))]
pub(crate) const CODE: Code = if cfg!(Py_3_12) {
    Code { file: 112, name: 128, lines: 136, first_line: 68, instructions: 192 }
} else {
    Code { file: 112, name: 128, lines: 136, first_line: 72, instructions: 184 }
};
