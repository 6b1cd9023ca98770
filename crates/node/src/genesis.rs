//! The beginning of an L2: its predeploys, the header of block 0, the output that L1 starts from, and the file that
//! carries them.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use alloy::{
    consensus::{Header, Sealed},
    eips::eip2935::HISTORY_STORAGE_CODE,
    primitives::{Address, B256, Bytes, U256},
};
use postern_bindings::{Create2Factory, FeeVault, L1Info, Outbox};
use postern_execution::GenesisAccount;
use postern_protocol::{output::Output, predeploys};
use serde::{Deserialize, Serialize};

/// Slot of `FeeVault` that holds the account to which the fees go.
const FEE_VAULT_RECIPIENT_SLOT: U256 = U256::ZERO;

/// What differs from one L2 to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisConfig {
    /// Chain id of the L2.
    pub l2_chain_id: u64,
    /// Time of block 0, in seconds.
    pub timestamp: u64,
    /// Account to which the `FeeVault` pays what it collected.
    pub fee_recipient: Address,
    /// Balances to begin with, in wei. They are not backed by ETH in the bridge: for test chains only.
    pub fund: BTreeMap<Address, U256>,
}

/// The beginning of an L2.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// Chain id of the L2.
    pub l2_chain_id: u64,
    /// Header of block 0.
    pub header: Sealed<Header>,
    /// The output before the first batch.
    pub output: Output,
    /// Trie nodes and contract codes of the state, by their hash.
    pub preimages: Vec<(B256, Bytes)>,
    accounts: BTreeMap<Address, GenesisAccount>,
}

/// Why a genesis file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The file is missing or cannot be read.
    #[error("cannot read genesis {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not what `postern-node genesis` writes.
    #[error("{} is not a genesis file: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The accounts of the file do not lead to the roots that it names.
    #[error("genesis {} is damaged: its {field} is {received}, its accounts give {expected}", path.display())]
    RootMismatch {
        /// The file.
        path: PathBuf,
        /// Key of the root in the file.
        field: &'static str,
        /// What the file says.
        received: B256,
        /// What its accounts lead to.
        expected: B256,
    },
    /// The file cannot be written.
    #[error("cannot write genesis {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Genesis {
    /// The genesis of a new L2.
    pub fn build(config: &GenesisConfig) -> Self {
        let contract = |code: &Bytes| GenesisAccount { nonce: 1, code: code.clone(), ..Default::default() };
        let mut fee_vault = contract(&FeeVault::DEPLOYED_BYTECODE);
        // A zero word is an absent slot.
        if !config.fee_recipient.is_zero() {
            let recipient = U256::from_be_bytes(config.fee_recipient.into_word().0);
            fee_vault.storage.insert(FEE_VAULT_RECIPIENT_SLOT, recipient);
        }
        let mut accounts = BTreeMap::from([
            (predeploys::L1_INFO, contract(&L1Info::DEPLOYED_BYTECODE)),
            (predeploys::OUTBOX, contract(&Outbox::DEPLOYED_BYTECODE)),
            (predeploys::FEE_VAULT, fee_vault),
            (predeploys::CREATE2_FACTORY, contract(&Create2Factory::DEPLOYED_BYTECODE)),
            (predeploys::HISTORY, contract(&HISTORY_STORAGE_CODE)),
        ]);
        for (&address, &balance) in &config.fund {
            accounts.entry(address).or_default().balance = balance;
        }
        Self::from_accounts(config.l2_chain_id, config.timestamp, accounts)
    }

    fn from_accounts(l2_chain_id: u64, timestamp: u64, accounts: BTreeMap<Address, GenesisAccount>) -> Self {
        let postern_execution::Genesis { header, output, preimages } =
            postern_execution::genesis(l2_chain_id, timestamp, &accounts);
        Self { l2_chain_id, header, output, preimages, accounts }
    }

    /// Hash of block 0.
    pub fn block_hash(&self) -> B256 {
        self.header.hash()
    }

    /// Root of the output before the first batch, which L1 is deployed with.
    pub fn output_root(&self) -> B256 {
        self.output.root()
    }

    /// Reads a genesis file, and computes its roots anew.
    ///
    /// # Errors
    /// If the file cannot be read, is malformed, or names other roots than its accounts give.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, GenesisError> {
        let path = path.as_ref();
        let text =
            std::fs::read(path).map_err(|source| GenesisError::Unreadable { path: path.to_path_buf(), source })?;
        let file: File = serde_json::from_slice(&text)
            .map_err(|source| GenesisError::Malformed { path: path.to_path_buf(), source })?;
        let accounts = file.alloc.into_iter().map(|(address, account)| (address, account.into())).collect();
        let genesis = Self::from_accounts(file.l2_chain_id, file.timestamp, accounts);
        for (field, received, expected) in [
            ("stateRoot", file.state_root, genesis.output.state_root),
            ("blockHash", file.block_hash, genesis.block_hash()),
            ("outputRoot", file.output_root, genesis.output_root()),
        ] {
            if received != expected {
                return Err(GenesisError::RootMismatch { path: path.to_path_buf(), field, received, expected });
            }
        }
        Ok(genesis)
    }

    /// Writes the genesis file, and the directory it is in.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), GenesisError> {
        let path = path.as_ref();
        let file = File {
            l2_chain_id: self.l2_chain_id,
            timestamp: self.header.timestamp,
            alloc: self.accounts.iter().map(|(&address, account)| (address, account.into())).collect(),
            state_root: self.output.state_root,
            block_hash: self.block_hash(),
            output_root: self.output_root(),
        };
        let write = || {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            let mut text = serde_json::to_vec_pretty(&file)?;
            text.push(b'\n');
            std::fs::write(path, text)
        };
        write().map_err(|source| GenesisError::Unwritable { path: path.to_path_buf(), source })
    }
}

/// The genesis file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    l2_chain_id: u64,
    timestamp: u64,
    alloc: BTreeMap<Address, FileAccount>,
    state_root: B256,
    block_hash: B256,
    output_root: B256,
}

/// An account of the genesis file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAccount {
    balance: U256,
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<B256, B256>,
}

impl From<&GenesisAccount> for FileAccount {
    fn from(account: &GenesisAccount) -> Self {
        let storage = account.storage.iter().map(|(&slot, &value)| (slot.into(), value.into())).collect();
        Self { balance: account.balance, nonce: account.nonce, code: account.code.clone(), storage }
    }
}

impl From<FileAccount> for GenesisAccount {
    fn from(account: FileAccount) -> Self {
        let storage = account.storage.into_iter().map(|(slot, value)| (slot.into(), value.into())).collect();
        Self { balance: account.balance, nonce: account.nonce, code: account.code, storage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> GenesisConfig {
        GenesisConfig {
            l2_chain_id: 42_069,
            timestamp: 1_700_000_000,
            fee_recipient: Address::with_last_byte(0xfe),
            fund: BTreeMap::from([(Address::with_last_byte(7), U256::from(10).pow(U256::from(18)))]),
        }
    }

    /// Writes the genesis of `config()`, lets `damage` change the text, and loads it.
    fn load_damaged(damage: impl FnOnce(&mut serde_json::Value)) -> Result<Genesis, GenesisError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("genesis.json");
        Genesis::build(&config()).write(&path).unwrap();
        let mut file = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        damage(&mut file);
        std::fs::write(&path, file.to_string()).unwrap();
        Genesis::load(&path)
    }

    #[test]
    fn reads_what_it_writes() {
        let built = Genesis::build(&config());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deployments/42069/genesis.json");
        built.write(&path).unwrap();

        let loaded = Genesis::load(&path).unwrap();

        assert_eq!(loaded.l2_chain_id, 42_069);
        assert_eq!(loaded.header, built.header);
        assert_eq!(loaded.output, built.output);
        assert_eq!(loaded.preimages, built.preimages);
    }

    #[test]
    fn block_0_and_the_output_agree() {
        let genesis = Genesis::build(&config());

        assert_eq!(genesis.header.number, 0);
        assert_eq!(genesis.header.parent_hash, B256::ZERO);
        assert_eq!(genesis.header.timestamp, 1_700_000_000);
        let expected = Output {
            l2_chain_id: 42_069,
            state_root: genesis.header.state_root,
            outbox_root: B256::ZERO,
            block_hash: genesis.block_hash(),
            block_number: 0,
            batch_count: 0,
        };
        assert_eq!(genesis.output, expected);
    }

    #[test]
    fn the_state_holds_the_predeploys() {
        let genesis = Genesis::build(&config());
        let preimages = genesis.preimages.iter().cloned().collect();
        let witness = postern_execution::Witness { preimages, ..Default::default() };
        let mut state = postern_execution::State::new(witness, genesis.output.state_root);

        for (address, code) in [
            (predeploys::L1_INFO, &L1Info::DEPLOYED_BYTECODE),
            (predeploys::OUTBOX, &Outbox::DEPLOYED_BYTECODE),
            (predeploys::FEE_VAULT, &FeeVault::DEPLOYED_BYTECODE),
            (predeploys::CREATE2_FACTORY, &Create2Factory::DEPLOYED_BYTECODE),
            (predeploys::HISTORY, &HISTORY_STORAGE_CODE),
        ] {
            assert!(!code.is_empty(), "{address} has no code");
            assert_eq!(state.code(address).unwrap(), *code);
            assert_eq!(state.account(address).unwrap().unwrap().nonce, 1);
        }
        assert_eq!(state.storage(predeploys::FEE_VAULT, U256::ZERO).unwrap(), U256::from(0xfe));
        let funded = state.account(Address::with_last_byte(7)).unwrap().unwrap();
        assert_eq!(funded.balance, U256::from(10).pow(U256::from(18)));
    }

    #[test]
    fn names_the_root_that_does_not_fit() {
        let mismatch = |result| match result {
            Err(GenesisError::RootMismatch { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let balance = |file: &mut serde_json::Value| {
            file["alloc"][format!("{:?}", Address::with_last_byte(7))]["balance"] = "0x1".into();
        };

        assert_eq!(mismatch(load_damaged(balance)), "stateRoot");
        assert_eq!(mismatch(load_damaged(|file| file["timestamp"] = 1.into())), "blockHash");
        assert_eq!(mismatch(load_damaged(|file| file["l2ChainId"] = 1.into())), "outputRoot");
    }

    #[test]
    fn refuses_what_is_not_a_genesis() {
        let malformed = |result| matches!(result, Err(GenesisError::Malformed { .. }));

        assert!(malformed(load_damaged(|file| *file = serde_json::json!([]))));
        assert!(malformed(load_damaged(|file| file["outputRoot"] = "0x12".into())));
        assert!(malformed(load_damaged(|file| file["surprise"] = 1.into())));
        let missing = Path::new("/nonexistent/genesis.json");
        assert!(matches!(Genesis::load(missing), Err(GenesisError::Unreadable { path, .. }) if path == missing));
    }
}
