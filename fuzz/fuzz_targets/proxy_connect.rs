#![no_main]
//! Any answer to CONNECT ends the same, whole or byte by byte; and any header that is sent stays in
//! its line.

use aioxide_http::proxy::{Connect, ConnectError, HeadLimits, Progress, Target};

const LIMITS: HeadLimits = HeadLimits { max_bytes: 200, max_headers: 4 };

fn connect() -> Connect {
    let target = Target::new("example.com", 443).expect("a host");
    Connect::new(&target, &[], None, LIMITS).expect("no header")
}

fn bytewise(connect: &mut Connect, data: &[u8]) -> Result<(usize, Progress), ConnectError> {
    for (place, byte) in data.chunks(1).enumerate() {
        if connect.handle_bytes(byte)?.1 == Progress::Open {
            return Ok((place + 1, Progress::Open));
        }
    }
    Ok((data.len(), Progress::More))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (mut whole, mut split) = (connect(), connect());
    let expected = whole.handle_bytes(data);
    assert_eq!(bytewise(&mut split, data), expected);
    assert_eq!(split.head(), whole.head());

    let middle = data.len() / 2;
    let name = String::from_utf8_lossy(&data[..middle]);
    if let Ok(target) = Target::new(&name, 1) {
        let mut machine = Connect::new(&target, &[], None, LIMITS).expect("no header");
        let request = machine.poll_output().expect("a request");
        assert_eq!(request.iter().filter(|byte| **byte == b'\n').count(), 3);
    }
    let target = Target::new("h", 1).expect("a host");
    if let Ok(mut machine) = Connect::new(&target, &[(&name, &data[middle..])], None, LIMITS) {
        let request = machine.poll_output().expect("a request");
        let lines = if name.eq_ignore_ascii_case("host") { 3 } else { 4 };
        assert_eq!(request.iter().filter(|byte| **byte == b'\n').count(), lines);
    }
});
