//! The life of a connection, against a model of what may go and come.

use aioxide_http::websocket::{
    CloseCode, Connection, Frame, Opcode, ProtocolError, SendError, Settings, State,
};
use proptest::prelude::*;

use super::server::*;

const KEY: [u8; 4] = [1, 2, 3, 4];

fn connection() -> Connection {
    Connection::new(Settings::default(), None)
}

fn received(connection: &mut Connection, bytes: &[u8]) -> Result<usize, ProtocolError> {
    let mut input = bytes;
    let mut events = 0;
    while connection.receive(&mut input)?.is_some() {
        events += 1;
    }
    Ok(events)
}

fn closed(connection: &mut Connection, code: u16) -> Vec<ClientFrame> {
    let mut out = Vec::new();
    let sent = connection.close(Some(CloseCode(code)), b"", KEY, &mut out).expect("a right code");
    assert_eq!(sent, !out.is_empty());
    client_frames(&out)
}

fn sent(connection: &mut Connection, opcode: Opcode) -> Result<(), SendError> {
    let mut out = Vec::new();
    let result = connection.send(Frame::new(opcode, b""), KEY, &mut out);
    assert_eq!(result.is_ok(), !out.is_empty());
    result
}

#[test]
fn client_closes_and_the_server_answers() {
    let mut connection = connection();
    assert_eq!(closed(&mut connection, 1000)[0].payload, [3, 0xe8]);
    assert_eq!((connection.state(), connection.close_code()), (State::CloseSent, None));
    // Messages that were under way still come.
    assert_eq!(received(&mut connection, &frame(FIN | TEXT, b"late")), Ok(1));
    assert_eq!(sent(&mut connection, Opcode::Text), Err(SendError::Closing));
    assert_eq!(sent(&mut connection, Opcode::Pong), Ok(()));
    assert_eq!(received(&mut connection, &close_frame(1001, b"")), Ok(1));
    assert_eq!(connection.state(), State::Closed);
    assert_eq!(connection.close_code(), Some(CloseCode::GOING_AWAY));
    assert_eq!(closed(&mut connection, 1000), []);
    assert_eq!(sent(&mut connection, Opcode::Pong), Err(SendError::Closing));
}

#[test]
fn server_closes_and_the_client_answers_when_it_is_done() {
    let mut connection = connection();
    assert_eq!(received(&mut connection, &close_frame(4000, b"bye")), Ok(1));
    assert_eq!(connection.state(), State::CloseReceived);
    assert_eq!(connection.close_code(), Some(CloseCode(4000)));
    assert_eq!(sent(&mut connection, Opcode::Text), Ok(()));
    assert_eq!(closed(&mut connection, 1000).len(), 1);
    assert_eq!(connection.state(), State::Closed);
    assert_eq!(connection.close_code(), Some(CloseCode(4000)));
}

#[test]
fn close_without_a_code_is_told_from_none() {
    let mut connection = connection();
    assert_eq!(received(&mut connection, &frame(FIN | CLOSE, b"")), Ok(1));
    assert_eq!(connection.close_code(), Some(CloseCode::NO_STATUS));
}

#[test]
fn error_leaves_only_the_close_with_its_code() {
    let mut connection = connection();
    let error = received(&mut connection, &frame(FIN | TEXT, b"\xff")).unwrap_err();
    assert_eq!(error, ProtocolError::InvalidText);
    assert_eq!(connection.state(), State::Failed);
    assert_eq!(connection.close_code(), Some(CloseCode::INVALID_PAYLOAD));
    // An answer to what came before.
    for opcode in [Opcode::Text, Opcode::Ping, Opcode::Pong] {
        assert!(sent(&mut connection, opcode).is_ok());
    }
    assert_eq!(received(&mut connection, &frame(FIN | TEXT, b"more")), Err(error));
    // Whatever the caller says who does not know of it.
    assert_eq!(closed(&mut connection, 1000)[0].payload, [3, 0xef]);
    assert!(sent(&mut connection, Opcode::Text).is_err());
    assert_eq!(connection.state(), State::Closed);
    assert_eq!(received(&mut connection, &frame(FIN | TEXT, b"more")), Ok(0));
}

#[test]
fn transport_that_ends_first_is_abnormal() {
    let mut alone = connection();
    alone.lost();
    assert_eq!((alone.state(), alone.close_code()), (State::Closed, Some(CloseCode::ABNORMAL)));
    let mut told = connection();
    assert_eq!(received(&mut told, &close_frame(1001, b"")), Ok(1));
    told.lost();
    assert_eq!((told.state(), told.close_code()), (State::Closed, Some(CloseCode::GOING_AWAY)));
}

#[test]
fn refused_close_leaves_the_connection_open() {
    let mut connection = connection();
    let mut out = Vec::new();
    let refused = connection.close(Some(CloseCode::ABNORMAL), b"", KEY, &mut out);
    assert_eq!(refused, Err(SendError::InvalidCloseCode(1006)));
    assert_eq!(connection.state(), State::Open);
    assert_eq!(sent(&mut connection, Opcode::Text), Ok(()));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(Opcode),
    Close,
    Message,
    ServerClose,
    Nonsense,
    Lost,
}

proptest! {
    #[test]
    fn nothing_goes_after_a_close_but_pings_and_pongs_and_one_close_goes(
        steps in prop::collection::vec(
            prop::sample::select(vec![
                Step::Send(Opcode::Text), Step::Send(Opcode::Ping), Step::Send(Opcode::Close),
                Step::Close, Step::Message, Step::Message, Step::ServerClose, Step::Nonsense,
                Step::Lost,
            ]),
            1..12,
        ),
    ) {
        let mut connection = connection();
        let (mut close_sent, mut ended, mut broken, mut lost) = (false, false, false, false);
        for step in steps {
            match step {
                Step::Send(Opcode::Close) => {
                    let may = !close_sent && !lost;
                    prop_assert_eq!(sent(&mut connection, Opcode::Close).is_ok(), may);
                    close_sent |= may;
                }
                Step::Send(opcode) => {
                    let over = lost || close_sent && (ended || broken || !opcode.is_control());
                    prop_assert_eq!(sent(&mut connection, opcode).is_ok(), !over);
                }
                Step::Close => {
                    let frames = closed(&mut connection, 1000);
                    prop_assert_eq!(frames.len(), usize::from(!close_sent && !lost));
                    close_sent |= !lost;
                }
                Step::Message => {
                    let comes = !(ended || broken || lost);
                    let met = received(&mut connection, &frame(FIN | TEXT, b"x"));
                    let silent = Ok(0) == met || broken;
                    prop_assert_eq!(met == Ok(1), comes);
                    prop_assert_eq!(silent, !comes);
                }
                Step::ServerClose => {
                    let comes = !(ended || broken || lost);
                    let met = received(&mut connection, &close_frame(1000, b""));
                    prop_assert_eq!(met == Ok(1), comes);
                    ended |= comes;
                }
                Step::Nonsense => {
                    let comes = !(ended || broken || lost);
                    let met = received(&mut connection, &frame(FIN | 3, b""));
                    if comes {
                        prop_assert!(met.is_err());
                    }
                    broken |= comes;
                }
                Step::Lost => {
                    connection.lost();
                    lost = true;
                }
            }
            let over = lost || close_sent && (ended || broken);
            prop_assert_eq!(connection.state() == State::Closed, over);
        }
    }
}
