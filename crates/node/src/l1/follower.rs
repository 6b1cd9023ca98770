//! Follows L1: reads what the contracts logged, block by block. Its batches are derived meanwhile, by the deriver: however many
//! wait, L1 is followed on, and whatever stops the follower, what it has read before is derived.
//!
//! Near the head of L1 blocks are read one by one, and their logs from their receipts, which the header commits to: given an
//! honest chain of headers, no log can be left out or made up. Further back, where L1 does not reorganise any more, blocks are
//! read in ranges, without their receipts. There the queue and the batches are still held to what the contract hashed: a
//! message or a batch that is left out or made up does not fit the next batch. What an L1 node tells there of commitments, of
//! disputes, and of messages that were executed, is taken as it is, as long as it fits together; a node vouches for a commitment
//! only if its own derivation agrees, and simulates what it sends.
//!
//! The data of a batch is the input of the transaction that appended it, or in the blobs that this transaction carried, which
//! come from the store or from a source of blobs. Either is held to the commitment in the batch's record.
//!
//! | what happens | what the follower does |
//! | --- | --- |
//! | L1 does not answer, or not what it named before | waits, longer each time in a row, then asks again |
//! | no source has a blob | the same; nothing after it is followed before it is there |
//! | L1 refuses the logs of a range, or they are too long or too late | asks for half of it at once, in the end for the receipts of one block |
//! | the next block has another parent than the last | rolls back to the last block that is still on L1, if it knows one |
//! | L1 contradicts itself | steps back, twice as far each time in a row, and reads again |
//! | the store fails | ends with an error |

use std::{collections::BTreeSet, ops::RangeInclusive};

use alloy::{
    consensus::{Header, Sealed, Transaction, proofs::calculate_receipt_root},
    eips::BlockNumberOrTag,
    primitives::{B256, Bloom, BloomInput, Bytes},
    providers::Provider,
    rpc::types::{Filter, Log},
    sol_types::{SolCall, SolEvent},
};
use postern_bindings::{
    Bridge::{MessageFinalized, MessageQueued},
    CanonicalTransactionChain::{BatchAppended, appendBatchCall, appendBlobBatchCall},
    DisputeGame::{ChallengeOpened, NodePosted, NodeResolved},
    StateCommitmentChain::{CommitmentFinalized, CommitmentProposed, CommitmentRejected},
};
use postern_protocol::{batch::Batch, dispute::Challenge};
use thiserror::Error;

use super::{L1, L1Error};
use crate::{
    blocking,
    chain::{Chain, ChainError, Inconsistency, IngestError, L1Event, L1Ref, L1Step, check_hash},
    http::HttpError,
    role::Backoff,
    shutdown::Shutdown,
    store::{BatchData, L1Position},
};

/// How far behind L1's head blocks are read one by one.
const CLOSE: u64 = 64;
/// Most blocks read at once.
const MAX_RANGE: u64 = 1_000;
/// Most batches read at once: each brings its calldata into memory.
const MAX_BATCHES: usize = 64;

/// How often the steps back double.
const MAX_DOUBLINGS: u32 = 13;

/// Why a step failed.
#[derive(Debug, Error)]
enum FollowError {
    /// Ask again.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// Read again, from further back.
    #[error("L1 contradicts itself: {0}")]
    Inconsistent(Inconsistency),
    /// Stop.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<IngestError> for FollowError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Chain(error) => Self::Chain(error),
            IngestError::Inconsistent(inconsistency) => Self::Inconsistent(inconsistency),
        }
    }
}

impl From<alloy::transports::TransportError> for FollowError {
    fn from(error: alloy::transports::TransportError) -> Self {
        Self::L1(error.into())
    }
}

/// Follows L1 until shutdown.
///
/// # Errors
/// If the chain fails: the node cannot go on.
pub(crate) async fn run(chain: Chain, l1: L1, mut shutdown: Shutdown) -> Result<(), ChainError> {
    let poll_interval = l1.poll_interval();
    let mut follower = Follower { chain, l1, step_back: 0, range: MAX_RANGE };
    let mut backoff = Backoff::new(poll_interval);
    while !shutdown.requested() {
        // A step is not cut off: what it writes is whole anyway, and a request ends by itself.
        let pause = match follower.step().await {
            Ok(true) => {
                backoff.reset();
                continue;
            }
            Ok(false) => {
                backoff.reset();
                poll_interval
            }
            Err(FollowError::Chain(error)) => return Err(error),
            Err(error) => {
                let pause = backoff.next();
                tracing::warn!(%error, ?pause, "cannot follow L1, trying again");
                pause
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.wait() => {}
        }
    }
    Ok(())
}

struct Follower {
    chain: Chain,
    l1: L1,
    /// Steps to take back at the next contradiction; 0 after one that fitted.
    step_back: u32,
    /// Most blocks that L1 gives the logs of at once, as far as it showed.
    range: u64,
}

impl Follower {
    /// Takes one step. True if there is more to do at once.
    async fn step(&mut self) -> Result<bool, FollowError> {
        let Some(head) = self.l1.header(BlockNumberOrTag::Latest).await? else {
            return Err(L1Error::Missing { what: "latest block".to_owned() }.into());
        };
        self.chain.see_l1_head(head.number);
        let Some(last) = self.chain.l1_header_at(u64::MAX)? else {
            return self.begin(&head).await;
        };
        if head.hash() == last.hash() || head.number < last.number {
            // A head further back may be of a node that lags; if it is another fork, that will grow past ours.
            return Ok(false);
        }
        if head.number == last.number {
            return self.reorganise(&last).await;
        }

        let next = last.number + 1;
        let behind = head.number - last.number;
        let step = if behind == 1 {
            self.read_block(head).await
        } else if behind <= CLOSE {
            let header = self.l1.header(next.into()).await?;
            let missing = || L1Error::Missing { what: format!("block {next}") };
            self.read_block(header.ok_or_else(missing)?).await
        } else {
            self.read_range(next..=(head.number - CLOSE).min(last.number + self.range)).await
        };
        let taken = match step {
            Ok((parent, _)) if parent != last.hash() => return self.reorganise(&last).await,
            Ok((_, step)) => self.take(step).await,
            Err(error) => Err(error),
        };
        if let Err(FollowError::Inconsistent(_)) = &taken {
            self.step_back(&last).await?;
        }
        taken.map(|()| true)
    }

    /// Takes what a step brings.
    async fn take(&mut self, step: L1Step) -> Result<(), FollowError> {
        let (number, events) = (step.header.number, step.events.len());
        let chain = self.chain.clone();
        blocking(move || chain.ingest(step)).await?;
        self.step_back = 0;
        tracing::debug!(number, events, "followed L1");
        Ok(())
    }

    /// Begins with the block before the deployment.
    async fn begin(&self, head: &Sealed<Header>) -> Result<bool, FollowError> {
        let first = self.l1.deployment_block().saturating_sub(1);
        if head.number < first {
            return Ok(false);
        }
        let header = self.l1.header(first.into()).await?;
        let header = header.ok_or_else(|| L1Error::Missing { what: format!("block {first}") })?;
        self.chain.begin_l1(&header)?;
        Ok(true)
    }

    /// L1 seems to have dropped `last`: rolls back to the last block that it still has. False if that is `last` after all.
    async fn reorganise(&mut self, last: &Sealed<Header>) -> Result<bool, FollowError> {
        let mut kept = last.clone();
        loop {
            let current = self.l1.header(kept.number.into()).await?;
            if current.is_some_and(|current| current.hash() == kept.hash()) {
                break;
            }
            let before = match kept.number.checked_sub(1) {
                Some(number) => self.chain.l1_header_at(number)?,
                None => None,
            };
            let forgotten = || L1Error::OtherChain { first: kept.number, last: last.number };
            kept = before.ok_or_else(forgotten)?;
        }
        if kept.hash() == last.hash() {
            return Ok(false);
        }
        tracing::warn!(from = last.number, to = kept.number, "L1 reorganised");
        self.rollback(kept.number).await?;
        Ok(true)
    }

    /// What L1 said does not fit: goes back, further each time in a row.
    async fn step_back(&mut self, last: &Sealed<Header>) -> Result<(), FollowError> {
        let steps = 1_u64 << self.step_back;
        self.step_back = (self.step_back + 1).min(MAX_DOUBLINGS);
        let first = self.l1.deployment_block().saturating_sub(1);
        let target = last.number.saturating_sub(steps).max(first);
        if let Some(kept) = self.chain.l1_header_at(target)?
            && kept.number < last.number
        {
            self.rollback(kept.number).await?;
        }
        Ok(())
    }

    async fn rollback(&self, number: u64) -> Result<(), FollowError> {
        let chain = self.chain.clone();
        Ok(blocking(move || chain.rollback_l1(number)).await?)
    }

    /// What one block brings, and its parent's hash.
    async fn read_block(&self, header: Sealed<Header>) -> Result<(B256, L1Step), FollowError> {
        let logs = if self.may_log(&header.logs_bloom) { self.block_logs(&header).await? } else { Vec::new() };
        Ok((header.parent_hash, self.read_logs(header, logs).await?))
    }

    /// Whether a block with this bloom may have logs of the contracts.
    fn may_log(&self, bloom: &Bloom) -> bool {
        self.l1.contracts().iter().any(|address| bloom.contains_input(BloomInput::Raw(address.as_slice())))
    }

    /// The contracts' logs in a block, from receipts that its header commits to.
    async fn block_logs(&self, header: &Sealed<Header>) -> Result<Vec<Log>, FollowError> {
        let number = header.number;
        let receipts = self.l1.provider().get_block_receipts(number.into()).await?;
        let receipts = receipts.ok_or_else(|| L1Error::Missing { what: format!("receipts of block {number}") })?;
        let hashed: Vec<_> = receipts.iter().map(|receipt| receipt.inner.clone().into_primitives_receipt()).collect();
        let (received, expected) = (calculate_receipt_root(&hashed), header.receipts_root);
        if received != expected {
            return Err(L1Error::ReceiptsRoot { number, received, expected }.into());
        }
        let logs = receipts.iter().flat_map(|receipt| {
            let transaction_hash = Some(receipt.transaction_hash);
            receipt.logs().iter().map(move |log| Log { transaction_hash, ..log.clone() })
        });
        // Where a log is follows from where it stands: what it says of that itself is not hashed.
        let placed = (0..).zip(logs).map(|(index, log)| Log {
            block_hash: Some(header.hash()),
            block_number: Some(number),
            log_index: Some(index),
            removed: false,
            ..log
        });
        let contracts = self.l1.contracts();
        Ok(placed.filter(|log| contracts.contains(&log.address())).collect())
    }

    /// What the blocks of a range bring, or of its first part, and the hash of the parent of the first.
    async fn read_range(&mut self, range: RangeInclusive<u64>) -> Result<(B256, L1Step), FollowError> {
        let (first, mut last) = (*range.start(), *range.end());
        let begin = self.expect_header(first).await?;
        let parent = begin.parent_hash;
        let filter = Filter::new().address(self.l1.contracts().to_vec()).from_block(first);
        let (end, mut logs) = loop {
            let end = self.expect_header(last).await?;
            match self.l1.provider().get_logs(&filter.clone().to_block(last)).await {
                Ok(logs) => break (end, logs),
                // Nodes bound the blocks or the logs of an answer, each in its own way, or give none at all. Or they give more than is
                // read here: anyone may fill blocks with logs.
                Err(error) if error.is_error_resp() || HttpError::is_excess(&error) => {
                    tracing::debug!(first, last, %error, "L1 does not give the logs of a range");
                    self.range = (last - first).div_ceil(2).max(1);
                    if last == first {
                        return self.read_block(begin).await;
                    }
                    last = first + self.range - 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        self.range = (self.range + self.range.div_ceil(8)).min(MAX_RANGE);
        if !logs.iter().all(|log| log.block_number.is_some_and(|number| (first..=last).contains(&number))) {
            return Err(L1Error::Malformed { what: "log" }.into());
        }
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        let is_batch = |log: &&Log| log.topics().first() == Some(&BatchAppended::SIGNATURE_HASH);
        if let Some(number) = logs.iter().filter(is_batch).nth(MAX_BATCHES - 1).and_then(|log| log.block_number) {
            last = number;
            logs.retain(|log| log.block_number <= Some(last));
        }
        let header = if last < end.number { self.expect_header(last).await? } else { end.clone() };
        // The same block at the end of the range before and after: the logs are of its chain.
        if self.expect_header(end.number).await?.hash() != end.hash() {
            return Err(L1Error::Missing { what: format!("block {}", end.hash()) }.into());
        }
        Ok((parent, self.read_logs(header, logs).await?))
    }

    async fn expect_header(&self, number: u64) -> Result<Sealed<Header>, L1Error> {
        let header = self.l1.header(number.into()).await?;
        header.ok_or_else(|| L1Error::Missing { what: format!("block {number}") })
    }

    /// A step from its logs, with what else belongs to it.
    async fn read_logs(&self, header: Sealed<Header>, logs: Vec<Log>) -> Result<L1Step, FollowError> {
        let mut events = Vec::new();
        let mut origins = BTreeSet::new();
        for log in logs {
            let position = position(&log)?;
            let Some(event) = self.read_log(&log, position).await? else { continue };
            if let L1Event::Appended { batch, .. } = &event {
                origins.insert((batch.origin_number, batch.origin_hash));
            }
            events.push((position, event));
        }
        let mut headers = Vec::new();
        for (number, hash) in origins {
            if !self.chain.knows_origin(number, hash)? {
                headers.push(self.l1.header_by_hash(hash).await?);
            }
        }
        Ok(L1Step { header, origins: headers, events })
    }

    /// What a log says; none if it says nothing that matters here, such as who is in charge, or what became of a bond.
    async fn read_log(&self, log: &Log, position: L1Position) -> Result<Option<L1Event>, FollowError> {
        let address = log.address();
        let event = if address == self.l1.bridge() {
            match decode::<MessageQueued>(log)? {
                Some(event) => Some(L1Event::Queued { end: event.queueGas, message: event.into() }),
                None => decode::<MessageFinalized>(log)?.map(|event| L1Event::MessageFinalized(event.index)),
            }
        } else if address == self.l1.canonical_transaction_chain() {
            match decode::<BatchAppended>(log)? {
                Some(event) => {
                    let batch = Batch::from(event.batch);
                    let data = self.batch_data(&batch, log, position.transaction_hash).await?;
                    Some(L1Event::Appended { hash: event.batchHash, batch, data })
                }
                None => None,
            }
        } else if address == self.l1.dispute_game() {
            read_dispute(log)?
        } else if let Some(event) = decode::<CommitmentProposed>(log)? {
            let CommitmentProposed { id, commitment, checkpoints, .. } = event;
            Some(L1Event::Proposed { id, commitment: commitment.into(), checkpoints })
        } else if let Some(event) = decode::<CommitmentFinalized>(log)? {
            Some(L1Event::Finalized(event.id))
        } else {
            decode::<CommitmentRejected>(log)?.map(|event| L1Event::Rejected(event.id))
        };
        Ok(event)
    }

    /// The data of a batch: none if it was forced, otherwise what the transaction that appended it carried. Blobs are in the
    /// store then.
    async fn batch_data(&self, batch: &Batch, log: &Log, transaction: B256) -> Result<BatchData, FollowError> {
        let none = BatchData::Calldata(Bytes::new());
        if batch.data_commitment == none.commitment() {
            return Ok(none);
        }
        let found = self.l1.provider().get_transaction_by_hash(transaction).await?;
        let found = found.ok_or_else(|| L1Error::Missing { what: format!("transaction {transaction}") })?;
        if !found.input().starts_with(&appendBlobBatchCall::SELECTOR) {
            let call = appendBatchCall::abi_decode(found.input()).map_err(|_| L1Error::Malformed { what: "batch" })?;
            return Ok(BatchData::Calldata(call.data));
        }
        let data = BatchData::Blobs(found.blob_versioned_hashes().unwrap_or_default().to_vec());
        // Before anyone is asked for them.
        check_hash("data commitment", batch.data_commitment, data.commitment()).map_err(FollowError::Inconsistent)?;
        if let BatchData::Blobs(hashes) = &data {
            let hash = log.block_hash.ok_or(L1Error::Malformed { what: "log" })?;
            let block = L1Ref { number: batch.l1_block, hash, timestamp: batch.l1_time };
            self.fetch_blobs(block, hashes).await?;
        }
        Ok(data)
    }

    /// Makes sure that the blobs which a block named are in the store.
    async fn fetch_blobs(&self, block: L1Ref, hashes: &[B256]) -> Result<(), FollowError> {
        for hash in hashes {
            if !self.chain.has_blob(*hash)? {
                let blob = self.l1.blobs().fetch(block, *hash).await.map_err(L1Error::from)?;
                let chain = self.chain.clone();
                blocking(move || chain.keep_blobs(&[blob])).await?;
            }
        }
        Ok(())
    }
}

/// What a log of the dispute game says; none if it is about bonds, or repeats what another says.
fn read_dispute(log: &Log) -> Result<Option<L1Event>, L1Error> {
    if let Some(NodePosted { id, author, node, points, .. }) = decode(log)? {
        let points = points.into_boxed_slice().try_into();
        let points = points.map_err(|_| L1Error::Malformed { what: NodePosted::SIGNATURE })?;
        return Ok(Some(L1Event::NodePosted { id, node: node.into(), points, author }));
    }
    if let Some(ChallengeOpened { commitment, position, opening }) = decode(log)? {
        return Ok(Some(L1Event::ChallengeOpened { challenge: Challenge { commitment, position }, opening }));
    }
    Ok(decode::<NodeResolved>(log)?.map(|NodeResolved { id, stands }| L1Event::NodeResolved { id, stands }))
}

/// A log as an event of this kind; none if it is of another.
fn decode<E: SolEvent>(log: &Log) -> Result<Option<E>, L1Error> {
    if log.topics().first() != Some(&E::SIGNATURE_HASH) {
        return Ok(None);
    }
    let event = E::decode_log(&log.inner).map_err(|_| L1Error::Malformed { what: E::SIGNATURE })?;
    Ok(Some(event.data))
}

/// Where a log is.
fn position(log: &Log) -> Result<L1Position, L1Error> {
    match (log.block_number, log.log_index, log.transaction_hash) {
        (Some(block_number), Some(log_index), Some(transaction_hash)) if !log.removed => {
            Ok(L1Position { block_number, log_index, transaction_hash })
        }
        _ => Err(L1Error::Malformed { what: "log" }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy::{
        primitives::{Address, LogData, U64, U256},
        providers::ext::AnvilApi,
        transports::TransportErrorKind,
    };
    use postern_bindings::{
        CanonicalTransactionChain,
        DisputeGame::{BondCredited, Node, StepProven},
    };
    use postern_protocol::dispute::POINTS;
    use postern_tests::Reaction;
    use serde_json::json;

    use super::{super::testing::l1, *};
    use crate::{
        chain::Heads,
        deriver,
        fixture::{Fixture, new_chain},
        http::Http,
        shutdown,
    };

    const ID: B256 = B256::repeat_byte(1);
    const PARENT: B256 = B256::repeat_byte(2);
    const AUTHOR: Address = Address::repeat_byte(3);

    fn log(data: LogData) -> Log {
        Log { inner: alloy::primitives::Log { address: Address::ZERO, data }, ..Log::default() }
    }

    /// Whoever fills L1's blocks with logs does not keep a node from reading them.
    #[tokio::test]
    async fn logs_that_are_too_much_for_one_answer_are_read_in_parts() {
        const LONGEST: usize = 100_000;
        const MOST: u64 = 3;
        let (_anvil, proxy, l1) = l1(|url| Http::bounded(url, Duration::from_secs(30), LONGEST)).await;
        l1.provider().anvil_mine(Some(40), None).await.unwrap();
        proxy.tamper(|call| {
            let bound = |name: &str| call.params[0][name].as_str().and_then(|number| number.parse::<U64>().ok());
            match bound("fromBlock").zip(bound("toBlock")) {
                Some((from, to)) if call.method == "eth_getLogs" && to.to::<u64>() + 1 - from.to::<u64>() > MOST => {
                    Reaction::Answer(json!("x".repeat(LONGEST)))
                }
                _ => Reaction::Pass,
            }
        });
        let fixture = Fixture::new();
        let mut follower = Follower { chain: fixture.chain.clone(), l1, step_back: 0, range: MAX_RANGE };
        let (_, step) = follower.read_range(1..=40).await.unwrap();
        assert!((1..=MOST).contains(&step.header.number), "up to block {}", step.header.number);
        assert!(proxy.tampered() > 0);
    }

    #[test]
    fn only_an_answer_that_is_too_much_is_asked_for_in_parts() {
        let excess = |error| HttpError::is_excess(&TransportErrorKind::custom(error));
        assert!(excess(HttpError::Late(Duration::from_secs(30))));
        assert!(excess(HttpError::TooLong { maximum: 100 }));
        assert!(!excess(HttpError::Failed("connection refused".to_owned())));
        assert!(!HttpError::is_excess(&TransportErrorKind::backend_gone()));
    }

    /// A batch without data, as a contract at `AUTHOR` logs it.
    fn appended(batch: Batch) -> Log {
        let hash = batch.hash();
        let Batch { parent, index, l1_time, l1_block, origin_number, origin_hash, .. } = batch;
        let event = BatchAppended {
            index,
            batchHash: hash,
            batch: CanonicalTransactionChain::Batch {
                parent,
                index,
                l1Time: l1_time,
                l1Block: l1_block,
                originNumber: origin_number,
                originHash: origin_hash,
                dataCommitment: batch.data_commitment,
                queueHash: batch.queue_hash,
                queueGas: batch.queue_gas,
                consumedTo: batch.consumed_to,
            },
        };
        Log {
            inner: alloy::primitives::Log { address: AUTHOR, data: event.encode_log_data() },
            block_number: Some(l1_block),
            log_index: Some(0),
            transaction_hash: Some(hash),
            ..Log::default()
        }
    }

    /// Whoever posts batches faster than they are derived does not keep a node from seeing what else happens on L1; and what is
    /// there is derived, whether L1 answers or not.
    #[tokio::test]
    async fn neither_following_nor_deriving_waits_for_the_other() {
        let (_anvil, proxy, mut l1) = l1(Http::new).await;
        l1.deployment.canonical_transaction_chain.address = AUTHOR;
        l1.provider().anvil_mine(Some(4 * CLOSE), None).await.unwrap();
        let origin = l1.header(1.into()).await.unwrap().unwrap();
        let mut batches: Vec<Batch> = Vec::new();
        for index in 0..3 {
            batches.push(Batch {
                parent: batches.last().map(Batch::hash).unwrap_or_default(),
                index,
                l1_time: origin.timestamp + index + 1,
                l1_block: 2 + index * CLOSE,
                origin_number: 1,
                origin_hash: origin.hash(),
                data_commitment: BatchData::Calldata(Bytes::new()).commitment(),
                queue_hash: B256::ZERO,
                queue_gas: 0,
                consumed_to: 0,
            });
        }
        // Far from L1's head logs are taken as they come.
        let logs: Vec<Log> = batches.into_iter().map(appended).collect();
        proxy.tamper(move |call| {
            let bound = |name: &str| Some(call.params[0][name].as_str()?.parse::<U64>().ok()?.to::<u64>());
            match bound("fromBlock").zip(bound("toBlock")) {
                Some((from, to)) if call.method == "eth_getLogs" => {
                    let within = |log: &&Log| log.block_number.is_some_and(|number| (from..=to).contains(&number));
                    Reaction::Answer(json!(logs.iter().filter(within).collect::<Vec<_>>()))
                }
                _ => Reaction::Pass,
            }
        });

        let (directory, (trigger, shutdown)) = (tempfile::tempdir().unwrap(), shutdown::channel());
        let chain = new_chain(directory.path(), AUTHOR);
        let mut follower = Follower { chain: chain.clone(), l1, step_back: 0, range: CLOSE };
        while follower.step().await.unwrap() {}
        let heads = chain.heads();
        assert!(heads.followed() && !heads.synced());
        assert_eq!((heads.l1.number, heads.batches, heads.derived), (4 * CLOSE, 3, 0));

        proxy.tamper(|_| Reaction::Hang);
        let deriving = tokio::spawn(deriver::run(chain.clone(), shutdown));
        chain.subscribe().wait_for(Heads::synced).await.unwrap();
        assert_eq!(chain.heads().derived, 3);
        assert!(follower.step().await.is_err());
        trigger.request();
        deriving.await.unwrap().unwrap();
    }

    fn node_posted(points: usize) -> Log {
        let node = Node { parent: PARENT, first: 32, start: ID, pointsRoot: PARENT };
        let points = (1..=points as u8).map(B256::with_last_byte).collect();
        log(NodePosted { id: ID, parent: PARENT, author: AUTHOR, node, points }.encode_log_data())
    }

    #[test]
    fn the_dispute_games_logs_are_read() {
        let Some(L1Event::NodePosted { id, node, points, author }) = read_dispute(&node_posted(POINTS)).unwrap() else {
            panic!("no node");
        };
        assert_eq!((id, node.parent, node.first, author), (ID, PARENT, 32, AUTHOR));
        assert_eq!((node.start, node.points_root), (ID, PARENT));
        assert_eq!(*points, std::array::from_fn(|i| B256::with_last_byte(i as u8 + 1)));

        let opened = ChallengeOpened { commitment: PARENT, position: 7, opening: ID };
        let expected = Challenge { commitment: PARENT, position: 7 };
        let read = read_dispute(&log(opened.encode_log_data())).unwrap();
        assert!(matches!(read, Some(L1Event::ChallengeOpened { challenge, opening: ID }) if challenge == expected));
        let resolved = |stands| read_dispute(&log(NodeResolved { id: ID, stands }.encode_log_data())).unwrap();
        assert!(matches!(resolved(true), Some(L1Event::NodeResolved { id: ID, stands: true })));
        assert!(matches!(resolved(false), Some(L1Event::NodeResolved { id: ID, stands: false })));
    }

    #[test]
    fn of_the_dispute_games_logs_those_that_say_nothing_new_are_left_out() {
        let credited = BondCredited { account: AUTHOR, amount: U256::ONE };
        assert!(read_dispute(&log(credited.encode_log_data())).unwrap().is_none());
        let proven = StepProven { id: ID, segment: U256::ONE, prover: AUTHOR };
        assert!(read_dispute(&log(proven.encode_log_data())).unwrap().is_none());
    }

    #[test]
    fn a_node_with_another_number_of_points_is_malformed() {
        for points in [POINTS - 1, POINTS + 1] {
            let read = read_dispute(&node_posted(points));
            assert!(matches!(read, Err(L1Error::Malformed { what: NodePosted::SIGNATURE })), "{read:?}");
        }
    }
}
