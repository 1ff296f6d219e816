//! Whom to tell of a flaw stands in the binary, where a scanner that knows nothing of the source finds it.

use novate_tests::world::program_path;
use solana_security_txt::{find_and_parse, Contact, SECURITY_TXT_BEGIN, SECURITY_TXT_END};

fn count(binary: &[u8], text: &str) -> usize {
    binary.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

#[test]
fn the_binary_says_whom_to_tell_of_a_flaw() {
    let binary = std::fs::read(program_path()).expect("run `make program`");
    // Readers take the first that they find.
    assert_eq!([SECURITY_TXT_BEGIN, SECURITY_TXT_END].map(|mark| count(&binary, mark)), [1, 1]);
    let text = find_and_parse(&binary).expect("a text in the agreed form");
    assert_eq!((text.name.as_str(), text.project_url.as_str()), ("Novate", "private"));
    let [Contact::Other(contact)] = text.contacts.as_slice() else { panic!("one contact, of no service") };
    assert!(contact.contains("SECURITY.md") && text.policy.contains("SECURITY.md"));
    assert_eq!(text.source_release.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(text.auditors, ["None"]);
    let policy = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../SECURITY.md")).unwrap();
    assert!(policy.contains("in private"));
}
