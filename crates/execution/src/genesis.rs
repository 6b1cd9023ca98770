//! The first block.

use crate::{block::empty_header, preimages::Witness, state::State};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, Sealable, Sealed, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use postern_protocol::{constants::INITIAL_BASE_FEE, output::Output, predeploys};

/// An account that exists from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// ETH, in wei.
    pub balance: U256,
    /// Nonce.
    pub nonce: u64,
    /// Code, as deployed.
    pub code: Bytes,
    /// Storage; zeros count as absent.
    pub storage: BTreeMap<U256, U256>,
}

/// The first block and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Header of block 0.
    pub header: Sealed<Header>,
    /// The genesis output: no batches, no messages.
    pub output: Output,
    /// All trie nodes and code, by hash.
    pub preimages: Vec<(B256, Bytes)>,
}

/// The genesis of a chain with these accounts, which should include the predeploys.
pub fn genesis(l2_chain_id: u64, timestamp: u64, accounts: &BTreeMap<Address, GenesisAccount>) -> Genesis {
    const EMPTY: &str = "an empty trie has no nodes to be missing";
    let mut state = State::new(Witness::default(), EMPTY_ROOT_HASH);
    for (address, account) in accounts {
        let GenesisAccount { balance, nonce, code, storage } = account;
        state.create(*address, *nonce, *balance, code.clone()).expect(EMPTY);
        for (slot, value) in storage.iter().filter(|(_, value)| !value.is_zero()) {
            state.set_storage(*address, *slot, *value).expect(EMPTY);
        }
    }
    let update = state.commit().expect(EMPTY);
    let header = Header {
        beneficiary: predeploys::FEE_VAULT,
        state_root: update.root,
        timestamp,
        base_fee_per_gas: Some(INITIAL_BASE_FEE),
        ..empty_header()
    }
    .seal_slow();
    let output = Output {
        l2_chain_id,
        state_root: update.root,
        outbox_root: B256::ZERO,
        block_hash: header.seal(),
        block_number: 0,
        batch_count: 0,
    };
    Genesis { header, output, preimages: update.preimages }
}
