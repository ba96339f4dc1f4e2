//! Who is calling: pairs of a code object and an instruction, of which a line can be made later.
//!
//! CPython's functions make an object of each frame that is looked at, which costs more than a task
//! may. The frames themselves form a list whose layout belongs to the version, so it is checked
//! once, against these functions; where it does not fit, they are what is used.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::ffi::Ref;
use crate::offsets::{self, FRAME, INTERPRETERS_OWN, TAGS};

/// How many frames are remembered.
const DEPTH: usize = 4;

/// A place in a program.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(super) code: Ref,
    /// In bytes, as `frame.f_lasti`.
    pub(super) instruction: c_int,
}

/// From the innermost frame outwards.
pub(crate) type Sites = [Option<Site>; DEPTH];

/// A place that is running, so its code object is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    code: NonNull<ffi::PyObject>,
    instruction: c_int,
}

/// The frames that are calling, from the innermost outwards, without a reference to anything: good
/// until Python runs again, which is the caller's to see to.
#[derive(Debug, Default)]
pub(super) struct Calling([Option<Running>; DEPTH]);

impl Calling {
    /// The same for the same places, and in most cases another one for others.
    #[inline]
    pub(super) fn hash(&self) -> usize {
        let mixed = self.0.iter().flatten().fold(0, |mixed: usize, place| {
            mixed.rotate_left(7) ^ (place.code.addr().get() >> 4) ^ place.instruction as usize
        });
        mixed ^ (mixed >> 10) ^ (mixed >> 20)
    }

    #[inline]
    pub(super) fn is(&self, sites: &Sites) -> bool {
        self.0.iter().zip(sites).all(|(place, site)| same(*place, site.as_ref()))
    }

    /// With references to the code objects.
    pub(super) fn to_sites(&self, py: Python<'_>) -> Sites {
        self.0.map(|place| {
            let Running { code, instruction } = place?;
            // SAFETY: A live code object: its frame runs, as nothing else has run since.
            let code = unsafe { Borrowed::from_ptr(py, code.as_ptr()) }.to_owned();
            Some(Site { code: code.into(), instruction })
        })
    }
}

#[inline]
fn same(place: Option<Running>, site: Option<&Site>) -> bool {
    match (place, site) {
        (Some(place), Some(site)) => {
            place.instruction == site.instruction && site.code.is(place.code.as_ptr())
        }
        (None, None) => true,
        _ => false,
    }
}

/// Whether the Python frames that are calling are these: ends at the first that is another.
#[inline]
pub(super) fn is_calling(py: Python<'_>, sites: &Sites) -> bool {
    let Some(Some(chain)) = CHAIN.get(py) else { return false };
    let mut frames = chain.frames(py);
    sites.iter().all(|site| same(frames.next(), site.as_ref()))
}

/// The Python frames that are calling.
#[inline]
pub(super) fn caller(py: Python<'_>) -> Calling {
    match CHAIN.get(py) {
        Some(Some(chain)) => chain.walk(py),
        _ => by_functions(py),
    }
}

/// Looks at the frames' layout, if that was not done before. At least two frames must be calling.
pub(super) fn prepare(py: Python<'_>) {
    CHAIN.get_or_init(py, || Chain::check(py));
}

/// Whether frames are read where they lie.
pub(super) fn are_read(py: Python<'_>) -> bool {
    matches!(CHAIN.get(py), Some(Some(_)))
}

/// Where the links are, in bytes.
#[derive(Debug)]
struct Chain {
    /// In the thread's state: the innermost frame.
    current: usize,
    /// From an instruction's address to `f_lasti`, less the address of the code object.
    instructions: usize,
    /// The code that runs loops: what is under it has spawned nothing.
    end: Ref,
}

static CHAIN: PyOnceLock<Option<Chain>> = PyOnceLock::new();

/// In an object that a frame has: the frame.
const OF_OBJECT: usize = 24;
/// How many words of a thread's state are looked at. Every version's has more.
const WORDS: usize = 34;

/// # Safety
/// There is a word.
#[inline]
unsafe fn read(base: *const u8, offset: usize) -> *const u8 {
    // SAFETY: By the caller.
    let word = unsafe { base.add(offset) };
    // SAFETY: As above.
    unsafe { word.cast::<*const u8>().read() }
}

/// The Python frames of the running thread, from one outwards, without those of the interpreter's
/// own, to the one that runs the loop.
struct Frames<'a> {
    chain: &'a Chain,
    frame: *const u8,
}

impl Iterator for Frames<'_> {
    type Item = Running;

    #[inline]
    fn next(&mut self) -> Option<Running> {
        while !self.frame.is_null() {
            let frame = self.frame;
            // SAFETY: A frame of the running thread, which only this thread changes; the layout was
            // checked.
            let code = unsafe { read(frame, FRAME.code) };
            // SAFETY: As above.
            let owner = unsafe { frame.add(FRAME.owner) };
            // SAFETY: As above.
            let owner = unsafe { owner.read() };
            let code = code.map_addr(|address| address & !TAGS).cast_mut().cast::<ffi::PyObject>();
            if self.chain.end.is(code) {
                self.frame = ptr::null();
                break;
            }
            // SAFETY: As above.
            self.frame = unsafe { read(frame, FRAME.previous) };
            if let Some(code) = NonNull::new(code)
                && owner < INTERPRETERS_OWN
            {
                // SAFETY: As above.
                let instruction = unsafe { read(frame, FRAME.instruction) };
                let start = code.addr().get() + self.chain.instructions;
                let distance = instruction.addr().wrapping_sub(start);
                return Some(Running { code, instruction: distance as c_int });
            }
        }
        None
    }
}

impl Chain {
    /// Good until Python runs again.
    #[inline]
    fn frames(&self, py: Python<'_>) -> Frames<'_> {
        Frames { chain: self, frame: self.innermost(py) }
    }

    #[inline]
    fn walk(&self, py: Python<'_>) -> Calling {
        let mut frames = self.frames(py);
        Calling(std::array::from_fn(|_| frames.next()))
    }

    #[inline]
    fn innermost(&self, _py: Python<'_>) -> *const u8 {
        // SAFETY: Attached, by the token, so there is a state.
        let state = unsafe { ffi::PyThreadState_Get() }.cast::<u8>().cast_const();
        if cfg!(Py_3_13) {
            // SAFETY: Within the state, by `check`.
            unsafe { read(state, self.current) }
        } else {
            // SAFETY: As above.
            let indirect = unsafe { read(state, offsets::INDIRECT.0) };
            // SAFETY: What the field points to, by the headers of these versions.
            unsafe { read(indirect, self.current) }
        }
    }

    /// `None` where the frames are not as expected.
    fn check(py: Python<'_>) -> Option<Self> {
        if cfg!(Py_GIL_DISABLED) || cfg!(Py_3_16) || size_of::<usize>() != 8 {
            return None;
        }
        let expected = by_functions(py);
        // SAFETY: Attached; the result is borrowed, and may be NULL.
        let object = unsafe { ffi::PyEval_GetFrame() }.cast::<u8>().cast_const();
        if object.is_null() || expected.0[1].is_none() {
            return None;
        }
        // SAFETY: An object of a frame, in every version from 3.11 to 3.15.
        let frame = unsafe { read(object, OF_OBJECT) };
        let current = if cfg!(Py_3_13) {
            // SAFETY: Attached, so there is a state, of more words than these.
            let state = unsafe { ffi::PyThreadState_Get() }.cast::<u8>().cast_const();
            let points_to_it = |at: &usize| {
                // SAFETY: As above.
                let word = unsafe { read(state, *at) };
                ptr::eq(word, frame)
            };
            (0..WORDS).map(|word| 8 * word).find(points_to_it)?
        } else {
            offsets::INDIRECT.1
        };
        // No code, and not None, which frames of the interpreter's own have for theirs.
        let end = py.Ellipsis().into_bound(py).into();
        let mut chain = Self { current, instructions: 0, end };
        if !ptr::eq(chain.innermost(py), frame) {
            return None;
        }
        let found = chain.walk(py);
        let (first, place) = (expected.0[0]?, found.0[0]?);
        let distance = place.instruction.wrapping_sub(first.instruction);
        chain.instructions = usize::try_from(distance).ok()?;
        let same = chain.walk(py).0 == expected.0;
        chain.end = end_of_walks(py).ok()?;
        same.then_some(chain)
    }
}

/// The code of the method that runs a loop.
fn end_of_walks(py: Python<'_>) -> PyResult<Ref> {
    let class = py.import("aioxide._loop")?.getattr("EventLoop")?;
    Ok(class.getattr("run_forever")?.getattr("__code__")?.into())
}

/// As [`caller`], by CPython's functions.
#[cold]
fn by_functions(py: Python<'_>) -> Calling {
    let mut calling = Calling::default();
    // SAFETY: Attached; the result is borrowed, and may be NULL.
    let innermost = unsafe { ffi::PyEval_GetFrame() };
    // SAFETY: As above: a live frame, or NULL.
    let mut frame = unsafe { Bound::from_borrowed_ptr_or_opt(py, innermost.cast()) };
    for place in &mut calling.0 {
        let Some(current) = frame else { break };
        let pointer: *mut ffi::PyFrameObject = current.as_ptr().cast();
        // SAFETY: A live frame.
        let code = unsafe { ffi::PyFrame_GetCode(pointer) };
        // SAFETY: A new reference, never NULL. The frame has one of its own, and runs.
        let code = unsafe { Bound::from_owned_ptr(py, code.cast()) };
        // SAFETY: A live frame.
        let instruction = unsafe { ffi::PyFrame_GetLasti(pointer) };
        *place = NonNull::new(code.as_ptr()).map(|code| Running { code, instruction });
        // SAFETY: A live frame.
        let back = unsafe { ffi::PyFrame_GetBack(pointer) };
        // SAFETY: A new reference, or NULL.
        frame = unsafe { Bound::from_owned_ptr_or_opt(py, back.cast()) };
    }
    calling
}
