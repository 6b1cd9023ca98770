// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {BridgedNFT} from "../../src/gateway/BridgedNFT.sol";
import {IEndpoint} from "../../src/gateway/IEndpoint.sol";
import {IGateway} from "../../src/gateway/IGateway.sol";
import {IL1Endpoint} from "../../src/gateway/IL1Endpoint.sol";
import {IL2Endpoint} from "../../src/gateway/IL2Endpoint.sol";
import {INFTGateway} from "../../src/gateway/INFTGateway.sol";
import {ITwin} from "../../src/gateway/ITwin.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Receiver} from "../support/Receivers.sol";
import {GasBurner, ReturnBomb} from "../support/Targets.sol";
import {
    CallbackNFT,
    IdleNFT,
    Manner,
    OddNFT,
    PausableNFT,
    PlainNFT,
    PlainToken,
    ReceiptNFT,
    TokenHolder
} from "../support/Tokens.sol";

/// @notice ERC-721s across the bridge. What the gateways share with those of ERC-20s is tested there.
contract NFTGatewaysTest is GatewayTest {
    uint256 private constant ID = uint256(keccak256("a token"));

    PlainNFT private token;
    BridgedNFT private twin;

    function setUp() public override {
        super.setUp();
        token = new PlainNFT();
        twin = BridgedNFT(l2NFTGateway.twinOf(address(token)));
        token.mint(ALICE, ID);
        token.mint(ALICE, 0);
        vm.startPrank(ALICE);
        token.setApprovalForAll(address(l1NFTGateway), true);
        token.setApprovalForAll(address(l2NFTGateway), true);
        vm.stopPrank();
    }

    function test_ThereAndBack() public {
        vm.expectEmit(address(l1NFTGateway));
        emit IGateway.TokensSent(address(token), ALICE, BOB, ID, 1, "");
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertEq(token.ownerOf(ID), address(l1NFTGateway));
        assertEq(twin.ownerOf(ID), BOB);
        assertEq(twin.name(), "Plain Collection");
        assertEq(twin.symbol(), "PLAIN");
        assertEq(twin.homeToken(), address(token));
        assertEq(
            twin.tokenURI(ID),
            string.concat(
                "ethereum:",
                Strings.toChecksumHexString(address(token)),
                "@31337/tokenURI?uint256=",
                Strings.toString(ID)
            )
        );

        vm.prank(BOB);
        l2NFTGateway.withdraw(address(twin), STRANGER, ID, L1_GAS, "");
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, ID));
        twin.tokenURI(ID);
        claimLast();
        assertEq(token.ownerOf(ID), STRANGER);
    }

    /// Zero is an id like any other.
    function test_NativeOfL2ThereAndBack() public {
        vm.prank(ALICE);
        l2NFTGateway.withdraw(address(token), BOB, 0, L1_GAS, "");
        claim(0);
        claim(1);
        BridgedNFT l1Twin = BridgedNFT(l1NFTGateway.twinOf(address(token)));
        assertEq(l1Twin.ownerOf(0), BOB);
        depositNFT(address(l1Twin), BOB, STRANGER, 0, "");
        assertEq(deliver(), 0);
        assertEq(token.ownerOf(0), STRANGER);
    }

    function test_CallOnArrivalOnL2() public {
        Receiver receiver = new Receiver();
        depositNFT(address(token), ALICE, address(receiver), ID, "hello");
        assertEq(deliver(), 0);
        assertEq(receiver.caller(), address(l2NFTGateway));
        assertEq(receiver.token(), address(twin));
        assertEq(receiver.from(), ALICE);
        assertEq(receiver.amountOrId(), ID);
        assertEq(receiver.data(), "hello");
        assertEq(twin.ownerOf(ID), address(receiver));
    }

    function test_CallOnArrivalOnL1() public {
        Receiver receiver = new Receiver();
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        vm.prank(BOB);
        l2NFTGateway.withdraw(address(twin), address(receiver), ID, L1_GAS, "hello");
        receiver.setAnswer(0xdeadbeef);
        assertEq(claimFails(0), abi.encodeWithSelector(IGateway.CallNotAccepted.selector, receiver, bytes4(0xdeadbeef)));
        receiver.setAnswer(0);
        claim(0);
        assertEq(receiver.from(), BOB);
        assertEq(token.ownerOf(ID), address(receiver));
    }

    function test_UndeliveredIsRedeliveredOrSentBack() public {
        Receiver receiver = new Receiver();
        receiver.setRefusal("closed");
        depositNFT(address(token), ALICE, address(receiver), ID, "hello");
        depositNFT(address(token), ALICE, address(receiver), 0, "hello");
        assertEq(deliver(), 2);
        vm.prank(ALICE, ALICE);
        l2NFTGateway.sendBack(undelivered[0]);
        claimLast();
        assertEq(token.ownerOf(ID), ALICE);
        receiver.setRefusal("");
        l2NFTGateway.redeliver(undelivered[1]);
        assertEq(twin.ownerOf(0), address(receiver));
    }

    function test_NativeOfL2_RefusedOnL1StaysClaimable() public {
        Receiver receiver = new Receiver();
        receiver.setRefusal("closed");
        vm.prank(ALICE);
        l2NFTGateway.withdraw(address(token), address(receiver), ID, L1_GAS, "hello");
        claim(0);
        assertEq(claimFails(1), "closed");
        PlainNFT l1Twin = PlainNFT(l1NFTGateway.twinOf(address(token)));
        assertEq(l1Twin.balanceOf(address(receiver)), 0);
        receiver.setRefusal("");
        claim(1);
        assertEq(receiver.caller(), address(l1NFTGateway));
        assertEq(receiver.token(), address(l1Twin));
        assertEq(receiver.from(), ALICE);
        assertEq(receiver.amountOrId(), ID);
        assertEq(receiver.data(), "hello");
        assertEq(l1Twin.ownerOf(ID), address(receiver));
    }

    /// What could not be released goes to its recipient later, or its twin is minted again for who sent it; never both.
    function test_NativeOfL2_UndeliveredIsRedeliveredOrSentBack() public {
        address l1Twin = withdrawNative(address(token), ID);
        withdrawNative(address(token), 0);
        Receiver receiver = new Receiver();
        receiver.setAnswer(0xdeadbeef);
        depositNFT(l1Twin, ALICE, address(receiver), ID, "hello");
        depositNFT(l1Twin, ALICE, address(receiver), 0, "hello");
        assertEq(deliver(), 2);
        assertEq(token.ownerOf(ID), address(l2NFTGateway));
        vm.expectPartialRevert(IL2Endpoint.DeliveryFailedAgain.selector);
        l2NFTGateway.redeliver(undelivered[1]);
        vm.prank(ALICE, ALICE);
        l2NFTGateway.sendBack(undelivered[0]);
        claimLast();
        assertEq(BridgedNFT(l1Twin).ownerOf(ID), ALICE);
        receiver.setAnswer(0);
        l2NFTGateway.redeliver(undelivered[1]);
        assertEq(token.ownerOf(0), address(receiver));
        assertEq(receiver.token(), address(token));
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, undelivered[i].id()));
            l2NFTGateway.redeliver(undelivered[i]);
        }
        assertEq(token.ownerOf(ID), address(l2NFTGateway));
    }

    /// A recipient that uses up its gas, or returns a megabyte either way, waits on either chain, and holds up nobody.
    function test_OddRecipient_WaitsAndHoldsUpNobody() public {
        PlainNFT other = new PlainNFT();
        address otherTwin = depositNew(other, ALICE);
        address[3] memory recipients =
            [address(new ReturnBomb(true)), address(new ReturnBomb(false)), address(new GasBurner())];
        for (uint256 i; i < recipients.length; ++i) {
            other.mint(ALICE, i);
            depositNFT(address(other), ALICE, recipients[i], i, "hello");
        }
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), recipients.length);
        assertEq(twin.ownerOf(ID), BOB);

        vm.prank(ALICE);
        l2NFTGateway.withdraw(otherTwin, recipients[2], ID, L1_GAS, "hello");
        vm.prank(BOB);
        l2NFTGateway.withdraw(address(twin), BOB, ID, L1_GAS, "");
        claimFails(0);
        claim(1);
        assertEq(other.ownerOf(ID), address(l1NFTGateway));
        assertEq(token.ownerOf(ID), BOB);
    }

    function test_Pausable_WaitsAndHoldsUpNobody() public {
        PausableNFT paused = new PausableNFT();
        address pausedTwin = depositNew(PlainNFT(address(paused)), BOB);
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        paused.mint(ALICE, 0);
        paused.setPaused(true);
        expectDepositRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector), address(paused), ALICE, 0);
        vm.startPrank(BOB);
        l2NFTGateway.withdraw(pausedTwin, BOB, ID, L1_GAS, "");
        l2NFTGateway.withdraw(address(twin), BOB, ID, L1_GAS, "");
        vm.stopPrank();
        assertEq(claimFails(0), abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        claim(1);
        assertEq(token.ownerOf(ID), BOB);
        paused.setPaused(false);
        claim(0);
        assertEq(paused.ownerOf(ID), BOB);
    }

    function test_Pausable_HomeOnL2_IsRedeliveredLater() public {
        PausableNFT paused = new PausableNFT();
        paused.mint(ALICE, ID);
        address l1Twin = withdrawNative(address(paused), ID);
        paused.mint(ALICE, 0);
        paused.setPaused(true);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        vm.prank(ALICE);
        l2NFTGateway.withdraw(address(paused), ALICE, 0, L1_GAS, "");
        depositNFT(l1Twin, ALICE, BOB, ID, "");
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 1);
        assertEq(twin.ownerOf(ID), BOB);
        vm.expectPartialRevert(IL2Endpoint.DeliveryFailedAgain.selector);
        l2NFTGateway.redeliver(lastFailure());
        paused.setPaused(false);
        l2NFTGateway.redeliver(lastFailure());
        assertEq(paused.ownerOf(ID), BOB);
    }

    /// It does nothing, reverts, burns all gas, or answers with a megabyte either way: the deposit fails, and that is all.
    function test_OddTransferFrom_FailsItsDeposit() public {
        OddNFT odd = makeOdd();
        Manner[5] memory manners = dishonest();
        uint256 fee = l1NFTGateway.quote(address(odd), L2_GAS);
        for (uint256 i; i < manners.length; ++i) {
            odd.setManner(IERC721.transferFrom.selector, manners[i], "");
            hoax(ALICE, fee);
            (bool success,) = address(l1NFTGateway).call{value: fee, gas: 10_000_000}(
                abi.encodeCall(l1NFTGateway.deposit, (address(odd), BOB, ID, L2_GAS, fee, ""))
            );
            assertFalse(success);
        }
        assertFalse(l1NFTGateway.isRegistered(address(odd)));
        assertEq(odd.ownerOf(ID), ALICE);
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertEq(twin.ownerOf(ID), BOB);
    }

    function test_OddTransferFrom_StaysClaimableAndHoldsUpNobody() public {
        OddNFT odd = new OddNFT();
        address oddTwin = depositNew(PlainNFT(address(odd)), BOB);
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        vm.startPrank(BOB);
        l2NFTGateway.withdraw(oddTwin, BOB, ID, L1_GAS, "");
        l2NFTGateway.withdraw(address(twin), BOB, ID, L1_GAS, "");
        vm.stopPrank();
        Manner[5] memory manners = dishonest();
        for (uint256 i; i < manners.length; ++i) {
            odd.setManner(IERC721.transferFrom.selector, manners[i], "");
            claimFails(0);
        }
        claim(1);
        assertEq(token.ownerOf(ID), BOB);
        odd.setManner(IERC721.transferFrom.selector, Manner.Honest, "");
        claim(0);
        assertEq(odd.ownerOf(ID), BOB);
    }

    function test_OddTransferFrom_HomeOnL2_IsUndelivered() public {
        OddNFT odd = makeOdd();
        Manner[5] memory manners = dishonest();
        address l1Twin;
        for (uint256 i; i < manners.length; ++i) {
            odd.mint(ALICE, i);
            l1Twin = withdrawNative(address(odd), i);
        }
        for (uint256 i; i < manners.length; ++i) {
            odd.setManner(IERC721.transferFrom.selector, manners[i], "");
            depositNFT(l1Twin, ALICE, BOB, i, "");
            assertEq(deliver(), 1);
        }
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertEq(twin.ownerOf(ID), BOB);
        odd.setManner(IERC721.transferFrom.selector, Manner.Honest, "");
        for (uint256 i; i < manners.length; ++i) {
            assertEq(odd.ownerOf(i), address(l2NFTGateway));
            l2NFTGateway.redeliver(undelivered[i]);
            assertEq(odd.ownerOf(i), BOB);
        }
    }

    /// Nor does one arrive whose owner nobody can tell.
    function test_OddOwnerOf_FailsItsDepositAndHoldsUpNobody() public {
        OddNFT odd = new OddNFT();
        address oddTwin = depositNew(PlainNFT(address(odd)), BOB);
        vm.prank(BOB);
        l2NFTGateway.withdraw(oddTwin, BOB, ID, L1_GAS, "");
        odd.mint(ALICE, 0);
        uint256 fee = l1NFTGateway.quote(address(odd), L2_GAS);
        Manner[5] memory manners = dishonest();
        for (uint256 i; i < manners.length; ++i) {
            odd.setManner(IERC721.ownerOf.selector, manners[i], hex"deadbeef");
            hoax(ALICE, fee);
            (bool success,) = address(l1NFTGateway).call{value: fee, gas: 10_000_000}(
                abi.encodeCall(l1NFTGateway.deposit, (address(odd), BOB, 0, L2_GAS, fee, ""))
            );
            assertFalse(success);
            claimFails(0);
        }
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertEq(twin.ownerOf(ID), BOB);
        odd.setManner(IERC721.ownerOf.selector, Manner.Honest, "");
        assertEq(odd.ownerOf(0), ALICE);
        claim(0);
        assertEq(odd.ownerOf(ID), BOB);
    }

    function test_Metadata_OddAnswersRegisterNameless() public {
        Manner[5] memory manners = dishonest();
        for (uint256 i; i < manners.length; ++i) {
            OddNFT odd = new OddNFT();
            // No string where it should be.
            odd.setManner(IERC721Metadata.name.selector, manners[i], abi.encode(64, 1, 1));
            odd.setManner(IERC721Metadata.symbol.selector, manners[i], abi.encode(64, 1, 1));
            uint256 gasBefore = gasleft();
            BridgedNFT oddTwin = BridgedNFT(depositNew(PlainNFT(address(odd)), BOB));
            assertLt(gasBefore - gasleft(), 2_000_000);
            assertEq(oddTwin.name(), "");
            assertEq(oddTwin.symbol(), "");
            vm.prank(BOB);
            l2NFTGateway.withdraw(address(oddTwin), BOB, ID, L1_GAS, "");
            claimLast();
            assertEq(odd.ownerOf(ID), BOB);
        }
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertEq(twin.name(), "Plain Collection");
    }

    function test_Metadata_HomeOnL2_OddAnswersRegisterNameless() public {
        Manner[5] memory manners = dishonest();
        for (uint256 i; i < manners.length; ++i) {
            OddNFT odd = makeOdd();
            odd.setManner(IERC721Metadata.name.selector, manners[i], "");
            odd.setManner(IERC721Metadata.symbol.selector, manners[i], "");
            BridgedNFT oddTwin = BridgedNFT(withdrawNative(address(odd), ID));
            assertEq(oddTwin.name(), "");
            assertEq(oddTwin.symbol(), "");
            depositNFT(address(oddTwin), ALICE, BOB, ID, "");
            assertEq(deliver(), 0);
            assertEq(odd.ownerOf(ID), BOB);
        }
    }

    function test_RevertWhen_TokenIsNone() public {
        PlainToken erc20 = new PlainToken("Token", "T", 18);
        address[3] memory tokens = [address(erc20), STRANGER, address(l1NFTGateway)];
        for (uint256 i; i < tokens.length; ++i) {
            uint256 fee = l1NFTGateway.quote(tokens[i], L2_GAS);
            vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidToken.selector, tokens[i]));
            hoax(ALICE, fee);
            l1NFTGateway.deposit{value: fee}(tokens[i], BOB, 1, L2_GAS, fee, "");
        }
    }

    /// The owner approved the gateway, and somebody else deposits what is theirs.
    function test_RevertWhen_TokenIsAnothers() public {
        expectNotOwner(address(token), STRANGER, ID, ALICE, STRANGER);
    }

    function test_RevertWhen_TwinIsAnothers() public {
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, STRANGER, ID, BOB));
        vm.prank(STRANGER);
        l2NFTGateway.withdraw(address(twin), STRANGER, ID, L1_GAS, "");
    }

    /// It says that it moved, and did not.
    function test_RevertWhen_TokenDoesNotArrive() public {
        IdleNFT idle = new IdleNFT();
        idle.mint(ALICE, ID);
        expectNotOwner(address(idle), ALICE, ID, ALICE, address(l1NFTGateway));
    }

    /// What is locked for another cannot be locked again: a token that lets anyone pretend to move it would have two owners.
    function test_RevertWhen_TokenIsLockedAlready() public {
        IdleNFT idle = new IdleNFT();
        idle.mint(address(l1NFTGateway), ID);
        expectNotOwner(address(idle), STRANGER, ID, address(l1NFTGateway), STRANGER);
    }

    /// A token that is not here, of a peer gone wrong or one that was taken back, cannot be released.
    function test_ReleaseThatMovesNothingStaysClaimable() public {
        IdleNFT idle = new IdleNFT();
        vm.startPrank(address(l2NFTGateway));
        OUTBOX.send(address(l1NFTGateway), L1_GAS, abi.encodeCall(IGateway.release, (address(idle), BOB, BOB, ID, "")));
        vm.stopPrank();
        idle.mint(STRANGER, ID);
        assertEq(claimFails(0), abi.encodeWithSelector(INFTGateway.NotOwner.selector, STRANGER, l1NFTGateway));
        idle.give(address(l1NFTGateway), ID);
        assertEq(claimFails(0), abi.encodeWithSelector(INFTGateway.NotOwner.selector, l1NFTGateway, BOB));
    }

    function test_Callback_NestedDepositIsRefused() public {
        CallbackNFT callback = new CallbackNFT();
        TokenHolder attacker = new TokenHolder();
        vm.deal(address(attacker), 10 ether);
        callback.mint(address(attacker), ID);
        attacker.act(address(callback), 0, abi.encodeCall(IERC721.setApprovalForAll, (address(l1NFTGateway), true)));
        bytes memory call =
            abi.encodeCall(l1NFTGateway.deposit, (address(callback), address(attacker), ID, L2_GAS, 1 ether, ""));
        attacker.setCall(address(l1NFTGateway), call, false);
        attacker.setValue(1 ether);
        attacker.act(address(l1NFTGateway), 1 ether, call);
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(
            attacker.returned(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        assertEq(deliver(), 0);
        assertEq(queued.length, 2, "registration and one deposit");
    }

    /// Called when it has come, the recipient deposits it from within: refused, and the release is what it was.
    function test_Callback_ReleaseIsNotReentered() public {
        ReceiptNFT receipt = new ReceiptNFT();
        address receiptTwin = depositNew(PlainNFT(address(receipt)), BOB);
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        TokenHolder attacker = makeListener(receipt);
        attacker.setValue(1 ether);
        attacker.setCall(
            address(l1NFTGateway),
            abi.encodeCall(l1NFTGateway.deposit, (address(receipt), address(attacker), ID, L2_GAS, 1 ether, "")),
            true
        );
        vm.startPrank(BOB);
        l2NFTGateway.withdraw(receiptTwin, address(attacker), ID, L1_GAS, "");
        l2NFTGateway.withdraw(address(twin), BOB, ID, L1_GAS, "");
        vm.stopPrank();
        claim(0);
        assertRefused(attacker);
        assertEq(receipt.ownerOf(ID), address(attacker));
        claim(1);
        assertEq(token.ownerOf(ID), BOB);
    }

    function test_Callback_HomeOnL2_ReleaseIsNotReentered() public {
        ReceiptNFT receipt = new ReceiptNFT();
        receipt.mint(ALICE, ID);
        address l1Twin = withdrawNative(address(receipt), ID);
        TokenHolder attacker = makeListener(receipt);
        attacker.setCall(
            address(l2NFTGateway),
            abi.encodeCall(l2NFTGateway.withdraw, (address(receipt), address(attacker), ID, L1_GAS, "")),
            true
        );
        depositNFT(l1Twin, ALICE, address(attacker), ID, "");
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertRefused(attacker);
        assertEq(receipt.ownerOf(ID), address(attacker));
        assertEq(OUTBOX.count(), 2);
        assertEq(twin.ownerOf(ID), BOB);
    }

    /// Its sender is called before it leaves, and the gateway has nothing to say to that: it comes, and cannot leave again.
    function test_Callback_ReleaseThatTheGatewayCannotAnswerWaits() public {
        CallbackNFT callback = new CallbackNFT();
        address callbackTwin = depositNew(PlainNFT(address(callback)), BOB);
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        vm.startPrank(BOB);
        l2NFTGateway.withdraw(callbackTwin, BOB, ID, L1_GAS, "");
        l2NFTGateway.withdraw(address(twin), BOB, ID, L1_GAS, "");
        vm.stopPrank();
        claimFails(0);
        assertEq(callback.ownerOf(ID), address(l1NFTGateway));
        claim(1);
        assertEq(token.ownerOf(ID), BOB);
    }

    function test_RevertWhen_MessageIsNotPeers() public {
        vm.prank(ALICE);
        token.transferFrom(ALICE, address(l1NFTGateway), ID);
        bytes memory call = abi.encodeCall(IGateway.release, (address(token), STRANGER, STRANGER, ID, ""));
        vm.prank(STRANGER);
        OUTBOX.send(address(l1NFTGateway), L1_GAS, call);
        // The gateway of ERC-20s is no peer either.
        vm.prank(address(l2Gateway));
        OUTBOX.send(address(l1NFTGateway), L1_GAS, call);
        assertEq(claimFails(0), abi.encodeWithSelector(IEndpoint.NotPeer.selector, STRANGER, l2NFTGateway));
        assertEq(claimFails(1), abi.encodeWithSelector(IEndpoint.NotPeer.selector, l2Gateway, l2NFTGateway));
        vm.expectRevert(abi.encodeWithSelector(IL1Endpoint.NotBridge.selector, STRANGER, bridge));
        vm.prank(STRANGER);
        l1NFTGateway.register(address(token), "", "", 1);
        vm.expectRevert(
            abi.encodeWithSelector(IEndpoint.NotPeer.selector, STRANGER, AddressAlias.alias_(address(l1NFTGateway)))
        );
        vm.prank(STRANGER);
        l2NFTGateway.register(address(token), "", "", 1);
    }

    function test_RevertWhen_CallerIsNotTwinsGateway() public {
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        bytes memory reason = abi.encodeWithSelector(ITwin.NotGateway.selector, BOB, l2NFTGateway);
        vm.startPrank(BOB);
        vm.expectRevert(reason);
        twin.mint(BOB, 7);
        vm.expectRevert(reason);
        twin.burn(BOB, ID);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        twin.initialize(STRANGER, "", "", 1);
        BridgedNFT implementation = BridgedNFT(l2NFTGateway.TWIN_IMPLEMENTATION());
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(STRANGER, "", "", 1);
    }

    function test_TwinIsAnErc721() public {
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        assertTrue(twin.supportsInterface(type(IERC721).interfaceId));
        vm.prank(BOB);
        twin.transferFrom(BOB, STRANGER, ID);
        assertEq(twin.ownerOf(ID), STRANGER);
        assertEq(twin.homeChainId(), block.chainid);
    }

    function expectNotOwner(address token_, address from, uint256 tokenId, address received, address expected) private {
        uint256 fee = l1NFTGateway.quote(token_, L2_GAS);
        vm.expectRevert(abi.encodeWithSelector(INFTGateway.NotOwner.selector, received, expected));
        hoax(from, fee);
        l1NFTGateway.deposit{value: fee}(token_, from, tokenId, L2_GAS, fee, "");
    }

    function expectDepositRevert(bytes memory reason, address token_, address from, uint256 tokenId) private {
        uint256 fee = l1NFTGateway.quote(token_, L2_GAS);
        vm.expectRevert(reason);
        hoax(from, fee);
        l1NFTGateway.deposit{value: fee}(token_, from, tokenId, L2_GAS, fee, "");
    }

    /// @dev A token of another collection, brought to L2.
    function depositNew(PlainNFT collection, address to) private returns (address) {
        collection.mint(ALICE, ID);
        vm.prank(ALICE);
        collection.setApprovalForAll(address(l1NFTGateway), true);
        depositNFT(address(collection), ALICE, to, ID, "");
        assertEq(deliver(), 0);
        return l2NFTGateway.twinOf(address(collection));
    }

    /// @dev Brings a token of Alice's, whose home is L2, to L1.
    function withdrawNative(address token_, uint256 tokenId) private returns (address l1Twin) {
        bool known = l2NFTGateway.isRegistered(token_);
        vm.startPrank(ALICE);
        IERC721(token_).setApprovalForAll(address(l2NFTGateway), true);
        uint64 index = l2NFTGateway.withdraw(token_, ALICE, tokenId, L1_GAS, "");
        vm.stopPrank();
        if (!known) claim(index - 1);
        claim(index);
        l1Twin = l1NFTGateway.twinOf(token_);
        assertEq(IERC721(l1Twin).ownerOf(tokenId), ALICE);
    }

    function makeOdd() private returns (OddNFT odd) {
        odd = new OddNFT();
        odd.mint(ALICE, ID);
        vm.prank(ALICE);
        odd.setApprovalForAll(address(l1NFTGateway), true);
    }

    function makeListener(ReceiptNFT receipt) private returns (TokenHolder attacker) {
        attacker = new TokenHolder();
        vm.deal(address(attacker), 10 ether);
        attacker.act(address(receipt), 0, abi.encodeCall(receipt.listen, ()));
        attacker.act(address(receipt), 0, abi.encodeCall(receipt.setApprovalForAll, (address(l1NFTGateway), true)));
        attacker.act(address(receipt), 0, abi.encodeCall(receipt.setApprovalForAll, (address(l2NFTGateway), true)));
    }

    function assertRefused(TokenHolder attacker) private view {
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(
            attacker.returned(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
    }

    function dishonest() private pure returns (Manner[5] memory) {
        return [Manner.Answers, Manner.Reverts, Manner.BurnsGas, Manner.Bombs, Manner.RevertBombs];
    }

    function depositNFT(address token_, address from, address to, uint256 tokenId, bytes memory data)
        private
        returns (uint64)
    {
        uint256 fee = l1NFTGateway.quote(token_, L2_GAS);
        hoax(from, fee);
        return l1NFTGateway.deposit{value: fee}(token_, to, tokenId, L2_GAS, fee, data);
    }
}
