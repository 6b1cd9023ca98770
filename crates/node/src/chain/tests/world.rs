//! A chain, and the L1 that it follows.

use std::time::Duration;

use alloy::{
    consensus::{Header, Sealable, Sealed, SignableTransaction, TxEip1559, TxEnvelope},
    eips::{BlockNumberOrTag, Encodable2718},
    primitives::{Address, B256, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use postern_protocol::{
    batch::Batch,
    constants::{BATCH_MESSAGE_GAS, FORCED_MESSAGE_GAS, MAX_QUEUED_GAS_LIMIT},
    message::{QueuedMessage, extend_queue},
};
use tempfile::TempDir;

use super::super::{Chain, ChainConfig, Heads, IngestError, L1Event, L1Step, SequencingPolicy, Step};
use crate::{
    DataSource,
    genesis::{Genesis, GenesisConfig},
    l1::{self, Blob},
    store::{BatchData, L1Position, Store},
};

pub(super) const CHAIN_ID: u64 = 42_069;
pub(super) const ETHER: u128 = 1_000_000_000_000_000_000;
pub(super) const POLICY: SequencingPolicy = SequencingPolicy {
    confirmations: 0,
    batch_interval: Duration::ZERO,
    empty_blocks: false,
    capacity: DataSource::Auto.capacity(),
};

/// A chain, and the L1 that it follows.
pub(super) struct World {
    pub(super) directory: TempDir,
    pub(super) chain: Option<Chain>,
    pub(super) l1: Vec<Sealed<Header>>,
    /// What each L1 block brought, by block number.
    events: Vec<Vec<L1Event>>,
    pub(super) queue: Vec<QueuedMessage>,
    pub(super) batches: Vec<Batch>,
    /// Makes blocks of different forks different.
    fork: u64,
    /// Whether batches are posted by blobs.
    pub(super) by_blobs: bool,
}

impl World {
    /// An L2 on which users have ETH, on an L1 with two blocks: batches have the one before the last as their origin.
    pub(super) fn new() -> Self {
        let genesis = l1_header(None, 0);
        let mut world = Self {
            directory: tempfile::tempdir().unwrap(),
            chain: None,
            l1: vec![genesis],
            events: vec![Vec::new()],
            queue: Vec::new(),
            batches: Vec::new(),
            fork: 0,
            by_blobs: false,
        };
        world.open();
        world.chain().begin_l1(&world.l1[0]).unwrap();
        world.mine(Vec::new());
        world
    }

    pub(super) fn open(&mut self) {
        let store = Store::open(self.directory.path()).unwrap();
        let chain = Chain::open(store, config(B256::ZERO)).unwrap();
        chain.see_l1_head(self.l1.len() as u64 - 1);
        self.chain = Some(chain);
    }

    /// Stops the process and starts it again.
    pub(super) fn restart(&mut self) {
        self.chain = None;
        self.open();
    }

    pub(super) fn chain(&self) -> &Chain {
        self.chain.as_ref().unwrap()
    }

    pub(super) fn heads(&self) -> Heads {
        self.chain().heads()
    }

    /// Queues a message that brings ETH to `target`.
    pub(super) fn deposit(&mut self, target: Address, mint: u128) -> L1Event {
        self.queue(target, U256::from(mint), U256::from(mint), 100_000)
    }

    /// Queues messages of this much gas together, or a little less: a call that cannot start, for want of ETH, uses all the gas
    /// that it bought.
    pub(super) fn flood(&mut self, gas: u64) -> Vec<L1Event> {
        (0..gas / MAX_QUEUED_GAS_LIMIT).map(|_| self.queue(BOB, U256::ONE, U256::MAX, MAX_QUEUED_GAS_LIMIT)).collect()
    }

    pub(super) fn queue(&mut self, target: Address, mint: U256, value: U256, gas_limit: u64) -> L1Event {
        self.queue_from(ALICE, target, mint, value, gas_limit)
    }

    pub(super) fn queue_from(
        &mut self,
        sender: Address,
        target: Address,
        mint: U256,
        value: U256,
        gas_limit: u64,
    ) -> L1Event {
        let message = QueuedMessage {
            index: self.queue.len() as u64,
            sender,
            target,
            mint,
            value,
            gas_limit,
            fee: U256::from(gas_limit),
            data: Bytes::new(),
        };
        self.queue.push(message.clone());
        L1Event::Queued { message, end: self.queue_gas() }
    }

    /// Where the queue ends, in L2 gas.
    pub(super) fn queue_gas(&self) -> u64 {
        self.queue.iter().map(|message| message.gas_limit).sum()
    }

    /// To where batches consumed the queue, in L2 gas.
    pub(super) fn consumed(&self) -> u64 {
        self.batches.last().map_or(0, |batch| batch.consumed_to)
    }

    pub(super) fn queue_hash(&self) -> B256 {
        self.queue.iter().fold(B256::ZERO, |hash, message| extend_queue(hash, message.hash()))
    }

    /// Appends a batch in the next L1 block.
    pub(super) fn append(&mut self, consumed_to: u64, origin: &Sealed<Header>, data: BatchData) -> L1Event {
        let number = self.l1.len() as u64;
        let batch = Batch {
            parent: self.batches.last().map_or(B256::ZERO, Batch::hash),
            index: self.batches.len() as u64,
            l1_time: l1_time(number),
            l1_block: number,
            origin_number: origin.number,
            origin_hash: origin.hash(),
            data_commitment: data.commitment(),
            queue_hash: self.queue_hash(),
            queue_gas: self.queue_gas(),
            consumed_to,
        };
        self.batches.push(batch);
        L1Event::Appended { hash: batch.hash(), batch, data }
    }

    /// The sealed batch that is next, if there is one, as the batcher would post it.
    pub(super) fn post(&mut self) -> Option<L1Event> {
        let next = self.chain().next_to_post().unwrap()?;
        let origin = self.l1[next.origin_number as usize].clone();
        assert_eq!((next.index, next.origin_hash), (self.batches.len() as u64, origin.hash()));
        // What L1 takes, however much is overdue.
        let maximum = self.consumed() + BATCH_MESSAGE_GAS;
        assert!((self.consumed()..=maximum.min(self.queue_gas())).contains(&next.consume_to));
        let data = match self.by_blobs {
            false => BatchData::Calldata(next.data),
            true => {
                let blobs = Blob::of(&l1::sidecar(&next.data));
                self.chain().keep_blobs(&blobs).unwrap();
                BatchData::Blobs(blobs.iter().map(Blob::hash).collect())
            }
        };
        Some(self.append(next.consume_to, &origin, data))
    }

    /// What anyone may append when the sequencer is silent.
    pub(super) fn force(&mut self) -> L1Event {
        let origin = self.l1.last().unwrap().clone();
        let consumed_to = self.queue_gas().min(self.consumed() + FORCED_MESSAGE_GAS);
        self.append(consumed_to, &origin, BatchData::Calldata(Bytes::new()))
    }

    /// Mines an L1 block, which the chain follows.
    pub(super) fn mine(&mut self, events: Vec<L1Event>) {
        self.try_mine(events).unwrap();
    }

    pub(super) fn try_mine(&mut self, events: Vec<L1Event>) -> Result<(), IngestError> {
        let header = l1_header(self.l1.last(), self.fork);
        let position = |log_index| L1Position {
            block_number: header.number,
            log_index,
            transaction_hash: B256::with_last_byte(log_index as u8),
        };
        let placed = (0..).map(position).zip(events.clone()).collect();
        self.chain().ingest(L1Step { header: header.clone(), origins: Vec::new(), events: placed })?;
        self.chain().see_l1_head(header.number);
        self.l1.push(header);
        self.events.push(events);
        Ok(())
    }

    /// Drops the last `depth` L1 blocks; what they brought is gone.
    pub(super) fn reorg(&mut self, depth: usize) {
        self.fork += 1;
        self.l1.truncate(self.l1.len() - depth);
        for events in self.events.split_off(self.l1.len()) {
            for event in events {
                match event {
                    L1Event::Queued { .. } => drop(self.queue.pop()),
                    L1Event::Appended { .. } => drop(self.batches.pop()),
                    _ => {}
                }
            }
        }
        let head = self.l1.len() as u64 - 1;
        self.chain().rollback_l1(head).unwrap();
        self.chain().see_l1_head(head);
    }

    /// Builds and seals all that there is to.
    pub(super) fn sequence(&self) {
        while self.chain().sequence(&POLICY, 0).unwrap() != Step::Idle {}
    }

    pub(super) fn derive(&self) {
        while self.chain().derive_next().unwrap() {}
    }

    /// Sequences, posts and derives until nothing is left to do.
    pub(super) fn settle(&mut self) {
        loop {
            self.derive();
            self.sequence();
            match self.post() {
                Some(batch) => self.mine(vec![batch]),
                None => return,
            }
        }
    }

    pub(super) fn balance(&self, address: Address) -> U256 {
        let mut state =
            self.chain().state_after(&self.chain().header(BlockNumberOrTag::Latest).unwrap().unwrap()).unwrap();
        state.account(address).unwrap().map_or(U256::ZERO, |account| account.balance)
    }

    /// Messages of the queue that were executed.
    pub(super) fn executed(&self) -> u64 {
        let head = self.heads().unsafe_.number;
        self.chain().block(head).unwrap().unwrap().progress.messages_executed
    }

    pub(super) fn submit(&self, transaction: &Bytes) -> B256 {
        self.chain().submit_transaction(transaction.clone()).unwrap()
    }

    /// Whether a transaction is in a canonical block, or waits for one.
    pub(super) fn has(&self, hash: B256) -> bool {
        self.chain().transaction(hash).unwrap().is_some() || self.chain().pooled(hash).is_some()
    }

    pub(super) fn is_included(&self, hash: B256) -> bool {
        self.chain().transaction(hash).unwrap().is_some()
    }
}

pub(super) fn config(identity: B256) -> ChainConfig {
    let genesis = Genesis::build(&GenesisConfig {
        l2_chain_id: CHAIN_ID,
        timestamp: 1_000,
        fee_recipient: Address::ZERO,
        fund: [(user(1).address(), U256::from(100 * ETHER)), (user(2).address(), U256::from(100 * ETHER))].into(),
    });
    ChainConfig {
        chain_id: CHAIN_ID,
        genesis_header: genesis.header,
        genesis_output: genesis.output,
        genesis_preimages: genesis.preimages,
        identity,
        deployment_block: 1,
        sequencing: true,
    }
}

pub(super) fn l1_time(number: u64) -> u64 {
    10_000 + 12 * number
}

pub(super) fn l1_header(parent: Option<&Sealed<Header>>, fork: u64) -> Sealed<Header> {
    let number = parent.map_or(0, |parent| parent.number + 1);
    let header = Header {
        parent_hash: parent.map_or(B256::ZERO, Sealed::seal),
        number,
        timestamp: l1_time(number),
        mix_hash: B256::from(U256::from(fork)),
        ..Header::default()
    };
    header.seal_slow()
}

pub(super) fn user(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).unwrap()
}

pub(super) fn call(from: u8, nonce: u64, to: impl Into<TxKind>, value: u128, input: Bytes) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1,
        to: to.into(),
        value: U256::from(value),
        access_list: Default::default(),
        input,
    };
    let signature = user(from).sign_hash_sync(&transaction.signature_hash()).unwrap();
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

pub(super) fn transfer(from: u8, nonce: u64, to: Address, value: u128) -> Bytes {
    call(from, nonce, to, value, Bytes::new())
}

/// Makes choices, the same for the same seed: given how many options there are, which to take.
pub(super) fn choices(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |options| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 20) % options
    }
}

pub(super) const ALICE: Address = Address::repeat_byte(0xa1);
pub(super) const BOB: Address = Address::repeat_byte(0xb0);
