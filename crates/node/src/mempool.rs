//! Transactions that wait for a block.
//!
//! A sender's transactions queue by nonce; only those that follow on the account's nonce without a gap are offered to a block,
//! dearest tip first. What is in here is also in the store (the chain writes it there first), so an acknowledged transaction
//! survives a restart. The pool itself is a plain value behind the chain's lock.
//!
//! Checks here are about what can never be included, or would be included at someone else's cost. What a block decides
//! anew (nonce, balance at that moment) is decided by its execution, not by this module.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap},
    sync::Arc,
};

use alloy::{
    consensus::{Transaction, TxEnvelope},
    primitives::{Address, B256, Bytes, U256},
};
use postern_execution::{L2Transaction, TransactionError};
use postern_protocol::constants::{MAX_QUEUED_GAS_LIMIT, MIN_BASE_FEE};
use thiserror::Error;

/// Most transactions that wait at once.
const CAPACITY: usize = 16_384;
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
    /// The pool is full of transactions that pay as much.
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
}

/// One sender's transactions.
#[derive(Debug, Default)]
struct Queue {
    /// The account's nonce when it was last looked at.
    nonce: u64,
    /// Whether the account could not pay when a block tried.
    parked: bool,
    transactions: BTreeMap<u64, Arc<PooledTransaction>>,
}

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    by_hash: HashMap<B256, Arc<PooledTransaction>>,
    senders: HashMap<Address, Queue>,
    capacity: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { by_hash: HashMap::new(), senders: HashMap::new(), capacity: CAPACITY }
    }
}

impl Pool {
    /// The transaction of this hash.
    pub(crate) fn get(&self, hash: B256) -> Option<&Arc<PooledTransaction>> {
        self.by_hash.get(&hash)
    }

    /// Whether a sender has transactions here.
    pub(crate) fn has_sender(&self, sender: Address) -> bool {
        self.senders.contains_key(&sender)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether `transaction` would be taken, and at whose cost: the hashes that have to leave for it.
    pub(crate) fn check(&self, transaction: &PooledTransaction, account: AccountState) -> Result<Vec<B256>, PoolError> {
        let leaving = self.check_again(transaction, account.nonce)?;
        let nonce = transaction.transaction.nonce();
        let maximum = account.nonce.saturating_add(MAX_NONCE_GAP);
        if nonce > maximum {
            return Err(PoolError::NonceTooHigh { received: nonce, maximum });
        }
        let others = self.senders.get(&transaction.sender).into_iter().flat_map(|queue| queue.transactions.values());
        let others = others.filter(|other| other.transaction.nonce() != nonce);
        let cost = others.fold(transaction.cost(), |sum, other| sum.saturating_add(other.cost()));
        if cost > account.balance {
            return Err(PoolError::InsufficientFunds { received: account.balance, expected: cost });
        }
        Ok(leaving)
    }

    /// Like `check`, for a transaction that was taken before: what its account has now may come back with the blocks that a
    /// reorganisation dropped.
    pub(crate) fn check_again(
        &self,
        transaction: &PooledTransaction,
        account_nonce: u64,
    ) -> Result<Vec<B256>, PoolError> {
        if self.by_hash.contains_key(&transaction.hash) {
            return Err(PoolError::AlreadyKnown);
        }
        let nonce = transaction.transaction.nonce();
        if nonce < account_nonce {
            return Err(PoolError::NonceTooLow { received: nonce, expected: account_nonce });
        }
        let queue = self.senders.get(&transaction.sender).map(|queue| &queue.transactions);
        if let Some(replaced) = queue.and_then(|queue| queue.get(&nonce)) {
            outbids(transaction, replaced)?;
            return Ok(vec![replaced.hash]);
        }
        if self.len() < self.capacity {
            return Ok(Vec::new());
        }
        self.cheaper_than(transaction).map(|hash| vec![hash]).ok_or(PoolError::Full)
    }

    /// The transaction whose place `transaction` may take: the one that offers least among those that no other waits for.
    fn cheaper_than(&self, transaction: &PooledTransaction) -> Option<B256> {
        let last = self.senders.iter().filter(|(sender, _)| **sender != transaction.sender);
        let last = last.filter_map(|(_, queue)| queue.transactions.values().next_back());
        let cheapest = last.min_by_key(|last| (fees(&last.transaction).0, last.hash))?;
        (fees(&cheapest.transaction).0 < fees(&transaction.transaction).0).then_some(cheapest.hash)
    }

    /// Adds a transaction that was checked.
    pub(crate) fn insert(&mut self, transaction: PooledTransaction, account_nonce: u64) {
        let transaction = Arc::new(transaction);
        let queue = self.senders.entry(transaction.sender).or_default();
        queue.nonce = account_nonce;
        queue.parked = false;
        self.by_hash.insert(transaction.hash, transaction.clone());
        if let Some(replaced) = queue.transactions.insert(transaction.transaction.nonce(), transaction) {
            self.by_hash.remove(&replaced.hash);
        }
    }

    /// Removes a transaction that is in a block, or will never be.
    pub(crate) fn remove(&mut self, hash: B256) {
        let Some(transaction) = self.by_hash.remove(&hash) else { return };
        let Some(queue) = self.senders.get_mut(&transaction.sender) else { return };
        queue.transactions.remove(&transaction.transaction.nonce());
        if queue.transactions.is_empty() {
            self.senders.remove(&transaction.sender);
        }
    }

    /// Tells the pool an account's nonce. Returns the transactions that it has passed, which leave the pool.
    pub(crate) fn set_nonce(&mut self, sender: Address, nonce: u64) -> Vec<B256> {
        let Some(queue) = self.senders.get_mut(&sender) else { return Vec::new() };
        queue.nonce = nonce;
        queue.parked = false;
        let passed: Vec<_> = queue.transactions.range(..nonce).map(|(_, transaction)| transaction.hash).collect();
        passed.iter().for_each(|hash| self.remove(*hash));
        passed
    }

    /// Offers nothing of a sender's until its account or its queue changes, or `unpark`: it cannot pay.
    pub(crate) fn park(&mut self, sender: Address) {
        if let Some(queue) = self.senders.get_mut(&sender) {
            queue.parked = true;
        }
    }

    /// Lets every sender try again.
    pub(crate) fn unpark(&mut self) {
        self.senders.values_mut().for_each(|queue| queue.parked = false);
    }

    /// The nonce that a sender's next transaction needs, its account's being `nonce`.
    pub(crate) fn next_nonce(&self, sender: Address, nonce: u64) -> u64 {
        let Some(queue) = self.senders.get(&sender) else { return nonce };
        let follows = |next: &u64| queue.transactions.contains_key(next);
        (nonce..).find(|next| !follows(next)).unwrap_or(u64::MAX)
    }

    /// The transactions that a block with this base fee can take, in the order in which it should: a sender's by nonce, and
    /// among senders the dearest tip first.
    pub(crate) fn best(&self, base_fee: u64) -> Best<'_> {
        let mut best = Best { pool: self, base_fee, heap: BinaryHeap::new() };
        for (sender, queue) in self.senders.iter().filter(|(_, queue)| !queue.parked) {
            best.offer(*sender, queue.nonce);
        }
        best
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

/// Iterator over the transactions that can follow on the state.
pub(crate) struct Best<'a> {
    pool: &'a Pool,
    base_fee: u64,
    /// The next transaction of each sender: (tip, sender, nonce).
    heap: BinaryHeap<(u128, Address, u64)>,
}

impl Best<'_> {
    fn offer(&mut self, sender: Address, nonce: u64) {
        let transaction = self.pool.senders.get(&sender).and_then(|queue| queue.transactions.get(&nonce));
        if let Some(tip) = transaction.and_then(|transaction| transaction.tip(self.base_fee)) {
            self.heap.push((tip, sender, nonce));
        }
    }
}

impl Iterator for Best<'_> {
    type Item = Arc<PooledTransaction>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, sender, nonce) = self.heap.pop()?;
        self.offer(sender, nonce + 1);
        Some(self.pool.senders[&sender].transactions[&nonce].clone())
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
    const RICH: AccountState = AccountState { nonce: 0, balance: U256::MAX };

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
        pool.insert(transaction, account.nonce);
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

        assert_eq!(pool.set_nonce(sender, 2), [a0.hash, a1.hash]);
        assert_eq!(hashes(&pool), [b0.hash]);
        assert!(pool.set_nonce(sender, 3).is_empty());
        assert_eq!(hashes(&pool), [b0.hash, a3.hash]);

        pool.park(sender);
        assert_eq!(hashes(&pool), [b0.hash]);
        pool.unpark();
        assert_eq!(pool.best(0).count(), 2);
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
        let account = AccountState { nonce: 0, balance: cost * U256::from(2) };
        add(&mut pool, paying(1, 0, GWEI, 1), account).unwrap();
        add(&mut pool, paying(1, 1, GWEI, 1), account).unwrap();
        assert_eq!(
            add(&mut pool, paying(1, 2, GWEI, 1), account),
            Err(PoolError::InsufficientFunds { received: account.balance, expected: cost * U256::from(3) })
        );
        // What was acknowledged once is taken back without that.
        assert_eq!(pool.check_again(&paying(1, 2, GWEI, 1), 0), Ok(vec![]));
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
        let mut pool = Pool { capacity: 3, ..Pool::default() };
        let cheap = paying(1, 1, 2 * GWEI, 1);
        for transaction in [paying(1, 0, GWEI, 1), cheap.clone(), paying(2, 0, 4 * GWEI, 1)] {
            add(&mut pool, transaction, RICH).unwrap();
        }
        assert_eq!(add(&mut pool, paying(3, 0, 2 * GWEI, 1), RICH), Err(PoolError::Full));
        let dear = paying(3, 0, 3 * GWEI, 1);
        add(&mut pool, dear.clone(), RICH).unwrap();
        assert!(pool.get(cheap.hash).is_none());
        assert!(pool.get(dear.hash).is_some());
        assert_eq!(pool.len(), 3);
    }
}
