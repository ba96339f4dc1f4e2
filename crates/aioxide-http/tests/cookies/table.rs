//! The files that oracle.py writes.

use percent_encoding::percent_decode_str;

/// The lines of a file, as fields. What only marks a line is left in the first.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.lines().filter(|line| !line.starts_with('#')).map(fields)
}

fn fields(line: &str) -> Vec<String> {
    line.split('\t')
        .map(|field| {
            percent_decode_str(field).decode_utf8().expect("oracle.py writes UTF-8").into()
        })
        .collect()
}
