// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICanonicalTransactionChain} from "../chain/ICanonicalTransactionChain.sol";
import {IStateCommitmentChain} from "../chain/IStateCommitmentChain.sol";
import {BURN} from "../libraries/Burn.sol";
import {Commitment, CommitmentStatus, hashCheckpoints} from "../types/Commitment.sol";
import {Challenge} from "./Challenge.sol";
import {IDisputeGame} from "./IDisputeGame.sol";
import {IMachineStep} from "./IMachineStep.sol";
import {MachineState} from "./MachineState.sol";
import {Node, NodeStatus} from "./Node.sol";
import {Dispute, Segment} from "./Segment.sol";

/// @title Disputes about commitments
/// @dev Assumed of the outside: the program ends every run over a true output and a batch with exit code 0 and the output after
/// it, within 2^40 steps; `MachineStep` steps as the machine does; the state commitment chain takes no bond and calls nobody back
/// but the burn address.
///
/// Bonds: the ETH held here is the sum of all free bonds and of the bonds of nodes that are open. What is burned is the free bond
/// of an address without a key. It leaves through `withdrawBond` alone, so no recipient can stop a decision.
///
/// Many moves go in one transaction by `multicall`, from free bond: it takes no ETH, so that no call in it sees any, and none can be
/// counted twice.
///
/// Storage, a row for a slot, its high end first, sizes in bits:
///
///     0 | mapping: node id => status 8 | level 8 | unresolved 24 | used 24 | postedAt 32 | author 160 |
///     1 | mapping: account => free bond 256                                                          |
contract DisputeGame is IDisputeGame, Multicall {
    /// What is kept of a node.
    struct Record {
        address author;
        /// L1 block. Thirty-two bits last for 1,600 years.
        uint32 postedAt;
        /// What the author's side had used of its clock on this branch, in L1 blocks.
        uint24 used;
        /// Counters that are not decided. To fill it would take more gas than L1 has in decades.
        uint24 unresolved;
        /// From 1, the level of an opening.
        uint8 level;
        NodeStatus status;
    }

    /// @notice Holds the commitments.
    IStateCommitmentChain public immutable STATE_COMMITMENT_CHAIN;
    /// @notice Says which batches there are.
    ICanonicalTransactionChain public immutable CANONICAL_TRANSACTION_CHAIN;
    /// @notice Executes single steps.
    IMachineStep public immutable MACHINE_STEP;
    /// @notice Root of the program's memory at its start.
    bytes32 public immutable PROGRAM_ROOT;
    /// @notice Where the program starts.
    uint64 public immutable PROGRAM_ENTRY;
    /// @notice How long a side may think on a branch, all its moves together, in L1 blocks.
    uint24 public immutable CLOCK;
    /// @notice How long it has at least for each move, in L1 blocks.
    uint24 public immutable EXTENSION;
    /// @notice The bond of an opening, in wei.
    uint96 public immutable BOND;

    mapping(bytes32 id => Record) private _records;
    mapping(address account => uint256) private _bonds;

    constructor(
        IStateCommitmentChain stateCommitmentChain,
        ICanonicalTransactionChain canonicalTransactionChain,
        IMachineStep machineStep,
        bytes32 programRoot,
        uint64 programEntry,
        uint24 clock,
        uint24 extension,
        uint96 bond
    ) {
        if (extension > clock) revert ExtensionTooLong(extension, clock);
        STATE_COMMITMENT_CHAIN = stateCommitmentChain;
        CANONICAL_TRANSACTION_CHAIN = canonicalTransactionChain;
        MACHINE_STEP = machineStep;
        PROGRAM_ROOT = programRoot;
        PROGRAM_ENTRY = programEntry;
        CLOCK = clock;
        EXTENSION = extension;
        BOND = bond;
    }

    /// @inheritdoc IDisputeGame
    function open(
        Commitment calldata commitment,
        Commitment calldata parent,
        bytes32[] calldata checkpoints,
        uint64 position,
        bytes32[] calldata points,
        bytes calldata lastState
    ) external payable returns (bytes32 id) {
        bytes32 parentId = parent.id();
        if (parentId != commitment.parent) revert CommitmentMismatch(parentId, commitment.parent);
        bytes32 checkpointsHash = hashCheckpoints(checkpoints);
        if (checkpointsHash != commitment.checkpointsHash) {
            revert CheckpointsMismatch(checkpointsHash, commitment.checkpointsHash);
        }
        if (position >= checkpoints.length) revert PositionOutOfRange(position, checkpoints.length);
        bytes32 root = _rootOf(points);
        _checkContradiction(lastState, points[Segment.POINTS - 1], checkpoints[position]);

        Challenge memory challenge = Challenge({commitment: commitment.id(), position: position});
        bytes32 previous = position == 0 ? parent.outputRoot : checkpoints[position - 1];
        bytes32 batchHash = CANONICAL_TRANSACTION_CHAIN.batchHash(parent.batchCount + position);
        bytes32 input = Hashes.efficientKeccak256(previous, batchHash);
        Node memory node = Node({
            parent: challenge.id(),
            first: 0,
            start: MachineState.startHash(PROGRAM_ROOT, PROGRAM_ENTRY, input),
            pointsRoot: root
        });
        id = _post(node, 1, 0, points);
        emit ChallengeOpened(challenge.commitment, position, id);
        // Trusted. It refuses if the commitment is decided, or its window has passed.
        STATE_COMMITMENT_CHAIN.openChallenge(commitment);
    }

    /// @inheritdoc IDisputeGame
    function counter(Node calldata parent, Dispute calldata dispute, bytes32[] calldata points)
        external
        payable
        returns (bytes32 id)
    {
        (bytes32 parentId, Record memory record, uint24 used) = _counterable(parent);
        if (record.level == Segment.LEVELS) revert WrongLevel(record.level, Segment.LEVELS - 1);
        _checkDispute(parent, dispute);
        bytes32 root = _rootOf(points);
        if (points[Segment.POINTS - 1] == dispute.disputed) revert SameState(dispute.disputed);

        ++record.unresolved;
        _records[parentId] = record;

        // forge-lint: disable-next-line(unsafe-typecast) below 2^40
        uint64 first = parent.first + uint64(dispute.segment - 1) * Segment.spacing(record.level);
        Node memory node = Node({parent: parentId, first: first, start: dispute.agreed, pointsRoot: root});
        id = _post(node, record.level + 1, used, points);
    }

    /// @inheritdoc IDisputeGame
    function proveStep(Node calldata node, Dispute calldata dispute, bytes calldata witness) external {
        (bytes32 id, Record memory record,) = _counterable(node);
        if (record.level != Segment.LEVELS) revert WrongLevel(record.level, Segment.LEVELS);
        _checkDispute(node, dispute);
        // A view. It reverts if the witness is bad.
        bytes32 next = MACHINE_STEP.step(dispute.agreed, witness);
        if (next == dispute.disputed) revert SameState(next);

        record.status = NodeStatus.Refuted;
        _records[id] = record;
        --_records[node.parent].unresolved;
        emit StepProven(id, dispute.segment, msg.sender);
        emit NodeResolved(id, false);
        _forfeit(record.level, msg.sender);
    }

    /// @inheritdoc IDisputeGame
    function resolve(Commitment calldata commitment, uint64 position, Node[] calldata nodes) external {
        for (uint256 i; i < nodes.length; ++i) {
            Node calldata node = nodes[i];
            bytes32 id = node.id();
            Record memory record = _records[id];
            // Somebody was faster. Were it an error, who decides one node of each page first would spoil them all.
            if (record.status == NodeStatus.Refuted || record.status == NodeStatus.Stands) continue;
            bool stands = record.status != NodeStatus.Countered;
            if (stands) {
                _requireOpen(id, record);
                if (record.unresolved != 0) revert CountersOpen(id, record.unresolved);
                uint256 deadline = _deadlineOf(node, record);
                if (block.number <= deadline) revert ClockRunning(block.number, deadline);
            }
            record.status = stands ? NodeStatus.Stands : NodeStatus.Refuted;
            _records[id] = record;
            emit NodeResolved(id, stands);
            if (stands) _credit(record.author, bondFor(record.level));

            if (record.level == 1) _resolveOpening(commitment, position, node, record.author, stands);
            else _tellParent(node.parent, record.author, stands);
        }
    }

    /// @inheritdoc IDisputeGame
    function depositBond() external payable {
        _credit(msg.sender, msg.value);
    }

    /// @inheritdoc IDisputeGame
    function withdrawBond(address recipient, uint256 amount) external {
        uint256 free = _bonds[msg.sender];
        if (free < amount) revert InsufficientBond(free, amount);
        _bonds[msg.sender] = free - amount;
        emit BondWithdrawn(msg.sender, recipient, amount);
        // The recipient may call back in: all is written.
        (bool success,) = recipient.call{value: amount}("");
        if (!success) revert BondTransferFailed(recipient, amount);
    }

    /// @inheritdoc IDisputeGame
    function bondFor(uint8 level) public view returns (uint256) {
        return uint256(BOND) << (level - 1);
    }

    /// @inheritdoc IDisputeGame
    function bondOf(address account) external view returns (uint256) {
        return _bonds[account];
    }

    /// @inheritdoc IDisputeGame
    function nodeStatus(bytes32 id) external view returns (NodeStatus) {
        return _records[id].status;
    }

    /// @inheritdoc IDisputeGame
    function counterDeadline(Node calldata node) external view returns (uint256) {
        bytes32 id = node.id();
        Record memory record = _records[id];
        if (record.status == NodeStatus.Unknown) {
            revert UnexpectedNodeStatus(id, NodeStatus.Unknown, NodeStatus.Open);
        }
        return _deadlineOf(node, record);
    }

    /// @dev The opening's end must be anything but the end that the commitment stands for. That includes a run that did not end or
    /// ended otherwise: no true run does, so it only says that the commitment's author could not have known its checkpoint.
    function _checkContradiction(bytes calldata lastState, bytes32 last, bytes32 checkpoint) private pure {
        if (lastState.length != MachineState.SIZE) {
            revert LastStateLengthMismatch(lastState.length, MachineState.SIZE);
        }
        bytes32 received = keccak256(lastState);
        if (received != last) revert LastStateMismatch(received, last);
        (uint64 status, bytes32 output) = MachineState.endOf(lastState);
        if (status == MachineState.SUCCEEDED && output == checkpoint) revert NoContradiction(output);
    }

    /// @dev The root over the points of a node.
    function _rootOf(bytes32[] calldata points) private pure returns (bytes32) {
        if (points.length != Segment.POINTS) revert PointCountMismatch(points.length, Segment.POINTS);
        return Segment.root(points);
    }

    /// @dev The dispute must be about points of this node.
    function _checkDispute(Node calldata node, Dispute calldata dispute) private pure {
        uint256 segment = dispute.segment;
        if (segment == 0 || segment > Segment.POINTS) revert SegmentOutOfRange(segment, Segment.POINTS);
        uint256 expected = Segment.siblingsOf(segment);
        if (dispute.siblings.length != expected) revert SiblingCountMismatch(dispute.siblings.length, expected);
        if (segment == 1 && dispute.agreed != node.start) revert StartMismatch(dispute.agreed, node.start);
        bytes32 root = Segment.rootOf(dispute);
        if (root != node.pointsRoot) revert PointsMismatch(root, node.pointsRoot);
    }

    /// @dev A node that may be countered now, and what the other side's clock will then have used. The clock never takes the
    /// extension from the side that has just moved.
    function _counterable(Node calldata node) private view returns (bytes32 id, Record memory record, uint24 used) {
        id = node.id();
        record = _records[id];
        _requireOpen(id, record);
        uint256 deadline = _deadlineOf(node, record);
        if (block.number > deadline) revert ClockExpired(block.number, deadline);
        // In time, so all of it is at most `CLOCK`.
        uint256 all = _records[node.parent].used + block.number - record.postedAt;
        // forge-lint: disable-next-line(unsafe-typecast) below `CLOCK`
        used = uint24(Math.min(all, CLOCK - EXTENSION));
    }

    /// @dev Until when a node may be countered. The parent's author is on the side that would; an opening's parent has no record,
    /// and that side a full clock.
    function _deadlineOf(Node calldata node, Record memory record) private view returns (uint256) {
        return uint256(record.postedAt) + CLOCK - _records[node.parent].used;
    }

    function _requireOpen(bytes32 id, Record memory record) private pure {
        if (record.status != NodeStatus.Open) revert UnexpectedNodeStatus(id, record.status, NodeStatus.Open);
    }

    /// @dev Takes the bond for a node and keeps it.
    function _post(Node memory node, uint8 level, uint24 used, bytes32[] calldata points) private returns (bytes32 id) {
        id = node.id();
        if (_records[id].status != NodeStatus.Unknown) revert NodeAlreadyPosted(id);
        _records[id] = Record({
            author: msg.sender,
            // forge-lint: disable-next-line(unsafe-typecast) the number of an L1 block
            postedAt: uint32(block.number),
            used: used,
            unresolved: 0,
            level: level,
            status: NodeStatus.Open
        });
        uint256 bond = bondFor(level);
        if (msg.value != bond) {
            uint256 free = _bonds[msg.sender] + msg.value;
            if (free < bond) revert InsufficientBond(free, bond);
            _bonds[msg.sender] = free - bond;
        }
        emit NodePosted(id, node.parent, msg.sender, node, points);
    }

    /// @dev A counter was decided. If it is the first to stand, its author gets the bond of the node that it counters.
    function _tellParent(bytes32 parentId, address author, bool stands) private {
        Record memory parent = _records[parentId];
        --parent.unresolved;
        bool counters = stands && parent.status == NodeStatus.Open;
        if (counters) parent.status = NodeStatus.Countered;
        _records[parentId] = parent;
        if (counters) _forfeit(parent.level, author);
    }

    /// @dev An opening was decided: the commitment falls, or has one challenge less.
    function _resolveOpening(
        Commitment calldata commitment,
        uint64 position,
        Node calldata opening,
        address author,
        bool stands
    ) private {
        bytes32 commitmentId = commitment.id();
        bytes32 challenge = Challenge({commitment: commitmentId, position: position}).id();
        if (challenge != opening.parent) revert ChallengeMismatch(challenge, opening.parent);
        // Trusted, both. A commitment that fell, by another opening or with its parent, cares no more.
        if (STATE_COMMITMENT_CHAIN.commitmentStatus(commitmentId) != CommitmentStatus.Proposed) return;
        if (stands) STATE_COMMITMENT_CHAIN.reject(commitment, author);
        else STATE_COMMITMENT_CHAIN.closeChallenge(commitmentId);
    }

    /// @dev The bond of a node that fell: half rewards, half is burned. Were it all a reward, its author could counter the node
    /// first, and lies would cost nothing.
    function _forfeit(uint8 level, address winner) private {
        uint256 bond = bondFor(level);
        uint256 reward = bond / 2;
        _credit(winner, reward);
        _credit(BURN, bond - reward);
    }

    function _credit(address account, uint256 amount) private {
        _bonds[account] += amount;
        emit BondCredited(account, amount);
    }
}
