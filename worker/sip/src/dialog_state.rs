//! A dialog as RFC 3261 section 12 has it: tags, sequence numbers, route set and remote target. Composes our requests and checks the
//! peer's. Does no I/O.

use rsipstack::sip::{Header, Method, Request, Response, Uri, Version, headers::Headers, typed};

use super::message::{address, header, list, sequence, tag, uri};

/// The state of a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DialogState {
    call_id: String,
    /// From of our requests, with our tag, as in the first request.
    local: String,
    /// To of our requests, with the peer's tag.
    remote: String,
    local_sequence: u32,
    remote_sequence: Option<u32>,
    /// The route set, next hop first.
    routes: Vec<String>,
    target: Uri,
    /// Whether we sent the INVITE, and so chose the Call-ID.
    caller: bool,
}

/// Why a request within a dialog is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// 481: the tags or the Call-ID are of another dialog.
    NoSuchDialog,
    /// 500: its CSeq is not above the last one (section 12.2.2).
    OutOfOrder,
}

impl DialogState {
    /// Returns the dialog that a response makes of our INVITE (section 12.1.2); `None` where its Contact is missing. A peer of RFC 2543 may
    /// leave the To tag of its 2xx out: the tag is then null, and our requests have none (section 12.1.2, last paragraph).
    pub(super) fn of_answer(invite: &Request, answer: &Response) -> Option<DialogState> {
        let remote = header(&answer.headers, "To")?;
        let mut routes = record_routes(&answer.headers);
        routes.reverse();
        Some(DialogState {
            call_id: header(&invite.headers, "Call-ID")?.to_owned(),
            local: header(&invite.headers, "From")?.to_owned(),
            remote: remote.to_owned(),
            local_sequence: sequence(&invite.headers)?.0,
            remote_sequence: None,
            routes,
            target: uri(header(&answer.headers, "Contact")?)?,
            caller: true,
        })
    }

    /// Returns the dialog that the peer's INVITE makes, once we answer it with `our_tag` (section 12.1.1).
    pub(super) fn of_invite(invite: &Request, our_tag: &str) -> Option<DialogState> {
        Some(DialogState {
            call_id: header(&invite.headers, "Call-ID")?.to_owned(),
            local: format!("{};tag={our_tag}", header(&invite.headers, "To")?),
            remote: header(&invite.headers, "From")?.to_owned(),
            local_sequence: 0,
            remote_sequence: Some(sequence(&invite.headers)?.0),
            routes: record_routes(&invite.headers),
            target: uri(header(&invite.headers, "Contact")?)?,
            caller: false,
        })
    }

    /// Confirms the dialog: the 2xx fixes its route set and remote target (section 13.2.2.4).
    pub(super) fn confirm(&mut self, answer: &Response) {
        self.routes = record_routes(&answer.headers);
        self.routes.reverse();
        self.refresh_target(&answer.headers);
    }

    /// Refreshes the remote target (section 12.2): the Contact of an INVITE or UPDATE, or of its 2xx.
    pub(super) fn refresh_target(&mut self, headers: &Headers) {
        if let Some(target) = header(headers, "Contact").and_then(uri) {
            self.target = target;
        }
    }

    /// Composes our next request, without Via (section 12.2.1.1).
    pub(super) fn request(&mut self, method: Method) -> Request {
        self.local_sequence += 1;
        let strict = self.routes.first().and_then(|first| uri(first)).filter(|first| !is_loose(first));
        let (target, routes) = match strict {
            // A strict router finds itself in the request-URI, and the target at the end of the route.
            Some(first) => (first, [&self.routes[1..], &[format!("<{}>", self.target)]].concat()),
            None => (self.target.clone(), self.routes.clone()),
        };
        let mut headers: Vec<Header> = routes.into_iter().map(|route| Header::Route(route.into())).collect();
        headers.extend([
            Header::CallId(self.call_id.clone().into()),
            Header::From(self.local.clone().into()),
            Header::To(self.remote.clone().into()),
            Header::CSeq(typed::CSeq { seq: self.local_sequence, method }.into()),
            Header::MaxForwards(70.into()),
        ]);
        Request { method, uri: target, version: Version::V2, headers: headers.into(), body: vec![] }
    }

    /// Returns the CSeq number of a request that is sent again, e.g. with credentials.
    pub(super) fn next_number(&mut self) -> u32 {
        self.local_sequence += 1;
        self.local_sequence
    }

    /// Checks a request of the peer's and notes its CSeq.
    ///
    /// # Errors
    /// [`Refused`] says how to answer a request that does not belong here or comes out of order.
    pub(super) fn take(&mut self, request: &Request) -> Result<(), Refused> {
        let their_tag = header(&request.headers, "From").and_then(tag);
        let our_tag = header(&request.headers, "To").and_then(tag);
        let same_call = header(&request.headers, "Call-ID") == Some(self.call_id.as_str());
        if !same_call || their_tag != tag(&self.remote) || our_tag != tag(&self.local) {
            return Err(Refused::NoSuchDialog);
        }
        let Some((number, _)) = sequence(&request.headers) else { return Err(Refused::OutOfOrder) };
        if self.remote_sequence.is_some_and(|last| number <= last) {
            return Err(Refused::OutOfOrder);
        }
        self.remote_sequence = Some(number);
        Ok(())
    }

    /// Returns the URI our requests are sent to: the first route, or the remote target.
    pub(super) fn next_hop(&self) -> Uri {
        self.routes.first().and_then(|first| uri(first)).unwrap_or_else(|| self.target.clone())
    }

    /// Returns the Call-ID.
    pub(super) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Returns the peer's tag.
    pub(super) fn remote_tag(&self) -> &str {
        tag(&self.remote).unwrap_or_default()
    }

    /// Returns our own address, as in From.
    pub(super) fn local_address(&self) -> &str {
        address(&self.local)
    }

    /// Returns whether we sent the INVITE, and so chose the Call-ID.
    pub(super) fn is_caller(&self) -> bool {
        self.caller
    }
}

fn record_routes(headers: &Headers) -> Vec<String> {
    list(headers, "Record-Route").into_iter().filter(|route| uri(route).is_some()).map(str::to_owned).collect()
}

/// Returns whether a route has `lr`, also written `lr=on` or `lr=true`.
fn is_loose(route: &Uri) -> bool {
    route.params.iter().any(|parameter| {
        let text = parameter.to_string();
        let name = text.trim_start_matches(';').split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case("lr")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const INVITE: &str = "INVITE sip:callee@trunk SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK1\r\nFrom: \"Us\" <sip:us@here>;tag=u\r\n\
                          To: <sip:callee@trunk>\r\nCall-ID: c1\r\nCSeq: 4 INVITE\r\nContact: <sip:us@here:5060>\r\n\r\n";

    fn answer(more: &str) -> Response {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK1\r\nFrom: <sip:us@here>;tag=u\r\n{more}Call-ID: c1\r\nCSeq: 4 INVITE\r\n\r\n"
        );
        Response::try_from(text.as_str()).unwrap()
    }

    fn dialog(more: &str) -> DialogState {
        let invite = Request::try_from(INVITE).unwrap();
        DialogState::of_answer(
            &invite,
            &answer(&format!("To: <sip:callee@trunk>;tag=t\r\nContact: <sip:c@10.0.0.9:5080>\r\n{more}")),
        )
        .unwrap()
    }

    fn theirs(from_tag: &str, to_tag: &str, number: u32) -> Request {
        let text = format!(
            "BYE sip:us@here SIP/2.0\r\nVia: SIP/2.0/UDP t;branch=z9hG4bK2\r\nFrom: <sip:callee@trunk>;tag={from_tag}\r\n\
             To: <sip:us@here>;tag={to_tag}\r\nCall-ID: c1\r\nCSeq: {number} BYE\r\n\r\n"
        );
        Request::try_from(text.as_str()).unwrap()
    }

    #[test]
    fn requests_count_up_and_go_to_the_contact() {
        let mut dialog = dialog("");
        let bye = dialog.request(Method::Bye);
        assert!(bye.to_string().starts_with("BYE sip:c@10.0.0.9:5080 SIP/2.0\r\n"), "{bye}");
        assert!(
            bye.to_string().contains("From: \"Us\" <sip:us@here>;tag=u\r\nTo: <sip:callee@trunk>;tag=t\r\nCSeq: 5 BYE\r\n"),
            "{bye}"
        );
        assert_eq!(sequence(&dialog.request(Method::Info).headers), Some((6, "INFO")));
        assert_eq!(dialog.next_number(), 7);
        assert_eq!(sequence(&dialog.request(Method::Info).headers), Some((8, "INFO")));
    }

    #[test]
    fn the_route_set_is_the_record_route_backwards() {
        let mut dialog = dialog("Record-Route: <sip:p2;lr>, <sip:p1:5070;x=\"a,b\";lr=on>\r\nRecord-Route: <sip:p0;lr>\r\n");
        let info = dialog.request(Method::Info);
        assert_eq!(list(&info.headers, "Route"), ["<sip:p0;lr>", "<sip:p1:5070;x=\"a,b\";lr=on>", "<sip:p2;lr>"]);
        assert_eq!(info.uri.to_string(), "sip:c@10.0.0.9:5080");
        assert_eq!(dialog.next_hop().to_string(), "sip:p0;lr");
    }

    #[test]
    fn a_strict_router_stands_in_the_request_uri() {
        let mut dialog = dialog("Record-Route: <sip:p1;lr>, <sip:strict>\r\n");
        let info = dialog.request(Method::Info);
        assert_eq!(info.uri.to_string(), "sip:strict");
        assert_eq!(list(&info.headers, "Route"), ["<sip:p1;lr>", "<sip:c@10.0.0.9:5080>"]);
    }

    #[test]
    fn a_target_refresh_moves_the_target_and_not_the_route() {
        let mut dialog = dialog("Record-Route: <sip:p0;lr>\r\n");
        let update: Headers =
            vec![Header::Contact("\"C\" <sip:moved@10.0.0.10>;expires=3".into()), Header::RecordRoute("<sip:other;lr>".into())]
                .into();
        dialog.refresh_target(&update);
        let info = dialog.request(Method::Info);
        assert_eq!(info.uri.to_string(), "sip:moved@10.0.0.10");
        assert_eq!(list(&info.headers, "Route"), ["<sip:p0;lr>"]);
        dialog.refresh_target(&Headers::default());
        assert_eq!(dialog.request(Method::Info).uri.to_string(), "sip:moved@10.0.0.10");
    }

    #[test]
    fn only_the_peer_of_this_dialog_is_believed() {
        let mut dialog = dialog("");
        assert_eq!(dialog.take(&theirs("evil", "u", 7)), Err(Refused::NoSuchDialog));
        assert_eq!(dialog.take(&theirs("t", "evil", 7)), Err(Refused::NoSuchDialog));
        assert_eq!(dialog.take(&theirs("t", "U", 7)), Err(Refused::NoSuchDialog));
        assert_eq!(dialog.take(&theirs("t", "u", 7)), Ok(()));
        assert_eq!(dialog.take(&theirs("t", "u", 7)), Err(Refused::OutOfOrder));
        assert_eq!(dialog.take(&theirs("t", "u", 6)), Err(Refused::OutOfOrder));
        assert_eq!(dialog.take(&theirs("t", "u", 900)), Ok(()));
    }

    #[test]
    fn no_dialog_without_contact_and_a_null_tag_where_the_peer_gives_none() {
        let invite = Request::try_from(INVITE).unwrap();
        assert_eq!(DialogState::of_answer(&invite, &answer("To: <sip:c@t>;tag=t\r\n")), None);
        let mut dialog = DialogState::of_answer(&invite, &answer("To: <sip:c@t>\r\nContact: <sip:c@d>\r\n")).unwrap();
        assert_eq!((dialog.remote_tag(), tag(&dialog.remote)), ("", None));
        assert_eq!(dialog.request(Method::Bye).uri.to_string(), "sip:c@d");
    }

    #[test]
    fn the_callees_side_counts_on_its_own() {
        let invite = Request::try_from(INVITE).unwrap();
        let mut dialog = DialogState::of_invite(&invite, "mine").unwrap();
        let bye = dialog.request(Method::Bye);
        assert_eq!(sequence(&bye.headers), Some((1, "BYE")));
        assert_eq!(bye.uri.to_string(), "sip:us@here:5060");
        assert_eq!((tag(&dialog.local), dialog.remote_tag(), dialog.is_caller()), (Some("mine"), "u", false));
    }
}
