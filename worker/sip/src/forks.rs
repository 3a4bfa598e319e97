//! The early dialogs of one INVITE: a proxy may fork it to several phones, each of which responds with a To tag of its own
//! (RFC 3261 sections 12.1 and 13.2.2.4).

use std::sync::Arc;

use rsipstack::sip::{Header, Request, Response};

use super::{
    credentials::Credentials,
    dialog_state::DialogState,
    leg::{Leg, Stage},
    message::{header, tag},
    path::Path,
    prack::Reliable,
    shared::Shared,
};

/// Early dialogs per INVITE. Provisional responses of further phones are ignored; their 2xx counts.
const MOST_FORKS: usize = 16;

/// One early dialog.
pub(super) struct Fork {
    pub(super) leg: Arc<Leg>,
    pub(super) reliable: Reliable,
    /// Whether a reliable provisional response has answered our offer: only then may the peer send an offer (RFC 3311).
    pub(super) offer_answered: bool,
}

/// The early dialogs of one INVITE.
pub(super) struct Forks {
    forks: Vec<Fork>,
    pub(super) contact: Header,
    pub(super) credentials: Option<Credentials>,
}

impl Forks {
    pub(super) fn new(contact: Header, credentials: Option<Credentials>) -> Self {
        Forks { forks: Vec::new(), contact, credentials }
    }

    /// Returns the early dialog a response belongs to or begins; `None` where it has no tag or no Contact, or there are too many.
    pub(super) fn of_answer(
        &mut self,
        shared: &Arc<Shared>,
        path: &Path,
        invite: &Request,
        answer: &Response,
    ) -> Option<&mut Fork> {
        let their_tag = header(&answer.headers, "To").and_then(tag)?.to_owned();
        let known = self.forks.iter().position(|fork| fork.leg.state().dialog.remote_tag() == their_tag);
        let index = match known {
            Some(index) => index,
            None if self.forks.len() == MOST_FORKS => return None,
            None => {
                let leg = self.leg(shared, path, invite, answer)?;
                self.forks.push(Fork { leg, reliable: Reliable::default(), offer_answered: false });
                self.forks.len() - 1
            }
        };
        self.forks.get_mut(index)
    }

    /// Returns the dialog that a response begins.
    pub(super) fn leg(&self, shared: &Arc<Shared>, path: &Path, invite: &Request, answer: &Response) -> Option<Arc<Leg>> {
        let dialog = DialogState::of_answer(invite, answer)?;
        Some(Leg::new(shared, dialog, path.clone(), self.contact.clone(), self.credentials.clone(), Stage::Ringing))
    }

    /// Returns the early dialog with this tag of the peer.
    pub(super) fn of_tag(&mut self, their_tag: &str) -> Option<&mut Fork> {
        self.forks.iter_mut().find(|fork| fork.leg.state().dialog.remote_tag() == their_tag)
    }

    /// Removes and returns the early dialog whose phone answered.
    pub(super) fn winner(&mut self, their_tag: &str) -> Option<Fork> {
        let index = self.forks.iter().position(|fork| fork.leg.state().dialog.remote_tag() == their_tag)?;
        Some(self.forks.swap_remove(index))
    }
}
