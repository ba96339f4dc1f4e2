//! `Untouched`: whether what a native way leaves out is what it was when it was written.

use pyo3::PyVisit;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, types::PyTuple};

use crate::ffi::{ClassVersion, Namespace, Ref, has_audit_hooks};

/// A class, and what its objects must not have of their own.
type Seam<'py> = (Bound<'py, PyAny>, Vec<Bound<'py, PyAny>>);

#[derive(Debug)]
struct Watched {
    class: Ref,
    seen: ClassVersion,
    names: Vec<Ref>,
}

/// Whether classes and objects still have the methods that a native way leaves out.
///
/// classes: each with the names that must not be in the `__dict__` of an object of it. check():
/// whether the classes are as they should be; it is asked again when one has changed.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Untouched {
    classes: Vec<Watched>,
    check: Ref,
}

#[pymethods]
impl Untouched {
    #[new]
    fn new(classes: Vec<Seam<'_>>, check: &Bound<'_, PyAny>) -> Self {
        let classes = classes
            .iter()
            .map(|(class, names)| Watched {
                class: Ref::new(class),
                seen: ClassVersion::unknown(),
                names: names.iter().map(Ref::new).collect(),
            })
            .collect();
        Self { classes, check: Ref::new(check) }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for watched in &self.classes {
            visit.call(watched.class.as_py())?;
        }
        visit.call(self.check.as_py())
    }

    /// Whether all is as it was. Each object must be of exactly the class in its place; further
    /// classes stand for themselves. Not so while there are audit hooks, which hear of what the
    /// native way does not tell.
    #[pyo3(signature = (*objects))]
    fn holds(&self, py: Python<'_>, objects: &Bound<'_, PyTuple>) -> PyResult<bool> {
        for (watched, object) in self.classes.iter().zip(objects.iter_borrowed()) {
            if !object.get_type().is(watched.class.bind(py)) {
                return Ok(false);
            }
            let own = Namespace::of(py, &Ref::new(&object))?;
            for name in &watched.names {
                if own.find(py, name)?.is_some() {
                    return Ok(false);
                }
            }
        }
        for watched in &self.classes {
            let check = || self.check.bind(py).call0()?.is_truthy();
            if !watched.seen.holds(py, &watched.class, check)? {
                return Ok(false);
            }
        }
        Ok(!has_audit_hooks(py))
    }
}
