// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IMessageQueue} from "../bridge/IMessageQueue.sol";
import {DataCommitment} from "../libraries/DataCommitment.sol";
import {Limits} from "../libraries/Limits.sol";
import {Batch} from "../types/Batch.sol";
import {ICanonicalTransactionChain} from "./ICanonicalTransactionChain.sol";

/// @title The order of L2 inputs
/// @dev Assumed of the outside: the bridge's queue only grows, and its hash commits to every message in it; governance is a
/// timelock slower than a user can leave.
///
/// Storage, a row for a slot, its high end first, sizes in bits. An ordinary batch writes slot 0, reads slot 1, and adds one
/// to the mapping.
///
///     0 | olderCount 48 | olderTime 40 | consumed 48 | originNumber 40 | lastBatchTime 40 | batchCount 40 |
///     1 | unused 8 | newerCount 48 | newerTime 40 | sequencer 160                                         |
///     2 | mapping: number of batches => hash of the last of them                                          |
///
/// Forty bits of seconds, blocks and batches last for 34,000 years, and 48 bits of messages for 10^19 gas: the casts to them,
/// of values that L1 itself made, cut nothing.
contract CanonicalTransactionChain is ICanonicalTransactionChain, Initializable {
    /// What the batches have come to, and the older stamp.
    struct Head {
        uint40 batchCount;
        uint40 lastBatchTime;
        uint40 originNumber;
        uint48 consumed;
        uint40 olderTime;
        uint48 olderCount;
    }

    /// Who appends, and the newer stamp.
    struct Watch {
        address sequencer;
        uint40 newerTime;
        uint48 newerCount;
    }

    /// @notice The longest data that a batch may have, in bytes.
    uint256 public constant MAX_BATCH_DATA = Limits.MAX_BATCH_DATA;
    /// @dev Where the standard encoding of `appendBatch` puts the data in the input: selector, five words, length.
    uint256 private constant DATA_OFFSET = 4 + 6 * 32;

    /// @notice The bridge, whose queue of messages the batches consume.
    IMessageQueue public immutable BRIDGE;
    /// @notice Who may put another sequencer in charge: a timelock.
    address public immutable GOVERNANCE;
    /// @notice The age at which what a stamp counted is overdue, in L1 seconds. Messages are ordered within twice as long.
    uint64 public immutable FORCE_DELAY;

    Head private _head;
    Watch private _watch;
    /// @dev Keyed by the number of batches, so that the parent of the first is the zero of an empty slot.
    mapping(uint256 batchCount => bytes32 batchHash) private _batchHashes;

    constructor(IMessageQueue bridge, address governance, uint64 forceDelay) {
        BRIDGE = bridge;
        GOVERNANCE = governance;
        FORCE_DELAY = forceDelay;
        _disableInitializers();
    }

    /// @notice Starts the clocks and puts the first sequencer in charge. Once.
    function initialize(address firstSequencer) external initializer {
        uint40 time = uint40(block.timestamp);
        _head.lastBatchTime = time;
        _head.olderTime = time;
        _watch = Watch({sequencer: firstSequencer, newerTime: time, newerCount: 0});
        emit SequencerChanged(address(0), firstSequencer);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function appendBatch(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash, bytes calldata data)
        external
    {
        Watch memory watch = _watch;
        // Any code between the transaction and this contract, also that which EIP-7702 gives to an account, could make up
        // data that no node finds in the transaction's input. `tx.origin` is no authority here, only the shape of the call.
        if (msg.sender != watch.sequencer || msg.sender != tx.origin || msg.sender.code.length != 0) {
            revert NotSequencer(msg.sender, watch.sequencer);
        }
        uint256 dataOffset;
        // Only reads where the argument begins.
        assembly ("memory-safe") {
            dataOffset := data.offset
        }
        if (dataOffset != DATA_OFFSET) revert BatchDataMisplaced(dataOffset, DATA_OFFSET);
        if (data.length > MAX_BATCH_DATA) revert BatchDataTooLong(data.length, MAX_BATCH_DATA);

        Head memory head_ = _head;
        if (index != head_.batchCount) revert BatchIndexMismatch(index, head_.batchCount);

        if (originNumber < head_.originNumber || originNumber >= block.number) {
            revert OriginOutOfRange(originNumber, head_.originNumber, uint64(block.number - 1));
        }
        bytes32 knownHash = Blockhash.blockHash(originNumber);
        // A hash that is too old to know reads as zero, which must not pass for one.
        if (originHash != knownHash || knownHash == 0) revert OriginHashMismatch(originHash, knownHash);

        (bytes32 queueHash, uint64 queueCount) = BRIDGE.queue();
        uint64 minimum = _overdue(head_, watch);
        if (minimum < head_.consumed) minimum = head_.consumed;
        if (consumeTo < minimum || consumeTo > queueCount) {
            revert ConsumptionOutOfRange(consumeTo, minimum, queueCount);
        }

        if (_isOld(watch.newerTime)) _stamp(head_, watch, queueCount);
        _append(head_, originNumber, originHash, DataCommitment.ofCalldata(data), queueHash, queueCount, consumeTo);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function forceInclude() external {
        Head memory head_ = _head;
        Watch memory watch = _watch;
        (bytes32 queueHash, uint64 queueCount) = BRIDGE.queue();
        uint256 from = _forceableAt(head_, watch, queueCount);
        if (block.timestamp < from) revert NothingToForce(block.timestamp, from);

        if (_isOld(watch.newerTime)) _stamp(head_, watch, queueCount);
        // Not before the last batch's origin, which was in the past too.
        uint64 originNumber = uint64(block.number - 1);
        bytes32 noData = DataCommitment.ofCalldata(msg.data[:0]);
        _append(head_, originNumber, blockhash(originNumber), noData, queueHash, queueCount, queueCount);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function stamp() external {
        Head memory head_ = _head;
        Watch memory watch = _watch;
        if (!_isOld(watch.newerTime)) {
            revert StampTooEarly(block.timestamp, uint256(watch.newerTime) + FORCE_DELAY);
        }
        (, uint64 queueCount) = BRIDGE.queue();
        _stamp(head_, watch, queueCount);
        _head = head_;
    }

    /// @inheritdoc ICanonicalTransactionChain
    function setSequencer(address newSequencer) external {
        if (msg.sender != GOVERNANCE) revert NotGovernance(msg.sender, GOVERNANCE);
        emit SequencerChanged(_watch.sequencer, newSequencer);
        _watch.sequencer = newSequencer;
    }

    /// @inheritdoc ICanonicalTransactionChain
    function batchHash(uint64 index) external view returns (bytes32 hash) {
        hash = _batchHashes[uint256(index) + 1];
        if (hash == 0) revert UnknownBatch(index, _head.batchCount);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function head()
        external
        view
        returns (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber)
    {
        Head memory head_ = _head;
        return (head_.batchCount, head_.consumed, head_.lastBatchTime, head_.originNumber);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function stamps() external view returns (uint64 olderCount, uint64 olderTime, uint64 newerCount, uint64 newerTime) {
        return (_head.olderCount, _head.olderTime, _watch.newerCount, _watch.newerTime);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function overdue() external view returns (uint64) {
        return _overdue(_head, _watch);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function forceableAt() external view returns (uint256) {
        (, uint64 queueCount) = BRIDGE.queue();
        return _forceableAt(_head, _watch, queueCount);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function sequencer() external view returns (address) {
        return _watch.sequencer;
    }

    /// @dev Writes the record of a batch that was found in order, and the head.
    function _append(
        Head memory head_,
        uint64 originNumber,
        bytes32 originHash,
        bytes32 dataCommitment,
        bytes32 queueHash,
        uint64 queueCount,
        uint64 consumedTo
    ) private {
        uint40 index = head_.batchCount++;
        head_.lastBatchTime = uint40(block.timestamp);
        // forge-lint: disable-next-line(unsafe-typecast) the number of an L1 block
        head_.originNumber = uint40(originNumber);
        // forge-lint: disable-next-line(unsafe-typecast) not above the queue's count
        head_.consumed = uint48(consumedTo);
        _head = head_;

        Batch memory batch = Batch({
            parent: _batchHashes[index],
            index: index,
            l1Time: uint64(block.timestamp),
            l1Block: uint64(block.number),
            originNumber: originNumber,
            originHash: originHash,
            dataCommitment: dataCommitment,
            queueHash: queueHash,
            queueCount: queueCount,
            consumedTo: consumedTo
        });
        bytes32 hash = batch.hash();
        _batchHashes[head_.batchCount] = hash;
        emit BatchAppended(index, hash, batch);
    }

    /// @dev Makes the newer stamp the older one and stamps the queue. The caller must write the head.
    function _stamp(Head memory head_, Watch memory watch, uint64 queueCount) private {
        (head_.olderTime, head_.olderCount) = (watch.newerTime, watch.newerCount);
        // forge-lint: disable-next-line(unsafe-typecast) each message cost L1 gas
        (watch.newerTime, watch.newerCount) = (uint40(block.timestamp), uint48(queueCount));
        _watch = watch;
        emit QueueStamped(queueCount, uint64(block.timestamp));
    }

    /// @dev What a batch appended now must consume. Taking a stamp first makes no difference: it keeps the newer one, which
    /// is then the one that counts, and adds one that is not old.
    function _overdue(Head memory head_, Watch memory watch) private view returns (uint48) {
        if (_isOld(watch.newerTime)) return watch.newerCount;
        if (_isOld(head_.olderTime)) return head_.olderCount;
        return 0;
    }

    /// @dev When the first of these comes true: a stamp that counted a waiting message is old, or the last batch is.
    function _forceableAt(Head memory head_, Watch memory watch, uint64 queueCount) private view returns (uint256) {
        if (head_.consumed == queueCount) return type(uint256).max;
        uint256 since = head_.lastBatchTime;
        if (head_.consumed < head_.olderCount) {
            since = Math.min(since, head_.olderTime);
        } else if (head_.consumed < watch.newerCount) {
            since = Math.min(since, watch.newerTime);
        }
        return since + FORCE_DELAY;
    }

    function _isOld(uint40 time) private view returns (bool) {
        return block.timestamp >= uint256(time) + FORCE_DELAY;
    }
}
