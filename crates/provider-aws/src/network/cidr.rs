//! Checks of address ranges.

use formwork_provider::Problem;
use formwork_value::{Path, Value};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses an attribute takes.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What is wrong with attributes that hold a range each, as far as they are known.
pub(crate) fn check(config: &Value, names: &[(&str, Family)]) -> Vec<Problem> {
    let wrong = names.iter().filter_map(|(name, family)| {
        let text = config.get(name)?.as_str()?;
        let detail = wrong(text, *family)?;
        Some(Problem::error(Path::root().attr(*name), "Invalid address range", detail))
    });
    wrong.collect()
}

fn wrong(text: &str, family: Family) -> Option<String> {
    let (parsed, example) = match family {
        Family::V4 => (text.parse::<Ipv4Net>().map(IpNet::V4), "10.0.0.0/16"),
        Family::V6 => (text.parse::<Ipv6Net>().map(IpNet::V6), "2001:db8::/56"),
    };
    match parsed {
        Err(_) => Some(format!("\"{text}\" is not a range of addresses. Write it like {example}.")),
        Ok(net) if net.trunc() != net => Some(format!(
            "\"{text}\" has bits set behind its prefix, which AWS would drop. Write {}.",
            net.trunc()
        )),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, wrong};

    #[test]
    fn ranges() {
        let check = |text, family, wanted: Option<&str>| {
            let found = wrong(text, family);
            assert!(
                found.as_deref().map_or(wanted.is_none(), |f| wanted.is_some_and(|w| f.contains(w))),
                "{text}: {found:?}"
            );
        };
        check("10.0.0.0/16", Family::V4, None);
        check("10.0.1.0/16", Family::V4, Some("Write 10.0.0.0/16."));
        check("10.0.0.0", Family::V4, Some("not a range"));
        check("::/0", Family::V4, Some("not a range"));
        check("::/0", Family::V6, None);
    }
}
