//! What the L2 knows of L1: the storage of the `L1Info` predeploy, written here and by nobody else.

use crate::{
    preimages::{MissingPreimage, Preimages},
    state::State,
};
use alloy_primitives::{B256, U256};
use alloy_rlp::Header;
use postern_protocol::predeploys::{
    L1_INFO, L1_INFO_BEACON_ROOT_SLOT, L1_INFO_BLOCK_HASH_SLOT, L1_INFO_MESSAGES_SLOT, L1_INFO_ORIGIN_SLOT,
};

/// Position of the time in a header.
const TIMESTAMP: usize = 11;
/// Position of the beacon block root in a header (EIP-4788).
const BEACON_ROOT: usize = 19;

/// The L1 block whose facts the L2 blocks of a batch see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct L1Origin {
    /// Block number.
    pub number: u64,
    /// Time, in L1 seconds.
    pub timestamp: u64,
    /// Block hash.
    pub hash: B256,
    /// Beacon block root; zero on an L1 that has none.
    pub beacon_root: B256,
}

impl L1Origin {
    /// The origin with this header. Only the fields that are needed are read, so that it takes the headers of later forks
    /// too; what the header does not have is zero.
    pub fn from_header(number: u64, hash: B256, header: &[u8]) -> Self {
        let field = |position| field(header, position).unwrap_or_default();
        Self {
            number,
            timestamp: U256::try_from_be_slice(field(TIMESTAMP))
                .and_then(|time| time.try_into().ok())
                .unwrap_or_default(),
            hash,
            beacon_root: B256::try_from(field(BEACON_ROOT)).unwrap_or_default(),
        }
    }
}

/// The string at `position` of an RLP list.
fn field(mut list: &[u8], position: usize) -> Option<&[u8]> {
    let mut fields = Header::decode_bytes(&mut list, true).ok()?;
    for _ in 0..position {
        let skipped = Header::decode(&mut fields).ok()?.payload_length;
        fields = fields.get(skipped..)?;
    }
    Header::decode_bytes(&mut fields, false).ok()
}

/// The contents of the predeploy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct L1Info {
    /// Origin of the present batch.
    pub origin: L1Origin,
    /// Batches begun, the present one included.
    pub batch_count: u64,
    /// Messages of the bridge's queue that were executed.
    pub messages_executed: u64,
    /// Where in the queue the last of them ends, in L2 gas.
    pub gas_executed: u64,
}

impl L1Info {
    /// Reads the predeploy.
    ///
    /// # Errors
    ///
    /// If a trie node is missing.
    pub fn read(state: &mut State<impl Preimages>) -> Result<Self, MissingPreimage> {
        let mut slot = |slot| state.storage(L1_INFO, slot);
        let [number, timestamp, batch_count, _] = slot(L1_INFO_ORIGIN_SLOT)?.into_limbs();
        let hash = slot(L1_INFO_BLOCK_HASH_SLOT)?.into();
        let beacon_root = slot(L1_INFO_BEACON_ROOT_SLOT)?.into();
        let [messages_executed, gas_executed, ..] = slot(L1_INFO_MESSAGES_SLOT)?.into_limbs();
        let origin = L1Origin { number, timestamp, hash, beacon_root };
        Ok(Self { origin, batch_count, messages_executed, gas_executed })
    }

    /// Writes all of it: what the first block of a batch does.
    pub(crate) fn write(&self, state: &mut State<impl Preimages>) -> Result<(), MissingPreimage> {
        let mut set = |slot, value| state.set_storage(L1_INFO, slot, value);
        let L1Origin { number, timestamp, hash, beacon_root } = self.origin;
        set(L1_INFO_ORIGIN_SLOT, U256::from_limbs([number, timestamp, self.batch_count, 0]))?;
        set(L1_INFO_BLOCK_HASH_SLOT, hash.into())?;
        set(L1_INFO_BEACON_ROOT_SLOT, beacon_root.into())?;
        set(L1_INFO_MESSAGES_SLOT, executed_slot(self.messages_executed, self.gas_executed))
    }
}

/// Writes how far the queue was executed: what every block does.
pub(crate) fn write_executed(
    state: &mut State<impl Preimages>,
    messages: u64,
    gas: u64,
) -> Result<(), MissingPreimage> {
    let executed = executed_slot(messages, gas);
    if state.storage(L1_INFO, L1_INFO_MESSAGES_SLOT)? == executed {
        return Ok(());
    }
    state.set_storage(L1_INFO, L1_INFO_MESSAGES_SLOT, executed)
}

fn executed_slot(messages: u64, gas: u64) -> U256 {
    U256::from_limbs([messages, gas, 0, 0])
}
