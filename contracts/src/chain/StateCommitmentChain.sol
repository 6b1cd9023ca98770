// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IOutboxVerifier} from "../bridge/IOutboxVerifier.sol";
import {BURN} from "../libraries/Burn.sol";
import {Commitment, CommitmentStatus, hashCheckpoints} from "../types/Commitment.sol";
import {Output} from "../types/Output.sol";
import {ICanonicalTransactionChain} from "./ICanonicalTransactionChain.sol";
import {IStateCommitmentChain} from "./IStateCommitmentChain.sol";

/// @title What the L2 came to
/// @dev Assumed of the outside: the dispute contract opens a challenge to every false commitment in its window, and closes it only if
/// the commitment is true; it rejects no true one; the
/// bridge takes a final root without calling back; the canonical transaction chain never changes an appended batch.
///
/// A commitment is final only on a final parent, so what descends from a rejected one can never be, marked or not.
///
/// Bonds: the ETH held here is at least the sum of all accounts' free and locked bonds, and what an account has locked is
/// the sum of the bonds of its proposed commitments. ETH leaves through `_pay` alone: to who withdraws free bond, and to
/// `BURN_ADDRESS`.
///
/// Storage, a row for a slot, its high end first, sizes in bits:
///
///     0 | mapping: commitment id => challenges 32 | bond 96 | batchCount 40 | proposedBlock 40 | proposedAt 40 | status 8 |
///     1 | mapping: account => locked 128 | free 128                                                                      |
///     2 | genesis commitment 256                                                                                         |
contract StateCommitmentChain is IStateCommitmentChain, Initializable {
    /// What is kept of a commitment. Forty bits of seconds or blocks last for 34,000 years.
    struct Record {
        CommitmentStatus status;
        uint40 proposedAt;
        uint40 proposedBlock;
        uint40 batchCount;
        /// Locked until the commitment is final or rejected, in wei.
        uint96 bond;
        /// Disputes about it that are open, or found it false.
        uint32 challenges;
    }

    /// The bonds of an account, in wei. There is less ETH than 128 bits of wei. In one slot, so that freeing a bond never pays
    /// for a new one.
    struct Bonds {
        uint128 free;
        uint128 locked;
    }

    /// @notice Checkpoints that a commitment may have at most: more could make a dispute over them dear.
    uint256 public constant MAX_CHECKPOINTS = 1024;
    /// @notice Where forfeited bond goes that rewards nobody.
    address public constant BURN_ADDRESS = BURN;

    /// @notice Says which batches there are.
    ICanonicalTransactionChain public immutable CANONICAL_TRANSACTION_CHAIN;
    /// @notice The bridge, which takes the outbox roots of final commitments.
    IOutboxVerifier public immutable BRIDGE;
    /// @notice Who may reject commitments.
    address public immutable DISPUTE_GAME;
    /// @notice The challenge window in L1 seconds.
    uint64 public immutable WINDOW_SECONDS;
    /// @notice The challenge window in L1 blocks. Both must pass.
    uint64 public immutable WINDOW_BLOCKS;
    /// @notice What a proposer locks for a commitment, in wei.
    uint96 public immutable BOND;

    mapping(bytes32 id => Record) private _records;
    mapping(address account => Bonds) private _bonds;
    /// @inheritdoc IStateCommitmentChain
    bytes32 public genesisCommitment;

    modifier onlyDisputeGame() {
        if (msg.sender != DISPUTE_GAME) revert NotDisputeGame(msg.sender, DISPUTE_GAME);
        _;
    }

    constructor(
        ICanonicalTransactionChain canonicalTransactionChain,
        IOutboxVerifier bridge,
        address disputeGame,
        uint64 windowSeconds,
        uint64 windowBlocks,
        uint96 bond
    ) {
        CANONICAL_TRANSACTION_CHAIN = canonicalTransactionChain;
        BRIDGE = bridge;
        DISPUTE_GAME = disputeGame;
        WINDOW_SECONDS = windowSeconds;
        WINDOW_BLOCKS = windowBlocks;
        BOND = bond;
        _disableInitializers();
    }

    /// @notice Makes the genesis output final, for all else to build on. Once.
    function initialize(bytes32 genesisOutputRoot) external initializer {
        Commitment memory genesis;
        genesis.outputRoot = genesisOutputRoot;
        bytes32 id = genesis.id();
        _records[id] = _newRecord(CommitmentStatus.Final, 0, 0);
        genesisCommitment = id;
        emit GenesisCommitted(id, genesisOutputRoot);
    }

    /// @inheritdoc IStateCommitmentChain
    function propose(bytes32 parent, bytes32 batchHash, bytes32[] calldata checkpoints)
        external
        payable
        returns (bytes32 id)
    {
        uint256 count = checkpoints.length;
        if (count == 0 || count > MAX_CHECKPOINTS) revert CheckpointCountOutOfRange(count, MAX_CHECKPOINTS);

        Record memory parentRecord = _records[parent];
        if (parentRecord.status != CommitmentStatus.Proposed && parentRecord.status != CommitmentStatus.Final) {
            revert ParentNotStanding(parent, parentRecord.status);
        }
        // forge-lint: disable-next-line(unsafe-typecast) at most `MAX_CHECKPOINTS`
        uint64 batchCount = parentRecord.batchCount + uint64(count);
        bytes32 knownHash = CANONICAL_TRANSACTION_CHAIN.batchHash(batchCount - 1);
        if (batchHash != knownHash) revert BatchHashMismatch(batchHash, knownHash);

        Commitment memory commitment = Commitment({
            parent: parent,
            batchHash: batchHash,
            batchCount: batchCount,
            outputRoot: checkpoints[count - 1],
            checkpointsHash: hashCheckpoints(checkpoints),
            proposer: msg.sender
        });
        id = commitment.id();
        if (_records[id].status != CommitmentStatus.Unknown) revert CommitmentAlreadyProposed(id);

        _records[id] = _newRecord(CommitmentStatus.Proposed, batchCount, BOND);

        Bonds memory bonds = _bonds[msg.sender];
        if (msg.value != 0) _deposit(bonds);
        if (bonds.free < BOND) revert InsufficientBond(bonds.free, BOND);
        bonds.free -= BOND;
        bonds.locked += BOND;
        _bonds[msg.sender] = bonds;
        emit CommitmentProposed(id, parent, commitment, checkpoints);
    }

    /// @inheritdoc IStateCommitmentChain
    function finalize(Commitment calldata commitment, Output calldata output) external {
        (bytes32 id, Record memory record) = _proposed(commitment);
        CommitmentStatus parentStatus = _records[commitment.parent].status;
        if (parentStatus != CommitmentStatus.Final) revert ParentNotFinal(commitment.parent, parentStatus);

        (uint64 time, uint64 blockNumber) = _windowEnd(record);
        if (block.timestamp < time) revert WindowOpenInTime(block.timestamp, time);
        if (block.number < blockNumber) revert WindowOpenInBlocks(block.number, blockNumber);
        if (record.challenges != 0) revert CommitmentChallenged(id, record.challenges);

        bytes32 outputRoot = output.root();
        if (outputRoot != commitment.outputRoot) revert OutputRootMismatch(outputRoot, commitment.outputRoot);

        uint96 bond = _close(id, record, CommitmentStatus.Final);
        Bonds memory bonds = _bonds[commitment.proposer];
        bonds.locked -= bond;
        bonds.free += bond;
        _bonds[commitment.proposer] = bonds;
        emit CommitmentFinalized(id, record.batchCount, output);
        // The bridge, which is trusted: every claim will then read its own storage alone.
        BRIDGE.recordFinalRoot(id, output.outboxRoot);
    }

    /// @inheritdoc IStateCommitmentChain
    function openChallenge(Commitment calldata commitment) external onlyDisputeGame {
        (bytes32 id, Record memory record) = _proposed(commitment);
        (uint64 time, uint64 blockNumber) = _windowEnd(record);
        if (block.timestamp >= time && block.number >= blockNumber) revert WindowPassed(time, blockNumber);
        ++record.challenges;
        _records[id] = record;
    }

    /// @inheritdoc IStateCommitmentChain
    function closeChallenge(bytes32 id) external onlyDisputeGame {
        --_records[id].challenges;
    }

    /// @inheritdoc IStateCommitmentChain
    function reject(Commitment calldata commitment, address challenger) external onlyDisputeGame {
        (bytes32 id, Record memory record) = _proposed(commitment);

        uint96 bond = _close(id, record, CommitmentStatus.Rejected);
        uint96 reward = bond / 2;
        uint96 burned = bond - reward;
        _bonds[commitment.proposer].locked -= bond;
        _bonds[challenger].free += reward;
        emit CommitmentRejected(id, challenger, reward, burned);
        _pay(BURN_ADDRESS, burned);
    }

    /// @inheritdoc IStateCommitmentChain
    function rejectDescendant(Commitment calldata commitment) external {
        (bytes32 id, Record memory record) = _proposed(commitment);
        CommitmentStatus parentStatus = _records[commitment.parent].status;
        if (parentStatus != CommitmentStatus.Rejected) revert ParentNotRejected(commitment.parent, parentStatus);

        uint96 burned = _close(id, record, CommitmentStatus.Rejected);
        _bonds[commitment.proposer].locked -= burned;
        emit CommitmentRejected(id, address(0), 0, burned);
        _pay(BURN_ADDRESS, burned);
    }

    /// @inheritdoc IStateCommitmentChain
    function depositBond() external payable {
        Bonds memory bonds = _bonds[msg.sender];
        _deposit(bonds);
        _bonds[msg.sender] = bonds;
    }

    /// @inheritdoc IStateCommitmentChain
    function withdrawBond(address recipient, uint256 amount) external {
        uint128 free = _bonds[msg.sender].free;
        if (free < amount) revert InsufficientBond(free, amount);
        // forge-lint: disable-next-line(unsafe-typecast) not above `free`
        _bonds[msg.sender].free = free - uint128(amount);
        emit BondWithdrawn(msg.sender, recipient, amount);
        _pay(recipient, amount);
    }

    /// @inheritdoc IStateCommitmentChain
    function bondOf(address account) external view returns (uint256) {
        return _bonds[account].free;
    }

    /// @inheritdoc IStateCommitmentChain
    function lockedBondOf(address account) external view returns (uint256) {
        return _bonds[account].locked;
    }

    /// @inheritdoc IStateCommitmentChain
    function commitmentStatus(bytes32 id) external view returns (CommitmentStatus) {
        return _records[id].status;
    }

    /// @inheritdoc IStateCommitmentChain
    function batchCountOf(bytes32 id) external view returns (uint64) {
        return _records[id].batchCount;
    }

    /// @inheritdoc IStateCommitmentChain
    function challengesOf(bytes32 id) external view returns (uint32) {
        return _records[id].challenges;
    }

    /// @inheritdoc IStateCommitmentChain
    function finalizableAt(bytes32 id) external view returns (uint64 time, uint64 blockNumber) {
        Record memory record = _records[id];
        if (record.status == CommitmentStatus.Unknown) return (0, 0);
        return _windowEnd(record);
    }

    /// @dev The record of a commitment that must not be decided yet.
    function _proposed(Commitment calldata commitment) private view returns (bytes32 id, Record memory record) {
        id = commitment.id();
        record = _records[id];
        if (record.status != CommitmentStatus.Proposed) {
            revert UnexpectedCommitmentStatus(id, record.status, CommitmentStatus.Proposed);
        }
    }

    /// @dev When the commitment's own window has passed: L1 seconds, and L1 blocks.
    function _windowEnd(Record memory record) private view returns (uint64 time, uint64 blockNumber) {
        return (record.proposedAt + WINDOW_SECONDS, record.proposedBlock + WINDOW_BLOCKS);
    }

    function _newRecord(CommitmentStatus status, uint64 batchCount, uint96 bond) private view returns (Record memory) {
        return Record({
            status: status,
            proposedAt: uint40(block.timestamp),
            proposedBlock: uint40(block.number),
            // forge-lint: disable-next-line(unsafe-typecast) one batch an L1 block is 40 bits in 400,000 years
            batchCount: uint40(batchCount),
            bond: bond,
            challenges: 0
        });
    }

    /// @dev Decides a commitment for ever. Its bond is unlocked: the caller must say whose it is.
    function _close(bytes32 id, Record memory record, CommitmentStatus status) private returns (uint96 bond) {
        bond = record.bond;
        record.status = status;
        record.bond = 0;
        _records[id] = record;
    }

    /// @dev Adds the sent ETH to the caller's free bond. The caller of this must write it.
    function _deposit(Bonds memory bonds) private {
        // forge-lint: disable-next-line(unsafe-typecast) there is not so much ETH
        bonds.free += uint128(msg.value);
        emit BondDeposited(msg.sender, msg.value);
    }

    /// @dev The only way out for ETH. All state is written before: the recipient may call back in.
    function _pay(address recipient, uint256 amount) private {
        (bool success,) = recipient.call{value: amount}("");
        if (!success) revert BondTransferFailed(recipient, amount);
    }
}
