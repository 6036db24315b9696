//! IP addresses and prefixes.

use super::*;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

library![cidrhost, cidrnetmask, cidrsubnet, cidrsubnets, cidrcontains];

/// The address of a host in a prefix by its number; negative numbers count from the end.
#[function(result = Type::String, example = r#"cidrhost("10.12.112.0/20", 16)"#, gives = r#""10.12.112.16""#)]
fn cidrhost(prefix: &str, hostnum: &Number) -> FnResult {
    let prefix = Prefix::parse(prefix)?;
    let (negative, host) = integer(hostnum, 1)?;
    let free = prefix.width() - prefix.length;
    let size = 1u128.checked_shl(free);
    let number = match (negative, size) {
        (false, _) => Some(host),
        (true, Some(size)) => size.checked_sub(host),
        (true, None) => Some(host.wrapping_neg()),
    };
    match number.filter(|n| size.is_none_or(|size| *n < size)) {
        Some(n) => {
            let bits = prefix.bits | n;
            let held = prefix.held_ipv4(bits);
            Ok(Value::string(held.map_or_else(|| prefix.address(bits), |address| address.to_string())))
        }
        None => {
            Err(FnError::arg(1, format!("a prefix of length {} has no host of this number", prefix.length)))
        }
    }
}

/// The netmask of an IPv4 prefix. IPv6 prefixes have none, unless their addresses hold IPv4 ones.
#[function(result = Type::String, example = r#"cidrnetmask("172.16.0.0/12")"#, gives = r#""255.240.0.0""#)]
fn cidrnetmask(prefix: &str) -> FnResult {
    let prefix = Prefix::parse(prefix)?;
    if prefix.v6 && prefix.held_ipv4(prefix.bits).is_none() {
        return Err(FnError::arg(0, "IPv6 prefixes have no netmask"));
    }
    Ok(Value::string(prefix.address(prefix.mask())))
}

/// A subnet of a prefix: by so many bits longer, and with this number.
#[function(result = Type::String, example = r#"cidrsubnet("172.16.0.0/12", 4, 2)"#, gives = r#""172.18.0.0/16""#)]
fn cidrsubnet(prefix: &str, newbits: &Number, netnum: &Number) -> FnResult {
    let prefix = Prefix::parse(prefix)?;
    let new_bits = small(newbits, 1)?;
    let (negative, number) = integer(netnum, 2)?;
    if negative {
        return Err(FnError::arg(2, "it must not be negative"));
    }
    let length = i128::from(prefix.length).saturating_add(new_bits);
    if length < 0 || length > i128::from(prefix.width()) {
        let message = format!(
            "a prefix of length {} cannot be extended by {new_bits} bits: there are {}",
            prefix.length,
            prefix.width()
        );
        return Err(FnError::arg(1, message));
    }
    let fits = match u32::try_from(new_bits) {
        Ok(bits) => 1u128.checked_shl(bits).is_none_or(|size| number < size),
        Err(_) => number == 0,
    };
    if !fits {
        return Err(FnError::arg(2, format!("{new_bits} bits make no subnet of number {number}")));
    }
    let length = length as u32;
    let shift = prefix.width() - length;
    let bits = prefix.bits | number.checked_shl(shift).unwrap_or(0);
    let subnet = Prefix { bits, length, ..prefix };
    Ok(Value::string(match subnet.held_ipv4(bits) {
        // All but the last 32 bits are the same for all of these.
        Some(address) => format!("{address}/{}", length.saturating_sub(96)),
        None => subnet.to_string(),
    }))
}

/// Subnets of a prefix, one after the other, each by so many bits longer.
#[function(result = Type::list(Type::String), example = r#"cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)"#, gives = "tolist([\n  \"10.1.0.0/20\",\n  \"10.1.16.0/20\",\n  \"10.1.32.0/24\",\n  \"10.1.48.0/20\",\n])")]
fn cidrsubnets(prefix: &str, #[arg(rest, ty = Type::Number)] newbits: &[Value]) -> FnResult {
    let prefix = Prefix::parse(prefix)?;
    let end = prefix.size().and_then(|size| prefix.bits.checked_add(size));
    let mut next = Some(prefix.bits);
    let mut subnets = Vec::new();
    for i in 1..=newbits.len() {
        let new_bits = match u32::try_from(small(Argument::read(newbits, i - 1)?, i)?) {
            Ok(0) | Err(_) => return Err(FnError::arg(i, "it must be at least 1")),
            Ok(33..) => return Err(FnError::arg(i, "it must be at most 32")),
            Ok(bits) => bits,
        };
        let length = prefix.length + new_bits;
        if length > prefix.width() {
            let message = format!(
                "a prefix of length {} cannot be extended by {new_bits} bits: there are {}",
                prefix.length,
                prefix.width()
            );
            return Err(FnError::arg(i, message));
        }
        let subnet = Prefix { length, ..prefix };
        let size = subnet.size().unwrap_or(u128::MAX);
        // Up to the next multiple of its size.
        let start = next.and_then(|n| n.checked_next_multiple_of(size));
        let last = start.and_then(|s| s.checked_add(size - 1));
        let (Some(start), Some(last)) = (start, last) else {
            return Err(FnError::arg(i, "there is no room left for this subnet"));
        };
        if end.is_some_and(|end| last >= end) || last > prefix.last_address() {
            return Err(FnError::arg(i, format!("there is no room left for a subnet of length {length}")));
        }
        next = last.checked_add(1);
        subnets.push(Prefix { bits: start, ..subnet }.to_string());
    }
    Ok(strings_list(subnets))
}

/// Whether a prefix contains an address, or all of another prefix. Addresses of the two families never contain each
/// other.
#[function(example = r#"cidrcontains("192.168.2.0/20", "192.168.2.1")"#, gives = "true")]
fn cidrcontains(containing_prefix: &str, contained_ip_or_prefix: &str) -> Result<bool, FnError> {
    let outer = Prefix::parse(containing_prefix)?;
    let inner = match contained_ip_or_prefix.contains('/') {
        true => Prefix::parse(contained_ip_or_prefix).map_err(|e| FnError::arg(1, e.message))?,
        false => Prefix::of_address(contained_ip_or_prefix)
            .ok_or_else(|| FnError::arg(1, "it is neither an address nor a prefix"))?,
    };
    let within = inner.bits >= outer.bits && inner.last_address() <= outer.last_address();
    Ok(outer.v6 == inner.v6 && within)
}

/// A whole number of at most 128 bits: whether it is negative, and its size.
fn integer(n: &Number, i: usize) -> Result<(bool, u128), FnError> {
    n.is_integer()
        .then(|| n.abs().to_string().parse().ok())
        .flatten()
        .map(|size| (n.signum() < 0, size))
        .ok_or_else(|| FnError::arg(i, "it must be a whole number that an address can hold"))
}

/// A whole number that counts bits.
fn small(n: &Number, i: usize) -> Result<i128, FnError> {
    let (negative, size) = integer(n, i)?;
    let size = i128::try_from(size).unwrap_or(i128::MAX);
    Ok(if negative { -size } else { size })
}

/// An address prefix, its bits at the low end and those beyond the length zero.
#[derive(Clone, Copy)]
struct Prefix {
    v6: bool,
    bits: u128,
    length: u32,
}

impl Prefix {
    fn parse(text: &str) -> Result<Prefix, FnError> {
        let wrong = |why: &str| {
            let example = "such as 10.0.0.0/8 or fd00::/8";
            FnError::arg(0, format!("it is not an address prefix {example}: {why}"))
        };
        let (address, length) = text.split_once('/').ok_or_else(|| wrong("it has no / and length"))?;
        let (v6, bits) = match address.contains(':') {
            true => (true, address.parse::<Ipv6Addr>().map(u128::from).ok()),
            false => (false, ipv4(address).map(|a| u128::from(u32::from(a)))),
        };
        let bits = bits.ok_or_else(|| wrong("what is before the / is no address"))?;
        let width = if v6 { 128 } else { 32 };
        let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        let length = length.parse::<u32>().ok().filter(|n| digits && *n <= width);
        let length =
            length.ok_or_else(|| wrong(&format!("the length after the / must be from 0 to {width}")))?;
        let prefix = Prefix { v6, bits, length };
        Ok(Prefix { bits: bits & prefix.mask(), ..prefix })
    }

    /// The prefix that holds one address only.
    fn of_address(text: &str) -> Option<Prefix> {
        let v6 = text.contains(':');
        let bits = if v6 { text.parse::<Ipv6Addr>().ok()?.into() } else { u32::from(ipv4(text)?).into() };
        let prefix = Prefix { v6, bits, length: 0 };
        Some(Prefix { length: prefix.width(), ..prefix })
    }

    fn width(self) -> u32 {
        if self.v6 { 128 } else { 32 }
    }

    fn all_ones(self) -> u128 {
        if self.v6 { u128::MAX } else { u128::from(u32::MAX) }
    }

    fn mask(self) -> u128 {
        let host = self.width() - self.length;
        (self.all_ones().checked_shl(host).unwrap_or(0)) & self.all_ones()
    }

    /// Number of addresses; `None` when that is 2^128.
    fn size(self) -> Option<u128> {
        1u128.checked_shl(self.width() - self.length)
    }

    fn last_address(self) -> u128 {
        self.bits | (self.all_ones() & !self.mask())
    }

    /// The IPv4 address that an IPv6 one holds, as `::ffff:10.0.0.1` does: Terraform shows it alone.
    fn held_ipv4(self, bits: u128) -> Option<Ipv4Addr> {
        Ipv6Addr::from(bits).to_ipv4_mapped().filter(|_| self.v6)
    }

    fn address(self, bits: u128) -> String {
        if self.v6 { Ipv6Addr::from(bits).to_string() } else { Ipv4Addr::from(bits as u32).to_string() }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(self.bits), self.length)
    }
}

/// Like the standard library's, but zeros may lead: Terraform reads `010.0.0.1` as `10.0.0.1`.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))?;
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}
