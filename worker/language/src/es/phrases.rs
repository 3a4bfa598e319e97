//! The fixed sentences in Spanish.

use crate::tables::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    introduction: "Hola, soy un asistente automático y llamo de parte de {guest}.",
    recorded: "Esta llamada se graba.",
    recording_deleted: "De acuerdo, la grabación se ha detenido y borrado.",
    cut_off_before: "Se nos ha cortado la llamada hace un momento.",
    repeat: "Perdone, no le he entendido. ¿Podría repetirlo, por favor?",
    still_there: "¿Sigue usted ahí?",
    goodbye: "Muchas gracias por su tiempo. Adiós.",
    no_time_left: "Lo siento, tengo que terminar la llamada. Muchas gracias por su tiempo. Adiós.",
    withdrawn: "Perdone, la petición se acaba de retirar. Muchas gracias. Adiós.",
    interrupted: "Perdone, tengo que interrumpir la llamada por motivos técnicos. Adiós.",
    one_moment: "Perdone, un momento, por favor.",
    trouble: "Perdone, tengo un problema técnico. Adiós.",
    doubted: "He entendido: {text}. ¿Es correcto?",
    read_back: "Confirmo: una mesa para {party} el {date} a las {time}, a nombre de {name}.",
    persons: ("una persona", "{number} personas"),
    nothing_agreed: "Perdone, tengo que corregirme: todavía no hay nada acordado.",
};
