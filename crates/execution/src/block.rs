//! Making blocks: what the sequencer does with fresh transactions, and the derivation with those of a batch.

use crate::{
    evm,
    l1_info::{self, L1Info, L1Origin},
    preimages::{MissingPreimage, Preimages},
    receipt::Receipt,
    state::{State, history_slot},
    transaction::{Deposit, L2Transaction, TransactionError},
};
use alloc::vec::Vec;
use alloy_consensus::{
    Header, Transaction,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS},
};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{Address, B256, Bloom, Bytes, Sealable, Sealed};
use alloy_trie::root::ordered_trie_root_encoded;
use core::{cmp::Ordering, ops::Range};
use postern_protocol::{
    constants::{
        BASE_FEE_DENOMINATOR, BASE_FEE_ELASTICITY, BATCH_TRANSACTION_GAS, BLOCK_GAS_LIMIT, INITIAL_BASE_FEE,
        MAX_QUEUED_GAS_LIMIT, MIN_BASE_FEE,
    },
    message::QueuedMessage,
    predeploys,
};
use revm::context::result::{ExecutionResult, InvalidTransaction};
use thiserror::Error;

/// A block, and all that a node keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedBlock {
    /// Header, with the block hash.
    pub header: Sealed<Header>,
    /// Transactions in order: the messages first.
    pub transactions: Vec<L2Transaction>,
    /// Who sent each.
    pub senders: Vec<Address>,
    /// Receipt of each.
    pub receipts: Vec<Receipt>,
    /// Gas used by each.
    pub gas_used: Vec<u64>,
    /// Which messages of the queue it executed.
    pub messages: Range<u64>,
    /// Transactions that were offered and are not part of it.
    pub skipped: Vec<Skipped>,
    /// Accounts that are another after it than before, or are gone, in order.
    pub accounts: Vec<Address>,
    /// New trie nodes and code, by hash, to be kept.
    pub preimages: Vec<(B256, Bytes)>,
}

/// A transaction that is not part of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Position among the transactions offered to the block.
    pub position: usize,
    /// Why.
    pub reason: SkipReason,
}

/// Why a transaction is not part of a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SkipReason {
    /// It is not the canonical encoding of a transaction that exists on the L2.
    #[error(transparent)]
    Undecodable(#[from] TransactionError),
    /// Deposits come from the queue alone.
    #[error("deposits come from the queue alone")]
    Deposit,
    /// The signature is invalid.
    #[error("invalid signature")]
    InvalidSignature,
    /// Messages that the block should begin with did not fit, so that it has no room for transactions.
    #[error("messages from L1 are waiting")]
    MessagesWaiting,
    /// The gas limit does not fit what is left of the block's.
    #[error("gas limit {received} does not fit the block's {available}")]
    BlockGasLimit {
        /// Gas limit of the transaction.
        received: u64,
        /// Gas left.
        available: u64,
    },
    /// The gas limit does not fit what the batch has left for transactions.
    #[error("gas limit {received} does not fit the batch's {available}")]
    BatchGasLimit {
        /// Gas limit of the transaction.
        received: u64,
        /// Gas left.
        available: u64,
    },
    /// It is invalid under the rules of Ethereum: chain id, nonce, balance, fees, gas.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
}

/// What the blocks of a batch have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchContext {
    /// L1 origin.
    pub origin: L1Origin,
    /// Position of the batch, counted from 0.
    pub index: u64,
    /// Messages `[0, last)` of the queue are executed once the batch is: those that end at its `consumedTo` or before. The
    /// largest value while that is open: no block depends on it but by its messages.
    pub last: u64,
}

/// How far a batch has come; with the head and the context all that is needed to go on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProgress {
    /// Messages that the next block begins with, at least: up to here.
    pub wanted: u64,
    /// Gas left for transactions.
    pub gas_left: u64,
    /// Blocks made.
    pub blocks: usize,
}

/// A batch in the making.
#[derive(Debug)]
pub struct BatchBuilder<P> {
    state: State<P>,
    l2_chain_id: u64,
    head: Sealed<Header>,
    context: BatchContext,
    progress: BatchProgress,
    executed: u64,
    gas_executed: u64,
}

impl<P: Preimages> BatchBuilder<P> {
    /// A batch on top of `parent`, the last block of the batch before.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn new(
        preimages: P,
        l2_chain_id: u64,
        parent: Sealed<Header>,
        context: BatchContext,
    ) -> Result<Self, MissingPreimage> {
        let progress = BatchProgress { wanted: 0, gas_left: BATCH_TRANSACTION_GAS, blocks: 0 };
        Self::resume(preimages, l2_chain_id, parent, context, progress)
    }

    /// A batch that has come so far, its last block being `head`.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn resume(
        preimages: P,
        l2_chain_id: u64,
        head: Sealed<Header>,
        context: BatchContext,
        progress: BatchProgress,
    ) -> Result<Self, MissingPreimage> {
        let mut state = State::new(preimages, head.state_root);
        let L1Info { messages_executed: executed, gas_executed, .. } = L1Info::read(&mut state)?;
        Ok(Self { state, l2_chain_id, head, context, progress, executed, gas_executed })
    }

    /// How far it has come.
    pub fn progress(&self) -> BatchProgress {
        self.progress
    }

    /// Messages of the queue executed so far, since genesis.
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// Where in the queue the last of them ends, in L2 gas: to consume it as far as this is what the blocks so far ask for.
    pub fn gas_executed(&self) -> u64 {
        self.gas_executed
    }

    /// The last block's header.
    pub fn head(&self) -> &Sealed<Header> {
        &self.head
    }

    /// The state after the last block.
    pub fn state(&mut self) -> &mut State<P> {
        &mut self.state
    }

    /// Begins a block as one in a batch's data does: `timestamp` is what it claims, but it is no earlier than its parent and
    /// the L1 origin, and it begins with `messages` messages of the queue, or with more if earlier blocks left some over.
    ///
    /// A block that is begun must be sealed; if it is not, this batch cannot be used any more and must be resumed.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn block(&mut self, timestamp: u64, messages: u64) -> Result<BlockBuilder<'_, P>, MissingPreimage> {
        let Self { state, head, context, progress, executed, gas_executed, .. } = self;
        progress.wanted = progress.wanted.max(executed.saturating_add(messages)).min(context.last);
        let header = Header {
            parent_hash: head.seal(),
            beneficiary: predeploys::FEE_VAULT,
            number: head.number + 1,
            timestamp: head.timestamp.max(context.origin.timestamp).max(timestamp),
            mix_hash: context.origin.hash,
            base_fee_per_gas: Some(next_base_fee(head)),
            ..empty_header()
        };
        state.set_storage(predeploys::HISTORY, history_slot(head.number), head.seal().into())?;
        if progress.blocks == 0 {
            let info = L1Info {
                origin: context.origin,
                batch_count: context.index.saturating_add(1),
                messages_executed: *executed,
                gas_executed: *gas_executed,
            };
            info.write(state)?;
        }
        let first_message = *executed;
        Ok(BlockBuilder {
            batch: self,
            header,
            first_message,
            messages_open: true,
            offered: 0,
            transactions: Vec::new(),
            senders: Vec::new(),
            receipts: Vec::new(),
            gas_used: Vec::new(),
            skipped: Vec::new(),
        })
    }
}

/// A block in the making: first messages, then transactions, then the seal.
#[derive(Debug)]
pub struct BlockBuilder<'a, P> {
    batch: &'a mut BatchBuilder<P>,
    /// Complete but for what only the end of the block tells.
    header: Header,
    first_message: u64,
    /// Whether another message may follow.
    messages_open: bool,
    offered: usize,
    transactions: Vec<L2Transaction>,
    senders: Vec<Address>,
    receipts: Vec<Receipt>,
    gas_used: Vec<u64>,
    skipped: Vec<Skipped>,
}

impl<P: Preimages> BlockBuilder<'_, P> {
    /// Number of this block.
    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// Its time.
    pub fn timestamp(&self) -> u64 {
        self.header.timestamp
    }

    /// Its base fee, in wei per gas.
    pub fn base_fee(&self) -> u64 {
        self.header.base_fee_per_gas.unwrap_or_default()
    }

    /// Gas left for one more transaction: of the block's and of what the batch has for transactions the lesser.
    pub fn gas_left(&self) -> u64 {
        self.block_gas_left().min(self.batch.progress.gas_left)
    }

    /// Position in the queue of the message that must come next; `None` if no more are wanted or fit.
    pub fn next_message(&self) -> Option<u64> {
        (self.messages_open && self.batch.executed < self.batch.progress.wanted).then_some(self.batch.executed)
    }

    /// Executes the message that [`Self::next_message`] asked for. False if it does not fit any more: it is left over, and
    /// the block takes neither messages nor transactions from here on.
    ///
    /// # Errors
    ///
    /// If a trie node or code is missing.
    pub fn execute_message(&mut self, message: &QueuedMessage) -> Result<bool, MissingPreimage> {
        let gas_limit = queued_gas_limit(message);
        if self.next_message().is_none() || gas_limit > self.block_gas_left() {
            self.messages_open = false;
            return Ok(false);
        }
        let deposit = Deposit::from(message);
        let state = &mut self.batch.state;
        state.credit(deposit.from, deposit.mint)?;
        state.credit(predeploys::FEE_VAULT, message.fee)?;
        let rules = evm::unsigned_rules(self.batch.l2_chain_id);
        let environment = evm::environment(&self.header);
        let result = match evm::execute(state, rules, &environment, evm::deposit(&deposit, gas_limit))? {
            Ok((result, changes)) => {
                state.apply(changes)?;
                Some(result)
            }
            Err(_) => {
                state.increment_nonce(deposit.from)?;
                None
            }
        };
        let sender = deposit.from;
        self.include(deposit.into(), sender, result, gas_limit);
        self.batch.executed += 1;
        // L1 does not sell so much gas.
        self.batch.gas_executed = self.batch.gas_executed.saturating_add(message.gas_limit);
        Ok(true)
    }

    /// Executes a transaction in its EIP-2718 encoding, or says why it is skipped, which changes nothing.
    ///
    /// # Errors
    ///
    /// If a trie node or code is missing.
    pub fn execute_transaction(&mut self, encoded: &[u8]) -> Result<Result<&Receipt, SkipReason>, MissingPreimage> {
        let position = self.offered;
        self.offered += 1;
        match self.try_transaction(encoded)? {
            Ok(()) => Ok(Ok(self.receipts.last().expect("just included"))),
            Err(reason) => {
                self.skipped.push(Skipped { position, reason: reason.clone() });
                Ok(Err(reason))
            }
        }
    }

    fn try_transaction(&mut self, encoded: &[u8]) -> Result<Result<(), SkipReason>, MissingPreimage> {
        if self.batch.executed < self.batch.progress.wanted {
            return Ok(Err(SkipReason::MessagesWaiting));
        }
        self.close_messages()?;
        let transaction = match L2Transaction::decode(encoded) {
            Ok(L2Transaction::Ethereum(transaction)) => transaction,
            Ok(L2Transaction::Deposit(_)) => return Ok(Err(SkipReason::Deposit)),
            Err(error) => return Ok(Err(error.into())),
        };
        let received = transaction.gas_limit();
        let available = self.block_gas_left();
        if received > available {
            return Ok(Err(SkipReason::BlockGasLimit { received, available }));
        }
        let available = self.batch.progress.gas_left;
        if received > available {
            return Ok(Err(SkipReason::BatchGasLimit { received, available }));
        }
        // Nobody can pay so much; it spares the EVM arithmetic that would overflow.
        if transaction.max_fee_per_gas().checked_mul(received.into()).is_none() {
            return Ok(Err(InvalidTransaction::OverflowPaymentInTransaction.into()));
        }
        let transaction = L2Transaction::Ethereum(transaction);
        let Some(sender) = transaction.recover_sender() else {
            return Ok(Err(SkipReason::InvalidSignature));
        };
        let L2Transaction::Ethereum(signed) = &transaction else { unreachable!("made above") };
        let rules = evm::rules(self.batch.l2_chain_id);
        let environment = evm::environment(&self.header);
        let call = evm::signed(signed, sender);
        match evm::execute(&mut self.batch.state, rules, &environment, call)? {
            Ok((result, changes)) => {
                self.batch.state.apply(changes)?;
                let gas_used = self.include(transaction, sender, Some(result), received);
                self.batch.progress.gas_left -= gas_used;
                Ok(Ok(()))
            }
            Err(reason) => Ok(Err(reason.into())),
        }
    }

    /// Seals the block.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn seal(mut self) -> Result<ExecutedBlock, MissingPreimage> {
        self.close_messages()?;
        let update = self.batch.state.commit()?;
        let transactions: Vec<_> = self.transactions.iter().map(L2Transaction::encoded).collect();
        let receipts: Vec<_> = self.receipts.iter().map(Receipt::encoded).collect();
        self.header.state_root = update.root;
        self.header.transactions_root = ordered_trie_root_encoded(&transactions);
        self.header.receipts_root = ordered_trie_root_encoded(&receipts);
        self.header.logs_bloom = self.receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
        let header = self.header.seal_slow();
        self.batch.head = header.clone();
        self.batch.progress.blocks += 1;
        Ok(ExecutedBlock {
            header,
            transactions: self.transactions,
            senders: self.senders,
            receipts: self.receipts,
            gas_used: self.gas_used,
            messages: self.first_message..self.batch.executed,
            skipped: self.skipped,
            accounts: update.accounts,
            preimages: update.preimages,
        })
    }

    fn block_gas_left(&self) -> u64 {
        self.header.gas_limit - self.header.gas_used
    }

    /// No message follows: from now on contracts read in `L1Info` that those of this block are executed.
    fn close_messages(&mut self) -> Result<(), MissingPreimage> {
        self.messages_open = false;
        l1_info::write_executed(&mut self.batch.state, self.batch.executed, self.batch.gas_executed)
    }

    /// Appends a transaction with the result of its call, or without if that could not even start. Gives the gas it used.
    fn include(
        &mut self,
        transaction: L2Transaction,
        sender: Address,
        result: Option<ExecutionResult>,
        gas_limit: u64,
    ) -> u64 {
        let gas_used = result.as_ref().map_or(gas_limit, ExecutionResult::tx_gas_used);
        self.header.gas_used += gas_used;
        self.receipts.push(Receipt {
            tx_type: transaction.tx_type(),
            success: result.as_ref().is_some_and(ExecutionResult::is_success),
            cumulative_gas_used: self.header.gas_used,
            logs: result.map(ExecutionResult::into_logs).unwrap_or_default(),
        });
        self.transactions.push(transaction);
        self.senders.push(sender);
        self.gas_used.push(gas_used);
        gas_used
    }
}

/// The gas limit under which a message is executed. The bridge sells no more than the maximum; were there a message with
/// more, it could otherwise never fit a block, and would stop the queue.
fn queued_gas_limit(message: &QueuedMessage) -> u64 {
    message.gas_limit.min(MAX_QUEUED_GAS_LIMIT)
}

/// Base fee of the block after `parent`, in wei per gas: EIP-1559, but never below the minimum.
pub fn next_base_fee(parent: &Header) -> u64 {
    let base_fee = parent.base_fee_per_gas.unwrap_or(INITIAL_BASE_FEE);
    let target = BLOCK_GAS_LIMIT / BASE_FEE_ELASTICITY;
    let distance = parent.gas_used.abs_diff(target);
    let change = u128::from(base_fee) * u128::from(distance) / u128::from(target) / u128::from(BASE_FEE_DENOMINATOR);
    // At most an eighth of the base fee.
    let change = u64::try_from(change).unwrap_or(u64::MAX);
    let next = match parent.gas_used.cmp(&target) {
        Ordering::Greater => base_fee.saturating_add(change.max(1)),
        Ordering::Equal => base_fee,
        Ordering::Less => base_fee.saturating_sub(change),
    };
    next.max(MIN_BASE_FEE)
}

/// What all headers of the L2 have in common: what it does not use is as empty as the rules of Osaka allow.
pub(crate) fn empty_header() -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        gas_limit: BLOCK_GAS_LIMIT,
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
