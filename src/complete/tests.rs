use super::*;
use crate::commands::cli;

struct Fake;
impl Names for Fake {
    fn addresses(&self) -> Vec<String> {
        ["module.m", "module.m.terraform_data.x[\"k\"]", "toy_thing.a", "toy_thing.b[0]"]
            .map(str::to_owned)
            .to_vec()
    }
    fn workspaces(&self) -> Vec<String> {
        vec!["default".into(), "prod".into()]
    }
    fn variables(&self) -> Vec<String> {
        vec!["region".into(), "size".into()]
    }
    fn outputs(&self) -> Vec<String> {
        vec!["ip".into()]
    }
    fn files(&self, beginning: &str) -> Vec<String> {
        if beginning.starts_with("mods/") {
            vec!["mods/a.tf".into()]
        } else {
            vec!["mods/".into(), "p".into()]
        }
    }
}

fn complete(line: &str) -> String {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    candidates(&cli(), &words, &Fake).join(" ")
}

#[test]
fn commands_and_flags() {
    let check = |line: &str, expected: &str| assert_eq!(complete(line), expected, "{line}");
    check("pl", "plan");
    check("-chd", "-chdir=");
    check("workspace se", "select");
    check("state s", "show");
    check("plan -out", "-out=");
    check("plan --ou", "--out=");
    check("plan -refresh", "-refresh -refresh-only");
    check("plan -target-", "-target-file=");
    check("apply -auto", "-auto-approve");
    check("nothing x", "");
    // A command is not completed behind another.
    check("plan pla", "");
    assert!(!complete("").contains("__"), "hidden commands stay hidden");
}

#[test]
fn values() {
    let check = |line: &str, expected: &str| assert_eq!(complete(line), expected, "{line}");
    check("plan -target=toy", "-target=toy_thing.a -target=toy_thing.b[0]");
    check("plan -target toy_thing.a", "toy_thing.a");
    check("plan --exclude=module", "--exclude=module.m --exclude=module.m.terraform_data.x[\"k\"]");
    check("plan -var si", "size=");
    check("plan -var=re", "-var=region=");
    check("plan -refresh=", "-refresh=false -refresh=true");
    check("plan -out=mods/", "-out=mods/a.tf");
    check("plan -var-file ", "mods/ p");
    check("apply ", "mods/ p");
    check("state show toy", "toy_thing.a toy_thing.b[0]");
    check("state rm toy_thing.a toy_thing.b", "toy_thing.b[0]");
    check("state mv toy_thing.a mod", "module.m module.m.terraform_data.x[\"k\"]");
    check("taint -lock=false toy_thing.a", "toy_thing.a");
    check("workspace select ", "default prod");
    check("workspace new ", "");
    check("output -raw i", "ip");
    check("graph -type=p", "-type=plan -type=plan-destroy -type=plan-refresh-only");
}
