//! Meaning first, colour later: what a piece of text is, and how that looks on a terminal.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something comes.
    Add,
    /// Something changes.
    Change,
    /// Something goes.
    Remove,
    /// Something is read.
    Read,
    /// Titles, addresses.
    Strong,
    /// What matters less: unchanged things, nulls.
    Faint,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// All is well.
    Good,
    /// A note.
    Note,
}

impl Role {
    fn code(self) -> &'static str {
        match self {
            Role::Add => "\x1b[32m",
            Role::Change => "\x1b[33m",
            Role::Remove => "\x1b[31m",
            Role::Read => "\x1b[36m",
            Role::Strong => "\x1b[1m",
            Role::Faint => "\x1b[90m",
            Role::Error => "\x1b[1m\x1b[31m",
            Role::Warning => "\x1b[1m\x1b[33m",
            Role::Good => "\x1b[1m\x1b[32m",
            Role::Note => "\x1b[1m\x1b[36m",
        }
    }
}

/// How text is to look: with colours or without, and how wide.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
    /// Characters in a line of prose.
    pub width: usize,
}

impl Style {
    /// Without colours, as wide as Terraform takes a pipe to be.
    pub const PLAIN: Style = Style { colour: false, width: 78 };

    /// Writes a piece of text in its role.
    pub fn put(self, out: &mut String, role: Role, text: &str) {
        if self.colour {
            out.push_str(role.code());
            out.push_str(text);
            out.push_str("\x1b[0m");
        } else {
            out.push_str(text);
        }
    }

    /// A piece of text in its role.
    pub fn paint(self, role: Role, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 10);
        self.put(&mut out, role, text);
        out
    }

    /// A horizontal line as wide as prose, with a newline.
    pub fn rule(self) -> String {
        let width = if self.width == Style::PLAIN.width { 77 } else { self.width };
        self.paint(Role::Faint, &"─".repeat(width)) + "\n"
    }
}
