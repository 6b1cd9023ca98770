// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStateCommitmentChain} from "../../src/chain/IStateCommitmentChain.sol";
import {IDisputeGame} from "../../src/dispute/IDisputeGame.sol";
import {IMachineStep} from "../../src/dispute/IMachineStep.sol";
import {Node, NodeStatus} from "../../src/dispute/Node.sol";
import {Dispute, Segment} from "../../src/dispute/Segment.sol";
import {Commitment, CommitmentStatus} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {DisputeTest} from "./DisputeTest.sol";

/// @notice Refuses ETH.
contract Refuser {
    error Refused();

    receive() external payable {
        revert Refused();
    }
}

/// @notice Plays, and is paid, but asks for its bond once more while it is.
contract Grasper {
    IDisputeGame private immutable GAME;
    bytes public lastReason;

    constructor(IDisputeGame game) payable {
        GAME = game;
    }

    function play(uint256 value, bytes calldata move) external {
        (bool success,) = address(GAME).call{value: value}(move);
        require(success, "move refused");
    }

    function grasp() external {
        GAME.withdrawBond(address(this), GAME.bondOf(address(this)));
    }

    receive() external payable {
        try GAME.withdrawBond(address(this), msg.value) {}
        catch (bytes memory reason) {
            lastReason = reason;
        }
    }
}

contract DisputeGameTest is DisputeTest {
    bytes32 private constant LIE = bytes32(uint256(7));
    /// The lie begins somewhere in the loop.
    uint64 private constant LAST_TRUE = 1234;

    Commitment private commitment;
    bytes32[] private checkpoints;
    bytes32 private input;

    function setUp() public override {
        super.setUp();
        (commitment, checkpoints, input) = proposeLie(3, LIE);
    }

    // The whole.

    function test_FalseCommitmentFalls() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        prove(nodes[Segment.LEVELS - 1], last);
        assertStatus(nodes[Segment.LEVELS - 1], NodeStatus.Refuted);

        pass(2 * CLOCK);
        resolve(reversed(nodes, Segment.LEVELS - 1));
        assertTrue(stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected);
        assertEq(stateCommitmentChain.bondOf(CHALLENGER), BOND / 2, "half of the proposer's bond");

        uint256 honest;
        uint256 forfeited;
        for (uint8 level = 1; level <= Segment.LEVELS; ++level) {
            if (level & 1 == 1) honest += game.bondFor(level);
            else forfeited += game.bondFor(level);
        }
        assertEq(game.bondOf(CHALLENGER), honest + forfeited / 2);
        assertEq(game.bondOf(LIAR), 0);
        assertEq(game.bondOf(stateCommitmentChain.BURN_ADDRESS()), forfeited / 2);
    }

    function test_TrueCommitmentStands() public {
        bytes32[] memory truth = new bytes32[](1);
        truth[0] = inputOf(genesis.outputRoot, 0);
        Commitment memory honest = proposeCheckpoints(PROPOSER, truth);
        bytes32[] memory points = pointsOf(0, 1, truth[0], LIE, 0);
        vm.prank(LIAR);
        game.open{value: NODE_BOND}(honest, genesis, truth, 0, points, endOf(truth[0], LIE));
        Node memory opening = openingOf(honest, 0, truth[0], points);

        Dispute memory dispute = disputeOf(opening, points, 1);
        bytes32[] memory answer = truePoints(0, 2, truth[0]);
        counterBy(CHALLENGER, opening, dispute, answer, game.bondFor(2));
        Node[] memory nodes = new Node[](2);
        (nodes[0], nodes[1]) = (counterOf(opening, 1, dispute, answer), opening);

        passChallengeWindow();
        vm.expectRevert(
            abi.encodeWithSelector(IStateCommitmentChain.CommitmentChallenged.selector, honest.id(), uint32(1))
        );
        stateCommitmentChain.finalize(honest, output());

        game.resolve(honest, 0, nodes);
        assertStatus(opening, NodeStatus.Refuted);
        assertEq(game.bondOf(CHALLENGER), game.bondFor(2) + NODE_BOND / 2);
        // Not challenged any more: the output is what fails now.
        vm.expectPartialRevert(IStateCommitmentChain.OutputRootMismatch.selector);
        stateCommitmentChain.finalize(honest, output());
    }

    /// Whose step is copied loses nothing but the reward for that step.
    function test_CopiedStep() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        bytes memory witness = witnessOf(registersAt(LAST_TRUE, input, 0), "");
        vm.prank(STRANGER);
        game.proveStep(nodes[Segment.LEVELS - 1], last, witness);
        vm.expectRevert(unexpected(nodes[Segment.LEVELS - 1], NodeStatus.Refuted));
        game.proveStep(nodes[Segment.LEVELS - 1], last, witness);

        pass(2 * CLOCK);
        resolve(reversed(nodes, Segment.LEVELS - 1));
        uint256 lastReward = game.bondFor(Segment.LEVELS) / 2;
        assertEq(game.bondOf(STRANGER), lastReward);
        assertTrue(stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected);
    }

    /// Fifty junk counters to a true node change nothing but the number of pages.
    function test_ManyCounters() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        Node[] memory nodes = new Node[](101);
        for (uint256 i; i < 50; ++i) {
            Dispute memory dispute = disputeOf(opening, points, 1);
            bytes32[] memory junk = pointsOf(0, 2, input, bytes32(100 + i), 0);
            counterBy(LIAR, opening, dispute, junk, game.bondFor(2));
            Node memory counter = counterOf(opening, 1, dispute, junk);
            Dispute memory back = disputeOf(counter, junk, 1);
            bytes32[] memory truth = truePoints(0, 3, input);
            counterBy(CHALLENGER, counter, back, truth, game.bondFor(3));
            (nodes[2 * i], nodes[2 * i + 1]) = (counterOf(counter, 2, back, truth), counter);
        }
        nodes[100] = opening;
        pass(2 * CLOCK);
        for (uint256 page; page < 101; page += 20) {
            Node[] memory some = new Node[](page + 20 < 101 ? 20 : 101 - page);
            for (uint256 i; i < some.length; ++i) {
                some[i] = nodes[page + i];
            }
            resolve(some);
        }
        assertTrue(stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected);
    }

    /// A second opening outlives the commitment, and gives its bond back.
    function test_OpeningAfterRejection() public {
        Node memory first = open(truePoints(0, 1, input), 0);
        bytes32[] memory other = truePoints(0, 1, input);
        other[3] = keccak256("junk");
        Node memory second = open(other, 0);
        pass(CLOCK + 1);
        Node[] memory nodes = new Node[](2);
        (nodes[0], nodes[1]) = (first, second);
        resolve(nodes);
        assertEq(game.bondOf(CHALLENGER), 2 * NODE_BOND);
    }

    /// What is decided stays so, and nothing is added to it.
    function test_RevertWhen_MovedAfterResolution() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        Node memory deepest = nodes[Segment.LEVELS - 1];
        prove(deepest, last);
        pass(2 * CLOCK);
        resolve(reversed(nodes, Segment.LEVELS - 1));

        bytes memory witness = witnessOf(registersAt(LAST_TRUE, input, 0), "");
        vm.expectRevert(unexpected(deepest, NodeStatus.Refuted));
        game.proveStep(deepest, last, witness);
        bytes32[] memory points = truePoints(0, 1, input);
        for (uint256 i; i < Segment.LEVELS - 1; ++i) {
            NodeStatus status = i & 1 == 0 ? NodeStatus.Stands : NodeStatus.Refuted;
            vm.expectRevert(unexpected(nodes[i], status));
            game.counter{value: 100 ether}(nodes[i], last, points);
        }
        points[3] = keccak256("junk");
        bytes memory reason = abi.encodeWithSelector(
            IStateCommitmentChain.UnexpectedCommitmentStatus.selector,
            commitment.id(),
            CommitmentStatus.Rejected,
            CommitmentStatus.Proposed
        );
        openingFails(2, points, endOf(input, 0), reason);
    }

    /// A refuted node whose parent does not know yet is not countered either.
    function test_RevertWhen_CounteredNodeIsCountered() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        Dispute memory dispute = disputeOf(opening, points, 1);
        bytes32[] memory junk = pointsOf(0, 2, input, LIE, 0);
        counterBy(LIAR, opening, dispute, junk, game.bondFor(2));
        pass(CLOCK + 1);
        resolve(only(counterOf(opening, 1, dispute, junk)));
        assertStatus(opening, NodeStatus.Countered);
        vm.expectRevert(unexpected(opening, NodeStatus.Countered));
        game.counter{value: 100 ether}(opening, dispute, truePoints(0, 2, keccak256("other")));
    }

    // Opening.

    function test_RevertWhen_ExtensionIsLongerThanTheClock() public {
        bytes memory reason = abi.encodeWithSelector(IDisputeGame.ExtensionTooLong.selector, CLOCK + 1, CLOCK);
        vm.expectRevert(reason);
        deployGame(0, CLOCK + 1);
    }

    function test_RevertWhen_CheckpointsAreOthers() public {
        checkpoints[0] = 0;
        bytes memory reason = abi.encodeWithSelector(
            IDisputeGame.CheckpointsMismatch.selector,
            keccak256(abi.encodePacked(checkpoints)),
            commitment.checkpointsHash
        );
        openingFails(2, truePoints(0, 1, input), endOf(input, 0), reason);
    }

    function test_RevertWhen_ParentIsAnother() public {
        bytes32 expected = genesis.id();
        genesis.outputRoot = 0;
        openingFails(
            2,
            truePoints(0, 1, input),
            endOf(input, 0),
            abi.encodeWithSelector(IDisputeGame.CommitmentMismatch.selector, genesis.id(), expected)
        );
    }

    function test_RevertWhen_PositionIsBeyondTheEnd() public {
        bytes memory reason = abi.encodeWithSelector(IDisputeGame.PositionOutOfRange.selector, 3, 3);
        openingFails(3, truePoints(0, 1, input), endOf(input, 0), reason);
    }

    function test_RevertWhen_LastStateIsAnother() public {
        bytes32[] memory points = truePoints(0, 1, input);
        bytes memory last = endOf(input, LIE);
        openingFails(
            2,
            points,
            last,
            abi.encodeWithSelector(IDisputeGame.LastStateMismatch.selector, keccak256(last), points[Segment.POINTS - 1])
        );
        openingFails(
            2,
            points,
            bytes.concat(last, hex"00"),
            abi.encodeWithSelector(IDisputeGame.LastStateLengthMismatch.selector, 297, 296)
        );
    }

    function test_RevertWhen_OpeningSaysTheSame() public {
        bytes memory reason = abi.encodeWithSelector(IDisputeGame.NoContradiction.selector, checkpoints[2]);
        openingFails(2, pointsOf(0, 1, input, LIE, 0), endOf(input, LIE), reason);
    }

    /// A run that ends in any other way contradicts too: here with exit code 1, in a trap, or not at all.
    function test_AnyOtherEndContradicts() public {
        uint64[3] memory ends = [uint64(2), TRAPPED, 0];
        for (uint256 i; i < ends.length; ++i) {
            Registers memory registers = registersAt(END, input, LIE);
            registers.status = ends[i];
            bytes32[] memory points = truePoints(0, 1, input);
            points[Segment.POINTS - 1] = hashOf(registers);
            vm.prank(LIAR);
            game.open{value: NODE_BOND}(
                commitment, genesis, checkpoints, 2, points, bytes.concat(memoryRoot(), encode(registers))
            );
        }
    }

    function test_RevertWhen_PointsAreTooFew() public {
        bytes32[] memory points = new bytes32[](Segment.POINTS - 1);
        bytes memory reason =
            abi.encodeWithSelector(IDisputeGame.PointCountMismatch.selector, Segment.POINTS - 1, Segment.POINTS);
        openingFails(2, points, endOf(input, 0), reason);
    }

    function test_RevertWhen_WindowHasPassed() public {
        (uint64 time, uint64 blockNumber) = stateCommitmentChain.finalizableAt(commitment.id());
        vm.warp(time);
        vm.roll(blockNumber - 1);
        uint256 snapshot = vm.snapshotState();
        open(truePoints(0, 1, input), 0);
        vm.revertToState(snapshot);
        vm.warp(time - 1);
        vm.roll(blockNumber);
        open(truePoints(0, 1, input), 0);
        vm.revertToState(snapshot);
        vm.roll(blockNumber);
        openingFails(
            2,
            truePoints(0, 1, input),
            endOf(input, 0),
            abi.encodeWithSelector(IStateCommitmentChain.WindowPassed.selector, time, blockNumber)
        );
    }

    function test_RevertWhen_TheSameIsPostedAgain() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        bytes memory reason = abi.encodeWithSelector(IDisputeGame.NodeAlreadyPosted.selector, opening.id());
        openingFails(2, points, endOf(input, 0), reason);
    }

    function test_RevertWhen_BondIsTooLow() public {
        bytes memory reason =
            abi.encodeWithSelector(IDisputeGame.InsufficientBond.selector, NODE_BOND - 1, uint256(NODE_BOND));
        bytes32[] memory points = truePoints(0, 1, input);
        bytes memory last = endOf(input, 0);
        vm.prank(CHALLENGER);
        vm.expectRevert(reason);
        game.open{value: NODE_BOND - 1}(commitment, genesis, checkpoints, 2, points, last);
    }

    // Countering.

    function test_EverySegmentIsShown() public {
        bytes32[] memory points = new bytes32[](Segment.POINTS);
        for (uint256 i; i < points.length; ++i) {
            points[i] = keccak256(abi.encode(i));
        }
        points[Segment.POINTS - 1] = stateAt(END, input, 0);
        Node memory opening = open(points, 0);
        for (uint256 segment = 1; segment <= Segment.POINTS; ++segment) {
            Dispute memory dispute = disputeOf(opening, points, segment);
            counterBy(LIAR, opening, dispute, truePoints(0, 2, keccak256("other")), game.bondFor(2));

            bytes32 agreed = dispute.agreed;
            dispute.agreed = keccak256("another");
            countering(
                opening,
                dispute,
                segment == 1 ? IDisputeGame.StartMismatch.selector : IDisputeGame.PointsMismatch.selector
            );
            dispute.agreed = agreed;
            dispute.disputed = keccak256("another");
            countering(opening, dispute, IDisputeGame.PointsMismatch.selector);
            dispute = disputeOf(opening, points, segment);
            for (uint256 i; i < dispute.siblings.length; ++i) {
                dispute.siblings[i] ^= bytes32(uint256(1));
                countering(opening, dispute, IDisputeGame.PointsMismatch.selector);
                dispute.siblings[i] ^= bytes32(uint256(1));
            }
            dispute.siblings = new bytes32[](dispute.siblings.length + 1);
            countering(opening, dispute, IDisputeGame.SiblingCountMismatch.selector);
            dispute = disputeOf(opening, points, segment);
            dispute.segment = segment % Segment.POINTS + 1;
            assertNotEq(bytes32(countering(opening, dispute)), 0);
        }
        Dispute memory none = disputeOf(opening, points, 1);
        none.segment = 0;
        countering(opening, none, IDisputeGame.SegmentOutOfRange.selector);
        none.segment = Segment.POINTS + 1;
        countering(opening, none, IDisputeGame.SegmentOutOfRange.selector);
    }

    function test_RevertWhen_CounterEndsInTheSameState() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        Dispute memory dispute = disputeOf(opening, points, 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SameState.selector, points[0]));
        game.counter{value: 2 * NODE_BOND}(opening, dispute, truePoints(0, 2, input));
    }

    function test_RevertWhen_NodeIsUnknown() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory unknown = openingOf(commitment, 2, input, points);
        Dispute memory dispute = disputeOf(unknown, points, 1);
        vm.expectRevert(unexpected(unknown, NodeStatus.Unknown));
        game.counter{value: 2 * NODE_BOND}(unknown, dispute, points);
        vm.expectRevert(unexpected(unknown, NodeStatus.Unknown));
        game.counterDeadline(unknown);
        vm.expectRevert(unexpected(unknown, NodeStatus.Unknown));
        resolve(only(unknown));
    }

    /// The clock to the block.
    function test_Clock() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        uint256 deadline = vm.getBlockNumber() + CLOCK;
        assertEq(game.counterDeadline(opening), deadline);
        Dispute memory dispute = disputeOf(opening, points, 1);
        bytes32[] memory junk = pointsOf(0, 2, input, LIE, 0);

        vm.roll(deadline);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClockRunning.selector, deadline, deadline));
        resolve(only(opening));
        uint256 snapshot = vm.snapshotState();
        counterBy(LIAR, opening, dispute, junk, game.bondFor(2));
        vm.revertToState(snapshot);

        vm.roll(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClockExpired.selector, deadline + 1, deadline));
        game.counter{value: 2 * NODE_BOND}(opening, dispute, junk);
        resolve(only(opening));
        assertStatus(opening, NodeStatus.Stands);
        vm.expectRevert(unexpected(opening, NodeStatus.Stands));
        game.counter{value: 2 * NODE_BOND}(opening, dispute, junk);
        resolve(only(opening));
        assertEq(game.bondOf(CHALLENGER), NODE_BOND, "once");
    }

    /// Time alone, without blocks, runs down no clock.
    function test_MissedSlotsCostNoTime() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        vm.warp(vm.getBlockTimestamp() + 365 days);
        uint256 deadline = game.counterDeadline(opening);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClockRunning.selector, vm.getBlockNumber(), deadline));
        resolve(only(opening));
    }

    /// Who used up the clock with the last move still has the extension for the next.
    function test_Extension() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        pass(CLOCK);
        Dispute memory dispute = disputeOf(opening, points, 1);
        bytes32[] memory junk = pointsOf(0, 2, input, LIE, 0);
        counterBy(LIAR, opening, dispute, junk, game.bondFor(2));
        Node memory second = counterOf(opening, 1, dispute, junk);
        assertEq(game.counterDeadline(second), vm.getBlockNumber() + CLOCK, "the challenger has used nothing");

        dispute = disputeOf(second, junk, 1);
        bytes32[] memory answer = truePoints(0, 3, input);
        counterBy(CHALLENGER, second, dispute, answer, game.bondFor(3));
        Node memory third = counterOf(second, 2, dispute, answer);
        assertEq(game.counterDeadline(third), vm.getBlockNumber() + EXTENSION, "the liar has used all");
    }

    // Steps.

    /// To the block, like any move.
    function test_StepInTheLastBlock() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        Node memory deepest = nodes[Segment.LEVELS - 1];
        uint256 deadline = game.counterDeadline(deepest);
        vm.roll(deadline + 1);
        uint256 snapshot = vm.snapshotState();
        bytes memory witness = witnessOf(registersAt(LAST_TRUE, input, 0), "");
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClockExpired.selector, deadline + 1, deadline));
        game.proveStep(deepest, last, witness);
        // Nobody can save what was not answered in time.
        resolve(only(deepest));
        assertStatus(nodes[Segment.LEVELS - 2], NodeStatus.Countered);

        vm.revertToState(snapshot);
        vm.roll(deadline);
        prove(deepest, last);
        assertStatus(deepest, NodeStatus.Refuted);
    }

    function test_RevertWhen_StepIsRight() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        Node memory deepest = nodes[Segment.LEVELS - 1];
        bytes32[] memory points = pointsOf(deepest.first, Segment.LEVELS, input, LIE, LAST_TRUE);
        Dispute memory before = disputeOf(deepest, points, last.segment - 1);
        bytes memory witness = witnessOf(registersAt(LAST_TRUE - 1, input, 0), "");
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SameState.selector, before.disputed));
        game.proveStep(deepest, before, witness);
        // Not a witness of this step.
        vm.expectPartialRevert(IMachineStep.WrongState.selector);
        game.proveStep(deepest, last, witness);
    }

    function test_RevertWhen_LevelIsWrong() public {
        bytes32[] memory points = truePoints(0, 1, input);
        Node memory opening = open(points, 0);
        Dispute memory dispute = disputeOf(opening, points, 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.WrongLevel.selector, uint8(1), Segment.LEVELS));
        game.proveStep(opening, dispute, "");

        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.WrongLevel.selector, Segment.LEVELS, Segment.LEVELS - 1));
        game.counter{value: 100 ether}(nodes[Segment.LEVELS - 1], last, points);
    }

    // Resolution.

    function test_RevertWhen_CountersAreOpen() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes,) = playDown(opening, input, LIE, LAST_TRUE);
        pass(2 * CLOCK);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CountersOpen.selector, nodes[3].id(), 1));
        resolve(only(nodes[3]));
    }

    function test_RevertWhen_ResolvedForAnotherCommitment() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        pass(CLOCK + 1);
        vm.expectPartialRevert(IDisputeGame.ChallengeMismatch.selector);
        game.resolve(commitment, 1, only(opening));
        vm.expectPartialRevert(IDisputeGame.ChallengeMismatch.selector);
        game.resolve(genesis, 2, only(opening));
    }

    /// Somebody decides some nodes before the page with all of them is in L1: the rest is decided, and nothing twice.
    function test_PageIsNotSpoiledByWhoDecidesFirst() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        (Node[] memory nodes, Dispute memory last) = playDown(opening, input, LIE, LAST_TRUE);
        prove(nodes[Segment.LEVELS - 1], last);
        pass(2 * CLOCK);
        Node[] memory page = reversed(nodes, Segment.LEVELS);
        uint256 snapshot = vm.snapshotState();
        resolve(page);
        (uint256 won, uint256 lost) = (game.bondOf(CHALLENGER), game.bondOf(stateCommitmentChain.BURN_ADDRESS()));
        vm.revertToState(snapshot);

        vm.startPrank(STRANGER);
        resolve(only(page[1]));
        resolve(only(page[2]));
        vm.stopPrank();
        resolve(page);
        assertTrue(stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected);
        vm.recordLogs();
        resolve(page);
        assertEq(vm.getRecordedLogs().length, 0, "nothing is left to decide");
        for (uint256 i; i < nodes.length; ++i) {
            assertStatus(nodes[i], i & 1 == 0 ? NodeStatus.Stands : NodeStatus.Refuted);
        }
        assertEq(game.bondOf(CHALLENGER), won);
        assertEq(game.bondOf(stateCommitmentChain.BURN_ADDRESS()), lost);
        assertEq(game.bondOf(STRANGER), 0);
    }

    // Bonds.

    function test_BondsAreReused() public {
        open(truePoints(0, 1, input), 0);
        pass(CLOCK + 1);
        Node memory opening = openingOf(commitment, 2, input, truePoints(0, 1, input));
        resolve(only(opening));
        assertEq(game.bondOf(CHALLENGER), NODE_BOND);

        bytes32[] memory truth = new bytes32[](1);
        truth[0] = keccak256("another lie");
        Commitment memory next = proposeCheckpoints(LIAR, truth);
        bytes32 first = inputOf(genesis.outputRoot, 0);
        vm.prank(CHALLENGER);
        game.open{value: 1}(next, genesis, truth, 0, truePoints(0, 1, first), endOf(first, 0));
        assertEq(game.bondOf(CHALLENGER), 1);
    }

    function test_DepositBond() public {
        vm.expectEmit(address(game));
        emit IDisputeGame.BondCredited(CHALLENGER, 3 * NODE_BOND);
        vm.prank(CHALLENGER);
        game.depositBond{value: 3 * NODE_BOND}();
        assertEq(game.bondOf(CHALLENGER), 3 * NODE_BOND);
        assertEq(address(game).balance, 3 * NODE_BOND);

        // Moves without ETH.
        vm.startPrank(CHALLENGER);
        game.open(commitment, genesis, checkpoints, 2, truePoints(0, 1, input), endOf(input, 0));
        assertEq(game.bondOf(CHALLENGER), 2 * NODE_BOND);
        game.withdrawBond(CHALLENGER, 2 * NODE_BOND);
        assertEq(address(game).balance, NODE_BOND);
    }

    // Many moves at once.

    /// Who is attacked from many sides answers all of them in one transaction.
    function test_Multicall_AnswersAll() public {
        bytes[] memory answers = attacked(40);
        uint256 bonds = answers.length * game.bondFor(3);
        vm.startPrank(CHALLENGER);
        game.depositBond{value: bonds}();
        bytes[] memory ids = game.multicall(answers);
        assertEq(game.bondOf(CHALLENGER), 0);
        for (uint256 i; i < ids.length; ++i) {
            assertEq(uint8(game.nodeStatus(abi.decode(ids[i], (bytes32)))), uint8(NodeStatus.Open));
        }
        assertEq(address(game).balance, NODE_BOND + 40 * game.bondFor(2) + bonds);
    }

    /// Each move takes its bond from what is free: there must be one for each.
    function test_RevertWhen_BondIsShortForManyMoves() public {
        bytes[] memory answers = attacked(3);
        uint256 bond = game.bondFor(3);
        vm.startPrank(CHALLENGER);
        game.depositBond{value: 3 * bond - 1}();
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.InsufficientBond.selector, bond - 1, bond));
        game.multicall(answers);
        assertEq(game.bondOf(CHALLENGER), 3 * bond - 1);
    }

    /// One move that is refused undoes all.
    function test_RevertWhen_OneOfManyMovesFails() public {
        bytes[] memory answers = attacked(3);
        uint256 bonds = 3 * game.bondFor(3);
        (bool success, bytes memory returned) = address(game).call{value: game.bondFor(3)}(answers[2]);
        assertTrue(success);
        vm.startPrank(CHALLENGER);
        game.depositBond{value: bonds}();
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NodeAlreadyPosted.selector, abi.decode(returned, (bytes32)))
        );
        game.multicall(answers);
        assertEq(game.bondOf(CHALLENGER), bonds, "no bond was taken");
    }

    /// ETH sent once must not count for every move.
    function test_RevertWhen_ManyMovesCarryEth() public {
        bytes[] memory answers = attacked(2);
        uint256 bond = game.bondFor(3);
        vm.prank(CHALLENGER);
        (bool success,) = address(game).call{value: bond}(abi.encodeCall(game.multicall, (answers)));
        assertFalse(success);
        vm.prank(CHALLENGER);
        (success,) = address(game).call{value: bond}(answers[0]);
        assertTrue(success, "alone it may");
    }

    /// @dev An opening with so many false counters, and the true answers to them.
    function attacked(uint256 count) private returns (bytes[] memory answers) {
        answers = new bytes[](count);
        Node memory opening = open(truePoints(0, 1, input), 0);
        Dispute memory dispute = disputeOf(opening, truePoints(0, 1, input), 1);
        for (uint256 i; i < count; ++i) {
            bytes32[] memory junk = pointsOf(0, 2, input, bytes32(100 + i), 0);
            counterBy(LIAR, opening, dispute, junk, game.bondFor(2));
            Node memory counter = counterOf(opening, 1, dispute, junk);
            Dispute memory back = disputeOf(counter, junk, 1);
            answers[i] = abi.encodeCall(game.counter, (counter, back, truePoints(0, 3, input)));
        }
    }

    function test_BondIsPulled() public {
        Node memory opening = open(truePoints(0, 1, input), 0);
        pass(CLOCK + 1);
        resolve(only(opening));
        Refuser refuser = new Refuser();
        vm.startPrank(CHALLENGER);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.BondTransferFailed.selector, address(refuser), uint256(NODE_BOND))
        );
        game.withdrawBond(address(refuser), NODE_BOND);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.InsufficientBond.selector, uint256(NODE_BOND), NODE_BOND + 1)
        );
        game.withdrawBond(STRANGER, NODE_BOND + 1);
        game.withdrawBond(STRANGER, NODE_BOND);
        assertEq(STRANGER.balance, NODE_BOND);
        assertEq(game.bondOf(CHALLENGER), 0);
    }

    /// Who posts late gets its bond back and nothing more: the bond of the node went to who was first.
    function test_OnlyTheFirstCounterIsRewarded() public {
        bytes32[] memory points = pointsOf(0, 1, input, keccak256("lie"), 0);
        Node memory opening = open(points, keccak256("lie"));
        Dispute memory dispute = disputeOf(opening, points, 1);
        bytes32[] memory first = truePoints(0, 2, input);
        counterBy(CHALLENGER, opening, dispute, first, game.bondFor(2));
        bytes32[] memory second = pointsOf(0, 2, input, LIE, 0);
        pass(CLOCK);
        vm.deal(STRANGER, game.bondFor(2));
        counterBy(STRANGER, opening, dispute, second, game.bondFor(2));

        pass(1);
        resolve(only(counterOf(opening, 1, dispute, first)));
        resolve(only(opening));
        assertEq(game.bondOf(CHALLENGER), game.bondFor(2) + NODE_BOND / 2);
        // Its parent is long decided.
        pass(CLOCK);
        resolve(only(counterOf(opening, 1, dispute, second)));
        assertEq(game.bondOf(STRANGER), game.bondFor(2));
        assertEq(game.bondOf(CHALLENGER), game.bondFor(2) + NODE_BOND / 2);
    }

    /// A contract that takes no ETH is slashed like anybody, as nothing is sent to it.
    function test_ProposerThatRefusesEth() public {
        Refuser refuser = new Refuser();
        bytes32[] memory lies = new bytes32[](1);
        lies[0] = keccak256("lie");
        commitment = proposeCheckpoints(address(refuser), lies);
        bytes32 first = inputOf(genesis.outputRoot, 0);
        bytes32[] memory points = truePoints(0, 1, first);
        vm.prank(CHALLENGER);
        game.open{value: NODE_BOND}(commitment, genesis, lies, 0, points, endOf(first, 0));
        pass(CLOCK + 1);
        game.resolve(commitment, 0, only(openingOf(commitment, 0, first, points)));
        assertTrue(stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected);
        assertEq(stateCommitmentChain.bondOf(CHALLENGER), BOND / 2);
        assertEq(stateCommitmentChain.lockedBondOf(address(refuser)), 0);
    }

    /// Who calls back in while it is paid finds its bond gone, and the bonds of others untouched.
    function test_RevertWhen_BondIsWithdrawnTwice() public {
        Grasper grasper = new Grasper{value: NODE_BOND}(game);
        bytes32[] memory points = truePoints(0, 1, input);
        grasper.play(
            NODE_BOND, abi.encodeCall(game.open, (commitment, genesis, checkpoints, 2, points, endOf(input, 0)))
        );
        bytes32[] memory other = truePoints(0, 1, input);
        other[3] = keccak256("junk");
        open(other, 0);
        pass(CLOCK + 1);
        resolve(only(openingOf(commitment, 2, input, points)));

        grasper.grasp();
        assertEq(
            grasper.lastReason(), abi.encodeWithSelector(IDisputeGame.InsufficientBond.selector, 0, uint256(NODE_BOND))
        );
        assertEq(address(grasper).balance, NODE_BOND);
        assertEq(address(game).balance, NODE_BOND, "the other's");
    }

    // Helpers.

    /// @dev Challenges the last batch.
    function open(bytes32[] memory points, bytes32 lie) private returns (Node memory) {
        vm.prank(CHALLENGER);
        game.open{value: NODE_BOND}(commitment, genesis, checkpoints, 2, points, endOf(input, lie));
        return openingOf(commitment, 2, input, points);
    }

    function openingFails(uint64 position, bytes32[] memory points, bytes memory last, bytes memory reason) private {
        vm.expectRevert(reason);
        game.open{value: NODE_BOND}(commitment, genesis, checkpoints, position, points, last);
    }

    function countering(Node memory node, Dispute memory dispute, bytes4 reason) private {
        assertEq(bytes32(countering(node, dispute)), bytes32(reason));
    }

    /// @dev With what error a counter is refused; zero if it is taken.
    function countering(Node memory node, Dispute memory dispute) private returns (bytes4) {
        try game.counter{value: 2 * NODE_BOND}(node, dispute, truePoints(0, 2, keccak256("yet another"))) {
            return 0;
        } catch (bytes memory reason) {
            // forge-lint: disable-next-line(unsafe-typecast) the selector
            return bytes4(reason);
        }
    }

    function prove(Node memory node, Dispute memory dispute) private {
        bytes memory witness = witnessOf(registersAt(LAST_TRUE, input, 0), "");
        vm.prank(CHALLENGER);
        game.proveStep(node, dispute, witness);
    }

    function resolve(Node[] memory nodes) private {
        game.resolve(commitment, 2, nodes);
    }

    function only(Node memory node) private pure returns (Node[] memory nodes) {
        nodes = new Node[](1);
        nodes[0] = node;
    }

    function pass(uint256 blocks) private {
        vm.roll(vm.getBlockNumber() + blocks);
    }

    function output() private pure returns (Output memory) {}

    function assertStatus(Node memory node, NodeStatus expected) private view {
        assertEq(uint8(game.nodeStatus(node.id())), uint8(expected));
    }

    function unexpected(Node memory node, NodeStatus received) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDisputeGame.UnexpectedNodeStatus.selector, node.id(), received, NodeStatus.Open);
    }
}
