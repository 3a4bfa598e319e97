//! REGISTER: registers with a trunk that requires it, for as long as we call (RFC 3261 section 10).

use std::{sync::Arc, time::Duration};

use offhook::attempt::WayOut;
use rsipstack::{
    dialog::authenticate::{AuthRetry, Credential, handle_client_authenticate},
    sip::{CallId, Header, Method, Param, Request, Response, SipMessage, StatusCode, StatusCodeKind, Uri, typed},
    transaction::{
        key::{TransactionKey, TransactionRole},
        make_tag,
        transaction::Transaction,
    },
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    credentials::Credentials,
    endpoint::Endpoint,
    error::SipError,
    registration_schedule::{FAILURES_TOLD, Outcome, Schedule},
    shared::Shared,
    transport::{flow::sip_address, head::split_outside, outbound_proxy, resolve::Hop},
};

/// The first retry after a failure comes after T1 times this: 5 s where T1 is 500 ms.
const RETRY_AFTER_T1: u32 = 10;
const UNREGISTER_WITHIN: Duration = Duration::from_secs(4);

/// The parameters of a registration.
#[derive(Debug, Clone)]
pub struct RegisterRequest {
    /// The address of record, a `sip:` URI; its host is the registrar's domain.
    pub address_of_record: String,
    /// The registrar; the address of record's host where `None`.
    pub destination: Option<WayOut>,
    /// The outbound proxy: the REGISTER is sent to it instead, with a Route header that names it.
    pub outbound_proxy: Option<WayOut>,
    /// Credentials for the registrar's 401 or 407.
    pub credentials: Option<Credentials>,
    /// The interval to ask for.
    pub expires: Duration,
}

/// A registration, refreshed until it is dropped or [`Registration::unregister`] is called. Both unregister.
#[derive(Debug)]
pub struct Registration {
    state: watch::Receiver<State>,
    stop: DropGuard,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Registered,
    Lost(String),
    Ended,
}

impl Registration {
    /// Resolves when three refreshes in a row have failed; returns the last error. Retries go on all the same.
    pub async fn lost(&mut self) -> String {
        match self.state.wait_for(|state| *state != State::Registered).await.as_deref() {
            Ok(State::Lost(why)) => why.clone(),
            Ok(State::Registered | State::Ended) | Err(_) => "the endpoint was shut down".to_owned(),
        }
    }

    /// Returns whether we are registered.
    pub fn is_registered(&self) -> bool {
        *self.state.borrow() == State::Registered
    }

    /// Unregisters (4 s at most).
    pub async fn unregister(mut self) {
        drop(self.stop);
        self.state.wait_for(|state| *state == State::Ended).await.ok();
    }
}

impl Endpoint {
    /// Registers, and refreshes the registration. Calls of this endpoint use the Service-Route the registrar names (RFC 3608).
    ///
    /// # Errors
    /// [`SipError::Refused`] where the registrar refuses, [`SipError::Unanswered`] where it does not respond; [`SipError::Field`],
    /// [`SipError::Resolve`], [`SipError::Connect`] and [`SipError::Tls`] where nothing could be sent.
    pub async fn register(&self, request: RegisterRequest) -> Result<Registration, SipError> {
        let shared = self.shared.clone();
        let us = Uri::try_from(request.address_of_record.as_str()).map_err(|_| SipError::Field {
            field: "address_of_record",
            value: request.address_of_record.clone(),
            expected: "a URI such as sip:+49301234567@trunk.example",
        })?;
        let registrar = Uri { auth: None, params: vec![], headers: vec![], ..us.clone() };
        let hops = match request.outbound_proxy.as_ref().or(request.destination.as_ref()) {
            Some(way_out) => shared.routes.resolve_way_out(way_out).await?,
            None => shared.routes.resolve_uri(&registrar).await?,
        };
        let mut registrant = Registrant {
            us,
            registrar,
            proxy: request.outbound_proxy.as_ref().map(outbound_proxy::route).transpose()?,
            credential: request.credentials.map(|credentials| Credential {
                username: credentials.username,
                password: credentials.password.expose().to_owned(),
                realm: None,
                auth_username: None,
            }),
            tag: make_tag().value().to_owned(),
            call_id: format!("{:032x}@offhook", rand::random::<u128>()),
            sequence: 0,
            hop: shared.flows.reach_first(&hops).await?.0.clone(),
            shared: shared.clone(),
        };
        let mut schedule = Schedule::new(request.expires, shared.timing.t1 * RETRY_AFTER_T1, Instant::now());
        let mut first = registrant.round(schedule.asked()).await;
        if let Ok(Outcome::TooBrief(_)) = first {
            schedule.note(first?, Instant::now());
            first = registrant.round(schedule.asked()).await;
        }
        match first? {
            outcome @ Outcome::Granted(_) => schedule.note(outcome, Instant::now()),
            Outcome::TooBrief(_) | Outcome::Failed(_) => {
                return Err(SipError::Refused { code: 423, phrase: "Interval Too Brief".to_owned(), retry_after: None });
            }
        }
        let (state_is, state) = watch::channel(State::Registered);
        let stop = CancellationToken::new();
        shared.routes.remember(&registrant.us, &registrant.hop);
        shared.before_closing(stay(registrant, schedule, state_is, stop.clone()));
        Ok(Registration { state, stop: stop.drop_guard() })
    }
}

/// Refreshes the registration until it is stopped, and then unregisters.
async fn stay(mut registrant: Registrant, mut schedule: Schedule, state: watch::Sender<State>, stop: CancellationToken) {
    let shared = registrant.shared.clone();
    loop {
        tokio::select! {
            () = sleep_until(schedule.next()) => {}
            () = stop.cancelled() => break,
            () = shared.ending.cancelled() => break,
            () = shared.closed.cancelled() => break,
        }
        let outcome = tokio::select! {
            outcome = registrant.round(schedule.asked()) => outcome,
            () = stop.cancelled() => break,
            () = shared.ending.cancelled() => break,
            () = shared.closed.cancelled() => break,
        };
        match outcome {
            Ok(outcome) => schedule.note(outcome, Instant::now()),
            Err(error) => {
                let retry_after = if let SipError::Refused { retry_after, .. } = &error { *retry_after } else { None };
                schedule.note(Outcome::Failed(retry_after), Instant::now());
                tracing::warn!(%error, failures = schedule.failures(), "the registration was not refreshed");
                if schedule.failures() >= FAILURES_TOLD {
                    state.send_replace(State::Lost(error.to_string()));
                }
            }
        }
        if schedule.failures() == 0 {
            state.send_if_modified(|state| std::mem::replace(state, State::Registered) != State::Registered);
        }
    }
    tokio::select! {
        told = timeout(UNREGISTER_WITHIN, registrant.round(Duration::ZERO)) => if !matches!(told, Ok(Ok(_))) {
            tracing::info!("the registrar was not told that we go");
        },
        () = shared.closed.cancelled() => {}
    }
    shared.routes.forget(&registrant.us);
    shared.service_route.set(vec![]);
    state.send_replace(State::Ended);
}

/// What a REGISTER is made of.
struct Registrant {
    shared: Arc<Shared>,
    us: Uri,
    registrar: Uri,
    proxy: Option<typed::Route>,
    credential: Option<Credential>,
    tag: String,
    call_id: String,
    sequence: u32,
    hop: Hop,
}

impl Registrant {
    /// Sends REGISTER, and again with credentials where it is challenged.
    async fn round(&mut self, expires: Duration) -> Result<Outcome, SipError> {
        let failed = |error: rsipstack::Error| SipError::stack("a REGISTER", error);
        self.shared.flows.reach(&self.hop).await?;
        let request = self.request(expires)?;
        let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(failed)?;
        let mut transaction = Transaction::new_client(key, request, self.shared.stack.clone(), None);
        transaction.destination = Some(sip_address(self.hop.transport, self.hop.address));
        let mut retry = AuthRetry::new();
        loop {
            let response = self.exchange(&mut transaction).await?;
            let challenged = matches!(response.status_code, StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired);
            if challenged
                && let Some(credential) = &self.credential
                && retry.should_answer(&response)
            {
                self.sequence += 1;
                transaction =
                    handle_client_authenticate(self.sequence, &transaction, response, credential).await.map_err(failed)?;
                continue;
            }
            return self.read(&response, expires);
        }
    }

    async fn exchange(&self, transaction: &mut Transaction) -> Result<Response, SipError> {
        let patience = self.shared.timing.give_up();
        let unanswered = SipError::Unanswered { method: "REGISTER", ms: patience.as_millis() as u64 };
        let exchange = async {
            transaction.send().await.map_err(|error| SipError::stack("a REGISTER", error))?;
            while let Some(message) = transaction.receive().await {
                if let SipMessage::Response(response) = message
                    && response.status_code.kind() != StatusCodeKind::Provisional
                {
                    return Ok(Some(response).filter(|response| !self.shared.made(response)));
                }
            }
            Ok(None)
        };
        match timeout(patience, exchange).await {
            Ok(Ok(Some(response))) => Ok(response),
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) | Err(_) => Err(unanswered),
        }
    }

    fn request(&mut self, expires: Duration) -> Result<Request, SipError> {
        self.sequence += 1;
        let stack = &self.shared.stack;
        let via = stack.get_via(None, None).map_err(|error| SipError::stack("a REGISTER", error))?;
        let from = typed::From { display_name: None, uri: self.us.clone(), params: vec![Param::Tag(self.tag.as_str().into())] };
        let to = typed::To { display_name: None, uri: self.us.clone(), params: vec![] };
        let call_id = Some(CallId::from(self.call_id.clone()));
        let mut request = stack.make_request(Method::Register, self.registrar.clone(), via, from, to, self.sequence, call_id);
        let contact = self.shared.contact(self.us.user(), self.hop.address);
        request.headers.push(Header::Contact(typed::Contact { display_name: None, uri: contact, params: vec![] }.into()));
        request.headers.push(Header::Expires((expires.as_secs() as u32).into()));
        request.headers.push(Header::Supported("path".into()));
        if let Some(proxy) = &self.proxy {
            request.headers.push(proxy.clone().into());
        }
        Ok(request)
    }

    fn read(&self, response: &Response, asked: Duration) -> Result<Outcome, SipError> {
        match response.status_code.code() {
            200..=299 => {
                if asked > Duration::ZERO {
                    self.shared.service_route.set(service_route(response));
                }
                Ok(Outcome::Granted(self.granted(response).unwrap_or(asked)))
            }
            423 => {
                let least = values(response).find_map(|(name, value)| (name == "Min-Expires").then(|| seconds(value)).flatten());
                Ok(Outcome::TooBrief(least.unwrap_or_default()))
            }
            code => Err(SipError::Refused {
                code,
                phrase: response.wire_reason.clone().unwrap_or_else(|| response.status_code.text().to_owned()),
                retry_after: values(response).find_map(|(name, value)| (name == "Retry-After").then(|| seconds(value)).flatten()),
            }),
        }
    }

    /// Returns the interval granted to our Contact (RFC 3261 section 10.2.4), else that of the Expires header.
    fn granted(&self, response: &Response) -> Option<Duration> {
        let ours = self.shared.contact(self.us.user(), self.hop.address).host_with_port.to_string();
        let contacts = values(response).filter(|(name, _)| *name == "Contact").flat_map(|(_, value)| split_outside(value, ','));
        let of_contact = contacts.filter(|contact| contact.contains(&ours)).find_map(|contact| {
            split_outside(contact, ';').into_iter().find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim().eq_ignore_ascii_case("expires").then(|| seconds(value)).flatten()
            })
        });
        let of_header = || values(response).find_map(|(name, value)| (name == "Expires").then(|| seconds(value)).flatten());
        of_contact.or_else(of_header).filter(|granted| !granted.is_zero())
    }
}

fn service_route(response: &Response) -> Vec<typed::Route> {
    let listed = values(response).filter(|(name, _)| *name == "Service-Route");
    listed.flat_map(|(_, value)| typed::Route::parse_header_list(value).unwrap_or_default()).collect()
}

/// Returns the headers we read in a response to REGISTER.
fn values(response: &Response) -> impl Iterator<Item = (&'static str, &str)> {
    response.headers.iter().filter_map(|header| match header {
        Header::Contact(value) => Some(("Contact", value.value())),
        Header::Expires(value) => Some(("Expires", value.value())),
        Header::MinExpires(value) => Some(("Min-Expires", value.value())),
        Header::RetryAfter(value) => Some(("Retry-After", value.value())),
        Header::ServiceRoute(value) => Some(("Service-Route", value.value())),
        _ => None,
    })
}

/// Reads a number of seconds; a comment or parameters behind it are ignored.
fn seconds(value: &str) -> Option<Duration> {
    let value = value.trim().trim_matches('"');
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    value[..digits].parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}
