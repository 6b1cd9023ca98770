//! What a node keeps, in one redb file. Every step of the node is one write transaction, so a process that is killed at any
//! moment finds on its next start exactly the steps that it had acknowledged.
//!
//! Nothing is stored that follows from something else: the heads of the chain are the last rows of the tables, not fields of
//! their own. There are two exceptions, which change in the transaction that changes what they follow from: indices (such as
//! `claims` and `open_nodes`), and the nodes of the outbox tree, without which a proof would take hashing every message. Two kinds
//! of rows exist. *Content* (`preimages`, `blobs`) is keyed by its hash and never removed: an abandoned fork leaves some behind,
//! which costs space and nothing else. *Positions* (all the others) are keyed by where they are in a chain, or by the name that L1
//! gave them there, and are removed when that chain is reorganised; the journal says which rows an L1 block brought.

mod records;
mod view;

pub use records::{
    BatchData, BatchEntry, Block, CommitmentEntry, CommitmentStatus, L1Position, NodeEntry, NodeStatus, OutboxEntry,
    Progress, QueuedEntry,
};
pub(crate) use records::{Event, SequencedBatch};
pub(crate) use view::{L1_HEADERS_KEPT, View, Writer};

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::primitives::{B256, Bytes};
use postern_execution::Preimages;
use redb::{Builder, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, TableDefinition};
use thiserror::Error;

/// Keys that are hashes.
type Hash = &'static [u8; 32];
/// Values in RLP.
type Record = &'static [u8];

mod tables {
    use super::{Hash, Record, TableDefinition};

    /// To what the file belongs: one row, `IDENTITY`.
    pub(super) const META: TableDefinition<'_, &str, Record> = TableDefinition::new("meta");
    /// Whatever the derivation and the state read by hash.
    pub(super) const PREIMAGES: TableDefinition<'_, Hash, Record> = TableDefinition::new("preimages");
    /// Blobs of batches by versioned hash: 131,072 bytes each. L1 forgets them, so nothing here does.
    pub(super) const BLOBS: TableDefinition<'_, Hash, Record> = TableDefinition::new("blobs");

    /// Canonical L2 headers, the unsafe ones included, by number.
    pub(super) const HEADERS: TableDefinition<'_, u64, Record> = TableDefinition::new("headers");
    /// Batches begun, messages executed, messages in the outbox at the end of each canonical block, by number.
    pub(super) const PROGRESS: TableDefinition<'_, u64, (u64, u64, u64)> = TableDefinition::new("progress");
    /// The rest of the blocks, by number.
    pub(super) const BODIES: TableDefinition<'_, u64, Record> = TableDefinition::new("bodies");
    /// Number of a canonical L2 block, by hash.
    pub(super) const NUMBERS: TableDefinition<'_, Hash, u64> = TableDefinition::new("numbers");
    /// Block number and index of a canonical L2 transaction, by hash.
    pub(super) const TRANSACTIONS: TableDefinition<'_, Hash, (u64, u64)> = TableDefinition::new("transactions");
    /// Messages to L1 that canonical blocks sent, by index.
    pub(super) const OUTBOX: TableDefinition<'_, u64, Record> = TableDefinition::new("outbox");
    /// Complete nodes of the outbox tree over those messages, by height and position; the leaves have height 0.
    pub(super) const OUTBOX_NODES: TableDefinition<'_, (u8, u64), Hash> = TableDefinition::new("outbox_nodes");
    /// Outputs of derived batches, by batch count; the first is the genesis output.
    pub(super) const OUTPUTS: TableDefinition<'_, u64, Record> = TableDefinition::new("outputs");
    /// Batches that this node sequenced, by index, the last of them perhaps still open.
    pub(super) const SEQUENCED: TableDefinition<'_, u64, Record> = TableDefinition::new("sequenced");
    /// Transactions that wait for a block, by hash: the time at which they came (8 bytes, in seconds) and their encoding.
    pub(super) const POOL: TableDefinition<'_, Hash, Record> = TableDefinition::new("pool");

    /// L1 headers up to which L1 was followed, by number. Between two of them may be L1 blocks that were read as a range.
    pub(super) const L1_HEADERS: TableDefinition<'_, u64, Record> = TableDefinition::new("l1_headers");
    /// What each L1 log brought, by L1 block number and log index.
    pub(super) const JOURNAL: TableDefinition<'_, (u64, u64), Record> = TableDefinition::new("journal");
    /// Queued messages, by index.
    pub(super) const QUEUE: TableDefinition<'_, u64, Record> = TableDefinition::new("queue");
    /// Batches on L1, by index.
    pub(super) const BATCHES: TableDefinition<'_, u64, Record> = TableDefinition::new("batches");
    /// Commitments seen, by id.
    pub(super) const COMMITMENTS: TableDefinition<'_, Hash, Record> = TableDefinition::new("commitments");
    /// Their ids, by batch count, L1 block number and log index.
    pub(super) const CLAIMS: TableDefinition<'_, (u64, u64, u64), Hash> = TableDefinition::new("claims");
    /// Of these the ids of the commitments that are not decided.
    pub(super) const OPEN_CLAIMS: TableDefinition<'_, (u64, u64, u64), Hash> = TableDefinition::new("open_claims");
    /// Nodes of disputes, by id.
    pub(super) const NODES: TableDefinition<'_, Hash, Record> = TableDefinition::new("nodes");
    /// Their ids, by what the dispute is about (commitment and position of the checkpoint), L1 block number and log index.
    pub(super) const DISPUTES: TableDefinition<'_, (Hash, u64, u64, u64), Hash> = TableDefinition::new("disputes");
    /// Nodes that are not decided, by what the dispute is about, and id.
    pub(super) const OPEN_NODES: TableDefinition<'_, (Hash, u64, Hash), ()> = TableDefinition::new("open_nodes");
    /// L1 block in which a message was executed there, by the index of the message.
    pub(super) const FINALIZED_MESSAGES: TableDefinition<'_, u64, u64> = TableDefinition::new("finalized_messages");
    /// Final commitments, by batch count and id.
    pub(super) const FINAL: TableDefinition<'_, (u64, Hash), ()> = TableDefinition::new("final");
}

/// Name of the file.
const FILE: &str = "postern.redb";

/// Memory for pages of the file, in bytes.
const CACHE_SIZE: usize = 64 << 20;

/// Why the store cannot do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error("cannot use data directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("data directory {} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The process that had it open last was killed.
    #[error("data directory {} was not closed properly: start a node on it, and stop it again", path.display())]
    Unclean {
        /// The directory.
        path: PathBuf,
    },
    /// It belongs to another chain or deployment.
    #[error("data directory {} belongs to another deployment", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[source] Box<redb::Error>),
    /// A row cannot be read back, or one that another row needs is missing.
    #[error("corrupt database: {0}")]
    Corrupt(&'static str),
}

impl StoreError {
    /// Why the file in `directory` could not be opened.
    fn opening(directory: &Path, error: DatabaseError) -> Self {
        let path = directory.to_owned();
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse { path },
            DatabaseError::RepairAborted => Self::Unclean { path },
            DatabaseError::Storage(redb::StorageError::Io(source)) => Self::Directory { path, source },
            error => error.into(),
        }
    }
}

/// Every error type of redb becomes its general one.
macro_rules! from_redb {
    ($($error:ty),+) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )+};
}
from_redb!(redb::DatabaseError, redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError);

/// The file, open. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    database: Arc<Database>,
    path: Arc<PathBuf>,
}

impl Store {
    /// Opens or creates the store in `directory`.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory).map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
        let database = Builder::new().set_cache_size(CACHE_SIZE).create(directory.join(FILE));
        let database = database.map_err(|error| StoreError::opening(directory, error))?;
        let store = Self { database: Arc::new(database), path: Arc::new(directory.to_owned()) };
        // A reader cannot open a table that no one created.
        let writer = store.write()?;
        writer.create_tables()?;
        writer.commit()?;
        Ok(store)
    }

    /// Binds a new file to `identity`, or checks that it is bound to it. True if it was new.
    pub(crate) fn bind(&self, writer: &Writer, identity: B256) -> Result<bool, StoreError> {
        match writer.identity()? {
            None => {
                writer.set_identity(identity)?;
                Ok(true)
            }
            Some(found) if found == identity => Ok(false),
            Some(_) => Err(StoreError::Foreign { path: self.path.as_ref().clone() }),
        }
    }

    /// A snapshot.
    pub(crate) fn read(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.database.begin_read()?)
    }

    /// The one write transaction that may be open; waits for another to end. Dropped without `commit` it leaves no trace.
    pub(crate) fn write(&self) -> Result<Writer, StoreError> {
        Ok(Writer::new(self.database.begin_write()?))
    }

    /// Preimages and blobs as they are now. Rows are never removed, so an older snapshot lacks some, but has none that is wrong.
    pub(crate) fn preimages(&self) -> Result<StorePreimages, StoreError> {
        StorePreimages::of(&self.read()?)
    }

    /// The same file, for reading.
    pub(crate) fn reader(&self) -> Reader {
        Reader(self.database.clone())
    }
}

/// The file, open for reading. Holds no snapshot: the space of what is removed cannot be used again while one sees it. Cheap to
/// clone.
#[derive(Clone)]
pub(crate) struct Reader(Arc<dyn ReadableDatabase + Send + Sync>);

impl Reader {
    /// Opens the store that a node left in `directory`, without writing to it. No node can open it meanwhile, other readers can.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let database = Builder::new().set_cache_size(CACHE_SIZE).open_read_only(directory.join(FILE));
        Ok(Self(Arc::new(database.map_err(|error| StoreError::opening(directory, error))?)))
    }

    /// A snapshot.
    pub(crate) fn read(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.0.begin_read()?)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

/// Trie nodes, codes, blobs and whatever else is read by its hash, from a snapshot of the store. Cheap to clone.
#[derive(Clone)]
pub struct StorePreimages(Arc<Content>);

struct Content {
    preimages: ReadOnlyTable<Hash, Record>,
    blobs: ReadOnlyTable<Hash, Record>,
}

impl fmt::Debug for StorePreimages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorePreimages")
    }
}

impl StorePreimages {
    /// What a snapshot has.
    pub(crate) fn of(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
        let preimages = snapshot.open_table(tables::PREIMAGES)?;
        Ok(Self(Arc::new(Content { preimages, blobs: snapshot.open_table(tables::BLOBS)? })))
    }

    /// The blob of this versioned hash: 131,072 bytes.
    pub(crate) fn blob(&self, versioned_hash: &B256) -> Option<Bytes> {
        find(&self.0.blobs, versioned_hash, |blob| Some(Bytes::copy_from_slice(blob)))
    }
}

/// What `read` finds in the row of `hash`.
fn find<T>(table: &ReadOnlyTable<Hash, Record>, hash: &B256, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    match table.get(&hash.0) {
        Ok(row) => row.and_then(|row| read(row.value())),
        Err(error) => {
            // The caller can only say that the preimage is missing; why it is belongs into the log.
            tracing::error!(%hash, %error, "cannot read preimage");
            None
        }
    }
}

impl Preimages for StorePreimages {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        find(&self.0.preimages, hash, |data| Some(Bytes::copy_from_slice(data)))
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        let position = usize::try_from(index).ok()?;
        find(&self.0.blobs, versioned_hash, |blob| blob.as_chunks().0.get(position).copied().map(B256::new))
    }
}
