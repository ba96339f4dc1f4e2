//! The words of a netrc file.

use std::str::Chars;

/// Takes words off a text. One ends at whitespace, which is taken as well, or at the quote that
/// closes it; a backslash takes the next character as it is.
pub(super) struct Lexer<'a> {
    rest: Chars<'a>,
    line: usize,
    put_back: Option<String>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.chars(), line: 1, put_back: None }
    }

    /// The line of what comes next.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The next word; a quoted one may be empty. `None` at the end.
    pub(super) fn next_word(&mut self) -> Option<String> {
        if let Some(word) = self.put_back.take() {
            return Some(word);
        }
        let mut first = self.next_character()?;
        while is_space(first) {
            first = self.next_character()?;
        }
        let mut word = String::new();
        let quoted = first == '"';
        let mut next = if quoted { self.next_character() } else { Some(first) };
        while let Some(character) = next {
            match character {
                '"' if quoted => break,
                _ if !quoted && is_space(character) => break,
                '\\' => word.extend(self.next_character()),
                _ => word.push(character),
            }
            next = self.next_character();
        }
        Some(word)
    }

    /// Gives a word back, to come next.
    pub(super) fn put_back(&mut self, word: String) {
        self.put_back = Some(word);
    }

    /// What is left of the line, with its end. Empty at the end of the text.
    pub(super) fn take_line(&mut self) -> &'a str {
        let text = self.rest.as_str();
        let end = text.find('\n').map_or(text.len(), |end| end + 1);
        let (line, rest) = text.split_at(end);
        self.rest = rest.chars();
        self.line += usize::from(line.ends_with('\n'));
        line
    }

    pub(super) fn skip_line(&mut self) {
        self.take_line();
    }

    fn next_character(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }
}

fn is_space(character: char) -> bool {
    matches!(character, '\n' | '\t' | '\r' | ' ')
}
