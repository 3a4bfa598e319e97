//! The fixed sentences in Dutch.

use crate::tables::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    introduction: "Goedendag, u spreekt met een automatische assistent namens {guest}.",
    recorded: "Dit gesprek wordt opgenomen.",
    recording_deleted: "Goed, de opname is gestopt en verwijderd.",
    cut_off_before: "We werden zojuist onderbroken.",
    repeat: "Sorry, dat heb ik niet verstaan. Kunt u dat herhalen?",
    still_there: "Bent u er nog?",
    goodbye: "Bedankt voor uw tijd. Tot ziens.",
    no_time_left: "Het spijt me, ik moet het gesprek hier beëindigen. Bedankt voor uw tijd. Tot ziens.",
    withdrawn: "Excuses, de aanvraag is zojuist ingetrokken. Hartelijk dank. Tot ziens.",
    interrupted: "Excuses, ik moet het gesprek om technische redenen afbreken. Tot ziens.",
    one_moment: "Excuses, een moment alstublieft.",
    trouble: "Excuses, ik heb een technisch probleem. Tot ziens.",
    doubted: "Ik heb verstaan: {text}. Klopt dat?",
    read_back: "Ik bevestig: een tafel voor {party} op {date} om {time}, op naam van {name}.",
    persons: ("één persoon", "{number} personen"),
    nothing_agreed: "Excuses, ik moet mezelf corrigeren: er is nog niets afgesproken.",
};
