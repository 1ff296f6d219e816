//! Builds the programs in tests/programs as a user would: one that fits, and each that must not build, with the
//! error that the user is shown.
use object::read::elf::{FileHeader, SectionHeader};
use object::{elf, Endianness};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    // cargo test adds the host compiler's libraries, which are none of the target compiler's.
    command.env_remove("LD_LIBRARY_PATH").output().expect("bash runs")
}

fn build(package: &str) -> Result<PathBuf, String> {
    let setup = run(&mut Command::new(home().join("setup.sh")));
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let target = home().join("target/tests");
    let output = run(Command::new(home().join("cargo-sbpf"))
        .args(["-p", package])
        .current_dir(home().join("tests/programs"))
        .env("CARGO_TARGET_DIR", &target));
    if output.status.success() {
        Ok(target.join("sbpf/sbpf-solana/release").join(format!("{}.so", package.replace('-', "_"))))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn refused(package: &str, expected: &[&str]) {
    let error = build(package).expect_err("a program that must not build was built");
    for text in expected {
        assert!(error.contains(text), "no `{text}` in:\n{error}");
    }
}

#[test]
fn a_program_that_fits_is_a_v0_file_with_system_calls_only() {
    let bytes = std::fs::read(build("good").unwrap()).unwrap();
    let e = Endianness::Little;
    let header = elf::FileHeader64::<Endianness>::parse(&*bytes).unwrap();
    assert_eq!((header.e_machine(e), header.e_flags(e)), (elf::EM_BPF, 0));
    let sections = header.sections(e, &*bytes).unwrap();
    let (_, text) = sections.section_by_name(e, b".text").unwrap();
    let code = text.sh_addr(e)..text.sh_addr(e) + text.sh_size(e);
    assert!(code.contains(&header.e_entry(e)));
    let symbols = sections.symbols(e, &*bytes, elf::SHT_DYNSYM).unwrap();
    for symbol in symbols.iter().skip(1) {
        let name = symbols.symbol_name(e, symbol).unwrap();
        assert!(name == b"abort" || name.starts_with(b"sol_"), "{}", String::from_utf8_lossy(name));
    }
}

#[test]
fn a_written_static_is_an_error() {
    refused("written-static", &["static that is written", "`written_static::CALLS`"]);
}

#[test]
fn a_large_frame_is_an_error() {
    refused("large-frame", &["stack frame above 4096 bytes", "`large_frame::too_large`"]);
}

#[test]
fn a_program_without_an_entry_point_is_an_error() {
    refused("no-entrypoint", &["no `entrypoint`"]);
}
