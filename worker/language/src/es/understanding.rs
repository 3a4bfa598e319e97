//! Words and phrases by which Spanish is told and understood, in lower case.

use crate::tables::Understanding;

pub(super) const UNDERSTANDING: Understanding = Understanding {
    backchannels: &["ah", "ok", "sí", "si", "vale", "claro", "ya", "entiendo"],
    farewells: &["adiós", "gracias", "hasta", "luego", "un", "saludo", "igualmente", "muchas"],
    not_recorded: &[
        "no grabe",
        "no grabar",
        "no me grabe",
        "no quiero que se grabe",
        "no quiero que me grabe",
        "sin grabar",
        "sin grabación",
        "dejar de grabar",
        "deje de grabar",
        "dejen de grabar",
        "pare la grabación",
        "borre la grabación",
    ],
    telling: &[
        "hola", "buenas", "buenos", "tardes", "noches", "días", "dígame", "diga", "sí", "para", "usted", "gracias", "mesa",
        "tenemos", "qué", "cuántas", "cuántos", "personas", "las", "los", "el", "que", "está", "lo", "siento", "un", "una",
        "momento", "por", "favor", "quiere", "puedo", "adiós", "vale", "bueno", "hora", "nombre", "estamos", "pero", "del",
        "español", "completo", "tiene", "y",
    ],
    shared: &[
        "no",
        "ok",
        "ah",
        "oh",
        "restaurante",
        "pizzeria",
        "bar",
        "café",
        "super",
        "perfect",
        "ciao",
        "me",
        "a",
        "de",
        "la",
        "online",
    ],
};
