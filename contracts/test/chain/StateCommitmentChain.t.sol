// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {IStateCommitmentChain} from "../../src/chain/IStateCommitmentChain.sol";
import {StateCommitmentChain} from "../../src/chain/StateCommitmentChain.sol";
import {Commitment, CommitmentStatus} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {stdError} from "forge-std/StdError.sol";
import {ChainTest} from "../support/ChainTest.sol";
import {Deploy} from "../../../script/Deploy.s.sol";

contract StateCommitmentChainTest is ChainTest {
    address private immutable RIVAL = makeAddr("rival");
    address private immutable CHALLENGER = makeAddr("challenger");
    address private constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;
    bytes32 private genesis;

    function setUp() public override {
        super.setUp();
        genesis = lastFinal;
        appendBatches(3);
    }

    // ------------------------------------------------------------------------------------------------ start

    function test_Initialize() public view {
        Commitment memory expected;
        expected.outputRoot = makeOutput(0, 0).root();
        assertEq(genesis, expected.id());
        assertStatus(genesis, CommitmentStatus.Final);
        assertEq(stateCommitmentChain.batchCountOf(genesis), 0);
        assertEq(bridge.finalRoot(genesis), 0);
    }

    // ---------------------------------------------------------------------------------------------- propose

    function test_Propose() public {
        Output memory output = makeOutput(2, keccak256("outbox"));
        bytes32[] memory checkpoints = checkpointsOf(genesis, output);
        Commitment memory commitment = makeCommitment(PROPOSER, genesis, output);
        bytes32 expected = commitment.id();
        vm.deal(PROPOSER, BOND);
        vm.prank(PROPOSER);
        vm.expectEmit(address(stateCommitmentChain));
        emit IStateCommitmentChain.BondDeposited(PROPOSER, BOND);
        vm.expectEmit(address(stateCommitmentChain));
        emit IStateCommitmentChain.CommitmentProposed(expected, genesis, commitment, checkpoints);
        bytes32 id = stateCommitmentChain.propose{value: BOND}(genesis, commitment.batchHash, checkpoints);

        assertEq(id, expected);
        assertStatus(id, CommitmentStatus.Proposed);
        assertEq(stateCommitmentChain.batchCountOf(id), 2);
        (uint64 time, uint64 blockNumber) = stateCommitmentChain.finalizableAt(id);
        assertEq(time, vm.getBlockTimestamp() + WINDOW_SECONDS);
        assertEq(blockNumber, vm.getBlockNumber() + WINDOW_BLOCKS);
        assertBonds(PROPOSER, 0, BOND);
        assertEq(address(stateCommitmentChain).balance, BOND);
    }

    function testFuzz_Propose_TakesFreeBondFirst(uint96 deposited, uint96 sent) public {
        deposited = uint96(bound(deposited, 0, 100 * uint256(BOND)));
        sent = uint96(bound(sent, deposited < BOND ? BOND - deposited : 0, 100 * uint256(BOND)));
        vm.deal(PROPOSER, uint256(deposited) + sent);
        vm.prank(PROPOSER);
        stateCommitmentChain.depositBond{value: deposited}();
        (bytes32 batchHash, bytes32[] memory checkpoints) = claim(genesis, makeOutput(1, 0));
        vm.prank(PROPOSER);
        stateCommitmentChain.propose{value: sent}(genesis, batchHash, checkpoints);
        assertBonds(PROPOSER, uint256(deposited) + sent - BOND, BOND);
    }

    function testFuzz_RevertWhen_BondIsShort(uint256 sent) public {
        sent = bound(sent, 0, BOND - 1);
        (bytes32 batchHash, bytes32[] memory checkpoints) = claim(genesis, makeOutput(1, 0));
        vm.deal(PROPOSER, sent);
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.InsufficientBond.selector, sent, BOND));
        vm.prank(PROPOSER);
        stateCommitmentChain.propose{value: sent}(genesis, batchHash, checkpoints);
    }

    function test_RevertWhen_BondIsLockedAlready() public {
        proposeOn(PROPOSER, genesis, makeOutput(1, 0));
        (bytes32 batchHash, bytes32[] memory checkpoints) = claim(genesis, makeOutput(2, 0));
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.InsufficientBond.selector, 0, BOND));
        vm.prank(PROPOSER);
        stateCommitmentChain.propose(genesis, batchHash, checkpoints);
    }

    function test_Propose_MostCheckpoints() public {
        appendBatches(1024 - 3 + 1);
        Commitment memory commitment = proposeOn(PROPOSER, genesis, makeOutput(1024, 0));
        assertEq(stateCommitmentChain.batchCountOf(commitment.id()), 1024);

        (bytes32 batchHash, bytes32[] memory checkpoints) = claim(genesis, makeOutput(1025, 0));
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.CheckpointCountOutOfRange.selector, 1025, 1024));
        stateCommitmentChain.propose(genesis, batchHash, checkpoints);
    }

    function test_RevertWhen_NoCheckpoints() public {
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.CheckpointCountOutOfRange.selector, 0, 1024));
        stateCommitmentChain.propose(genesis, 0, new bytes32[](0));
    }

    function testFuzz_RevertWhen_ParentIsUnknown(bytes32 parent) public {
        vm.assume(parent != genesis);
        expectParentNotStanding(parent, CommitmentStatus.Unknown);
        stateCommitmentChain.propose(parent, 0, new bytes32[](1));
    }

    function test_RevertWhen_ParentIsRejected() public {
        Commitment memory parent = proposeOn(PROPOSER, genesis, makeOutput(1, 0));
        reject(parent);
        expectParentNotStanding(parent.id(), CommitmentStatus.Rejected);
        stateCommitmentChain.propose(parent.id(), 0, new bytes32[](1));
    }

    function test_RevertWhen_BatchIsNotAppendedYet() public {
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.UnknownBatch.selector, 3, 3));
        stateCommitmentChain.propose(genesis, 0, new bytes32[](4));
    }

    function testFuzz_RevertWhen_BatchHashIsAnother(bytes32 batchHash) public {
        bytes32 known = canonicalTransactionChain.batchHash(2);
        vm.assume(batchHash != known);
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.BatchHashMismatch.selector, batchHash, known));
        stateCommitmentChain.propose(genesis, batchHash, new bytes32[](3));
    }

    /// L1 reorganises, and the batch at that position becomes another. The proposer's transaction, made for the old one, must
    /// fail: if it passed, a true claim would be a lie by now and cost the bond.
    function test_RevertWhen_L1ReorganisedBeforeInclusion() public {
        uint256 fork = vm.snapshotState();
        appendBatch("what the proposer saw");
        (bytes32 batchHash, bytes32[] memory checkpoints) = claim(genesis, makeOutput(4, 0));
        assertTrue(vm.revertToState(fork));
        appendBatch("what L1 settled on");
        bytes32 known = canonicalTransactionChain.batchHash(3);
        vm.deal(PROPOSER, BOND);
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.BatchHashMismatch.selector, batchHash, known));
        vm.prank(PROPOSER);
        stateCommitmentChain.propose{value: BOND}(genesis, batchHash, checkpoints);
        assertEq(PROPOSER.balance, BOND);
    }

    function test_RevertWhen_ProposedBefore() public {
        Output memory output = makeOutput(1, 0);
        Commitment memory commitment = proposeOn(PROPOSER, genesis, output);
        expectProposedBefore(commitment, output);
        reject(commitment);
        expectProposedBefore(commitment, output);

        // The claim is not spoilt for others.
        Commitment memory other = proposeOn(RIVAL, genesis, output);
        finalizeOnTime(other, output);
        assertStatus(other.id(), CommitmentStatus.Final);
    }

    // --------------------------------------------------------------------------------------------- finalize

    function test_Finalize() public {
        Output memory output = makeOutput(2, keccak256("outbox"));
        Commitment memory commitment = proposeOn(PROPOSER, genesis, output);
        bytes32 id = commitment.id();
        passChallengeWindow();
        vm.expectEmit(address(stateCommitmentChain));
        emit IStateCommitmentChain.CommitmentFinalized(id, 2, output);
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.FinalRootRecorded(id, output.outboxRoot);
        vm.prank(STRANGER);
        stateCommitmentChain.finalize(commitment, output);

        assertStatus(id, CommitmentStatus.Final);
        assertEq(bridge.finalRoot(id), output.outboxRoot);
        assertBonds(PROPOSER, BOND, 0);
    }

    /// Both clocks to the second and to the block.
    function testFuzz_Finalize_ExactlyWhenBothClocksAllow(uint256 elapsed, uint256 blocks) public {
        Output memory output = makeOutput(1, 0);
        Commitment memory commitment = proposeOn(PROPOSER, genesis, output);
        uint256 time = vm.getBlockTimestamp() + bound(elapsed, WINDOW_SECONDS - 3, WINDOW_SECONDS + 3);
        uint256 number = vm.getBlockNumber() + bound(blocks, WINDOW_BLOCKS - 3, WINDOW_BLOCKS + 3);
        (uint64 from, uint64 fromBlock) = stateCommitmentChain.finalizableAt(commitment.id());
        vm.warp(time);
        vm.roll(number);
        if (time < from) {
            vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.WindowOpenInTime.selector, time, from));
        } else if (number < fromBlock) {
            vm.expectRevert(
                abi.encodeWithSelector(IStateCommitmentChain.WindowOpenInBlocks.selector, number, fromBlock)
            );
        }
        stateCommitmentChain.finalize(commitment, output);
    }

    function test_RevertWhen_OneSecondEarly() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        (uint64 from,) = stateCommitmentChain.finalizableAt(commitment.id());
        passChallengeWindow();
        vm.warp(from - 1);
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.WindowOpenInTime.selector, from - 1, from));
        stateCommitmentChain.finalize(commitment, output);
        vm.warp(from);
        stateCommitmentChain.finalize(commitment, output);
    }

    /// L1 missed slots: its time ran on, its blocks did not.
    function test_RevertWhen_OneBlockEarly() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        (, uint64 fromBlock) = stateCommitmentChain.finalizableAt(commitment.id());
        vm.warp(vm.getBlockTimestamp() + 10 * WINDOW_SECONDS);
        vm.roll(fromBlock - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IStateCommitmentChain.WindowOpenInBlocks.selector, fromBlock - 1, fromBlock)
        );
        stateCommitmentChain.finalize(commitment, output);
        vm.roll(fromBlock);
        stateCommitmentChain.finalize(commitment, output);
    }

    function test_RevertWhen_CommitmentIsUnknown() public {
        Output memory output = makeOutput(1, 0);
        Commitment memory commitment = makeCommitment(PROPOSER, genesis, output);
        expectUnexpectedStatus(commitment, CommitmentStatus.Unknown);
        stateCommitmentChain.finalize(commitment, output);
    }

    function test_RevertWhen_FinalizedTwice() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        finalizeOnTime(commitment, output);
        expectUnexpectedStatus(commitment, CommitmentStatus.Final);
        stateCommitmentChain.finalize(commitment, output);
        assertBonds(PROPOSER, BOND, 0);
    }

    function test_RevertWhen_OutputIsAnother() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        passChallengeWindow();
        output.outboxRoot = keccak256("a better outbox");
        vm.expectRevert(
            abi.encodeWithSelector(
                IStateCommitmentChain.OutputRootMismatch.selector, output.root(), commitment.outputRoot
            )
        );
        stateCommitmentChain.finalize(commitment, output);
    }

    function testFuzz_RevertWhen_CommitmentIsAltered(uint256 word, uint256 bit) public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        passChallengeWindow();
        bytes memory encoded = abi.encode(commitment);
        word = bound(word, 0, 5);
        // Within the size of the field.
        bit = bound(bit, 0, word == 2 ? 63 : word == 5 ? 159 : 255);
        encoded[word * 32 + 31 - bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        commitment = abi.decode(encoded, (Commitment));
        expectUnexpectedStatus(commitment, CommitmentStatus.Unknown);
        stateCommitmentChain.finalize(commitment, output);
    }

    function test_RevertWhen_ParentIsNotFinalYet() public {
        (Commitment memory parent, Output memory parentOutput) = proposeFirst();
        Output memory output = makeOutput(2, 0);
        Commitment memory child = proposeOn(RIVAL, parent.id(), output);
        passChallengeWindow();
        expectParentNotFinal(parent, CommitmentStatus.Proposed);
        stateCommitmentChain.finalize(child, output);

        stateCommitmentChain.finalize(parent, parentOutput);
        stateCommitmentChain.finalize(child, output);
        assertStatus(child.id(), CommitmentStatus.Final);
    }

    /// A number as large as it can be is an output's own affair: nothing on L1 counts on from it.
    function test_Finalize_HugeBlockNumberPoisonsNothing() public {
        Output memory output = makeOutput(1, 0);
        output.blockNumber = type(uint64).max;
        Commitment memory commitment = proposeOn(PROPOSER, genesis, output);
        finalizeOnTime(commitment, output);
        Output memory next = makeOutput(2, 0);
        finalizeOnTime(proposeOn(RIVAL, commitment.id(), next), next);
    }

    function test_Finalize_LateInTheAgeOfL1() public {
        vm.warp(type(uint40).max);
        vm.roll(type(uint40).max);
        (Commitment memory commitment, Output memory output) = proposeFirst();
        finalizeOnTime(commitment, output);
    }

    function test_Finalize_Siblings() public {
        Output memory output = makeOutput(1, 0);
        Output memory rivalOutput = makeOutput(1, keccak256("a false outbox"));
        Commitment memory commitment = proposeOn(PROPOSER, genesis, output);
        Commitment memory rival = proposeOn(RIVAL, genesis, rivalOutput);
        reject(rival);
        finalizeOnTime(commitment, output);
        assertStatus(commitment.id(), CommitmentStatus.Final);
        assertStatus(rival.id(), CommitmentStatus.Rejected);
        assertEq(bridge.finalRoot(rival.id()), 0);
    }

    // ----------------------------------------------------------------------------------------------- reject

    function testFuzz_Reject_SplitsTheBond(uint96 bond) public {
        bond = uint96(bound(bond, 1, type(uint96).max));
        Deploy.Config memory config = makeConfig();
        (config.bond, config.dispute.bond) = (bond, bond);
        adopt(deploy(config));
        appendBatches(1);

        (bytes32 batchHash, bytes32[] memory checkpoints) = claim(lastFinal, makeOutput(1, 0));
        Commitment memory commitment = makeCommitment(PROPOSER, lastFinal, makeOutput(1, 0));
        vm.deal(PROPOSER, bond);
        vm.prank(PROPOSER);
        stateCommitmentChain.propose{value: bond}(lastFinal, batchHash, checkpoints);

        uint256 reward = bond / 2;
        vm.expectEmit(address(stateCommitmentChain));
        emit IStateCommitmentChain.CommitmentRejected(commitment.id(), CHALLENGER, reward, bond - reward);
        reject(commitment);
        assertStatus(commitment.id(), CommitmentStatus.Rejected);
        assertBonds(PROPOSER, 0, 0);
        assertBonds(CHALLENGER, reward, 0);
        assertEq(BURN_ADDRESS.balance, bond - reward);
        assertEq(address(stateCommitmentChain).balance, reward);
    }

    function testFuzz_RevertWhen_CallerIsNotDisputeGame(address caller) public {
        vm.assume(caller != address(game) && caller != proxyAdminOf(address(stateCommitmentChain)));
        (Commitment memory commitment,) = proposeFirst();
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.NotDisputeGame.selector, caller, address(game)));
        vm.startPrank(caller);
        stateCommitmentChain.reject(commitment, caller);
        bytes memory reason =
            abi.encodeWithSelector(IStateCommitmentChain.NotDisputeGame.selector, caller, address(game));
        vm.expectRevert(reason);
        stateCommitmentChain.openChallenge(commitment);
        vm.expectRevert(reason);
        stateCommitmentChain.closeChallenge(commitment.id());
    }

    // ------------------------------------------------------------------------------------------- challenges

    function test_RevertWhen_FinalizedUnderChallenge() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        bytes32 id = commitment.id();
        vm.startPrank(address(game));
        stateCommitmentChain.openChallenge(commitment);
        stateCommitmentChain.openChallenge(commitment);
        passChallengeWindow();
        expectChallenged(id, 2);
        stateCommitmentChain.finalize(commitment, output);
        stateCommitmentChain.closeChallenge(id);
        expectChallenged(id, 1);
        stateCommitmentChain.finalize(commitment, output);
        stateCommitmentChain.closeChallenge(id);
        stateCommitmentChain.finalize(commitment, output);
        assertStatus(id, CommitmentStatus.Final);
        expectUnexpectedStatus(commitment, CommitmentStatus.Final);
        stateCommitmentChain.openChallenge(commitment);
    }

    function test_ChallengesOf() public {
        (Commitment memory commitment,) = proposeFirst();
        bytes32 id = commitment.id();
        vm.startPrank(address(game));
        assertEq(stateCommitmentChain.challengesOf(id), 0);
        stateCommitmentChain.openChallenge(commitment);
        stateCommitmentChain.openChallenge(commitment);
        assertEq(stateCommitmentChain.challengesOf(id), 2);
        stateCommitmentChain.closeChallenge(id);
        assertEq(stateCommitmentChain.challengesOf(id), 1, "one failed");
        stateCommitmentChain.reject(commitment, CHALLENGER);
        assertEq(stateCommitmentChain.challengesOf(id), 1, "one found it false");
        assertEq(stateCommitmentChain.challengesOf("unknown"), 0);
    }

    /// A dispute may last longer than the window, and end in rejection.
    function test_Reject_UnderChallenge() public {
        (Commitment memory commitment,) = proposeFirst();
        vm.prank(address(game));
        stateCommitmentChain.openChallenge(commitment);
        passChallengeWindow();
        reject(commitment);
        assertStatus(commitment.id(), CommitmentStatus.Rejected);
    }

    /// The window must have passed on both clocks.
    function test_RevertWhen_ChallengedAfterTheWindow() public {
        (Commitment memory commitment,) = proposeFirst();
        (uint64 time, uint64 blockNumber) = stateCommitmentChain.finalizableAt(commitment.id());
        vm.startPrank(address(game));
        vm.warp(time);
        vm.roll(blockNumber - 1);
        stateCommitmentChain.openChallenge(commitment);
        vm.warp(time - 1);
        vm.roll(blockNumber);
        stateCommitmentChain.openChallenge(commitment);
        vm.warp(time);
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.WindowPassed.selector, time, blockNumber));
        stateCommitmentChain.openChallenge(commitment);
    }

    function test_RevertWhen_ChallengeIsNotOpen() public {
        (Commitment memory commitment,) = proposeFirst();
        vm.startPrank(address(game));
        vm.expectRevert(stdError.arithmeticError);
        stateCommitmentChain.closeChallenge(commitment.id());
    }

    function expectChallenged(bytes32 id, uint32 challenges) private {
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.CommitmentChallenged.selector, id, challenges));
    }

    /// Not even the dispute contract inverts finality.
    function test_RevertWhen_RejectedAfterFinality() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        finalizeOnTime(commitment, output);
        expectUnexpectedStatus(commitment, CommitmentStatus.Final);
        reject(commitment);
        Commitment memory genesisClaim;
        genesisClaim.outputRoot = makeOutput(0, 0).root();
        expectUnexpectedStatus(genesisClaim, CommitmentStatus.Final);
        reject(genesisClaim);
    }

    function test_RevertWhen_RejectedTwice() public {
        (Commitment memory commitment,) = proposeFirst();
        reject(commitment);
        expectUnexpectedStatus(commitment, CommitmentStatus.Rejected);
        reject(commitment);
    }

    function test_RevertWhen_FinalizedAfterRejection() public {
        (Commitment memory commitment, Output memory output) = proposeFirst();
        reject(commitment);
        passChallengeWindow();
        expectUnexpectedStatus(commitment, CommitmentStatus.Rejected);
        stateCommitmentChain.finalize(commitment, output);
    }

    /// The window does not decide by itself: until someone finalizes, the dispute contract has the word.
    function test_Reject_AfterTheWindow() public {
        (Commitment memory commitment,) = proposeFirst();
        passChallengeWindow();
        reject(commitment);
        assertStatus(commitment.id(), CommitmentStatus.Rejected);
    }

    function test_RejectDescendant_Grandchild() public {
        (Commitment memory parent,) = proposeFirst();
        Output memory childOutput = makeOutput(2, 0);
        Commitment memory child = proposeOn(RIVAL, parent.id(), childOutput);
        Output memory grandchildOutput = makeOutput(3, 0);
        Commitment memory grandchild = proposeOn(PROPOSER, child.id(), grandchildOutput);
        reject(parent);
        passChallengeWindow();

        // Doomed before anyone marks them.
        expectParentNotFinal(parent, CommitmentStatus.Rejected);
        stateCommitmentChain.finalize(child, childOutput);
        expectParentNotFinal(child, CommitmentStatus.Proposed);
        stateCommitmentChain.finalize(grandchild, grandchildOutput);

        vm.expectRevert(
            abi.encodeWithSelector(
                IStateCommitmentChain.ParentNotRejected.selector, child.id(), CommitmentStatus.Proposed
            )
        );
        stateCommitmentChain.rejectDescendant(grandchild);

        uint256 burned = BURN_ADDRESS.balance;
        vm.expectEmit(address(stateCommitmentChain));
        emit IStateCommitmentChain.CommitmentRejected(child.id(), address(0), 0, BOND);
        vm.prank(STRANGER);
        stateCommitmentChain.rejectDescendant(child);
        stateCommitmentChain.rejectDescendant(grandchild);
        assertStatus(child.id(), CommitmentStatus.Rejected);
        assertStatus(grandchild.id(), CommitmentStatus.Rejected);
        assertBonds(RIVAL, 0, 0);
        assertBonds(PROPOSER, 0, 0);
        assertEq(BURN_ADDRESS.balance, burned + 2 * uint256(BOND));
        assertEq(address(stateCommitmentChain).balance, stateCommitmentChain.bondOf(CHALLENGER));
    }

    function test_RevertWhen_ParentOfDescendantStands() public {
        (Commitment memory parent, Output memory parentOutput) = proposeFirst();
        Commitment memory child = proposeOn(RIVAL, parent.id(), makeOutput(2, 0));
        finalizeOnTime(parent, parentOutput);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStateCommitmentChain.ParentNotRejected.selector, parent.id(), CommitmentStatus.Final
            )
        );
        stateCommitmentChain.rejectDescendant(child);
    }

    // ------------------------------------------------------------------------------------------------ bonds

    function testFuzz_WithdrawBond(uint96 deposited, uint96 amount) public {
        amount = uint96(bound(amount, 0, deposited));
        vm.deal(PROPOSER, deposited);
        vm.startPrank(PROPOSER);
        stateCommitmentChain.depositBond{value: deposited}();
        vm.expectEmit(address(stateCommitmentChain));
        emit IStateCommitmentChain.BondWithdrawn(PROPOSER, RIVAL, amount);
        stateCommitmentChain.withdrawBond(RIVAL, amount);
        assertBonds(PROPOSER, deposited - amount, 0);
        assertEq(RIVAL.balance, amount);
    }

    function testFuzz_RevertWhen_WithdrawnMoreThanFree(uint256 amount) public {
        proposeFirst();
        vm.deal(PROPOSER, 3);
        vm.startPrank(PROPOSER);
        stateCommitmentChain.depositBond{value: 3}();
        amount = bound(amount, 4, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.InsufficientBond.selector, 3, amount));
        stateCommitmentChain.withdrawBond(PROPOSER, amount);
    }

    function test_RevertWhen_EthComesWithoutAccount() public {
        vm.deal(PROPOSER, 1);
        vm.prank(PROPOSER);
        (bool success,) = address(stateCommitmentChain).call{value: 1}("");
        assertFalse(success);
    }

    /// A wallet that is a contract, and takes no ETH, is no trap for its bond.
    function test_SmartWallet_GetsItsBondBack() public {
        Wallet wallet = new Wallet(stateCommitmentChain);
        Output memory output = makeOutput(1, 0);
        Commitment memory commitment = proposeOn(address(wallet), genesis, output);
        finalizeOnTime(commitment, output);
        vm.expectRevert(
            abi.encodeWithSelector(IStateCommitmentChain.BondTransferFailed.selector, address(wallet), BOND)
        );
        wallet.withdraw(address(wallet), BOND);
        assertBonds(address(wallet), BOND, 0);
        wallet.withdraw(RIVAL, BOND);
        assertEq(RIVAL.balance, BOND);
    }

    function test_Reentrancy_TakesNothingTwice() public {
        // Someone else's ETH to be stolen.
        vm.deal(RIVAL, 10 ether);
        vm.prank(RIVAL);
        stateCommitmentChain.depositBond{value: 10 ether}();

        Thief thief = new Thief(stateCommitmentChain);
        vm.deal(address(thief), 1 ether);
        thief.steal();
        assertEq(thief.attempts(), 1);
        assertEq(
            thief.lastReason(), abi.encodeWithSelector(IStateCommitmentChain.InsufficientBond.selector, 0, 1 ether)
        );
        assertEq(address(thief).balance, 1 ether);
        assertEq(address(stateCommitmentChain).balance, 10 ether);
    }

    // ---------------------------------------------------------------------------------------------- helpers

    function proposeFirst() private returns (Commitment memory commitment, Output memory output) {
        output = makeOutput(1, keccak256("outbox"));
        commitment = proposeOn(PROPOSER, genesis, output);
    }

    function claim(bytes32 parent, Output memory output)
        private
        view
        returns (bytes32 batchHash, bytes32[] memory checkpoints)
    {
        return (canonicalTransactionChain.batchHash(output.batchCount - 1), checkpointsOf(parent, output));
    }

    function finalizeOnTime(Commitment memory commitment, Output memory output) private {
        passChallengeWindow();
        stateCommitmentChain.finalize(commitment, output);
    }

    function reject(Commitment memory commitment) private {
        vm.prank(address(game));
        stateCommitmentChain.reject(commitment, CHALLENGER);
    }

    function assertStatus(bytes32 id, CommitmentStatus expected) private view {
        assertEq(uint8(stateCommitmentChain.commitmentStatus(id)), uint8(expected));
    }

    function assertBonds(address account, uint256 free, uint256 locked) private view {
        assertEq(stateCommitmentChain.bondOf(account), free);
        assertEq(stateCommitmentChain.lockedBondOf(account), locked);
    }

    function expectProposedBefore(Commitment memory commitment, Output memory output) private {
        bytes32[] memory checkpoints = checkpointsOf(commitment.parent, output);
        vm.deal(commitment.proposer, BOND);
        vm.expectRevert(
            abi.encodeWithSelector(IStateCommitmentChain.CommitmentAlreadyProposed.selector, commitment.id())
        );
        vm.prank(commitment.proposer);
        stateCommitmentChain.propose{value: BOND}(commitment.parent, commitment.batchHash, checkpoints);
    }

    function expectParentNotStanding(bytes32 parent, CommitmentStatus status) private {
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.ParentNotStanding.selector, parent, status));
    }

    function expectParentNotFinal(Commitment memory parent, CommitmentStatus status) private {
        vm.expectRevert(abi.encodeWithSelector(IStateCommitmentChain.ParentNotFinal.selector, parent.id(), status));
    }

    function expectUnexpectedStatus(Commitment memory commitment, CommitmentStatus status) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IStateCommitmentChain.UnexpectedCommitmentStatus.selector,
                commitment.id(),
                status,
                CommitmentStatus.Proposed
            )
        );
    }
}

/// A proposer that is a contract and takes no ETH.
contract Wallet {
    StateCommitmentChain private immutable CHAIN;

    constructor(StateCommitmentChain chain) {
        CHAIN = chain;
    }

    function withdraw(address recipient, uint256 amount) external {
        CHAIN.withdrawBond(recipient, amount);
    }
}

/// Withdraws its bond again while it is paid out.
contract Thief {
    StateCommitmentChain private immutable CHAIN;
    uint256 public attempts;
    bytes public lastReason;

    constructor(StateCommitmentChain chain) {
        CHAIN = chain;
    }

    function steal() external {
        CHAIN.depositBond{value: 1 ether}();
        CHAIN.withdrawBond(address(this), 1 ether);
    }

    receive() external payable {
        ++attempts;
        try CHAIN.withdrawBond(address(this), 1 ether) {}
        catch (bytes memory reason) {
            lastReason = reason;
        }
    }
}
