//! Questions on a terminal.

use std::io::{self, BufRead, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Who is asked: standard input and output, or a script of a test.
pub struct Terminal {
    input: Box<dyn BufRead + Send>,
    output: Box<dyn Write + Send>,
    /// Whether secrets can be typed unseen.
    hides: bool,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Terminal")
    }
}

impl Terminal {
    /// The terminal this program was started on.
    pub fn stdio() -> Self {
        Terminal { input: Box::new(io::BufReader::new(io::stdin())), output: Box::new(io::stdout()), hides: true }
    }

    /// A script of answers.
    #[cfg(test)]
    pub fn script(answers: &str) -> Self {
        Terminal { input: Box::new(io::Cursor::new(answers.to_owned())), output: Box::new(io::sink()), hides: false }
    }

    /// Asks until the answer is good. Return alone takes `current`.
    ///
    /// # Errors
    /// Where there is no answer any more.
    pub fn ask(
        &mut self,
        question: &str,
        current: Option<&str>,
        judge: impl Fn(&str) -> Result<(), String>,
    ) -> io::Result<String> {
        loop {
            write!(self.output, "{question}{}: ", current.map(|current| format!(" [{current}]")).unwrap_or_default())?;
            let typed = self.line()?;
            let answer = if typed.is_empty() { current.unwrap_or_default().to_owned() } else { typed };
            match judge(&answer) {
                Ok(()) => return Ok(answer),
                Err(sentence) => writeln!(self.output, "  {sentence}")?,
            }
        }
    }

    /// Asks for a secret, which is not shown. `None` where nothing is typed.
    ///
    /// # Errors
    /// Where there is no answer any more.
    pub fn ask_secret(&mut self, question: &str, empty: &str) -> io::Result<Option<String>> {
        write!(self.output, "{question} [{empty}]: ")?;
        let _hidden = if self.hides { Hidden::new()? } else { None };
        let typed = self.line()?;
        writeln!(self.output)?;
        Ok(Some(typed).filter(|typed| !typed.is_empty()))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Where nobody reads it.
    pub fn say(&mut self, sentence: &str) -> io::Result<()> {
        writeln!(self.output, "{sentence}")
    }

    fn line(&mut self) -> io::Result<String> {
        self.output.flush()?;
        let mut line = String::new();
        match self.input.read_line(&mut line)? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was closed before the last question")),
            _ => Ok(line.trim().to_owned()),
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    fn new() -> io::Result<Option<Self>> {
        let Ok(before) = tcgetattr(io::stdin()) else { return Ok(None) };
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &unseen)?;
        Ok(Some(Hidden(before)))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wrong_answer_is_asked_again_and_return_takes_what_is_there() {
        let judge = |text: &str| if text == "good" { Ok(()) } else { Err(format!("{text} is not good")) };
        assert_eq!(Terminal::script("bad\ngood\n").ask("How", None, judge).unwrap(), "good");
        assert_eq!(Terminal::script("\n").ask("How", Some("good"), judge).unwrap(), "good");
        assert!(Terminal::script("bad\n").ask("How", None, judge).is_err(), "the terminal is closed");
        assert_eq!(Terminal::script("\n").ask_secret("Key", "none").unwrap(), None);
    }
}
