//! An outgoing call until it is answered or has failed: one INVITE after another for credentials, redirects and hops that are down,
//! progress, CANCEL (RFC 3261 sections 8.1.3, 9 and 13.2.2).

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rsipstack::sip::{Header, Method, Request, Response, Uri, typed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    authentication::Challenges,
    credentials::Credentials,
    dial_event::DialEvent,
    dial_request::DialRequest,
    dialog_table::DialogEntry,
    failure::{self, DialFailure, Heard},
    invite::ClientInvite,
    message::{header, list, tag},
    path::Path,
    redirect::{Redirects, same_host},
    ringing::{Ended, Ringing},
    session_timer,
    shared::Shared,
    transport::resolve::Hop,
};

/// INVITEs of one call, for whatever reason.
const MOST_INVITES: u32 = 16;

/// An outgoing call that is being set up.
pub(super) struct Outgoing {
    shared: Arc<Shared>,
    /// The INVITE without Via and CSeq.
    invite: Request,
    hops: VecDeque<Hop>,
    credentials: Option<Credentials>,
    session_expires: Option<Duration>,
    /// The shortest session interval the trunk accepts.
    shortest_interval: Duration,
    events: mpsc::Sender<DialEvent>,
    cancel: CancellationToken,
    /// Other user parts that are the callee's number.
    same_number: Vec<String>,
    callee: Uri,
    heard: Heard,
}

/// How one INVITE ended.
enum Fared {
    /// The last event was sent.
    Told,
    /// Refused with this response.
    Refused(Response),
    /// Without a final response, or not sent; why.
    Silent(String),
}

impl Outgoing {
    pub(super) fn new(
        shared: &Arc<Shared>,
        request: DialRequest,
        invite: Request,
        hops: VecDeque<Hop>,
        events: mpsc::Sender<DialEvent>,
        cancel: CancellationToken,
    ) -> Self {
        Outgoing {
            shared: shared.clone(),
            callee: invite.uri.clone(),
            invite,
            hops,
            credentials: request.credentials,
            session_expires: request.session_expires,
            same_number: request.same_number,
            shortest_interval: session_timer::SHORTEST,
            events,
            cancel,
            heard: Heard::default(),
        }
    }

    /// Runs until the last event is sent and every transaction but those of an answered call has ended.
    pub(super) async fn run(mut self) {
        let call_id = header(&self.invite.headers, "Call-ID").unwrap_or_default().to_owned();
        let our_tag = header(&self.invite.headers, "From").and_then(tag).unwrap_or_default().to_owned();
        let mut entry = Some(self.shared.dialogs.enter(&call_id, &our_tag));
        let (mut challenges, mut redirects) = (Challenges::default(), Redirects::of(&self.same_number));
        let mut failure = DialFailure { reason: "no INVITE could be sent".to_owned(), ..DialFailure::default() };
        let mut answered = false;
        for sequence in 1..=MOST_INVITES {
            let Some(hop) = self.hops.front().cloned() else { break };
            if self.cancel.is_cancelled() {
                failure = DialFailure::cancelled();
                break;
            }
            let another = match self.send(hop, sequence, &mut entry, &mut answered).await {
                Fared::Told => {
                    if !answered {
                        self.shared.routes.forget(&self.callee);
                    }
                    return;
                }
                Fared::Refused(response) => {
                    failure = failure::of_response(&response, self.heard, self.cancel.is_cancelled());
                    !failure.cancelled && self.may_try_again(&response, &mut challenges, &mut redirects, &mut failure).await
                }
                Fared::Silent(reason) => {
                    let code = self.heard.anything.then_some(408);
                    failure = DialFailure { code, reason, reached: self.heard.ringing, ..DialFailure::default() };
                    !self.heard.anything && self.next_hop()
                }
            };
            if !another {
                break;
            }
        }
        drop(entry);
        failure.cancelled |= self.cancel.is_cancelled();
        self.events.send(DialEvent::Failed(failure)).await.ok();
        // Last: a late CANCEL or BYE needs the route too.
        self.shared.routes.forget(&self.callee);
    }

    /// Sends one INVITE and follows it to its end.
    async fn send(&mut self, hop: Hop, sequence: u32, entry: &mut Option<DialogEntry>, answered: &mut bool) -> Fared {
        let mut request = self.invite.clone();
        request.headers.push(Header::CSeq(typed::CSeq { seq: sequence, method: Method::Invite }.into()));
        if let Some(interval) = self.session_expires {
            request.headers.extend(session_timer::wish(interval, self.shortest_interval));
        }
        self.shared.routes.remember(&self.callee, &hop);
        let sent = match Path::open(&self.shared, &hop).await {
            // Opening a stream may take a while.
            Ok(_) if self.cancel.is_cancelled() => return Fared::Silent(DialFailure::cancelled().reason),
            Ok(path) => ClientInvite::send(&self.shared, &path, request).map(|invite| (path, invite)),
            Err(error) => Err(error),
        };
        let (path, invite) = match sent {
            Ok(sent) => sent,
            Err(error) => return Fared::Silent(error.to_string()),
        };
        let Some(own_entry) = entry.take() else {
            return Fared::Silent("the call has no entry in the table of dialogs".to_owned());
        };
        let contact = Header::Contact(header(&self.invite.headers, "Contact").unwrap_or_default().into());
        let ringing = Ringing::new(
            self.shared.clone(),
            path,
            invite,
            self.events.clone(),
            self.cancel.clone(),
            own_entry,
            (contact, self.credentials.clone()),
            self.callee.clone(),
            self.heard,
        );
        let (ended, heard) = ringing.follow().await;
        self.heard = heard;
        match ended {
            Ended::Answered => {
                *answered = true;
                Fared::Told
            }
            Ended::Told => Fared::Told,
            Ended::Refused(response, own_entry) => {
                *entry = Some(own_entry);
                Fared::Refused(response)
            }
            Ended::Silent(own_entry) => {
                *entry = Some(own_entry);
                Fared::Silent(self.silence(&hop))
            }
        }
    }

    /// Prepares another INVITE where the response allows one; returns whether it does.
    async fn may_try_again(
        &mut self,
        response: &Response,
        challenges: &mut Challenges,
        redirects: &mut Redirects,
        failure: &mut DialFailure,
    ) -> bool {
        match response.status_code.code() {
            401 | 407 => {
                let Some(credentials) = &self.credentials else { return false };
                challenges.answer(&mut self.invite, &response.headers, credentials)
            }
            422 => {
                let Some(asked) = self.session_expires else { return false };
                let Some(longer) = session_timer::after_too_small(&response.headers, asked.max(self.shortest_interval)) else {
                    return false;
                };
                self.shortest_interval = longer;
                true
            }
            300..=302 => self.redirected(response, challenges, redirects, failure).await,
            503 => !failure.reached && self.next_hop(),
            _ => false,
        }
    }

    async fn redirected(
        &mut self,
        response: &Response,
        challenges: &mut Challenges,
        redirects: &mut Redirects,
        failure: &mut DialFailure,
    ) -> bool {
        let Some(next) = redirects.follow(&self.invite.uri, &response.headers) else {
            let elsewhere = list(&response.headers, "Contact").join(", ");
            failure.reason = format!("{}: to {elsewhere}, which is not followed", failure.reason);
            return false;
        };
        // With an outbound proxy, every request goes there.
        if header(&self.invite.headers, "Route").is_none() {
            match self.shared.routes.resolve_uri(&next).await {
                Ok(hops) => self.hops = hops.into(),
                Err(error) => {
                    failure.reason = format!("{}: to {next}: {error}", failure.reason);
                    return false;
                }
            }
        }
        if !same_host(&self.callee, &next) {
            // Credentials are the trunk's, not those of the host it redirects to.
            self.credentials = None;
        }
        *challenges = Challenges::default();
        self.invite.headers.retain(|header| !matches!(header, Header::Authorization(_) | Header::ProxyAuthorization(_)));
        self.invite.uri = next;
        true
    }

    fn next_hop(&mut self) -> bool {
        self.hops.pop_front();
        !self.hops.is_empty()
    }

    fn silence(&self, hop: &Hop) -> String {
        let waited = self.shared.timing.give_up().as_millis();
        if self.heard.anything {
            return "the trunk stopped answering while it rang".to_owned();
        }
        let trunk = hop.address;
        format!("nothing came from {trunk} within {waited} ms; check the trunk's address and that its replies reach us")
    }
}
