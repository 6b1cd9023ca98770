//! The chain on an L1 that the tests play: they decide what is queued, posted, forced and reorganised.

use std::time::Duration;

use alloy::{
    consensus::{Header, Sealable, Sealed, SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::SolCall,
};
use postern_bindings::Outbox::sendCall;
use postern_protocol::{
    batch::Batch,
    commitment::{Commitment, checkpoints_hash},
    constants::{BATCH_GAS_LIMIT, MAX_QUEUED_GAS_LIMIT},
    data,
    message::{QueuedMessage, extend_queue},
    outbox,
    predeploys::OUTBOX,
};
use tempfile::TempDir;

use super::{
    Chain, ChainConfig, ChainError, Heads, Inconsistency, IngestError, L1Event, L1Step, SequencingPolicy, Step,
    SubmitError,
};
use crate::{
    genesis::{Genesis, GenesisConfig},
    mempool::PoolError,
    store::{L1Position, Store, StoreError},
};

const CHAIN_ID: u64 = 42_069;
const ETHER: u128 = 1_000_000_000_000_000_000;
const POLICY: SequencingPolicy =
    SequencingPolicy { confirmations: 0, batch_interval: Duration::ZERO, empty_blocks: false };

/// A chain, and the L1 that it follows.
struct World {
    directory: TempDir,
    chain: Option<Chain>,
    l1: Vec<Sealed<Header>>,
    /// What each L1 block brought, by block number.
    events: Vec<Vec<L1Event>>,
    queue: Vec<QueuedMessage>,
    batches: Vec<Batch>,
    /// Makes blocks of different forks different.
    fork: u64,
}

impl World {
    /// An L2 on which users have ETH, on an L1 with two blocks: batches have the one before the last as their origin.
    fn new() -> Self {
        let genesis = l1_header(None, 0);
        let mut world = Self {
            directory: tempfile::tempdir().unwrap(),
            chain: None,
            l1: vec![genesis],
            events: vec![Vec::new()],
            queue: Vec::new(),
            batches: Vec::new(),
            fork: 0,
        };
        world.open();
        world.chain().begin_l1(&world.l1[0]).unwrap();
        world.mine(Vec::new());
        world
    }

    fn open(&mut self) {
        let store = Store::open(self.directory.path()).unwrap();
        let chain = Chain::open(store, config(B256::ZERO)).unwrap();
        chain.see_l1_head(self.l1.len() as u64 - 1);
        self.chain = Some(chain);
    }

    /// Stops the process and starts it again.
    fn restart(&mut self) {
        self.chain = None;
        self.open();
    }

    fn chain(&self) -> &Chain {
        self.chain.as_ref().unwrap()
    }

    fn heads(&self) -> Heads {
        self.chain().heads()
    }

    /// Queues a message that brings ETH to `target`.
    fn deposit(&mut self, target: Address, mint: u128) -> L1Event {
        self.queue(target, U256::from(mint), U256::from(mint), 100_000)
    }

    /// Queues messages that fill a batch and a half: a call that cannot start, for want of ETH, uses all the gas that it bought.
    fn flood(&mut self) -> Vec<L1Event> {
        let count = BATCH_GAS_LIMIT / MAX_QUEUED_GAS_LIMIT * 3 / 2;
        (0..count).map(|_| self.queue(BOB, U256::ONE, U256::MAX, MAX_QUEUED_GAS_LIMIT)).collect()
    }

    fn queue(&mut self, target: Address, mint: U256, value: U256, gas_limit: u64) -> L1Event {
        let message = QueuedMessage {
            index: self.queue.len() as u64,
            sender: ALICE,
            target,
            mint,
            value,
            gas_limit,
            fee: U256::from(gas_limit),
            data: Bytes::new(),
        };
        self.queue.push(message.clone());
        L1Event::Queued(message)
    }

    fn queue_hash(&self) -> B256 {
        self.queue.iter().fold(B256::ZERO, |hash, message| extend_queue(hash, message.hash()))
    }

    /// Appends a batch in the next L1 block.
    fn append(&mut self, consumed_to: u64, origin: &Sealed<Header>, data: Bytes) -> L1Event {
        let number = self.l1.len() as u64;
        let batch = Batch {
            parent: self.batches.last().map_or(B256::ZERO, Batch::hash),
            index: self.batches.len() as u64,
            l1_time: l1_time(number),
            l1_block: number,
            origin_number: origin.number,
            origin_hash: origin.hash(),
            data_commitment: data::commitment(&data),
            queue_hash: self.queue_hash(),
            queue_count: self.queue.len() as u64,
            consumed_to,
        };
        self.batches.push(batch);
        L1Event::Appended { hash: batch.hash(), batch, data }
    }

    /// The sealed batch that is next, if there is one, as the batcher would post it.
    fn post(&mut self) -> Option<L1Event> {
        let next = self.chain().next_to_post().unwrap()?;
        let origin = self.l1[next.origin_number as usize].clone();
        assert_eq!((next.index, next.origin_hash), (self.batches.len() as u64, origin.hash()));
        Some(self.append(next.consume_to, &origin, next.data))
    }

    /// What anyone may append when the sequencer is silent.
    fn force(&mut self) -> L1Event {
        let origin = self.l1.last().unwrap().clone();
        self.append(self.queue.len() as u64, &origin, Bytes::new())
    }

    /// Mines an L1 block, which the chain follows.
    fn mine(&mut self, events: Vec<L1Event>) {
        self.try_mine(events).unwrap();
    }

    fn try_mine(&mut self, events: Vec<L1Event>) -> Result<(), IngestError> {
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
    fn reorg(&mut self, depth: usize) {
        self.fork += 1;
        self.l1.truncate(self.l1.len() - depth);
        for events in self.events.split_off(self.l1.len()) {
            for event in events {
                match event {
                    L1Event::Queued(_) => drop(self.queue.pop()),
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
    fn sequence(&self) {
        while self.chain().sequence(&POLICY, 0).unwrap() != Step::Idle {}
    }

    fn derive(&self) {
        while self.chain().derive_next().unwrap() {}
    }

    /// Sequences, posts and derives until nothing is left to do.
    fn settle(&mut self) {
        loop {
            self.derive();
            self.sequence();
            match self.post() {
                Some(batch) => self.mine(vec![batch]),
                None => return,
            }
        }
    }

    fn balance(&self, address: Address) -> U256 {
        let mut state = self.chain().state_at(self.heads().unsafe_.number).unwrap().unwrap();
        state.account(address).unwrap().map_or(U256::ZERO, |account| account.balance)
    }

    /// Messages of the queue that were executed.
    fn executed(&self) -> u64 {
        let head = self.heads().unsafe_.number;
        self.chain().block(head).unwrap().unwrap().progress.messages_executed
    }

    fn submit(&self, transaction: &Bytes) -> B256 {
        self.chain().submit_transaction(transaction.clone()).unwrap()
    }

    /// Whether a transaction is in a canonical block, or waits for one.
    fn has(&self, hash: B256) -> bool {
        self.chain().transaction(hash).unwrap().is_some() || self.chain().pooled(hash).is_some()
    }

    fn is_included(&self, hash: B256) -> bool {
        self.chain().transaction(hash).unwrap().is_some()
    }
}

fn config(identity: B256) -> ChainConfig {
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

fn l1_time(number: u64) -> u64 {
    10_000 + 12 * number
}

fn l1_header(parent: Option<&Sealed<Header>>, fork: u64) -> Sealed<Header> {
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

fn user(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).unwrap()
}

fn call(from: u8, nonce: u64, to: Address, value: u128, input: Bytes) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::from(value),
        access_list: Default::default(),
        input,
    };
    let signature = user(from).sign_hash_sync(&transaction.signature_hash()).unwrap();
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

fn transfer(from: u8, nonce: u64, to: Address, value: u128) -> Bytes {
    call(from, nonce, to, value, Bytes::new())
}

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);

#[test]
fn what_is_sequenced_derives_to_the_same_blocks() {
    let mut world = World::new();
    let deposits = (0..3).map(|_| world.deposit(BOB, ETHER)).collect();
    world.mine(deposits);
    world.sequence();
    let transactions: Vec<_> = (0..5).map(|nonce| world.submit(&transfer(1, nonce, BOB, 7))).collect();
    world.mine(Vec::new());
    world.sequence();
    let before = world.heads();
    assert_eq!(world.balance(BOB), U256::from(3 * ETHER + 35));
    assert_eq!(before.safe.number, 0);

    world.settle();

    let after = world.heads();
    assert_eq!((after.safe, after.unsafe_), (before.unsafe_, before.unsafe_));
    assert_eq!((after.derived, after.batches), (world.batches.len() as u64, world.batches.len() as u64));
    assert!(transactions.iter().all(|hash| world.is_included(*hash)));
    assert_eq!(world.chain().pool_size(), 0);
    let output = world.chain().output(after.derived).unwrap().unwrap();
    assert_eq!(output.block_hash, after.safe.hash);
}

#[test]
fn nothing_is_built_on_an_old_view_of_l1() {
    let mut world = World::new();
    world.mine(Vec::new());
    world.submit(&transfer(1, 0, BOB, 5));
    world.chain().see_l1_head(3);
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Idle);
    let forced = world.force();
    world.mine(vec![forced]);
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Idle);
    world.derive();
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Built);

    // After a start the node has to ask L1 first.
    world.chain = None;
    let store = Store::open(world.directory.path()).unwrap();
    let chain = Chain::open(store, config(B256::ZERO)).unwrap();
    assert!(!chain.heads().synced());
    assert_eq!(chain.sequence(&POLICY, 0).unwrap(), Step::Idle);
}

#[test]
fn messages_join_an_open_batch() {
    let mut world = World::new();
    let patient = SequencingPolicy { batch_interval: Duration::from_secs(12), ..POLICY };
    for _ in 0..3 {
        let deposit = world.deposit(BOB, ETHER);
        world.mine(vec![deposit]);
        assert_eq!(world.chain().sequence(&patient, 0).unwrap(), Step::Built);
        assert_eq!(world.chain().sequence(&patient, 11_999).unwrap(), Step::Idle);
    }
    assert_eq!(world.chain().sequence(&patient, 12_000).unwrap(), Step::Again);
    let head = world.heads().unsafe_;

    world.settle();

    assert_eq!(world.batches.len(), 1);
    assert_eq!(world.batches[0].consumed_to, 3);
    assert_eq!(world.heads().safe, head);
}

#[test]
fn messages_that_do_not_fit_a_batch_come_first_in_the_next() {
    let mut world = World::new();
    let flood = world.flood();
    world.mine(flood);
    let hash = world.submit(&transfer(1, 0, BOB, 1));
    world.sequence();
    let head = world.heads().unsafe_;

    world.settle();

    assert!(world.batches.len() >= 2);
    assert_eq!(world.heads().safe, head);
    assert_eq!(world.executed(), world.queue.len() as u64);
    assert!(world.is_included(hash));
}

#[test]
fn a_forced_batch_that_carries_messages_over_is_continued_by_the_sequencer() {
    let mut world = World::new();
    let flood = world.flood();
    world.mine(flood);
    let forced = world.force();
    world.mine(vec![forced]);
    world.derive();
    assert!(world.executed() < world.queue.len() as u64);

    world.sequence();
    let head = world.heads().unsafe_;
    world.settle();

    assert_eq!(world.heads().safe, head);
    assert_eq!(world.executed(), world.queue.len() as u64);
}

#[test]
fn a_forced_batch_replaces_unsafe_blocks_and_keeps_their_transactions() {
    let mut world = World::new();
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    assert!(world.is_included(hash));
    let unsafe_head = world.heads().unsafe_;
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let forced = world.force();
    world.mine(vec![forced]);

    world.derive();

    let heads = world.heads();
    assert_eq!(heads.unsafe_, heads.safe);
    assert_ne!(heads.safe.hash, unsafe_head.hash);
    assert!(!world.is_included(hash) && world.has(hash));
    assert_eq!(world.chain().block_number(unsafe_head.hash).unwrap(), None);

    world.settle();
    assert!(world.is_included(hash));
    assert_eq!(world.balance(BOB), U256::from(ETHER + 5));
    assert_eq!(world.heads().safe, world.heads().unsafe_);
}

#[test]
fn a_batch_that_l1_dropped_is_posted_again_unchanged() {
    let mut world = World::new();
    world.mine(Vec::new());
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    let posted = world.chain().next_to_post().unwrap().unwrap();
    world.settle();
    let safe = world.heads().safe;

    world.reorg(1);

    let heads = world.heads();
    assert_eq!((heads.safe.number, heads.derived), (0, 0));
    assert_eq!(heads.unsafe_, safe);
    assert!(world.is_included(hash));
    assert_eq!(world.chain().next_to_post().unwrap(), Some(posted));
    world.settle();
    assert_eq!(world.heads().safe, safe);
}

#[test]
fn blocks_without_their_origin_are_built_anew() {
    let mut world = World::new();
    world.mine(Vec::new());
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    world.settle();
    let safe = world.heads().safe;

    world.reorg(3);

    let heads = world.heads();
    assert_eq!((heads.safe.number, heads.unsafe_.number), (0, 0));
    assert!(!world.is_included(hash) && world.has(hash));
    world.mine(Vec::new());
    world.settle();
    assert!(world.is_included(hash));
    assert_ne!(world.heads().safe.hash, safe.hash);
}

#[test]
fn what_spends_a_dropped_deposit_waits_until_it_comes_again() {
    let mut world = World::new();
    world.mine(Vec::new());
    let deposit = world.deposit(user(3).address(), ETHER);
    world.mine(vec![deposit]);
    world.sequence();
    let spending = world.submit(&transfer(3, 0, BOB, ETHER / 2));
    world.sequence();
    world.settle();
    assert!(world.is_included(spending));

    let dropped = world.l1.len() - 2;
    world.reorg(dropped);
    world.mine(Vec::new());
    world.sequence();
    assert!(!world.is_included(spending) && world.has(spending));
    world.restart();
    assert!(world.has(spending));

    let deposit = world.deposit(user(3).address(), ETHER);
    world.mine(vec![deposit]);
    world.settle();
    assert!(world.is_included(spending));
}

#[test]
fn a_restart_at_any_point_loses_nothing() {
    let mut world = World::new();
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let first = world.submit(&transfer(1, 0, BOB, 5));
    // Waits for a nonce that is missing.
    let gapped = world.submit(&transfer(2, 1, BOB, 5));
    let patient = SequencingPolicy { batch_interval: Duration::from_secs(12), ..POLICY };

    world.restart();
    assert!(world.has(first) && world.has(gapped));
    assert_eq!(world.chain().sequence(&patient, 0).unwrap(), Step::Built);
    let open = world.heads();
    world.restart();
    assert_eq!(world.heads(), open);
    let second = world.submit(&transfer(1, 1, BOB, 5));
    assert_eq!(world.chain().sequence(&patient, 0).unwrap(), Step::Built);
    world.restart();
    assert_eq!(world.chain().sequence(&patient, 12_000).unwrap(), Step::Again);
    let sealed = world.chain().next_to_post().unwrap();
    assert!(sealed.is_some());
    world.restart();
    assert_eq!(world.chain().next_to_post().unwrap(), sealed);
    let batch = world.post().unwrap();
    world.mine(vec![batch]);
    world.restart();
    world.derive();
    world.restart();

    assert_eq!(world.batches.len(), 1);
    assert_eq!(world.heads().safe, world.heads().unsafe_);
    assert!(world.is_included(first) && world.is_included(second));
    assert!(world.chain().pooled(gapped).is_some());
    assert_eq!(world.chain().next_nonce(user(2).address()).unwrap(), 0);
    world.submit(&transfer(2, 0, BOB, 5));
    assert_eq!(world.chain().next_nonce(user(2).address()).unwrap(), 2);
    world.settle();
    assert!(world.is_included(gapped));
}

#[test]
fn messages_to_l1_are_proven_in_every_later_output() {
    let mut world = World::new();
    let mut nonce = 0;
    for round in 0..3 {
        for _ in 0..=round {
            let input = sendCall { target: BOB, gasLimit: 50_000, data: Bytes::new() }.abi_encode();
            world.submit(&call(1, nonce, OUTBOX, 3, input.into()));
            nonce += 1;
        }
        world.mine(Vec::new());
        world.settle();
    }
    let chain = world.chain();
    let derived = world.heads().derived;
    assert_eq!(chain.outbox_count(derived).unwrap(), Some(6));
    world.restart();
    let chain = world.chain();
    for batch_count in 0..=derived {
        let count = chain.outbox_count(batch_count).unwrap().unwrap();
        let root = chain.output(batch_count).unwrap().unwrap().outbox_root;
        for index in 0..count {
            let entry = chain.outbox_message(index).unwrap().unwrap();
            let block = chain.block(entry.block_number).unwrap().unwrap();
            assert!(block.transactions.iter().any(|transaction| transaction.hash() == entry.transaction_hash));
            let proof = chain.outbox_proof(index, batch_count).unwrap();
            outbox::verify(root, entry.message.leaf(), index, &proof).unwrap();
            let reached = chain.batch_count_at(entry.block_number).unwrap().unwrap();
            assert!(reached <= batch_count);
        }
        let young = chain.outbox_proof(count, batch_count);
        assert!(matches!(young, Err(ChainError::NotInOutbox { index, .. }) if index == count));
    }
    assert!(matches!(chain.outbox_proof(0, derived + 1), Err(ChainError::NotInOutbox { .. })));
}

#[test]
fn the_outbox_forgets_what_a_reorganisation_drops() {
    let mut world = World::new();
    world.mine(Vec::new());
    let send = |nonce: u64, value: u128| {
        let input = sendCall { target: BOB, gasLimit: 50_000, data: Bytes::new() }.abi_encode();
        call(1, nonce, OUTBOX, value, input.into())
    };
    world.submit(&send(0, 1));
    world.settle();
    let first = world.chain().outbox_proof(0, 1).unwrap();
    let kept = world.l1.len();
    world.mine(Vec::new());
    world.mine(Vec::new());
    world.submit(&send(1, 2));
    world.settle();
    assert_eq!(world.chain().outbox_count(2).unwrap(), Some(2));

    world.reorg(world.l1.len() - kept);
    assert_eq!(world.chain().outbox_proof(0, 1).unwrap(), first);
    assert!(world.chain().outbox_message(1).unwrap().is_none());
    assert_eq!(world.chain().outbox_count(2).unwrap(), None);

    world.mine(Vec::new());
    world.settle();
    let root = world.chain().output(2).unwrap().unwrap().outbox_root;
    let entry = world.chain().outbox_message(1).unwrap().unwrap();
    outbox::verify(root, entry.message.leaf(), 1, &world.chain().outbox_proof(1, 2).unwrap()).unwrap();
}

#[test]
fn finality_follows_commitments_that_agree() {
    let mut world = World::new();
    world.submit(&transfer(1, 0, BOB, 5));
    world.mine(Vec::new());
    world.settle();
    let output = world.chain().output(1).unwrap().unwrap();
    let commitment = |output_root: B256| Commitment {
        parent: world.chain().genesis_commitment(),
        batch_hash: world.batches[0].hash(),
        batch_count: 1,
        output_root,
        checkpoints_hash: checkpoints_hash(&[output_root]),
        proposer: BOB,
    };
    let (good, bad) = (commitment(output.root()), commitment(keccak256("false")));
    let proposed = |commitment: Commitment| L1Event::Proposed {
        id: commitment.id(),
        commitment,
        checkpoints: vec![commitment.output_root],
    };
    world.mine(vec![proposed(good), proposed(bad)]);
    let claims = world.chain().commitments_from(1).unwrap();
    assert_eq!(claims.iter().map(|claim| claim.id).collect::<Vec<_>>(), [good.id(), bad.id()]);
    assert_eq!(world.heads().finalized.number, 0);

    world.mine(vec![L1Event::Rejected(bad.id())]);
    world.mine(vec![L1Event::Finalized(good.id())]);
    assert_eq!(world.heads().finalized, world.heads().safe);
    world.restart();
    assert_eq!(world.heads().finalized, world.heads().safe);

    world.reorg(1);
    assert_eq!(world.heads().finalized.number, 0);
    assert!(world.chain().commitment(good.id()).unwrap().is_some());
    world.reorg(2);
    assert!(world.chain().commitments_from(0).unwrap().is_empty());
    assert!(matches!(
        world.try_mine(vec![L1Event::Finalized(good.id())]),
        Err(IngestError::Inconsistent(Inconsistency::UnknownCommitment { id })) if id == good.id()
    ));
}

#[test]
fn an_l1_that_contradicts_itself_is_not_followed() {
    let mut world = World::new();
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let before = world.heads();
    let refuse = |world: &mut World, event: L1Event| match world.try_mine(vec![event]) {
        Err(IngestError::Inconsistent(reason)) => reason,
        other => panic!("{other:?}"),
    };

    let again = L1Event::Queued(world.queue[0].clone());
    assert_eq!(refuse(&mut world, again), Inconsistency::QueueIndex { received: 0, expected: 1 });

    let L1Event::Appended { hash, batch, data } = world.force() else { unreachable!() };
    world.batches.clear();
    let appended = |batch: Batch| L1Event::Appended { hash: batch.hash(), batch, data: data.clone() };
    let reason = refuse(&mut world, appended(Batch { index: 1, ..batch }));
    assert_eq!(reason, Inconsistency::BatchIndex { received: 1, expected: 0 });
    let reason = refuse(&mut world, appended(Batch { parent: hash, ..batch }));
    assert_eq!(reason, Inconsistency::BatchParent { received: hash, expected: B256::ZERO });
    let reason = refuse(&mut world, appended(Batch { queue_count: 2, ..batch }));
    assert_eq!(reason, Inconsistency::QueueCount { received: 2, expected: 1 });
    let reason = refuse(&mut world, appended(Batch { consumed_to: 2, ..batch }));
    assert_eq!(reason, Inconsistency::Consumption { received: 2, minimum: 0, maximum: 1 });
    let reason = refuse(&mut world, appended(Batch { queue_hash: hash, ..batch }));
    assert!(matches!(reason, Inconsistency::Hash { what: "queue hash", .. }));
    let reason = refuse(&mut world, appended(Batch { data_commitment: hash, ..batch }));
    assert!(matches!(reason, Inconsistency::Hash { what: "data commitment", .. }));
    let reason = refuse(&mut world, L1Event::Appended { hash: B256::ZERO, batch, data: data.clone() });
    assert!(matches!(reason, Inconsistency::Hash { what: "batch hash", .. }));

    assert_eq!(world.heads(), before);
    world.mine(vec![appended(batch)]);
    world.derive();
    assert_eq!(world.heads().derived, 1);
}

#[test]
fn a_batch_that_l1_refuses_is_given_up() {
    let mut world = World::new();
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    world.chain().abandon(0).unwrap();
    assert_eq!(world.heads().unsafe_.number, 0);
    assert!(world.has(hash));
    assert_eq!(world.chain().next_to_post().unwrap(), None);

    world.mine(Vec::new());
    world.settle();
    assert!(world.is_included(hash));
    let safe = world.heads();
    world.chain().abandon(0).unwrap();
    assert_eq!(world.heads(), safe);
}

#[test]
fn transactions_are_judged_by_the_state() {
    let world = World::new();
    let submit = |raw: Bytes| match world.chain().submit_transaction(raw) {
        Err(SubmitError::Pool(error)) => error,
        other => panic!("{other:?}"),
    };
    let hash = world.submit(&transfer(1, 0, BOB, ETHER));
    assert_eq!(submit(transfer(1, 0, BOB, ETHER)), PoolError::AlreadyKnown);
    assert!(matches!(submit(transfer(1, 1, BOB, 100 * ETHER)), PoolError::InsufficientFunds { .. }));
    assert!(matches!(submit(transfer(3, 0, BOB, 0)), PoolError::InsufficientFunds { .. }));
    world.sequence();
    assert!(world.is_included(hash));
    let error = submit(transfer(1, 0, BOB, 2));
    assert_eq!(error, PoolError::NonceTooLow { received: 0, expected: 1 });
}

#[test]
fn a_data_directory_serves_one_process_and_one_deployment() {
    let mut world = World::new();
    let path = world.directory.path().to_owned();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { path: named }) if named == path));

    world.chain = None;
    let store = Store::open(&path).unwrap();
    let other = Chain::open(store, config(B256::with_last_byte(1)));
    assert!(matches!(other, Err(ChainError::Store(StoreError::Foreign { path: named })) if named == path));

    let file = path.join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(&file), Err(StoreError::Directory { path: named, .. }) if named == file));
}

/// Whatever happens in whatever order: unsafe blocks derive to themselves unless a batch is forced, no acknowledged transaction
/// is lost, and in the end everything is safe.
#[test]
fn nothing_is_lost_whatever_happens() {
    for seed in 0..24_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut choose = |options: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 20) % options
        };
        let mut world = World::new();
        world.mine(Vec::new());
        let mut acknowledged = Vec::new();
        for _ in 0..40 {
            match choose(8) {
                0 => {
                    let deposit = world.deposit(BOB, 1);
                    world.mine(vec![deposit]);
                }
                1 | 2 => {
                    let from = 1 + choose(2) as u8;
                    let nonce = world.chain().next_nonce(user(from).address()).unwrap();
                    acknowledged.push(world.submit(&transfer(from, nonce, BOB, 1)));
                }
                3 => drop(world.chain().sequence(&POLICY, 0).unwrap()),
                4 => world.derive(),
                5 => match world.post() {
                    Some(batch) => world.mine(vec![batch]),
                    None => world.mine(Vec::new()),
                },
                6 => {
                    let depth = choose(3).min(world.l1.len() as u64 - 2);
                    world.reorg(depth as usize);
                }
                _ => match choose(4) {
                    0 if !world.queue.is_empty() => {
                        let forced = world.force();
                        world.mine(vec![forced]);
                    }
                    _ => world.restart(),
                },
            }
            assert!(acknowledged.iter().all(|hash| world.has(*hash)), "seed {seed}");
        }
        world.mine(Vec::new());
        world.settle();
        let heads = world.heads();
        assert_eq!(heads.safe, heads.unsafe_, "seed {seed}");
        assert!(acknowledged.iter().all(|hash| world.is_included(*hash)), "seed {seed}");
        assert_eq!(world.executed(), world.queue.len() as u64, "seed {seed}");
    }
}
