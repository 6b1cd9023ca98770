// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {Claim, Terms} from "../../src/gateway/Claim.sol";
import {IFastExit} from "../../src/gateway/IFastExit.sol";
import {ExitTest} from "../support/ExitTest.sol";
import {Meddler} from "../support/Meddler.sol";
import {Gate, ReturnBomb} from "../support/Targets.sol";
import {CallbackToken, FeeToken, NoReturnToken, PausableToken, PlainToken, RebasingToken} from "../support/Tokens.sol";
import {Words} from "../support/Words.sol";

contract FastExitTest is ExitTest {
    using Words for bytes;

    // Ether

    function test_RecipientIsPaidInFullIfNobodyFills() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        expectSettlement(index, claimed, RECIPIENT, false);
        assertEq(RECIPIENT.balance, AMOUNT);
    }

    function test_FillPaysTheRecipientAtOnceAndItsOwnerAtFinality() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        uint256 before = FILLER.balance;
        vm.expectEmit(address(fastExit));
        emit IFastExit.ClaimFilled(claimed.id(), FILLER, index, claimed);
        fill(FILLER, claimed, index);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
        assertEq(FILLER.balance, before - AMOUNT + FEE);
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);

        expectSettlement(index, claimed, FILLER, true);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
        assertEq(FILLER.balance, before + FEE);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));
        assertEq(address(fastExit).balance, 0);
    }

    function test_FillsInTheLastSecond() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        vm.warp(claimed.deadline);
        fill(FILLER, claimed, index);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
    }

    function test_RevertWhen_DeadlinePassed() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        vm.warp(claimed.deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IFastExit.DeadlinePassed.selector, claimed.deadline + 1, claimed.deadline)
        );
        vm.prank(FILLER);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);
        claim(index);
        assertEq(RECIPIENT.balance, AMOUNT);
    }

    function test_RevertWhen_FilledTwice() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        fill(FILLER, claimed, index);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.ClaimAlreadyFilled.selector, claimed.id(), FILLER));
        hoax(BUYER, AMOUNT);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);
    }

    /// @dev A fill that comes too late would pay for nothing.
    function test_RevertWhen_MessageWasExecuted() public {
        Terms memory terms = makeTerms(RECIPIENT);
        terms.deadline = type(uint64).max;
        (uint64 index, Claim memory claimed) = exit(terms);
        claim(index);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.MessageAlreadyFinalized.selector, index));
        vm.prank(FILLER);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);
    }

    // Whoever fills says what it fills, and for which message

    /// @dev The index only stops a fill that comes too late: one of another message in flight stops nothing, and gives nothing more.
    function test_AnothersIndexFillsTheSameClaim() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        (uint64 other,) = exit(makeTerms(BUYER));
        uint256 before = FILLER.balance;
        vm.expectEmit(address(fastExit));
        emit IFastExit.ClaimFilled(claimed.id(), FILLER, other, claimed);
        fill(FILLER, claimed, other);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.ClaimAlreadyFilled.selector, claimed.id(), FILLER));
        hoax(STRANGER, AMOUNT);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);

        expectSettlement(other, makeClaim(address(0), AMOUNT, makeTermsOf(claimed, BUYER)), BUYER, false);
        assertEq(BUYER.balance, AMOUNT);
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);
        expectSettlement(index, claimed, FILLER, true);
        assertEq(FILLER.balance, before + FEE);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
        assertEq(address(fastExit).balance, 0);
    }

    /// @dev By another's index one can fill what was paid out already. That is the filler's loss: no other withdrawal makes up for it.
    function test_FillOfWhatWasExecutedIsTheFillersLoss() public {
        Terms memory terms = makeTerms(RECIPIENT);
        terms.deadline = type(uint64).max;
        (uint64 index, Claim memory claimed) = exit(terms);
        (uint64 other,) = exit(makeTermsOf(claimed, BUYER));
        claim(index);
        assertEq(RECIPIENT.balance, AMOUNT);
        uint256 before = FILLER.balance;
        fill(FILLER, claimed, other);
        assertEq(FILLER.balance, before - AMOUNT + FEE);
        assertEq(RECIPIENT.balance, 2 * AMOUNT - FEE);

        claim(other);
        assertEq(BUYER.balance, AMOUNT);
        assertEq(FILLER.balance, before - AMOUNT + FEE);
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);
        assertEq(address(fastExit).balance, 0);
        // Only who withdraws the like once more, and has been paid for it, makes up for it.
        (index,) = exit(terms);
        claim(index);
        assertEq(FILLER.balance, before + FEE);
        assertEq(RECIPIENT.balance, 2 * AMOUNT - FEE);
    }

    /// @dev Of no message that there is, in ETH and in tokens: what the recipient gets comes from who fills, and nothing else moves.
    function testFuzz_FillOfWhatDoesNotExistIsTheFillersLoss(uint64 index, bool ofToken, bytes32 salt) public {
        PlainToken token = new PlainToken("Plain", "PLAIN", 18);
        address paid = ofToken ? address(token) : address(0);
        token.mint(FILLER, AMOUNT);
        token.mint(ALICE, AMOUNT);
        (uint64 real, Claim memory claimed) =
            ofToken ? exitToken(address(token), makeTerms(RECIPIENT)) : exit(makeTerms(RECIPIENT));
        Terms memory terms = makeTermsOf(claimed, BUYER);
        terms.salt = salt;
        Claim memory none = makeClaim(paid, AMOUNT, terms);
        uint256 before = balanceOf(paid, FILLER);
        fill(FILLER, none, index);
        assertEq(balanceOf(paid, BUYER), AMOUNT - FEE);
        assertEq(balanceOf(paid, FILLER), before - AMOUNT + FEE);

        claim(real);
        assertEq(balanceOf(paid, RECIPIENT), AMOUNT);
        assertEq(balanceOf(paid, FILLER), before - AMOUNT + FEE);
        assertEq(fastExit.ownerOf(none.id()), FILLER);
        assertEq(balanceOf(paid, address(fastExit)), 0);
    }

    /// @dev Nor does an index save whom it does not belong to.
    function test_RevertWhen_AnothersMessageWasExecuted() public {
        (, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        (uint64 other,) = exit(makeTerms(BUYER));
        claim(other);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.MessageAlreadyFinalized.selector, other));
        vm.prank(FILLER);
        fastExit.fill{value: AMOUNT - FEE}(claimed, other);
    }

    /// @dev Neither of two messages that are alike takes the other's payment, whichever arrives first.
    function testFuzz_EachOfTwoLikeMessagesPaysOnce(bool secondArrivesFirst, bool fillsTheOtherToo) public {
        Terms memory terms = makeTerms(RECIPIENT);
        terms.deadline = type(uint64).max;
        (uint64 first, Claim memory claimed) = exit(terms);
        (uint64 second,) = exit(terms);
        uint256 before = FILLER.balance;
        fill(FILLER, claimed, first);
        if (secondArrivesFirst) (first, second) = (second, first);
        claim(first);
        assertEq(FILLER.balance, before + FEE);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));

        if (fillsTheOtherToo) {
            fill(FILLER, claimed, second);
            claim(second);
            assertEq(FILLER.balance, before + 2 * FEE);
            assertEq(RECIPIENT.balance, 2 * (AMOUNT - FEE));
        } else {
            claim(second);
            assertEq(FILLER.balance, before + FEE);
            assertEq(RECIPIENT.balance, AMOUNT - FEE + AMOUNT);
        }
    }

    /// @dev What differs in any field is another claim: nobody can use up a fill with a message that pays less, or is another's.
    function testFuzz_OtherMessageDoesNotSettleTheFill(uint256 field, uint256 by) public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        fill(FILLER, claimed, index);
        Terms memory terms = makeTerms(RECIPIENT);
        (address sender, uint256 amount) = (L2_USER, AMOUNT);
        field = bound(field, 0, 5);
        if (field == 0) amount = bound(by, 0, AMOUNT - 1);
        else if (field == 1) sender = makeAddr("other sender");
        else if (field == 2) terms.recipient = makeAddr("other recipient");
        else if (field == 3) terms.fee = bound(by, FEE + 1, type(uint256).max);
        else if (field == 4) terms.deadline = uint64(bound(by, terms.deadline + 1, type(uint64).max));
        else terms.salt = bytes32(bound(by, 0, uint256(terms.salt) - 1));
        vm.deal(sender, amount);
        vm.prank(sender);
        uint64 other = OUTBOX.send{value: amount}(address(fastExit), L1_GAS, abi.encodeCall(fastExit.settle, (terms)));

        uint256 before = FILLER.balance;
        uint256 owed = terms.recipient.balance + amount;
        claim(other);
        assertEq(terms.recipient.balance, owed);
        assertEq(FILLER.balance, before);
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);
        claim(index);
        assertEq(FILLER.balance, before + AMOUNT);
    }

    function test_RevertWhen_FeeIsAboveAmountButSettlesInFull() public {
        Terms memory terms = makeTerms(RECIPIENT);
        terms.fee = AMOUNT + 1;
        (uint64 index, Claim memory claimed) = exit(terms);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.FeeAboveAmount.selector, AMOUNT + 1, AMOUNT));
        vm.prank(FILLER);
        fastExit.fill(claimed, index);
        claim(index);
        assertEq(RECIPIENT.balance, AMOUNT);
    }

    function test_FeeMayBeAllOfIt() public {
        Terms memory terms = makeTerms(RECIPIENT);
        terms.fee = AMOUNT;
        (uint64 index, Claim memory claimed) = exit(terms);
        fill(FILLER, claimed, index);
        claim(index);
        assertEq(RECIPIENT.balance, 0);
        assertEq(FILLER.balance, 100 ether + AMOUNT);
    }

    function testFuzz_RevertWhen_ValueIsWrong(uint256 value) public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        value = bound(value, 0, FILLER.balance);
        vm.assume(value != AMOUNT - FEE);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.WrongValue.selector, value, AMOUNT - FEE));
        vm.prank(FILLER);
        fastExit.fill{value: value}(claimed, index);
    }

    function testFuzz_RevertWhen_SettledByAnyoneElse(address caller, Terms calldata terms) public {
        vm.assume(caller != address(bridge));
        hoax(caller, AMOUNT);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.NotBridge.selector, caller, bridge));
        fastExit.settle{value: AMOUNT}(terms);
    }

    function test_RevertWhen_EtherComesWithoutTerms() public {
        vm.deal(address(this), 1 ether);
        (bool success,) = address(fastExit).call{value: 1 ether}("");
        assertFalse(success);
    }

    // Claims change hands

    function test_ClaimIsTransferable() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        fill(FILLER, claimed, index);
        vm.expectEmit(address(fastExit));
        emit IFastExit.ClaimTransferred(claimed.id(), FILLER, BUYER);
        vm.prank(FILLER);
        fastExit.transferClaim(claimed.id(), BUYER);
        assertEq(fastExit.ownerOf(claimed.id()), BUYER);
        claim(index);
        assertEq(BUYER.balance, AMOUNT);
    }

    function test_RevertWhen_StrangerTransfersClaim() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        bytes32 id = claimed.id();
        expectNotOwner(STRANGER, id, address(0));
        fill(FILLER, claimed, index);
        expectNotOwner(STRANGER, id, FILLER);
        vm.prank(FILLER);
        fastExit.transferClaim(id, BUYER);
        expectNotOwner(FILLER, id, BUYER);
        claim(index);
        expectNotOwner(BUYER, id, address(0));
    }

    /// @dev The zero address owns what nobody filled.
    function test_RevertWhen_ClaimIsGivenToNobody() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        bytes32 id = claimed.id();
        fill(FILLER, claimed, index);
        vm.expectRevert(abi.encodeWithSelector(IFastExit.InvalidRecipient.selector, address(0)));
        vm.prank(FILLER);
        fastExit.transferClaim(id, address(0));
        vm.expectRevert(abi.encodeWithSelector(IFastExit.InvalidRecipient.selector, fastExit));
        vm.prank(FILLER);
        fastExit.transferClaim(id, address(fastExit));
    }

    // Payees that refuse, and other ways in which relaying broke elsewhere

    function test_UndeliverableRecipientStaysClaimable() public {
        Gate gate = new Gate();
        (uint64 index, Claim memory claimed) = exit(makeTerms(address(gate)));
        vm.expectRevert(Gate.Closed.selector);
        vm.prank(FILLER);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));

        assertEq(claimFails(index), abi.encodeWithSelector(Gate.Closed.selector));
        gate.setOpen(true);
        claim(index);
        assertEq(address(gate).balance, AMOUNT);
    }

    function test_ZeroAddressRecipientStaysClaimable() public {
        expectInvalidRecipient(address(0));
    }

    function test_MarketAsRecipientStaysClaimable() public {
        expectInvalidRecipient(address(fastExit));
    }

    function test_OwnerThatRefusesHoldsUpOnlyItself() public {
        Gate gate = new Gate();
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        bytes32 id = claimed.id();
        fill(FILLER, claimed, index);
        vm.prank(FILLER);
        fastExit.transferClaim(id, address(gate));
        claimFails(index);
        assertEq(fastExit.ownerOf(id), address(gate));
        assertEq(RECIPIENT.balance, AMOUNT - FEE);

        vm.prank(address(gate));
        fastExit.transferClaim(id, BUYER);
        claim(index);
        assertEq(BUYER.balance, AMOUNT);
    }

    function test_ReturnBombsDoNotSpoilABatch() public {
        exit(makeTerms(address(new ReturnBomb(true))));
        exit(makeTerms(RECIPIENT));
        address bomb = address(new ReturnBomb(false));
        exit(makeTerms(bomb));
        collect();
        bytes32 commitment = publish(sent);
        bool[] memory executed = bridge.executeMessages(sent, commitment, 2, emptyLeaf());
        assertFalse(executed[0]);
        assertTrue(executed[1]);
        assertEq(RECIPIENT.balance, AMOUNT);
        // Memory for a megabyte costs it more than was promised; what it returns costs nobody.
        assertFalse(executed[2]);
        bridge.executeMessage(sent[2], commitment, proofOf(sent, 2));
        assertEq(bomb.balance, AMOUNT);
    }

    /// @dev With less gas than was promised there is no settlement at all, so nothing that a payee could be made to do.
    function test_CallWithLessGasThanPromisedChangesNothing() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        fill(FILLER, claimed, index);
        bytes memory call = executionOf(index);
        for (uint256 gas = 20_000; gas < L1_GAS; gas += 20_000) {
            (bool success,) = address(bridge).call{gas: gas}(call);
            assertFalse(success);
        }
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);
        (bool enough,) = address(bridge).call{gas: L1_GAS + 200_000}(call);
        assertTrue(enough);
        assertEq(FILLER.balance, 100 ether + FEE);
    }

    // Re-entrancy

    function test_RecipientCannotHaveItFilledAgain() public {
        Meddler meddler = new Meddler();
        vm.deal(address(meddler), AMOUNT);
        (uint64 index, Claim memory claimed) = exit(makeTerms(address(meddler)));
        meddler.prepare(address(fastExit), AMOUNT - FEE, abi.encodeCall(fastExit.fill, (claimed, index)));
        fill(FILLER, claimed, index);
        assertFalse(meddler.succeeded());
        assertEq(meddler.returned().selectorOf(), IFastExit.ClaimAlreadyFilled.selector);
        claim(index);
        assertEq(address(meddler).balance, 2 * AMOUNT - FEE);
        assertEq(FILLER.balance, 100 ether + FEE);
    }

    /// @dev The recipient of a fill executes the very withdrawal: it pays the filler, who filled first.
    function test_RecipientSettlesInTheMidstOfAFill() public {
        Meddler meddler = new Meddler();
        Terms memory terms = makeTerms(address(meddler));
        terms.deadline = type(uint64).max;
        (uint64 index, Claim memory claimed) = exit(terms);
        meddler.prepare(address(bridge), 0, executionOf(index));
        fill(FILLER, claimed, index);
        assertTrue(meddler.succeeded());
        assertTrue(bridge.isFinalized(index));
        assertEq(address(meddler).balance, AMOUNT - FEE);
        assertEq(FILLER.balance, 100 ether + FEE);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));
    }

    /// @dev By another's index it can: for its own money, and it is owed nothing more.
    function test_OwnerFillsWhatPaysItByAnothersIndexAtItsOwnCost() public {
        Meddler meddler = new Meddler();
        vm.deal(address(meddler), AMOUNT);
        Terms memory terms = makeTerms(RECIPIENT);
        terms.deadline = type(uint64).max;
        (uint64 index, Claim memory claimed) = exit(terms);
        (uint64 other,) = exit(makeTermsOf(claimed, BUYER));
        meddler.act(address(fastExit), AMOUNT - FEE, abi.encodeCall(fastExit.fill, (claimed, index)));
        meddler.prepare(address(fastExit), AMOUNT - FEE, abi.encodeCall(fastExit.fill, (claimed, other)));
        claim(index);
        assertTrue(meddler.succeeded());
        assertEq(RECIPIENT.balance, 2 * (AMOUNT - FEE));
        assertEq(address(meddler).balance, 2 * FEE);
        claim(other);
        assertEq(BUYER.balance, AMOUNT);
        assertEq(address(meddler).balance, 2 * FEE);
        assertEq(fastExit.ownerOf(claimed.id()), address(meddler));
        assertEq(address(fastExit).balance, 0);
    }

    function test_OwnerCannotFillWhatPaysIt() public {
        Meddler meddler = new Meddler();
        vm.deal(address(meddler), AMOUNT);
        Terms memory terms = makeTerms(RECIPIENT);
        terms.deadline = type(uint64).max;
        (uint64 index, Claim memory claimed) = exit(terms);
        bytes memory filling = abi.encodeCall(fastExit.fill, (claimed, index));
        meddler.act(address(fastExit), AMOUNT - FEE, filling);
        meddler.prepare(address(fastExit), AMOUNT - FEE, filling);
        claim(index);
        assertEq(meddler.returned().selectorOf(), IFastExit.MessageAlreadyFinalized.selector);
        assertEq(address(meddler).balance, AMOUNT + FEE);
        assertEq(RECIPIENT.balance, AMOUNT - FEE);
    }

    function test_OwnerCannotGiveAwayWhatPaysIt() public {
        Meddler meddler = new Meddler();
        vm.deal(address(meddler), AMOUNT);
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        meddler.act(address(fastExit), AMOUNT - FEE, abi.encodeCall(fastExit.fill, (claimed, index)));
        meddler.prepare(address(fastExit), 0, abi.encodeCall(fastExit.transferClaim, (claimed.id(), BUYER)));
        claim(index);
        assertEq(meddler.returned().selectorOf(), IFastExit.NotClaimOwner.selector);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));
    }

    /// @dev An owner that is being paid executes another withdrawal of the same claim, which nobody filled.
    function test_NestedClaimOfTheSameKindPaysTheRecipient() public {
        Meddler meddler = new Meddler();
        vm.deal(address(meddler), AMOUNT);
        (uint64 first, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        (uint64 second,) = exit(makeTerms(RECIPIENT));
        meddler.act(address(fastExit), AMOUNT - FEE, abi.encodeCall(fastExit.fill, (claimed, first)));
        meddler.prepare(address(bridge), 0, executionOf(second));
        claim(first);
        assertTrue(meddler.succeeded());
        assertEq(address(meddler).balance, AMOUNT + FEE);
        assertEq(RECIPIENT.balance, AMOUNT - FEE + AMOUNT);
    }

    /// @dev A settlement inside of another one has the L2 sender of its own message.
    function test_NestedSettlementHasItsOwnSender() public {
        Meddler meddler = new Meddler();
        (uint64 outer,) = exit(makeTerms(address(meddler)));
        address other = makeAddr("other sender");
        Terms memory terms = makeTerms(RECIPIENT);
        vm.deal(other, AMOUNT);
        vm.prank(other);
        uint64 inner = OUTBOX.send{value: AMOUNT}(address(fastExit), L1_GAS, abi.encodeCall(fastExit.settle, (terms)));
        Claim memory claimed = makeClaim(address(0), AMOUNT, terms);
        // Of the outer sender: to be left alone.
        fill(FILLER, claimed, inner);
        meddler.prepare(address(bridge), 0, executionOf(inner));
        claim(outer);
        assertTrue(meddler.succeeded());
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);
        assertEq(RECIPIENT.balance, AMOUNT - FEE + AMOUNT);
    }

    // Tokens

    function test_TokensAreFilledAndSettled() public {
        checkToken(address(new PlainToken("Plain", "PLAIN", 18)), AMOUNT, AMOUNT - FEE, AMOUNT);
    }

    function test_TokensArriveInFullIfNobodyFills() public {
        PlainToken token = new PlainToken("Plain", "PLAIN", 18);
        token.mint(ALICE, AMOUNT);
        (uint64 index,) = exitToken(address(token), makeTerms(RECIPIENT));
        claim(index);
        assertEq(token.balanceOf(RECIPIENT), AMOUNT);
    }

    function test_TokenWithoutReturnValue() public {
        checkToken(address(new NoReturnToken()), AMOUNT, AMOUNT - FEE, AMOUNT);
    }

    /// @dev It keeps a hundredth of each transfer: of the deposit, of the fill, and of the two of the settlement. The claim is known
    /// by what was sent on L2, so the filler is paid all the same.
    function test_FeeOnTransferTokenTakesItsFeeOfEachPayee() public {
        uint256 amount = AMOUNT * 99 / 100;
        checkToken(address(new FeeToken()), amount, less(amount - FEE), less(less(amount)));
    }

    /// @dev Between the fill and its settlement, half of all balances vanish.
    function test_RebasingTokenIsSettledAsItIsThen() public {
        RebasingToken token = new RebasingToken();
        token.mint(ALICE, AMOUNT);
        token.mint(FILLER, AMOUNT);
        (uint64 index, Claim memory claimed) = exitToken(address(token), makeTerms(RECIPIENT));
        fill(FILLER, claimed, index);
        token.setPercent(50);
        // What is locked does not suffice, and the message waits.
        claimFails(index);
        token.setPercent(200);
        claim(index);
        assertApproxEqAbs(token.balanceOf(FILLER), 2 * FEE + AMOUNT, 2);
        assertEq(token.balanceOf(address(fastExit)), 0);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));
    }

    function test_PausedTokenStaysClaimable() public {
        PausableToken token = new PausableToken();
        token.mint(ALICE, AMOUNT);
        token.mint(FILLER, AMOUNT);
        (uint64 index, Claim memory claimed) = exitToken(address(token), makeTerms(RECIPIENT));
        vm.prank(FILLER);
        token.approve(address(fastExit), AMOUNT);
        token.setPaused(true);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        vm.prank(FILLER);
        fastExit.fill(claimed, index);
        assertEq(claimFails(index), abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        token.setPaused(false);
        claim(index);
        assertEq(token.balanceOf(RECIPIENT), AMOUNT);
    }

    function test_RevertWhen_EtherComesWithAFillOfTokens() public {
        PlainToken token = new PlainToken("Plain", "PLAIN", 18);
        token.mint(ALICE, AMOUNT);
        (uint64 index, Claim memory claimed) = exitToken(address(token), makeTerms(RECIPIENT));
        vm.expectRevert(abi.encodeWithSelector(IFastExit.WrongValue.selector, 1, 0));
        vm.prank(FILLER);
        fastExit.fill{value: 1}(claimed, index);
    }

    function testFuzz_RevertWhen_TokensAreReportedByAnyoneElse(address caller, Terms calldata terms) public {
        vm.assume(caller != address(l1Gateway));
        vm.expectRevert(abi.encodeWithSelector(IFastExit.NotTokenGateway.selector, caller, l1Gateway));
        vm.prank(caller);
        fastExit.onTokensReceived(address(1), L2_USER, AMOUNT, AMOUNT, abi.encode(terms));
    }

    /// @dev A token that calls out in its transfers lets the filler try to be paid twice: before its payment moves, the withdrawal is
    /// executed; when that pays it, it tries another one.
    function test_TokenThatCallsBackPaysEachClaimOnce() public {
        CallbackToken token = new CallbackToken();
        Meddler meddler = new Meddler();
        token.mint(ALICE, 2 * AMOUNT);
        token.mint(address(meddler), AMOUNT);
        meddler.act(address(token), 0, abi.encodeCall(token.listen, ()));
        meddler.act(address(token), 0, abi.encodeCall(token.approve, (address(fastExit), AMOUNT)));
        Terms memory terms = makeTerms(RECIPIENT);
        terms.deadline = type(uint64).max;
        (uint64 first, Claim memory claimed) = exitToken(address(token), terms);
        (uint64 second,) = exitToken(address(token), terms);
        meddler.prepare(address(bridge), 0, executionOf(first));
        meddler.prepare(address(bridge), 0, executionOf(second));
        meddler.act(address(fastExit), 0, abi.encodeCall(fastExit.fill, (claimed, first)));

        assertEq(meddler.prepared(), 0);
        assertTrue(bridge.isFinalized(first) && bridge.isFinalized(second));
        assertEq(token.balanceOf(address(meddler)), AMOUNT + FEE);
        assertEq(token.balanceOf(RECIPIENT), AMOUNT - FEE + AMOUNT);
        assertEq(token.balanceOf(address(fastExit)), 0);
    }

    /// @dev Whenever the token moves it executes another withdrawal. While the gateway counts what arrives, that is refused; between
    /// the market's being told and its paying, it is not, and each gets its own.
    function test_TokenCannotMixTwoSettlements() public {
        CallbackToken token = new CallbackToken();
        token.mint(ALICE, 2 * AMOUNT);
        (uint64 first,) = exitToken(address(token), makeTerms(RECIPIENT));
        (uint64 second,) = exitToken(address(token), makeTerms(BUYER));
        token.setCallback(address(bridge), executionOf(second));
        claim(first);
        assertEq(token.balanceOf(RECIPIENT), AMOUNT);
        assertTrue(bridge.isFinalized(second));
        assertEq(token.balanceOf(BUYER), AMOUNT);
        assertEq(token.balanceOf(address(fastExit)), 0);
    }

    /// @dev A token whose home is L2 settles as its twin on L1.
    function test_TwinOnL1IsSettled() public {
        PlainToken token = new PlainToken("Of L2", "L2", 18);
        token.mint(L2_USER, AMOUNT);
        Terms memory terms = makeTerms(RECIPIENT);
        vm.startPrank(L2_USER);
        token.approve(address(l2Gateway), AMOUNT);
        uint64 index = l2Gateway.withdraw(address(token), address(fastExit), AMOUNT, L1_GAS, abi.encode(terms));
        vm.stopPrank();
        // The registration goes before it.
        claim(index - 1);
        claim(index);
        assertEq(IERC20(l1Gateway.twinOf(address(token))).balanceOf(RECIPIENT), AMOUNT);
    }

    /// @dev Terms that are none are refused, and the tokens stay claimable for ever: no one else gets them.
    function testFuzz_RevertWhen_TermsAreMalformed(bytes memory data) public {
        vm.assume(data.length != 0 && data.length < 128);
        PlainToken token = new PlainToken("Plain", "PLAIN", 18);
        token.mint(address(fastExit), AMOUNT);
        vm.expectRevert();
        vm.prank(address(l1Gateway));
        fastExit.onTokensReceived(address(token), L2_USER, AMOUNT, AMOUNT, data);
    }

    function checkToken(address token, uint256 amount, uint256 payment, uint256 settled) private {
        PlainToken(token).mint(ALICE, AMOUNT);
        PlainToken(token).mint(FILLER, AMOUNT);
        (uint64 index, Claim memory claimed) = exitToken(token, makeTerms(RECIPIENT));
        assertEq(claimed.amount, amount);
        fill(FILLER, claimed, index);
        assertEq(IERC20(token).balanceOf(RECIPIENT), payment);
        assertEq(fastExit.ownerOf(claimed.id()), FILLER);
        claim(index);
        assertEq(IERC20(token).balanceOf(RECIPIENT), payment);
        assertEq(IERC20(token).balanceOf(FILLER), AMOUNT - (amount - FEE) + settled);
        assertEq(IERC20(token).balanceOf(address(fastExit)), 0);
        assertEq(fastExit.ownerOf(claimed.id()), address(0));
    }

    /// @dev The same terms for somebody else.
    function makeTermsOf(Claim memory claimed, address recipient) private pure returns (Terms memory) {
        return Terms({recipient: recipient, fee: claimed.fee, deadline: claimed.deadline, salt: claimed.salt});
    }

    function balanceOf(address token, address account) private view returns (uint256) {
        return token == address(0) ? account.balance : IERC20(token).balanceOf(account);
    }

    function less(uint256 amount) private pure returns (uint256) {
        return amount - amount / 100;
    }

    function expectInvalidRecipient(address recipient) private {
        (uint64 index, Claim memory claimed) = exit(makeTerms(recipient));
        bytes memory reason = abi.encodeWithSelector(IFastExit.InvalidRecipient.selector, recipient);
        vm.expectRevert(reason);
        vm.prank(FILLER);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);
        assertEq(claimFails(index), reason);
    }

    function expectSettlement(uint64 index, Claim memory claimed, address payee, bool filled) private {
        bytes memory call = executionOf(index);
        vm.expectEmit(address(fastExit));
        emit IFastExit.ClaimSettled(claimed.id(), payee, claimed.amount, filled);
        (bool success,) = address(bridge).call(call);
        assertTrue(success);
    }

    function expectNotOwner(address caller, bytes32 id, address owner) private {
        vm.expectRevert(abi.encodeWithSelector(IFastExit.NotClaimOwner.selector, caller, owner));
        vm.prank(caller);
        fastExit.transferClaim(id, caller);
    }

    /// @dev The call that executes a message of a final outbox.
    function executionOf(uint64 index) private returns (bytes memory) {
        collect();
        bytes32 commitment = publish(sent);
        return abi.encodeCall(IOutboxVerifier.executeMessage, (sent[index], commitment, proofOf(sent, index)));
    }

    /// @dev The fourth leaf of an outbox of three.
    function emptyLeaf() private pure returns (bytes32[] memory) {
        return new bytes32[](1);
    }
}
