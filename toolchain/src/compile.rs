//! Takes the linked module to the finished program: optimise, lower, clean up, generate code.
use crate::abi::Abi;
use crate::elf;
use crate::ir::*;
use crate::link::{demangled, ENTRY};
use crate::lower::Lower;
use llvm_sys::{bit_writer::*, ir_reader::*, linker::*, target::*, target_machine::*, transforms::pass_builder::*};
use std::ffi::{c_void, CStr};
use std::path::PathBuf;

/// Helpers that lowered code calls; generated from `runtime/rt.c`, where the command stands.
const RUNTIME: &str = include_str!("../runtime/rt.ll");
/// Solana's layout: LLVM's for bpfel, but 128-bit integers align to 8 bytes.
pub const LAYOUT: &CStr = c"e-m:e-p:64:64-i64:64-n32:64-S128";
/// Under its plain name the pass checks that it reached its fixpoint, and stops the compiler when it did not.
const COMBINE: &str = "instcombine<no-verify-fixpoint>";

const LLVM_OPTIONS: [&CStr; 6] = [
    c"sbpf-link",
    c"-bpf-stack-size=1000000", // frames are measured in the finished code
    c"-bpf-disable-trap-unreachable",
    c"-bpf-disable-avoid-speculation",
    c"-bpf-disable-serialize-icmp",
    c"-bpf-min-jump-table-entries=1000000", // v0 has no jump tables
];

/// A copy of the bytes as LLVM wants them.
pub unsafe fn buffer(data: &[u8]) -> LLVMMemoryBufferRef {
    LLVMCreateMemoryBufferWithMemoryRangeCopy(data.as_ptr() as *const _, data.len(), c"m".as_ptr())
}

pub struct Compiler {
    pub context: LLVMContextRef,
    pub module: LLVMModuleRef,
    machine: LLVMTargetMachineRef,
    /// Errors that LLVM reported; its handler holds a pointer to them, so they must not move.
    #[allow(clippy::box_collection)]
    errors: Box<Vec<String>>,
    dump: Option<PathBuf>,
    stage: usize,
}

extern "C" fn diagnostic(info: LLVMDiagnosticInfoRef, errors: *mut c_void) {
    unsafe {
        let text = LLVMGetDiagInfoDescription(info);
        let message = CStr::from_ptr(text).to_string_lossy().into_owned();
        LLVMDisposeMessage(text);
        if matches!(LLVMGetDiagInfoSeverity(info), LLVMDiagnosticSeverity::LLVMDSError) {
            (*(errors as *mut Vec<String>)).push(message);
        }
    }
}

unsafe fn bpf_machine() -> Result<LLVMTargetMachineRef, String> {
    LLVMInitializeBPFTarget();
    LLVMInitializeBPFTargetInfo();
    LLVMInitializeBPFTargetMC();
    LLVMInitializeBPFAsmPrinter();
    let options = LLVM_OPTIONS.map(CStr::as_ptr);
    llvm_sys::support::LLVMParseCommandLineOptions(options.len() as i32, options.as_ptr(), NAME);
    let (mut target, mut message) = (std::ptr::null_mut(), std::ptr::null_mut());
    if LLVMGetTargetFromTriple(c"bpfel".as_ptr(), &mut target, &mut message) != 0 {
        return Err("this LLVM has no BPF target".into());
    }
    Ok(LLVMCreateTargetMachine(
        target,
        c"bpfel".as_ptr(),
        c"v2".as_ptr(),
        c"+allows-misaligned-mem-access".as_ptr(),
        LLVMCodeGenOptLevel::LLVMCodeGenLevelAggressive,
        LLVMRelocMode::LLVMRelocStatic,
        LLVMCodeModel::LLVMCodeModelDefault,
    ))
}

impl Compiler {
    /// With an empty module for the target.
    pub unsafe fn new(dump: Option<PathBuf>) -> Result<Self, String> {
        let machine = bpf_machine()?;
        let context = LLVMContextCreate();
        let mut errors: Box<Vec<String>> = Box::default();
        LLVMContextSetDiagnosticHandler(context, Some(diagnostic), &mut *errors as *mut _ as *mut c_void);
        let module = LLVMModuleCreateWithNameInContext(c"sbf".as_ptr(), context);
        LLVMSetTarget(module, c"bpfel".as_ptr());
        LLVMSetDataLayout(module, LAYOUT.as_ptr());
        Ok(Compiler { context, module, machine, errors, dump, stage: 0 })
    }

    /// What LLVM reported so far, the first forty.
    pub fn complaints(&self) -> String {
        self.errors.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Keeps a copy of the module for whoever looks inside.
    pub unsafe fn keep(&mut self, what: &str) {
        self.stage += 1;
        if let Some(folder) = &self.dump {
            let file = folder.join(format!("{}-{what}.bc", self.stage)).display().to_string();
            LLVMWriteBitcodeToFile(self.module, cs(&file).as_ptr());
        }
    }

    /// Runs LLVM's passes. Vectors are of no use to a machine that has none.
    pub unsafe fn passes(&mut self, pipeline: &str) -> Result<(), String> {
        let options = LLVMCreatePassBuilderOptions();
        LLVMPassBuilderOptionsSetLoopVectorization(options, 0);
        LLVMPassBuilderOptionsSetSLPVectorization(options, 0);
        LLVMPassBuilderOptionsSetLoopInterleaving(options, 0);
        let error = LLVMRunPasses(self.module, cs(pipeline).as_ptr(), self.machine, options);
        LLVMDisposePassBuilderOptions(options);
        if error.is_null() {
            return Ok(());
        }
        let message = CStr::from_ptr(llvm_sys::error::LLVMGetErrorMessage(error));
        Err(format!("passes: {}", message.to_string_lossy()))
    }

    /// Everything but the entry point and `public` becomes private to the module.
    pub unsafe fn internalize(&mut self, public: &[&str]) {
        for value in functions(self.module).into_iter().chain(globals(self.module)) {
            let n = name(value);
            if LLVMIsDeclaration(value) != 0 || n.starts_with("llvm.") {
                continue;
            }
            let visible = n == ENTRY || public.contains(&n.as_str());
            llvm_sys::comdat::LLVMSetComdat(value, std::ptr::null_mut());
            LLVMSetVisibility(value, LLVMVisibility::LLVMDefaultVisibility);
            let linkage = if visible { LLVMLinkage::LLVMExternalLinkage } else { LLVMLinkage::LLVMInternalLinkage };
            LLVMSetLinkage(value, linkage);
        }
    }

    /// Removes the attributes that describe rustc's idea of the target; nothing unwinds.
    pub unsafe fn clean_attributes(&mut self) {
        let unwind_table = LLVMGetEnumAttributeKindForName(c"uwtable".as_ptr(), 7);
        let no_unwind = LLVMGetEnumAttributeKindForName(c"nounwind".as_ptr(), 8);
        let at = LLVMAttributeFunctionIndex;
        for f in functions(self.module) {
            let mut attributes = vec![std::ptr::null_mut(); LLVMGetAttributeCountAtIndex(f, at) as usize];
            LLVMGetAttributesAtIndex(f, at, attributes.as_mut_ptr());
            for a in attributes.into_iter().filter(|a| LLVMIsStringAttribute(*a) != 0) {
                let mut length = 0;
                let key = LLVMGetStringAttributeKind(a, &mut length);
                LLVMRemoveStringAttributeAtIndex(f, at, key, length);
            }
            LLVMRemoveEnumAttributeAtIndex(f, at, unwind_table);
            LLVMAddAttributeAtIndex(f, at, LLVMCreateEnumAttribute(self.context, no_unwind, 0));
        }
    }

    /// The back end rejects functions that say `sret`; to BPF it means nothing.
    unsafe fn strip_sret(&mut self) {
        let sret = LLVMGetEnumAttributeKindForName(c"sret".as_ptr(), 4);
        for f in functions(self.module) {
            for p in 1..=LLVMCountParams(f) {
                LLVMRemoveEnumAttributeAtIndex(f, p, sret);
            }
            for call in instructions(f).into_iter().filter(|i| !LLVMIsACallInst(*i).is_null()) {
                for p in 1..=LLVMGetNumArgOperands(call) {
                    LLVMRemoveCallSiteEnumAttribute(call, p, sret);
                }
            }
        }
    }

    /// From the linked module to the program. `inline_stack` says, for a function, the largest locals (bytes) of a
    /// callee that may still be inlined into it.
    pub unsafe fn compile(&mut self, inline_stack: impl Fn(&str) -> &'static str) -> Result<elf::Program, String> {
        self.optimise(inline_stack)?;
        self.link_runtime()?;
        self.legalise()?;
        self.internalize(&[]);
        self.passes("verify,globaldce")?;
        self.keep("final");
        self.refuse_written_statics()?;
        let object = self.object()?;
        elf::link(&object, ENTRY)
    }

    unsafe fn optimise(&mut self, inline_stack: impl Fn(&str) -> &'static str) -> Result<(), String> {
        let key = "inline-max-stacksize";
        for f in functions(self.module).into_iter().filter(|f| has_body(*f)) {
            let value = inline_stack(&name(f));
            let (k, v) = (cs(key), cs(value));
            let a =
                LLVMCreateStringAttribute(self.context, k.as_ptr(), key.len() as u32, v.as_ptr(), value.len() as u32);
            LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
        }
        self.passes("default<O3>")?;
        // Comparisons of constant length are expanded now: the pass passes over functions with a body, which
        // memcmp has as soon as the runtime is linked.
        self.passes(&format!("function(mergeicmps,expand-memcmp,{COMBINE},simplifycfg)"))?;
        self.keep("optimised");
        Ok(())
    }

    /// Brings in the helpers. They come after the optimiser, which would turn a multiplication spelt out in halves
    /// back into the wide one that it stands for.
    unsafe fn link_runtime(&mut self) -> Result<(), String> {
        let (mut runtime, mut error) = (std::ptr::null_mut(), std::ptr::null_mut());
        if LLVMParseIRInContext2(self.context, buffer(RUNTIME.as_bytes()), &mut runtime, &mut error) != 0 {
            return Err(format!("rt.ll: {}", CStr::from_ptr(error).to_string_lossy()));
        }
        LLVMSetDataLayout(runtime, LAYOUT.as_ptr());
        if LLVMLinkModules2(self.module, runtime) != 0 {
            return Err(format!("rt.ll: {}", self.complaints()));
        }
        self.clean_attributes();
        Ok(())
    }

    /// Rewrites operations and signatures, and again whatever the clean-up in between forms anew.
    unsafe fn legalise(&mut self) -> Result<(), String> {
        let ir = Ir::new(self.module);
        let mut lower = Lower::new(&ir);
        lower.run();
        let mut abi = Abi::new(&ir);
        abi.run();
        self.strip_sret();
        self.keep("legal");
        // Function passes only: none of these can change a signature.
        self.passes(&format!(
            "function(sroa,early-cse<memssa>,{COMBINE},simplifycfg,gvn,dse,adce,{COMBINE},simplifycfg)"
        ))?;
        loop {
            let rewritten = lower.run();
            abi.run();
            if rewritten == 0 {
                break;
            }
            self.passes("function(early-cse,simplifycfg)")?;
        }
        if lower.errors.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = lower.errors.into_iter().collect();
        Err(format!("cannot lower:\n  {}", list.join("\n  ")))
    }

    /// An sBPF v0 program has no writable memory but the stack, the heap and its accounts: writing a static faults.
    ///
    /// The optimiser has made constant every static that nothing stores to, and dropped every one that the entry
    /// point cannot reach. What is left is written, or its address goes where a write cannot be excluded.
    unsafe fn refuse_written_statics(&mut self) -> Result<(), String> {
        let mut written = vec![];
        for global in globals(self.module) {
            let n = name(global);
            if LLVMIsGlobalConstant(global) == 0 && LLVMIsDeclaration(global) == 0 && !n.starts_with("llvm.") {
                written.push(format!("  `{}`", demangled(&n)));
            }
        }
        if written.is_empty() {
            return Ok(());
        }
        Err(format!(
            "static that is written; a program's statics are read-only and the write would fault. Keep state in accounts, or pass it as an argument:\n{}",
            written.join("\n")
        ))
    }

    unsafe fn object(&mut self) -> Result<Vec<u8>, String> {
        let (mut memory, mut message) = (std::ptr::null_mut(), std::ptr::null_mut());
        let kind = LLVMCodeGenFileType::LLVMObjectFile;
        let failed =
            LLVMTargetMachineEmitToMemoryBuffer(self.machine, self.module, kind, &mut message, &mut memory) != 0;
        if failed || !self.errors.is_empty() {
            return Err(format!("code generation: {}", self.complaints()));
        }
        let bytes = std::slice::from_raw_parts(LLVMGetBufferStart(memory) as *const u8, LLVMGetBufferSize(memory));
        if let Some(folder) = &self.dump {
            std::fs::write(folder.join("out.o"), bytes).map_err(|e| e.to_string())?;
        }
        Ok(bytes.to_vec())
    }
}
