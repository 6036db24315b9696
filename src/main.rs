//! The program `formwork`.

use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    formwork::main_with(formwork_provider_builtin::providers(), Arc::new(()))
}
