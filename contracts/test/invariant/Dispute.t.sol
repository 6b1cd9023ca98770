// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Segment} from "../../src/dispute/Segment.sol";
import {CommitmentStatus} from "../../src/types/Commitment.sol";
import {DisputeHandler} from "./DisputeHandler.sol";

/// @notice What holds in disputes whatever others do, as long as one honest party gets its moves into L1 within an extension.
///
/// 1. A false commitment is never final, and is rejected in the end. A true one is never rejected, and is final in the end.
/// 2. Both come no later than the window, two clocks and six extensions after it was proposed, in L1 blocks.
/// 3. No bond of the honest party is ever lost, and of nobody who posts what is true.
/// 4. Bonds: what came in is what was paid out, burned, is free, or belongs to a node that is open; the contract holds it to the wei.
/// 5. The honest party needs at most twice the bonds of the others together.
contract DisputeInvariants is DisputeHandler {
    /// Commitments there may be, or the honest party would have to look at too many games.
    uint256 private constant MAX_CLAIMS = 4;

    function setUp() public override {
        super.setUp();
        bytes4[] memory actions = new bytes4[](13);
        actions[0] = this.proposeLie.selector;
        actions[1] = this.openAnything.selector;
        actions[2] = this.counterAnything.selector;
        actions[3] = this.counterTheHonest.selector;
        actions[4] = this.counterInTheLastBlock.selector;
        actions[5] = this.counterByMany.selector;
        actions[6] = this.copyTheHonest.selector;
        actions[7] = this.stepAnywhere.selector;
        actions[8] = this.resolveAnything.selector;
        actions[9] = this.withdrawSome.selector;
        actions[10] = this.pass.selector;
        actions[11] = this.duel.selector;
        actions[12] = this.depositSome.selector;
        targetContract(address(this));
        targetSelector(FuzzSelector(address(this), actions));
    }

    /// @dev All in one, as forge plays the same calls anew for every invariant.
    /// forge-config: default.invariant.runs = 20
    /// forge-config: default.invariant.depth = 100
    function invariant_Disputes() public view {
        checkCommitments();
        checkHonestBonds();
        checkBonds();
        checkFactor();
    }

    /// @dev In the end all is decided, after one more lie that is played to the last step.
    function afterInvariant() public {
        uint256 lie = claims.length;
        propose(LIAR, 1);
        wait(patience);
        for (uint256 round; round < Segment.LEVELS / 2; ++round) {
            counterLatest(lie, round, false);
            wait(patience);
        }
        wait(BOUND);
        // A look at last, whenever the next one would have been.
        look();
        assertNotEq(reached["last level"], 0);
        assertNotEq(reached["step proven"], 0);
        for (uint256 i; i < claims.length; ++i) {
            CommitmentStatus expected = claims[i].label == 0 ? CommitmentStatus.Final : CommitmentStatus.Rejected;
            assertTrue(claims[i].status == expected, "decided wrongly");
        }
        invariant_Disputes();
        checkAllIsFree();
    }

    /// @dev With all decided, everybody gets all of it but what is burned.
    function checkAllIsFree() private {
        assertGe(game.bondOf(HONEST), honestBonds, "an honest bond is lost");
        withdraw(HONEST, game.bondOf(HONEST));
        for (uint256 i; i < hostile.length; ++i) {
            withdraw(hostile[i], game.bondOf(hostile[i]));
        }
        assertEq(address(game).balance, game.bondOf(stateCommitmentChain.BURN_ADDRESS()), "all but what is burned");
    }

    // Actions.

    function proposeLie(uint256 seed) public seeded(seed) {
        if (claims.length < MAX_CLAIMS) propose(vm.addr(seed % type(uint64).max + 1), anyLie());
    }

    function openAnything(uint256 seed) public seeded(seed) {
        this.open(anyone(), draw(claims.length), anyLabels());
    }

    function counterAnything(uint256 seed) public seeded(seed) {
        if (posted.length == 0) return;
        this.counterIfAbove(anyone(), anyNode(), 1 + draw(Segment.POINTS), anyLabels());
    }

    /// @dev What the honest party said last.
    function counterTheHonest(uint256 seed) public seeded(seed) {
        counterLatest(draw(claims.length), seed, false);
    }

    function counterInTheLastBlock(uint256 seed) public seeded(seed) {
        counterLatest(draw(claims.length), seed, true);
    }

    /// @dev Sybils, all at one node.
    function counterByMany(uint256 seed) public seeded(seed) {
        if (posted.length == 0) return;
        uint256 place = anyNode();
        for (uint256 i = draw(8); i != 0; --i) {
            this.counterIfAbove(anyone(), place, 1 + draw(Segment.POINTS), anyLabels());
        }
    }

    /// @dev Seen in the mempool, and made before the honest party does.
    function copyTheHonest(uint256 seed) public seeded(seed) {
        for (uint256 i; i < posted.length; ++i) {
            if (isToBeAnswered(i) && draw(2) == 0) this.answer(anyone(), i);
        }
    }

    function stepAnywhere(uint256 seed) public seeded(seed) {
        if (posted.length != 0) this.proveStep(anyone(), anyNode(), 1 + draw(Segment.POINTS));
    }

    function resolveAnything(uint256 seed) public seeded(seed) {
        if (posted.length == 0) return;
        uint256 place = anyNode();
        if (!posted[place].isDecided) this.resolve(place);
    }

    function withdrawSome(uint256 seed) public seeded(seed) {
        address account = anyone();
        withdraw(account, draw(game.bondOf(account) + 1));
    }

    function depositSome(uint256 seed) public seeded(seed) {
        deposit(anyone(), draw(game.bondFor(Segment.LEVELS)));
    }

    /// @dev L1 may miss slots.
    function pass(uint256 seed) public seeded(seed) {
        if (draw(4) == 0) vm.warp(vm.getBlockTimestamp() + draw(1 days));
        wait(draw(CLOCK));
    }

    /// @dev Some moves in turn, as deep as they go.
    function duel(uint256 seed) public seeded(seed) {
        uint256 claim = draw(claims.length);
        for (uint256 round = 1 + draw(Segment.LEVELS / 2); round != 0; --round) {
            counterLatest(claim, round, draw(4) == 0);
            wait(patience);
        }
    }

    // Choices.

    /// @dev Counters the latest true node of a claim that can be countered, at once or in the last block.
    function counterLatest(uint256 claim, uint256 salt, bool inTheLastBlock) private {
        for (uint256 i = posted.length; i != 0; --i) {
            Posted storage node = posted[i - 1];
            if (node.claim != claim || !isTrue(node) || node.isDecided || !isCounterable(i - 1)) continue;
            if (inTheLastBlock) wait(game.counterDeadline(node.node) - vm.getBlockNumber());
            bytes32 lies = labelsFrom(salt % Segment.POINTS, anyLie());
            this.counterIfAbove(anyone(), i - 1, 1 + draw(Segment.POINTS), lies);
            return;
        }
        // There is none: an attack.
        this.open(anyone(), claim, labelsFrom(draw(Segment.POINTS), anyLie()));
    }

    /// @dev Nodes of the last level are not countered by nodes.
    function counterIfAbove(address author, uint256 place, uint256 segment, bytes32 labels) external {
        if (posted[place].level < Segment.LEVELS) this.counter(author, place, segment, labels);
        else this.proveStep(author, place, segment);
    }

    function anyone() private returns (address) {
        return hostile[draw(hostile.length)];
    }

    function anyLie() private returns (uint8) {
        // forge-lint: disable-next-line(unsafe-typecast) a few
        return uint8(1 + draw(LABELS));
    }

    /// @dev One of the latest, or of all.
    function anyNode() private returns (uint256) {
        uint256 count = posted.length;
        return draw(2) == 0 || count < 8 ? draw(count) : count - 1 - draw(8);
    }

    /// @dev True up to some point, and false from there on; right in the end and wrong before; anything; true.
    function anyLabels() private returns (bytes32 labels) {
        uint256 kind = draw(5);
        if (kind == 0) return 0;
        labels = labelsFrom(draw(Segment.POINTS), anyLie());
        if (kind == 1) return labels & ~bytes32(uint256(0xff));
        if (kind > 2) return labels;
        for (uint256 i; i < Segment.POINTS; ++i) {
            labels = (labels << 8) | bytes32(draw(LABELS + 1));
        }
    }
}
