//! How callees name times, days and parties, in Spanish.

use crate::tables::Naming;

pub(super) const NAMING: Naming = Naming {
    before_time: &["las", "la"],
    behind_time: &["horas", "h", "hrs"],
    before_hour: &[],
    behind_hour: &[("y media", 30), ("y cuarto", 15), ("menos cuarto", -15)],
    past: &[],
    to: &[],
    and: &["y", "con"],
    less: &["menos"],
    people: &["personas", "persona", "comensales", "comensal", "gente"],
    until: &["hasta"],
    marked: &["mesa", "número", "habitación", "calle", "sala"],
    elsewhere: &[
        "cierra",
        "cierran",
        "cerramos",
        "cerrado",
        "cerrados",
        "abre",
        "abren",
        "abrimos",
        "abierto",
        "cocina",
        "depósito",
        "señal",
    ],
    before_day: &["el", "día"],
    of: &["de"],
    counted: &["minuto", "minutos", "mesas", "días", "semanas", "euros"],
    goes_on: &["para", "el", "por", "hasta", "a", "o", "u", "y"],
    hours: &[("mediodía", 12), ("medianoche", 0)],
};
