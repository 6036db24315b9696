//! The program `formwork`.

use std::process::ExitCode;
use std::sync::Arc;

mod allocator;

fn main() -> ExitCode {
    formwork::main_with(formwork::providers(), Arc::new(()))
}
