//! A decoder that is slow and simple: it sees all bytes at once, and reads them one by one.
//!
//! Written from the RFCs and from what the settings say, without the parser that the real one uses.

use aioxide_http::http1::response::{Leniency, Limits};

use crate::script::{Outcome, Pairs, Script, Step};

/// Why the model stops before the end of a response.
enum Stop {
    /// There are no bytes left; what it means when the connection ends there.
    Starved(&'static str),
    Error(&'static str),
}

struct Model<'a> {
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
    leniency: Leniency,
    steps: Vec<Step>,
}

struct HeadLines {
    status_line: Vec<u8>,
    fields: Pairs,
    lines: usize,
    size: usize,
}

/// What the decoder should make of `script`.
pub(crate) fn outcome(script: &Script<'_>) -> Outcome {
    let mut model = Model {
        bytes: script.bytes,
        at: 0,
        limits: script.limits,
        leniency: script.leniency,
        steps: Vec::new(),
    };
    let (error, keep) = match model.response(script) {
        Ok(keep) => (None, keep),
        Err(Stop::Error(name)) => (Some(name), false),
        Err(Stop::Starved("")) => {
            if script.eof {
                model.steps.push(Step::End);
            }
            (None, false)
        }
        Err(Stop::Starved(name)) => (script.eof.then_some(name), false),
    };
    let is_over = matches!(model.steps.last(), Some(Step::End | Step::Upgrade));
    let rest = if is_over { script.bytes[model.at..].to_vec() } else { Vec::new() };
    let reusable = keep && rest.is_empty();
    Outcome { steps: model.steps, error: error.map(str::to_owned), rest, reusable }
}

impl Model<'_> {
    fn next(&mut self, closed: &'static str) -> Result<u8, Stop> {
        let byte = self.bytes.get(self.at).copied().ok_or(Stop::Starved(closed))?;
        self.at += 1;
        Ok(byte)
    }

    fn response(&mut self, script: &Script<'_>) -> Result<bool, Stop> {
        let mut informational = 0;
        let mut informational_size = 0;
        loop {
            let lines = self.lines(true, 0)?;
            let version_11 = lines.status_line.starts_with(b"HTTP/1.1");
            let status: u16 = lines.status_line[9..12]
                .iter()
                .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
            let reason = trim(lines.status_line.get(13..).unwrap_or_default()).to_vec();
            let is_tunnel = script.method == "CONNECT" && status / 100 == 2;
            let fields = lines.fields;
            let (coding, length) = if status < 200 || is_tunnel {
                (None, None)
            } else {
                (self.length_of(&fields)?, content_length(&fields)?)
            };
            if status < 200 && status != 101 {
                informational += 1;
                informational_size += lines.size as u64;
                if informational > self.limits.max_informational {
                    return Err(Stop::Error("TooManyInformational"));
                }
                if informational_size > self.limits.max_informational_size {
                    return Err(Stop::Error("InformationalTooLarge"));
                }
                self.steps.push(Step::Informational(status, fields));
                continue;
            }
            let options = list(&fields, "connection");
            let close = options.iter().any(|option| option == "close");
            let keep = options.iter().any(|option| option == "keep-alive");
            let keep = !close && (version_11 || (keep && coding.is_none()));
            self.steps.push(Step::Head(status, reason, fields));
            if status == 101 || is_tunnel {
                self.steps.push(Step::Upgrade);
                return Ok(false);
            }
            let has_body = script.method != "HEAD" && status != 204 && status != 304;
            let framed = coding == Some("chunked") || length.is_some();
            if has_body && coding == Some("chunked") {
                self.chunks(lines.lines)?;
            } else if has_body && framed {
                self.exactly(length.unwrap_or_default())?;
            } else if has_body && script.read_until_eof {
                return self.until_eof();
            }
            self.steps.push(Step::End);
            return Ok(keep && (framed || !has_body));
        }
    }

    fn exactly(&mut self, length: u64) -> Result<(), Stop> {
        for _ in 0..length {
            let byte = self.next("ClosedInBody")?;
            self.push(byte);
        }
        Ok(())
    }

    fn until_eof(&mut self) -> Result<bool, Stop> {
        loop {
            let byte = self.next("")?;
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        match self.steps.last_mut() {
            Some(Step::Data(data)) => data.push(byte),
            _ => self.steps.push(Step::Data(vec![byte])),
        }
    }

    fn chunks(&mut self, fields: usize) -> Result<(), Stop> {
        let mut skipped = 0_u64;
        let mut given = 0_u64;
        loop {
            let size = self.chunk_size(&mut skipped, given)?;
            if size == 0 {
                let trailers = self.lines(false, fields)?.fields;
                if !trailers.is_empty() {
                    self.steps.push(Step::Trailers(trailers));
                }
                return Ok(());
            }
            for _ in 0..size {
                let byte = self.next("ClosedInChunk")?;
                self.push(byte);
                given += 1;
            }
            for expected in *b"\r\n" {
                if self.next("ClosedWithoutLastChunk")? != expected {
                    return Err(Stop::Error("InvalidChunkEnd"));
                }
            }
            self.steps.push(Step::ChunkEnd);
        }
    }

    fn chunk_size(&mut self, skipped: &mut u64, given: u64) -> Result<u64, Stop> {
        let mut digits = String::new();
        let mut after = 0;
        let mut is_extension = false;
        let mut is_blank = false;
        loop {
            let byte = self.next("ClosedWithoutLastChunk")?;
            if byte == b'\r' && !digits.is_empty() {
                break;
            }
            if !is_extension && !is_blank && byte.is_ascii_hexdigit() {
                digits.push(char::from(byte));
                if digits.len() > 16 {
                    return Err(Stop::Error("ChunkSizeTooLong"));
                }
                continue;
            }
            let blank = self.leniency.spaces_after_chunk_size && (byte == b' ' || byte == b'\t');
            if is_extension {
                if is_control(byte) {
                    return Err(Stop::Error("InvalidChunkExtension"));
                }
            } else if !digits.is_empty() && byte == b';' {
                is_extension = true;
            } else if !digits.is_empty() && blank {
                is_blank = true;
            } else {
                return Err(Stop::Error("InvalidChunkSize"));
            }
            after += 1;
            *skipped += 1;
            if after > self.limits.max_chunk_extension {
                return Err(Stop::Error("ChunkExtensionTooLong"));
            }
            if *skipped > given + self.limits.max_chunk_extensions {
                return Err(Stop::Error("ChunkExtensionsTooLarge"));
            }
        }
        if self.next("ClosedWithoutLastChunk")? != b'\n' {
            let name = if after > 0 { "InvalidChunkExtension" } else { "InvalidChunkSize" };
            return Err(Stop::Error(name));
        }
        Ok(u64::from_str_radix(&digits, 16).expect("at most 16 digits"))
    }

    /// The lines of a head or of trailers, and the empty one.
    fn lines(&mut self, is_head: bool, before: usize) -> Result<HeadLines, Stop> {
        let start = self.at;
        let mut status_line = None;
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut fields = before;
        let mut measured = 0;
        loop {
            let in_status = is_head && status_line.is_none();
            let goes_on = self.leniency.folds && fields > before;
            let (content, has_return) =
                self.line(start, is_head, in_status, goes_on, &mut measured)?;
            let is_forgiven = is_head && self.leniency.bare_line_feeds;
            if !has_return && !is_forgiven {
                return Err(Stop::Error("LineFeedAlone"));
            }
            if in_status {
                self.check_status(&content)?;
                status_line = Some(content);
                continue;
            }
            if content.is_empty() {
                break;
            }
            if is_blank(content[0]) && !goes_on {
                return Err(Stop::Error("ObsoleteFold"));
            }
            fields += 1;
            if fields > self.limits.max_headers {
                return Err(Stop::Error("TooManyFields"));
            }
            lines.push(content);
        }
        let status_line = status_line.unwrap_or_default();
        let size = self.at - start;
        Ok(HeadLines { status_line, fields: self.fields(lines)?, lines: fields, size })
    }

    /// One line without its end, and whether that had a CR. `measured` counts the bytes of the line
    /// with those that it may go on with.
    fn line(
        &mut self,
        start: usize,
        is_head: bool,
        in_status: bool,
        goes_on: bool,
        measured: &mut usize,
    ) -> Result<(Vec<u8>, bool), Stop> {
        let mut line = Vec::new();
        let (limit, too_long) = if in_status {
            (self.limits.max_line_size, "StatusLineTooLong")
        } else {
            (self.limits.max_field_size, "FieldTooLong")
        };
        loop {
            let byte = self.next(match (is_head, self.at > start) {
                (false, _) => "ClosedInTrailers",
                (true, false) => "ClosedBeforeHead",
                (true, true) => "ClosedInHead",
            })?;
            let total = self.at - start;
            if is_head && total <= 5 && byte != b"HTTP/"[total - 1] {
                return Err(Stop::Error("InvalidStatusLine"));
            }
            if line.is_empty() && !(goes_on && is_blank(byte)) {
                *measured = 0;
            }
            line.push(byte);
            *measured += 1;
            let is_end = byte == b'\n';
            let has_return = line.ends_with(b"\r\n");
            let length = *measured - usize::from(is_end) - usize::from(has_return);
            // The last byte so far may be the CR of the end.
            if length > limit + usize::from(!is_end) {
                return Err(Stop::Error(too_long));
            }
            if total > self.limits.max_head_size as usize {
                return Err(Stop::Error("HeadTooLarge"));
            }
            if is_end {
                line.truncate(line.len() - 1 - usize::from(has_return));
                return Ok((line, has_return));
            }
        }
    }

    fn check_status(&self, line: &[u8]) -> Result<(), Stop> {
        let invalid = Err(Stop::Error("InvalidStatusLine"));
        let digit = |at: usize| line.get(at).is_some_and(u8::is_ascii_digit);
        if !(digit(5) && line.get(6) == Some(&b'.') && digit(7) && line.get(8) == Some(&b' ')) {
            return invalid;
        }
        if line[5] != b'1' || line[7] > b'1' {
            return Err(Stop::Error("UnsupportedVersion"));
        }
        let is_status = digit(9) && digit(10) && digit(11) && line[9] != b'0';
        if !is_status || line.get(12).is_some_and(|byte| *byte != b' ') {
            return invalid;
        }
        if line[12..].iter().any(|byte| self.is_refused(*byte)) {
            return invalid;
        }
        Ok(())
    }

    fn is_refused(&self, byte: u8) -> bool {
        match byte {
            0 | b'\r' | b'\n' => true,
            byte => is_control(byte) && !self.leniency.control_characters,
        }
    }

    fn fields(&self, lines: Vec<Vec<u8>>) -> Result<Pairs, Stop> {
        let mut joined: Vec<Vec<u8>> = Vec::new();
        for line in lines {
            if is_blank(line[0]) {
                let before = joined.last_mut().expect("none folds before the first");
                while before.last().is_some_and(|byte| is_blank(*byte)) {
                    before.pop();
                }
                before.push(b' ');
                before.extend_from_slice(&line[line.len() - trim_start(&line).len()..]);
            } else {
                joined.push(line);
            }
        }
        let mut fields = Vec::new();
        for line in joined {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                return Err(Stop::Error("InvalidFieldName"));
            };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            if name.is_empty() || !name.iter().all(|byte| is_tchar(*byte)) {
                return Err(Stop::Error("InvalidFieldName"));
            }
            if value.iter().any(|byte| self.is_refused(*byte)) {
                return Err(Stop::Error("InvalidFieldValue"));
            }
            fields.push((name.to_vec(), trim(value).to_vec()));
        }
        Ok(fields)
    }

    /// Of the transfer codings: `chunked`, or another one that ends with the connection.
    fn length_of(&self, fields: &Pairs) -> Result<Option<&'static str>, Stop> {
        let length = content_length(fields)?;
        let codings = list(fields, "transfer-encoding");
        if codings.is_empty() {
            return Ok(None);
        }
        if length.is_some() {
            return Err(Stop::Error("ContentLengthWithTransferEncoding"));
        }
        let codings: Vec<&str> = codings.iter().map(String::as_str).collect();
        match codings[..] {
            ["chunked"] => return Ok(Some("chunked")),
            ["identity"] => return Ok(Some("other")),
            _ => {}
        }
        let (last, before) = codings.split_last().expect("not empty");
        if !self.leniency.foreign_transfer_codings || before.contains(&"chunked") {
            return Err(Stop::Error("UnsupportedTransferEncoding"));
        }
        Ok(Some(if *last == "chunked" { "chunked" } else { "other" }))
    }
}

fn content_length(fields: &Pairs) -> Result<Option<u64>, Stop> {
    let mut found = None;
    for (name, value) in fields {
        if !name.eq_ignore_ascii_case(b"content-length") {
            continue;
        }
        let text = String::from_utf8_lossy(value);
        if text.is_empty() || !text.chars().all(|character| character.is_ascii_digit()) {
            return Err(Stop::Error("InvalidContentLength"));
        }
        let length: u64 = text.parse().map_err(|_| Stop::Error("InvalidContentLength"))?;
        if found.is_some_and(|before| before != length) {
            return Err(Stop::Error("ConflictingContentLength"));
        }
        found = Some(length);
    }
    Ok(found)
}

/// The elements of a list in all fields called `name`, in small letters.
fn list(fields: &Pairs, name: &str) -> Vec<String> {
    let mut elements = Vec::new();
    for (own, value) in fields {
        if own.eq_ignore_ascii_case(name.as_bytes()) {
            for element in value.split(|byte| *byte == b',') {
                let element = trim(element).to_ascii_lowercase();
                elements.push(element.iter().map(|byte| char::from(*byte)).collect());
            }
        }
    }
    elements
}

fn is_control(byte: u8) -> bool {
    (byte < 32 && byte != b'\t') || byte == 127
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_blank(*byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = trim_start(bytes);
    let end = bytes.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}
