//! What the scanner remembers of everything that is open.

use super::objects::Object;
use std::ops::Range;

/// What encloses the current byte.
#[derive(Debug)]
pub(super) enum Frame {
    /// `(`, `[` or `{`.
    Bracket { open: u8, at: usize, inside: Inside },
    /// A quoted template.
    Quote { at: usize },
    /// `${` or `%{`.
    Interpolation { at: usize },
    /// A heredoc: where it starts, and its marker.
    Heredoc { at: usize, marker: Range<usize> },
    /// A template file.
    Template,
}

/// What brackets enclose.
#[derive(Debug)]
pub(super) enum Inside {
    /// Expressions between which line breaks mean nothing.
    Loose,
    /// Attributes and blocks; and whether the value of an attribute has begun on this line.
    Block { value: bool },
    /// The items of an object.
    Object(Object),
}

impl Frame {
    pub(super) fn at(&self) -> usize {
        match self {
            Frame::Bracket { at, .. }
            | Frame::Quote { at }
            | Frame::Interpolation { at }
            | Frame::Heredoc { at, .. } => *at,
            Frame::Template => 0,
        }
    }

    /// What opens it.
    pub(super) fn opening(&self) -> Range<usize> {
        match self {
            Frame::Bracket { at, .. } | Frame::Quote { at } => *at..at + 1,
            Frame::Interpolation { at } => *at..at + 2,
            Frame::Heredoc { at, marker } => *at..marker.end,
            Frame::Template => 0..0,
        }
    }

    /// What a person would call it, and how it is closed.
    pub(super) fn words(&self, text: &str) -> (String, String) {
        match self {
            Frame::Bracket { open, .. } => {
                ((*open as char).to_string(), (closer_of(*open) as char).to_string())
            }
            Frame::Quote { .. } => ("\"".into(), "\"".into()),
            Frame::Interpolation { at } => (text.get(*at..at + 2).unwrap_or("${").to_owned(), "}".to_owned()),
            Frame::Heredoc { marker, .. } => {
                let marker = &text[marker.clone()];
                (format!("<<{marker}"), marker.to_owned())
            }
            Frame::Template => (String::new(), String::new()),
        }
    }

    /// Whether `byte` closes it.
    pub(super) fn is_closed_by(&self, byte: u8) -> bool {
        match self {
            Frame::Bracket { open, .. } => closer_of(*open) == byte,
            Frame::Interpolation { .. } => byte == b'}',
            _ => false,
        }
    }
}

fn closer_of(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}
