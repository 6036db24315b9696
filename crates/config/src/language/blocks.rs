//! The table itself.

use super::encryption::ENCRYPTION;
use super::{Argument, BlockKind};

/// What may stand outside of all others.
pub const TOP_LEVEL: [&BlockKind; 13] = [
    &TERRAFORM, &PROVIDER, &VARIABLE, &LOCALS, &OUTPUT, &MODULE, &RESOURCE, &DATA, &EPHEMERAL, &MOVED,
    &REMOVED, &IMPORT, &CHECK,
];

/// What may stand in the place of any block that a type has.
pub static DYNAMIC: BlockKind = BlockKind {
    name: "dynamic",
    labels: &["block"],
    what: "a dynamic block",
    summary: "Makes blocks of a kind that a type has, one for each element. It stands where such a block would.",
    arguments: &[
        arg("for_each", "a collection", "One block for each element."),
        arg("iterator", "a name", "What the element is called inside; the name of the block if not set."),
        arg("labels", "a list of strings", "The labels of each block, if it has any."),
    ],
    others: None,
    blocks: &[&CONTENT],
};

static CONTENT: BlockKind = BlockKind {
    name: "content",
    labels: &[],
    what: "a content block",
    summary: "What each block says. The element is `name.key` and `name.value`.",
    arguments: &[],
    others: Some("The arguments and blocks of the block that is made."),
    blocks: &[],
};

/// The escaping block, which makes names that the language has for itself available to types and modules.
pub(crate) static ESCAPE: BlockKind = BlockKind {
    name: "_",
    labels: &[],
    what: "an escaping block",
    summary: "Arguments whose names mean something to the language itself, as `count`, for what the block is about.",
    arguments: &[],
    others: Some("The arguments and blocks of the block that it stands in."),
    blocks: &[],
};

/// The block of a condition: `precondition`, `postcondition`, `validation` or `assert`.
pub(crate) fn condition_kind(name: &str) -> &'static BlockKind {
    [&PRECONDITION, &POSTCONDITION, &VALIDATION].into_iter().find(|kind| kind.name == name).unwrap_or(&ASSERT)
}

pub(crate) const fn arg(name: &'static str, takes: &'static str, says: &'static str) -> Argument {
    Argument { name, takes, says }
}

const COUNT: Argument = arg(
    "count",
    "a whole number",
    "How many there are. Each knows its number as `count.index`, from 0; outside, they are a tuple.",
);
const FOR_EACH: Argument = arg(
    "for_each",
    "a map, or a set of strings",
    "One for each element, which knows it as `each.key` and `each.value`; outside, they are an object. Keys may not be \
     sensitive.",
);
const DEPENDS_ON: Argument = arg(
    "depends_on",
    "a list of references",
    "What has to be done before, where no expression says so already.",
);
const SENSITIVE: Argument =
    arg("sensitive", "`true` or `false`", "Whether it is kept out of everything that is shown.");
const DESCRIPTION: Argument = arg("description", "a string", "What it is, for people.");
const DEPRECATED: Argument =
    arg("deprecated", "a string", "What to use instead. Whoever still uses it is warned with these words.");
const PROVIDER_OF: Argument = arg(
    "provider",
    "a provider configuration, as `aws.west` or `aws.by_region[each.key]`",
    "Which one is used; if not set, the one without an alias of the provider that the type's name begins with.",
);
const ENABLED: Argument = arg(
    "enabled",
    "`true` or `false`",
    "Whether there is one at all: `false` is like `count = 0`, but it has no number. As in OpenTofu.",
);
const CONDITION: [Argument; 2] = [
    arg("condition", "`true` or `false`", "What must hold."),
    arg("error_message", "a string", "What is said if it does not."),
];

pub(crate) static TERRAFORM: BlockKind = BlockKind {
    name: "terraform",
    labels: &[],
    what: "a terraform block",
    summary: "What a module needs: of the language, of providers, and where the root module's state is.",
    arguments: &[
        arg(
            "required_version",
            "version constraints, as `\">= 1.5, < 2.0\"`",
            "Versions of Terraform that the module is written for. Formwork answers as version 1.11.4.",
        ),
        arg(
            "language",
            "`TF2021`",
            "The edition of the language. There is this one only, so it need not be said.",
        ),
        arg(
            "experiments",
            "a list of names",
            "Ignored, with a warning: there are no experimental features here.",
        ),
    ],
    others: None,
    blocks: &[&REQUIRED_PROVIDERS, &BACKEND, &CLOUD, &ENCRYPTION, &PROVIDER_META],
};

static REQUIRED_PROVIDERS: BlockKind = BlockKind {
    name: "required_providers",
    labels: &[],
    what: "a required_providers block",
    summary: "The providers that the module uses, by the names that it has for them.",
    arguments: &[],
    others: Some(
        "Each argument is an object: `source` says which provider it is, as `\"hashicorp/aws\"`; `version` is read, and \
         selects nothing, because there is one version of each provider, in the program; `configuration_aliases` lists the \
         configurations that a caller has to hand over.",
    ),
    blocks: &[],
};

static BACKEND: BlockKind = BlockKind {
    name: "backend",
    labels: &["kind"],
    what: "a backend block",
    summary: "Where the state is kept: `local`, `http`, `pg` or `s3`. Only that of the root module counts.",
    arguments: &[],
    others: Some(
        "Those of the kind, as the guide to backends lists them; what is left out may come from `formwork init \
         -backend-config`. They may refer to variables of the root module whose values are known before anything is read, \
         to locals made of these, and call functions.",
    ),
    blocks: &[],
};

static CLOUD: BlockKind = BlockKind {
    name: "cloud",
    labels: &[],
    what: "a cloud block",
    summary: "Refused: Formwork does not work with HCP Terraform.",
    arguments: &[],
    others: None,
    blocks: &[],
};

static PROVIDER_META: BlockKind = BlockKind {
    name: "provider_meta",
    labels: &["provider"],
    what: "a provider_meta block",
    summary: "Read and ignored: words for a provider's makers, which no provider here wants.",
    arguments: &[],
    others: Some("What the provider takes."),
    blocks: &[],
};

static PROVIDER: BlockKind = BlockKind {
    name: "provider",
    labels: &["name"],
    what: "a provider block",
    summary: "One configuration of a provider, or one for each element. Its arguments may refer to anything.",
    arguments: &[
        arg("alias", "a string", "Its name, where there are several: it is then written as `aws.west`."),
        arg(
            "for_each",
            "a map, or a set of strings",
            "One configuration for each element, as in OpenTofu. The block needs an `alias`, and whoever uses one says which: \
             `provider = aws.by_region[each.key]`, and for modules `providers = { aws = aws.by_region[each.key] }`. Inside there are \
             `each.key` and `each.value`. A key has to stay as long as the state has objects of its configuration.",
        ),
        arg(
            "version",
            "version constraints",
            "Ignored, with a warning: there is one version of each provider.",
        ),
    ],
    others: Some("The arguments of the provider: see its page."),
    blocks: &[&ESCAPE],
};

pub(crate) static VARIABLE: BlockKind = BlockKind {
    name: "variable",
    labels: &["name"],
    what: "a variable block",
    summary: "A value that a module is given: by the module that calls it, or, for the root module, by `-var`, \
              `-var-file`, `terraform.tfvars`, `*.auto.tfvars`, `TF_VAR_name`, or a question on the terminal. It is \
              written as `var.name`.",
    arguments: &[
        arg(
            "type",
            "a type, as `list(object({ port = number, open = optional(bool, true) }))`",
            "What values fit. What is given is converted; `any` takes all.",
        ),
        arg(
            "default",
            "a constant",
            "The value if none is given; without it, the variable must be given one.",
        ),
        DESCRIPTION,
        SENSITIVE,
        arg(
            "ephemeral",
            "`true` or `false`",
            "Whether it lives for one run only, and is never stored in state or plan.",
        ),
        arg(
            "nullable",
            "`true` or `false`",
            "Whether `null` is a value; if not, `null` stands for the default. It is `true` if not set.",
        ),
        DEPRECATED,
    ],
    others: None,
    blocks: &[&VALIDATION],
};

static VALIDATION: BlockKind = BlockKind {
    name: "validation",
    labels: &[],
    what: "a validation block",
    summary: "What must hold of the variable's value. It may look at other values too.",
    arguments: &CONDITION,
    others: None,
    blocks: &[],
};

static LOCALS: BlockKind = BlockKind {
    name: "locals",
    labels: &[],
    what: "a locals block",
    summary: "Names for expressions.",
    arguments: &[],
    others: Some("Each argument is a value, written as `local.name`."),
    blocks: &[],
};

pub(crate) static OUTPUT: BlockKind = BlockKind {
    name: "output",
    labels: &["name"],
    what: "an output block",
    summary: "A value that a module gives to its caller, as `module.call.name`; the root module's are shown, and kept in the state.",
    arguments: &[
        arg("value", "any value", "The value."),
        DESCRIPTION,
        SENSITIVE,
        arg(
            "ephemeral",
            "`true` or `false`",
            "Whether the value may be one that is never stored; not in the root module.",
        ),
        DEPENDS_ON,
        DEPRECATED,
    ],
    others: None,
    blocks: &[&PRECONDITION],
};

static MODULE: BlockKind = BlockKind {
    name: "module",
    labels: &["name"],
    what: "a module block",
    summary: "Uses another module.",
    arguments: &[
        arg(
            "source",
            "a string",
            "Where the module is: a folder as `\"./network\"`, an archive, or a repository of git.",
        ),
        arg("version", "version constraints", "Which versions will do, where the source is a registry."),
        COUNT,
        FOR_EACH,
        arg(
            "providers",
            "an object, as `{ aws = aws.west }`",
            "The provider configurations that are handed over. If not set, those without an alias are.",
        ),
        DEPENDS_ON,
    ],
    others: Some("Values for the module's variables."),
    blocks: &[&MODULE_LIFECYCLE, &ESCAPE],
};

pub(crate) static MODULE_LIFECYCLE: BlockKind = BlockKind {
    name: "lifecycle",
    labels: &[],
    what: "the lifecycle block of a module",
    summary: "Whether the module is used.",
    arguments: &[ENABLED],
    others: None,
    blocks: &[],
};

static RESOURCE: BlockKind = BlockKind {
    name: "resource",
    labels: &["type", "name"],
    what: "a resource block",
    summary: "Objects that are made, changed and removed so that they are as the block says. They are written as `type.name`.",
    arguments: &[COUNT, FOR_EACH, PROVIDER_OF, DEPENDS_ON],
    others: Some("The arguments and blocks of the type: see its page."),
    blocks: &[&LIFECYCLE, &CONNECTION, &PROVISIONER, &ESCAPE],
};

pub(crate) static LIFECYCLE: BlockKind = BlockKind {
    name: "lifecycle",
    labels: &[],
    what: "a lifecycle block",
    summary: "How objects come, change and go.",
    arguments: &[
        arg(
            "create_before_destroy",
            "`true` or `false`, known from constants, variables and locals",
            "Whether a replacement is made before the old object goes. It holds for all that the object depends on, too.",
        ),
        arg(
            "prevent_destroy",
            "`true` or `false`, known at plan time",
            "Whether a plan that would destroy the object is an error.",
        ),
        arg(
            "ignore_changes",
            "a list of attributes, or `all`",
            "What is set when the object is made, and left alone from then on.",
        ),
        arg(
            "replace_triggered_by",
            "a list of references to resources or their attributes",
            "What, when it changes, has this object replaced.",
        ),
        ENABLED,
    ],
    others: None,
    blocks: &[&PRECONDITION, &POSTCONDITION],
};

static PRECONDITION: BlockKind = BlockKind {
    name: "precondition",
    labels: &[],
    what: "a precondition block",
    summary: "What must hold before anything is done.",
    arguments: &CONDITION,
    others: None,
    blocks: &[],
};

static POSTCONDITION: BlockKind = BlockKind {
    name: "postcondition",
    labels: &[],
    what: "a postcondition block",
    summary: "What must hold of the object, written as `self`, once it is there or has been read.",
    arguments: &CONDITION,
    others: None,
    blocks: &[],
};

static CONNECTION: BlockKind = BlockKind {
    name: "connection",
    labels: &[],
    what: "a connection block",
    summary: "How provisioners reach the object: by SSH, with the OpenSSH of this machine. Inside of a provisioner it holds for \
              that one, and wins.",
    arguments: &[],
    others: Some(
        "`host` and, if wanted, `user`, `port`, `private_key`, `host_key`, `agent`, `timeout`, `script_path` and the same for a `bastion_host`.",
    ),
    blocks: &[],
};

static PROVISIONER: BlockKind = BlockKind {
    name: "provisioner",
    labels: &["kind"],
    what: "a provisioner block",
    summary: "Something to run after an object was made, or before it goes: `local-exec`, `remote-exec` or `file`. An object \
              whose provisioner failed is tainted: it is replaced by the next apply.",
    arguments: &[
        arg(
            "when",
            "`create` or `destroy`",
            "When it runs; `create` if not set. What runs at the end may refer to `self`, `count.index`, `each.key`, `path` and `terraform` only.",
        ),
        arg("on_failure", "`fail` or `continue`", "What a failure means; `fail` if not set."),
    ],
    others: Some(
        "`local-exec`: `command`, `working_dir`, `interpreter`, `environment`, `quiet`. `remote-exec`: one of `inline`, `script` and \
         `scripts`. `file`: `destination`, and `source` or `content`.",
    ),
    blocks: &[&CONNECTION, &ESCAPE],
};

static DATA: BlockKind = BlockKind {
    name: "data",
    labels: &["type", "name"],
    what: "a data block",
    summary: "Something that is read and not managed, written as `data.type.name`. It is read while planning if all that it needs is known by then.",
    arguments: &[COUNT, FOR_EACH, PROVIDER_OF, DEPENDS_ON],
    others: Some("The arguments and blocks of the type: see its page."),
    blocks: &[&READ_LIFECYCLE, &ESCAPE],
};

static EPHEMERAL: BlockKind = BlockKind {
    name: "ephemeral",
    labels: &["type", "name"],
    what: "an ephemeral block",
    summary: "Something that is opened for one run and stored nowhere, written as `ephemeral.type.name`.",
    arguments: &[COUNT, FOR_EACH, PROVIDER_OF, DEPENDS_ON],
    others: Some("The arguments and blocks of the type: see its page."),
    blocks: &[&READ_LIFECYCLE, &ESCAPE],
};

pub(crate) static READ_LIFECYCLE: BlockKind = BlockKind {
    name: "lifecycle",
    labels: &[],
    what: "a lifecycle block",
    summary: "What must hold before and after reading.",
    arguments: &[ENABLED],
    others: None,
    blocks: &[&PRECONDITION, &POSTCONDITION],
};

pub(crate) static MOVED: BlockKind = BlockKind {
    name: "moved",
    labels: &[],
    what: "a moved block",
    summary: "Tells that what the state knows by one address has another now.",
    arguments: &[
        arg("from", "an address", "Where it was: a resource, an instance, or a module."),
        arg("to", "an address", "Where it is now."),
    ],
    others: None,
    blocks: &[],
};

pub(crate) static REMOVED: BlockKind = BlockKind {
    name: "removed",
    labels: &[],
    what: "a removed block",
    summary: "Tells what becomes of objects whose block has left the configuration.",
    arguments: &[arg("from", "an address without keys", "The resource or module that was.")],
    others: None,
    blocks: &[&REMOVED_LIFECYCLE, &CONNECTION, &PROVISIONER],
};

pub(crate) static REMOVED_LIFECYCLE: BlockKind = BlockKind {
    name: "lifecycle",
    labels: &[],
    what: "the lifecycle block of a removed block",
    summary: "Whether they go.",
    arguments: &[arg(
        "destroy",
        "`true` or `false`",
        "Whether they are destroyed (`true`), or only forgotten.",
    )],
    others: None,
    blocks: &[],
};

pub(crate) static IMPORT: BlockKind = BlockKind {
    name: "import",
    labels: &[],
    what: "an import block",
    summary: "Takes an object that exists already under management: the plan shows what else would change.",
    arguments: &[
        arg("to", "an address", "The instance that it becomes."),
        arg("id", "a string, known at plan time", "What the provider knows it by."),
        arg(
            "for_each",
            "a map, a set or a list, wholly known at plan time",
            "One import for each element, as `each.key` (of a list: its number) and `each.value`.",
        ),
        arg(
            "provider",
            "a provider configuration, as `aws.west`",
            "Which one knows the object, where the resource is not declared yet.",
        ),
    ],
    others: None,
    blocks: &[],
};

pub(crate) static CHECK: BlockKind = BlockKind {
    name: "check",
    labels: &["name"],
    what: "a check block",
    summary: "What should hold of the whole, looked at in each plan and apply. What does not hold is a warning.",
    arguments: &[],
    others: None,
    blocks: &[&CHECK_DATA, &ASSERT],
};

static CHECK_DATA: BlockKind = BlockKind {
    name: "data",
    labels: &["type", "name"],
    what: "a data block in a check",
    summary: "Something to read for the check: if that fails, it is a warning too.",
    arguments: &[PROVIDER_OF, DEPENDS_ON],
    others: Some("The arguments and blocks of the type: see its page."),
    blocks: &[&CHECK_DATA_LIFECYCLE, &ESCAPE],
};

static CHECK_DATA_LIFECYCLE: BlockKind = BlockKind {
    name: "lifecycle",
    labels: &[],
    what: "a lifecycle block",
    summary: "What must hold before and after reading.",
    arguments: &[],
    others: None,
    blocks: &[&PRECONDITION, &POSTCONDITION],
};

static ASSERT: BlockKind = BlockKind {
    name: "assert",
    labels: &[],
    what: "an assert block",
    summary: "One thing that should hold.",
    arguments: &CONDITION,
    others: None,
    blocks: &[],
};
