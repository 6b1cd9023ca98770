// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {TransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {Challenge} from "../../src/dispute/Challenge.sol";
import {DisputeGame} from "../../src/dispute/DisputeGame.sol";
import {Node} from "../../src/dispute/Node.sol";
import {Dispute, Segment} from "../../src/dispute/Segment.sol";
import {Commitment, hashCheckpoints} from "../../src/types/Commitment.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {MachineTest} from "./MachineTest.sol";

/// @notice The system with a dispute game over a small program, whose state after any number of steps is known without running
/// it: it counts to `COUNT` and ends with its input as its output. So the L2 of these tests has the output
/// `keccak(previous output ‖ batch hash)` after each batch, and `MachineStep` is the real one.
///
/// A false run is one with another input in `a3`: the machine takes it along and never looks at it.
abstract contract DisputeTest is PosternTest, MachineTest {
    uint64 internal constant COUNT = 1000;
    /// The step after which the program has ended.
    uint64 internal constant END = 2 * COUNT + 3;

    uint24 internal constant CLOCK = 25_200;
    uint24 internal constant EXTENSION = 5040;
    uint96 internal constant NODE_BOND = 0.05 ether;

    address internal immutable CHALLENGER = makeAddr("challenger");
    address internal immutable LIAR = makeAddr("liar");

    DisputeGame internal game;
    /// Commitment to the genesis output, on which all others build.
    Commitment internal genesis;

    function setUp() public virtual override(PosternTest, MachineTest) {
        PosternTest.setUp();
        MachineTest.setUp();
        poke(
            ENTRY,
            bytes.concat(
                // The loop is two instructions; it goes back while T0 < T1.
                littleEndian(encodeI(0x13, 0, T1, 0, int256(uint256(COUNT))), 4),
                littleEndian(encodeI(0x13, 0, T0, T0, 1), 4),
                littleEndian(encodeB(6, T0, T1, -4), 4),
                littleEndian(encodeI(0x13, 0, A7, 0, 93), 4),
                littleEndian(ECALL, 4)
            )
        );
        fillMemory();
        DisputeGame implementation = new DisputeGame(
            stateCommitmentChain, canonicalTransactionChain, machine, memoryRoot(), ENTRY, CLOCK, EXTENSION, NODE_BOND
        );
        // A proxy of it, where the chain expects it. There is nothing to initialize, but a proxy insists on a call.
        address proxy = address(
            new TransparentUpgradeableProxy(
                address(implementation), address(timelock), abi.encodeCall(implementation.CLOCK, ())
            )
        );
        vm.etch(DISPUTE_GAME, proxy.code);
        vm.store(DISPUTE_GAME, ERC1967Utils.IMPLEMENTATION_SLOT, bytes32(uint256(uint160(address(implementation)))));
        game = DisputeGame(DISPUTE_GAME);
        genesis.outputRoot = makeOutput({batchCount: 0, outboxRoot: 0}).root();
        vm.deal(CHALLENGER, 1000 ether);
        vm.deal(LIAR, 1000 ether);
    }

    /// @notice What else is in memory at the start of the program.
    function fillMemory() internal virtual {}

    // What the program does.

    /// @notice The registers after so many steps of the run with this input; false if `lie` is not zero. It ends with the output
    /// `input ^ lie`.
    function registersAt(uint64 step, bytes32 input, uint64 lie) internal pure returns (Registers memory registers) {
        for (uint256 i; i < 4; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast) one of four parts
            registers.x[A0 + i] = uint64(uint256(input) >> (64 * (3 - i)));
        }
        registers.x[A3] ^= lie;
        registers.pc = ENTRY;
        if (step == 0) return registers;
        registers.x[T1] = COUNT;
        // One instruction before the loop, two in each round.
        uint64 rounds = step / 2;
        registers.x[T0] = rounds > COUNT ? COUNT : rounds;
        if (step <= 2 * COUNT) {
            registers.pc = ENTRY + (step & 1 == 1 ? 4 : 8);
        } else if (step == 2 * COUNT + 1) {
            registers.pc = ENTRY + 12;
        } else {
            registers.pc = ENTRY + 16;
            registers.x[A7] = 93;
            if (step >= END) registers.status = 1;
        }
    }

    function stateAt(uint64 step, bytes32 input, uint64 lie) internal view returns (bytes32) {
        return hashOf(registersAt(step, input, lie));
    }

    /// @notice States at the points of the part of a run that begins at `first`, the spacing being that of this level: of the true
    /// run up to the step `lastTrue`, of the false one after it.
    function pointsOf(uint64 first, uint8 level, bytes32 input, uint64 lie, uint64 lastTrue)
        internal
        view
        returns (bytes32[] memory points)
    {
        points = new bytes32[](Segment.POINTS);
        uint64 spacing = Segment.spacing(level);
        for (uint64 i; i < points.length; ++i) {
            uint64 step = first + (i + 1) * spacing;
            points[i] = stateAt(step, input, step <= lastTrue ? 0 : lie);
        }
    }

    function truePoints(uint64 first, uint8 level, bytes32 input) internal view returns (bytes32[] memory) {
        return pointsOf(first, level, input, 0, 0);
    }

    /// @notice All bytes of the state in which a run ends.
    function endOf(bytes32 input, uint64 lie) internal view returns (bytes memory) {
        return bytes.concat(memoryRoot(), encode(registersAt(END, input, lie)));
    }

    // What the L2 comes to.

    /// @notice The input of the run over the batch at `index`.
    function inputOf(bytes32 previous, uint64 index) internal view returns (bytes32) {
        return keccak256(abi.encode(previous, canonicalTransactionChain.batchHash(index)));
    }

    /// @notice So many batches, and the outputs after each.
    function makeCheckpoints(uint256 count) internal returns (bytes32[] memory checkpoints) {
        checkpoints = new bytes32[](count);
        bytes32 previous = genesis.outputRoot;
        for (uint64 i; i < count; ++i) {
            mine(1);
            appendBatch("");
            previous = checkpoints[i] = inputOf(previous, i);
        }
    }

    /// @notice Commits to these checkpoints, on genesis.
    function proposeCheckpoints(address proposer, bytes32[] memory checkpoints)
        internal
        returns (Commitment memory commitment)
    {
        uint64 count = uint64(checkpoints.length);
        commitment = Commitment({
            parent: genesis.id(),
            batchHash: canonicalTransactionChain.batchHash(count - 1),
            batchCount: count,
            outputRoot: checkpoints[count - 1],
            checkpointsHash: hashCheckpoints(checkpoints),
            proposer: proposer
        });
        vm.deal(proposer, proposer.balance + BOND);
        vm.prank(proposer);
        stateCommitmentChain.propose{value: BOND}(commitment.parent, commitment.batchHash, checkpoints);
    }

    // Moves.

    function openingOf(Commitment memory commitment, uint64 position, bytes32 input, bytes32[] memory points)
        internal
        view
        returns (Node memory)
    {
        return Node({
            parent: Challenge(commitment.id(), position).id(),
            first: 0,
            start: stateAt(0, input, 0),
            pointsRoot: ReferenceTree.root(points)
        });
    }

    /// @notice The node that counters a point of `parent`, which is at this level.
    function counterOf(Node memory parent, uint8 level, Dispute memory dispute, bytes32[] memory points)
        internal
        pure
        returns (Node memory)
    {
        return Node({
            parent: parent.id(),
            // forge-lint: disable-next-line(unsafe-typecast) at most 32
            first: parent.first + uint64(dispute.segment - 1) * Segment.spacing(level),
            start: dispute.agreed,
            pointsRoot: ReferenceTree.root(points)
        });
    }

    /// @notice Disputes a point of a node, counted from 1.
    function disputeOf(Node memory node, bytes32[] memory points, uint256 segment)
        internal
        pure
        returns (Dispute memory dispute)
    {
        dispute.segment = segment;
        dispute.disputed = points[segment - 1];
        dispute.agreed = segment == 1 ? node.start : points[segment - 2];
        uint256[] memory indices;
        if (segment == 1) {
            indices = new uint256[](1);
        } else {
            indices = new uint256[](2);
            indices[0] = segment - 2;
            indices[1] = segment - 1;
        }
        dispute.siblings = ReferenceTree.multiproof(points, indices);
    }

    // Whole disputes.

    /// @notice A commitment whose last checkpoint is `input ^ lie`.
    function proposeLie(uint256 count, uint64 lie)
        internal
        returns (Commitment memory commitment, bytes32[] memory checkpoints, bytes32 input)
    {
        checkpoints = makeCheckpoints(count);
        input = checkpoints[count - 1];
        checkpoints[count - 1] = bytes32(uint256(input) ^ lie);
        commitment = proposeCheckpoints(LIAR, checkpoints);
    }

    /// @notice Posts counters in turn, the liar first, until the last level, which is the liar's: it says that the run is false
    /// after the step `lastTrue`, and true up to it.
    /// @param opening The challenger's, true.
    /// @return nodes All of them, the deepest last.
    /// @return last What disputes the step in which the lie is.
    function playDown(Node memory opening, bytes32 input, uint64 lie, uint64 lastTrue)
        internal
        returns (Node[] memory nodes, Dispute memory last)
    {
        nodes = new Node[](Segment.LEVELS);
        nodes[0] = opening;
        bytes32[] memory points = truePoints(0, 1, input);
        for (uint8 level = 1; level < Segment.LEVELS; ++level) {
            Node memory parent = nodes[level - 1];
            Dispute memory dispute = disputeOf(parent, points, segmentOf(parent, level, lastTrue));
            bool lies = level & 1 == 1;
            uint64 first = parent.first + uint64(dispute.segment - 1) * Segment.spacing(level);
            points = pointsOf(first, level + 1, input, lies ? lie : 0, lastTrue);
            nodes[level] = counterOf(parent, level, dispute, points);
            counterBy(lies ? LIAR : CHALLENGER, parent, dispute, points, game.bondFor(level + 1));
        }
        Node memory deepest = nodes[Segment.LEVELS - 1];
        last = disputeOf(deepest, points, segmentOf(deepest, Segment.LEVELS, lastTrue));
    }

    /// @notice The first segment of a node with a point after the step `lastTrue`.
    function segmentOf(Node memory node, uint8 level, uint64 lastTrue) internal pure returns (uint256) {
        return 1 + (lastTrue - node.first) / Segment.spacing(level);
    }

    function counterBy(
        address author,
        Node memory parent,
        Dispute memory dispute,
        bytes32[] memory points,
        uint256 bond
    ) internal virtual {
        vm.prank(author, author);
        game.counter{value: bond}(parent, dispute, points);
    }

    /// @notice The deepest first.
    function reversed(Node[] memory nodes, uint256 count) internal pure returns (Node[] memory pages) {
        pages = new Node[](count);
        for (uint256 i; i < count; ++i) {
            pages[i] = nodes[count - 1 - i];
        }
    }
}
