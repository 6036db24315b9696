//! How what is stored is encrypted: what the configuration in the working directory says, and the environment over it.

mod cipher;
mod values;

use crate::environment;
use crate::kms::Service;
use crate::operation::WorkingFiles;
use crate::variables::{self, Flag};
use crate::world::RealWorld;
pub use cipher::{of_state, refusing};
use formwork_addr::Str;
use formwork_config::{Config, EncryptionBlock, encryption_text, load_root, mentions};
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_encryption::{Encryption, Failure};
use formwork_provider_builtin::RemoteCiphers;
use formwork_state::StateError;
use formwork_value::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The variable of the environment that is laid over the block.
pub const VARIABLE: &str = "TF_ENCRYPTION";

/// With a problem that stands for itself.
pub fn sentence(failure: &Failure) -> Failure {
    let mut letters = failure.problem.chars();
    let problem =
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    Failure { problem, help: failure.help.clone() }
}

/// What a configuration says, with these values of its variables.
pub fn of(
    config: &Config,
    variables: &BTreeMap<Str, Value>,
    sources: &mut Sources,
) -> Result<Encryption, Vec<Diagnostic>> {
    let root = config.root();
    let written = root.encryption.as_ref().map(|(_, block)| EncryptionBlock::clone(block));
    let given = match environment::encryption() {
        Some(text) => {
            let (block, diags) = encryption_text(VARIABLE, &text, sources);
            if has_errors(&diags) {
                return Err(diags);
            }
            Some(block)
        }
        None => None,
    };
    let block = match (written, given) {
        (None, None) => return Ok(Encryption::default()),
        (Some(block), None) | (None, Some(block)) => block,
        (Some(block), Some(over)) => block.overridden(over),
    };
    values::settings(&block, root, variables, &RealWorld::console())?.build(Arc::new(Service))
}

/// What the configuration in the working directory says, for commands that read no more of it. No module is needed for it,
/// and no variable that it does not use.
pub fn here(flags: &[Flag]) -> Result<Encryption, StateError> {
    let root = Path::new("");
    if environment::encryption().is_none() && !mentions(root, &WorkingFiles, "encryption") {
        return Ok(Encryption::default());
    }
    let loaded = load_root(root, &WorkingFiles);
    let mut sources = loaded.sources;
    let Some(config) = loaded.config else { return Err(told(&loaded.diagnostics, &sources)) };
    if environment::encryption().is_none() && config.root().encryption.is_none() {
        return Ok(Encryption::default());
    }
    let (values, diags) = variables::partial(flags, &config, &mut sources);
    if has_errors(&diags) {
        return Err(told(&diags, &sources));
    }
    of(&config, &values, &mut sources).map_err(|diags| told(&diags, &sources))
}

/// What is known of encryption in this process. Families of types are made before any command is known, so what they read
/// later has to be where both find it.
static KNOWN: OnceLock<Result<Encryption, StateError>> = OnceLock::new();

/// Says how what is stored is encrypted. The first answer is the one that counts: all come from the same files.
pub fn know(encryption: Encryption) {
    let _ = KNOWN.set(Ok(encryption));
}

/// How what is stored is encrypted. Unless it was said, the configuration in the working directory is asked, and as little
/// of it as that needs.
pub fn known(flags: &[Flag]) -> Result<&'static Encryption, StateError> {
    KNOWN.get_or_init(|| here(flags)).as_ref().map_err(Clone::clone)
}

/// Refuses to work on the state in a backend of this kind if it is to be encrypted: there, it would be stored in clear.
pub fn refuse_elsewhere(kind: &str, flags: &[Flag]) -> Result<(), StateError> {
    if known(flags)?.state.is_none() {
        return Ok(());
    }
    Err(StateError::encryption(
        format!(
            "The configuration encrypts the state, but a state in a backend \"{kind}\" cannot be encrypted yet. Nothing was \
             stored."
        ),
        "Keep the state in files (remove the backend block, or use the backend \"local\"), or take the state out of the \
         encryption (the block \"state\" in \"encryption\", and in TF_ENCRYPTION).",
    ))
}

/// What the states are encrypted with that data sources read.
pub fn of_remote_states() -> RemoteCiphers {
    Arc::new(|name: &str| known(&[]).map_or_else(refusing, |encryption| cipher::of(encryption.remote(name))))
}

/// The first error, as a problem of the state.
fn told(diags: &[Diagnostic], sources: &Sources) -> StateError {
    let Some(d) = diags.iter().find(|d| d.is_error()) else {
        return StateError::encryption("It is not known how it is encrypted.", "Run formwork validate.");
    };
    let place = d.span.and_then(|span| {
        let file = sources.get(span.file)?;
        let (line, _) = sources.line_column(span.file, span.start);
        Some(format!(" (on {} line {line})", file.name))
    });
    let problem = format!(
        "How the state is encrypted cannot be found out: {}. {}{}",
        d.summary.trim_end_matches('.'),
        d.detail,
        place.unwrap_or_default()
    );
    StateError::encryption(problem, d.help.clone().unwrap_or_else(|| "Mend the configuration.".into()))
}
