//! What programs call the work of a task, kept where it can be read without the GIL.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Longer labels are cut.
const LONGEST: usize = 120;

/// By the address of the task. An entry goes when its task does.
static LABELS: Mutex<Option<HashMap<usize, String>>> = Mutex::new(None);

fn labels() -> MutexGuard<'static, Option<HashMap<usize, String>>> {
    LABELS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The label of the task at `task`.
pub(super) fn label_of(task: usize) -> Option<String> {
    labels().as_ref()?.get(&task).cloned()
}

/// Label a task; True if it had no label before. The caller sees to it that the label goes.
#[pyfunction]
pub(crate) fn _set_label(task: &Bound<'_, PyAny>, text: &Bound<'_, PyString>) -> bool {
    // Half a surrogate pair, which a name of a file may have, is no reason to fail.
    let text = text.to_string_lossy();
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(end, _)| end);
    let labelled = labels()
        .get_or_insert_default()
        .insert(task.as_ptr().addr(), text[..end].replace(['\n', '\r'], " "));
    labelled.is_none()
}

/// Remove the label of the task at that address; False if it has none.
#[pyfunction]
pub(crate) fn _remove_label(task: usize) -> bool {
    labels().as_mut().is_some_and(|labels| labels.remove(&task).is_some())
}
