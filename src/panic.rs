//! What is said when the program itself is wrong.

use std::io::Write;

/// Replaces the standard message, which could carry values: only the place is told.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |l| format!(" ({}:{})", l.file(), l.line()));
        let _ = writeln!(
            std::io::stderr(),
            "\nError: Formwork has a bug\n  It came to a state that it should never be in{place}. What was done so far is \
             recorded: run the same command again to go on. Please report this, with the configuration if you can.",
        );
    }));
}
