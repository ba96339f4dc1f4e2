//! Lines of source text, read from disk.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// Longer files are not read.
const LARGEST: u64 = 4 << 20;
/// Longer lines are cut.
const LONGEST: usize = 100;

/// The files that one report reads.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: HashMap<String, Option<String>>,
}

impl Sources {
    /// The line `number` of `file`, without the white space around it.
    pub(super) fn line(&mut self, file: &str, number: i32) -> Option<String> {
        let text = self.files.entry(file.to_owned()).or_insert_with(|| read(file)).as_ref()?;
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let line = text.lines().nth(index)?.trim();
        Some(match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line.to_owned(),
        })
    }
}

fn read(file: &str) -> Option<String> {
    let path = Path::new(file);
    // Opening a pipe would wait for whoever writes into it.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
