//! The arguments of the backend, with what the environment adds, and how a connection is made.

use crate::tls::{Tls, Trust};
use formwork_state::{Argument, Expects, Outside, Settings, Wrong};
use postgres::Config;
use serde_json::Value as Json;
use std::time::Duration;
use tokio_postgres::config::SslMode;

/// What the backend takes, under Terraform's names
/// (<https://developer.hashicorp.com/terraform/language/backend/pg>).
pub(crate) const ARGUMENTS: [Argument; 5] = [
    Argument::partly_secret("conn_str", without_password),
    Argument::new("schema_name", Expects::Text),
    Argument::new("skip_schema_creation", Expects::Switch),
    Argument::new("skip_table_creation", Expects::Switch),
    Argument::new("skip_index_creation", Expects::Switch),
];

/// Terraform's name for the schema.
const SCHEMA: &str = "terraform_remote_state";

#[derive(Clone)]
pub(crate) struct PgSettings {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// The schema's name, quoted.
    pub(crate) schema: String,
    pub(crate) skip_schema: bool,
    pub(crate) skip_table: bool,
    pub(crate) skip_index: bool,
    /// Server and database, for messages.
    pub(crate) shown: String,
}

impl PgSettings {
    pub(crate) fn new(settings: &Settings, outside: &dyn Outside) -> Result<PgSettings, Vec<Wrong>> {
        let get = |name: &str| {
            let set = settings.get(name).and_then(Json::as_str).map(str::to_owned);
            set.or_else(|| outside.variable(&format!("PG_{}", name.to_uppercase())))
        };
        let switch = |name: &str| {
            let set = settings.get(name).and_then(Json::as_bool);
            set.unwrap_or_else(|| {
                let variable = outside.variable(&format!("PG_{}", name.to_uppercase()));
                variable.is_some_and(|v| matches!(&*v, "1" | "t" | "T" | "true" | "TRUE" | "True"))
            })
        };
        let text = get("conn_str").unwrap_or_default();
        let (text, ssl) = without_ssl(&text);
        // What the library says of a wrong one may quote it, with its password.
        let mut config: Config = text.parse().map_err(|_| {
            vec![Wrong::new(
                "conn_str",
                "\"conn_str\" is not understood.",
                "For example: postgres://user:password@db.example.com/terraform_backend?sslmode=verify-full",
            )]
        })?;
        from_environment(&mut config, outside);
        let variable = |name: &str| outside.variable(name);
        let mode = ssl.mode.or_else(|| variable("PGSSLMODE")).unwrap_or_else(|| "require".into());
        let root = ssl.root.or_else(|| variable("PGSSLROOTCERT"));
        let trust = match (&*mode, root) {
            ("disable", _) => Trust::Nobody,
            ("allow" | "prefer" | "require", None) => Trust::Anybody,
            ("require" | "verify-ca" | "verify-full", Some(root)) => Trust::File(root.into()),
            ("allow" | "prefer", Some(_)) => Trust::Anybody,
            ("verify-ca" | "verify-full", None) => Trust::System,
            _ => {
                let modes = "There are disable, allow, prefer, require, verify-ca and verify-full.";
                return Err(vec![Wrong::new("conn_str", format!("There is no sslmode \"{mode}\"."), modes)]);
            }
        };
        config.ssl_mode(match &*mode {
            "disable" => SslMode::Disable,
            "allow" | "prefer" => SslMode::Prefer,
            _ => SslMode::Require,
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(30));
        }
        // A server that is gone is noticed within a minute.
        config.tcp_user_timeout(Duration::from_secs(30));
        config.keepalives_idle(Duration::from_secs(10));
        config.keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(4);
        if config.get_application_name().is_none() {
            config.application_name("formwork");
        }
        let tls = Tls::new(&trust).map_err(|problem| vec![Wrong::new("conn_str", problem, String::new())])?;
        let schema = get("schema_name").unwrap_or_else(|| SCHEMA.into());
        Ok(PgSettings {
            shown: shown(&config, &schema),
            config,
            tls,
            schema: quoted(&schema),
            skip_schema: switch("skip_schema_creation"),
            skip_table: switch("skip_table_creation"),
            skip_index: switch("skip_index_creation"),
        })
    }
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What of a connection string is about TLS: the library does not know all of it.
#[derive(Default)]
struct Ssl {
    mode: Option<String>,
    root: Option<String>,
}

impl Ssl {
    fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            "sslmode" => self.mode = Some(value.into()),
            "sslrootcert" => self.root = Some(value.into()),
            _ => return false,
        }
        true
    }
}

fn without_ssl(text: &str) -> (String, Ssl) {
    let mut ssl = Ssl::default();
    if text.contains("://") {
        let Some((base, query)) = text.split_once('?') else { return (text.into(), ssl) };
        let rest: Vec<&str> = query
            .split('&')
            .filter(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                !ssl.take(name, &value.replace("%2F", "/").replace("%2f", "/"))
            })
            .collect();
        let rest = rest.join("&");
        return (if rest.is_empty() { base.into() } else { format!("{base}?{rest}") }, ssl);
    }
    let words = text.split_whitespace().filter(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        !ssl.take(name, value.trim_matches('\''))
    });
    let rest: Vec<&str> = words.collect();
    // Where nothing was taken out, blanks inside of quotes stay what they are.
    if ssl.mode.is_none() && ssl.root.is_none() { (text.into(), ssl) } else { (rest.join(" "), ssl) }
}

/// The connection string without passwords; nothing, where it cannot be told where they are.
fn without_password(text: &str) -> String {
    const PASSWORDS: [&str; 2] = ["password", "sslpassword"];
    if let Some((scheme, rest)) = text.split_once("://") {
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = match authority.rsplit_once('@') {
            Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
            None => authority.to_owned(),
        };
        // A password with a slash that is not escaped would go on in what looks like the path.
        if path.contains('@') {
            return String::new();
        }
        let named = |pair: &&str| !PASSWORDS.contains(&pair.split('=').next().unwrap_or_default());
        let query: Vec<&str> = query.into_iter().flat_map(|q| q.split('&')).filter(named).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        return format!("{scheme}://{authority}{path}{query}");
    }
    let (mut kept, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else { return String::new() };
        let (name, after) = (name.trim(), after.trim_start());
        let end = match after.strip_prefix('\'') {
            Some(_) if after.contains('\\') => return String::new(),
            Some(quoted) => match quoted.find('\'') {
                Some(end) => end + 2,
                None => return String::new(),
            },
            None => after.find(char::is_whitespace).unwrap_or(after.len()),
        };
        let (value, after) = after.split_at(end);
        if !PASSWORDS.contains(&name) {
            kept.push(format!("{name}={value}"));
        }
        rest = after.trim_start();
    }
    kept.join(" ")
}

/// What libpq's variables say where the string says nothing.
fn from_environment(config: &mut Config, outside: &dyn Outside) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        let host = outside.variable("PGHOST").unwrap_or_else(|| "localhost".into());
        config.host(&host);
    }
    if config.get_ports().is_empty()
        && let Some(port) = outside.variable("PGPORT").and_then(|p| p.parse().ok())
    {
        config.port(port);
    }
    if config.get_user().is_none()
        && let Some(user) = outside.variable("PGUSER").or_else(|| outside.variable("USER"))
    {
        config.user(&user);
    }
    if config.get_password().is_none()
        && let Some(password) = outside.variable("PGPASSWORD")
    {
        config.password(password);
    }
    if config.get_dbname().is_none()
        && let Some(name) = outside.variable("PGDATABASE")
    {
        config.dbname(&name);
    }
}

fn shown(config: &Config, schema: &str) -> String {
    use tokio_postgres::config::Host;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".into(),
    };
    let port = config.get_ports().first().map_or_else(String::new, |port| format!(":{port}"));
    let name = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("postgres://{host}{port}/{name}, schema {schema}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_no_password() {
        let check = |text: &str, place: &str| assert_eq!(without_password(text), place, "{text}");
        check("postgres://u:p@h:5432/d?sslmode=disable", "postgres://u@h:5432/d?sslmode=disable");
        check("postgres://u:p%2F@h/d?password=x&a=b", "postgres://u@h/d?a=b");
        check("postgres://h/d?password=x", "postgres://h/d");
        check("postgres://u:p@ss:w@h/d", "postgres://u@h/d");
        check("postgres://u:p/w@h/d", "");
        check("host=h password='a  b' dbname=d", "host=h dbname=d");
        check("password = secret host = h", "host=h");
        check("host='h h' password='it\\'s'", "");
        check("password='open", "");
        check("password", "");
        check("", "");
    }

    #[test]
    fn what_is_about_tls_is_taken_out() {
        let check = |text: &str, rest: &str, mode: Option<&str>| {
            let (left, ssl) = without_ssl(text);
            assert_eq!((&*left, ssl.mode.as_deref()), (rest, mode));
        };
        check("postgres://u:p@h/d?sslmode=verify-full", "postgres://u:p@h/d", Some("verify-full"));
        check(
            "postgres://h/d?sslmode=disable&connect_timeout=3",
            "postgres://h/d?connect_timeout=3",
            Some("disable"),
        );
        check("host=h sslmode=require user=u", "host=h user=u", Some("require"));
        check("host=h password='a  b'", "host=h password='a  b'", None);
    }
}
