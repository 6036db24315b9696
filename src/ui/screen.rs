//! Where text goes: standard output, standard error, and the question in between.

use super::hang::hang;
use super::style::Style;
use super::{diagnostics, stream};
use formwork_diag::{Diagnostic, Severity, Sources};
use std::io::{self, BufRead, IsTerminal, Write};

/// The two streams, and how text looks on each.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Standard output's.
    pub out: Style,
    /// Standard error's.
    pub err: Style,
    /// Whether somebody watches: both streams are terminals.
    pub terminal: bool,
    /// Show warnings by their summaries only.
    pub compact: bool,
    /// Everything is a line of JSON.
    pub json: bool,
    /// Instances that change alike are shown once.
    pub fold: bool,
    /// How wide the terminal is that standard output goes to, if it is one.
    pub columns: Option<usize>,
}

impl Screen {
    /// As the terminal and the user's wishes have it.
    pub fn new(colour: bool) -> Self {
        let style = |stream: &dyn Fn() -> Option<usize>, terminal: bool| Style {
            colour: colour && terminal,
            width: stream().unwrap_or(Style::PLAIN.width),
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Screen {
            out: style(&|| columns(&io::stdout()), out),
            err: style(&|| columns(&io::stderr()), err),
            terminal: out && err,
            compact: false,
            json: false,
            fold: false,
            columns: columns(&io::stdout()).filter(|_| out),
        }
    }

    /// Writes to standard output. That the reader went away is no reason to stop working.
    pub fn print(self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes what people read line by line to standard output, no line longer than the terminal is wide.
    pub fn show(self, text: &str) {
        match self.columns {
            Some(columns) => self.print(&hang(text, columns)),
            None => self.print(text),
        }
    }

    /// Writes to standard output what need not be text.
    pub fn bytes(self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    /// Writes a line to standard output.
    pub fn line(self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Writes a line for people to standard output; where everything is JSON, it is left away.
    pub fn tell(self, text: &str) {
        if !self.json {
            self.line(text);
        }
    }

    /// Writes to standard error.
    pub fn complain(self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Shows diagnostics: warnings on standard output, errors on standard error.
    pub fn diagnostics(self, diagnostics: &[Diagnostic], sources: &Sources) {
        let mut sorted = diagnostics.to_vec();
        sorted.sort_by_key(|d| (d.span.is_none(), d.span.map(|s| (s.file, s.start))));
        if self.json {
            let lines: String = sorted.iter().map(|d| stream::diagnostic(d, sources)).collect();
            return self.print(&lines);
        }
        let (errors, warnings): (Vec<_>, Vec<_>) =
            sorted.into_iter().partition(|d| d.severity == Severity::Error);
        let warnings = if self.compact { diagnostics::compact(warnings) } else { warnings };
        if !warnings.is_empty() {
            self.print(&diagnostics::render(&warnings, sources, self.out));
        }
        if !errors.is_empty() {
            self.complain(&diagnostics::render(&errors, sources, self.err));
        }
    }

    /// Asks a question and reads one line; `None` when there is nobody to answer.
    pub fn ask(self, question: &str) -> Option<String> {
        self.print(question);
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }

    /// Like [`Screen::ask`], but gives up as soon as `stop` says so.
    pub fn ask_unless(self, question: &str, stop: impl Fn() -> bool) -> Option<String> {
        let (send, answers) = std::sync::mpsc::channel();
        let question = question.to_owned();
        let asking = std::thread::Builder::new().name("question".into());
        // If nobody answers, the thread waits until the process ends.
        asking.spawn(move || send.send(self.ask(&question))).ok()?;
        loop {
            match answers.recv_timeout(std::time::Duration::from_millis(50)) {
                Ok(answer) => return answer,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) if stop() => return None,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Whether somebody can be asked.
    pub fn can_ask() -> bool {
        io::stdin().is_terminal()
    }
}

fn columns(stream: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col >= 20).then_some(usize::from(size.ws_col))
}
