//! The L2 state: accounts and their storage, in sparse tries below one root.

use crate::{
    preimages::{MissingPreimage, Preimages},
    trie::Trie,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, TrieAccount};
use postern_protocol::{
    outbox::{Frontier, MAX_DEPTH},
    predeploys,
};
use revm::{
    Database,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};

/// An account, without its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// ETH, in wei.
    pub balance: U256,
    /// Keccak-256 of the code.
    pub code_hash: B256,
}

/// What `eth_getProof` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// The account; the empty one if there is none.
    pub account: TrieAccount,
    /// Nodes from the state root down.
    pub proof: Vec<Bytes>,
    /// One for each slot asked for.
    pub storage: Vec<StorageProof>,
}

/// The storage part of an [`AccountProof`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageProof {
    /// Slot.
    pub slot: U256,
    /// Its value.
    pub value: U256,
    /// Nodes from the storage root down.
    pub proof: Vec<Bytes>,
}

/// What a commit made of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateUpdate {
    /// State root.
    pub root: B256,
    /// Accounts that are another now, or are gone, in order.
    pub accounts: Vec<Address>,
    /// New trie nodes and new code, by hash: with what was there before, all that the state at `root` needs.
    pub preimages: Vec<(B256, Bytes)>,
}

/// The state at a root and the changes made since. Loads lazily, so that creating one costs nothing; nothing is ever
/// written to the preimages.
#[derive(Clone, Debug)]
pub struct State<P> {
    preimages: P,
    root: B256,
    accounts: Trie,
    entries: BTreeMap<Address, Entry>,
    /// Those among which the changed ones are, so that a commit need not look at all.
    touched: BTreeSet<Address>,
    codes: Codes,
    new_codes: Vec<(B256, Bytes)>,
}

/// Code by its hash. Loading code is cheap for whoever makes a transaction do it, but that it stays in memory is not paid for:
/// accounts with all the code that one batch can load would fill the memory of the fault-proof machine.
#[derive(Clone, Debug, Default)]
struct Codes {
    /// Created since the state was, and so perhaps nowhere else.
    created: BTreeMap<B256, Bytecode>,
    /// Loaded, and forgotten where it is too much.
    loaded: BTreeMap<B256, Bytecode>,
    /// Bytes of `loaded`.
    loaded_length: usize,
}

/// Most bytes of loaded code that are kept.
const MAX_LOADED_CODE: usize = 1 << 24;

impl Codes {
    fn get(&self, hash: &B256) -> Option<&Bytecode> {
        self.created.get(hash).or_else(|| self.loaded.get(hash))
    }

    fn keep_loaded(&mut self, hash: B256, code: Bytecode) {
        if self.loaded_length + code.len() > MAX_LOADED_CODE {
            self.loaded.clear();
            self.loaded_length = 0;
        }
        self.loaded_length += code.len();
        self.loaded.insert(hash, code);
    }
}

/// An account that was read or written.
#[derive(Clone, Debug)]
struct Entry {
    /// As it is now; its storage root is that of the last commit. `None` if there is no such account.
    account: Option<TrieAccount>,
    /// Whether it differs from the trie.
    changed: bool,
    /// The slots read or written, as they are now.
    slots: BTreeMap<U256, U256>,
    /// Which of them differ from `trie`.
    written: BTreeSet<U256>,
    /// Storage as of the last commit.
    storage: Trie,
}

impl Entry {
    fn new(account: Option<TrieAccount>) -> Self {
        let storage = Trie::new(account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root));
        Self { account, changed: false, slots: BTreeMap::new(), written: BTreeSet::new(), storage }
    }

    /// The account, to be changed; created if there is none.
    fn edit(&mut self) -> &mut TrieAccount {
        self.changed = true;
        self.account.get_or_insert_default()
    }

    /// A slot as of the last commit.
    fn committed(&mut self, preimages: &impl Preimages, slot: U256) -> Result<U256, MissingPreimage> {
        let root = self.account.unwrap_or_default().storage_root;
        match self.storage.get(preimages, hash_slot(slot))? {
            Some(mut rlp) => U256::decode(&mut rlp).map_err(|_| MissingPreimage(root)),
            None => Ok(U256::ZERO),
        }
    }

    fn set_slot(&mut self, slot: U256, value: U256) {
        self.slots.insert(slot, value);
        self.written.insert(slot);
        self.edit();
    }

    /// Leaves no account and no storage.
    fn clear(&mut self) {
        *self = Self { changed: true, ..Self::new(None) };
    }
}

impl<P: Preimages> State<P> {
    /// The state at `root`.
    pub fn new(preimages: P, root: B256) -> Self {
        Self {
            preimages,
            root,
            accounts: Trie::new(root),
            entries: BTreeMap::new(),
            touched: BTreeSet::new(),
            codes: Codes::default(),
            new_codes: Vec::new(),
        }
    }

    /// Where it reads.
    pub fn preimages(&self) -> &P {
        &self.preimages
    }

    /// The root of the last commit, at first that of `new`.
    pub fn root(&self) -> B256 {
        self.root
    }

    /// An account; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If a trie node is missing, as everywhere here.
    pub fn account(&mut self, address: Address) -> Result<Option<Account>, MissingPreimage> {
        let account = self.entry(address)?.account;
        Ok(account.map(|TrieAccount { nonce, balance, code_hash, .. }| Account { nonce, balance, code_hash }))
    }

    /// A storage slot; zero if it, or the account, does not exist.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn storage(&mut self, address: Address, slot: U256) -> Result<U256, MissingPreimage> {
        self.entry(address)?;
        let Self { entries, preimages, .. } = self;
        let entry = entries.get_mut(&address).expect("loaded above");
        if let Some(value) = entry.slots.get(&slot) {
            return Ok(*value);
        }
        let value = entry.committed(preimages, slot)?;
        entry.slots.insert(slot, value);
        Ok(value)
    }

    /// The code of an account; empty if it has none or does not exist.
    ///
    /// # Errors
    ///
    /// If a trie node or the code is missing.
    pub fn code(&mut self, address: Address) -> Result<Bytes, MissingPreimage> {
        match self.account(address)? {
            Some(account) => Ok(self.code_by_hash(account.code_hash)?.original_bytes()),
            None => Ok(Bytes::new()),
        }
    }

    /// Proof of an account and of some of its slots under the root of the last commit.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn proof(&mut self, address: Address, slots: &[U256]) -> Result<AccountProof, MissingPreimage> {
        // Changes that are not committed are in the entries, not in the tries. A fresh entry sees what the proof shows.
        let account = load(&mut self.accounts, &self.preimages, self.root, address)?;
        let mut entry = Entry::new(account);
        let storage = slots.iter().map(|&slot| {
            let value = entry.committed(&self.preimages, slot)?;
            let proof = entry.storage.proof(&self.preimages, hash_slot(slot))?;
            Ok(StorageProof { slot, value, proof })
        });
        Ok(AccountProof {
            storage: storage.collect::<Result<_, _>>()?,
            proof: self.accounts.proof(&self.preimages, keccak256(address))?,
            account: account.unwrap_or_default(),
        })
    }

    /// The outbox as it is in this state.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn outbox(&mut self) -> Result<Frontier, MissingPreimage> {
        let count = low_u64(self.storage(predeploys::OUTBOX, predeploys::OUTBOX_COUNT_SLOT)?);
        let mut nodes = [B256::ZERO; MAX_DEPTH];
        // The other heights hold what is no longer part of the tree.
        for (height, node) in nodes.iter_mut().enumerate().filter(|(height, _)| count >> height & 1 == 1) {
            *node = self.storage(predeploys::OUTBOX, predeploys::outbox_frontier_slot(height))?.into();
        }
        Ok(Frontier::new(count, nodes))
    }

    /// Hashes what changed. The state goes on from there.
    ///
    /// # Errors
    ///
    /// If a trie node is missing; the state must not be used any more then.
    pub fn commit(&mut self) -> Result<StateUpdate, MissingPreimage> {
        let mut preimages = core::mem::take(&mut self.new_codes);
        let mut accounts = Vec::new();
        for address in core::mem::take(&mut self.touched) {
            let entry = self.entries.get_mut(&address).expect("loaded before it was touched");
            if !core::mem::take(&mut entry.changed) {
                continue;
            }
            accounts.push(address);
            let key = keccak256(address);
            let Some(account) = &mut entry.account else {
                self.accounts.remove(&self.preimages, key)?;
                continue;
            };
            for slot in core::mem::take(&mut entry.written) {
                let key = hash_slot(slot);
                let value = entry.slots[&slot];
                if value.is_zero() {
                    entry.storage.remove(&self.preimages, key)?;
                } else {
                    entry.storage.insert(&self.preimages, key, alloy_rlp::encode(value))?;
                }
            }
            account.storage_root = entry.storage.commit(&mut preimages);
            self.accounts.insert(&self.preimages, key, alloy_rlp::encode(*account))?;
        }
        self.root = self.accounts.commit(&mut preimages);
        Ok(StateUpdate { root: self.root, accounts, preimages })
    }

    /// Takes over what a transaction changed.
    pub(crate) fn apply(&mut self, changes: EvmState) -> Result<(), MissingPreimage> {
        let changes: BTreeMap<_, _> = changes.into_iter().filter(|(_, account)| account.is_touched()).collect();
        for (address, account) in changes {
            self.touch(address)?;
            let Self { entries, codes, new_codes, .. } = self;
            let entry = entries.get_mut(&address).expect("loaded above");
            // What was created and destroyed in one transaction (EIP-6780), and empty accounts once touched (EIP-161).
            if account.is_selfdestructed() || account.is_empty() {
                if entry.account.is_some() {
                    entry.clear();
                }
                continue;
            }
            if account.is_created() {
                entry.clear();
            }
            let info = &account.info;
            let known = entry.account;
            if known.is_none_or(|known| {
                (known.nonce, known.balance, known.code_hash) != (info.nonce, info.balance, info.code_hash)
            }) {
                let account = entry.edit();
                account.nonce = info.nonce;
                account.balance = info.balance;
                account.code_hash = info.code_hash;
            }
            if let Some(code) = &info.code
                && !code.is_empty()
                && known.is_none_or(|known| known.code_hash != info.code_hash)
            {
                new_codes.push((info.code_hash, code.original_bytes()));
                codes.created.insert(info.code_hash, code.clone());
            }
            for (slot, value) in account.changed_storage_slots() {
                entry.set_slot(*slot, value.present_value());
            }
        }
        Ok(())
    }

    /// Adds `amount` wei to an account.
    pub(crate) fn credit(&mut self, address: Address, amount: U256) -> Result<(), MissingPreimage> {
        if !amount.is_zero() {
            let account = self.touch(address)?.edit();
            // There is not so much ETH on L1.
            account.balance = account.balance.saturating_add(amount);
        }
        Ok(())
    }

    /// Counts one more transaction of an account.
    pub(crate) fn increment_nonce(&mut self, address: Address) -> Result<(), MissingPreimage> {
        let account = self.touch(address)?.edit();
        account.nonce = account.nonce.saturating_add(1);
        Ok(())
    }

    /// Writes a slot, as the derivation does in predeploys.
    pub(crate) fn set_storage(&mut self, address: Address, slot: U256, value: U256) -> Result<(), MissingPreimage> {
        self.touch(address)?.set_slot(slot, value);
        Ok(())
    }

    /// Puts an account into a state that has none there.
    pub(crate) fn create(
        &mut self,
        address: Address,
        nonce: u64,
        balance: U256,
        code: Bytes,
    ) -> Result<(), MissingPreimage> {
        let code = bytecode(code);
        let code_hash = code.hash_slow();
        *self.touch(address)?.edit() = TrieAccount { nonce, balance, code_hash, ..TrieAccount::default() };
        if !code.is_empty() {
            self.new_codes.push((code_hash, code.original_bytes()));
            self.codes.created.insert(code_hash, code);
        }
        Ok(())
    }

    /// An account that may change.
    fn touch(&mut self, address: Address) -> Result<&mut Entry, MissingPreimage> {
        self.entry(address)?;
        self.touched.insert(address);
        Ok(self.entries.get_mut(&address).expect("loaded above"))
    }

    fn entry(&mut self, address: Address) -> Result<&mut Entry, MissingPreimage> {
        use alloc::collections::btree_map::Entry as Slot;
        match self.entries.entry(address) {
            Slot::Occupied(entry) => Ok(entry.into_mut()),
            Slot::Vacant(vacant) => {
                let account = load(&mut self.accounts, &self.preimages, self.root, address)?;
                Ok(vacant.insert(Entry::new(account)))
            }
        }
    }
}

impl<P: Preimages> Database for State<P> {
    type Error = MissingPreimage;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, MissingPreimage> {
        let account = self.account(address)?;
        Ok(account.map(|Account { nonce, balance, code_hash }| AccountInfo {
            nonce,
            balance,
            code_hash,
            code: None,
            account_id: None,
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, MissingPreimage> {
        if code_hash == KECCAK_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.codes.get(&code_hash) {
            return Ok(code.clone());
        }
        let code = bytecode(self.preimages.get(&code_hash).ok_or(MissingPreimage(code_hash))?);
        self.codes.keep_loaded(code_hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, MissingPreimage> {
        Self::storage(self, address, slot)
    }

    /// The derivation keeps the hashes where EIP-2935 does.
    fn block_hash(&mut self, number: u64) -> Result<B256, MissingPreimage> {
        Self::storage(self, predeploys::HISTORY, history_slot(number)).map(Into::into)
    }
}

/// Slot of the history contract with the hash of block `number`.
pub(crate) fn history_slot(number: u64) -> U256 {
    U256::from(number % predeploys::HISTORY_WINDOW)
}

/// The lowest 64 bits of a slot that packs several values.
pub(crate) fn low_u64(slot: U256) -> u64 {
    slot.as_limbs()[0]
}

fn load(
    accounts: &mut Trie,
    preimages: &impl Preimages,
    root: B256,
    address: Address,
) -> Result<Option<TrieAccount>, MissingPreimage> {
    let rlp = accounts.get(preimages, keccak256(address))?;
    rlp.map(|mut rlp| TrieAccount::decode(&mut rlp).map_err(|_| MissingPreimage(root))).transpose()
}

fn hash_slot(slot: U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

/// Code that begins like an EIP-7702 delegation and is none cannot be deployed (EIP-3541), but a genesis could have it.
fn bytecode(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}
