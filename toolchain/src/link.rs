//! From the command line to the finished program: options, reading bitcode, and what must hold in the result.
use crate::compile::{self, Compiler};
use crate::elf;
use crate::ir::*;
use llvm_sys::{bit_reader::LLVMParseBitcodeInContext2, linker::LLVMLinkModules2};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The one function that stays visible.
pub const ENTRY: &str = "entrypoint";
/// Bytes of stack a function may use: the virtual machine gives each call a frame of this size and no more.
pub const FRAME: i32 = 4096;
/// Callees whose locals are larger (bytes) are not inlined; a function over [`FRAME`] goes one step down and is tried again.
const INLINE_STACK: [&str; 4] = ["1024", "256", "64", "0"];
/// compiler_builtins' versions of these give way to the ones in `runtime/rt.c`.
const MEMORY: [&str; 6] = ["memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"];

/// What rustc asks for, and what the environment adds for whoever looks inside.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    pub output: PathBuf,
    pub inputs: Vec<PathBuf>,
    /// `SBPF_DUMP=FOLDER` keeps the module after each stage and the object file there.
    pub dump: Option<PathBuf>,
    /// `SBPF_MAP=FILE` writes the first instruction and the name of every function there.
    pub map: Option<PathBuf>,
    /// What is linked is the package that the user builds, not one that it depends on.
    pub primary: bool,
}

impl Options {
    /// Reads rustc's arguments; those which mean nothing here (libraries, symbols, optimisation) are passed over.
    pub fn parse(args: impl Iterator<Item = String>, env: impl Fn(&str) -> Option<String>) -> Result<Options, String> {
        let mut options = Options {
            dump: env("SBPF_DUMP").map(PathBuf::from),
            map: env("SBPF_MAP").map(PathBuf::from),
            primary: env("CARGO_PRIMARY_PACKAGE").is_some(),
            ..Options::default()
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-o" | "--output" => options.output = args.next().ok_or("-o without a file")?.into(),
                "--export-symbols" | "--export" | "--cpu" | "--target" | "-L" | "--cpu-features" | "--emit"
                | "--btf" => {
                    args.next();
                }
                flag if flag.starts_with('-') => {}
                input => options.inputs.push(input.into()),
            }
        }
        if options.output.as_os_str().is_empty() {
            return Err("no output file".into());
        }
        Ok(options)
    }
}

/// Links the inputs and writes the program; an error is what the user is shown.
pub unsafe fn link(options: &Options) -> Result<(), String> {
    let mut compiler = Compiler::new(options.dump.clone())?;
    for input in &options.inputs {
        read(&mut compiler, input)?;
    }
    if !has_entry(compiler.module) {
        if options.primary {
            return Err(format!("no `{ENTRY}`: a program defines it with `entrypoint!` or Anchor's `#[program]`, unless its feature `no-entrypoint` is on"));
        }
        // A dependency that is also a cdylib (solana-program is one): nothing uses this file.
        return write(&options.output, b"");
    }
    prepare(&mut compiler)?;
    let program = within_frames(&mut compiler)?;
    if let Some(path) = &options.map {
        let lines: String = program.functions.iter().map(|(at, name)| format!("{at} {name}\n")).collect();
        write(path, lines.as_bytes())?;
    }
    write(&options.output, &program.bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
}

unsafe fn has_entry(module: LLVMModuleRef) -> bool {
    let entry = LLVMGetNamedFunction(module, cs(ENTRY).as_ptr());
    !entry.is_null() && has_body(entry)
}

fn is_bitcode(data: &[u8]) -> bool {
    data.starts_with(b"BC\xc0\xde") || data.starts_with(&[0xde, 0xc0, 0x17, 0x0b])
}

/// Links an input into the module: bitcode, or an archive of it (an rlib). Other files hold nothing of the program
/// (rustc's symbols.o only pins names).
unsafe fn read(compiler: &mut Compiler, path: &Path) -> Result<(), String> {
    let at = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let data = std::fs::read(path).map_err(|e| at(&e))?;
    if is_bitcode(&data) {
        return add(compiler, &path.display().to_string(), &data);
    }
    if !data.starts_with(b"!<arch>") {
        return Ok(());
    }
    let archive = ::object::read::archive::ArchiveFile::parse(&*data).map_err(|e| at(&e))?;
    for member in archive.members() {
        let member = member.map_err(|e| at(&e))?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        let data = member.data(&*data).map_err(|e| at(&e))?;
        if is_bitcode(data) {
            add(compiler, &format!("{}({name})", path.display()), data)?;
        } else if name.ends_with(".o") {
            return Err(at(&format!("{name} is machine code, not bitcode; sBPF has no other compiler here")));
        }
    }
    Ok(())
}

unsafe fn add(compiler: &mut Compiler, from: &str, data: &[u8]) -> Result<(), String> {
    let mut module = std::ptr::null_mut();
    if LLVMParseBitcodeInContext2(compiler.context, compile::buffer(data), &mut module) != 0 {
        return Err(format!("{from}: not bitcode of this LLVM: {}", compiler.complaints()));
    }
    LLVMSetTarget(module, c"bpfel".as_ptr());
    let layout = std::ffi::CStr::from_ptr(LLVMGetDataLayoutStr(module));
    if layout != compile::LAYOUT {
        return Err(format!("{from}: data layout {layout:?} is not Solana's"));
    }
    if LLVMLinkModules2(compiler.module, module) != 0 {
        return Err(format!("{from}: {}", compiler.complaints()));
    }
    Ok(())
}

/// Drops what has no meaning in a program (debug information, thread-locality, pinned symbols) and all that the
/// entry point cannot reach.
unsafe fn prepare(compiler: &mut Compiler) -> Result<(), String> {
    let module = compiler.module;
    llvm_sys::debuginfo::LLVMStripModuleDebugInfo(module);
    for global in globals(module) {
        LLVMSetThreadLocal(global, 0);
        if matches!(name(global).as_str(), "llvm.used" | "llvm.compiler.used") {
            LLVMDeleteGlobal(global);
        }
    }
    for f in functions(module) {
        let n = name(f);
        if MEMORY.contains(&n.as_str()) && has_body(f) {
            LLVMSetValueName2(f, NAME, 0);
            let declared = LLVMAddFunction(module, cs(&n).as_ptr(), LLVMGlobalGetValueType(f));
            LLVMReplaceAllUsesWith(f, declared);
            LLVMDeleteFunction(f);
        }
    }
    compiler.internalize(crate::lower::KEEP);
    compiler.clean_attributes();
    compiler.passes("globaldce,function(lower-atomic)")?;
    compiler.keep("linked");
    Ok(())
}

/// Compiles, and again with less inlining into each function whose frame is too large, until all fit or nothing more helps.
unsafe fn within_frames(compiler: &mut Compiler) -> Result<elf::Program, String> {
    let linked = compiler.module;
    let mut steps: BTreeMap<String, usize> = BTreeMap::new();
    let mut before = vec![];
    loop {
        compiler.module = LLVMCloneModule(linked);
        let program = compiler.compile(|function| INLINE_STACK[steps.get(function).copied().unwrap_or(0)])?;
        let mut again = false;
        for (function, _) in &program.large_frames {
            let step = steps.entry(function.clone()).or_insert(0);
            if *step + 1 < INLINE_STACK.len() {
                *step += 1;
                again = true;
            }
        }
        if program.large_frames.is_empty() {
            return Ok(program);
        }
        if !again || program.large_frames == before {
            return Err(too_large(&program.large_frames));
        }
        before = program.large_frames;
        LLVMDisposeModule(compiler.module);
    }
}

fn too_large(frames: &[(String, i32)]) -> String {
    let lines: Vec<String> = frames.iter().map(|(f, bytes)| format!("  {bytes} bytes in `{}`", demangled(f))).collect();
    format!(
        "stack frame above {FRAME} bytes; such a function faults when it is called. Move large locals to the heap (Box) or into functions that are not inlined:\n{}",
        lines.join("\n")
    )
}

/// A symbol as the source names it. LLVM numbers the pieces of what it splits: `name.0`.
pub fn demangled(symbol: &str) -> String {
    let whole = symbol.split_once('.').map_or(symbol, |(whole, _)| whole);
    format!("{:#}", rustc_demangle::demangle(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], env: &[&str]) -> Result<Options, String> {
        let env = |key: &str| env.contains(&key).then(|| "1".to_string());
        Options::parse(args.iter().map(|a| a.to_string()), env)
    }

    #[test]
    fn reads_what_rustc_passes() {
        let options =
            parse(&["-o", "p.so", "a.o", "--export", "x", "-O3", "b.rlib"], &["CARGO_PRIMARY_PACKAGE"]).unwrap();
        assert_eq!(options.output, PathBuf::from("p.so"));
        assert_eq!(options.inputs, [PathBuf::from("a.o"), PathBuf::from("b.rlib")]);
        assert!(options.primary && options.dump.is_none());
    }

    #[test]
    fn wants_an_output() {
        assert!(parse(&["a.o"], &[]).is_err());
    }

    #[test]
    fn names_a_frame_by_its_source() {
        let text = too_large(&[("_RNvCs1234_7example3big".into(), 6000)]);
        assert!(
            text.contains("stack frame above 4096 bytes") && text.contains("6000 bytes in `example::big`"),
            "{text}"
        );
    }
}
