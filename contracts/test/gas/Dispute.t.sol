// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Node} from "../../src/dispute/Node.sol";
import {Dispute, Segment} from "../../src/dispute/Segment.sol";
import {Commitment, CommitmentStatus} from "../../src/types/Commitment.sol";
import {DisputeTest} from "../dispute/DisputeTest.sol";

/// @notice What a dispute costs, move by move, as transactions of their own to the deployed proxy, like the figures of `PeersTest` and
/// in the same file.
///
/// Measured is the longest form of each move: the disputed point is the one in the middle, which takes most siblings; the step
/// is a load whose witness has every sibling, as in `MachineGasTest`. States are random but where it matters: L1 looks at no
/// other.
contract DisputeGasTest is DisputeTest {
    /// Of the points of a node, that which needs most siblings to be shown.
    uint256 private constant MIDDLE = Segment.POINTS / 2 + 1;
    uint64 private constant CHECKPOINTS = 12;

    /// Where the load is, in the other half of memory.
    uint64 private constant FAR = 0x40000000;

    /// Of the mapping of free bonds.
    uint256 private constant BONDS_SLOT = 1;

    Registers private loading;
    uint256 private total;

    function fillMemory() internal override {
        poke(FAR, littleEndian(encodeI(0x03, 3, RA, A0, 0), 4));
        poke(PLACE, abi.encode(keccak256("data")));
        for (uint256 level; level < DEPTH; ++level) {
            setLeaf((FAR >> 5) ^ (1 << level), keccak256(abi.encode("code", level)));
            setLeaf((PLACE >> 5) ^ (1 << level), keccak256(abi.encode("data", level)));
        }
        loading.pc = FAR;
        for (uint256 i = 1; i < 32; ++i) {
            loading.x[i] = uint64(uint256(keccak256(abi.encode(i))));
        }
        loading.x[A0] = PLACE;
    }

    function test_Dispute() public {
        // Something was burned before.
        address burn = stateCommitmentChain.BURN_ADDRESS();
        vm.store(address(game), keccak256(abi.encode(burn, BONDS_SLOT)), bytes32(uint256(1)));
        assertEq(game.bondOf(burn), 1);
        (Commitment memory commitment, bytes32[] memory checkpoints, bytes32 input) =
            proposeLie(CHECKPOINTS, bytes32(uint256(1)));
        Node[] memory nodes = new Node[](Segment.LEVELS);
        bytes32[] memory points = pointsAt(0);
        bytes memory last = endOf(input, 0);
        points[Segment.POINTS - 1] = keccak256(last);
        nodes[0] = openingOf(commitment, CHECKPOINTS - 1, input, points);
        vm.prank(CHALLENGER, CHALLENGER);
        game.open{value: NODE_BOND}(commitment, genesis, checkpoints, CHECKPOINTS - 1, points, last);
        record("game_open", 160_000);

        for (uint8 level = 1; level < Segment.LEVELS; ++level) {
            Dispute memory dispute = disputeOf(nodes[level - 1], points, MIDDLE);
            points = pointsAt(level);
            uint256 bond = game.bondFor(level + 1);
            counterBy(level & 1 == 1 ? LIAR : CHALLENGER, nodes[level - 1], dispute, points, bond);
            record("game_counter", 130_000);
            nodes[level] = counterOf(nodes[level - 1], level, dispute, points);
        }

        Dispute memory step = disputeOf(nodes[Segment.LEVELS - 1], points, MIDDLE);
        bytes memory witness = witnessOf(loading, "");
        vm.prank(CHALLENGER, CHALLENGER);
        game.proveStep(nodes[Segment.LEVELS - 1], step, witness);
        record("game_one_step", 160_000);

        vm.roll(vm.getBlockNumber() + 2 * CLOCK);
        Node[] memory page = reversed(nodes, Segment.LEVELS - 1);
        vm.prank(CHALLENGER, CHALLENGER);
        game.resolve(commitment, CHECKPOINTS - 1, page);
        record("game_resolve_7_nodes", 400_000);
        assertTrue(stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected);

        uint256 won = game.bondOf(CHALLENGER);
        vm.prank(CHALLENGER, CHALLENGER);
        game.withdrawBond(CHALLENGER, won);
        record("game_withdraw_bond", 100_000);
        vm.prank(CHALLENGER, CHALLENGER);
        stateCommitmentChain.withdrawBond(CHALLENGER, BOND / 2);
        total += vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("Peers", "dispute_total", total);
        assertLe(total, 2_500_000, "dispute_total");
    }

    /// @dev Random states; before the middle one that loads.
    function pointsAt(uint256 level) private view returns (bytes32[] memory points) {
        points = new bytes32[](Segment.POINTS);
        for (uint256 i; i < points.length; ++i) {
            points[i] = keccak256(abi.encode(level, i));
        }
        points[MIDDLE - 2] = hashOf(loading);
    }

    function record(string memory key, uint256 limit) private {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertGt(used, 21_000, "measures whole transactions: run with --isolate");
        total += used;
        vm.snapshotValue("Peers", key, used);
        assertLe(used, limit, key);
    }
}
