//! Lookup tables: how a transaction names more accounts than a packet has bytes for.

use novate_client::{Instruction, Pubkey};
use solana_address_lookup_table_interface::instruction::{create_lookup_table, extend_lookup_table};
use solana_clock::Clock;
use solana_message::AddressLookupTableAccount;
use solana_signer::Signer;

use crate::World;

/// Addresses that one extension carries within a packet.
const CHUNK: usize = 20;

impl World {
    /// A table of every account of the instructions that does not sign, usable from the next slot on.
    pub fn lookup_table(&mut self, instructions: &[Instruction]) -> AddressLookupTableAccount {
        let metas = instructions.iter().flat_map(|i| &i.accounts).filter(|m| !m.is_signer);
        let mut addresses: Vec<Pubkey> = metas.map(|m| m.pubkey).collect();
        addresses.sort();
        addresses.dedup();

        let governor = self.governor.insecure_clone();
        let slot = self.svm.get_sysvar::<Clock>().slot;
        self.svm.warp_to_slot(slot + 1);
        self.record_slot(slot);
        let (create, key) = create_lookup_table(governor.pubkey(), governor.pubkey(), slot);
        self.succeeds(&[create], &[&governor]);
        for chunk in addresses.chunks(CHUNK) {
            let extend = extend_lookup_table(key, governor.pubkey(), Some(governor.pubkey()), chunk.to_vec());
            self.succeeds(&[extend], &[&governor]);
        }
        self.svm.warp_to_slot(slot + 2);
        AddressLookupTableAccount { key, addresses }
    }
}
