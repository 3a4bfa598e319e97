//! One dialog: its state, and our requests within it, with credentials where the peer asks for them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rsipstack::sip::{Header, Headers, Method, Request, Response, StatusCode, typed};
use tokio::sync::{Notify, mpsc, watch};

use super::{
    authentication::Challenges,
    capabilities::{ALLOW, SUPPORTED},
    client_transaction::{self, method_name},
    credentials::Credentials,
    dialog_state::{DialogState, Refused},
    error::SipError,
    failure,
    glare::Offering,
    message::{header, list},
    path::Path,
    session_descriptions::SessionDescriptions,
    session_timer::{self, SessionTimer},
    shared::Shared,
};

/// The stage of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not answered, or the answer is not acknowledged.
    Ringing,
    /// Answered and acknowledged.
    Confirmed,
    /// Over.
    Ended,
}

/// One dialog.
pub(super) struct Leg {
    pub(super) shared: Arc<Shared>,
    state: Mutex<LegState>,
    credentials: Option<Credentials>,
    /// Our Contact.
    contact: Header,
    stage: watch::Sender<Stage>,
    /// The session timer was set or taken away, or the dialog was lost.
    pub(super) changed: Notify,
    /// Receives the status codes of a transfer, while there is one.
    pub(super) transfer: Mutex<Option<mpsc::Sender<u16>>>,
}

/// The part of a dialog that changes.
pub(super) struct LegState {
    pub(super) dialog: DialogState,
    path: Path,
    pub(super) offering: Offering,
    pub(super) descriptions: SessionDescriptions,
    pub(super) timer: Option<SessionTimer>,
    /// The least session interval the peer has asked for.
    pub(super) shortest_interval: Duration,
    takes_updates: bool,
    /// Whether we have begun to hang up.
    pub(super) leaving: bool,
    /// Why the dialog is lost, until the event is sent.
    pub(super) lost: Option<String>,
}

impl Leg {
    /// A new dialog.
    pub(super) fn new(
        shared: &Arc<Shared>,
        dialog: DialogState,
        path: Path,
        contact: Header,
        credentials: Option<Credentials>,
        stage: Stage,
    ) -> Arc<Leg> {
        Arc::new(Leg {
            shared: shared.clone(),
            state: Mutex::new(LegState {
                dialog,
                path,
                offering: Offering::default(),
                descriptions: SessionDescriptions::default(),
                timer: None,
                shortest_interval: session_timer::SHORTEST,
                takes_updates: false,
                leaving: false,
                lost: None,
            }),
            credentials,
            contact,
            stage: watch::Sender::new(stage),
            changed: Notify::new(),
            transfer: Mutex::default(),
        })
    }

    /// Locks the state. The guard must not be held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, LegState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the stage.
    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Returns whether the dialog has ended.
    pub(super) fn is_over(&self) -> bool {
        *self.stage.borrow() == Stage::Ended
    }

    /// Resolves when the dialog has ended.
    pub(super) async fn over(&self) {
        self.stage().wait_for(|stage| *stage == Stage::Ended).await.ok();
    }

    /// Sets the stage; a dialog that has ended stays ended.
    pub(super) fn reach(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let further = *now != Stage::Ended && *now != stage;
            if further {
                *now = stage;
            }
            further
        });
    }

    /// Checks a request of the peer's, as [`DialogState::take`] does.
    pub(super) fn take(&self, request: &Request) -> Result<(), Refused> {
        self.state().dialog.take(request)
    }

    /// Applies the headers of a target refresh or its response: Contact and Allow.
    pub(super) fn refresh(&self, headers: &Headers) {
        let mut state = self.state();
        state.dialog.refresh_target(headers);
        if header(headers, "Allow").is_some() {
            state.takes_updates = list(headers, "Allow").iter().any(|method| method.eq_ignore_ascii_case("UPDATE"));
        }
    }

    /// Returns whether the peer allows UPDATE.
    pub(super) fn takes_updates(&self) -> bool {
        self.state().takes_updates
    }

    /// Sets or removes the session timer.
    pub(super) fn set_timer(&self, timer: Option<SessionTimer>) {
        self.state().timer = timer;
        self.changed.notify_one();
    }

    /// Returns what the session timer wants next, and when.
    pub(super) fn due(&self) -> Option<(Instant, session_timer::Due)> {
        let state = self.state();
        state.timer.filter(|_| !state.leaving).map(|timer| timer.due())
    }

    /// Returns our headers in every request or response that may refresh the target.
    pub(super) fn about_us(&self) -> Vec<Header> {
        vec![self.contact.clone(), Header::Allow(ALLOW.into()), Header::Supported(SUPPORTED.into())]
    }

    /// Returns our Contact.
    pub(super) fn contact(&self) -> Header {
        self.contact.clone()
    }

    /// Composes our next request and finds the path to its next hop.
    pub(super) async fn compose(&self, method: Method, headers: Vec<Header>, sdp: Option<&str>) -> (Request, Path) {
        let (mut request, next_hop, path) = {
            let mut state = self.state();
            (state.dialog.request(method), state.dialog.next_hop(), state.path.clone())
        };
        request.headers.extend(headers);
        if let Some(sdp) = sdp {
            request.headers.push(Header::ContentType("application/sdp".into()));
            request.body = sdp.as_bytes().to_vec();
        }
        let path = path.towards(&self.shared, &next_hop).await;
        self.state().path = path.clone();
        (request, path)
    }

    /// Sends a request other than INVITE, again with credentials where it is challenged, and returns its final response.
    pub(super) async fn request(&self, method: Method, headers: Vec<Header>, sdp: Option<&str>) -> Result<Response, SipError> {
        let (mut request, path) = self.compose(method, headers, sdp).await;
        let mut challenges = Challenges::default();
        loop {
            let response = client_transaction::send(&self.shared, &path, request.clone()).await?;
            if !self.answer_challenge(&mut challenges, &mut request, &response) {
                return Ok(response);
            }
        }
    }

    /// Adds credentials and a new CSeq to a request that was challenged; returns false where the refusal is final.
    pub(super) fn answer_challenge(&self, challenges: &mut Challenges, request: &mut Request, response: &Response) -> bool {
        let Some(credentials) = &self.credentials else { return false };
        let challenged = matches!(response.status_code, StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired);
        if !challenged || !challenges.answer(request, &response.headers, credentials) {
            return false;
        }
        let number = self.state().dialog.next_number();
        request.headers.unique_push(Header::CSeq(typed::CSeq { seq: number, method: request.method }.into()));
        true
    }

    /// Returns a 2xx to a request of ours.
    ///
    /// # Errors
    /// [`SipError::Declined`] where it is another response.
    pub(super) fn success(method: Method, response: Response) -> Result<Response, SipError> {
        let code = response.status_code.code();
        if (200..300).contains(&code) {
            return Ok(response);
        }
        Err(SipError::Declined { method: method_name(method), code, reason: failure::phrase(&response) })
    }
}
