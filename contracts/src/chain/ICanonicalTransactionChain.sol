// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch} from "../types/Batch.sol";

/// @title The order of L2 inputs
/// @notice Batches of L2 transactions, and how far each of them consumed the bridge's queue. One slot per batch holds the
/// hash of its record, which chains back to the first.
/// @dev Places in the queue are counted in L2 gas: a message begins where the one before it ends, and ends its gas limit later.
/// A batch executes every message that it consumes, to its end, so L1 bounds by how much gas it may.
///
/// Forced inclusion takes constant space: two stamps of (end of the queue, time). What lies before a `FORCE_DELAY`-old stamp is
/// overdue: a sequencer's batch must consume as much of it as it may, and anyone may append batches that do nothing else, one after
/// the other until nothing is overdue. As anyone may also take a stamp, a message is ordered, and with that executed, within
/// `2 * FORCE_DELAY`, whatever the sequencer does.
interface ICanonicalTransactionChain {
    /// A batch joined the chain. A sequencer's batch has its data in the transaction, which calls this contract directly: in
    /// its input or its blobs, as the function says that it calls. A forced batch has none.
    event BatchAppended(uint64 indexed index, bytes32 indexed batchHash, Batch batch);
    /// The newer stamp became the older one, and the present queue was stamped.
    event QueueStamped(uint64 queueGas, uint64 time);
    /// Another sequencer is in charge.
    event SequencerChanged(address indexed previous, address indexed current);

    /// The caller is not the sequencer.
    error NotSequencer(address received, address expected);
    /// The caller is not a plain externally owned account that calls directly: the data must be where every node finds it, in
    /// the input or the blobs of the transaction.
    error NotPlainAccount(address received);
    /// The caller is not the governance timelock.
    error NotGovernance(address received, address expected);
    /// The batch was made for another position: it was appended before, or the chain went on without it.
    error BatchIndexMismatch(uint64 received, uint64 expected);
    /// The batch consumes less than was consumed before, or than is overdue as far as it may, or more than the queue holds or
    /// than it may. L2 gas.
    error ConsumptionOutOfRange(uint64 received, uint64 minimum, uint64 maximum);
    /// The L1 origin is older than the last batch's, or not in the past.
    error OriginOutOfRange(uint64 received, uint64 minimum, uint64 maximum);
    /// The L1 origin's hash is another, or too old to know (8,191 blocks): the batch was built on another L1.
    error OriginHashMismatch(bytes32 received, bytes32 expected);
    /// The data is longer than a batch may be, in bytes.
    error BatchDataTooLong(uint256 received, uint256 maximum);
    /// The data does not begin where the standard encoding puts it, so that every node finds it there. Bytes of the input.
    error BatchDataMisplaced(uint256 received, uint256 expected);
    /// The transaction carries no blob.
    error NoBlobs();
    /// The newer stamp is not `FORCE_DELAY` old yet. L1 seconds.
    error StampTooEarly(uint256 received, uint256 expected);
    /// Nothing is overdue, and the sequencer is not silent. L1 seconds until which to wait.
    error NothingToForce(uint256 received, uint256 expected);
    /// The batch was never appended.
    error UnknownBatch(uint64 received, uint64 count);
    /// The place lies beyond the end of the queue. L2 gas.
    error PlaceNotQueued(uint64 received, uint64 maximum);

    /// @notice Appends a batch with its data in calldata. Only for the sequencer, directly from an externally owned account.
    /// @param index Position at which the batch must land.
    /// @param consumeTo The queue's messages that end here or before, in L2 gas, are ordered by it: at most `BATCH_MESSAGE_GAS`
    /// more than before.
    /// @param originNumber The L1 block whose facts its L2 blocks see: not before the last batch's, in the past.
    /// @param originHash Its hash, so that a batch built on an abandoned L1 fork reverts.
    /// @param data The batch, in the encoding of `docs/specification.md`. Never judged here: derivation is total, and clamps the
    /// times that the data claims. L1's own never go backwards.
    function appendBatch(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash, bytes calldata data)
        external;

    /// @notice Appends a batch with its data in the transaction's blobs, all of them, in order; otherwise as `appendBatch`.
    /// @dev Blobs are not executed: what they hold is known here by their versioned hashes alone.
    /// @param index Position at which the batch must land.
    /// @param consumeTo The queue's messages that end here or before, in L2 gas, are ordered by it: at most `BATCH_MESSAGE_GAS`
    /// more than before.
    /// @param originNumber The L1 block whose facts its L2 blocks see: not before the last batch's, in the past.
    /// @param originHash Its hash, so that a batch built on an abandoned L1 fork reverts.
    function appendBlobBatch(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash) external;

    /// @notice Appends a batch without data that consumes the queue to its end, or `FORCED_MESSAGE_GAS` of it. By anyone, once
    /// something is overdue, or no batch came for `FORCE_DELAY` while messages wait. What is then still overdue can be forced at
    /// once, by calling again.
    function forceInclude() external;

    /// @notice Takes a stamp of the queue. By anyone, once the newer stamp is `FORCE_DELAY` old.
    function stamp() external;

    /// @notice Puts another sequencer in charge. Only for governance.
    function setSequencer(address sequencer) external;

    /// @notice The hash of a batch's record. Reverts if it was never appended.
    function batchHash(uint64 index) external view returns (bytes32);

    /// @notice How many batches there are, how far they consumed the queue (L2 gas), when the last came (L1 seconds), and its
    /// origin.
    function head()
        external
        view
        returns (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber);

    /// @notice The two stamps: where the queue ended, in L2 gas, and the L1 times in seconds at which they were taken.
    function stamps() external view returns (uint64 olderGas, uint64 olderTime, uint64 newerGas, uint64 newerTime);

    /// @notice How far the queue is overdue, in L2 gas: a batch must consume it so far, or as far as a batch may.
    function overdue() external view returns (uint64);

    /// @notice From when on (L1 seconds) anyone may force the queue, if no batch comes before; the largest value if nothing
    /// waits.
    function forceableAt() external view returns (uint256);

    /// @notice From when on (L1 seconds) anyone may take a stamp.
    function stampableAt() external view returns (uint256);

    /// @notice When a message that waits is overdue at the latest (L1 seconds), whatever the sequencer does: then anyone may
    /// force it, and all before it. Zero for a message that is ordered; reverts if it was never queued.
    /// @dev A stamp that counts the message, or else one taken now or as soon as it is allowed, becomes `FORCE_DELAY` old. So this
    /// is at most `2 * FORCE_DELAY` after the message was queued, unless a stamp is left waiting: then it moves with the
    /// present until somebody takes it. With a silent sequencer forcing may be allowed sooner, see `forceableAt`.
    /// @param place Where the message ends in the queue: `queueGas` of its event.
    function orderedBy(uint64 place) external view returns (uint256);

    /// @notice Who may append batches with data.
    function sequencer() external view returns (address);
}
