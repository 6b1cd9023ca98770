// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStateCommitmentChain} from "../../src/chain/IStateCommitmentChain.sol";
import {NodeStatus} from "../../src/dispute/Node.sol";
import {Segment} from "../../src/dispute/Segment.sol";
import {CommitmentStatus} from "../../src/types/Commitment.sol";
import {DisputeHandler} from "../invariant/DisputeHandler.sol";

/// @notice What disputes promise, each at its worst. `DisputeInvariants` has the same under random play.
contract DisputePromisesTest is DisputeHandler {
    uint8 private constant FORGED = 1;
    /// The attacker agrees with the truth for so many steps.
    uint64 private constant LAST_TRUE = 1234;

    // Who wins, and when.

    /// Both sides make each move in the last block that they have, beginning with the challenge.
    function test_FalseCommitmentIsNeverFinal() public {
        uint256 claim = proposeForged();
        rollTo(claims[claim].proposedBlock + WINDOW_BLOCKS - 1);
        assertTrue(this.open(HONEST, claim, 0));
        duelToTheLastBlock(claim);

        uint256 last = posted.length - 1;
        assertEq(posted[last].author, hostile[0]);
        rollTo(game.counterDeadline(posted[last].node));
        assertTrue(this.answer(HONEST, last));
        resolveAll();
        assertStatus(claim, CommitmentStatus.Rejected);
        assertEq(vm.getBlockNumber(), claims[claim].proposedBlock + BOUND - 1);
        assertEq(stateCommitmentChain.bondOf(HONEST), BOND / 2);
    }

    /// In the very block that the bound names, and not before.
    function test_TrueCommitmentIsFinal() public {
        rollTo(claims[0].proposedBlock + WINDOW_BLOCKS - 1);
        assertTrue(this.open(hostile[0], 0, labelsFrom(0, FORGED)));
        duelToTheLastBlock(0);
        assertEq(posted[posted.length - 1].author, HONEST);

        rollTo(claims[0].proposedBlock + BOUND - 1);
        resolveAll();
        finalizeAll();
        assertStatus(0, CommitmentStatus.Proposed);
        mine(1);
        resolveAll();
        finalizeAll();
        assertStatus(0, CommitmentStatus.Final);
        assertEq(bridge.finalRoot(claims[0].commitment.id()), outputAt(0).outboxRoot);
    }

    /// Whoever plays both sides leaves nothing to do but the last step.
    function test_BothSidesByOne() public {
        uint256 claim = proposeForged();
        assertTrue(this.open(hostile[0], claim, 0));
        for (uint8 level = 1; level < Segment.LEVELS; level += 2) {
            lieAbout(posted.length - 1);
            if (level + 1 < Segment.LEVELS) assertTrue(this.answer(hostile[1], posted.length - 1));
        }
        wait(BOUND);
        look();
        assertStatus(claim, CommitmentStatus.Rejected);
        assertStatus(0, CommitmentStatus.Final);
        assertEq(posted.length, Segment.LEVELS);
        assertEq(honestBonds, 0);
        assertEq(game.bondOf(HONEST), game.bondFor(Segment.LEVELS) / 2);
    }

    /// L1 misses every other slot: the seven days are over, the window is not.
    function test_MissedSlotsStretchTheWindow() public {
        uint256 claim = proposeForged();
        Claim storage forged = claims[claim];
        (uint64 time, uint64 blockNumber) = stateCommitmentChain.finalizableAt(forged.commitment.id());
        vm.warp(time + WINDOW_SECONDS - 24);
        vm.roll(blockNumber - 1);
        bytes memory reason =
            abi.encodeWithSelector(IStateCommitmentChain.WindowOpenInBlocks.selector, blockNumber - 1, blockNumber);
        vm.expectRevert(reason);
        stateCommitmentChain.finalize(forged.commitment, outputAt(FORGED));
        // Still in time.
        assertTrue(this.open(HONEST, claim, 0));

        // No slot at all for a week: the clock of the other side stands still.
        vm.warp(vm.getBlockTimestamp() + 7 days);
        assertFalse(this.resolve(0));
        mine(CLOCK + 1);
        assertTrue(this.resolve(0));
        assertStatus(claim, CommitmentStatus.Rejected);
    }

    // Bonds.

    function test_NoHonestBondIsLost() public {
        attackAtEveryLevel();
        uint256 rewards;
        for (uint256 i; i < posted.length; ++i) {
            bool stands = game.nodeStatus(posted[i].node.id()) == NodeStatus.Stands;
            assertEq(stands, posted[i].author == HONEST);
            if (!stands) rewards += game.bondFor(posted[i].level) / 2;
        }
        assertEq(game.bondOf(HONEST), honestBonds + rewards);
    }

    function test_BondsInAreBondsOut() public {
        attackAtEveryLevel();
        uint256 burned = game.bondOf(stateCommitmentChain.BURN_ADDRESS());
        assertEq(burned, hostileBonds / 2);
        withdraw(HONEST, game.bondOf(HONEST));
        assertEq(bondsIn, bondsOut + burned);
        assertEq(address(game).balance, burned, "nothing else is left");
    }

    /// @dev Two attacks on every true node, down to the last step.
    function attackAtEveryLevel() private {
        uint256 claim = proposeForged();
        wait(patience);
        for (uint8 level = 1; level < Segment.LEVELS; level += 2) {
            uint256 count = posted.length;
            for (uint256 place; place < count; ++place) {
                if (posted[place].level != level) continue;
                lieAbout(place);
                assertTrue(this.counter(hostile[1], place, Segment.POINTS, labelsFrom(Segment.POINTS - 1, FORGED + 1)));
            }
            wait(patience);
        }
        assertEq(posted.length, 1 + 2 + 2 + 4 + 4 + 8 + 8 + 16, "of eight levels");
        assertEq(reached["step proven"], 16);
        wait(BOUND);
        look();
        assertStatus(claim, CommitmentStatus.Rejected);
    }

    /// The factor is reached: who answers has twice at stake at each level.
    function test_HonestPartyNeedsTwiceTheBonds() public {
        assertTrue(this.open(hostile[0], 0, labelsFrom(0, FORGED)));
        duelToTheLastBlock(0);
        uint256 bond = NODE_BOND;
        assertEq(hostileBonds, bond * (1 + 4 + 16 + 64));
        assertEq(honestBonds, bond * (2 + 8 + 32 + 128));
        assertEq(honestBonds, 2 * hostileBonds);
        checkFactor();
    }

    /// Whatever their number, the honest party needs twice what they lock, and is paid for it.
    function test_FiftySybils() public {
        for (uint256 i; i < 50; ++i) {
            assertTrue(this.open(vm.addr(i + 1), 0, labelsFrom(i % 31, FORGED) ^ bytes32(i << 64)));
        }
        assertEq(posted.length, 50);
        wait(patience);
        assertEq(posted.length, 100);
        assertEq(hostileBonds, 50 * NODE_BOND);
        assertEq(honestBonds, 2 * hostileBonds);
        wait(BOUND);
        look();
        assertStatus(0, CommitmentStatus.Final);
        assertEq(game.bondOf(HONEST), honestBonds + hostileBonds / 2);
    }

    /// Who copies a move locks the bond in the other's place. The move is refused to the other, and costs no bond.
    function test_CopiedMove() public {
        uint256 claim = proposeForged();
        assertTrue(this.open(hostile[0], claim, 0));
        assertFalse(this.open(HONEST, claim, 0));
        assertEq(address(game).balance, NODE_BOND);

        // What others posted is defended like one's own.
        lieAbout(0);
        look();
        assertEq(posted[2].author, HONEST);
        wait(BOUND);
        look();
        assertStatus(claim, CommitmentStatus.Rejected);
        assertEq(game.bondOf(HONEST), honestBonds + game.bondFor(2) / 2);
    }

    // Gas.

    /// What it takes to decide a node does not depend on how many there are, so a page of any size can be chosen.
    function test_ResolutionCostsTheSamePerNode() public {
        uint256 few = resolveSiblings(2);
        uint256 many = resolveSiblings(200);
        assertGt(few, 20_000);
        assertApproxEqAbs(few, many, 500, "a node with many counters");
    }

    /// @dev Decides so many counters to one node and then the node, and returns what the dearest took.
    function resolveSiblings(uint256 count) private returns (uint256 gas) {
        uint256 snapshot = vm.snapshotState();
        assertTrue(this.open(hostile[0], 0, labelsFrom(0, FORGED)));
        for (uint256 i; i < count; ++i) {
            assertTrue(this.counter(hostile[1], 0, 1 + i % Segment.POINTS, bytes32((i + 1) << 8)));
        }
        mine(CLOCK + 1);
        for (uint256 i = posted.length; i != 0; --i) {
            // As in a transaction of its own.
            vm.cool(address(game));
            vm.cool(address(stateCommitmentChain));
            assertTrue(this.resolve(i - 1));
        }
        gas = dearest;
        vm.revertToStateAndDelete(snapshot);
    }

    // Helpers.

    function proposeForged() private returns (uint256 claim) {
        claim = claims.length;
        propose(LIAR, FORGED);
    }

    /// @dev From an opening to the last level, in turn, each move in the last block that there is for it.
    function duelToTheLastBlock(uint256 claim) private {
        for (uint8 level = 1; level < Segment.LEVELS; ++level) {
            uint256 last = posted.length - 1;
            rollTo(game.counterDeadline(posted[last].node));
            if (posted[last].author == HONEST) lieAbout(last);
            else assertTrue(this.answer(HONEST, last));
            finalizeAll();
            assertStatus(claim, CommitmentStatus.Proposed);
        }
    }

    /// @dev Counters a true node with a run that is false after a certain step, or from the start if that is past.
    function lieAbout(uint256 place) private {
        Posted storage node = posted[place];
        uint256 segment = 1;
        uint256 agreed;
        if (node.node.first <= LAST_TRUE) {
            segment = segmentOf(node.node, node.level, LAST_TRUE);
            // forge-lint: disable-next-line(unsafe-typecast) at most 32
            uint64 first = node.node.first + uint64(segment - 1) * Segment.spacing(node.level);
            agreed = (LAST_TRUE - first) / Segment.spacing(node.level + 1);
        }
        assertTrue(this.counter(hostile[0], place, segment, labelsFrom(agreed, FORGED)));
    }

    function assertStatus(uint256 claim, CommitmentStatus expected) private view {
        bytes32 id = claims[claim].commitment.id();
        assertEq(uint8(stateCommitmentChain.commitmentStatus(id)), uint8(expected));
    }
}
