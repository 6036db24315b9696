//! Where keys are found.

use crate::files::Profile;
use crate::{Account, Key, World};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A key that is good for less than so many seconds is not used any more.
const LEFT: i64 = 300;

/// The keys of an account, looked for when they are needed, and again when they run out.
pub struct Keys {
    account: Account,
    world: Arc<dyn World>,
    last: Mutex<Option<Key>>,
}

impl Keys {
    /// Those of this account.
    pub fn new(account: Account, world: Arc<dyn World>) -> Keys {
        Keys { account, world, last: Mutex::new(None) }
    }

    /// The region that the account is said to be used in: by the block, the environment, or the profile.
    pub fn region(&self) -> Option<String> {
        let given = self.account.region.clone().filter(|region| !region.is_empty());
        given
            .or_else(|| self.world.variable("AWS_REGION"))
            .or_else(|| self.world.variable("AWS_DEFAULT_REGION"))
            .or_else(|| Profile::of(&self.account, &*self.world).get("region"))
    }

    /// A key to sign with. The error is a sentence without its end.
    pub fn get(&self) -> Result<Key, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.world.unix_time();
        if let Some(key) = last.as_ref().filter(|key| key.until.is_none_or(|until| until - now > LEFT)) {
            return Ok(key.clone());
        }
        let key = self.find()?;
        *last = Some(key.clone());
        Ok(key)
    }

    fn find(&self) -> Result<Key, String> {
        let Account { access_key, secret_key, role, web_role, .. } = &self.account;
        if access_key.is_some() != secret_key.is_some() {
            return Err("access_key and secret_key belong together, and one of them is missing".into());
        }
        let takes_role = role.is_some() || web_role.is_some();
        let profile = Profile::of(&self.account, &*self.world);
        if !takes_role && let Some(key) = self.standing(&profile) {
            return Ok(key);
        }
        let mut asked = Account { region: self.region(), ..self.account.clone() };
        if let Some(role) = &mut asked.web_role {
            let or = |given: &mut Option<String>, name: &str| {
                *given = given.take().or_else(|| self.world.variable(name));
            };
            or(&mut role.arn, "AWS_ROLE_ARN");
            or(&mut role.session_name, "AWS_ROLE_SESSION_NAME");
            let file = || self.world.variable("AWS_WEB_IDENTITY_TOKEN_FILE").map(PathBuf::from);
            role.token_file = role.token_file.take().or_else(file);
        }
        let places = format!(
            "neither access_key and secret_key in the block, nor AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, \
             nor a key in the profile \"{}\" of the shared files",
            profile.name
        );
        match self.world.ask(&asked) {
            Some(Ok(key)) => Ok(key),
            Some(Err(why)) if takes_role => Err(why),
            Some(Err(why)) => Err(format!("there is no access key for AWS: {places}; and {why}")),
            None => Err(format!(
                "there is no access key for AWS: {places}; and this program was built without the AWS family, which would ask for \
                 roles of machines, profiles with roles and single sign-on (\"aws configure export-credentials --format env\" \
                 makes an access key of them)"
            )),
        }
    }

    /// A key that stands somewhere as it is.
    fn standing(&self, profile: &Profile) -> Option<Key> {
        let account = &self.account;
        let key = |id: Option<String>, secret: Option<String>, token: Option<String>| {
            Some(Key { id: id?, secret: secret?, token, until: None })
        };
        let variable = |name: &str| self.world.variable(name);
        key(account.access_key.clone(), account.secret_key.clone(), account.token.clone())
            .or_else(|| {
                // A profile that is named in the block is meant.
                account.profile.is_none().then(|| {
                    let token = account.token.clone().or_else(|| variable("AWS_SESSION_TOKEN"));
                    key(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), token)
                })?
            })
            .or_else(|| {
                key(
                    profile.get("aws_access_key_id"),
                    profile.get("aws_secret_access_key"),
                    profile.get("aws_session_token"),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[derive(Default)]
    struct Fake {
        variables: BTreeMap<&'static str, &'static str>,
        home: Option<PathBuf>,
        now: AtomicI64,
        asked: Mutex<Vec<Account>>,
        can_ask: bool,
    }

    impl World for Fake {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).map(ToString::to_string)
        }
        fn home(&self) -> Option<PathBuf> {
            self.home.clone()
        }
        fn unix_time(&self) -> i64 {
            self.now.load(Ordering::Relaxed)
        }
        fn ask(&self, account: &Account) -> Option<Result<Key, String>> {
            let mut asked = self.asked.lock().unwrap();
            asked.push(account.clone());
            let id = format!("asked{}", asked.len());
            let until = Some(self.unix_time() + 3600);
            self.can_ask.then_some(Ok(Key { id, secret: "s".into(), token: None, until }))
        }
    }

    const ENVIRONMENT: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "env"), ("AWS_SECRET_ACCESS_KEY", "s")];

    fn files() -> PathBuf {
        let home = std::env::temp_dir().join(format!("formwork-aws-keys-{}", std::process::id()));
        std::fs::create_dir_all(home.join(".aws")).unwrap();
        let text = "[default]\naws_access_key_id = file\naws_secret_access_key = s\n[role]\nrole_arn = r\n";
        std::fs::write(home.join(".aws/credentials"), text).unwrap();
        std::fs::write(home.join(".aws/config"), "[default]\nregion = eu-west-1\n").unwrap();
        home
    }

    #[test]
    fn keys_are_looked_for_in_order() {
        let home = files();
        let check = |account: Account, variables: &[(&'static str, &'static str)], expected: &str| {
            let variables = variables.iter().copied().collect();
            let world = Fake { variables, home: Some(home.clone()), can_ask: true, ..Fake::default() };
            let found = Keys::new(account.clone(), Arc::new(world)).get().map(|key| key.id);
            assert_eq!(found, Ok(expected.to_owned()), "{account:?}");
        };
        let own =
            Account { access_key: Some("own".into()), secret_key: Some("s".into()), ..Account::default() };
        check(own.clone(), &ENVIRONMENT, "own");
        check(Account::default(), &ENVIRONMENT, "env");
        check(Account::default(), &[], "file");
        check(Account { profile: Some("default".into()), ..Account::default() }, &ENVIRONMENT, "file");
        // Nothing stands in this profile, and it is the one that is meant.
        check(Account { profile: Some("role".into()), ..Account::default() }, &ENVIRONMENT, "asked1");
        let role = Some(crate::Role::default());
        check(Account { role, ..own }, &ENVIRONMENT, "asked1");
        check(Account::default(), &[("AWS_PROFILE", "role")], "asked1");
    }

    #[test]
    fn keys_that_run_out_are_asked_for_again() {
        let world = Arc::new(Fake { can_ask: true, ..Fake::default() });
        let keys = Keys::new(Account::default(), world.clone());
        let at = |now: i64| {
            world.now.store(now, Ordering::Relaxed);
            keys.get().unwrap().id
        };
        assert_eq!(
            (at(0), at(3200), at(3301), at(6000)),
            ("asked1".into(), "asked1".into(), "asked2".into(), "asked2".into())
        );
    }

    #[test]
    fn what_asks_is_told_the_region() {
        let world = Arc::new(Fake { home: Some(files()), can_ask: true, ..Fake::default() });
        let account = Account { profile: Some("role".into()), ..Account::default() };
        Keys::new(account, world.clone()).get().unwrap();
        let of_default = Keys::new(Account::default(), world.clone());
        assert_eq!(of_default.region().as_deref(), Some("eu-west-1"));
        assert_eq!(world.asked.lock().unwrap()[0].region, None);
    }

    #[test]
    fn a_program_that_cannot_ask_says_so() {
        let keys = Keys::new(Account::default(), Arc::new(Fake::default()));
        assert!(keys.get().unwrap_err().contains("without the AWS family"));
        let half = Account { access_key: Some("a".into()), ..Account::default() };
        assert!(Keys::new(half, Arc::new(Fake::default())).get().unwrap_err().contains("belong together"));
    }
}
