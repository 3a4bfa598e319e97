//! Random bytes through all that handles a message: framing, repair, the crate's parser, its typed headers, repair of what leaves.

use std::net::SocketAddr;

use offhook::attempt::SipTransport;
use rsipstack::{
    dialog::DialogId,
    sip::{
        SipMessage, Transport,
        prelude::{HeadersExt, ToTypedHeader},
    },
    transaction::key::{TransactionKey, TransactionRole},
    transport::SipConnection,
};

use super::{
    framing::{Frame, Framer},
    repair::{Carrier, Verdict, examine, restated},
};
use crate::body;

/// One datagram, and the same bytes as a stream.
///
/// # Panics
/// Where a message that was let through is not let through again, or an answer is no message.
pub fn fuzz_message(bytes: &[u8]) {
    let (peer, us) = (SocketAddr::from(([192, 0, 2, 7], 5066)), SocketAddr::from(([192, 0, 2, 1], 5060)));
    handle(bytes, Carrier { transport: SipTransport::Udp, peer, us, only_port: None });

    let piece = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    let mut framer = Framer::default();
    for piece in bytes.chunks(piece) {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(Frame::Message(message))) => {
                    handle(&message, Carrier { transport: SipTransport::Tls, peer, us, only_port: None })
                }
                Ok(Some(Frame::Ping | Frame::Pong)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn handle(bytes: &[u8], carrier: Carrier) {
    match examine(bytes, carrier) {
        Verdict::Take(message) => {
            assert!(matches!(examine(&message, carrier), Verdict::Take(_)), "what is right is not let through");
            let Ok(message) = SipMessage::try_from(message.as_slice()) else { return };
            read(&message);
            read_body(&message);
            restated(&message.to_bytes(), carrier);
            SipConnection::update_msg_received(message, carrier.peer, Transport::Udp).ok();
        }
        Verdict::Answer(answer) => {
            let answer = SipMessage::try_from(answer.as_slice()).expect("an answer can be read");
            assert!(matches!(answer, SipMessage::Response(_)), "an answer is a response");
        }
        Verdict::Drop(_) => {}
    }
}

/// Reads the body: what comes out is not more than what came.
fn read_body(message: &SipMessage) {
    let (headers, body) = match message {
        SipMessage::Request(request) => (&request.headers, &request.body),
        SipMessage::Response(response) => (&response.headers, &response.body),
    };
    let (sdp, _) = body::answer(headers, body);
    let offer = body::offer(&body::of_message(headers, body));
    assert!(offer.is_err() || offer == Ok(sdp.clone()), "a request and a response say the same");
    // A byte that is no UTF-8 takes three; a last line gets its end.
    assert!(sdp.is_none_or(|sdp| sdp.len() <= 3 * body.len() + 2), "a description is a part of its body");
    body::text(headers, body, &["message/sipfrag"]).ok();
}

/// Reads what the crate's transactions and dialogs read.
fn read(message: &SipMessage) {
    match message {
        SipMessage::Request(request) => {
            TransactionKey::from_request(request, TransactionRole::Server).ok();
            DialogId::try_from((request, TransactionRole::Server)).ok();
            request.contact_header().and_then(|contact| contact.typed()).ok();
        }
        SipMessage::Response(response) => {
            TransactionKey::from_response(response, TransactionRole::Client).ok();
            DialogId::try_from((response, TransactionRole::Client)).ok();
            response.contact_header().and_then(|contact| contact.typed()).ok();
            SipConnection::get_destination(message).ok();
        }
    }
    message.from_header().and_then(|from| from.typed()).ok();
    message.to_header().and_then(|to| to.typed()).ok();
    message.via_header().and_then(|via| via.typed()).ok();
    message.cseq_header().and_then(|cseq| cseq.typed()).ok();
}
