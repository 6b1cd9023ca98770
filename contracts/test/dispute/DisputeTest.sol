// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Challenge} from "../../src/dispute/Challenge.sol";
import {Node} from "../../src/dispute/Node.sol";
import {Dispute, Segment} from "../../src/dispute/Segment.sol";
import {Commitment, hashCheckpoints} from "../../src/types/Commitment.sol";
import {Deploy} from "../../../script/Deploy.s.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {MachineTest} from "./MachineTest.sol";

/// @notice The system with a dispute game over a small program, whose state after any number of steps is known without running
/// it: it counts to `COUNT` and ends with its input as its output, mixed with a word of its memory, which is zero at first. So the
/// L2 of these tests has the output `keccak(previous output ‖ batch hash)` after each batch, and `MachineStep` is the real one.
///
/// A false run is one with another input: the machine takes it along and never looks at it.
abstract contract DisputeTest is PosternTest, MachineTest {
    uint64 internal constant COUNT = 1000;
    /// The step after which the program has ended.
    uint64 internal constant END = LOOP_END + 11;
    /// The step after which it has counted.
    uint64 private constant LOOP_END = 2 * COUNT + 1;
    /// Where the word is that the output is mixed with.
    uint32 internal constant MIX = 0x20000000;
    uint256 private constant T2 = 7;
    uint256 private constant T3 = 28;

    address internal immutable CHALLENGER = makeAddr("challenger");
    address internal immutable LIAR = makeAddr("liar");

    bytes32 private mix;
    /// Commitment to the genesis output, on which all others build.
    Commitment internal genesis;

    function setUp() public virtual override(PosternTest, MachineTest) {
        MachineTest.setUp();
        PosternTest.setUp();
        genesis.outputRoot = makeOutput({batchCount: 0, outboxRoot: 0}).root();
        vm.deal(CHALLENGER, 1000 ether);
        vm.deal(LIAR, 1000 ether);
    }

    function makeProgram() internal override returns (Deploy.Program memory) {
        // The loop is two instructions; it goes back while T0 < T1.
        uint32[14] memory code = [
            encodeI(0x13, 0, T1, 0, int256(uint256(COUNT))),
            encodeI(0x13, 0, T0, T0, 1),
            encodeB(6, T0, T1, -4),
            encodeU(0x37, T2, MIX),
            encodeI(0x03, 3, T3, T2, 0),
            encodeR(0x33, 4, 0, A0, A0, T3),
            encodeI(0x03, 3, T3, T2, 8),
            encodeR(0x33, 4, 0, A1, A1, T3),
            encodeI(0x03, 3, T3, T2, 16),
            encodeR(0x33, 4, 0, A2, A2, T3),
            encodeI(0x03, 3, T3, T2, 24),
            encodeR(0x33, 4, 0, A3, A3, T3),
            encodeI(0x13, 0, A7, 0, 93),
            ECALL
        ];
        for (uint256 i; i < code.length; ++i) {
            poke(ENTRY + 4 * i, littleEndian(code[i], 4));
        }
        fillMemory();
        return Deploy.Program({memoryRoot: memoryRoot(), entry: ENTRY});
    }

    /// @notice What else is in memory at the start of the program.
    function fillMemory() internal virtual {}

    /// @notice A game's implementation over this program.
    function deployGame(bytes32 program, uint24 extension) internal returns (address) {
        bytes memory arguments = abi.encode(
            stateCommitmentChain,
            canonicalTransactionChain,
            deployment.machineStep,
            program,
            ENTRY,
            CLOCK,
            extension,
            NODE_BOND
        );
        return create("DisputeGame.sol:DisputeGame", arguments);
    }

    // What the program does.

    /// @notice What a run with this input ends with, and the input of a run that ends with this.
    function outputOf(bytes32 input) internal view returns (bytes32) {
        return input ^ mix;
    }

    /// @notice Has the program mix its output with this word.
    function setMix(bytes32 word) internal {
        mix = word;
        for (uint64 i; i < 4; ++i) {
            poke(MIX + 8 * i, littleEndian(partOf(word, i), 8));
        }
    }

    /// @dev The part of a word that one of four registers has.
    function partOf(bytes32 word, uint256 part) private pure returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast) one of four parts
        return uint64(uint256(word) >> (64 * (3 - part)));
    }

    /// @notice The registers after so many steps of the run with this input; false if `lie` is not zero. It ends with the output
    /// of the input `input ^ lie`.
    function registersAt(uint64 step, bytes32 input, bytes32 lie) internal view returns (Registers memory registers) {
        input ^= lie;
        for (uint256 i; i < 4; ++i) {
            registers.x[A0 + i] = partOf(input, i);
        }
        registers.pc = ENTRY;
        if (step == 0) return registers;
        registers.x[T1] = COUNT;
        // One instruction before the loop, two in each round.
        uint64 rounds = step / 2;
        registers.x[T0] = rounds > COUNT ? COUNT : rounds;
        if (step < LOOP_END) {
            registers.pc = ENTRY + (step & 1 == 1 ? 4 : 8);
            return registers;
        }
        uint64 since = step < END ? step - LOOP_END : END - LOOP_END;
        // The last instruction is one that the machine stays at.
        registers.pc = ENTRY + 12 + 4 * (since < 10 ? since : 10);
        if (since > 0) registers.x[T2] = MIX;
        for (uint256 i; i < 4; ++i) {
            if (since > 2 * i + 1) registers.x[T3] = partOf(mix, i);
            if (since > 2 * i + 2) registers.x[A0 + i] ^= registers.x[T3];
        }
        if (since > 9) registers.x[A7] = 93;
        if (since > 10) registers.status = 1;
    }

    function stateAt(uint64 step, bytes32 input, bytes32 lie) internal view returns (bytes32) {
        return hashOf(registersAt(step, input, lie));
    }

    /// @notice States at the points of the part of a run that begins at `first`, the spacing being that of this level: of the true
    /// run up to the step `lastTrue`, of the false one after it.
    function pointsOf(uint64 first, uint8 level, bytes32 input, bytes32 lie, uint64 lastTrue)
        internal
        view
        returns (bytes32[] memory points)
    {
        points = new bytes32[](Segment.POINTS);
        uint64 spacing = Segment.spacing(level);
        for (uint64 i; i < points.length; ++i) {
            uint64 step = first + (i + 1) * spacing;
            points[i] = stateAt(step, input, step <= lastTrue ? bytes32(0) : lie);
        }
    }

    function truePoints(uint64 first, uint8 level, bytes32 input) internal view returns (bytes32[] memory) {
        return pointsOf(first, level, input, 0, 0);
    }

    /// @notice All bytes of the state in which a run ends.
    function endOf(bytes32 input, bytes32 lie) internal view returns (bytes memory) {
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
            previous = checkpoints[i] = outputOf(inputOf(previous, i));
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

    /// @notice A commitment whose last checkpoint is that of another input.
    /// @dev `input` is that of the run over the last batch.
    function proposeLie(uint256 count, bytes32 lie)
        internal
        returns (Commitment memory commitment, bytes32[] memory checkpoints, bytes32 input)
    {
        checkpoints = makeCheckpoints(count);
        input = outputOf(checkpoints[count - 1]);
        checkpoints[count - 1] ^= lie;
        commitment = proposeCheckpoints(LIAR, checkpoints);
    }

    /// @notice Posts counters in turn, the liar first, until the last level, which is the liar's: it says that the run is false
    /// after the step `lastTrue`, and true up to it.
    /// @param opening The challenger's, true.
    /// @return nodes All of them, the deepest last.
    /// @return last What disputes the step in which the lie is.
    function playDown(Node memory opening, bytes32 input, bytes32 lie, uint64 lastTrue)
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
            points = pointsOf(first, level + 1, input, lies ? lie : bytes32(0), lastTrue);
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
