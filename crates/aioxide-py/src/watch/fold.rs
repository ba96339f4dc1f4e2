//! Lines for a terminal, broken between words: by itself it breaks them anywhere.

/// Below this width a terminal breaks lines as it likes.
const LEAST: usize = 40;
/// Where the text of a row begins, behind its name, and that of a headline.
const ROW: usize = 10;
const HEAD: usize = 9;
/// How much further the rest of a row is indented: the next row may have no name.
const HANG: usize = 2;

/// Breaks the lines of a report that are longer than `width` characters. A longer word, such as a
/// path, stays whole.
pub(super) fn fold(text: &str, width: usize) -> String {
    if width < LEAST {
        return text.to_owned();
    }
    let mut folded = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        if line.trim_end().chars().count() <= width {
            folded.push_str(line);
        } else {
            fold_line(&mut folded, line.trim_end(), width);
            folded.push('\n');
        }
    }
    folded
}

fn fold_line(folded: &mut String, line: &str, width: usize) {
    let (begin, indent) = if line.starts_with(' ') { (ROW, ROW + HANG) } else { (HEAD, HEAD) };
    let mut column = 0;
    let mut spaces = 0;
    for word in line.split(' ') {
        if word.is_empty() {
            spaces += 1;
            continue;
        }
        let length = word.chars().count();
        if column > begin && column + spaces + length > width {
            folded.push('\n');
            column = 0;
            spaces = indent;
        }
        folded.extend(std::iter::repeat_n(' ', spaces));
        folded.push_str(word);
        column += spaces + length;
        spaces = 1;
    }
}
