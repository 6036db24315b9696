//! How the program is linked.
//!
//! A position-independent executable has its tables of pointers (vtables, above all) put right at each start, which writes to
//! every page of them: with the providers in it that is megabytes, and a good part of a small plan's time. At a fixed address
//! the linker does it once, and pages that nobody looks at stay on the disk.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "Cargo is spoken to by the environment and by lines"
)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
    let is_static =
        std::env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|f| f.split(',').any(|f| f == "crt-static"));
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && !is_static
    {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        println!("cargo:rustc-link-arg-examples=-no-pie");
    }
}
