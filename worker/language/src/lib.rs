//! Everything that differs by language: a folder of tables for each, and a row in [`tables`]. The code that uses the tables is in
//! `offhook-speaking` and `offhook-mind`.

mod de;
mod en;
mod es;
mod nl;
pub mod tables;

use offhook::language::Language;

pub use tables::Tables;

/// The tables of a language.
pub const fn tables(language: Language) -> &'static Tables {
    match language {
        Language::En => &en::TABLES,
        Language::De => &de::TABLES,
        Language::Es => &es::TABLES,
        Language::Nl => &nl::TABLES,
    }
}

/// The tables of all languages, in the order of [`Language::ALL`].
pub fn all() -> impl Iterator<Item = &'static Tables> {
    Language::ALL.into_iter().map(tables)
}

/// 1 to 12, as on a clock face.
const fn on_the_face(hour: u32) -> u32 {
    match hour % 12 {
        0 => 12,
        face => face,
    }
}

#[cfg(test)]
mod tests;
