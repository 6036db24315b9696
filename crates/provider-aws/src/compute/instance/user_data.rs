//! User data, which AWS takes and gives in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is sent for a text: itself, if it is base64 already.
pub(super) fn encoded(text: &str) -> String {
    if STANDARD.decode(text).is_ok() { text.to_owned() } else { STANDARD.encode(text) }
}

/// The text that what AWS gives stands for, if it is one. `known` is what was sent, if that is known.
pub(super) fn decoded(base64: &str, known: Option<&String>) -> Option<String> {
    if let Some(known) = known.filter(|known| encoded(known) == base64) {
        return Some(known.clone());
    }
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        let check = |text: &str, sent: &str| {
            assert_eq!(encoded(text), sent);
            assert_eq!(decoded(sent, Some(&text.to_owned())).as_deref(), Some(text), "as it was known");
        };
        check("#!/bin/sh\n", "IyEvYmluL3NoCg==");
        check("IyEvYmluL3NoCg==", "IyEvYmluL3NoCg==");
        assert_eq!(decoded("IyEvYmluL3NoCg==", None).as_deref(), Some("#!/bin/sh\n"));
        assert_eq!(decoded("IyEvYmluL3NoCg==", Some(&"other".into())).as_deref(), Some("#!/bin/sh\n"));
        assert_eq!(decoded("/w==", None), None, "not UTF-8");
    }
}
