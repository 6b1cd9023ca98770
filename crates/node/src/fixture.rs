//! A chain for unit tests, on an L1 that is made up block by block: what the chain takes from L1 is data, and here it comes
//! from the test.

use alloy::{
    consensus::{Header, Sealable, Sealed, SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use postern_protocol::{
    batch::Batch,
    commitment::{Commitment, checkpoints_hash},
    constants::MAX_BATCH_DATA,
    dispute::{self, Challenge, Node, Points},
    message::QueuedMessage,
};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tempfile::TempDir;

use crate::{
    chain::{Chain, ChainConfig, L1Event, L1Step, SequencingPolicy, Step},
    genesis::{Genesis, GenesisConfig},
    store::{BatchData, L1Position, NodeEntry, Store},
};

pub(crate) const CHAIN_ID: u64 = 42_069;
const GENESIS_TIME: u64 = 1_700_000_000;
const L1_BLOCK_TIME: u64 = 12;

/// One ETH, in wei.
pub(crate) fn ether() -> U256 {
    U256::from(10).pow(U256::from(18))
}

/// A chain that has seen nothing of L1, on which `user` has 100 ETH from genesis.
pub(crate) fn new_chain(directory: &Path, user: Address) -> Chain {
    let genesis = Genesis::build(&GenesisConfig {
        l2_chain_id: CHAIN_ID,
        timestamp: GENESIS_TIME,
        fee_recipient: Address::with_last_byte(0xfe),
        fund: BTreeMap::from([(user, U256::from(100) * ether())]),
    });
    let config = ChainConfig {
        chain_id: CHAIN_ID,
        genesis_header: genesis.header,
        genesis_output: genesis.output,
        genesis_preimages: genesis.preimages,
        identity: B256::ZERO,
        deployment_block: 1,
        sequencing: true,
    };
    Chain::open(Store::open(directory).unwrap(), config).unwrap()
}

pub(crate) struct Fixture {
    pub(crate) chain: Chain,
    /// An account with 100 ETH from genesis.
    pub(crate) user: PrivateKeySigner,
    l1: Sealed<Header>,
    /// The queue so far: messages, their L2 gas, and its hash.
    queued: u64,
    queue_gas: u64,
    queue_hash: B256,
    last_batch: Option<Batch>,
    _directory: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let user = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let chain = new_chain(directory.path(), user.address());
        let l1 = Header { number: 1, timestamp: GENESIS_TIME, ..Header::default() }.seal_slow();
        chain.begin_l1(&l1).unwrap();
        chain.see_l1_head(1);
        let mut fixture = Self {
            chain,
            user,
            l1,
            queued: 0,
            queue_gas: 0,
            queue_hash: B256::ZERO,
            last_batch: None,
            _directory: directory,
        };
        // Batches have the block before as their origin.
        fixture.l1_block(Vec::new());
        fixture
    }

    /// The next L1 block, with these events.
    pub(crate) fn l1_block(&mut self, events: Vec<L1Event>) {
        let header = Header {
            number: self.l1.number + 1,
            parent_hash: self.l1.hash(),
            timestamp: self.l1.timestamp + L1_BLOCK_TIME,
            ..Header::default()
        };
        self.l1 = header.seal_slow();
        let position = |log_index| L1Position {
            block_number: self.l1.number,
            log_index,
            transaction_hash: B256::with_last_byte(log_index as u8),
        };
        let events = (0..).map(position).zip(events).collect();
        self.chain.see_l1_head(self.l1.number);
        self.chain.ingest(L1Step { header: self.l1.clone(), origins: Vec::new(), events }).unwrap();
    }

    /// Queues a deposit in a new L1 block.
    pub(crate) fn deposit(&mut self, from: Address, to: Address, mint: U256, data: Bytes) -> QueuedMessage {
        let message = QueuedMessage {
            index: self.queued,
            sender: from,
            target: to,
            mint,
            value: mint,
            gas_limit: 200_000,
            fee: U256::from(5),
            data,
        };
        self.queued += 1;
        self.queue_gas += message.gas_limit;
        self.queue_hash = postern_protocol::message::extend_queue(self.queue_hash, message.hash());
        self.l1_block(vec![L1Event::Queued { message: message.clone(), end: self.queue_gas }]);
        message
    }

    /// Signs a transaction of the user and hands it to the pool.
    pub(crate) fn submit(&self, to: Address, value: U256, data: Bytes) -> B256 {
        self.chain.submit_transaction(self.sign(to, value, data)).unwrap()
    }

    /// The encoding of the user's next transaction.
    pub(crate) fn sign(&self, to: Address, value: U256, input: Bytes) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.chain.next_nonce(self.user.address()).unwrap(),
            gas_limit: 200_000,
            max_fee_per_gas: 10_000_000,
            max_priority_fee_per_gas: 100_000,
            to: TxKind::Call(to),
            value,
            input,
            ..TxEip1559::default()
        };
        let signature = self.user.sign_hash_sync(&transaction.signature_hash()).unwrap();
        TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
    }

    /// Builds blocks until nothing is left to put in one.
    pub(crate) fn build(&self) {
        self.sequence(Duration::MAX);
    }

    fn sequence(&self, batch_interval: Duration) {
        let policy =
            SequencingPolicy { confirmations: 0, batch_interval, empty_blocks: false, capacity: MAX_BATCH_DATA };
        while self.chain.sequence(&policy, 0).unwrap() != Step::Idle {}
    }

    /// Seals the open batch, appends it on L1 and derives it.
    pub(crate) fn post(&mut self) {
        self.sequence(Duration::ZERO);
        let sealed = self.chain.next_to_post().unwrap().expect("a batch to post");
        let data = BatchData::Calldata(sealed.data);
        let batch = Batch {
            parent: self.last_batch.map(|last| last.hash()).unwrap_or_default(),
            index: sealed.index,
            l1_time: self.l1.timestamp + L1_BLOCK_TIME,
            l1_block: self.l1.number + 1,
            origin_number: sealed.origin_number,
            origin_hash: sealed.origin_hash,
            data_commitment: data.commitment(),
            queue_hash: self.queue_hash,
            queue_gas: self.queue_gas,
            consumed_to: sealed.consume_to,
        };
        self.last_batch = Some(batch);
        self.l1_block(vec![L1Event::Appended { hash: batch.hash(), batch, data }]);
        assert!(self.chain.derive_next().unwrap());
    }

    /// Proposes on L1 what `checkpoints` says, whether it is true or not.
    pub(crate) fn propose(&mut self, parent: B256, parent_count: u64, checkpoints: Vec<B256>) -> B256 {
        let batch_count = parent_count + checkpoints.len() as u64;
        let commitment = Commitment {
            parent,
            batch_hash: self.chain.batch(batch_count - 1).unwrap().unwrap().hash,
            batch_count,
            output_root: *checkpoints.last().unwrap(),
            checkpoints_hash: checkpoints_hash(&checkpoints),
            proposer: Address::with_last_byte(0xb0),
        };
        let id = commitment.id();
        self.l1_block(vec![L1Event::Proposed { id, commitment, checkpoints }]);
        id
    }

    /// Finalizes a commitment on L1.
    pub(crate) fn finalize(&mut self, id: B256) {
        self.l1_block(vec![L1Event::Finalized(id)]);
    }

    /// Rejects a commitment on L1.
    pub(crate) fn reject(&mut self, id: B256) {
        self.l1_block(vec![L1Event::Rejected(id)]);
    }

    /// Opens a challenge on L1, or one more node of it: a run from `start`, whose hash L1 would know.
    pub(crate) fn open(&mut self, challenge: Challenge, author: Address, start: B256, points: Points) -> B256 {
        let (id, events) = opening(challenge, author, start, points);
        self.l1_block(events.to_vec());
        id
    }

    /// Decides a node on L1.
    pub(crate) fn resolve(&mut self, id: B256, stands: bool) {
        self.l1_block(vec![L1Event::NodeResolved { id, stands }]);
    }

    /// The root of the output after so many batches.
    pub(crate) fn output_root(&self, batch_count: u64) -> B256 {
        self.chain.output(batch_count).unwrap().unwrap().root()
    }
}

/// The opening of a challenge: its id, and what L1 logs of it.
pub(crate) fn opening(challenge: Challenge, author: Address, start: B256, points: Points) -> (B256, [L1Event; 2]) {
    let node = Node { parent: challenge.id(), first: 0, start, points_root: dispute::points_root(&points) };
    let (id, posted) = posted(node, author, points);
    (id, [posted, L1Event::ChallengeOpened { challenge, opening: id }])
}

/// A counter to `parent` at one of its points, counted from 1: its id, and what L1 logs of it.
pub(crate) fn counter(parent: &NodeEntry, author: Address, segment: usize, points: Points) -> (B256, L1Event) {
    let before = segment - 1;
    let node = Node {
        parent: parent.id,
        first: parent.node.first + before as u64 * dispute::spacing(parent.level),
        start: before.checked_sub(1).map_or(parent.node.start, |agreed| parent.points[agreed]),
        points_root: dispute::points_root(&points),
    };
    posted(node, author, points)
}

fn posted(node: Node, author: Address, points: Points) -> (B256, L1Event) {
    let id = node.id();
    (id, L1Event::NodePosted { id, node, points: Box::new(points), author })
}
