//! Whom to tell of a flaw, as explorers and scanners find it in the deployed binary: a `security.txt` in the form that Solana's tools read,
//! names and values between two marks.

/// Names and values, each with the zero byte that ends it, between the marks.
macro_rules! text {
    ($($name:literal: $value:expr,)*) => {
        concat!(
            "=======BEGIN SECURITY.TXT V1=======\0",
            $($name, "\0", $value, "\0",)*
            "=======END SECURITY.TXT V1=======\0"
        )
    };
}

/// The source has no public place and its maintainers no public address: the repository's own page says how to report. Whoever deploys the
/// program names an address of theirs here.
static SECURITY_TXT: &str = text! {
    "name": "Novate",
    "project_url": "private",
    "contacts": "other:the maintainers of the source repository (see its SECURITY.md)",
    "policy": "Report in private, with a test or a sequence of instructions that shows the flaw. Not audited, no bounty. SECURITY.md in the source repository has the rest.",
    "preferred_languages": "en",
    "source_release": env!("CARGO_PKG_VERSION"),
    "auditors": "None",
};

/// Nothing refers to the text, and a linker drops what nothing refers to: an instruction that is seldom sent calls this.
pub(crate) fn keep() {
    core::hint::black_box(SECURITY_TXT);
}
