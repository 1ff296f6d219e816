//! Writes the program's interface description, as `anchor idl build` does, with Anchor's own library.
//!
//! `novate-idl PROGRAM OUTPUT`: compiles the package in the folder PROGRAM with its feature `idl-build`, runs the
//! tests that Anchor generates in it, gathers what they print, and writes OUTPUT when it differs from what is there.
use anchor_lang_idl::build::IdlBuilder;
use anyhow::{bail, Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [program, output] = args.as_slice() else { bail!("usage: novate-idl PROGRAM OUTPUT") };
    // With it, the library would have rustup install a toolchain.
    std::env::remove_var("RUSTUP_TOOLCHAIN");
    // The generated tests run once and print: neither speed nor a debugger is worth compiling for.
    for (key, value) in [("DEV_OPT_LEVEL", "0"), ("DEV_DEBUG", "false"), ("DEV_INCREMENTAL", "false")] {
        std::env::set_var(format!("CARGO_PROFILE_{key}"), value);
    }
    let program: PathBuf = fs::canonicalize(program).with_context(|| program.clone())?;
    let idl = IdlBuilder::new().program_path(program).cargo_args(vec!["--lib".into()]).build()?;
    let mut text = serde_json::to_string_pretty(&idl)?;
    text.push('\n');
    write_if_changed(Path::new(output), &text).with_context(|| output.clone())
}

fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}
