//! Contracts at fixed addresses on L2, and the storage slots through which the derivation reads and writes them.

use alloy_primitives::{Address, U256, address};

/// What the L2 knows of L1.
pub const L1_INFO: Address = address!("0x7e00000000000000000000000000000000000001");

/// Where messages to L1 begin.
pub const OUTBOX: Address = address!("0x7e00000000000000000000000000000000000002");

/// Beneficiary of every block.
pub const FEE_VAULT: Address = address!("0x7e00000000000000000000000000000000000003");

/// Deploys contracts to addresses that anyone can compute, also for messages from L1.
pub const CREATE2_FACTORY: Address = address!("0x7e00000000000000000000000000000000000004");

/// Block hash history, EIP-2935.
pub const HISTORY: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");

/// Slots of `HISTORY`: the hash of block `n` is in slot `n % HISTORY_WINDOW`.
pub const HISTORY_WINDOW: u64 = 8_191;

/// Slot of `L1Info` that packs, from the low end, `number`, `timestamp`, `batchCount` (64 bits each).
pub const L1_INFO_ORIGIN_SLOT: U256 = U256::ZERO;

/// Slot of `L1Info.blockHash`.
pub const L1_INFO_BLOCK_HASH_SLOT: U256 = U256::from_limbs([1, 0, 0, 0]);

/// Slot of `L1Info.beaconRoot`.
pub const L1_INFO_BEACON_ROOT_SLOT: U256 = U256::from_limbs([2, 0, 0, 0]);

/// Slot of `L1Info` that packs, from the low end, `messagesExecuted` and `gasExecuted` (64 bits each).
pub const L1_INFO_MESSAGES_SLOT: U256 = U256::from_limbs([3, 0, 0, 0]);

/// Slot of `Outbox.count`.
pub const OUTBOX_COUNT_SLOT: U256 = U256::ZERO;

/// Slot of the outbox's last full left subtree of height `height`.
pub const fn outbox_frontier_slot(height: usize) -> U256 {
    U256::from_limbs([1 + height as u64, 0, 0, 0])
}
