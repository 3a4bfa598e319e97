//! What the body of a message says about the session (RFC 3261 sections 7.4, 8.2.3 and 20.11 to 20.15, RFC 5621). Pure.
//!
//! A description is of the type `application/sdp` and of the disposition `session`, its default; it may be a part of a multipart
//! body, at any depth. A request is refused for a body that has to be understood and is not. A response cannot be refused: its
//! description is taken whatever stands beside it.

mod entity;
mod multipart;
mod transfer_encoding;

use rsipstack::sip::{Header, Headers, StatusCode};

use self::entity::{Content, Handling, Leaf, Subtype};
pub(crate) use self::entity::{Entity, Fields};

/// The media type of session descriptions (RFC 8866 section 8.1).
pub(crate) const SDP: &str = "application/sdp";

/// A body that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Of another type.
    #[error("it is {0}, and only {SDP} is understood")]
    Type(String),
    /// Of another disposition.
    #[error("its {SDP} is for \"{0}\" (Content-Disposition), not for the session")]
    Disposition(String),
    /// Compressed, or encoded in another way.
    #[error("it is encoded with {0} (Content-Encoding), and no encoding was offered; the peer has to send it as it is")]
    Encoding(String),
    /// Against its own grammar.
    #[error("it cannot be read: {0}")]
    Malformed(&'static str),
}

impl BodyError {
    /// Returns the response to a request with such a body: code, phrase, and the header that says what is understood (RFC 3261
    /// sections 8.2.3 and 21.4.13).
    pub(crate) fn response(&self) -> (u16, &'static str, Option<(&'static str, &'static str)>) {
        match self {
            BodyError::Type(_) | BodyError::Disposition(_) => (415, "Unsupported Media Type", Some(("Accept", SDP))),
            BodyError::Encoding(_) => (415, "Unsupported Media Type", Some(("Accept-Encoding", "identity"))),
            BodyError::Malformed(_) => (400, "Malformed Body", None),
        }
    }

    /// Returns the same for the SIP crate.
    pub(super) fn refusal(&self) -> (StatusCode, Vec<Header>) {
        let (code, _, header) = self.response();
        let header = header.map(|(name, value)| match name {
            "Accept-Encoding" => Header::AcceptEncoding(value.into()),
            _ => Header::Accept(value.into()),
        });
        (StatusCode::from(code), header.into_iter().collect())
    }
}

/// The session description of a body, and what in the body has to be understood and is not.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    sdp: Option<String>,
    fault: Option<(Handling, BodyError)>,
}

/// Returns the session description in the body of a request; `None` where there is none.
///
/// # Errors
/// [`BodyError`] where something in it has to be understood and is not. Beside a description, that is only what says so itself
/// (`handling=required`): gateways leave the parameter out of parts that nobody has to understand.
pub(crate) fn offer(body: &Entity) -> Result<Option<String>, BodyError> {
    let Reading { sdp, fault } = read(body);
    match fault {
        Some((_, error)) => Err(error),
        None => Ok(sdp),
    }
}

/// Returns the session description in the body of a response or an ACK, and why there is none where there is a body.
pub(super) fn answer(headers: &Headers, body: &[u8]) -> (Option<String>, Option<BodyError>) {
    let Reading { sdp, fault } = read(&of_message(headers, body));
    let fault = fault.map(|(_, error)| error).filter(|_| sdp.is_none());
    (sdp, fault)
}

/// Returns the body of a message of the SIP crate.
pub(super) fn of_message(headers: &Headers, body: &[u8]) -> Entity {
    Entity::read(Fields::of(headers.iter().map(|header| (header.name(), header.value()))), body)
}

/// Returns the type and the text of the body, or of the part of one of these types in it; empty texts where there is none.
///
/// # Errors
/// [`BodyError`] where it cannot be read.
pub(super) fn text(headers: &Headers, body: &[u8], kinds: &[&str]) -> Result<(String, String), BodyError> {
    let entity = of_message(headers, body);
    if let Content::Unreadable(error) = &entity.content {
        return Err(error.clone());
    }
    let leaves = entity.leaves();
    let wanted = leaves.iter().find(|leaf| leaf.kind.as_deref().is_some_and(|kind| kinds.contains(&kind)));
    let Some(leaf) = wanted.or(leaves.first()) else { return Ok(Default::default()) };
    let content = leaf.content.as_ref().map_err(Clone::clone)?;
    Ok((leaf.kind.clone().unwrap_or_default(), String::from_utf8_lossy(content).into_owned()))
}

fn read(entity: &Entity) -> Reading {
    match &entity.content {
        Content::Leaf(leaf) => read_leaf(leaf, entity.disposition.as_deref(), entity.handling),
        Content::Unreadable(error) => faulty(entity.handling, error.clone()),
        Content::Multipart { subtype, parts } => {
            let reading = match subtype {
                Subtype::Mixed => together(parts.iter().map(read)),
                Subtype::Alternative => the_best(parts),
            };
            let reading = match entity.disposition.as_deref() {
                None | Some("session" | "render") => reading,
                Some(other) => faulty(entity.handling, BodyError::Disposition(other.to_owned())),
            };
            match entity.handling {
                Handling::Optional => Reading { fault: None, ..reading },
                Handling::Assumed | Handling::Required => reading,
            }
        }
    }
}

fn faulty(handling: Handling, error: BodyError) -> Reading {
    Reading { sdp: None, fault: (handling != Handling::Optional).then_some((handling, error)) }
}

fn read_leaf(leaf: &Leaf, disposition: Option<&str>, handling: Handling) -> Reading {
    let content = match &leaf.content {
        Ok(content) => content,
        Err(error) => return faulty(handling, error.clone()),
    };
    let is_sdp = match leaf.kind.as_deref() {
        Some(kind) => kind == SDP,
        // A body without a type is none by the grammar; what begins like SDP can be nothing else.
        None => content.trim_ascii_start().starts_with(b"v="),
    };
    if content.trim_ascii().is_empty() && (is_sdp || leaf.kind.is_none()) {
        return Reading::default();
    }
    if !is_sdp {
        return faulty(handling, BodyError::Type(leaf.kind.clone().unwrap_or_else(|| "of no type".to_owned())));
    }
    match disposition {
        None | Some("session") => Reading { sdp: Some(String::from_utf8_lossy(content).into_owned()), fault: None },
        Some(other) => faulty(handling, BodyError::Disposition(other.to_owned())),
    }
}

/// All parts count: the first description, and the first fault. What only by default has to be understood counts where there is no
/// description.
fn together(parts: impl Iterator<Item = Reading>) -> Reading {
    let (mut sdp, mut fault): (Option<String>, Option<(Handling, BodyError)>) = (None, None);
    for part in parts {
        sdp = sdp.or(part.sdp);
        let graver = |found: &(Handling, BodyError)| fault.as_ref().is_none_or(|(handling, _)| found.0 > *handling);
        if let Some(found) = part.fault.filter(graver) {
            fault = Some(found);
        }
    }
    let fault = fault.filter(|(handling, _)| sdp.is_none() || *handling == Handling::Required);
    Reading { sdp, fault }
}

/// The last part that is understood counts (RFC 2046 section 5.1.4): a description before nothing at all.
fn the_best(parts: &[Entity]) -> Reading {
    let mut readings: Vec<Reading> = parts.iter().map(read).rev().collect();
    let best = readings
        .iter()
        .position(|reading| reading.sdp.is_some() && reading.fault.is_none())
        .or_else(|| readings.iter().position(|reading| reading.sdp.is_some()))
        .or_else(|| readings.iter().position(|reading| reading.fault.is_none()));
    match best {
        Some(best) => readings.swap_remove(best),
        None => readings.into_iter().next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
