//! Transactions that wait for a block.
//!
//! A sender's transactions queue by nonce. Those that follow on the account's nonce without a gap, and that its balance pays for
//! one after the other, are *executable*: they are offered to blocks, dearest tip first. The others only wait. What is in here is
//! also in the store (the chain writes it there first), so an acknowledged transaction survives a restart. The pool itself is
//! a plain value behind the chain's lock.
//!
//! Checks here are about what can never be included, or would be included at someone else's cost. What a block decides
//! anew (nonce, balance at that moment) is decided by its execution, not by this module.
//!
//! # Who may fill it
//!
//! Only who pays for it, block after block:
//!
//! - Space is counted in slots of [`SLOT`] bytes. When there is none left, those leave first that only wait, then those that offer
//!   least; never for one that offers no more. A transaction offers no more than those before it in its queue: it cannot be
//!   included without them.
//! - What is executable offers at least the lowest base fee and is covered by its sender's balance, so the next blocks with room
//!   include it, at its sender's cost. The chain tells the pool of every account that a block changed: what lost its cover, be
//!   it through the code of a delegated account (EIP-7702), only waits from then on.
//! - What waits has a quarter of the space at most, and each sender little of it, and leaves three hours after it came.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    sync::Arc,
};

use alloy::{
    consensus::{Transaction, TxEnvelope},
    primitives::{Address, B256, Bytes, U256},
};
use postern_execution::{L2Transaction, TransactionError};
use postern_protocol::constants::{MAX_QUEUED_GAS_LIMIT, MIN_BASE_FEE};
use thiserror::Error;

/// Bytes of a slot. A transaction takes one for each of these that its encoding begins. A slot full of calldata costs more gas
/// than the smallest transaction, so whoever pushes out many small ones pays at least what they would have.
const SLOT: usize = 4_096;
/// Slots of the pool: 64 MiB of encodings.
const CAPACITY: usize = 16_384;
/// Slots of one sender's transactions that only wait.
const MAX_WAITING: usize = 64;
/// Slots of all transactions of an account with code (EIP-7702), whose balance others can take at any time.
const MAX_DELEGATED: usize = 64;
/// How long a transaction may wait that is not executable, in seconds.
const LIFETIME: u64 = 3 * 60 * 60;
/// How far a transaction's nonce may be ahead of its account's.
const MAX_NONCE_GAP: u64 = 1_024;
/// By how much a replacement must pay more than what it replaces, in percent.
const REPLACEMENT_BUMP: u128 = 10;
/// Longest encoding of a transaction, in bytes: what a batch carries, less the frame of its block.
pub const MAX_TRANSACTION_SIZE: usize = postern_protocol::constants::MAX_BATCH_DATA - 64;
/// Longest code that creates a contract, in bytes (EIP-3860).
const MAX_INITCODE_SIZE: usize = 49_152;

/// Why a transaction is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PoolError {
    /// It is not the EIP-2718 encoding of a transaction of type 0, 1, 2 or 4.
    #[error("{0}")]
    Undecodable(TransactionError),
    /// Deposits come from L1 only.
    #[error("deposits come from L1 only")]
    Deposit,
    /// The encoding is too long for a batch, in bytes.
    #[error("oversized data: {received} bytes, at most {maximum}")]
    TooLarge {
        /// Length.
        received: usize,
        /// Most bytes.
        maximum: usize,
    },
    /// It is for another chain, or for any.
    #[error("invalid chain id: received {}, expected {expected}", received.map_or("none".to_owned(), |id| id.to_string()))]
    WrongChainId {
        /// Its chain id.
        received: Option<u64>,
        /// This chain's.
        expected: u64,
    },
    /// The signature is no one's.
    #[error("invalid signature")]
    BadSignature,
    /// It asks for more gas than a transaction may.
    #[error("gas limit too high: {received}, at most {maximum}")]
    GasLimitTooHigh {
        /// Its gas limit.
        received: u64,
        /// Transaction gas cap, EIP-7825.
        maximum: u64,
    },
    /// Its gas does not cover what it costs before its first instruction.
    #[error("intrinsic gas too low: have {received}, want {minimum}")]
    IntrinsicGas {
        /// Its gas limit.
        received: u64,
        /// The least gas limit.
        minimum: u64,
    },
    /// The code to create a contract is too long, in bytes.
    #[error("max initcode size exceeded: {received} bytes, at most {maximum}")]
    InitcodeTooLong {
        /// Length.
        received: usize,
        /// Most bytes, EIP-3860.
        maximum: usize,
    },
    /// It offers less than the lowest base fee, in wei per gas.
    #[error("transaction underpriced: max fee {received}, at least {minimum}")]
    Underpriced {
        /// Its maximal fee.
        received: u128,
        /// The least fee.
        minimum: u128,
    },
    /// The tip is above the maximal fee, in wei per gas.
    #[error("max priority fee per gas {tip} is higher than max fee per gas {fee}")]
    TipAboveFee {
        /// Its tip.
        tip: u128,
        /// Its maximal fee.
        fee: u128,
    },
    /// It was received before.
    #[error("already known")]
    AlreadyKnown,
    /// The account has used this nonce.
    #[error("nonce too low: next nonce {expected}, tx nonce {received}")]
    NonceTooLow {
        /// Its nonce.
        received: u64,
        /// The account's.
        expected: u64,
    },
    /// Too many nonces lie between the account's and this one.
    #[error("nonce too high: tx nonce {received}, at most {maximum}")]
    NonceTooHigh {
        /// Its nonce.
        received: u64,
        /// The highest that is taken.
        maximum: u64,
    },
    /// The account cannot pay for it, together with what it has waiting already. In wei.
    #[error("insufficient funds for gas * price + value: balance {received}, transactions cost {expected}")]
    InsufficientFunds {
        /// Balance.
        received: U256,
        /// Cost.
        expected: U256,
    },
    /// Another transaction has its nonce and would have to be outbid, in wei per gas.
    #[error("replacement transaction underpriced: max fee or tip {received}, at least {minimum}")]
    ReplacementUnderpriced {
        /// What it offers.
        received: u128,
        /// What it would have to offer.
        minimum: u128,
    },
    /// The sender has as much waiting as it may that cannot be executed yet, in slots of 4,096 bytes.
    #[error("account limit exceeded: {received} slots of transactions that cannot be executed yet, at most {maximum}")]
    TooMuchWaiting {
        /// Slots, with this transaction.
        received: usize,
        /// Most slots.
        maximum: usize,
    },
    /// The sender has code, and as many transactions as it may with that, in slots of 4,096 bytes.
    #[error("in-flight transaction limit reached for delegated accounts: {received} slots, at most {maximum}")]
    TooMuchDelegated {
        /// Slots, with this transaction.
        received: usize,
        /// Most slots.
        maximum: usize,
    },
    /// The pool is full of transactions that are as good: executable if this one is, and offering as much.
    #[error("txpool is full")]
    Full,
}

/// A transaction that waits for a block.
#[derive(Clone, Debug)]
pub struct PooledTransaction {
    /// The transaction.
    pub transaction: TxEnvelope,
    /// Who signed it.
    pub sender: Address,
    /// Its hash.
    pub hash: B256,
    /// Its EIP-2718 encoding.
    pub raw: Bytes,
}

impl PooledTransaction {
    /// Checks all that does not depend on the state.
    ///
    /// # Errors
    /// If no block of this chain could ever include it.
    pub(crate) fn decode(raw: Bytes, chain_id: u64) -> Result<Self, PoolError> {
        if raw.len() > MAX_TRANSACTION_SIZE {
            return Err(PoolError::TooLarge { received: raw.len(), maximum: MAX_TRANSACTION_SIZE });
        }
        let decoded = L2Transaction::decode(&raw).map_err(PoolError::Undecodable)?;
        let L2Transaction::Ethereum(transaction) = &decoded else { return Err(PoolError::Deposit) };
        if transaction.chain_id() != Some(chain_id) {
            return Err(PoolError::WrongChainId { received: transaction.chain_id(), expected: chain_id });
        }
        let (fee, tip) = fees(transaction);
        if tip > fee {
            return Err(PoolError::TipAboveFee { tip, fee });
        }
        if fee < u128::from(MIN_BASE_FEE) {
            return Err(PoolError::Underpriced { received: fee, minimum: MIN_BASE_FEE.into() });
        }
        let gas_limit = transaction.gas_limit();
        if gas_limit > MAX_QUEUED_GAS_LIMIT {
            return Err(PoolError::GasLimitTooHigh { received: gas_limit, maximum: MAX_QUEUED_GAS_LIMIT });
        }
        let initcode = transaction.input().len();
        if transaction.is_create() && initcode > MAX_INITCODE_SIZE {
            return Err(PoolError::InitcodeTooLong { received: initcode, maximum: MAX_INITCODE_SIZE });
        }
        let minimum = intrinsic_gas(transaction);
        if gas_limit < minimum {
            return Err(PoolError::IntrinsicGas { received: gas_limit, minimum });
        }
        let sender = decoded.recover_sender().ok_or(PoolError::BadSignature)?;
        Ok(Self { transaction: transaction.clone(), sender, hash: decoded.hash(), raw })
    }

    /// The most that it can cost its sender, in wei.
    pub(crate) fn cost(&self) -> U256 {
        let gas =
            U256::from(self.transaction.gas_limit()).saturating_mul(U256::from(self.transaction.max_fee_per_gas()));
        gas.saturating_add(self.transaction.value())
    }

    /// Space that it takes in the pool.
    fn slots(&self) -> usize {
        self.raw.len().div_ceil(SLOT)
    }

    fn nonce(&self) -> u64 {
        self.transaction.nonce()
    }

    /// What a block with this base fee earns from it, in wei per gas; none if it does not cover the base fee.
    fn tip(&self, base_fee: u64) -> Option<u128> {
        self.transaction.effective_tip_per_gas(base_fee)
    }
}

/// Maximal fee and maximal tip, in wei per gas. Both are the gas price before EIP-1559.
fn fees(transaction: &TxEnvelope) -> (u128, u128) {
    (transaction.max_fee_per_gas(), transaction.priority_fee_or_price())
}

/// The least gas limit with which Osaka starts to execute a transaction.
fn intrinsic_gas(transaction: &TxEnvelope) -> u64 {
    const BASE: u64 = 21_000;
    let input = transaction.input();
    let zeros = input.iter().filter(|byte| **byte == 0).count() as u64;
    // EIP-7623 counts calldata in tokens: one for a zero byte, four for another.
    let tokens = zeros + 4 * (input.len() as u64 - zeros);
    let create = match transaction.is_create() {
        true => 32_000 + 2 * (input.len() as u64).div_ceil(32),
        false => 0,
    };
    let access = transaction.access_list().map_or(0, |list| {
        let keys: usize = list.iter().map(|item| item.storage_keys.len()).sum();
        2_400 * list.len() as u64 + 1_900 * keys as u64
    });
    let authorizations = 25_000 * transaction.authorization_list().map_or(0, |list| list.len() as u64);
    let floor = BASE + 10 * tokens;
    floor.max(BASE + 4 * tokens + create + access + authorizations)
}

/// What the pool must know of an account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AccountState {
    /// Transactions that it sent.
    pub(crate) nonce: u64,
    /// In wei.
    pub(crate) balance: U256,
    /// Whether it has code, which can spend its balance.
    pub(crate) delegated: bool,
}

/// How good a transaction is: what is less leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    executable: bool,
    /// The least maximal fee among it and those before it, in wei per gas.
    price: u128,
}

/// Every executable transaction is at least this.
const LEAST_EXECUTABLE: Rank = Rank { executable: true, price: 0 };
/// No transaction is more than this.
const BEST: Rank = Rank { executable: true, price: u128::MAX };

/// The ranks of an account's transactions, which come in order of their nonces. None is greater than the one before.
fn ranks<'a>(
    account: AccountState,
    transactions: impl Iterator<Item = &'a PooledTransaction>,
) -> impl Iterator<Item = Rank> {
    let (mut next, mut left, mut price) = (Some(account.nonce), account.balance, u128::MAX);
    transactions.map(move |transaction| {
        let cover = left.checked_sub(transaction.cost());
        next = next.filter(|next| *next == transaction.nonce() && cover.is_some()).and_then(|next| next.checked_add(1));
        left = cover.unwrap_or_default();
        price = price.min(transaction.transaction.max_fee_per_gas());
        Rank { executable: next.is_some(), price }
    })
}

/// A transaction in a queue.
#[derive(Clone, Debug)]
struct Entry {
    transaction: Arc<PooledTransaction>,
    /// When it came, in seconds.
    arrived: u64,
    rank: Rank,
}

/// One sender's transactions.
#[derive(Debug, Default)]
struct Queue {
    account: AccountState,
    entries: BTreeMap<u64, Entry>,
}

impl Queue {
    fn transactions(&self) -> impl Iterator<Item = &PooledTransaction> {
        self.entries.values().map(|entry| entry.transaction.as_ref())
    }

    /// The rank of the transaction that leaves first.
    fn rank(&self) -> Option<Rank> {
        self.entries.values().next_back().map(|entry| entry.rank)
    }

    fn slots(&self) -> Slots {
        let entries = self.entries.values().map(|entry| (entry.transaction.as_ref(), entry.rank));
        Slots::of(entries)
    }

    fn settle(&mut self) {
        let ranks: Vec<_> = ranks(self.account, self.transactions()).collect();
        self.entries.values_mut().zip(ranks).for_each(|(entry, rank)| entry.rank = rank);
    }
}

/// Space taken, in slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slots {
    all: usize,
    /// Of these, by transactions that are not executable.
    waiting: usize,
}

impl Slots {
    fn of<'a>(transactions: impl Iterator<Item = (&'a PooledTransaction, Rank)>) -> Self {
        transactions.fold(Self::default(), |sum, (transaction, rank)| {
            let slots = transaction.slots();
            Self { all: sum.all + slots, waiting: sum.waiting + if rank.executable { 0 } else { slots } }
        })
    }

    /// What is taken once a queue takes `after` where it took `before`.
    fn with(self, before: Self, after: Self) -> Self {
        Self { all: self.all - before.all + after.all, waiting: self.waiting - before.waiting + after.waiting }
    }

    /// Whether it is no more than a sender may take.
    fn check(self, account: AccountState) -> Result<(), PoolError> {
        if self.waiting > MAX_WAITING {
            return Err(PoolError::TooMuchWaiting { received: self.waiting, maximum: MAX_WAITING });
        }
        if self.all > MAX_DELEGATED && account.delegated {
            return Err(PoolError::TooMuchDelegated { received: self.all, maximum: MAX_DELEGATED });
        }
        Ok(())
    }
}

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    by_hash: HashMap<B256, Arc<PooledTransaction>>,
    senders: HashMap<Address, Queue>,
    /// The senders, in the order in which their last transactions leave.
    order: BTreeSet<(Rank, Address)>,
    taken: Slots,
    capacity: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl Pool {
    fn new(capacity: usize) -> Self {
        let (by_hash, senders, order) = (HashMap::new(), HashMap::new(), BTreeSet::new());
        Self { by_hash, senders, order, taken: Slots::default(), capacity }
    }

    /// The transaction of this hash.
    pub(crate) fn get(&self, hash: B256) -> Option<&Arc<PooledTransaction>> {
        self.by_hash.get(&hash)
    }

    /// Whether a sender has transactions here.
    pub(crate) fn has_sender(&self, sender: Address) -> bool {
        self.senders.contains_key(&sender)
    }

    /// All who have transactions here.
    pub(crate) fn senders(&self) -> Vec<Address> {
        self.senders.keys().copied().collect()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether `transaction` would be taken, and at whose cost: the hashes that have to leave for it.
    pub(crate) fn check(&self, transaction: &PooledTransaction, account: AccountState) -> Result<Vec<B256>, PoolError> {
        if self.by_hash.contains_key(&transaction.hash) {
            return Err(PoolError::AlreadyKnown);
        }
        let nonce = transaction.nonce();
        if nonce < account.nonce {
            return Err(PoolError::NonceTooLow { received: nonce, expected: account.nonce });
        }
        let maximum = account.nonce.saturating_add(MAX_NONCE_GAP);
        if nonce > maximum {
            return Err(PoolError::NonceTooHigh { received: nonce, maximum });
        }
        let replaced = self.at(transaction.sender, nonce);
        if let Some(replaced) = replaced {
            outbids(transaction, replaced)?;
        }

        let others = || self.senders.get(&transaction.sender).into_iter().flat_map(Queue::transactions);
        let mut queue: Vec<_> = others().filter(|other| other.nonce() < nonce).collect();
        let place = queue.len();
        queue.push(transaction);
        queue.extend(others().filter(|other| other.nonce() > nonce));
        let cost = queue.iter().fold(U256::ZERO, |sum, queued| sum.saturating_add(queued.cost()));
        if cost > account.balance {
            return Err(PoolError::InsufficientFunds { received: account.balance, expected: cost });
        }

        let ranks: Vec<_> = ranks(account, queue.iter().copied()).collect();
        let slots = Slots::of(queue.into_iter().zip(ranks.iter().copied()));
        slots.check(account)?;
        let before = self.senders.get(&transaction.sender).map(Queue::slots).unwrap_or_default();
        let taken = self.taken.with(before, slots);
        let waiting = if ranks[place].executable { 0 } else { taken.waiting };
        let excess = self.excess(Slots { waiting, ..taken });
        let (mut leaving, lacking) = self.worst(excess, ranks[place], Some(transaction.sender));
        if lacking > 0 {
            return Err(PoolError::Full);
        }
        leaving.extend(replaced.map(|replaced| replaced.hash));
        Ok(leaving)
    }

    /// Adds a transaction that was checked.
    pub(crate) fn insert(&mut self, transaction: PooledTransaction, account: AccountState, arrived: u64) {
        let sender = transaction.sender;
        self.put(transaction, arrived);
        self.change(sender, |queue| queue.account = account);
    }

    /// Takes a transaction back that was taken before, whatever it offers; a better one with its nonce stays. Gives the hash
    /// of the one that left. The pool has to `look` at its sender then, and to `tidy`.
    pub(crate) fn put_back(&mut self, transaction: PooledTransaction, arrived: u64) -> Option<B256> {
        if self.by_hash.contains_key(&transaction.hash) {
            return None;
        }
        let rival = self.at(transaction.sender, transaction.nonce());
        let left = match rival {
            Some(rival) if outbids(&transaction, rival).is_err() => return Some(transaction.hash),
            rival => rival.map(|rival| rival.hash),
        };
        self.put(transaction, arrived);
        left
    }

    fn put(&mut self, transaction: PooledTransaction, arrived: u64) {
        let transaction = Arc::new(transaction);
        self.by_hash.insert(transaction.hash, transaction.clone());
        let rank = Rank { executable: false, price: 0 };
        let replaced = self.change(transaction.sender, |queue| {
            queue.entries.insert(transaction.nonce(), Entry { transaction, arrived, rank })
        });
        if let Some(replaced) = replaced {
            self.by_hash.remove(&replaced.transaction.hash);
        }
    }

    /// Removes a transaction that is in a block, or will never be.
    pub(crate) fn remove(&mut self, hash: B256) {
        if let Some(transaction) = self.by_hash.remove(&hash) {
            self.change(transaction.sender, |queue| queue.entries.remove(&transaction.nonce()));
        }
    }

    /// Tells the pool what a sender's account is now. Gives the hashes of the transactions that leave: those that it has passed,
    /// and, from the end, those that are more than a sender may have.
    pub(crate) fn look(&mut self, sender: Address, account: AccountState) -> Vec<B256> {
        if !self.has_sender(sender) {
            return Vec::new();
        }
        let left = self.change(sender, |queue| {
            queue.account = account;
            let stays = queue.entries.split_off(&account.nonce);
            let mut left: Vec<_> = std::mem::replace(&mut queue.entries, stays).into_values().collect();
            queue.settle();
            while queue.slots().check(account).is_err() {
                left.extend(queue.entries.pop_last().map(|(_, entry)| entry));
            }
            left
        });
        let left = left.into_iter().map(|entry| entry.transaction.hash);
        left.inspect(|hash| drop(self.by_hash.remove(hash))).collect()
    }

    /// Keeps its bounds at `now`, in seconds: what waited too long leaves, and what is too much. Gives the hashes.
    pub(crate) fn tidy(&mut self, now: u64) -> Vec<B256> {
        let waiting = self.order.range(..(LEAST_EXECUTABLE, Address::ZERO));
        let waiting = waiting.flat_map(|(_, sender)| self.senders[sender].entries.values());
        let late = |entry: &&Entry| !entry.rank.executable && entry.arrived.saturating_add(LIFETIME) <= now;
        let mut left: Vec<_> = waiting.filter(late).map(|entry| entry.transaction.hash).collect();
        left.iter().for_each(|hash| self.remove(*hash));
        let (worst_waiting, _) = self.worst(self.excess(self.taken), LEAST_EXECUTABLE, None);
        worst_waiting.iter().for_each(|hash| self.remove(*hash));
        let (worst, _) = self.worst(self.excess(self.taken), BEST, None);
        worst.iter().for_each(|hash| self.remove(*hash));
        left.extend(worst_waiting);
        left.extend(worst);
        left
    }

    /// The nonce that a sender's next transaction needs, its account's being `nonce`.
    pub(crate) fn next_nonce(&self, sender: Address, nonce: u64) -> u64 {
        (nonce..).find(|next| self.at(sender, *next).is_none()).unwrap_or(u64::MAX)
    }

    /// The transactions that a block with this base fee can take, in the order in which it should: a sender's by nonce, and
    /// among senders the dearest tip first.
    pub(crate) fn best(&self, base_fee: u64) -> Best<'_> {
        let mut best = Best { pool: self, base_fee, heap: BinaryHeap::new() };
        for (sender, queue) in &self.senders {
            best.offer(*sender, queue.account.nonce);
        }
        best
    }

    fn at(&self, sender: Address, nonce: u64) -> Option<&PooledTransaction> {
        let entry = self.senders.get(&sender)?.entries.get(&nonce)?;
        Some(&entry.transaction)
    }

    /// Slots that have to be freed when these are taken.
    fn excess(&self, taken: Slots) -> usize {
        taken.all.saturating_sub(self.capacity).max(taken.waiting.saturating_sub(self.capacity / 4))
    }

    /// Transactions that free so many slots: the last ones of the sender whose last one is the worst, and so on, all of them
    /// worse than `below`, and of others than `except`. With the number of slots that are still lacking.
    fn worst(&self, mut slots: usize, below: Rank, except: Option<Address>) -> (Vec<B256>, usize) {
        let mut leaving = Vec::new();
        let senders = self.order.range(..(below, Address::ZERO)).map(|(_, sender)| sender);
        for sender in senders.filter(|sender| Some(**sender) != except) {
            for entry in self.senders[sender].entries.values().rev().take_while(|entry| entry.rank < below) {
                if slots == 0 {
                    return (leaving, slots);
                }
                slots = slots.saturating_sub(entry.transaction.slots());
                leaving.push(entry.transaction.hash);
            }
        }
        (leaving, slots)
    }

    /// Changes a sender's queue, and all that depends on it.
    fn change<T>(&mut self, sender: Address, change: impl FnOnce(&mut Queue) -> T) -> T {
        let queue = self.senders.entry(sender).or_default();
        let before = queue.slots();
        if let Some(rank) = queue.rank() {
            self.order.remove(&(rank, sender));
        }
        let result = change(queue);
        queue.settle();
        self.taken = self.taken.with(before, queue.slots());
        match queue.rank() {
            Some(rank) => drop(self.order.insert((rank, sender))),
            None => drop(self.senders.remove(&sender)),
        }
        result
    }
}

/// Whether `transaction` may take the place of `replaced`: both fee and tip must rise.
fn outbids(transaction: &PooledTransaction, replaced: &PooledTransaction) -> Result<(), PoolError> {
    let (fee, tip) = fees(&transaction.transaction);
    let (old_fee, old_tip) = fees(&replaced.transaction);
    let bump = |price: u128| price.saturating_add(price.saturating_mul(REPLACEMENT_BUMP).div_ceil(100));
    for (received, minimum) in [(fee, bump(old_fee)), (tip, bump(old_tip))] {
        if received < minimum {
            return Err(PoolError::ReplacementUnderpriced { received, minimum });
        }
    }
    Ok(())
}

/// Iterator over the transactions that a block can take.
pub(crate) struct Best<'a> {
    pool: &'a Pool,
    base_fee: u64,
    /// The next transaction of each sender: (tip, sender, nonce).
    heap: BinaryHeap<(u128, Address, u64)>,
}

impl Best<'_> {
    fn offer(&mut self, sender: Address, nonce: u64) {
        let entry = self.pool.senders.get(&sender).and_then(|queue| queue.entries.get(&nonce));
        let executable = entry.filter(|entry| entry.rank.executable);
        if let Some(tip) = executable.and_then(|entry| entry.transaction.tip(self.base_fee)) {
            self.heap.push((tip, sender, nonce));
        }
    }
}

impl Iterator for Best<'_> {
    type Item = Arc<PooledTransaction>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, sender, nonce) = self.heap.pop()?;
        self.offer(sender, nonce + 1);
        Some(self.pool.senders[&sender].entries[&nonce].transaction.clone())
    }
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::{SignableTransaction, TxEip1559, TxLegacy},
        eips::Encodable2718,
        primitives::TxKind,
        signers::{SignerSync, local::PrivateKeySigner},
    };

    use super::*;

    const CHAIN_ID: u64 = 42_069;
    const GWEI: u128 = 1_000_000_000;
    const RICH: AccountState = AccountState { nonce: 0, balance: U256::MAX, delegated: false };

    fn signer(number: u8) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).unwrap()
    }

    fn valid(nonce: u64) -> TxEip1559 {
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: GWEI,
            max_priority_fee_per_gas: 100,
            to: TxKind::Call(Address::ZERO),
            ..Default::default()
        }
    }

    fn signed(from: u8, transaction: TxEip1559) -> Bytes {
        let signature = signer(from).sign_hash_sync(&transaction.signature_hash()).unwrap();
        TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
    }

    fn pooled(from: u8, transaction: TxEip1559) -> PooledTransaction {
        PooledTransaction::decode(signed(from, transaction), CHAIN_ID).unwrap()
    }

    fn paying(from: u8, nonce: u64, fee: u128, tip: u128) -> PooledTransaction {
        pooled(from, TxEip1559 { max_fee_per_gas: fee, max_priority_fee_per_gas: tip, ..valid(nonce) })
    }

    fn add(pool: &mut Pool, transaction: PooledTransaction, account: AccountState) -> Result<(), PoolError> {
        for evicted in pool.check(&transaction, account)? {
            pool.remove(evicted);
        }
        pool.insert(transaction, account, 0);
        Ok(())
    }

    fn hashes(pool: &Pool) -> Vec<B256> {
        pool.best(0).map(|transaction| transaction.hash).collect()
    }

    #[test]
    fn takes_what_a_block_could_include() {
        let transaction = pooled(1, valid(3));
        assert_eq!(transaction.sender, signer(1).address());
        assert_eq!(transaction.raw, signed(1, valid(3)));
    }

    #[test]
    fn refuses_what_no_block_could_include() {
        let error = |raw: Bytes| PooledTransaction::decode(raw, CHAIN_ID).unwrap_err();
        let refused = |transaction: TxEip1559| error(signed(1, transaction));

        assert!(matches!(error(Bytes::from_static(b"\x02junk")), PoolError::Undecodable(_)));
        assert!(matches!(error(Bytes::new()), PoolError::Undecodable(_)));
        let maximum = MAX_TRANSACTION_SIZE;
        let received = maximum + 1;
        assert_eq!(error(vec![0; received].into()), PoolError::TooLarge { received, maximum });
        assert_eq!(
            refused(TxEip1559 { chain_id: 1, ..valid(0) }),
            PoolError::WrongChainId { received: Some(1), expected: CHAIN_ID }
        );
        assert_eq!(
            refused(TxEip1559 { max_fee_per_gas: 99, ..valid(0) }),
            PoolError::TipAboveFee { tip: 100, fee: 99 }
        );
        let fee = u128::from(MIN_BASE_FEE);
        assert_eq!(
            refused(TxEip1559 { max_fee_per_gas: fee - 1, ..valid(0) }),
            PoolError::Underpriced { received: fee - 1, minimum: fee }
        );
        let maximum = MAX_QUEUED_GAS_LIMIT;
        assert_eq!(
            refused(TxEip1559 { gas_limit: maximum + 1, ..valid(0) }),
            PoolError::GasLimitTooHigh { received: maximum + 1, maximum }
        );
        assert_eq!(
            refused(TxEip1559 { gas_limit: 20_999, ..valid(0) }),
            PoolError::IntrinsicGas { received: 20_999, minimum: 21_000 }
        );
        // A zero byte is one token and another four; the floor of EIP-7623 takes 10 gas for each.
        assert_eq!(
            refused(TxEip1559 { input: Bytes::from_static(&[0, 1]), ..valid(0) }),
            PoolError::IntrinsicGas { received: 21_000, minimum: 21_050 }
        );
        let initcode = TxEip1559 { to: TxKind::Create, input: vec![0; MAX_INITCODE_SIZE + 1].into(), ..valid(0) };
        assert!(matches!(refused(initcode), PoolError::InitcodeTooLong { .. }));

        let unprotected = TxLegacy { gas_limit: 21_000, gas_price: GWEI, to: TxKind::Create, ..Default::default() };
        let signature = signer(1).sign_hash_sync(&unprotected.signature_hash()).unwrap();
        let unprotected = TxEnvelope::from(unprotected.into_signed(signature)).encoded_2718();
        assert_eq!(error(unprotected.into()), PoolError::WrongChainId { received: None, expected: CHAIN_ID });
    }

    #[test]
    fn offers_a_senders_transactions_by_nonce_and_senders_by_tip() {
        let mut pool = Pool::default();
        let [a0, a1, a3] = [0, 1, 3].map(|nonce| paying(1, nonce, GWEI, 10 + u128::from(nonce)));
        let b0 = paying(2, 0, GWEI, 20);
        for transaction in [&a3, &a1, &b0, &a0] {
            add(&mut pool, transaction.clone(), RICH).unwrap();
        }
        assert_eq!(hashes(&pool), [b0.hash, a0.hash, a1.hash]);
        let sender = signer(1).address();
        assert_eq!(pool.next_nonce(sender, 0), 2);
        assert_eq!(pool.next_nonce(signer(3).address(), 7), 7);

        // The base fee hides those that do not pay it, and what follows on them.
        let cheap = u64::try_from(GWEI).unwrap() + 1;
        assert_eq!(pool.best(cheap).count(), 0);

        assert_eq!(pool.look(sender, AccountState { nonce: 2, ..RICH }), [a0.hash, a1.hash]);
        assert_eq!(hashes(&pool), [b0.hash]);
        assert!(pool.look(sender, AccountState { nonce: 3, ..RICH }).is_empty());
        assert_eq!(hashes(&pool), [b0.hash, a3.hash]);
    }

    #[test]
    fn a_replacement_pays_a_tenth_more_in_fee_and_tip() {
        let mut pool = Pool::default();
        let first = paying(1, 0, GWEI, 100);
        add(&mut pool, first.clone(), RICH).unwrap();
        assert_eq!(add(&mut pool, first.clone(), RICH), Err(PoolError::AlreadyKnown));
        assert_eq!(
            add(&mut pool, paying(1, 0, GWEI + GWEI / 10 - 1, 110), RICH),
            Err(PoolError::ReplacementUnderpriced { received: GWEI + GWEI / 10 - 1, minimum: GWEI + GWEI / 10 })
        );
        assert_eq!(
            add(&mut pool, paying(1, 0, 2 * GWEI, 109), RICH),
            Err(PoolError::ReplacementUnderpriced { received: 109, minimum: 110 })
        );
        let second = paying(1, 0, GWEI + GWEI / 10, 110);
        add(&mut pool, second.clone(), RICH).unwrap();
        assert_eq!(hashes(&pool), [second.hash]);
        assert!(pool.get(first.hash).is_none());
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn an_account_must_afford_all_that_it_has_waiting() {
        let mut pool = Pool::default();
        let cost = paying(1, 0, GWEI, 1).cost();
        let account = AccountState { balance: cost * U256::from(2), ..RICH };
        add(&mut pool, paying(1, 0, GWEI, 1), account).unwrap();
        add(&mut pool, paying(1, 1, GWEI, 1), account).unwrap();
        assert_eq!(
            add(&mut pool, paying(1, 2, GWEI, 1), account),
            Err(PoolError::InsufficientFunds { received: account.balance, expected: cost * U256::from(3) })
        );
    }

    #[test]
    fn nonces_must_be_near() {
        let mut pool = Pool::default();
        let account = AccountState { nonce: 5, ..RICH };
        assert_eq!(
            add(&mut pool, paying(1, 4, GWEI, 1), account),
            Err(PoolError::NonceTooLow { received: 4, expected: 5 })
        );
        let maximum = 5 + MAX_NONCE_GAP;
        assert_eq!(
            add(&mut pool, paying(1, maximum + 1, GWEI, 1), account),
            Err(PoolError::NonceTooHigh { received: maximum + 1, maximum })
        );
        add(&mut pool, paying(1, maximum, GWEI, 1), account).unwrap();
    }

    #[test]
    fn a_full_pool_gives_up_the_cheapest_for_a_dearer() {
        let mut pool = Pool::new(3);
        let cheap = paying(1, 1, 2 * GWEI, 1);
        for transaction in [paying(1, 0, 2 * GWEI, 1), cheap.clone(), paying(2, 0, 4 * GWEI, 1)] {
            add(&mut pool, transaction, RICH).unwrap();
        }
        assert_eq!(add(&mut pool, paying(3, 0, 2 * GWEI, 1), RICH), Err(PoolError::Full));
        let dear = paying(3, 0, 3 * GWEI, 1);
        add(&mut pool, dear.clone(), RICH).unwrap();
        assert!(pool.get(cheap.hash).is_none());
        assert!(pool.get(dear.hash).is_some());
        assert_eq!(pool.len(), 3);
    }

    /// A transaction whose encoding takes so many slots.
    fn long(from: u8, nonce: u64, (fee, tip): (u128, u128), slots: usize) -> PooledTransaction {
        let input = vec![0; slots * SLOT - SLOT / 2].into();
        let transaction = TxEip1559 { input, gas_limit: 1_500_000, ..valid(nonce) };
        let offering = TxEip1559 { max_fee_per_gas: fee, max_priority_fee_per_gas: tip, ..transaction };
        let transaction = pooled(from, offering);
        assert_eq!(transaction.slots(), slots);
        transaction
    }

    #[test]
    fn what_only_waits_keeps_nobody_out() {
        let mut pool = Pool::new(16);
        // Whatever they offer, those behind a gap get a quarter.
        for from in 1..=4 {
            add(&mut pool, paying(from, 1, 1_000 * GWEI, 1), RICH).unwrap();
        }
        assert_eq!(add(&mut pool, paying(5, 1, 1_000 * GWEI, 1), RICH), Err(PoolError::Full));
        assert_eq!(pool.taken, Slots { all: 4, waiting: 4 });
        // Executable ones at the lowest price get all the space, also that of those that wait.
        let floor = u128::from(MIN_BASE_FEE);
        for from in 11..=26 {
            add(&mut pool, paying(from, 0, floor, 1), RICH).unwrap();
        }
        assert_eq!(pool.taken, Slots { all: 16, waiting: 0 });
        assert_eq!(add(&mut pool, paying(5, 1, 1_000 * GWEI, 1), RICH), Err(PoolError::Full));
        assert_eq!(add(&mut pool, paying(5, 0, floor, 1), RICH), Err(PoolError::Full));
        add(&mut pool, paying(5, 0, 2 * floor, 1), RICH).unwrap();
        assert_eq!(pool.taken, Slots { all: 16, waiting: 0 });
    }

    #[test]
    fn one_sender_can_have_little_that_only_waits() {
        let mut pool = Pool::default();
        let maximum = MAX_WAITING;
        for nonce in 1..=maximum as u64 {
            add(&mut pool, paying(1, nonce, GWEI, 1), RICH).unwrap();
        }
        let one_more = paying(1, 1_000, GWEI, 1);
        assert_eq!(
            add(&mut pool, one_more.clone(), RICH),
            Err(PoolError::TooMuchWaiting { received: maximum + 1, maximum })
        );
        for nonce in [1, 2] {
            add(&mut pool, long(2, nonce, (GWEI, 1), 29), RICH).unwrap();
        }
        assert_eq!(
            add(&mut pool, long(2, 3, (GWEI, 1), 7), RICH),
            Err(PoolError::TooMuchWaiting { received: maximum + 1, maximum })
        );
        // Once the gap is closed there is space again.
        add(&mut pool, paying(1, 0, GWEI, 1), RICH).unwrap();
        assert_eq!(pool.best(0).count(), maximum + 1);
        add(&mut pool, one_more, RICH).unwrap();
    }

    #[test]
    fn nobody_pushes_out_his_own() {
        let mut pool = Pool::new(4);
        for transaction in [paying(2, 0, GWEI, 1), paying(2, 1, GWEI, 1), paying(2, 2, GWEI, 1), paying(1, 1, GWEI, 1)]
        {
            add(&mut pool, transaction, RICH).unwrap();
        }
        // It closes the gap before the only one that waits.
        add(&mut pool, paying(1, 0, 2 * GWEI, 1), RICH).unwrap();
        assert_eq!(pool.next_nonce(signer(1).address(), 0), 2);
        assert_eq!(pool.next_nonce(signer(2).address(), 0), 2);
    }

    #[test]
    fn a_transaction_offers_no_more_than_those_before_it() {
        let mut pool = Pool::new(3);
        // Nobody can include the second before the first, which no block takes at this base fee.
        let (first, second) = (paying(1, 0, GWEI, 1), paying(1, 1, 1_000 * GWEI, 1));
        for transaction in [first.clone(), second.clone(), paying(2, 0, 3 * GWEI, 1)] {
            add(&mut pool, transaction, RICH).unwrap();
        }
        add(&mut pool, paying(3, 0, 2 * GWEI, 1), RICH).unwrap();
        assert!(pool.get(second.hash).is_none() && pool.get(first.hash).is_some());
    }

    #[test]
    fn what_lost_its_cover_only_waits() {
        let mut pool = Pool::new(400);
        let transactions: Vec<_> = (0..100).map(|nonce| paying(1, nonce, 1_000 * GWEI, 1)).collect();
        for transaction in &transactions {
            add(&mut pool, transaction.clone(), RICH).unwrap();
        }
        assert_eq!(pool.best(0).count(), 100);

        // Somebody took all but what three of them cost.
        let sender = signer(1).address();
        let balance = transactions[0].cost() * U256::from(3);
        let left = pool.look(sender, AccountState { balance, ..RICH });
        assert_eq!(hashes(&pool), transactions[..3].iter().map(|transaction| transaction.hash).collect::<Vec<_>>());
        // The rest of them beyond what may wait is gone, from the end.
        let expected: Vec<_> =
            transactions[3 + MAX_WAITING..].iter().rev().map(|transaction| transaction.hash).collect();
        assert_eq!(left, expected);
        assert_eq!(pool.taken, Slots { all: 3 + MAX_WAITING, waiting: MAX_WAITING });

        // It comes back.
        assert!(pool.look(sender, RICH).is_empty());
        assert_eq!(pool.best(0).count(), 3 + MAX_WAITING);
        assert_eq!(pool.taken, Slots { all: 3 + MAX_WAITING, waiting: 0 });
    }

    #[test]
    fn what_lost_its_cover_leaves_first() {
        let mut pool = Pool::new(4);
        let swept: Vec<_> = (1..=4).map(|from| paying(from, 0, 1_000 * GWEI, 1)).collect();
        for transaction in &swept {
            add(&mut pool, transaction.clone(), AccountState { balance: transaction.cost(), ..RICH }).unwrap();
        }
        assert_eq!(add(&mut pool, paying(9, 0, GWEI, 1), RICH), Err(PoolError::Full));
        for transaction in &swept {
            assert!(pool.look(transaction.sender, AccountState::default()).is_empty());
        }
        assert_eq!(pool.best(0).count(), 0);
        // Those that wait have a quarter.
        assert_eq!(pool.tidy(0).len(), 3);
        for nonce in 0..4 {
            add(&mut pool, paying(9, nonce, GWEI, 1), RICH).unwrap();
        }
        assert_eq!(pool.taken, Slots { all: 4, waiting: 0 });
    }

    #[test]
    fn an_account_with_code_has_few() {
        let mut pool = Pool::default();
        let sender = signer(1).address();
        let maximum = MAX_DELEGATED;
        for nonce in 0..=maximum as u64 {
            add(&mut pool, paying(1, nonce, GWEI, 1), RICH).unwrap();
        }
        let delegated = AccountState { delegated: true, ..RICH };
        assert_eq!(
            add(&mut pool, paying(1, maximum as u64 + 1, GWEI, 1), delegated),
            Err(PoolError::TooMuchDelegated { received: maximum + 2, maximum })
        );
        assert_eq!(pool.look(sender, delegated).len(), 1);
        assert_eq!(pool.best(0).count(), maximum);
    }

    #[test]
    fn what_waits_too_long_leaves() {
        let mut pool = Pool::default();
        let gapped = paying(1, 1, GWEI, 1);
        for transaction in [&gapped, &paying(2, 0, GWEI, 1)] {
            pool.check(transaction, RICH).unwrap();
            pool.insert(transaction.clone(), RICH, 1_000);
        }
        assert!(pool.tidy(1_000 + LIFETIME - 1).is_empty());
        assert_eq!(pool.tidy(1_000 + LIFETIME), [gapped.hash]);
        assert_eq!((pool.len(), pool.taken), (1, Slots { all: 1, waiting: 0 }));
    }

    #[test]
    fn space_is_bytes() {
        let mut pool = Pool::new(32);
        for nonce in 0..32 {
            add(&mut pool, paying(1, nonce, GWEI, 1), RICH).unwrap();
        }
        // Somebody who offers more takes as much space as he needs, and nobody loses anything if there is not enough.
        add(&mut pool, long(2, 0, (2 * GWEI, 1), 20), RICH).unwrap();
        assert_eq!((pool.len(), pool.taken.all), (13, 32));
        assert_eq!(add(&mut pool, long(3, 0, (2 * GWEI, 1), 13), RICH), Err(PoolError::Full));
        assert_eq!((pool.len(), pool.taken.all), (13, 32));
        // A replacement may be longer, too.
        add(&mut pool, long(2, 0, (3 * GWEI, 2), 21), RICH).unwrap();
        assert_eq!((pool.len(), pool.taken.all), (12, 32));
    }

    #[test]
    fn what_comes_back_is_judged_like_what_comes() {
        let mut pool = Pool::new(8);
        let best = paying(1, 0, 3 * GWEI, 2);
        assert_eq!(pool.put_back(best.clone(), 0), None);
        assert_eq!(pool.put_back(best.clone(), 0), None);
        let worse = paying(1, 0, GWEI, 1);
        assert_eq!(pool.put_back(worse.clone(), 0), Some(worse.hash));
        for nonce in 1..20 {
            pool.put_back(paying(1, nonce, GWEI, 1), 0);
        }
        let gapped: Vec<_> = (2..10).map(|from| paying(from, 1, 1_000 * GWEI, 1)).collect();
        for transaction in gapped {
            pool.put_back(transaction, 0);
        }
        for sender in pool.senders() {
            assert!(pool.look(sender, RICH).is_empty());
        }
        assert_eq!(pool.tidy(0).len(), 20);
        assert_eq!(pool.taken, Slots { all: 8, waiting: 0 });
        assert_eq!(pool.best(0).next().unwrap().hash, best.hash);
    }
}
