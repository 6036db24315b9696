//! The program `formwork`.

use std::sync::Arc;

mod allocator;
mod leave;

fn main() -> ! {
    leave::leave(formwork::main_with(formwork::providers(), Arc::new(())))
}
