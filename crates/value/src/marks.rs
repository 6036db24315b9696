//! Marks: facts that follow a value wherever it flows.

use std::fmt;

/// One mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Never shown to people.
    Sensitive,
    /// Never stored.
    Ephemeral,
}

/// A set of marks; copying it is free.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Marks(u8);

impl Marks {
    /// No marks.
    pub const NONE: Marks = Marks(0);
    /// Only [`Mark::Sensitive`].
    pub const SENSITIVE: Marks = Marks(1);
    /// Only [`Mark::Ephemeral`].
    pub const EPHEMERAL: Marks = Marks(2);

    /// Whether `mark` is in the set.
    pub fn has(self, mark: Mark) -> bool {
        self.0 & Marks::from(mark).0 != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The marks of either.
    #[must_use]
    pub fn union(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    /// Without `mark`.
    #[must_use]
    pub fn without(self, mark: Mark) -> Marks {
        Marks(self.0 & !Marks::from(mark).0)
    }
}

impl From<Mark> for Marks {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Sensitive => Marks::SENSITIVE,
            Mark::Ephemeral => Marks::EPHEMERAL,
        }
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [Mark::Sensitive, Mark::Ephemeral];
        f.debug_set().entries(all.into_iter().filter(|m| self.has(*m))).finish()
    }
}
