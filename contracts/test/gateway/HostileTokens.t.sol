// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {BridgedToken} from "../../src/gateway/BridgedToken.sol";
import {IGateway} from "../../src/gateway/IGateway.sol";
import {IL2Endpoint} from "../../src/gateway/IL2Endpoint.sol";
import {Message} from "../../src/types/Message.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Receiver} from "../support/Receivers.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {GasBurner, ReturnBomb} from "../support/Targets.sol";
import {
    BlockingToken,
    CallbackToken,
    EarlyNFT,
    EarningToken,
    FalseToken,
    FeeToken,
    LyingToken,
    Manner,
    NoReturnToken,
    OddToken,
    PausableToken,
    PlainToken,
    RebasingToken,
    TokenHolder
} from "../support/Tokens.sol";

/// @notice What happens to tokens that are not well-behaved, and that nothing happens to those that are.
contract HostileTokensTest is GatewayTest {
    /// Somebody else's, which must stay as they are.
    PlainToken private bystander;

    function setUp() public override {
        super.setUp();
        bystander = new PlainToken("Bystander", "BY", 18);
        bystander.mint(ALICE, 1000);
        approve(address(bystander));
        depositTokens(address(bystander), ALICE, ALICE, 1000, "");
        assertEq(deliver(), 0);
    }

    /// A hundredth is taken on each way: what arrives is what crosses, and the recipient of a call learns both.
    function test_FeeOnTransfer_WhatArrivesCounts() public {
        FeeToken token = new FeeToken();
        token.mint(ALICE, 10_000);
        approve(address(token));
        vm.expectEmit(address(l1Gateway));
        emit IGateway.TokensSent(address(token), ALICE, ALICE, 9900, 3, "");
        depositTokens(address(token), ALICE, ALICE, 10_000, "");
        assertEq(deliver(), 0);
        BridgedToken twin = BridgedToken(l2Gateway.twinOf(address(token)));
        assertEq(twin.totalSupply(), 9900);
        assertEq(token.balanceOf(address(l1Gateway)), 9900);

        Receiver receiver = new Receiver();
        withdrawTokens(address(twin), ALICE, address(receiver), 9900, "hello");
        claimLast();
        assertEq(receiver.sent(), 9900);
        assertEq(receiver.amountOrId(), 9801);
        assertEq(token.balanceOf(address(receiver)), 9801);
        assertEq(token.balanceOf(address(l1Gateway)), 0);
    }

    function test_FeeOnTransfer_HomeOnL2_WhatArrivesCounts() public {
        FeeToken token = new FeeToken();
        token.mint(ALICE, 10_000);
        approveOnL2(address(token));
        vm.expectEmit(address(l2Gateway));
        emit IGateway.TokensSent(address(token), ALICE, ALICE, 9900, 1, "");
        withdrawTokens(address(token), ALICE, ALICE, 10_000, "");
        claim(0);
        claim(1);
        BridgedToken twin = BridgedToken(l1Gateway.twinOf(address(token)));
        assertEq(twin.totalSupply(), 9900);
        assertEq(token.balanceOf(address(l2Gateway)), 9900);

        Receiver receiver = new Receiver();
        depositTokens(address(twin), ALICE, address(receiver), 9900, "hello");
        assertEq(deliver(), 0);
        assertEq(receiver.sent(), 9900);
        assertEq(receiver.amountOrId(), 9801);
        assertEq(token.balanceOf(address(receiver)), 9801);
        assertEq(token.balanceOf(address(l2Gateway)), 0);
        assertEq(twin.totalSupply(), 0);
    }

    function test_RebasingUp_GrowthCrossesForNobody() public {
        RebasingToken token = new RebasingToken();
        BridgedToken twin = cross(address(token), 1000);
        token.setPercent(200);
        assertEq(token.balanceOf(address(l1Gateway)), 2000);
        withdrawTokens(address(twin), ALICE, BOB, 1000, "");
        claimLast();
        assertEq(token.balanceOf(BOB), 1000);
        assertEq(token.balanceOf(address(l1Gateway)), 1000);
    }

    function test_RebasingUp_HomeOnL2_GrowthCrossesForNobody() public {
        RebasingToken token = new RebasingToken();
        BridgedToken twin = crossToL1(address(token), 1000);
        token.setPercent(200);
        assertEq(token.balanceOf(address(l2Gateway)), 2000);
        depositTokens(address(twin), ALICE, BOB, 1000, "");
        assertEq(deliver(), 0);
        assertEq(token.balanceOf(BOB), 1000);
        assertEq(token.balanceOf(address(l2Gateway)), 1000);
    }

    /// What all that is locked has earned comes with the next deposit: it is not that depositor's.
    function test_EarningWhenMoved_GrowthCrossesForNobody() public {
        EarningToken token = new EarningToken();
        token.mint(ALICE, 1000);
        token.mint(BOB, 1);
        approve(address(token));
        vm.prank(BOB);
        token.approve(address(l1Gateway), 1);
        depositTokens(address(token), ALICE, ALICE, 1000, "");
        token.earn(address(l1Gateway), 70);
        depositTokens(address(token), BOB, BOB, 1, "");
        assertEq(deliver(), 0);
        assertEq(token.balanceOf(address(l1Gateway)), 1071);
        BridgedToken twin = BridgedToken(l2Gateway.twinOf(address(token)));
        assertEq(twin.balanceOf(BOB), 1);
        assertEq(twin.totalSupply(), 1001);
    }

    /// Its ids would be taken for amounts: whoever has three worthless ones could leave with number three.
    function test_RevertWhen_TokenMovesById() public {
        EarlyNFT token = new EarlyNFT();
        expectNoRegistration(address(token));
    }

    /// Precompiles answer anything.
    function test_RevertWhen_TokenIsAPrecompile() public {
        for (uint160 i = 1; i < 12; ++i) {
            expectNoRegistration(address(i));
        }
    }

    /// Those who come last wait until somebody fills the gap.
    function test_RebasingDown_TheLastWait() public {
        RebasingToken token = new RebasingToken();
        BridgedToken twin = cross(address(token), 1000);
        token.setPercent(50);
        withdrawTokens(address(twin), ALICE, BOB, 500, "");
        claimLast();
        assertEq(token.balanceOf(BOB), 500);
        uint64 index = withdrawTokens(address(twin), ALICE, BOB, 500, "");
        claimFails(index);
        assertBystander();
        token.mint(address(l1Gateway), 500);
        claim(index);
        assertEq(token.balanceOf(BOB), 1000);
    }

    function test_RebasingDown_HomeOnL2_TheLastWait() public {
        RebasingToken token = new RebasingToken();
        BridgedToken twin = crossToL1(address(token), 1000);
        token.setPercent(50);
        depositTokens(address(twin), ALICE, BOB, 500, "");
        assertEq(deliver(), 0);
        assertEq(token.balanceOf(BOB), 500);
        depositTokens(address(twin), ALICE, BOB, 500, "");
        crossBystander();
        assertEq(deliver(), 1);
        assertStaysUndelivered();
        assertBystander();
        token.mint(address(l2Gateway), 500);
        l2Gateway.redeliver(lastFailure());
        assertEq(token.balanceOf(BOB), 1000);
    }

    /// Between deposits it is the growth of the balance that counts, not the balance.
    function test_Rebasing_DepositsCountWhatTheyBring() public {
        RebasingToken token = new RebasingToken();
        BridgedToken twin = cross(address(token), 1000);
        token.setPercent(200);
        token.mint(ALICE, 100);
        depositTokens(address(token), ALICE, BOB, 100, "");
        deliver();
        assertEq(twin.balanceOf(BOB), 100);
    }

    function test_NoReturnValue_CrossesBothWays() public {
        NoReturnToken token = new NoReturnToken();
        BridgedToken twin = cross(address(token), 1000);
        assertEq(twin.name(), "");
        assertEq(twin.symbol(), "");
        assertEq(twin.decimals(), 0);
        withdrawTokens(address(twin), ALICE, BOB, 1000, "");
        claimLast();
        assertEq(token.balanceOf(BOB), 1000);
    }

    function test_NoReturnValue_HomeOnL2_CrossesBothWays() public {
        NoReturnToken token = new NoReturnToken();
        BridgedToken twin = crossToL1(address(token), 1000);
        assertEq(twin.balanceOf(ALICE), 1000);
        assertEq(token.balanceOf(address(l2Gateway)), 1000);
        depositTokens(address(twin), ALICE, BOB, 1000, "");
        assertEq(deliver(), 0);
        assertEq(token.balanceOf(BOB), 1000);
    }

    function test_FalseReturned_IsAFailure() public {
        FalseToken token = new FalseToken();
        token.mint(ALICE, 1000);
        approve(address(token));
        expectDepositRevert(
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token),
            address(token),
            ALICE,
            ALICE,
            1000
        );
    }

    function test_FalseReturned_HomeOnL2_IsAFailure() public {
        FalseToken token = new FalseToken();
        token.mint(ALICE, 1000);
        approveOnL2(address(token));
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token));
        withdrawTokens(address(token), ALICE, ALICE, 1000, "");
        assertEq(OUTBOX.count(), 0);
    }

    /// Of a release, too: who is told that it failed has not got it, and gets it later.
    function test_FalseReturned_HomeOnL2_ReleaseIsUndelivered() public {
        OddToken token = new OddToken();
        BridgedToken twin = crossToL1(address(token), 1000);
        token.setManner(IERC20.transfer.selector, Manner.Answers, abi.encode(false));
        depositTokens(address(twin), ALICE, BOB, 1000, "");
        crossBystander();
        assertEq(deliver(), 1);
        assertBystander();
        token.setManner(IERC20.transfer.selector, Manner.Honest, "");
        l2Gateway.redeliver(lastFailure());
        assertEq(token.balanceOf(BOB), 1000);
    }

    function test_Pausable_WaitsAndHoldsUpNobody() public {
        PausableToken token = new PausableToken();
        BridgedToken twin = cross(address(token), 1000);
        token.setPaused(true);
        expectDepositRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector), address(token), ALICE, ALICE, 1);
        uint64 index = withdrawTokens(address(twin), ALICE, BOB, 400, "");
        withdrawTokens(l2Gateway.twinOf(address(bystander)), ALICE, BOB, 400, "");
        bool[] memory executed = claimAll();
        assertFalse(executed[0]);
        assertTrue(executed[1], "another token's");
        token.setPaused(false);
        claim(index);
        assertEq(token.balanceOf(BOB), 400);
        assertEq(bystander.balanceOf(BOB), 400);
    }

    function test_Pausable_HomeOnL2_IsRedeliveredLater() public {
        PausableToken token = new PausableToken();
        BridgedToken twin = crossToL1(address(token), 1000);
        token.mint(ALICE, 1);
        token.setPaused(true);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        withdrawTokens(address(token), ALICE, ALICE, 1, "");
        depositTokens(address(twin), ALICE, BOB, 400, "");
        crossBystander();
        assertEq(deliver(), 1);
        assertStaysUndelivered();
        assertBystander();
        token.setPaused(false);
        l2Gateway.redeliver(lastFailure());
        assertEq(token.balanceOf(BOB), 400);
        assertEq(token.balanceOf(address(l2Gateway)), 600);
        vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, lastFailure().id()));
        l2Gateway.redeliver(lastFailure());
    }

    /// It is theirs as soon as they are taken from the list, and until then nobody else's.
    function test_Blocked_RecipientWaitsAndHoldsUpNobody() public {
        BlockingToken token = new BlockingToken();
        BridgedToken twin = cross(address(token), 1000);
        token.setBlocked(BOB, true);
        uint64 index = withdrawTokens(address(twin), ALICE, BOB, 400, "");
        withdrawTokens(address(twin), ALICE, STRANGER, 300, "");
        withdrawTokens(l2Gateway.twinOf(address(bystander)), ALICE, BOB, 10, "");
        bool[] memory executed = claimAll();
        assertFalse(executed[0]);
        assertTrue(executed[1], "another recipient's");
        assertTrue(executed[2], "another token's");
        assertEq(token.balanceOf(STRANGER), 300);
        assertEq(bystander.balanceOf(BOB), 10);
        assertEq(claimFails(index), abi.encodeWithSelector(BlockingToken.Blocked.selector, BOB));
        assertEq(token.balanceOf(address(l1Gateway)), 700);
        token.setBlocked(BOB, false);
        claim(index);
        assertEq(token.balanceOf(BOB), 400);
        assertEq(token.balanceOf(address(l1Gateway)), 300);
    }

    /// There it can also go back to its sender.
    function test_Blocked_HomeOnL2_RecipientIsUndelivered() public {
        BlockingToken token = new BlockingToken();
        BridgedToken twin = crossToL1(address(token), 1000);
        token.setBlocked(BOB, true);
        depositTokens(address(twin), ALICE, BOB, 400, "");
        depositTokens(address(twin), ALICE, STRANGER, 300, "");
        depositTokens(address(twin), ALICE, BOB, 200, "");
        crossBystander();
        assertEq(deliver(), 2);
        assertEq(token.balanceOf(STRANGER), 300);
        assertBystander();
        assertStaysUndelivered();
        vm.prank(ALICE, ALICE);
        l2Gateway.sendBack(undelivered[1]);
        claimLast();
        assertEq(twin.balanceOf(ALICE), 300);
        token.setBlocked(BOB, false);
        l2Gateway.redeliver(undelivered[0]);
        assertEq(token.balanceOf(BOB), 400);
        assertEq(token.balanceOf(address(l2Gateway)), twin.totalSupply());
    }

    /// Then none of this token moves, and all others do.
    function test_Blocked_GatewayItselfHoldsUpThatTokenAlone() public {
        BlockingToken token = new BlockingToken();
        BridgedToken twin = cross(address(token), 1000);
        token.mint(ALICE, 1);
        token.setBlocked(address(l1Gateway), true);
        expectDepositRevert(
            abi.encodeWithSelector(BlockingToken.Blocked.selector, l1Gateway), address(token), ALICE, ALICE, 1
        );
        uint64 index = withdrawTokens(address(twin), ALICE, BOB, 400, "");
        withdrawTokens(l2Gateway.twinOf(address(bystander)), ALICE, BOB, 10, "");
        bool[] memory executed = claimAll();
        assertFalse(executed[0]);
        assertTrue(executed[1], "another token's");
        token.setBlocked(address(l1Gateway), false);
        claim(index);
        assertEq(token.balanceOf(BOB), 400);
    }

    /// The classic: called before the tokens leave, the sender deposits once more from within. The balance grows by both while the
    /// outer deposit is measured, which would count the inner one twice.
    function test_Callback_NestedDepositIsNotCountedTwice() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttacker(token);
        attacker.setCall(address(l1Gateway), depositCall(address(token), address(attacker), 500), false);
        attacker.act(address(l1Gateway), 1 ether, depositCall(address(token), address(attacker), 500));
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(
            attacker.returned(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        assertEq(deliver(), 0);
        assertEq(BridgedToken(l2Gateway.twinOf(address(token))).totalSupply(), 500);
        assertEq(token.balanceOf(address(l1Gateway)), 500);
    }

    /// The same by another token: one lock is for all.
    function test_Callback_OtherTokenIsNotDepositedFromWithin() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttacker(token);
        bystander.mint(address(attacker), 10);
        attacker.act(address(bystander), 0, abi.encodeCall(IERC20.approve, (address(l1Gateway), 10)));
        attacker.setCall(address(l1Gateway), depositCall(address(bystander), BOB, 10), false);
        attacker.act(address(l1Gateway), 1 ether, depositCall(address(token), address(attacker), 500));
        assertFalse(attacker.succeeded());
        assertBystander();
    }

    /// What leaves by a claim in the midst of a deposit would make the deposit count less, or another's claim fail for ever.
    function test_Callback_NestedClaimStaysClaimable() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttacker(token);
        attacker.act(address(l1Gateway), 1 ether, depositCall(address(token), ALICE, 500));
        assertEq(deliver(), 0);
        uint64 index = withdrawTokens(l2Gateway.twinOf(address(token)), ALICE, BOB, 100, "");
        collect();
        bytes32 commitment = publish(sent);
        attacker.setCall(
            address(bridge),
            abi.encodeCall(bridge.executeMessage, (sent[index], commitment, proofOf(sent, index))),
            false
        );
        attacker.setValue(0);
        attacker.act(address(l1Gateway), 1 ether, depositCall(address(token), ALICE, 300));
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(deliver(), 0);
        assertEq(BridgedToken(l2Gateway.twinOf(address(token))).balanceOf(ALICE), 700);
        claim(index);
        assertEq(token.balanceOf(BOB), 100);
        assertEq(token.balanceOf(address(l1Gateway)), 700);
    }

    /// Called when released tokens have come, the recipient deposits them from within: refused while the release is measured. In its
    /// call on arrival it may.
    function test_Callback_ReleaseIsNotReentered() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttacker(token);
        attacker.act(address(l1Gateway), 1 ether, depositCall(address(token), ALICE, 500));
        deliver();
        withdrawTokens(l2Gateway.twinOf(address(token)), ALICE, address(attacker), 100, "");
        attacker.setCall(address(l1Gateway), depositCall(address(token), address(attacker), 100), true);
        claimLast();
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(token.balanceOf(address(l1Gateway)), 400);
    }

    function test_Callback_HomeOnL2_NestedWithdrawalIsNotCountedTwice() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttackerOnL2(token);
        bytes memory call = withdrawCall(address(token), address(attacker), 500);
        attacker.setCall(address(l2Gateway), call, false);
        attacker.act(address(l2Gateway), 0, call);
        assertRefused(attacker);
        collect();
        assertEq(sent.length, 2, "registration and one withdrawal");
        claim(0);
        claim(1);
        assertEq(BridgedToken(l1Gateway.twinOf(address(token))).totalSupply(), 500);
        assertEq(token.balanceOf(address(l2Gateway)), 500);
    }

    /// Another token of L2 neither.
    function test_Callback_HomeOnL2_OtherTokenIsNotWithdrawnFromWithin() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttackerOnL2(token);
        PlainToken other = new PlainToken("Other", "O", 18);
        other.mint(address(attacker), 10);
        attacker.act(address(other), 0, abi.encodeCall(IERC20.approve, (address(l2Gateway), 10)));
        attacker.setCall(address(l2Gateway), withdrawCall(address(other), BOB, 10), false);
        attacker.act(address(l2Gateway), 0, withdrawCall(address(token), address(attacker), 500));
        assertRefused(attacker);
        assertEq(other.balanceOf(address(attacker)), 10);
        assertFalse(l2Gateway.isRegistered(address(other)));
    }

    /// What leaves by a redelivery in the midst of a withdrawal would make the withdrawal count less, or be lost.
    function test_Callback_HomeOnL2_NestedRedeliveryStaysUndelivered() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttackerOnL2(token);
        attacker.act(address(l2Gateway), 0, withdrawCall(address(token), ALICE, 500));
        claim(0);
        claim(1);
        address twin = l1Gateway.twinOf(address(token));
        Receiver receiver = new Receiver();
        receiver.setRefusal("closed");
        depositTokens(twin, ALICE, address(receiver), 100, "hello");
        assertEq(deliver(), 1);
        receiver.setRefusal("");
        attacker.setCall(address(l2Gateway), abi.encodeCall(l2Gateway.redeliver, (lastFailure())), false);
        attacker.act(address(l2Gateway), 0, withdrawCall(address(token), ALICE, 300));
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        claimLast();
        assertEq(BridgedToken(twin).balanceOf(ALICE), 700);
        l2Gateway.redeliver(lastFailure());
        assertEq(token.balanceOf(address(receiver)), 100);
        assertEq(token.balanceOf(address(l2Gateway)), 700);
    }

    /// The release is what it was, whatever its recipient tries when it comes.
    function test_Callback_HomeOnL2_ReleaseIsNotReentered() public {
        CallbackToken token = new CallbackToken();
        TokenHolder attacker = makeAttackerOnL2(token);
        attacker.act(address(l2Gateway), 0, withdrawCall(address(token), ALICE, 500));
        claim(0);
        claim(1);
        depositTokens(l1Gateway.twinOf(address(token)), ALICE, address(attacker), 100, "");
        attacker.setCall(address(l2Gateway), withdrawCall(address(token), address(attacker), 100), true);
        crossBystander();
        assertEq(deliver(), 0);
        assertRefused(attacker);
        assertEq(token.balanceOf(address(attacker)), 600);
        assertEq(token.balanceOf(address(l2Gateway)), 400);
        assertEq(OUTBOX.count(), 2);
        assertBystander();
    }

    /// By then nothing is measured any more.
    function test_CallOnArrivalMaySendOn() public {
        Receiver receiver = new Receiver();
        PlainToken token = new PlainToken("Token", "T", 18);
        BridgedToken twin = cross(address(token), 1000);
        receiver.setCall(address(l2Gateway), abi.encodeCall(l2Gateway.withdraw, (address(twin), BOB, 60, L1_GAS, "")));
        token.mint(ALICE, 100);
        depositTokens(address(token), ALICE, address(receiver), 100, "hello");
        assertEq(deliver(), 0);
        assertTrue(receiver.succeeded());
        assertEq(twin.balanceOf(address(receiver)), 40);
        claimLast();
        assertEq(token.balanceOf(BOB), 60);
    }

    /// It moves nothing and claims that it did: its own twin is as worthless as itself, and no other's.
    function test_LyingBalance_MintsNothingButItsOwnTwin() public {
        LyingToken token = new LyingToken();
        token.setLying(true);
        BridgedToken twin = cross(address(token), 1000);
        assertEq(twin.balanceOf(ALICE), 1000);
        withdrawTokens(address(twin), ALICE, BOB, 1000, "");
        claimLast();
        token.setLying(false);
        assertEq(token.balanceOf(BOB), 0);
        assertBystander();
    }

    /// 2^256 - 1 arrive, and then again: the second cannot be minted.
    function test_LyingBalance_CannotOverflowItsTwin() public {
        LyingToken token = new LyingToken();
        token.setLying(true);
        depositTokens(address(token), STRANGER, STRANGER, type(uint256).max, "");
        assertEq(deliver(), 0);
        BridgedToken twin = BridgedToken(l2Gateway.twinOf(address(token)));
        assertEq(twin.totalSupply(), type(uint256).max);
        token.setLying(true);
        depositTokens(address(token), STRANGER, STRANGER, type(uint256).max, "");
        crossBystander();
        assertEq(deliver(), 1);
        assertEq(twin.totalSupply(), type(uint256).max);
        assertBystander();
    }

    function test_ShrinkingBalance_IsNothing() public {
        CallbackToken token = new CallbackToken();
        cross(address(token), 1000);
        token.mint(ALICE, 1);
        // In the midst of the transfer, more leaves the gateway than comes.
        vm.prank(address(l1Gateway));
        token.approve(address(token), 10);
        token.setCallback(address(token), abi.encodeCall(IERC20.transferFrom, (address(l1Gateway), STRANGER, 10)));
        expectDepositRevert(
            abi.encodeWithSelector(IGateway.NothingReceived.selector, token), address(token), ALICE, ALICE, 1
        );
    }

    /// Garbage instead of a bool, a revert, a loop, a megabyte either way: the deposit fails, and that is all.
    function test_OddTransferFrom_FailsItsDeposit() public {
        OddToken token = new OddToken();
        token.mint(ALICE, 1000);
        approve(address(token));
        Manner[4] memory manners = [Manner.Answers, Manner.Reverts, Manner.BurnsGas, Manner.RevertBombs];
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        for (uint256 i; i < manners.length; ++i) {
            token.setManner(IERC20.transferFrom.selector, manners[i], hex"deadbeef");
            vm.prank(ALICE);
            (bool success,) = address(l1Gateway).call{value: fee, gas: 10_000_000}(
                abi.encodeCall(l1Gateway.deposit, (address(token), ALICE, 1, L2_GAS, fee, ""))
            );
            assertFalse(success);
        }
        assertFalse(l1Gateway.isRegistered(address(token)));
        assertEq(deliver(), 0);
        assertBystander();
    }

    /// The same when it is to be released: in a batch with another's, in any order, that one is executed.
    function test_OddTransfer_StaysClaimableAndHoldsUpNobody() public {
        Manner[4] memory manners = [Manner.Answers, Manner.Reverts, Manner.BurnsGas, Manner.RevertBombs];
        for (uint256 i; i < manners.length; ++i) {
            OddToken token = new OddToken();
            BridgedToken twin = cross(address(token), 1000);
            token.setManner(IERC20.transfer.selector, manners[i], abi.encode(2));
            uint64 index = withdrawTokens(address(twin), ALICE, BOB, 400, "");
            withdrawTokens(l2Gateway.twinOf(address(bystander)), ALICE, BOB, 10, "");
            bool[] memory executed = claimAll();
            assertFalse(executed[index]);
            assertTrue(executed[index + 1], "another token's");
            assertEq(bystander.balanceOf(BOB), 10 * (i + 1));
            token.setManner(IERC20.transfer.selector, Manner.Honest, "");
            claim(index);
            assertEq(token.balanceOf(BOB), 400);
        }
    }

    /// On L2 a token that fails while it is released waits, as any delivery does.
    function test_OddTransfer_IsUndeliveredOnL2() public {
        OddToken token = new OddToken();
        token.mint(ALICE, 1000);
        vm.prank(ALICE);
        token.approve(address(l2Gateway), 1000);
        uint64 index = withdrawTokens(address(token), ALICE, ALICE, 1000, "");
        claim(index - 1);
        claim(index);
        address twin = l1Gateway.twinOf(address(token));
        Manner[3] memory manners = [Manner.Reverts, Manner.BurnsGas, Manner.RevertBombs];
        for (uint256 i; i < manners.length; ++i) {
            token.setManner(IERC20.transfer.selector, manners[i], "");
            depositTokens(twin, ALICE, BOB, 10, "");
            crossBystander();
            assertEq(deliver(), 1);
        }
        assertBystander();
        token.setManner(IERC20.transfer.selector, Manner.Honest, "");
        for (uint256 i; i < undelivered.length; ++i) {
            l2Gateway.redeliver(undelivered[i]);
        }
        assertEq(token.balanceOf(BOB), 30);
    }

    /// A recipient that uses up its gas, or returns a megabyte either way, waits, and holds up nobody.
    function test_OddRecipient_StaysClaimableAndHoldsUpNobody() public {
        address[3] memory recipients =
            [address(new ReturnBomb(true)), address(new ReturnBomb(false)), address(new GasBurner())];
        PlainToken token = new PlainToken("Token", "T", 18);
        BridgedToken twin = cross(address(token), 1000);
        for (uint256 i; i < recipients.length; ++i) {
            withdrawTokens(address(twin), ALICE, recipients[i], 100, "hello");
        }
        withdrawTokens(address(twin), ALICE, BOB, 100, "");
        bool[] memory executed = claimAll();
        for (uint256 i; i < recipients.length; ++i) {
            assertFalse(executed[i]);
        }
        assertTrue(executed[recipients.length]);
        assertEq(token.balanceOf(address(l1Gateway)), 900);
    }

    /// What a token says of itself is read as far as it can be, and cut.
    function test_Metadata_IsReadAsFarAsItCanBe() public {
        // Text in one word.
        bytes32 maker = "Maker";
        bytes32 mkr = "MKR";
        assertRegistered(abi.encode(maker), abi.encode(mkr), abi.encode(18), "Maker", "MKR", 18);
        assertRegistered(
            abi.encode(~bytes32(0)), abi.encode(bytes32(0)), abi.encode(0), string(abi.encode(~bytes32(0))), "", 0
        );
        // Nothing, and too little.
        assertRegistered("", "", "", "", "", 0);
        assertRegistered(hex"00", new bytes(63), new bytes(31), "", "", 0);
        bytes32 abc = "abc";
        // No string where it should be, and one that claims to be longer than it is.
        assertRegistered(abi.encode(64, 1, 1), abi.encode(type(uint256).max, 1), abi.encode(256), "", "", 0);
        assertRegistered(
            abi.encode(32, type(uint256).max, abc),
            abi.encode(32, 33, abc),
            abi.encode(255),
            string(abi.encode(abc)),
            string(abi.encode(abc)),
            255
        );
        assertRegistered(abi.encode(32, 0), abi.encode(32, 3), abi.encode(type(uint256).max), "", "", 0);
        // No more than 64 bytes.
        bytes memory longText = bytes(string.concat(Strings.toHexString(1, 31), "zz and more"));
        assertRegistered(
            abi.encode(longText),
            abi.encode(string(new bytes(64))),
            abi.encode(6),
            string.concat(Strings.toHexString(1, 31)),
            string(new bytes(64)),
            6
        );
    }

    function test_Metadata_OddAnswersRegisterNameless() public {
        Manner[4] memory manners = [Manner.Reverts, Manner.BurnsGas, Manner.Bombs, Manner.RevertBombs];
        for (uint256 i; i < manners.length; ++i) {
            OddToken token = new OddToken();
            token.setManner(IERC20Metadata.name.selector, manners[i], "");
            token.setManner(IERC20Metadata.symbol.selector, manners[i], "");
            token.setManner(IERC20Metadata.decimals.selector, manners[i], "");
            token.setManner(token.supportsInterface.selector, manners[i], "");
            uint256 gasBefore = gasleft();
            BridgedToken twin = cross(address(token), 100);
            assertLt(gasBefore - gasleft(), 2_000_000);
            assertEq(twin.name(), "");
            assertEq(twin.symbol(), "");
            assertEq(twin.decimals(), 0);
        }
    }

    /// Whoever registers a token first, with whatever gas: it gets its name or nothing happens.
    function testFuzz_Metadata_LittleGasMakesNoTokenNameless(uint256 gasLimit) public {
        gasLimit = bound(gasLimit, 50_000, 600_000);
        PlainToken token = new PlainToken("Plain Token", "PLAIN", 6);
        uint256 fee = bridge.quote(l1Gateway.REGISTRATION_GAS_LIMIT());
        hoax(STRANGER, fee);
        (bool success,) = address(l1Gateway).call{value: fee, gas: gasLimit}(
            abi.encodeCall(l1Gateway.registerToken, (address(token), fee))
        );
        deliver();
        BridgedToken twin = BridgedToken(l2Gateway.twinOf(address(token)));
        assertEq(address(twin).code.length != 0, success);
        if (success) assertEq(twin.name(), "Plain Token");
    }

    /// Nor can a token answer otherwise for lack of gas: all that it may take is there.
    function test_RevertWhen_TokenIsAskedWithLittleGas() public {
        PlainToken token = new PlainToken("Plain Token", "PLAIN", 6);
        uint256 fee = bridge.quote(l1Gateway.REGISTRATION_GAS_LIMIT());
        hoax(STRANGER, fee);
        (bool success, bytes memory reason) = address(l1Gateway).call{value: fee, gas: 200_000}(
            abi.encodeCall(l1Gateway.registerToken, (address(token), fee))
        );
        assertFalse(success);
        // forge-lint: disable-next-line(unsafe-typecast) the selector
        assertEq(bytes4(reason), IGateway.InsufficientRegistrationGas.selector);
    }

    /// A twin keeps the name that it was registered with.
    function test_Metadata_DoesNotChangeLater() public {
        OddToken token = new OddToken();
        BridgedToken twin = cross(address(token), 100);
        token.setManner(IERC20Metadata.name.selector, Manner.Answers, abi.encode("Bystander"));
        uint256 fee = bridge.quote(l1Gateway.REGISTRATION_GAS_LIMIT());
        hoax(STRANGER, fee);
        l1Gateway.registerToken{value: fee}(address(token), fee);
        assertEq(deliver(), 0);
        assertEq(twin.name(), "Odd");
    }

    /// The longest names that are taken over can be stored with the gas that a registration has.
    function test_Metadata_LongestFitsTheGasOfARegistration() public {
        bytes memory longest = new bytes(64);
        for (uint256 i; i < longest.length; ++i) {
            longest[i] = 0xff;
        }
        assertRegistered(
            abi.encode(longest), abi.encode(longest), abi.encode(255), string(longest), string(longest), 255
        );
    }

    function assertRegistered(
        bytes memory nameAnswer,
        bytes memory symbolAnswer,
        bytes memory decimalsAnswer,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) private {
        OddToken token = new OddToken();
        token.setManner(IERC20Metadata.name.selector, Manner.Answers, nameAnswer);
        token.setManner(IERC20Metadata.symbol.selector, Manner.Answers, symbolAnswer);
        token.setManner(IERC20Metadata.decimals.selector, Manner.Answers, decimalsAnswer);
        BridgedToken twin = cross(address(token), 100);
        assertEq(twin.name(), name);
        assertEq(twin.symbol(), symbol);
        assertEq(twin.decimals(), decimals);
    }

    /// @dev Mints so much of a token of L1 to Alice, and brings it to L2.
    function cross(address token, uint256 amount) private returns (BridgedToken twin) {
        PlainToken(token).mint(ALICE, amount);
        approve(token);
        depositTokens(token, ALICE, ALICE, amount, "");
        assertEq(deliver(), 0);
        return BridgedToken(l2Gateway.twinOf(token));
    }

    /// @dev Mints so much of a token of L2 to Alice, and brings it to L1.
    function crossToL1(address token, uint256 amount) private returns (BridgedToken twin) {
        PlainToken(token).mint(ALICE, amount);
        approveOnL2(token);
        uint64 index = withdrawTokens(token, ALICE, ALICE, amount, "");
        // The registration goes before it.
        claim(index - 1);
        claim(index);
        twin = BridgedToken(l1Gateway.twinOf(token));
        assertEq(twin.totalSupply(), amount);
    }

    /// @dev One more of the bystander.
    function crossBystander() private {
        bystander.mint(ALICE, 1);
        depositTokens(address(bystander), ALICE, ALICE, 1, "");
    }

    function makeAttacker(CallbackToken token) private returns (TokenHolder attacker) {
        attacker = new TokenHolder();
        vm.deal(address(attacker), 10 ether);
        attacker.setValue(1 ether);
        token.mint(address(attacker), 1000);
        attacker.act(address(token), 0, abi.encodeCall(token.listen, ()));
        attacker.act(address(token), 0, abi.encodeCall(token.approve, (address(l1Gateway), type(uint256).max)));
    }

    function makeAttackerOnL2(CallbackToken token) private returns (TokenHolder attacker) {
        attacker = makeAttacker(token);
        attacker.setValue(0);
        attacker.act(address(token), 0, abi.encodeCall(token.approve, (address(l2Gateway), type(uint256).max)));
    }

    function depositCall(address token, address to, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(l1Gateway.deposit, (token, to, amount, L2_GAS, 1 ether, ""));
    }

    function withdrawCall(address token, address to, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(l2Gateway.withdraw, (token, to, amount, L1_GAS, ""));
    }

    /// @dev Claims all messages of the outbox at once that were not claimed yet.
    function claimAll() private returns (bool[] memory) {
        collect();
        uint256[] memory indices = new uint256[](sent.length);
        for (uint256 i; i < indices.length; ++i) {
            indices[i] = i;
        }
        (Message[] memory messages, bytes32[] memory proof) = choose(sent, indices);
        return bridge.executeMessages(messages, publish(sent), ReferenceTree.depth(sent.length), proof);
    }

    function approve(address token) private {
        vm.prank(ALICE);
        // Whatever it returns.
        (bool success,) = token.call(abi.encodeCall(IERC20.approve, (address(l1Gateway), type(uint256).max)));
        assertTrue(success);
    }

    function approveOnL2(address token) private {
        vm.prank(ALICE);
        // Whatever it returns.
        (bool success,) = token.call(abi.encodeCall(IERC20.approve, (address(l2Gateway), type(uint256).max)));
        assertTrue(success);
    }

    /// @dev That the last delivery which failed fails once more, and waits on.
    function assertStaysUndelivered() private {
        bytes32 id = lastFailure().id();
        uint256 count = l2Gateway.undelivered(id);
        assertGt(count, 0);
        vm.expectPartialRevert(IL2Endpoint.DeliveryFailedAgain.selector);
        l2Gateway.redeliver(lastFailure());
        assertEq(l2Gateway.undelivered(id), count);
    }

    /// @dev That what it tried from within was, for no other reason than that.
    function assertRefused(TokenHolder attacker) private view {
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(
            attacker.returned(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
    }

    function assertBystander() private view {
        uint256 locked = bystander.balanceOf(address(l1Gateway));
        assertGe(locked, 1000);
        assertEq(BridgedToken(l2Gateway.twinOf(address(bystander))).totalSupply(), locked);
    }

    function expectNoRegistration(address token) private {
        vm.deal(ALICE, 1 ether);
        vm.prank(ALICE, ALICE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidToken.selector, token));
        l1Gateway.registerToken{value: 1 ether}(token, 1 ether);
    }
}
