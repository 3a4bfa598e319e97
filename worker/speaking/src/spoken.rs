//! Text as written into text as said: nothing with a digit in it reaches a voice.

use offhook::language::Language;

use super::{
    dates::{date_words, day_words, weekday_name},
    numbers::{number_words, ordinal_words},
    phone::{digits_apart, phone_words},
    scanning::{Written, digits, last_word, recognise},
    times::time_words,
};

/// The text with every number, time, date, price and phone number in words. Text without digits comes back as it is, so that
/// saying it twice changes nothing.
pub fn spoken(text: &str, language: Language) -> String {
    let mut said = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let Some((written, length)) = recognise(rest, &said, language) else {
            said.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        say(&written, &mut said, &rest[length..], language);
        rest = joined(&written, &rest[length..], &mut said, language);
        if rest.starts_with(char::is_alphanumeric) && !said.ends_with(char::is_whitespace) {
            said.push(' ');
        }
    }
    said
}

fn say(written: &Written<'_>, said: &mut String, rest: &str, language: Language) {
    if said.ends_with(char::is_alphanumeric) {
        said.push(' ');
    }
    let words = match written {
        Written::Date(date) if last_word(said).eq_ignore_ascii_case(weekday_name(*date, language)) => {
            let full = date_words(*date, language);
            full[weekday_name(*date, language).len()..].trim_start().to_owned()
        }
        Written::Date(date) => date_words(*date, language),
        Written::Day(day, month) => {
            let words = day_words(*day, *month, language);
            match language {
                Language::En if !last_word(said).eq_ignore_ascii_case("the") => format!("the {words}"),
                Language::De if nominative(said) => words.replacen("n ", " ", 1),
                _ => words,
            }
        }
        Written::Time(time) => {
            if language == Language::Es && matches!(last_word(said).to_lowercase().as_str(), "la" | "las") {
                said.truncate(said.trim_end().len() - last_word(said).len());
            }
            time_words(*time, language)
        }
        Written::Phone(number) => phone_words(number, language),
        Written::Price(units, cents, symbol) => price_words(*units, *cents, *symbol, language),
        Written::Ordinal(number) if language == Language::De && !nominative(said) => {
            format!("{}n", ordinal_words(*number, language))
        }
        Written::Ordinal(number) => ordinal_words(*number, language),
        Written::Decimal(whole, separator, decimals) => {
            format!(
                "{} {} {}",
                number_words(*whole, language),
                separator_word(*separator, language),
                digits_apart(decimals, language)
            )
        }
        Written::Number(number) => counted(*number, said, rest, language),
        Written::Digits(number) if number.len() > 4 => phone_words(number, language),
        Written::Digits(number) => digits_apart(number, language),
    };
    said.push_str(&words);
}

/// What stands between two numbers is said too: "7-8", "1/2". Answers what is left.
fn joined<'t>(written: &Written<'_>, rest: &'t str, said: &mut String, language: Language) -> &'t str {
    if let Some(rest) = rest.strip_prefix('%') {
        said.push_str([" percent", " Prozent", " por ciento", " procent"][language as usize]);
        return rest;
    }
    let Some(mark) = rest.chars().next() else { return rest };
    let behind = rest[mark.len_utf8()..].trim_start_matches(' ');
    let row = match written {
        Written::Phone(_) => true,
        Written::Digits(row) => row.len() > 4,
        _ => false,
    };
    if digits(behind) == 0 || (row && mark != ':') {
        return rest;
    }
    let word = match mark {
        '-' | '–' => [" to ", " bis ", " a ", " tot "][language as usize],
        '/' => [" slash ", " Schrägstrich ", " barra ", " schuine streep "][language as usize],
        ':' if behind.len() == rest.len() - 1 => " ",
        _ => return rest,
    };
    said.truncate(said.trim_end().len());
    said.push_str(word);
    behind
}

/// One takes the gender of what is counted.
fn counted(number: u32, said: &str, rest: &str, language: Language) -> String {
    let next = rest.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    let before = last_word(said).to_lowercase();
    match (language, number) {
        (Language::De, 1) if next == "person" => "eine".to_owned(),
        (Language::De, 1) if next == "uhr" || next == "kind" || next == "tisch" => "ein".to_owned(),
        (Language::Es, 1) if before == "la" || matches!(next.as_str(), "persona" | "mesa" | "noche" | "hora") => "una".to_owned(),
        (Language::Es, 21) if before == "las" || next == "personas" => "veintiuna".to_owned(),
        _ => number_words(number, language),
    }
}

/// "der vierte Dezember", but "am vierten Dezember".
fn nominative(said: &str) -> bool {
    matches!(last_word(said).to_lowercase().as_str(), "der" | "die" | "das")
}

fn price_words(units: u32, cents: u32, symbol: char, language: Language) -> String {
    let name = match (symbol, language) {
        ('€', Language::En) if units == 1 => "euro",
        ('€', Language::En | Language::Es) => "euros",
        ('€', Language::De) => "Euro",
        ('€', Language::Nl) => "euro",
        ('$', Language::En) => "dollars",
        ('$', Language::De) => "Dollar",
        ('$', Language::Es) => "dólares",
        ('$', Language::Nl) => "dollar",
        (_, Language::En) => "pounds",
        (_, Language::De) => "Pfund",
        (_, Language::Es) => "libras",
        (_, Language::Nl) => "pond",
    };
    let amount = match (units, language) {
        (1, Language::De) => "ein".to_owned(),
        (1, Language::Es) => "un".to_owned(),
        _ => number_words(units, language),
    };
    if cents == 0 { format!("{amount} {name}") } else { format!("{amount} {name} {}", number_words(cents, language)) }
}

fn separator_word(separator: char, language: Language) -> &'static str {
    let (point, comma) = match language {
        Language::En => ("point", "comma"),
        Language::De => ("Punkt", "Komma"),
        Language::Es => ("punto", "coma"),
        Language::Nl => ("punt", "komma"),
    };
    if separator == ',' { comma } else { point }
}

#[cfg(test)]
#[path = "spoken_tests.rs"]
mod tests;
