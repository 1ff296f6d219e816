//! Runs `program` in the virtual machine on random operands, edge cases among them, and expects the host's results.
//!
//! `CASES` (default 300) is how many operands each group gets, `SEED` (default 1) where the random numbers start.
use litesvm::LiteSVM;
use rand::{rngs::StdRng, Rng, SeedableRng};
use sbpf_proof_program::{compute, instruction, GROUPS};
use solana_address::Address;
use solana_compute_budget::compute_budget::ComputeBudget;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;
use std::path::Path;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Small, large, sparse, full and around powers of two.
fn integer(r: &mut StdRng) -> i128 {
    let v: u128 = r.gen();
    let power = 1u128 << r.gen_range(0..128);
    (match r.gen_range(0..8) {
        0..=2 => v >> r.gen_range(0..128),
        3 => !(v >> r.gen_range(0..128)),
        4 => power,
        5 => power - 1,
        6 => power.wrapping_neg(),
        _ => r.gen_range(0..20),
    }) as i128
}

fn float(r: &mut StdRng) -> f64 {
    let zero_or_one = [0.0, -0.0, 1.0, -1.0];
    let special = [
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        2f64.powi(64),
        -2f64.powi(63),
    ];
    match r.gen_range(0..9) {
        0 => f64::from_bits(r.gen()),
        1 => r.gen::<i64>() as f64,
        2 => r.gen_range(-1000..1000) as f64 / 8.0,
        3 => zero_or_one[r.gen_range(0..zero_or_one.len())],
        4 => special[r.gen_range(0..special.len())],
        5 => r.gen_range(-1e40..1e40),
        6 => r.gen(),
        7 => r.gen_range(-1e6..1e6),
        _ => (r.gen::<f32>() * 1e10) as f64,
    }
}

struct Machine {
    svm: LiteSVM,
    payer: Keypair,
    program: Address,
}

impl Machine {
    fn new() -> Self {
        let mut budget = ComputeBudget::new_with_defaults(false);
        budget.compute_unit_limit = 100_000_000;
        let mut svm = LiteSVM::new().with_compute_budget(budget).with_sigverify(false).with_transaction_history(0);
        let program = Address::new_from_array([7; 32]);
        let file = std::env::var("PROGRAM").expect("PROGRAM names the file; run make toolchain-proof");
        svm.add_program_from_file(program, Path::new(&file)).expect("the loader takes the program");
        let payer = Keypair::new();
        svm.airdrop(&payer.pubkey(), 1_000_000_000_000).expect("money");
        Machine { svm, payer, program }
    }

    /// The results of one instruction. The machine cuts trailing zeros off; `length` is how many bytes there were.
    fn run(&mut self, data: Vec<u8>, length: usize) -> Vec<u8> {
        self.svm.expire_blockhash();
        let instruction = Instruction { program_id: self.program, accounts: vec![], data };
        let message = Message::new(&[instruction], Some(&self.payer.pubkey()));
        let transaction = Transaction::new(&[&self.payer], message, self.svm.latest_blockhash());
        let done = self.svm.send_transaction(transaction).unwrap_or_else(|e| panic!("{:?} {:#?}", e.err, e.meta.logs));
        let mut results = done.return_data.data;
        results.resize(results.len().max(length), 0);
        results
    }
}

#[test]
fn the_machine_computes_what_the_host_computes() {
    let mut machine = Machine::new();
    let mut r = StdRng::seed_from_u64(number("SEED", 1));
    for case in 0..number("CASES", 300) {
        for group in 0..GROUPS.len() as u8 {
            let (mut a, mut b, x, y) = (integer(&mut r), integer(&mut r), float(&mut r), float(&mut r));
            if case % 10 == 0 {
                b = a.wrapping_add(r.gen_range(-1..2));
            }
            if case % 17 == 0 {
                a = [i128::MIN, i128::MAX, 0, -1, 1][r.gen_range(0..5)];
            }
            let host = compute(group, a, b, x, y).expect("a group");
            let machine = machine.run(instruction(group, a, b, x, y), host.len());
            assert!(machine == host, "group {group} a {a} b {b} x {x:?} y {y:?}:\n{machine:?}\n{host:?}");
        }
    }
}
