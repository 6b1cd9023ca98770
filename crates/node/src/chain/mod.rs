//! The L2 chain of this node: what others read, and the only place where it changes.
//!
//! # State
//!
//! The store holds it all; this module adds what is rebuilt at every start: the pool, and the heads that others watch. The
//! canonical chain is one list of blocks:
//!
//! ```text
//! genesis … finalized … safe … unsafe
//!           │           │      └ built by this node's sequencer, not yet derived from L1
//!           │           └ last block of the last derived batch: `outputs` has one row for each batch so far
//!           └ last block of the furthest output that a final commitment agrees with
//! ```
//!
//! # Invariants
//!
//! 1. Blocks up to the safe head are what `execute_batch` gave for the first batches of L1 as followed so far: the others wait to
//!    be derived. No block is built while one waits.
//! 2. Blocks after it belong to `sequenced` batches, which follow on the last output without a gap of indices or blocks, and
//!    whose L1 origin and queue messages are on the followed L1. Only the last of them may be open.
//! 3. The outbox table holds the messages of canonical blocks and no others, and the table of its tree the complete nodes over
//!    them and no others: both change with the blocks.
//! 4. The pool table holds the transactions of the pool, and perhaps some that left it since the last change.
//! 5. Every change is one write transaction; heads are published after it is durable, in the order of commits.
//!
//! # What can go wrong
//!
//! - *L1 reorganises*: `rollback_l1` takes back what the dropped L1 blocks brought, and keeps of the unsafe blocks what the
//!   remaining L1 still allows. What `derive_next` executes meanwhile on what is gone is of no use, and not taken. *A batch derives
//!   to other blocks than the sequencer built* (it was forced, or posted by another): `derive_next` replaces them. In both cases
//!   the transactions of dropped blocks return to the pool.
//! - *The process is killed*: the next start finds the last durable step.
//! - *A preimage is missing or a row malformed*: the store is damaged; the error stops the role that meets it.

mod l1;
mod sequencing;
#[cfg(test)]
mod tests;

pub(crate) use l1::{Inconsistency, IngestError, L1Event, L1Step, check_hash};
pub(crate) use sequencing::{SequencingPolicy, Step, ToPost};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy::{
    consensus::{Header, Sealed, constants::KECCAK_EMPTY},
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, keccak256},
    sol_types::SolEvent,
};
use postern_bindings::Outbox::MessageSent;
use postern_execution::{ExecutedBlock, L2Transaction, MissingPreimage, State, next_base_fee};
use postern_protocol::{
    commitment::Commitment,
    dispute::Challenge,
    outbox::{self, Nodes},
    output::Output,
    predeploys::OUTBOX,
};
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    mempool::{AccountState, Pool, PoolError, PooledTransaction},
    store::{
        BatchEntry, Block, CommitmentEntry, NodeEntry, OutboxEntry, Progress, QueuedEntry, Store, StoreError,
        StorePreimages, View, Writer,
    },
    trace::{DerivedBatch, TraceError},
};

/// A block of the L2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in seconds.
    pub timestamp: u64,
}

impl From<&Sealed<Header>> for BlockRef {
    fn from(header: &Sealed<Header>) -> Self {
        Self { number: header.number, hash: header.hash(), timestamp: header.timestamp }
    }
}

/// A block of the L1.
pub type L1Ref = BlockRef;

/// How far everything has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The last block.
    pub unsafe_: BlockRef,
    /// The last block that derives from L1.
    pub safe: BlockRef,
    /// The last block under a final commitment that agrees with this node.
    pub finalized: BlockRef,
    /// The L1 block up to which L1 was followed; default before the first.
    pub l1: L1Ref,
    /// The L1 block number that L1 reported last; the largest value until it was asked.
    pub l1_head: u64,
    /// Messages in the queue.
    pub queued: u64,
    /// Batches on L1.
    pub batches: u64,
    /// Batches derived. Outputs exist for the batch counts from 0 to this one.
    pub derived: u64,
}

impl Heads {
    /// Whether L1 is followed as far as it reported. Batches may wait to be derived.
    pub fn followed(&self) -> bool {
        self.l1.number >= self.l1_head
    }

    /// Whether all that L1 reported is followed and derived.
    pub fn synced(&self) -> bool {
        self.followed() && self.derived == self.batches
    }
}

/// Where a canonical L2 transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionLocation {
    /// Number of its block.
    pub block_number: u64,
    /// Position in the block.
    pub index: u64,
}

/// Why the chain cannot answer or change.
#[derive(Debug, Error)]
pub enum ChainError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store lacks content that a block, a batch or the state names.
    #[error("corrupt database: preimage {0} is missing")]
    MissingPreimage(B256),
    /// The message is not in the outbox after that many batches, as far as this node derived.
    #[error("message {index} is not in the outbox after {batch_count} batches")]
    NotInOutbox {
        /// Index of the message.
        index: u64,
        /// Batch count.
        batch_count: u64,
    },
}

impl From<MissingPreimage> for ChainError {
    fn from(MissingPreimage(hash): MissingPreimage) -> Self {
        Self::MissingPreimage(hash)
    }
}

/// Why a transaction was not taken.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// It cannot wait for a block.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// This node builds no blocks.
    #[error("this node is not the sequencer and takes no transactions")]
    NotSequencing,
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}

/// With what a chain begins.
#[derive(Clone, Debug)]
pub(crate) struct ChainConfig {
    /// Chain id of the L2.
    pub(crate) chain_id: u64,
    /// Block 0.
    pub(crate) genesis_header: Sealed<Header>,
    /// The output of no batches.
    pub(crate) genesis_output: Output,
    /// Trie nodes and codes of the genesis state, by hash.
    pub(crate) genesis_preimages: Vec<(B256, Bytes)>,
    /// What the store is bound to: another deployment has another.
    pub(crate) identity: B256,
    /// First L1 block that may hold an event of the deployment.
    pub(crate) deployment_block: u64,
    /// Whether this node builds blocks.
    pub(crate) sequencing: bool,
}

/// The chain. Cheap to clone. Reads see the last durable step; they take microseconds (state: a walk through the trie), and may
/// be made from async code.
#[derive(Clone, Debug)]
pub struct Chain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    chain_id: u64,
    deployment_block: u64,
    genesis_commitment: B256,
    sequencing: bool,
    /// Held over a whole change, so that heads are published in the order of commits.
    changing: Mutex<()>,
    /// Taken after `changing`, never before.
    pool: Mutex<PoolState>,
    /// How often what L1 said of commitments was taken back since the start.
    setbacks: AtomicU64,
    /// The last field: once it is gone the store is closed.
    heads: watch::Sender<Heads>,
}

#[derive(Debug, Default)]
struct PoolState {
    pool: Pool,
    /// Left the pool; their rows go with the next change.
    stale: BTreeSet<B256>,
}

/// A panic while a lock was held leaves values that the store can rebuild, and the panic itself is reported by the task.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A change in the making: the write transaction, and what it means for the pool.
pub(crate) struct Change {
    writer: Writer,
    /// Transactions that are in a block now.
    included: Vec<B256>,
    /// Transactions whose block was dropped, with the time at which they wait again.
    returned: Vec<(u64, Bytes)>,
    /// Accounts that may be another now; all may if blocks were dropped.
    touched: BTreeSet<Address>,
    dropped: bool,
    /// Left the pool before; their rows go with this change.
    stale: BTreeSet<B256>,
    /// Whether commitments that stood, or outputs, may not any more.
    setback: bool,
}

impl Change {
    /// Appends an executed block to the chain.
    fn append(&mut self, executed: ExecutedBlock, batch_count: u64) -> Result<(), ChainError> {
        let before = self.writer.progress(executed.header.number - 1)?;
        self.writer.put_preimages(executed.preimages.iter().map(|(hash, preimage)| (*hash, preimage.as_ref())))?;
        self.included.extend(executed.transactions.iter().map(L2Transaction::hash));
        self.touched.extend(&executed.accounts);
        let outbox = sent_messages(&executed)?;
        let block = Block {
            progress: Progress {
                batch_count,
                messages_executed: executed.messages.end,
                outbox_count: before.outbox_count + outbox.len() as u64,
            },
            header: executed.header,
            transactions: executed.transactions,
            senders: executed.senders,
            receipts: executed.receipts,
        };
        Ok(self.writer.put_block(&block, &outbox)?)
    }

    /// Drops all blocks after `number`; their transactions wait again.
    fn truncate(&mut self, number: u64) -> Result<(), ChainError> {
        let (head, now) = (self.writer.head()?.number, pool_time(&self.writer)?);
        for dropped in (number + 1..=head).rev() {
            let block = self.writer.block(dropped)?.ok_or(StoreError::Corrupt("gap in the chain"))?;
            let outbox_count = self.writer.progress(dropped - 1)?.outbox_count;
            self.writer.remove_block(&block, outbox_count)?;
            for transaction in block.transactions {
                if let L2Transaction::Ethereum(_) = transaction {
                    let raw = Bytes::from(transaction.encoded());
                    self.writer.put_pooled(transaction.hash(), now, &raw)?;
                    self.returned.push((now, raw));
                }
            }
        }
        if number < head {
            self.dropped = true;
            tracing::info!(from = number + 1, to = head, "dropped L2 blocks");
        }
        Ok(())
    }
}

/// The messages to L1 that a block sent.
fn sent_messages(block: &ExecutedBlock) -> Result<Vec<OutboxEntry>, ChainError> {
    let mut entries = Vec::new();
    for (transaction, receipt) in block.transactions.iter().zip(&block.receipts) {
        for log in receipt.logs.iter().filter(|log| log.address == OUTBOX) {
            let Ok(event) = MessageSent::decode_log(log) else { continue };
            entries.push(OutboxEntry {
                message: event.data.into(),
                block_number: block.header.number,
                transaction_hash: transaction.hash(),
            });
        }
    }
    Ok(entries)
}

impl Chain {
    /// Opens the chain in `store`, or begins it there.
    pub(crate) fn open(store: Store, config: ChainConfig) -> Result<Self, ChainError> {
        let writer = store.write()?;
        if store.bind(&writer, config.identity)? {
            writer.put_preimages(config.genesis_preimages.iter().map(|(hash, bytes)| (*hash, bytes.as_ref())))?;
            let genesis = Block {
                header: config.genesis_header,
                progress: Progress::default(),
                transactions: Vec::new(),
                senders: Vec::new(),
                receipts: Vec::new(),
            };
            writer.put_block(&genesis, &[])?;
            writer.put_output(&config.genesis_output)?;
        }
        let (heads, now) = (read_heads(&writer)?, pool_time(&writer)?);
        let waiting = writer.pool()?;
        writer.commit()?;

        let chain = Self(Arc::new(Inner {
            store,
            chain_id: config.chain_id,
            deployment_block: config.deployment_block,
            genesis_commitment: Commitment::genesis(config.genesis_output.root()).id(),
            sequencing: config.sequencing,
            changing: Mutex::default(),
            pool: Mutex::default(),
            setbacks: AtomicU64::default(),
            heads: watch::channel(heads).0,
        }));
        chain.settle_pool(&mut lock(&chain.0.pool), waiting, None, now)?;
        Ok(chain)
    }

    /// Chain id of the L2.
    pub fn chain_id(&self) -> u64 {
        self.0.chain_id
    }

    /// First L1 block that may hold an event of the deployment.
    pub fn deployment_block(&self) -> u64 {
        self.0.deployment_block
    }

    /// Id of the commitment to the genesis output.
    pub fn genesis_commitment(&self) -> B256 {
        self.0.genesis_commitment
    }

    /// How far everything has come.
    pub fn heads(&self) -> Heads {
        *self.0.heads.borrow()
    }

    /// The heads, to be woken when one of them moves.
    pub fn subscribe(&self) -> watch::Receiver<Heads> {
        self.0.heads.subscribe()
    }

    /// Where a canonical L2 transaction is.
    pub fn transaction(&self, hash: B256) -> Result<Option<TransactionLocation>, ChainError> {
        let location = self.0.store.read()?.transaction(hash)?;
        Ok(location.map(|(block_number, index)| TransactionLocation { block_number, index }))
    }

    /// A transaction that waits for a block.
    pub fn pooled(&self, hash: B256) -> Option<PooledTransaction> {
        lock(&self.0.pool).pool.get(hash).map(|transaction| transaction.as_ref().clone())
    }

    /// How many transactions wait for a block.
    pub fn pool_size(&self) -> usize {
        lock(&self.0.pool).pool.len()
    }

    /// A canonical header by any name that JSON-RPC has for a block. It is found in one snapshot, so that no reorganisation comes
    /// between a tag and its block. `pending` is the latest: a block is not shown before it is made.
    pub fn header(&self, name: impl Into<BlockId>) -> Result<Option<Sealed<Header>>, ChainError> {
        let view = self.0.store.read()?;
        let number = number_of(&view, name.into())?;
        Ok(number.map(|number| view.header(number)).transpose()?.flatten())
    }

    /// The block with that header.
    pub fn block(&self, name: impl Into<BlockId>) -> Result<Option<Block>, ChainError> {
        let view = self.0.store.read()?;
        let number = number_of(&view, name.into())?;
        Ok(number.map(|number| view.block(number)).transpose()?.flatten())
    }

    /// The state after a block that is or was canonical.
    pub fn state_after(&self, block: &Header) -> Result<State<StorePreimages>, ChainError> {
        Ok(State::new(self.0.store.preimages()?, block.state_root))
    }

    /// Base fee of the next block, in wei per gas.
    pub fn base_fee(&self) -> Result<u64, ChainError> {
        Ok(next_base_fee(self.0.store.read()?.head()?.inner()))
    }

    /// The nonce of an account's next transaction, those that wait counted.
    pub fn next_nonce(&self, address: Address) -> Result<u64, ChainError> {
        let account = self.account(address)?;
        Ok(lock(&self.0.pool).pool.next_nonce(address, account.nonce))
    }

    /// Takes a transaction into the pool; it is durable when this returns.
    ///
    /// # Errors
    /// If no block could include it, others outbid it, or this node builds no blocks.
    pub fn submit_transaction(&self, raw: Bytes) -> Result<B256, SubmitError> {
        if !self.0.sequencing {
            return Err(SubmitError::NotSequencing);
        }
        let transaction = PooledTransaction::decode(raw, self.0.chain_id)?;
        let hash = transaction.hash;

        let _changing = lock(&self.0.changing);
        let account = self.account(transaction.sender)?;
        let mut pool = lock(&self.0.pool);
        let evicted = pool.pool.check(&transaction, account)?;
        let writer = self.0.store.write()?;
        let now = pool_time(&writer)?;
        writer.put_pooled(hash, now, &transaction.raw)?;
        for evicted in &evicted {
            writer.remove_pooled(*evicted)?;
        }
        writer.commit()?;
        for evicted in evicted {
            pool.pool.remove(evicted);
        }
        pool.stale.remove(&hash);
        pool.pool.insert(transaction, account, now);
        tracing::debug!(%hash, "transaction waits");
        Ok(hash)
    }

    /// The output after that many batches, if they are derived.
    pub fn output(&self, batch_count: u64) -> Result<Option<Output>, ChainError> {
        Ok(self.0.store.read()?.output(batch_count)?)
    }

    /// The least batch count whose output covers an L2 block; none if there is no such block, or it is not derived yet.
    pub fn batch_count_at(&self, block_number: u64) -> Result<Option<u64>, ChainError> {
        let view = self.0.store.read()?;
        if block_number > view.last_output()?.block_number {
            return Ok(None);
        }
        Ok(Some(view.progress(block_number)?.batch_count))
    }

    /// A message that a canonical block sent to L1.
    pub fn outbox_message(&self, index: u64) -> Result<Option<OutboxEntry>, ChainError> {
        Ok(self.0.store.read()?.outbox_entry(index)?)
    }

    /// Those of these messages that were executed on L1, as far as L1 was followed, and in which L1 block.
    pub fn finalized_messages(&self, indices: &[u64]) -> Result<BTreeMap<u64, u64>, ChainError> {
        Ok(self.0.store.read()?.finalized_messages(indices)?)
    }

    /// Messages in the outbox after that many batches, if they are derived.
    pub fn outbox_count(&self, batch_count: u64) -> Result<Option<u64>, ChainError> {
        let view = self.0.store.read()?;
        let Some(output) = view.output(batch_count)? else { return Ok(None) };
        Ok(Some(view.progress(output.block_number)?.outbox_count))
    }

    /// Proof of a message in the outbox after that many batches: siblings from the leaf up.
    ///
    /// # Errors
    /// `NotInOutbox` if the batches are not derived, or the message is younger.
    pub fn outbox_proof(&self, index: u64, batch_count: u64) -> Result<Vec<B256>, ChainError> {
        self.prove(&[index], batch_count)
    }

    /// One proof of several messages, whose indices must rise, in the order that `executeMessages` expects.
    ///
    /// # Errors
    /// `NotInOutbox` of the last message if the indices do not rise, the batches are not derived, or a message is younger.
    pub fn outbox_multiproof(&self, indices: &[u64], batch_count: u64) -> Result<Vec<B256>, ChainError> {
        self.prove(indices, batch_count)
    }

    /// Reads a proof from the store: a few rows per level of the tree, all of one snapshot. It is checked against the output, so
    /// that a damaged row is an error here and not a proof that L1 refuses.
    fn prove(&self, indices: &[u64], batch_count: u64) -> Result<Vec<B256>, ChainError> {
        let index = indices.last().copied().unwrap_or_default();
        let missing = ChainError::NotInOutbox { index, batch_count };
        let view = self.0.store.read()?;
        let Some(output) = view.output(batch_count)? else { return Err(missing) };
        let count = view.progress(output.block_number)?.outbox_count;
        let nodes = view.outbox_nodes()?;
        let Some(proof) = outbox::prove_multi(&nodes, indices, count)? else { return Err(missing) };
        let leaves = indices.iter().map(|&index| Ok((index, nodes.node(0, index)?)));
        let leaves = leaves.collect::<Result<Vec<_>, StoreError>>()?;
        outbox::verify_multi(output.outbox_root, outbox::depth(count), &leaves, &proof)
            .map_err(|_| StoreError::Corrupt("outbox tree"))?;
        Ok(proof)
    }

    /// A message of the queue, as seen on L1.
    pub fn queued_message(&self, index: u64) -> Result<Option<QueuedEntry>, ChainError> {
        Ok(self.0.store.read()?.queued(index)?)
    }

    /// A batch on L1.
    pub fn batch(&self, index: u64) -> Result<Option<BatchEntry>, ChainError> {
        Ok(self.0.store.read()?.batch(index)?)
    }

    /// A batch that is derived, to be run in the machine. The store stays open as long as it is kept.
    ///
    /// # Errors
    /// If it is not derived.
    pub fn derived_batch(&self, index: u64) -> Result<DerivedBatch, TraceError> {
        DerivedBatch::read(self.0.store.reader(), index)
    }

    /// A commitment seen on L1.
    pub fn commitment(&self, id: B256) -> Result<Option<CommitmentEntry>, ChainError> {
        Ok(self.0.store.read()?.commitment(id)?)
    }

    /// Commitments seen on L1 that reach at least `batch_count` batches, ordered by how many, then as on L1. The genesis
    /// commitment is not among them.
    pub fn commitments_from(&self, batch_count: u64) -> Result<Vec<CommitmentEntry>, ChainError> {
        self.commitments_after(batch_count, None, usize::MAX)
    }

    /// The first `limit` of them, or of those that follow on `after`.
    pub(crate) fn commitments_after(
        &self,
        batch_count: u64,
        after: Option<&CommitmentEntry>,
        limit: usize,
    ) -> Result<Vec<CommitmentEntry>, ChainError> {
        Ok(self.0.store.read()?.commitments_from(batch_count, after, limit)?)
    }

    /// Of the commitments seen on L1 that reach at least `first` and at most `last` batches those that reach most, in L1's order.
    pub(crate) fn last_commitments(&self, first: u64, last: u64) -> Result<Vec<CommitmentEntry>, ChainError> {
        Ok(self.0.store.read()?.last_commitments(first, last)?)
    }

    /// The final commitment that reaches furthest of those that this node agrees with; none if that is the genesis commitment.
    pub(crate) fn final_commitment(&self) -> Result<Option<CommitmentEntry>, ChainError> {
        Ok(self.0.store.read()?.final_commitment()?)
    }

    /// A node of a dispute, as seen on L1.
    pub fn node(&self, id: B256) -> Result<Option<NodeEntry>, ChainError> {
        Ok(self.view()?.node(id)?)
    }

    /// All nodes of a challenge, openings and what counters them, in L1's order: a node comes before its counters.
    pub fn nodes_of(&self, challenge: Challenge) -> Result<Vec<NodeEntry>, ChainError> {
        Ok(self.view()?.nodes_of(challenge)?)
    }

    /// The checkpoints of a commitment that were ever challenged, by position.
    pub fn challenges_of(&self, commitment: B256) -> Result<Vec<Challenge>, ChainError> {
        Ok(self.view()?.challenges_of(commitment)?)
    }

    /// The challenges of which a node is not decided.
    pub fn open_challenges(&self) -> Result<Vec<Challenge>, ChainError> {
        Ok(self.view()?.open_challenges()?)
    }

    /// A snapshot: whatever is read from it is of one moment.
    pub(crate) fn view(&self) -> Result<impl View, ChainError> {
        Ok(self.0.store.read()?)
    }

    /// How often L1 was rolled back or a commitment rejected since the start. What was concluded from commitments holds as long
    /// as this stays the same; read it before them.
    pub(crate) fn setbacks(&self) -> u64 {
        self.0.setbacks.load(Ordering::Acquire)
    }

    fn account(&self, address: Address) -> Result<AccountState, ChainError> {
        let head = self.0.store.read()?.head()?;
        let account = State::new(self.0.store.preimages()?, head.state_root).account(address)?;
        Ok(account.map_or_else(AccountState::default, |account| AccountState {
            nonce: account.nonce,
            balance: account.balance,
            delegated: account.code_hash != KECCAK_EMPTY,
        }))
    }

    /// Makes a change: all of it, durably, or nothing.
    fn change<T, E: From<ChainError>>(&self, make: impl FnOnce(&mut Change) -> Result<T, E>) -> Result<T, E> {
        let _changing = lock(&self.0.changing);
        let mut change = Change {
            writer: self.0.store.write().map_err(ChainError::from)?,
            included: Vec::new(),
            returned: Vec::new(),
            touched: BTreeSet::new(),
            dropped: false,
            stale: lock(&self.0.pool).stale.clone(),
            setback: false,
        };
        // Before anything else: what returns to the pool gets its row again.
        for hash in &change.stale {
            change.writer.remove_pooled(*hash).map_err(ChainError::from)?;
        }
        let result = make(&mut change)?;
        self.finish(change)?;
        Ok(result)
    }

    fn finish(&self, change: Change) -> Result<(), ChainError> {
        let Change { writer, included, returned, touched, dropped, stale, setback } = change;
        let (heads, now) = (read_heads(&writer)?, pool_time(&writer)?);
        writer.commit()?;
        // Before the heads, which wake who asks.
        self.0.setbacks.fetch_add(u64::from(setback), Ordering::Release);

        {
            let mut pool = lock(&self.0.pool);
            pool.stale.retain(|hash| !stale.contains(hash));
            included.iter().for_each(|hash| pool.pool.remove(*hash));
            self.settle_pool(&mut pool, returned, (!dropped).then_some(touched), now)?;
        }
        // What L1 reported last is not in the tables, and may have been noted meanwhile.
        self.publish(|published| *published = Heads { l1_head: published.l1_head, ..heads });
        Ok(())
    }

    /// Brings the pool to the head: takes transactions back that were acknowledged before, with the time at which they came,
    /// and looks at the accounts that may be another, by default all. What may not stay leaves.
    fn settle_pool(
        &self,
        pool: &mut PoolState,
        waiting: Vec<(u64, Bytes)>,
        touched: Option<BTreeSet<Address>>,
        now: u64,
    ) -> Result<(), ChainError> {
        let mut left = Vec::new();
        for (arrived, raw) in waiting {
            let hash = keccak256(&raw);
            pool.stale.remove(&hash);
            match PooledTransaction::decode(raw, self.0.chain_id) {
                Ok(transaction) => left.extend(pool.pool.put_back(transaction, arrived)),
                Err(_) => left.push(hash),
            }
        }
        let touched = match touched {
            Some(touched) => touched.into_iter().filter(|account| pool.pool.has_sender(*account)).collect(),
            None => pool.pool.senders(),
        };
        for sender in touched {
            left.extend(pool.pool.look(sender, self.account(sender)?));
        }
        left.extend(pool.pool.tidy(now));
        left.iter().for_each(|hash| tracing::debug!(%hash, "transaction forgotten"));
        pool.stale.extend(left);
        Ok(())
    }

    /// Notes the L1 block number that L1 reported.
    pub(crate) fn see_l1_head(&self, number: u64) {
        self.publish(|heads| heads.l1_head = number);
    }

    fn publish(&self, set: impl FnOnce(&mut Heads)) {
        self.0.heads.send_if_modified(|heads| {
            let before = *heads;
            set(heads);
            *heads != before
        });
    }
}

/// The time by which the pool's transactions age: that of the chains, in seconds.
fn pool_time(view: &impl View) -> Result<u64, StoreError> {
    let l1 = view.l1_head()?.map_or(0, |header| header.timestamp);
    Ok(l1.max(view.head()?.timestamp))
}

/// The number of a block that may exist.
fn number_of(view: &impl View, name: BlockId) -> Result<Option<u64>, ChainError> {
    Ok(match name {
        BlockId::Hash(hash) => view.block_number(hash.block_hash)?,
        BlockId::Number(BlockNumberOrTag::Number(number)) => Some(number),
        BlockId::Number(BlockNumberOrTag::Latest | BlockNumberOrTag::Pending) => Some(view.head()?.number),
        BlockId::Number(BlockNumberOrTag::Safe) => Some(view.last_output()?.block_number),
        BlockId::Number(BlockNumberOrTag::Finalized) => Some(view.final_output()?.block_number),
        BlockId::Number(BlockNumberOrTag::Earliest) => Some(0),
    })
}

/// The heads as the tables have them.
fn read_heads(view: &impl View) -> Result<Heads, ChainError> {
    let output = view.last_output()?;
    let block = |number| -> Result<BlockRef, ChainError> {
        Ok(BlockRef::from(&view.header(number)?.ok_or(StoreError::Corrupt("output without block"))?))
    };
    let l1 = view.l1_head()?.as_ref().map(L1Ref::from).unwrap_or_default();
    Ok(Heads {
        unsafe_: BlockRef::from(&view.head()?),
        safe: block(output.block_number)?,
        finalized: block(view.final_output()?.block_number)?,
        l1,
        l1_head: u64::MAX,
        queued: view.queue_count()?,
        batches: view.batch_count()?,
        derived: output.batch_count,
    })
}
