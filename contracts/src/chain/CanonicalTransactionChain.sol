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
/// @dev Assumed of the outside: the bridge's queue only grows, its hash commits to every message in it, and its gas fits 56 bits;
/// governance is a timelock slower than a user can leave.
///
/// Storage, a row for a slot, its high end first, sizes in bits. An ordinary batch writes slot 0, reads slot 1, and adds one
/// to the mapping.
///
///     0 | olderGas 56 | olderTime 40 | consumed 56 | originNumber 32 | lastBatchTime 40 | batchCount 32 |
///     1 | newerGas 56 | newerTime 40 | sequencer 160                                                     |
///     2 | mapping: number of batches => hash of the last of them                                         |
///
/// Thirty-two bits of L1 blocks last for 1,600 years, and so do as many batches at one in each; forty bits of seconds last
/// longer. The casts to them, of values that L1 itself made, cut nothing. Places in the queue have 56 bits in the bridge too.
contract CanonicalTransactionChain is ICanonicalTransactionChain, Initializable {
    /// What the batches have come to, and the older stamp.
    struct Head {
        uint32 batchCount;
        uint40 lastBatchTime;
        uint32 originNumber;
        uint56 consumed;
        uint40 olderTime;
        uint56 olderGas;
    }

    /// Who appends, and the newer stamp.
    struct Watch {
        address sequencer;
        uint40 newerTime;
        uint56 newerGas;
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
        _watch = Watch({sequencer: firstSequencer, newerTime: time, newerGas: 0});
        emit SequencerChanged(address(0), firstSequencer);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function appendBatch(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash, bytes calldata data)
        external
    {
        Watch memory watch = _watchOfSequencer();
        uint256 dataOffset;
        // Only reads where the argument begins.
        assembly ("memory-safe") {
            dataOffset := data.offset
        }
        if (dataOffset != DATA_OFFSET) revert BatchDataMisplaced(dataOffset, DATA_OFFSET);
        if (data.length > MAX_BATCH_DATA) revert BatchDataTooLong(data.length, MAX_BATCH_DATA);
        _appendSequenced(watch, index, consumeTo, originNumber, originHash, DataCommitment.ofCalldata(data));
    }

    /// @inheritdoc ICanonicalTransactionChain
    function appendBlobBatch(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash) external {
        Watch memory watch = _watchOfSequencer();
        if (blobhash(0) == 0) revert NoBlobs();
        _appendSequenced(watch, index, consumeTo, originNumber, originHash, DataCommitment.ofBlobs());
    }

    /// @inheritdoc ICanonicalTransactionChain
    function forceInclude() external {
        Head memory head_ = _head;
        Watch memory watch = _watch;
        (bytes32 queueHash,, uint64 queueGas) = BRIDGE.queue();
        uint256 from = _forceableAt(head_, watch, queueGas);
        if (block.timestamp < from) revert NothingToForce(block.timestamp, from);

        uint64 consumeTo = head_.consumed + Limits.FORCED_MESSAGE_GAS;
        // Only what is left needs a stamp.
        if (consumeTo >= queueGas) consumeTo = queueGas;
        else if (_isOld(watch.newerTime)) _stamp(head_, watch, queueGas);
        // Not before the last batch's origin, which was in the past too.
        uint64 originNumber = uint64(block.number - 1);
        bytes32 noData = DataCommitment.ofCalldata(msg.data[:0]);
        _append(head_, originNumber, blockhash(originNumber), noData, queueHash, queueGas, consumeTo);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function stamp() external {
        Head memory head_ = _head;
        Watch memory watch = _watch;
        if (!_isOld(watch.newerTime)) {
            revert StampTooEarly(block.timestamp, uint256(watch.newerTime) + FORCE_DELAY);
        }
        (,, uint64 queueGas) = BRIDGE.queue();
        _stamp(head_, watch, queueGas);
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
    function stamps() external view returns (uint64 olderGas, uint64 olderTime, uint64 newerGas, uint64 newerTime) {
        return (_head.olderGas, _head.olderTime, _watch.newerGas, _watch.newerTime);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function overdue() external view returns (uint64) {
        return _overdue(_head, _watch);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function forceableAt() external view returns (uint256) {
        (,, uint64 queueGas) = BRIDGE.queue();
        return _forceableAt(_head, _watch, queueGas);
    }

    /// @inheritdoc ICanonicalTransactionChain
    function stampableAt() external view returns (uint256) {
        return uint256(_watch.newerTime) + FORCE_DELAY;
    }

    /// @inheritdoc ICanonicalTransactionChain
    function orderedBy(uint64 place) external view returns (uint256) {
        (,, uint64 queueGas) = BRIDGE.queue();
        if (place > queueGas) revert PlaceNotQueued(place, queueGas);
        Head memory head_ = _head;
        Watch memory watch = _watch;
        if (place <= head_.consumed) return 0;
        if (place <= head_.olderGas) return uint256(head_.olderTime) + FORCE_DELAY;
        uint256 newerOld = uint256(watch.newerTime) + FORCE_DELAY;
        if (place <= watch.newerGas) return newerOld;
        // The next stamp counts it, and is then to become old.
        return Math.max(newerOld, block.timestamp) + FORCE_DELAY;
    }

    /// @inheritdoc ICanonicalTransactionChain
    function sequencer() external view returns (address) {
        return _watch.sequencer;
    }

    /// @dev What the sequencer is watched by, if it is the caller. Any code between the transaction and this contract, also that
    /// which EIP-7702 gives to an account, could make up data that no node finds in the transaction, or append twice with the
    /// same blobs. `tx.origin` is no authority here, only the shape of the call.
    function _watchOfSequencer() private view returns (Watch memory watch) {
        watch = _watch;
        if (msg.sender != watch.sequencer) revert NotSequencer(msg.sender, watch.sequencer);
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotPlainAccount(msg.sender);
    }

    /// @dev Appends the sequencer's batch, if it is in order.
    function _appendSequenced(
        Watch memory watch,
        uint64 index,
        uint64 consumeTo,
        uint64 originNumber,
        bytes32 originHash,
        bytes32 dataCommitment
    ) private {
        Head memory head_ = _head;
        if (index != head_.batchCount) revert BatchIndexMismatch(index, head_.batchCount);

        if (originNumber < head_.originNumber || originNumber >= block.number) {
            revert OriginOutOfRange(originNumber, head_.originNumber, uint64(block.number - 1));
        }
        bytes32 knownHash = Blockhash.blockHash(originNumber);
        // A hash that is too old to know reads as zero, which must not pass for one.
        if (originHash != knownHash || knownHash == 0) revert OriginHashMismatch(originHash, knownHash);

        (bytes32 queueHash,, uint64 queueGas) = BRIDGE.queue();
        uint64 maximum = head_.consumed + Limits.BATCH_MESSAGE_GAS;
        uint64 minimum = _overdue(head_, watch);
        if (minimum > maximum) minimum = maximum;
        if (minimum < head_.consumed) minimum = head_.consumed;
        if (maximum > queueGas) maximum = queueGas;
        if (consumeTo < minimum || consumeTo > maximum) revert ConsumptionOutOfRange(consumeTo, minimum, maximum);

        if (_isOld(watch.newerTime)) _stamp(head_, watch, queueGas);
        _append(head_, originNumber, originHash, dataCommitment, queueHash, queueGas, consumeTo);
    }

    /// @dev Writes the record of a batch that was found in order, and the head.
    function _append(
        Head memory head_,
        uint64 originNumber,
        bytes32 originHash,
        bytes32 dataCommitment,
        bytes32 queueHash,
        uint64 queueGas,
        uint64 consumedTo
    ) private {
        uint32 index = head_.batchCount++;
        head_.lastBatchTime = uint40(block.timestamp);
        // forge-lint: disable-next-line(unsafe-typecast) the number of an L1 block
        head_.originNumber = uint32(originNumber);
        // forge-lint: disable-next-line(unsafe-typecast) not above the queue's end
        head_.consumed = uint56(consumedTo);
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
            queueGas: queueGas,
            consumedTo: consumedTo
        });
        bytes32 hash = batch.hash();
        _batchHashes[head_.batchCount] = hash;
        emit BatchAppended(index, hash, batch);
    }

    /// @dev Makes the newer stamp the older one and stamps the queue. The caller must write the head.
    function _stamp(Head memory head_, Watch memory watch, uint64 queueGas) private {
        (head_.olderTime, head_.olderGas) = (watch.newerTime, watch.newerGas);
        // forge-lint: disable-next-line(unsafe-typecast) of 56 bits in the bridge
        (watch.newerTime, watch.newerGas) = (uint40(block.timestamp), uint56(queueGas));
        _watch = watch;
        emit QueueStamped(queueGas, uint64(block.timestamp));
    }

    /// @dev How far the queue is overdue now. Taking a stamp first makes no difference: it keeps the newer one, which
    /// is then the one that counts, and adds one that is not old.
    function _overdue(Head memory head_, Watch memory watch) private view returns (uint56) {
        if (_isOld(watch.newerTime)) return watch.newerGas;
        if (_isOld(head_.olderTime)) return head_.olderGas;
        return 0;
    }

    /// @dev When the first of these comes true: a stamp that counted a waiting message is old, or the last batch is.
    function _forceableAt(Head memory head_, Watch memory watch, uint64 queueGas) private view returns (uint256) {
        if (head_.consumed == queueGas) return type(uint256).max;
        uint256 since = head_.lastBatchTime;
        if (head_.consumed < head_.olderGas) {
            since = Math.min(since, head_.olderTime);
        } else if (head_.consumed < watch.newerGas) {
            since = Math.min(since, watch.newerTime);
        }
        return since + FORCE_DELAY;
    }

    function _isOld(uint40 time) private view returns (bool) {
        return block.timestamp >= uint256(time) + FORCE_DELAY;
    }
}
