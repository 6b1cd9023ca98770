// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommitmentStatus} from "../../src/types/Commitment.sol";
import {Message} from "../../src/types/Message.sol";
import {SystemHandler} from "./SystemHandler.sol";

/// @notice What holds whatever anybody does, as long as the dispute key rejects what is false in time.
///
/// 1. Solvency. The bridge holds what is on L2 and what travels in messages that were sent and not yet executed, to the wei:
///    nothing is missing, and nothing is stuck.
/// 2. Once. Each target got the ETH of the messages to it that were executed, once each. Only messages in the outbox of a
///    final commitment were executed; no forged one, and none to the system's own contracts, ever.
/// 3. Never lost. In the end, whatever was tried before, everything that was sent can be executed, by anyone, as soon as its
///    target is willing: in two steps if it was proven before, or in one.
/// 4. Finality. A commitment is decided once, for ever. It is final only on a final parent, hence on no rejected ancestor,
///    only after its window in seconds and in blocks, and only if it is true. The bridge knows the outboxes of the final
///    ones, and no others.
/// 5. Bonds. What came in is what was paid out, burned, is free or is locked; the contract holds all that is free or locked.
///    An account has locked the bonds of its undecided commitments, no more and no less.
contract SystemInvariants is SystemHandler {
    function setUp() public override {
        super.setUp();
        bytes4[] memory actions = new bytes4[](15);
        actions[0] = this.depositEth.selector;
        actions[1] = this.append.selector;
        actions[2] = this.sendToL1.selector;
        actions[3] = this.prove.selector;
        actions[4] = this.finalizeProven.selector;
        actions[5] = this.execute.selector;
        actions[6] = this.executeMany.selector;
        actions[7] = this.plot.selector;
        actions[8] = this.propose.selector;
        actions[9] = this.finalizeAll.selector;
        actions[10] = this.dispute.selector;
        actions[11] = this.rejectDescendants.selector;
        actions[12] = this.depositBond.selector;
        actions[13] = this.withdrawBond.selector;
        actions[14] = this.pass.selector;
        targetContract(address(this));
        targetSelector(FuzzSelector(address(this), actions));
    }

    /// @dev All in one, as forge plays the same calls anew for every invariant.
    /// forge-config: default.invariant.runs = 5
    /// forge-config: default.invariant.depth = 700
    function invariant_System() public view {
        checkSolvency();
        checkOnce();
        checkFinality();
        checkBonds();
    }

    function afterInvariant() public {
        toppleLie();
        requireReached("message executed");
        requireReached("message passed over in a batch");
        requireReached("message failed in a batch");
        requireReached("claim refused");
        requireReached("commitment final");
        requireReached("commitment rejected");
        requireReached("descendant rejected");
        requireReached("bond withdrawn");
        checkNeverLost();
    }

    /// @dev Rare by chance: a lie is built on, and both fall.
    function toppleLie() private {
        append();
        propose({account: 0, parent: 0, batches: type(uint256).max, value: BOND, lie: 0});
        // An odd seed below two times the number of the latest names the very latest.
        propose({account: 1, parent: 1, batches: type(uint256).max, value: BOND, lie: 1});
        // An even challenger disputes the parent.
        dispute({candidate: candidates.length - 1, challenger: 0});
        rejectDescendants();
    }

    function requireReached(string memory what) private view {
        assertNotEq(reached[what], 0, string.concat("never reached: ", what));
    }

    function checkSolvency() private view {
        uint256 underway;
        for (uint256 i; i < sent.length; ++i) {
            if (!bridge.isFinalized(sent[i].index)) underway += sent[i].value;
        }
        assertEq(address(bridge).balance, l2Supply + underway, "solvency");
    }

    function checkOnce() private view {
        uint256[] memory due = new uint256[](targets.length);
        for (uint256 i; i < sent.length; ++i) {
            if (!bridge.isFinalized(sent[i].index)) continue;
            assertLt(i, candidates[newestFinal].messageCount, "executed without being final");
            assertNotEq(sent[i].target, address(bridge), "executed on the bridge itself");
            due[targetOf[i]] += sent[i].value;
        }
        for (uint256 i; i < targets.length; ++i) {
            if (targets[i] != address(bridge)) assertEq(targets[i].balance, due[i], "executed once");
        }
        assertEq(THIEF.balance, 0, "forged message executed");
    }

    function checkFinality() private view {
        for (uint256 i = 1; i < candidates.length; ++i) {
            Candidate storage candidate = candidates[i];
            bytes32 id = idOf(i);
            bool isFinal = candidate.status == CommitmentStatus.Final;
            assertLe(candidate.decisions, 1, "decided again");
            assertTrue(stateCommitmentChain.commitmentStatus(id) == candidate.status, "status changed by itself");
            assertEq(bridge.finalRoot(id), isFinal ? candidate.output.outboxRoot : bytes32(0), "root in the bridge");
            if (!isFinal) continue;
            assertTrue(candidates[candidate.parent].status == CommitmentStatus.Final, "final on no final parent");
            assertGe(candidate.decidedAt, candidate.proposedAt + WINDOW_SECONDS, "final too soon, in time");
            assertGe(candidate.decidedBlock, candidate.proposedBlock + WINDOW_BLOCKS, "final too soon, in blocks");
            assertTrue(candidate.isTrue, "final but false");
        }
    }

    function checkBonds() private view {
        uint256 held;
        for (uint256 i; i < accounts.length; ++i) {
            uint256 locked = stateCommitmentChain.lockedBondOf(accounts[i]);
            assertEq(locked, BOND * undecidedOf(accounts[i]), "locked bond");
            held += locked + stateCommitmentChain.bondOf(accounts[i]);
        }
        assertEq(bondsIn, bondsOut + bondsBurned + held, "bonds in and out");
        assertEq(burnAddress.balance, bondsBurned, "bonds burned");
        assertGe(address(stateCommitmentChain).balance, held, "bonds held");
    }

    function undecidedOf(address account) private view returns (uint256 count) {
        for (uint256 i = 1; i < candidates.length; ++i) {
            Candidate storage candidate = candidates[i];
            if (candidate.commitment.proposer == account && candidate.status == CommitmentStatus.Proposed) ++count;
        }
    }

    /// @dev Nobody helps but the sequencer, one honest proposer, and time.
    function checkNeverLost() private {
        append();
        // An even seed names the newest final parent, the largest one the newest batch.
        propose({account: 0, parent: 0, batches: type(uint256).max, value: BOND, lie: 1});
        wait(WINDOW_SECONDS, WINDOW_BLOCKS);
        finalizeAll();
        assertEq(newestFinal, candidates.length - 1, "an honest commitment is final in the end");

        // Their owners see reason.
        gate.setOpen(true);
        for (uint256 i; i < hostile.length; ++i) {
            vm.etch(hostile[i], "");
        }
        for (uint256 i; i < proofs.length; ++i) {
            Message memory message = outboxOf(proofs[i].candidate)[proofs[i].index];
            if (candidates[proofs[i].candidate].status != CommitmentStatus.Final || !isExecutable(message)) continue;
            bridge.finalizeMessage(message, idOf(proofs[i].candidate));
        }
        Message[] memory outbox = outboxOf(newestFinal);
        assertEq(outbox.length, sent.length);
        for (uint256 i; i < outbox.length; ++i) {
            if (isExecutable(outbox[i])) bridge.executeMessage(outbox[i], idOf(newestFinal), proofOf(outbox, i));
        }
        for (uint256 i; i < outbox.length; ++i) {
            assertFalse(isExecutable(outbox[i]), "a claim did nothing");
        }
        checkSolvency();
        checkOnce();
        checkFinality();
        checkBonds();
    }

    function isExecutable(Message memory message) private view returns (bool) {
        return !bridge.isFinalized(message.index) && message.target != address(bridge);
    }
}
