// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch} from "../types/Batch.sol";

/// @title The order of L2 inputs
/// @notice Batches of L2 transactions, and how far each of them consumed the bridge's queue. One slot per batch holds the
/// hash of its record, which chains back to the first.
/// @dev Forced inclusion takes constant space: two stamps of (queue count, time). What a `FORCE_DELAY`-old stamp counted is
/// overdue: a sequencer's batch must consume it, and anyone may append a batch that consumes the whole queue. As anyone
/// may also take a stamp, a message is ordered within `2 * FORCE_DELAY`, whatever the sequencer does.
interface ICanonicalTransactionChain {
    /// A batch joined the chain. For a sequencer's batch the data is in the input of the transaction, which calls this
    /// contract directly; a forced one has none.
    event BatchAppended(uint64 indexed index, bytes32 indexed batchHash, Batch batch);
    /// The newer stamp became the older one, and the present queue was stamped.
    event QueueStamped(uint64 count, uint64 time);
    /// Another sequencer is in charge.
    event SequencerChanged(address indexed previous, address indexed current);

    /// The caller is not the sequencer, or is not a plain externally owned account that calls directly: data must be in
    /// the input of a transaction, where every node can read it.
    error NotSequencer(address received, address expected);
    /// The caller is not the governance timelock.
    error NotGovernance(address received, address expected);
    /// The batch was made for another position: it was appended before, or the chain went on without it.
    error BatchIndexMismatch(uint64 received, uint64 expected);
    /// The batch consumes less than was consumed before, or than is overdue, or more than the queue holds.
    error ConsumptionOutOfRange(uint64 received, uint64 minimum, uint64 maximum);
    /// The L1 origin is older than the last batch's, or not in the past.
    error OriginOutOfRange(uint64 received, uint64 minimum, uint64 maximum);
    /// The L1 origin's hash is another, or too old to know (8,191 blocks): the batch was built on another L1.
    error OriginHashMismatch(bytes32 received, bytes32 expected);
    /// The data is longer than a batch may be, in bytes.
    error BatchDataTooLong(uint256 received, uint256 maximum);
    /// The data does not begin where the standard encoding puts it, so that every node finds it there. Bytes of the input.
    error BatchDataMisplaced(uint256 received, uint256 expected);
    /// The newer stamp is not `FORCE_DELAY` old yet. L1 seconds.
    error StampTooEarly(uint256 received, uint256 expected);
    /// Nothing is overdue, and the sequencer is not silent. L1 seconds until which to wait.
    error NothingToForce(uint256 received, uint256 expected);
    /// The batch was never appended.
    error UnknownBatch(uint64 received, uint64 count);

    /// @notice Appends a batch. Only for the sequencer, directly from an externally owned account.
    /// @param index Position at which the batch must land.
    /// @param consumeTo The queue's messages up to here, this one excluded, are ordered by it.
    /// @param originNumber The L1 block whose facts its L2 blocks see: not before the last batch's, in the past.
    /// @param originHash Its hash, so that a batch built on an abandoned L1 fork reverts.
    /// @param data The batch, in the encoding of `docs/specification.md`. Never judged here: derivation is total.
    function appendBatch(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash, bytes calldata data)
        external;

    /// @notice Appends a batch without data that consumes the whole queue. By anyone, once something is overdue, or no
    /// batch came for `FORCE_DELAY` while messages wait.
    function forceInclude() external;

    /// @notice Takes a stamp of the queue. By anyone, once the newer stamp is `FORCE_DELAY` old.
    function stamp() external;

    /// @notice Puts another sequencer in charge. Only for governance.
    function setSequencer(address sequencer) external;

    /// @notice The hash of a batch's record. Reverts if it was never appended.
    function batchHash(uint64 index) external view returns (bytes32);

    /// @notice How many batches there are, how far they consumed the queue, when the last came (L1 seconds), and its origin.
    function head()
        external
        view
        returns (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber);

    /// @notice The two stamps: queue counts, and the L1 times in seconds at which they were taken.
    function stamps() external view returns (uint64 olderCount, uint64 olderTime, uint64 newerCount, uint64 newerTime);

    /// @notice How many messages of the queue are overdue in all: a batch must consume at least so far.
    function overdue() external view returns (uint64);

    /// @notice From when on (L1 seconds) anyone may force the queue, if no batch comes before; the largest value if nothing
    /// waits.
    function forceableAt() external view returns (uint256);

    /// @notice Who may append batches with data.
    function sequencer() external view returns (address);
}
