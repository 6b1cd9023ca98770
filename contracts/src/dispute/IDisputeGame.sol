// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Commitment} from "../types/Commitment.sol";
import {Node, NodeStatus} from "./Node.sol";
import {Dispute} from "./Segment.sol";

/// @title Disputes about commitments
/// @notice A run of the program over one batch is cut into ever smaller parts, until a single step decides, which L1 executes.
///
/// A *node* asserts the states of the machine at 32 points of a part of the run. An *opening* does so for the whole run, and ends
/// in a state that contradicts the commitment. A *counter* agrees with a node up to some point, disagrees with the next, and asserts
/// the states in between in its own way. At the last level only the step itself counters. There is nothing else: no attack and no
/// defence, whoever is right counters what is wrong.
///
/// A node stands if no counter to it stands. A commitment with a standing opening is rejected. Every node carries a bond, which
/// goes back to its author if it stands. If not, half of it goes to the author of a counter that stands, and half is burned.
///
/// Clocks run in L1 blocks, one per side and branch: blocks that L1 misses, as it would under attack, cost nobody any time.
/// @dev Trust: one honest party that gets one transaction into L1 per clock, and has the bonds. It never loses any: what is true
/// stands. The shape of the game is that of BoLD and of Cannon, reduced to counters; `docs/disputes.md` has the reasons.
interface IDisputeGame {
    /// A commitment is disputed at the batch of one of its checkpoints. `opening` is the id of the node that opened it.
    event ChallengeOpened(bytes32 indexed commitment, uint64 indexed position, bytes32 indexed opening);
    /// A node was posted.
    event NodePosted(bytes32 indexed id, bytes32 indexed parent, address indexed author, Node node, bytes32[] points);
    /// A step of a node of the last level was shown to be wrong.
    event StepProven(bytes32 indexed id, uint256 segment, address indexed prover);
    /// A node was decided.
    event NodeResolved(bytes32 indexed id, bool stands);
    /// Bond became `account`'s, in wei.
    event BondCredited(address indexed account, uint256 amount);
    /// Bond of `account` was paid out, in wei.
    event BondWithdrawn(address indexed account, address indexed recipient, uint256 amount);

    /// On construction: a side would have longer for a move than for all of them. In L1 blocks.
    error ExtensionTooLong(uint24 received, uint24 maximum);
    /// The parent is not the one that the commitment builds on.
    error CommitmentMismatch(bytes32 received, bytes32 expected);
    /// The checkpoints are not those of the commitment.
    error CheckpointsMismatch(bytes32 received, bytes32 expected);
    /// There is no such checkpoint.
    error PositionOutOfRange(uint256 received, uint256 count);
    /// The last state has another number of bytes.
    error LastStateLengthMismatch(uint256 received, uint256 expected);
    /// The last state is not the one that the points end with.
    error LastStateMismatch(bytes32 received, bytes32 expected);
    /// The last state is what the commitment says too: the program ended with this output.
    error NoContradiction(bytes32 output);
    /// A node has another number of points.
    error PointCountMismatch(uint256 received, uint256 expected);
    /// There is no such segment.
    error SegmentOutOfRange(uint256 received, uint256 maximum);
    /// Two neighbouring points are shown by another number of siblings.
    error SiblingCountMismatch(uint256 received, uint256 expected);
    /// The points are not those of the node.
    error PointsMismatch(bytes32 received, bytes32 expected);
    /// The first segment begins with the node's start.
    error StartMismatch(bytes32 received, bytes32 expected);
    /// A counter must end in another state than the one it disputes.
    error SameState(bytes32 state);
    /// The same assertion was posted before, by whomever.
    error NodeAlreadyPosted(bytes32 id);
    /// The node is not in the state that the call needs.
    error UnexpectedNodeStatus(bytes32 id, NodeStatus received, NodeStatus expected);
    /// Nodes of the last level are countered by a step, all others by nodes.
    error WrongLevel(uint8 received, uint8 expected);
    /// The time to counter the node has passed. In L1 blocks.
    error ClockExpired(uint256 received, uint256 deadline);
    /// The node may still be countered. In L1 blocks.
    error ClockRunning(uint256 received, uint256 deadline);
    /// Counters to the node are not decided yet.
    error CountersOpen(bytes32 id, uint256 count);
    /// An opening is of another challenge.
    error ChallengeMismatch(bytes32 received, bytes32 expected);
    /// Bond in wei: what was sent and what was free do not suffice.
    error InsufficientBond(uint256 received, uint256 expected);
    /// The recipient did not take the bond.
    error BondTransferFailed(address recipient, uint256 amount);

    /// @notice Disputes one batch of a commitment, while its window is open. By anyone, with the bond of level 1.
    /// @param commitment The commitment.
    /// @param parent The one it builds on.
    /// @param checkpoints Of the commitment.
    /// @param position Of the false one, the first of the false ones.
    /// @param points States of the machine at the points of the whole run.
    /// @param lastState The state of 296 bytes that the last point is the hash of.
    /// @return id Of the opening.
    function open(
        Commitment calldata commitment,
        Commitment calldata parent,
        bytes32[] calldata checkpoints,
        uint64 position,
        bytes32[] calldata points,
        bytes calldata lastState
    ) external payable returns (bytes32 id);

    /// @notice Counters a node above the last level. By anyone, with the bond of the next level.
    /// @param parent The node.
    /// @param dispute Its first point that is wrong, and the one before.
    /// @param points States at the points between the two, the last of them in place of the disputed one.
    /// @return id Of the counter.
    function counter(Node calldata parent, Dispute calldata dispute, bytes32[] calldata points)
        external
        payable
        returns (bytes32 id);

    /// @notice Shows a step of a node of the last level to be wrong, which decides the node and pays its bond to the caller.
    /// @param node The node.
    /// @param dispute Its first point that is wrong, and the one before.
    /// @param witness Of the step between them, for `MachineStep`.
    function proveStep(Node calldata node, Dispute calldata dispute, bytes calldata witness) external;

    /// @notice Decides nodes of one challenge, in the order given: the deepest first. By anyone; as many or few as one likes.
    /// A standing opening rejects the commitment.
    /// @param commitment The commitment, which matters for openings alone.
    /// @param position Of the disputed checkpoint, likewise.
    /// @param nodes To be decided: open with all counters decided and the clock expired, or countered. What is decided already is
    /// passed over.
    function resolve(Commitment calldata commitment, uint64 position, Node[] calldata nodes) external;

    /// @notice Adds to the caller's free bond, of which moves take what is not sent along.
    function depositBond() external payable;

    /// @notice Pays out free bond of the caller.
    function withdrawBond(address recipient, uint256 amount) external;

    /// @notice The bond for a node at this level, in wei: twice that of the level before.
    function bondFor(uint8 level) external view returns (uint256);

    /// @notice Free bond of an account, in wei.
    function bondOf(address account) external view returns (uint256);

    /// @notice What came of a node.
    function nodeStatus(bytes32 id) external view returns (NodeStatus);

    /// @notice The last L1 block in which a node may be countered.
    function counterDeadline(Node calldata node) external view returns (uint256);
}
