//! The compiler that cargo is told to use: Debian's rustc with what the target needs.
//!
//! * Preloads the answer to rustc's question about LLVM's data layout (`shim/datalayout.c`).
//! * Solana's crates read `target_arch = "bpf"` as another target, without system calls and without constant
//!   addresses, while Solana's own compiler says "sbpf". rustc insists on "bpf" for the C calling convention, so
//!   those conditions are rewritten in copies of the crates.
//! * Remaps every path that could reach the program (panic locations, `file!()`), so that the same sources give the
//!   same bytes in every folder.
//!
//! `cargo-sbpf` sets the environment: `SBPF_HOME` is the toolchain's folder, `SBPF_WORKSPACE` the folder of the
//! sources that are built. Without `--target sbpf-solana` among the arguments (build scripts, procedural macros, version queries)
//! nothing is changed but the preload and the answer to where the sysroot is.
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const RUSTC: &str = "/usr/bin/rustc";
const TARGET: &str = "sbpf-solana";
const REGISTRY: &str = "/registry/src/";

fn main() -> ExitCode {
    match run() {
        Ok(never) => match never {},
        Err(e) => {
            eprintln!("sbpf-rustc: error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<std::convert::Infallible, String> {
    let home = folder("SBPF_HOME")?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut rustc = Command::new(RUSTC);
    rustc.env("LD_PRELOAD", home.join("target/libdatalayout.so"));
    if args.iter().any(|arg| arg == "--print=sysroot") {
        // cargo hashes std's path from the sysroot on into the name of every crate, also of std's build scripts: a
        // sysroot that std lies in keeps the toolchain's own folder out of it.
        rustc.arg("--sysroot").arg(home.join("target"));
    }
    if args.windows(2).any(|pair| pair == ["--target", TARGET]) {
        let (args, maps) = for_target(args, &home, &folder("SBPF_WORKSPACE")?)?;
        rustc.args(args);
        // Ours come last: of several that fit, rustc takes the last.
        rustc.args(maps.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")));
        // rustc's own inlining comes before the linker's, which cannot undo it when a frame grows too large.
        rustc.arg("-Cllvm-args=-inline-max-stacksize=512");
        rustc.arg("-Zunstable-options");
    } else {
        rustc.args(args);
    }
    Err(format!("{RUSTC}: {}", rustc.exec()))
}

fn folder(variable: &str) -> Result<PathBuf, String> {
    std::env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("{variable} is not set; build with cargo-sbpf"))
}

/// A path prefix and what stands for it in the program.
type Remap = (String, String);

/// The arguments with rewritten crates in place of the registry's, and the path prefixes to remap.
fn for_target(args: Vec<String>, home: &Path, workspace: &Path) -> Result<(Vec<String>, Vec<Remap>), String> {
    let std = home.join("target/std");
    let mut maps = vec![(workspace.display().to_string(), "/src".into()), (std.display().to_string(), "/rust".into())];
    // cargo names what lies below the workspace by its path from there.
    if let Ok(relative) = std.strip_prefix(workspace) {
        maps.push((relative.display().to_string(), "/rust".into()));
    }
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        let Some((registry, krate, rest)) = registry_source(&arg) else {
            out.push(arg);
            continue;
        };
        maps.push((registry.to_string(), "/registry".into()));
        let original = Path::new(registry).join(krate);
        if is_solana(krate) && mentions_bpf(&original).map_err(|e| format!("{}: {e}", original.display()))? {
            let copies = home.join("target/sources");
            rewritten(&original, &copies, krate).map_err(|e| format!("copying {krate}: {e}"))?;
            maps.push((copies.display().to_string(), "/registry".into()));
            out.push(format!("{}/{krate}/{rest}", copies.display()));
        } else {
            out.push(arg.clone());
        }
    }
    Ok((out, maps))
}

/// Splits `ROOT/registry/src/INDEX/CRATE/REST.rs` into (`ROOT/registry/src/INDEX`, `CRATE`, `REST.rs`).
fn registry_source(arg: &str) -> Option<(&str, &str, &str)> {
    if !arg.ends_with(".rs") || !arg.starts_with('/') {
        return None;
    }
    let index = arg.find(REGISTRY)? + REGISTRY.len();
    let krate = index + arg[index..].find('/')? + 1;
    let rest = krate + arg[krate..].find('/')? + 1;
    Some((&arg[..krate - 1], &arg[krate..rest - 1], &arg[rest..]))
}

fn is_solana(krate: &str) -> bool {
    krate.starts_with("solana-") || krate.starts_with("spl-")
}

/// Byte ranges of `bpf` in every `target_arch = "bpf"` of a source text.
fn bpf_conditions(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = vec![];
    for (at, key) in text.match_indices("target_arch") {
        let value = text[at + key.len()..].trim_start().strip_prefix('=').map(str::trim_start);
        if let Some(value) = value.filter(|v| v.starts_with("\"bpf\"")) {
            let start = text.len() - value.len() + 1;
            found.push(start..start + 3);
        }
    }
    found
}

fn mentions_bpf(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let hit = if path.is_dir() {
            mentions_bpf(&path)?
        } else {
            is_rust(&path) && !bpf_conditions(&fs::read_to_string(&path)?).is_empty()
        };
        if hit {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts a copy of `original`, rewritten, at `copies/krate`; whole or not at all, since compilers run in parallel.
fn rewritten(original: &Path, copies: &Path, krate: &str) -> io::Result<()> {
    let done = copies.join(krate);
    if done.exists() {
        return Ok(());
    }
    let partial = copies.join(format!(".{krate}.{}", std::process::id()));
    copy(original, &partial)?;
    if fs::rename(&partial, &done).is_err() {
        fs::remove_dir_all(&partial)?; // another compiler was faster
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else if is_rust(&source) {
            let mut text = fs::read_to_string(&source)?;
            for range in bpf_conditions(&text).into_iter().rev() {
                text.replace_range(range, "not_bpf");
            }
            fs::write(&target, text)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_path_below_the_registry() {
        let path = "/h/.cargo/registry/src/index.crates.io-1/solana-pubkey-2.4.0/src/lib.rs";
        let parts = ("/h/.cargo/registry/src/index.crates.io-1", "solana-pubkey-2.4.0", "src/lib.rs");
        assert_eq!(registry_source(path), Some(parts));
        assert_eq!(registry_source("/h/project/src/lib.rs"), None);
        assert_eq!(registry_source("--out-dir=/h/registry/src/x/y/z"), None);
    }

    #[test]
    fn finds_conditions_whatever_the_spacing() {
        let text = r#"#[cfg(target_arch="bpf")] #[cfg(any(target_arch  =  "bpf", target_arch = "sbpf"))]"#;
        let found = bpf_conditions(text);
        assert_eq!(found.len(), 2);
        assert!(found.into_iter().all(|r| &text[r] == "bpf"));
    }
}
