#![allow(clippy::unwrap_used)]
use super::*;

const OURS: &str = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 30000 RTP/AVP 8\r\n";
/// What a gateway adds: an ISUP message (RFC 3204).
const ISUP: &str =
    "Content-Type: application/ISUP;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\x01\n\r\n--x\x7f";

fn entity(fields: &[(&str, &str)], body: &str) -> Entity {
    Entity::read(Fields::of(fields.iter().copied()), body.as_bytes())
}

/// What a request gets, and what is taken of a response.
fn both(fields: &[(&str, &str)], body: &str) -> (Result<Option<String>, u16>, Option<String>) {
    let entity = entity(fields, body);
    (offer(&entity).map_err(|error| error.response().0), read(&entity).sdp)
}

fn parts(parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    format!("{parts}--b--\r\n")
}

fn mixed(all: &[&str]) -> (Result<Option<String>, u16>, Option<String>) {
    both(&[("Content-Type", "multipart/mixed;boundary=b")], &parts(all))
}

fn taken() -> (Result<Option<String>, u16>, Option<String>) {
    (Ok(Some(OURS.to_owned())), Some(OURS.to_owned()))
}

/// The last line break belongs to the boundary.
fn sdp_part(fields: &str) -> String {
    format!("Content-Type: application/sdp\r\n{fields}\r\n{}", OURS.trim_end())
}

#[test]
fn sdp_is_taken_however_its_type_is_written() {
    for content_type in
        ["application/sdp", "Application/SDP", " application / sdp ;charset=\"utf-8\"; x", "application/sdp;handling=required"]
    {
        assert_eq!(both(&[("Content-Type", content_type)], OURS), taken(), "{content_type}");
    }
    assert_eq!(both(&[("c", "application/sdp"), ("E", "")], OURS), taken());
    assert_eq!(both(&[], OURS), taken(), "without a type, what begins like SDP is SDP");
    for disposition in ["session", "SESSION ; Handling=Required", "session;handling=optional"] {
        let fields = [("Content-Type", "application/sdp"), ("content-disposition", disposition)];
        assert_eq!(both(&fields, OURS), taken(), "{disposition}");
    }
    for coding in ["identity", "Identity, identity", ""] {
        assert_eq!(both(&[("Content-Type", "application/sdp"), ("Content-Encoding", coding)], OURS), taken(), "{coding}");
    }
}

#[test]
fn nothing_is_nothing() {
    let nothing = (Ok(None), None);
    assert_eq!(both(&[], ""), nothing);
    assert_eq!(both(&[("Content-Type", "application/isup"), ("Content-Encoding", "gzip")], ""), nothing);
    assert_eq!(both(&[("Content-Type", "application/sdp")], "\r\n"), nothing);
    assert_eq!(both(&[], "\r\n\r\n"), nothing);
}

#[test]
fn what_has_to_be_understood_and_is_not_is_refused_and_taken_from_no_answer() {
    for (fields, code) in [
        (&[("Content-Type", "application/isup")][..], 415),
        (&[("Content-Type", "text/plain"), ("Content-Disposition", "render")], 415),
        (&[("Content-Type", "text/plain"), ("Content-Disposition", "icon;handling=required")], 415),
        (&[("Content-Type", "application/sdp"), ("Content-Disposition", "early-session")], 415),
        (&[("Content-Type", "application/sdp"), ("Content-Disposition", "render;handling=required")], 415),
        (&[("Content-Type", "application/sdp"), ("Content-Encoding", "gzip")], 415),
        (&[("Content-Type", "application/sdp"), ("e", "identity, x-gzip")], 415),
        (&[("Content-Type", "application/sdp"), ("Content-Transfer-Encoding", "uuencode")], 415),
        (&[("Content-Type", "nonsense")], 415),
        (&[("Content-Type", "multipart/mixed")], 400),
        (&[("Content-Type", "multipart/mixed;boundary=other")], 400),
    ] {
        assert_eq!(both(fields, OURS), (Err(code), None), "{fields:?}");
    }
    assert_eq!(both(&[], "nonsense"), (Err(415), None));
    let optional =
        [("Content-Type", "application/sdp"), ("Content-Encoding", "gzip"), ("Content-Disposition", "session;handling=optional")];
    assert_eq!(both(&optional, OURS), (Ok(None), None));
    let icon = [("Content-Type", "image/png"), ("Content-Disposition", "icon ; handling = OPTIONAL")];
    assert_eq!(both(&icon, "\u{89}PNG"), (Ok(None), None));
}

#[test]
fn a_refusal_says_what_is_understood() {
    for (error, header) in [
        (BodyError::Type("text/plain".into()), Some(("Accept", "application/sdp"))),
        (BodyError::Disposition("render".into()), Some(("Accept", "application/sdp"))),
        (BodyError::Encoding("gzip".into()), Some(("Accept-Encoding", "identity"))),
        (BodyError::Malformed("x"), None),
    ] {
        assert_eq!(error.response().2, header);
        let refusal: Vec<String> = error.refusal().1.iter().map(ToString::to_string).collect();
        assert_eq!(refusal, header.map(|(name, value)| format!("{name}: {value}")).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn the_part_that_is_sdp_is_found_wherever_it_stands() {
    let sdp = sdp_part("");
    assert_eq!(mixed(&[&sdp, ISUP]), taken());
    assert_eq!(mixed(&[ISUP, &sdp]), taken());
    assert_eq!(mixed(&[&sdp]), taken());
    assert_eq!(mixed(&["", "Content-Type: text/plain\r\n\r\nHi", &sdp]), taken());
    // A gateway that does not say that its part need not be understood means it.
    assert_eq!(mixed(&["Content-Type: application/isup\r\n\r\n\x01", &sdp]), taken());
    assert_eq!(mixed(&[&format!("\r\n{OURS}")]).1, Some(OURS.to_owned()), "a part without fields");
    for fields in [
        "Content-Disposition: session;handling=required\r\nContent-Length: 3\r\nContent-Id: <1@h>\r\n",
        "Content-Transfer-Encoding: 8bit\r\n",
        "X-Folded: a\r\n b: c\r\n",
        "MIME-Version: 1.0\r\nContent-Encoding: identity\r\n",
    ] {
        assert_eq!(mixed(&[ISUP, &sdp_part(fields)]), taken(), "{fields}");
    }
    let base64 = "c: application/sdp\r\nContent-Transfer-Encoding: BASE64\r\n\r\ndj0w\r\nDQpz\r\nPS0N\r\nCg==";
    assert_eq!(mixed(&[base64]).1.as_deref(), Some("v=0\r\ns=-\r\n"));
    let first = sdp_part("").replace("30000", "30002");
    assert_eq!(mixed(&[&sdp, &first]), taken(), "of two the first");
}

#[test]
fn other_parts_that_have_to_be_understood_refuse_a_request_but_no_answer() {
    let isup = "Content-Type: application/isup\r\nContent-Disposition: signal; handling=required\r\n\r\n\x01";
    assert_eq!(mixed(&[&sdp_part(""), isup]), (Err(415), Some(OURS.to_owned())));
    assert_eq!(mixed(&[isup, ISUP]), (Err(415), None));
    assert_eq!(mixed(&["Content-Type: application/isup\r\n\r\n\x01"]), (Err(415), None));
    assert_eq!(mixed(&[ISUP]), (Ok(None), None), "nothing for us, and nothing that must be");
    let early = sdp_part("Content-Disposition: early-session;handling=optional\r\n").replace("30000", "30002");
    assert_eq!(mixed(&[&early, &sdp_part("")]), taken());
    assert_eq!(mixed(&[&early]), (Ok(None), None));
    let packed = sdp_part("Content-Encoding: gzip\r\n");
    assert_eq!(mixed(&[&packed, ISUP]), (Err(415), None));
}

#[test]
fn every_kind_of_multipart_is_read_as_it_is_meant() {
    let of = |content_type: &str, all: &[&str]| both(&[("Content-Type", content_type)], &parts(all));
    let sdp = sdp_part("");
    let other = sdp.replace("30000", "30002");
    let text = "Content-Type: text/plain\r\n\r\nHi";
    assert_eq!(of("multipart/alternative;boundary=\"b\"", &[&other, &sdp]), taken(), "the last is the best");
    let newer = "Content-Type: application/sdpng+xml\r\nContent-Disposition: session;handling=required\r\n\r\n<sdpng/>";
    assert_eq!(of("multipart/alternative;boundary=b", &[&other, &sdp, newer]), taken(), "the last that is understood");
    assert_eq!(of("multipart/alternative;boundary=b", &[text, newer]), (Err(415), None));
    assert_eq!(of("multipart/alternative;boundary=b", &[text, ISUP]), (Ok(None), None));
    assert_eq!(of("multipart/related;type=\"application/sdp\";boundary=b", &[&sdp, text]), taken());
    let root = sdp_part("Content-ID: <root@h>\r\n");
    assert_eq!(of("multipart/related;start=\"<root@h>\";boundary=b", &[&other, text, &root]), taken());
    assert_eq!(of("multipart/related;start=\"<none@h>\";boundary=b", &[&sdp, &other]), taken());
    let signature = "Content-Type: application/pkcs7-signature\r\nContent-Disposition: attachment;handling=required\r\n\r\n0\x01";
    assert_eq!(of("multipart/signed;protocol=\"application/pkcs7-signature\";boundary=b", &[&sdp, signature]), taken());
    assert_eq!(of("Multipart/X-Own ; Boundary=b", &[ISUP, &sdp]), taken());
    let fields = |disposition| [("Content-Type", "multipart/mixed;boundary=b"), ("Content-Disposition", disposition)];
    assert_eq!(both(&fields("session;handling=required"), &parts(&[&sdp])), taken());
    assert_eq!(both(&fields("early-session"), &parts(&[&sdp])), (Err(415), None));
    let isup = "Content-Type: application/isup\r\nContent-Disposition: signal; handling=required\r\n\r\n\x01";
    assert_eq!(both(&fields("session;handling=optional"), &parts(&[isup])), (Ok(None), None));
}

#[test]
fn the_grammar_of_boundaries_is_kept_and_its_breaches_are_understood() {
    let sdp = sdp_part("");
    let body = |boundary: &str| {
        format!("This is a message.\r\n--{boundary} \t\r\n{sdp}\r\n--{boundary}\r\n{ISUP}\r\n--{boundary}--\r\nend\r\n")
    };
    for (parameter, boundary) in [
        ("boundary=unique-boundary-1", "unique-boundary-1"),
        ("boundary=\"simple boundary\"", "simple boundary"),
        ("BOUNDARY = \"gc0p4Jq0M:2Yt08jU534c0p\" ; x=y", "gc0p4Jq0M:2Yt08jU534c0p"),
        ("boundary=\"=_(a;b,c)?/'+\"", "=_(a;b,c)?/'+"),
        ("x=\"boundary=no\";boundary=yes", "yes"),
        ("boundary=\"a\\\"b\"", "a\"b"),
    ] {
        let content_type = format!("multipart/mixed;{parameter}");
        let found = both(&[("Content-Type", &content_type)], &body(boundary));
        assert_eq!(found, taken(), "{parameter}");
        let bare = both(&[("Content-Type", &content_type)], &body(boundary).replace("\r\n", "\n")).1.unwrap();
        assert_eq!(bare.trim_end(), OURS.replace("\r\n", "\n").trim_end(), "{parameter}");
        let cut_off = body(boundary).replace(&format!("--{boundary}--"), "");
        assert_eq!(both(&[("Content-Type", &content_type)], &cut_off), taken(), "{parameter}");
    }
}

#[test]
fn parts_may_have_parts_but_not_without_end() {
    let nested = |depth: usize| {
        let mut body = sdp_part("");
        for level in 0..depth {
            body = format!("Content-Type: multipart/mixed;boundary=b{level}\r\n\r\n--b{level}\r\n{body}\r\n--b{level}--\r\n");
        }
        body.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap()
    };
    let read = |depth: usize| both(&[("Content-Type", &format!("multipart/mixed;boundary=b{}", depth - 1))], &nested(depth));
    assert_eq!(read(2), taken());
    assert_eq!(read(4), taken());
    assert_eq!(read(5), (Err(400), None));
    assert_eq!(read(40), (Err(400), None));
    let sdp = sdp_part("");
    let many = |count: usize| mixed(&std::iter::repeat_n(ISUP, count - 1).chain([sdp.as_str()]).collect::<Vec<_>>());
    assert_eq!(many(32), taken());
    assert_eq!(many(33), (Err(400), None));
}

#[test]
fn digits_and_fragments_are_found_among_parts() {
    let headers = |content_type: &str| Headers::from(vec![Header::ContentType(content_type.into())]);
    let digits = "Content-Type: application/DTMF-Relay\r\n\r\nSignal=5";
    let found = text(&headers("multipart/mixed;boundary=b"), parts(&[ISUP, digits]).as_bytes(), &["application/dtmf-relay"]);
    assert_eq!(found, Ok(("application/dtmf-relay".into(), "Signal=5".into())));
    let plain = text(&headers("Application/dtmf; x=y"), b"5", &["application/dtmf-relay"]);
    assert_eq!(plain, Ok(("application/dtmf".into(), "5".into())), "what is not looked for comes as it is");
    assert_eq!(text(&headers("application/dtmf"), b"", &[]), Ok(Default::default()));
    let mut packed = headers("application/dtmf");
    packed.push(Header::ContentEncoding("gzip".into()));
    assert_eq!(text(&packed, b"5", &[]), Err(BodyError::Encoding("gzip".into())));
}
