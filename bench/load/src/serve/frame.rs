//! WebSocket, as much of it as an echo needs: each frame goes back as it came, without its mask.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::request::BadRequest;

/// A longer frame ends the connection.
const LONGEST: u64 = 16 << 20;
const FIN: u8 = 0x80;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The response that turns a connection into one of frames.
pub(crate) fn accept(key: &[u8]) -> Vec<u8> {
    let digest =
        Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accepted = STANDARD.encode(digest.finalize());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accepted}\r\n\r\n"
    )
    .into_bytes()
}

/// What became of the first frame of some data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// It is not all there.
    Partial,
    /// So many bytes were a frame, which is answered.
    Answered(usize),
    /// It was a close frame, which is answered, too.
    Closed,
}

/// Appends the answer to the first frame in `data`.
pub(crate) fn echo(data: &[u8], answer: &mut Vec<u8>) -> Result<Echo, BadRequest> {
    let &[first, second, ..] = data else { return Ok(Echo::Partial) };
    if second & 0x80 == 0 {
        return Err(BadRequest);
    }
    let (length, start) = match second & 0x7f {
        126 => {
            let Some(bytes) = data[2..].first_chunk() else { return Ok(Echo::Partial) };
            (u64::from(u16::from_be_bytes(*bytes)), 4)
        }
        127 => {
            let Some(bytes) = data[2..].first_chunk() else { return Ok(Echo::Partial) };
            (u64::from_be_bytes(*bytes), 10)
        }
        length => (u64::from(length), 2),
    };
    if length > LONGEST {
        return Err(BadRequest);
    }
    let length = usize::try_from(length).map_err(|_| BadRequest)?;
    let end = start + 4 + length;
    let (Some(&mask), Some(payload)) = (data[start..].first_chunk(), data.get(start + 4..end))
    else {
        return Ok(Echo::Partial);
    };
    let opcode = first & 0xf;
    if opcode == PONG {
        return Ok(Echo::Answered(end));
    }
    answer.push(if opcode == PING { FIN | PONG } else { first });
    answer.push(second & 0x7f);
    answer.extend_from_slice(&data[2..start]);
    let payload_at = answer.len();
    answer.extend_from_slice(payload);
    unmask(&mut answer[payload_at..], mask);
    Ok(if opcode == CLOSE { Echo::Closed } else { Echo::Answered(end) })
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    let wide = u32::from_ne_bytes(mask);
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::{Echo, accept, echo};
    use crate::serve::request::BadRequest;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    #[test]
    fn key_of_the_rfc_is_accepted_as_there() {
        let response = String::from_utf8(accept(b"dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        assert!(response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    }

    #[test]
    fn frames_of_every_length_come_back_whole_and_unmasked() {
        for size in [0, 1, 125, 126, 65_535, 65_536, 100_001] {
            let payload: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
            let (frame, mut answer) = (masked(0x82, &payload), Vec::new());
            assert_eq!(echo(&frame, &mut answer), Ok(Echo::Answered(frame.len())));
            assert!(answer.ends_with(&payload), "{size}");
            assert_eq!((answer[0], answer[1] & 0x80, answer.len()), (0x82, 0, frame.len() - 4));
            for end in (0..frame.len()).take(20) {
                assert_eq!(echo(&frame[..end], &mut answer), Ok(Echo::Partial), "{size}, {end}");
            }
        }
    }

    #[test]
    fn control_frames_are_answered_as_they_must_be() {
        let mut answer = Vec::new();
        assert_eq!(echo(&masked(0x89, b"hi"), &mut answer), Ok(Echo::Answered(8)));
        assert_eq!(answer, b"\x8a\x02hi");
        answer.clear();
        assert_eq!(echo(&masked(0x8a, b"hi"), &mut answer), Ok(Echo::Answered(8)));
        assert!(answer.is_empty());
        assert_eq!(echo(&masked(0x88, b"\x03\xe8"), &mut answer), Ok(Echo::Closed));
        assert_eq!(answer, b"\x88\x02\x03\xe8");
    }

    #[test]
    fn a_frame_without_a_mask_or_without_end_is_refused() {
        assert_eq!(echo(b"\x82\x02hi", &mut Vec::new()), Err(BadRequest));
        assert_eq!(
            echo(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", &mut Vec::new()),
            Err(BadRequest)
        );
    }
}
