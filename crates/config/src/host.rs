//! Names of hosts: as people write them, and as the net has them, which knows ASCII alone
//! (<https://www.unicode.org/reports/tr46/>).

/// A host's name, perhaps with a port, as the net has it: `café.example:8443` is `xn--caf-dma.example:8443`. `None` if it
/// cannot be one.
pub fn ascii_host(host: &str) -> Option<String> {
    with_port(host, |name| idna::domain_to_ascii_cow(name.as_bytes(), idna::AsciiDenyList::STD3).ok())
}

/// A host's name, perhaps with a port, as it is shown: in small letters, each language in its own.
pub fn shown_host(host: &str) -> Option<String> {
    with_port(&ascii_host(host)?, |name| {
        let (shown, valid) = idna::domain_to_unicode(name);
        valid.ok().map(|()| shown.into())
    })
}

fn with_port<'a>(
    host: &'a str,
    change: impl FnOnce(&'a str) -> Option<std::borrow::Cow<'a, str>>,
) -> Option<String> {
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let changed = change(name).filter(|n| n.split('.').all(|label| !label.is_empty()))?;
    match port {
        None => Some(changed.into_owned()),
        Some(port) => port.parse::<u16>().is_ok_and(|p| p != 0).then(|| format!("{changed}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_two_forms() {
        let check = |host: &str, ascii: Option<&str>, shown: Option<&str>| {
            assert_eq!(ascii_host(host).as_deref(), ascii, "{host}");
            assert_eq!(shown_host(host).as_deref(), shown, "{host}");
        };
        check("App.Example.com", Some("app.example.com"), Some("app.example.com"));
        check("localhost:8443", Some("localhost:8443"), Some("localhost:8443"));
        check("127.0.0.1:8443", Some("127.0.0.1:8443"), Some("127.0.0.1:8443"));
        check("Café.example:8443", Some("xn--caf-dma.example:8443"), Some("café.example:8443"));
        check("cafe\u{301}.example", Some("xn--caf-dma.example"), Some("café.example"));
        check("xn--caf-dma.example", Some("xn--caf-dma.example"), Some("café.example"));
        check("испытание.com", Some("xn--80akhbyknj4f.com"), Some("испытание.com"));
        for wrong in ["a..b", "a_b.example", "a b.example", "xn--.example", "h:0", "h:99999", "", ":1"] {
            check(wrong, None, None);
        }
    }
}
