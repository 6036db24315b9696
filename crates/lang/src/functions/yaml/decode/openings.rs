//! Which collections are in brackets: the parser does not tell.

/// A text that is looked at where collections begin, from its start to its end.
pub(super) struct Openings<'a> {
    /// What has not been passed.
    rest: &'a str,
    /// So many characters have been passed.
    passed: usize,
}

impl<'a> Openings<'a> {
    /// Those of this text.
    pub(super) fn new(text: &'a str) -> Self {
        Openings { rest: text, passed: 0 }
    }

    /// Whether the collection that begins with the character number `at` is in brackets. There its anchor may stand, or its
    /// tag.
    pub(super) fn is_bracket(&mut self, at: usize) -> bool {
        let ahead = at.saturating_sub(self.passed);
        let bytes = self.rest.char_indices().nth(ahead).map_or(self.rest.len(), |(byte, _)| byte);
        self.rest = &self.rest[bytes..];
        self.passed += ahead;
        let mut text = self.rest;
        while text.starts_with(['&', '!']) {
            text = text.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
        }
        text.starts_with(['[', '{'])
    }
}
