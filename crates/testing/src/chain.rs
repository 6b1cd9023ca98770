//! A chain of batches, with all the L1 side that execution sees of it.

use alloy_consensus::{Header, SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Sealed, Signature, TxKind, U256, hex, keccak256};
use k256::ecdsa::SigningKey;
use postern_execution::{
    BatchOutcome, ExecutedBlock, GenesisAccount, L1Info, Preimages, Recorder, SkipReason, State, Witness,
    execute_batch, genesis,
};
use postern_protocol::{
    batch::{self, Batch, Block},
    blob::Blob,
    constants::MIN_BASE_FEE,
    data,
    message::{QueuedMessage, extend_queue, queue_preimage},
    output::Output,
    predeploys,
};
use std::collections::BTreeMap;

/// The L2.
pub const CHAIN_ID: u64 = 42_069;
/// Time of the first block, in seconds.
pub const GENESIS_TIME: u64 = 1_000;
/// In wei.
pub const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Contracts small enough to be read here.
pub mod code {
    /// STOP
    pub const STOP: &str = "00";
    /// REVERT(0, 0)
    pub const REVERT: &str = "5f5ffd";
    /// INVALID: uses all gas.
    pub const BURN: &str = "fe";
    /// SSTORE(0, SLOAD(0) + 1)
    pub const COUNT: &str = "5f546001015f5500";
    /// SSTORE(CALLDATALOAD(0), BLOCKHASH(CALLDATALOAD(0)))
    pub const BLOCK_HASH: &str = "5f35405f355500";
    /// SELFDESTRUCT(CALLER)
    pub const DESTROY: &str = "33ff";
    /// LOG1(0, 0, CALLER)
    pub const LOG: &str = "335f5fa100";
    /// SSTORE(0, STATICCALL(L1Info slot reader)): SSTORE(0, MLOAD(0)) after STATICCALL(GAS, CALLDATALOAD(0), 0, 0, 0, 32)
    pub const READ: &str = "60205f5f5f5f355afa505f515f5500";
    /// MSTORE(0, SLOAD(3)), RETURN(0, 32)
    pub const SLOT_3: &str = "6003545f5260205ff3";
    /// Init code that deploys `runtime`.
    pub fn deploying(runtime: &str) -> String {
        // PUSH1 length, DUP1, PUSH1 offset, PUSH0, CODECOPY, PUSH0, RETURN
        format!("60{:02x}8060095f395ff3{runtime}", runtime.len() / 2)
    }
}

/// Bytes from hexadecimal digits.
pub fn bytes(hexadecimal: &str) -> Bytes {
    hex::decode(hexadecimal).unwrap().into()
}

/// Somebody with a key.
pub struct Wallet {
    key: SigningKey,
    /// Of the key.
    pub address: Address,
}

impl Wallet {
    /// The one with this seed, which is not zero.
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let address = Address::from_public_key(key.verifying_key());
        Self { key, address }
    }

    /// Signs a hash.
    pub fn sign_hash(&self, hash: B256) -> Signature {
        self.key.sign_prehash_recoverable(hash.as_slice()).unwrap().into()
    }

    /// Signs a transaction; gives its EIP-2718 encoding.
    pub fn sign<T>(&self, transaction: T) -> Bytes
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<alloy_consensus::Signed<T>>,
    {
        let signature = self.sign_hash(transaction.signature_hash());
        let envelope: TxEnvelope = transaction.into_signed(signature).into();
        envelope.encoded_2718().into()
    }
}

/// A transaction that a test then changes where it matters.
pub fn transfer(nonce: u64, to: Address, value: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10 * u128::from(MIN_BASE_FEE),
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(to),
        value: U256::from(value),
        access_list: Default::default(),
        input: Bytes::new(),
    }
}

/// A message that a test then changes where it matters: without value, from `0xaa…` to `0xbb…`.
pub fn message() -> QueuedMessage {
    QueuedMessage {
        index: 0,
        sender: Address::repeat_byte(0xaa),
        target: Address::repeat_byte(0xbb),
        mint: U256::ZERO,
        value: U256::ZERO,
        gas_limit: 100_000,
        fee: U256::from(5),
        data: Bytes::new(),
    }
}

/// A block as a batch's data describes it.
pub fn block(timestamp: u64, messages: u64, transactions: Vec<Bytes>) -> Block {
    Block { timestamp, messages, transactions }
}

/// The predeploys as empty contracts; what else a test wants it adds.
pub fn predeployed() -> BTreeMap<Address, GenesisAccount> {
    [predeploys::L1_INFO, predeploys::OUTBOX, predeploys::FEE_VAULT, predeploys::HISTORY]
        .into_iter()
        .map(|address| (address, contract(code::STOP)))
        .collect()
}

/// A contract without ETH.
pub fn contract(code: &str) -> GenesisAccount {
    GenesisAccount { nonce: 1, code: bytes(code), ..Default::default() }
}

/// An account with ETH and nothing else.
pub fn funded(balance: U256) -> GenesisAccount {
    GenesisAccount { balance, ..Default::default() }
}

/// L1 and L2 as far as execution sees them.
pub struct Chain {
    /// All data there is.
    pub store: Store,
    /// After the last batch.
    pub output: Output,
    /// The last L2 block.
    pub head: Sealed<Header>,
    /// Messages from L1, those executed too.
    pub queue: Vec<QueuedMessage>,
    /// L1 time of the next batch.
    pub l1_time: u64,
    /// Time of the origin, if not one L1 block before the batch.
    pub origin_time: Option<u64>,
    queue_hash: B256,
    batch: Option<Batch>,
}

impl Chain {
    /// A chain whose genesis has the predeploys and these accounts.
    pub fn new(accounts: impl IntoIterator<Item = (Address, GenesisAccount)>) -> Self {
        let mut alloc = predeployed();
        alloc.extend(accounts);
        let genesis = genesis(CHAIN_ID, GENESIS_TIME, &alloc);
        let mut chain = Self {
            store: Store::default(),
            output: genesis.output,
            head: genesis.header.clone(),
            queue: Vec::new(),
            l1_time: GENESIS_TIME + 100,
            origin_time: None,
            queue_hash: B256::ZERO,
            batch: None,
        };
        chain.store.preimages.extend(genesis.preimages);
        chain.keep(alloy_rlp::encode(genesis.header.inner()));
        chain.keep(genesis.output.preimage());
        chain
    }

    /// Stores data under its Keccak-256 hash, which it gives.
    pub fn keep(&mut self, preimage: impl Into<Bytes>) -> B256 {
        let preimage = preimage.into();
        let hash = keccak256(&preimage);
        self.store.preimages.insert(hash, preimage);
        hash
    }

    /// The bridge queues a message; its index is what it must be.
    pub fn enqueue(&mut self, message: QueuedMessage) -> QueuedMessage {
        let message = QueuedMessage { index: self.queue.len() as u64, ..message };
        let hash = self.keep(message.preimage());
        self.keep(message.data.clone());
        self.keep(queue_preimage(self.queue_hash, hash).to_vec());
        self.queue_hash = extend_queue(self.queue_hash, hash);
        self.queue.push(message.clone());
        message
    }

    /// The L1 block that the next batch names as its origin.
    pub fn origin(&self) -> Header {
        Header {
            number: 7 + self.batches(),
            timestamp: self.origin_time.unwrap_or(self.l1_time.saturating_sub(12)),
            base_fee_per_gas: Some(1),
            withdrawals_root: Some(B256::ZERO),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::repeat_byte(0xbe)),
            ..Default::default()
        }
    }

    /// Messages that the batches so far consumed.
    pub fn consumed(&self) -> u64 {
        self.info().messages_executed
    }

    fn batches(&self) -> u64 {
        self.batch.map_or(0, |batch| batch.index + 1)
    }

    /// Puts data into the calldata of a batch; gives the data commitment.
    pub fn calldata(&mut self, batch_data: &[u8]) -> B256 {
        for chunk in data::chunks(batch_data) {
            self.keep(chunk.to_vec());
        }
        self.keep(data::commitment_preimage(batch_data))
    }

    /// Puts blobs beside a batch; gives the data commitment. That a versioned hash is of the blob's KZG commitment is for the
    /// reader to check: here it stands for the blob like any other hash.
    pub fn blobs(&mut self, blobs: &[Blob]) -> B256 {
        let keep = |blob: &Blob| {
            let versioned_hash = keccak256(blob);
            self.store.blobs.insert(versioned_hash, Box::new(*blob));
            versioned_hash
        };
        let versioned_hashes: Vec<_> = blobs.iter().map(keep).collect();
        self.keep(data::blob_commitment_preimage(&versioned_hashes))
    }

    /// Where the message at `position` begins, and the one before it ends.
    pub fn place(&self, position: u64) -> u64 {
        self.queue.iter().take(position as usize).map(|message| message.gas_limit).sum()
    }

    /// A batch record with this data in calldata, its preimages stored.
    pub fn record(&mut self, batch_data: &[u8], consumed: u64) -> Batch {
        let data_commitment = self.calldata(batch_data);
        self.record_of(data_commitment, consumed)
    }

    /// A batch record with this data commitment that consumes `consumed` messages in all, its preimages stored.
    pub fn record_of(&mut self, data_commitment: B256, consumed: u64) -> Batch {
        let origin = self.origin();
        let origin_hash = self.keep(alloy_rlp::encode(&origin));
        let batch = Batch {
            parent: self.batch.map(|batch| batch.hash()).unwrap_or_default(),
            index: self.batches(),
            l1_time: self.l1_time,
            l1_block: origin.number + 1,
            origin_number: origin.number,
            origin_hash,
            data_commitment,
            queue_hash: self.queue_hash,
            queue_gas: self.place(u64::MAX),
            consumed_to: self.place(consumed),
        };
        self.keep(batch.preimage());
        batch
    }

    /// Executes a batch of raw data, and again from what that read alone.
    pub fn execute(&mut self, batch: Batch) -> BatchOutcome {
        let recorder = Recorder::new(&self.store);
        let outcome = execute_batch(&recorder, self.output.root(), batch.hash()).unwrap();
        let witness = recorder.into_witness();
        assert_eq!(execute_batch(&witness, self.output.root(), batch.hash()), Ok(outcome.clone()));
        for (hash, preimage) in &witness.preimages {
            assert_eq!(*hash, keccak256(preimage));
        }
        outcome
    }

    /// Appends a batch with this data in calldata, and goes on from its outcome.
    pub fn append_data(&mut self, batch_data: &[u8], consumed: u64) -> BatchOutcome {
        let batch = self.record(batch_data, consumed);
        self.append_record(batch)
    }

    /// Appends a batch whose data is in these blobs.
    pub fn append_blobs(&mut self, blobs: &[Blob], consumed: u64) -> BatchOutcome {
        let data_commitment = self.blobs(blobs);
        let batch = self.record_of(data_commitment, consumed);
        self.append_record(batch)
    }

    /// Appends a batch and goes on from its outcome.
    pub fn append_record(&mut self, batch: Batch) -> BatchOutcome {
        self.keep(batch.preimage());
        let outcome = self.execute(batch);
        let mut parent = self.head.clone();
        for block in &outcome.blocks {
            check(&parent, block);
            parent = block.header.clone();
            self.store.preimages.extend(block.preimages.iter().cloned());
            self.keep(alloy_rlp::encode(block.header.inner()));
        }
        self.keep(outcome.output.preimage());
        self.output = outcome.output;
        self.head = parent;
        self.batch = Some(batch);
        self.l1_time = self.l1_time.saturating_add(100);
        outcome
    }

    /// Appends a batch of these blocks in calldata.
    pub fn append(&mut self, blocks: &[Block], consumed: u64) -> BatchOutcome {
        self.append_data(&batch::encode(blocks), consumed)
    }

    /// Appends a batch of one block with these transactions and no messages.
    pub fn transact(&mut self, transactions: Vec<Bytes>) -> ExecutedBlock {
        let consumed = self.consumed();
        let outcome = self.append(&[block(self.l1_time, 0, transactions)], consumed);
        let [block] = <[_; 1]>::try_from(outcome.blocks).unwrap();
        block
    }

    /// The one reason for which the one transaction is skipped.
    pub fn refusal(&mut self, transaction: Bytes) -> SkipReason {
        let block = self.transact(vec![transaction]);
        assert!(block.transactions.is_empty());
        assert_eq!(block.skipped.len(), 1);
        block.skipped[0].reason.clone()
    }

    /// Queues one message, and executes it in a batch without data.
    pub fn deposit(&mut self, message: QueuedMessage) -> ExecutedBlock {
        self.enqueue(message);
        let outcome = self.append_data(&[], self.queue.len() as u64);
        let [block] = <[_; 1]>::try_from(outcome.blocks).unwrap();
        assert_eq!(block.transactions.len(), 1);
        block
    }

    /// The state after the last batch.
    pub fn state(&self) -> State<&Store> {
        State::new(&self.store, self.output.state_root)
    }

    /// What it knows of L1.
    pub fn info(&self) -> L1Info {
        L1Info::read(&mut self.state()).unwrap()
    }

    /// In wei.
    pub fn balance(&self, address: Address) -> U256 {
        self.state().account(address).unwrap().map_or(U256::ZERO, |account| account.balance)
    }

    /// Of an account.
    pub fn nonce(&self, address: Address) -> u64 {
        self.state().account(address).unwrap().map_or(0, |account| account.nonce)
    }

    /// Of an account's storage.
    pub fn slot(&self, address: Address, slot: u64) -> U256 {
        self.state().storage(address, U256::from(slot)).unwrap()
    }

    /// All ETH there is.
    pub fn supply(&self, holders: impl IntoIterator<Item = Address>) -> U256 {
        holders.into_iter().map(|holder| self.balance(holder)).sum()
    }
}

/// What holds of every block.
fn check(parent: &Sealed<Header>, block: &ExecutedBlock) {
    let header = &block.header;
    assert_eq!(header.seal(), header.inner().hash_slow());
    assert_eq!((header.parent_hash, header.number), (parent.seal(), parent.number + 1));
    assert!(header.timestamp >= parent.timestamp);
    assert!(header.gas_used <= header.gas_limit);
    assert_eq!(header.gas_used, block.gas_used.iter().sum::<u64>());
    assert_eq!(header.beneficiary, predeploys::FEE_VAULT);
    let count = block.transactions.len();
    assert_eq!((block.senders.len(), block.receipts.len(), block.gas_used.len()), (count, count, count));
    let mut cumulative = 0;
    for (receipt, gas_used) in block.receipts.iter().zip(&block.gas_used) {
        cumulative += gas_used;
        assert_eq!(receipt.cumulative_gas_used, cumulative);
        assert!(receipt.success || receipt.logs.is_empty());
        assert_eq!(postern_execution::Receipt::decode(&receipt.encoded()).as_ref(), Some(receipt));
    }
    for (transaction, sender) in block.transactions.iter().zip(&block.senders) {
        assert_eq!(transaction.recover_sender(), Some(*sender));
        let decoded = postern_execution::L2Transaction::decode(&transaction.encoded());
        assert_eq!(decoded.as_ref(), Ok(transaction));
    }
}

/// All that there is, blobs being whole.
#[derive(Clone, Default)]
pub struct Store {
    /// By Keccak-256 hash.
    pub preimages: BTreeMap<B256, Bytes>,
    /// By versioned hash.
    pub blobs: BTreeMap<B256, Box<Blob>>,
}

impl Preimages for Store {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        self.preimages.get(hash).cloned()
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        let (words, _) = self.blobs.get(versioned_hash)?.as_chunks();
        words.get(index as usize).copied().map(B256::new)
    }
}

/// Everything but what has one hash.
pub struct Without<'a> {
    /// What there is.
    pub witness: &'a Witness,
    /// What seems not to be there.
    pub hidden: B256,
}

impl Preimages for Without<'_> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        (*hash != self.hidden).then(|| self.witness.get(hash)).flatten()
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        (*versioned_hash != self.hidden).then(|| self.witness.blob_word(versioned_hash, index)).flatten()
    }
}
