//! The rules that are written within a security group.
//!
//! AWS keeps a rule for each source; a configuration puts several of one kind into one block. So blocks are taken apart
//! into [`Atom`]s to be compared and sent, and what is found is put together again as the configuration had it.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use formwork_provider::Nested;
use std::collections::{BTreeMap, BTreeSet};

/// Traffic that is let through: ports, and sources or destinations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct Permission {
    /// First port, or the ICMP type.
    pub from_port: i64,
    /// Last port, or the ICMP code.
    pub to_port: i64,
    /// Protocol: `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub protocol: String,
    /// IPv4 addresses.
    pub cidr_blocks: Option<Vec<String>>,
    /// IPv6 addresses.
    pub ipv6_cidr_blocks: Option<Vec<String>>,
    /// Managed lists of addresses.
    pub prefix_list_ids: Option<Vec<String>>,
    /// Security groups.
    pub security_groups: Option<BTreeSet<String>>,
    /// Whether the group itself is one of them.
    #[attr(name = "self")]
    pub itself: Option<bool>,
    /// What the rule is for.
    pub description: Option<String>,
}

/// Where traffic comes from, or goes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// IPv4 addresses.
    V4(String),
    /// IPv6 addresses.
    V6(String),
    /// A managed list of addresses.
    List(String),
    /// A security group: its id, or account and id of another account's.
    Group(String),
}

/// One rule of AWS's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atom {
    protocol: String,
    from: i64,
    to: i64,
    description: Option<String>,
    peer: Peer,
}

/// A protocol as AWS tells it.
pub(crate) fn protocol(written: &str) -> String {
    match written.to_ascii_lowercase().as_str() {
        "all" => "-1".to_owned(),
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "58" => "icmpv6".to_owned(),
        other => other.to_owned(),
    }
}

fn described(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A group as configurations name it: with its account, if that is another than `owner`.
pub(crate) fn group_name(group: &str, account: Option<&str>, owner: &str) -> String {
    match account {
        Some(account) if !account.is_empty() && !owner.is_empty() && account != owner => {
            format!("{account}/{group}")
        }
        _ => group.to_owned(),
    }
}

/// Account and id of a group as configurations name it.
pub(crate) fn group_parts(name: &str) -> (Option<&str>, &str) {
    name.split_once('/').map_or((None, name), |(account, group)| (Some(account), group))
}

impl Atom {
    fn new(kind: (&str, i64, i64), description: Option<&str>, peer: Peer) -> Self {
        let protocol = protocol(kind.0);
        // Ports mean nothing where all protocols are let through.
        let (from, to) = if protocol == "-1" { (0, 0) } else { (kind.1, kind.2) };
        Atom { protocol, from, to, description: described(description), peer }
    }

    /// As AWS takes it.
    fn permission(&self) -> IpPermission {
        let text = self.description.clone();
        let call = IpPermission::builder().ip_protocol(&self.protocol);
        let port = |port: i64| i32::try_from(port).ok();
        let call = call.set_from_port(port(self.from)).set_to_port(port(self.to));
        match &self.peer {
            Peer::V4(range) => {
                call.ip_ranges(IpRange::builder().cidr_ip(range).set_description(text).build())
            }
            Peer::V6(range) => {
                call.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).set_description(text).build())
            }
            Peer::List(list) => call
                .prefix_list_ids(PrefixListId::builder().prefix_list_id(list).set_description(text).build()),
            Peer::Group(name) => {
                let (account, group) = group_parts(name);
                let pair = UserIdGroupPair::builder().group_id(group).set_user_id(account.map(str::to_owned));
                call.user_id_group_pairs(pair.set_description(text).build())
            }
        }
        .build()
    }
}

/// The rules that a configuration's blocks stand for, in the group `id`.
pub(crate) fn atoms<'a>(rules: impl IntoIterator<Item = &'a Permission>, id: &str) -> BTreeSet<Atom> {
    rules.into_iter().flat_map(|rule| rule.atoms(id)).collect()
}

/// The rules that a group of `owner`'s has.
pub(crate) fn found(permissions: &[IpPermission], owner: &str) -> BTreeSet<Atom> {
    let mut out = BTreeSet::new();
    for permission in permissions {
        let port = |port: Option<i32>| port.map_or(0, i64::from);
        let protocol = permission.ip_protocol().unwrap_or("-1");
        let kind = (protocol, port(permission.from_port), port(permission.to_port));
        let mut add = |description: Option<&str>, peer: Peer| {
            out.insert(Atom::new(kind, description, peer));
        };
        for range in permission.ip_ranges() {
            add(range.description(), Peer::V4(range.cidr_ip().unwrap_or_default().to_owned()));
        }
        for range in permission.ipv6_ranges() {
            add(range.description(), Peer::V6(range.cidr_ipv6().unwrap_or_default().to_owned()));
        }
        for list in permission.prefix_list_ids() {
            add(list.description(), Peer::List(list.prefix_list_id().unwrap_or_default().to_owned()));
        }
        for pair in permission.user_id_group_pairs() {
            let group = pair.group_id().or(pair.group_name()).unwrap_or_default();
            add(pair.description(), Peer::Group(group_name(group, pair.user_id(), owner)));
        }
    }
    out
}

/// As AWS takes them.
pub(crate) fn permissions<'a>(atoms: impl IntoIterator<Item = &'a Atom>) -> Vec<IpPermission> {
    atoms.into_iter().map(Atom::permission).collect()
}

/// The blocks that stand for what was found: the ones that were there `before` as they were written, if everything in
/// them was found, and new ones for the rest.
pub(crate) fn blocks<'a>(
    before: impl IntoIterator<Item = &'a Permission>,
    found: BTreeSet<Atom>,
    id: &str,
) -> BTreeSet<Permission> {
    let (mut left, mut out) = (found, BTreeSet::new());
    for rule in before {
        let atoms: BTreeSet<Atom> = rule.atoms(id).collect();
        if !atoms.is_empty() && atoms.is_subset(&left) {
            left.retain(|atom| !atoms.contains(atom));
            out.insert(rule.clone());
        }
    }
    let mut rest: BTreeMap<(String, i64, i64, Option<String>), Permission> = BTreeMap::new();
    for Atom { protocol, from, to, description, peer } in left {
        let key = (protocol.clone(), from, to, description.clone());
        let rule = rest.entry(key).or_insert_with(|| Permission {
            from_port: from,
            to_port: to,
            protocol,
            cidr_blocks: None,
            ipv6_cidr_blocks: None,
            prefix_list_ids: None,
            security_groups: None,
            itself: None,
            description,
        });
        match peer {
            Peer::V4(range) => rule.cidr_blocks.get_or_insert_default().push(range),
            Peer::V6(range) => rule.ipv6_cidr_blocks.get_or_insert_default().push(range),
            Peer::List(list) => rule.prefix_list_ids.get_or_insert_default().push(list),
            Peer::Group(group) if group == id => rule.itself = Some(true),
            Peer::Group(group) => {
                rule.security_groups.get_or_insert_default().insert(group);
            }
        }
    }
    out.extend(rest.into_values());
    out
}

impl Permission {
    fn atoms(&self, id: &str) -> impl Iterator<Item = Atom> {
        let listed = |items: &Option<Vec<String>>| items.iter().flatten().cloned().collect::<Vec<_>>();
        let mut peers: Vec<Peer> = listed(&self.cidr_blocks).into_iter().map(Peer::V4).collect();
        peers.extend(listed(&self.ipv6_cidr_blocks).into_iter().map(Peer::V6));
        peers.extend(listed(&self.prefix_list_ids).into_iter().map(Peer::List));
        peers.extend(self.security_groups.iter().flatten().cloned().map(Peer::Group));
        if self.itself == Some(true) {
            peers.push(Peer::Group(id.to_owned()));
        }
        let kind = (self.protocol.clone(), self.from_port, self.to_port);
        let description = self.description.clone();
        peers.into_iter().map(move |p| Atom::new((&kind.0, kind.1, kind.2), description.as_deref(), p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: &str, ports: (i64, i64), ranges: &[&str]) -> Permission {
        Permission {
            from_port: ports.0,
            to_port: ports.1,
            protocol: protocol.to_owned(),
            cidr_blocks: Some(ranges.iter().map(|range| (*range).to_owned()).collect()),
            ipv6_cidr_blocks: None,
            prefix_list_ids: None,
            security_groups: None,
            itself: None,
            description: None,
        }
    }

    /// What blocks become when AWS holds exactly what they stand for, but for `taken` and `added` rules.
    fn read_back(before: &[Permission], taken: usize, added: &[Permission]) -> BTreeSet<Permission> {
        let mut held = atoms(before, "sg-1");
        held = held.into_iter().skip(taken).collect();
        held.extend(atoms(added, "sg-1"));
        let held: Vec<IpPermission> = permissions(&held);
        blocks(before, found(&held, "123"), "sg-1")
    }

    #[test]
    fn blocks_are_read_as_they_were_written() {
        let mut odd = rule("TCP", (80, 80), &["10.0.0.0/8", "192.168.0.0/16"]);
        odd.itself = Some(true);
        odd.security_groups = Some(["sg-2".to_owned(), "456/sg-3".to_owned()].into());
        odd.description = Some(String::new());
        let all = rule("-1", (0, 65535), &["0.0.0.0/0"]);
        let before = [odd, all];
        assert_eq!(read_back(&before, 0, &[]), before.clone().into());
    }

    #[test]
    fn drift_shows_as_other_blocks() {
        let before = [rule("tcp", (80, 80), &["10.0.0.0/8", "192.168.0.0/16"])];
        assert_eq!(read_back(&before, 1, &[]), [rule("tcp", (80, 80), &["192.168.0.0/16"])].into());
        let added = rule("udp", (53, 53), &["10.0.0.0/8"]);
        let both: BTreeSet<_> = [before[0].clone(), added.clone()].into();
        assert_eq!(read_back(&before, 0, &[added]), both);
    }
}
