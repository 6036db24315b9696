//! Modules of registries, by Terraform's protocol
//! (<https://developer.hashicorp.com/terraform/internals/module-registry-protocol>): a host is asked where its registry is,
//! the registry which versions there are, and then where one of them is.

use crate::accounts::Accounts;
use crate::fetch::Problem;
use crate::http::{self, Page};
use formwork_config::{Constraints, Getter, Published, Remote, Source, Version, ascii_host};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many versions a message lists.
const SHOWN: usize = 12;

/// The registries that a run asks, with what they have answered.
pub(crate) struct Registries<'a> {
    accounts: &'a Accounts,
    /// Where the registry of a host is, with a slash at the end.
    places: RefCell<BTreeMap<String, String>>,
    /// The versions of modules.
    versions: RefCell<BTreeMap<String, Vec<Version>>>,
}

impl<'a> Registries<'a> {
    pub fn new(accounts: &'a Accounts) -> Self {
        Registries { accounts, places: RefCell::default(), versions: RefCell::default() }
    }

    /// The newest version that is admitted.
    pub fn choose(&self, module: &Published, wanted: Option<&Constraints>) -> Result<Version, Problem> {
        let all = self.versions(module)?;
        let admitted = |v: &&Version| match wanted {
            Some(wanted) => wanted.admit(v),
            None => !v.is_prerelease(),
        };
        // Sorted: the last is the newest.
        if let Some(found) = all.iter().rfind(admitted) {
            return Ok(found.clone());
        }
        let name = module.package();
        if all.is_empty() {
            return Err(Problem::new(format!("The registry has no version of {name} yet.")));
        }
        let newest: Vec<String> = all.iter().rev().take(SHOWN).map(Version::to_string).collect();
        let more = if all.len() > SHOWN { ", and older ones" } else { "" };
        let detail = match wanted {
            Some(wanted) => format!("No version of {name} meets \"{wanted}\"."),
            None => format!("{name} has only versions that come before a release."),
        };
        Err(Problem::new(detail)
            .help(format!(
                "There are: {}{more}. A version before a release must be named itself: version = \"1.0.0-beta\"",
                newest.join(", ")
            ))
            .about_version())
    }

    fn versions(&self, module: &Published) -> Result<Vec<Version>, Problem> {
        let name = module.package();
        if let Some(known) = self.versions.borrow().get(&name) {
            return Ok(known.clone());
        }
        let url = format!("{}{}/versions", self.place(&module.host)?, module.path);
        let page = self.ask(module, &url)?;
        let unclear = || Problem::new(format!("{url} answers with something that is no list of versions."));
        let json: Value = serde_json::from_slice(&page.body).map_err(|_| unclear())?;
        let list = json.pointer("/modules/0/versions").and_then(Value::as_array).ok_or_else(unclear)?;
        let mut all: Vec<Version> =
            list.iter().filter_map(|v| Version::parse(v.get("version")?.as_str()?)).collect();
        all.sort();
        self.versions.borrow_mut().insert(name, all.clone());
        Ok(all)
    }

    /// Where a version is.
    pub fn locate(&self, module: &Published, version: &Version) -> Result<Remote, Problem> {
        let url = format!("{}{}/{version}/download", self.place(&module.host)?, module.path);
        let page = self.ask(module, &url)?;
        let in_body = || {
            let json: Value = serde_json::from_slice(&page.body).ok()?;
            Some(json.get("location")?.as_str()?.to_owned())
        };
        let place = page.location.clone().or_else(in_body).filter(|p| !p.is_empty()).ok_or_else(|| {
            Problem::new(format!("{url} does not say where {} {version} is.", module.package()))
        })?;
        let place = if place.starts_with(['/', '.']) { joined(&url, &place) } else { place };
        match Source::parse(&place) {
            // A server of the net has no say about the files of this machine.
            Ok(Source::Remote(next)) if next.getter != Getter::File && !next.url.starts_with("file:") => {
                Ok(next)
            }
            _ => Err(Problem::new(format!(
                "The registry says that {} {version} is at an address that modules are not fetched from.",
                module.package()
            ))),
        }
    }

    /// The address of the host's registry (<https://developer.hashicorp.com/terraform/internals/remote-service-discovery>).
    fn place(&self, host: &str) -> Result<String, Problem> {
        if let Some(known) = self.places.borrow().get(host) {
            return Ok(known.clone());
        }
        let net = on_the_net(host);
        let place = match self.accounts.service(&net) {
            Some(own) => own.map(str::to_owned),
            None => {
                let url = format!("https://{net}/.well-known/terraform.json");
                let token = self.accounts.token(&net)?;
                let page = http::page(&url, token.as_deref())?;
                match page.status {
                    200 => {}
                    404 => return Err(no_registry(host, "it does not say what services it has")),
                    status => return Err(refused(&net, &url, status, token.is_some())),
                }
                let json: Value = serde_json::from_slice(&page.body)
                    .map_err(|_| no_registry(host, "what it says of its services cannot be read"))?;
                json.get("modules.v1").and_then(Value::as_str).map(|place| joined(&page.url, place))
            }
        };
        let mut place = place.ok_or_else(|| no_registry(host, "it has no service \"modules.v1\""))?;
        if !place.starts_with("https://") && self.accounts.service(&net).is_none() {
            return Err(no_registry(host, "its service \"modules.v1\" is not at an address with https://"));
        }
        if !place.ends_with('/') {
            place.push('/');
        }
        self.places.borrow_mut().insert(host.to_owned(), place.clone());
        Ok(place)
    }

    fn ask(&self, module: &Published, url: &str) -> Result<Page, Problem> {
        let host = &module.host;
        let net = on_the_net(host);
        let token = self.accounts.token(&net)?;
        let page = http::page(url, token.as_deref())?;
        match page.status {
            200 | 204 => Ok(page),
            404 => Err(Problem::new(format!("The registry {host} has no module {}.", module.path)).help(
                "Is it spelt as the registry has it: NAMESPACE/NAME/PROVIDER? A private module may need a token to be seen.",
            )),
            status => Err(refused(&net, url, status, token.is_some())),
        }
    }
}

/// The name that the net has for a host, which is shown in its own language.
fn on_the_net(host: &str) -> String {
    ascii_host(host).unwrap_or_else(|| host.to_owned())
}

fn no_registry(host: &str, why: &str) -> Problem {
    Problem::new(format!("The host {host} has no registry of modules: {why}."))
        .help("Is the name of the host right? A repository is named with git::https://HOST/PATH")
}

fn refused(host: &str, url: &str, status: u16, known: bool) -> Problem {
    let problem = Problem::new(format!("{url} cannot be fetched: the server answers {status}."));
    match status {
        401 | 403 if known => {
            problem.help(format!("The token for {host} is not accepted there, or may not read this module."))
        }
        401 | 403 => {
            let variable = Accounts::variable(host).map(|v| format!("in the environment as {v}, or "));
            problem.help(format!(
                "The registry wants a token. Give it {}in a block credentials \"{host}\" of the file ~/.terraformrc",
                variable.unwrap_or_default()
            ))
        }
        _ => problem,
    }
}

/// An address that may be relative to another.
fn joined(base: &str, place: &str) -> String {
    if place.contains("://") {
        return place.to_owned();
    }
    let base = base.split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<&str> = base.split('/').collect();
    let (origin, mut folders) = (parts.drain(..parts.len().min(3)).collect::<Vec<_>>().join("/"), parts);
    // A part of the address that stands behind // or ? is not of the path's folders.
    let end = place.find(['?']).unwrap_or(place.len()).min(place.find("//").unwrap_or(place.len()));
    let (path, rest) = place.split_at(end);
    folders.pop();
    if path.starts_with('/') {
        folders.clear();
    }
    let names: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    for name in &names {
        match *name {
            "." => {}
            ".." => {
                folders.pop();
            }
            name => folders.push(name),
        }
    }
    format!("{origin}/{}{rest}", folders.join("/"))
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn addresses_may_be_relative() {
        let check = |place: &str, expected: &str| {
            assert_eq!(joined("https://h:1/v1/a/b/download?x=/y", place), expected, "{place}");
        };
        check("/m.zip//sub?archive=zip", "https://h:1/m.zip//sub?archive=zip");
        check("./m.zip", "https://h:1/v1/a/b/m.zip");
        check("../m.tar.gz//*?archive=tar.gz", "https://h:1/v1/a/m.tar.gz//*?archive=tar.gz");
        check("../../../../../m.zip", "https://h:1/m.zip");
        check("/modules/", "https://h:1/modules/");
        check("git::https://o/x.git?ref=a", "git::https://o/x.git?ref=a");
    }
}
