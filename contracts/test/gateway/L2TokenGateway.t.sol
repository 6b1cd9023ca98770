// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {BridgedToken} from "../../src/gateway/BridgedToken.sol";
import {Delivery} from "../../src/gateway/Delivery.sol";
import {IEndpoint} from "../../src/gateway/IEndpoint.sol";
import {IGateway} from "../../src/gateway/IGateway.sol";
import {IL2Endpoint} from "../../src/gateway/IL2Endpoint.sol";
import {IL2Gateway} from "../../src/gateway/IL2Gateway.sol";
import {IRelayTip} from "../../src/gateway/IRelayTip.sol";
import {ITokenGateway} from "../../src/gateway/ITokenGateway.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {Message} from "../../src/types/Message.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Door, Receiver} from "../support/Receivers.sol";
import {Puppet} from "../support/Targets.sol";
import {PlainToken} from "../support/Tokens.sol";

/// @notice What a user of the L2 side does with well-behaved tokens of either chain, and what becomes of deliveries that fail.
contract L2TokenGatewayTest is GatewayTest {
    /// Of L1, and its twin on L2.
    PlainToken private token;
    BridgedToken private twin;
    /// Of L2, and its twin on L1.
    PlainToken private nativeToken;
    BridgedToken private nativeTwin;
    Receiver private receiver;

    function setUp() public override {
        super.setUp();
        token = new PlainToken("Plain Token", "PLAIN", 6);
        twin = BridgedToken(l2Gateway.twinOf(address(token)));
        token.mint(ALICE, 1000);
        nativeToken = new PlainToken("Native Token", "NATIVE", 18);
        nativeTwin = BridgedToken(l1Gateway.twinOf(address(nativeToken)));
        nativeToken.mint(ALICE, 1000);
        vm.startPrank(ALICE);
        token.approve(address(l1Gateway), type(uint256).max);
        nativeToken.approve(address(l2Gateway), type(uint256).max);
        vm.stopPrank();
        receiver = new Receiver();
    }

    /// A token of L2: locked there, minted on L1, burned there, released on L2.
    function test_NativeTokenThereAndBack() public {
        vm.expectEmit(address(l2Gateway));
        emit IGateway.TokenRegistered(address(nativeToken), 0);
        vm.expectEmit(address(l2Gateway));
        emit IGateway.TokensSent(address(nativeToken), ALICE, BOB, 100, 1, "");
        assertEq(withdrawTokens(address(nativeToken), ALICE, BOB, 100, ""), 1);
        assertEq(nativeToken.balanceOf(address(l2Gateway)), 100);

        assertEq(claimFails(1), abi.encodeWithSelector(IGateway.TwinNotCreated.selector, nativeToken));
        claim(0);
        claim(1);
        assertEq(nativeTwin.balanceOf(BOB), 100);
        assertEq(nativeTwin.name(), "Native Token");
        assertEq(l1Gateway.homeOf(address(nativeTwin)), address(nativeToken));

        depositTokens(address(nativeTwin), BOB, STRANGER, 30, "");
        assertEq(nativeTwin.totalSupply(), 70, "burned");
        assertEq(deliver(), 0);
        assertEq(queued.length, 1, "a twin is not registered");
        assertEq(nativeToken.balanceOf(STRANGER), 30);
        assertEq(nativeToken.balanceOf(address(l2Gateway)), 70);
    }

    function test_LaterWithdrawalIsOneMessage() public {
        withdrawTokens(address(nativeToken), ALICE, BOB, 1, "");
        assertEq(withdrawTokens(address(nativeToken), ALICE, BOB, 1, ""), 2);
        assertEq(OUTBOX.count(), 3);
    }

    function test_RegistrationAgainChangesNothing() public {
        vm.prank(STRANGER);
        assertEq(l2Gateway.registerToken(address(nativeToken)), 0);
        withdrawTokens(address(nativeToken), ALICE, BOB, 1, "");
        l2Gateway.registerToken(address(nativeToken));
        for (uint256 i; i < 3; ++i) {
            claim(i);
        }
        assertEq(nativeTwin.balanceOf(BOB), 1);
    }

    function test_RevertWhen_TwinIsRegistered() public {
        depositTokens(address(token), ALICE, BOB, 1, "");
        deliver();
        vm.expectRevert(abi.encodeWithSelector(IGateway.TokenIsTwin.selector, twin));
        l2Gateway.registerToken(address(twin));
    }

    /// What is sent along goes to whoever executes the message: by the message right after it.
    function test_TipFollowsItsMessage() public {
        withdrawTokens(address(nativeToken), ALICE, BOB, 1, "");
        vm.prank(ALICE);
        uint64 index = l2Gateway.withdraw{value: 0.1 ether}(address(nativeToken), BOB, 1, L1_GAS, "");
        collect();
        assertEq(sent.length, index + 2);
        Message memory tip = sent[index + 1];
        assertEq(tip.target, address(relayTip));
        assertEq(tip.value, 0.1 ether);
        assertEq(tip.data, abi.encodeCall(IRelayTip.payTip, (index)));
        assertEq(sent[index].value, 0);

        claim(0);
        claimFails(index + 1);
        claim(index);
        uint256 before = tx.origin.balance;
        claim(index + 1);
        assertEq(tx.origin.balance, before + 0.1 ether);
    }

    function test_WithdrawWithPermitIsOneTransaction() public {
        (address owner, uint256 key) = makeAddrAndKey("owner");
        nativeToken.mint(owner, 100);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                l2Gateway,
                100,
                0,
                type(uint256).max
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked(hex"1901", nativeToken.DOMAIN_SEPARATOR(), structHash)));
        vm.prank(owner);
        l2Gateway.withdrawWithPermit(address(nativeToken), BOB, 100, L1_GAS, "", type(uint256).max, v, r, s);
        assertEq(nativeToken.balanceOf(address(l2Gateway)), 100);
    }

    function test_RevertWhen_TwinOfAnotherIsWithdrawn() public {
        depositTokens(address(token), ALICE, BOB, 1, "");
        deliver();
        vm.expectRevert();
        withdrawTokens(address(twin), STRANGER, STRANGER, 1, "");
        assertEq(twin.balanceOf(BOB), 1);
    }

    function test_RevertWhen_NothingIsWithdrawn() public {
        depositTokens(address(token), ALICE, BOB, 1, "");
        deliver();
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingReceived.selector, twin));
        withdrawTokens(address(twin), BOB, BOB, 0, "");
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingReceived.selector, nativeToken));
        withdrawTokens(address(nativeToken), ALICE, BOB, 0, "");
    }

    function test_RevertWhen_RecipientWouldLoseTokens() public {
        depositTokens(address(token), ALICE, BOB, 1, "");
        deliver();
        address[3] memory recipients = [address(0), address(l1Gateway), address(token)];
        for (uint256 i; i < recipients.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidRecipient.selector, recipients[i]));
            withdrawTokens(address(twin), BOB, recipients[i], 1, "");
        }
    }

    /// What the peer refuses is refused once more where it arrives.
    function test_RevertWhen_ArrivingTokensWouldBeLost() public {
        depositTokens(address(token), ALICE, BOB, 100, "");
        address[3] memory recipients = [address(0), address(l1Gateway), address(token)];
        for (uint64 i; i < recipients.length; ++i) {
            bytes memory call = abi.encodeCall(l1Gateway.release, (address(token), BOB, recipients[i], 1, ""));
            vm.prank(address(l2Gateway));
            OUTBOX.send(address(l1Gateway), 0, call);
            assertEq(claimFails(i), abi.encodeWithSelector(IGateway.InvalidRecipient.selector, recipients[i]));
        }
    }

    /// Neither a stranger nor whoever has the L1 gateway's own address on L2.
    function test_RevertWhen_CallerIsNotPeersAlias() public {
        address alias_ = AddressAlias.alias_(address(l1Gateway));
        address[3] memory callers = [STRANGER, address(l1Gateway), AddressAlias.alias_(address(l2Gateway))];
        for (uint256 i; i < callers.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IEndpoint.NotPeer.selector, callers[i], alias_);
            vm.startPrank(callers[i]);
            vm.expectRevert(reason);
            l2Gateway.mint(address(token), ALICE, STRANGER, 1, "");
            vm.expectRevert(reason);
            l2Gateway.release(address(nativeToken), ALICE, STRANGER, 1, "");
            vm.expectRevert(reason);
            l2Gateway.register(address(token), "", "", 0);
            vm.stopPrank();
        }
    }

    function test_CallOnArrivalOnL2() public {
        depositTokens(address(token), ALICE, address(receiver), 100, "hello");
        assertEq(deliver(), 0);
        assertEq(receiver.caller(), address(l2Gateway));
        assertEq(receiver.token(), address(twin));
        assertEq(receiver.from(), ALICE);
        assertEq(receiver.sent(), 100);
        assertEq(receiver.amountOrId(), 100);
        assertEq(receiver.data(), "hello");
        assertEq(twin.balanceOf(address(receiver)), 100);
    }

    function test_RefusedDeliveryIsRecordedAndRedelivered() public {
        Delivery memory delivery = failToDeliver();
        assertEq(l2Gateway.undelivered(delivery.id()), 1);
        assertEq(twin.totalSupply(), 0, "undone as a whole");

        vm.expectRevert(
            abi.encodeWithSelector(IL2Endpoint.DeliveryFailedAgain.selector, delivery.id(), bytes("closed"))
        );
        l2Gateway.redeliver(delivery);
        receiver.setRefusal("");
        vm.expectEmit(address(l2Gateway));
        emit IL2Endpoint.Redelivered(delivery.id());
        vm.prank(STRANGER);
        l2Gateway.redeliver(delivery);
        assertEq(twin.balanceOf(address(receiver)), 100);
        assertEq(receiver.data(), "hello");
        assertEq(l2Gateway.undelivered(delivery.id()), 0);

        vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, delivery.id()));
        l2Gateway.redeliver(delivery);
    }

    function test_FailureIsReportedWithItsReason() public {
        receiver.setRefusal(new bytes(1000));
        depositTokens(address(token), ALICE, address(receiver), 100, "hello");
        collect();
        assertTrue(run(queued[0]));
        bytes memory call = abi.encodeCall(IGateway.mint, (address(token), ALICE, address(receiver), 100, "hello"));
        assertEq(queued[1].data, call);
        assertTrue(run(queued[1]));
        ran = 2;
        collect();
        assertEq(lastFailure().call, call);
        assertEq(lastFailure().value, 0);
        assertGt(lastFailure().gasLimit, L2_GAS - 21_000 - 16 * call.length - 60_000 - 17 * call.length);
        assertLt(lastFailure().gasLimit, L2_GAS - 21_000 - 60_000);
    }

    /// One delivery that fails holds up none after it.
    function test_FailedDeliveryHoldsUpNothing() public {
        receiver.setRefusal("closed");
        depositTokens(address(token), ALICE, address(receiver), 100, "hello");
        depositTokens(address(token), ALICE, BOB, 50, "");
        assertEq(deliver(), 1);
        assertEq(twin.balanceOf(BOB), 50);
    }

    function test_EqualFailuresAreCounted() public {
        receiver.setRefusal("closed");
        depositTokens(address(token), ALICE, BOB, 1, "");
        for (uint256 i; i < 2; ++i) {
            depositTokens(address(token), ALICE, address(receiver), 100, "hello");
        }
        assertEq(deliver(), 2);
        Delivery memory delivery = lastFailure();
        assertEq(l2Gateway.undelivered(delivery.id()), 2);
        receiver.setRefusal("");
        l2Gateway.redeliver(delivery);
        l2Gateway.redeliver(delivery);
        assertEq(twin.balanceOf(address(receiver)), 200);
        vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, delivery.id()));
        l2Gateway.redeliver(delivery);
    }

    /// The recipient is called by its redelivery, and tries the same once more.
    function test_RedeliveryRunsOnce() public {
        Delivery memory delivery = failToDeliver();
        receiver.setRefusal("");
        receiver.setCall(address(l2Gateway), abi.encodeCall(l2Gateway.redeliver, (delivery)));
        l2Gateway.redeliver(delivery);
        assertFalse(receiver.succeeded());
        assertEq(receiver.returned(), abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, delivery.id()));
        assertEq(twin.totalSupply(), 100);
    }

    /// Nor can it be sent back from within.
    function test_RedeliveryIsNotSentBack() public {
        Delivery memory delivery = failToDeliver();
        receiver.setRefusal("");
        receiver.setCall(address(l2Gateway), abi.encodeCall(l2Gateway.sendBack, (delivery)));
        l2Gateway.redeliver(delivery);
        assertFalse(receiver.succeeded());
        assertEq(OUTBOX.count(), 0);
    }

    /// Whoever redelivers cannot make a recipient that acts by the gas it has take another way.
    function test_RevertWhen_RedeliveredWithLessGasThanAtFirst() public {
        Delivery memory delivery = failToDeliver();
        receiver.setRefusal("");
        bytes memory call = abi.encodeCall(l2Gateway.redeliver, (delivery));
        (bool success, bytes memory reason) = address(l2Gateway).call{gas: delivery.gasLimit}(call);
        assertFalse(success);
        // forge-lint: disable-next-line(unsafe-typecast) the selector
        assertEq(bytes4(reason), IOutboxVerifier.InsufficientGas.selector);
        (success,) = address(l2Gateway).call{gas: delivery.gasLimit + delivery.gasLimit / 50 + 60_000}(call);
        assertTrue(success);
    }

    /// The least gas that a deposit must buy is too little to deliver anything, and enough to record that.
    function test_TooLittleGasIsRecordedAndRedelivered() public {
        depositTokens(address(token), ALICE, BOB, 1, "");
        depositWithGas(l1Gateway.minimumGasLimit(0), "");
        assertEq(deliver(), 1);
        Delivery memory delivery = lastFailure();
        l2Gateway.redeliver(delivery);
        assertEq(twin.balanceOf(address(receiver)), 100);
    }

    /// Whatever is bought, the tokens arrive or wait. `L2_GAS` is enough for this data.
    function testFuzz_NothingIsLostForLackOfGas(uint64 gasLimit, uint256 length, bytes1 content) public {
        length = bound(length, 0, 5000);
        bytes memory data = new bytes(length);
        for (uint256 i; i < length; ++i) {
            data[i] = content;
        }
        uint64 minimum = l1Gateway.minimumGasLimit(length);
        gasLimit = uint64(bound(gasLimit, minimum, minimum + 2 * L2_GAS));
        depositTokens(address(token), ALICE, BOB, 1, "");
        depositWithGas(gasLimit, data);
        uint256 failures = deliver();
        assertEq(failures * 100 + twin.balanceOf(address(receiver)), 100);
        if (failures != 0) {
            l2Gateway.redeliver(lastFailure());
            assertEq(twin.balanceOf(address(receiver)), 100);
        }
    }

    /// The same with the longest data that a message carries, of the dearest bytes.
    function test_LongestDeliveryIsRecorded() public {
        bytes memory data = new bytes(65_536 - 4 - 6 * 32 - 28);
        for (uint256 i; i < data.length; ++i) {
            data[i] = 0xff;
        }
        depositTokens(address(token), ALICE, BOB, 1, "");
        depositWithGas(l1Gateway.minimumGasLimit(data.length), data);
        assertEq(deliver(), 1);
        l2Gateway.redeliver(lastFailure());
        assertEq(receiver.data(), data);
    }

    /// What failed with all the gas that a message may buy can be redelivered by a transaction.
    function test_MostGasCanBeOfferedAgain() public {
        Door door = new Door();
        bytes memory data = new bytes(65_000);
        for (uint256 i; i < data.length; ++i) {
            data[i] = 0xff;
        }
        depositTokens(address(token), ALICE, BOB, 1, "");
        mine(1);
        uint64 gasLimit = bridge.MAX_QUEUED_GAS_LIMIT();
        uint256 fee = bridge.quote(gasLimit);
        vm.prank(ALICE);
        l1Gateway.deposit{value: fee}(address(token), address(door), 100, gasLimit, fee, data);
        assertEq(deliver(), 1);
        door.setOpen(true);
        bytes memory call = abi.encodeCall(l2Gateway.redeliver, (lastFailure()));
        // The gas cap of a transaction (EIP-7825), less what it costs before its first instruction.
        (bool success,) = address(l2Gateway).call{gas: 16_777_216 - 21_000 - 16 * call.length}(call);
        assertTrue(success);
        assertEq(twin.balanceOf(address(door)), 100);
    }

    function test_RecipientSendsBack() public {
        Delivery memory delivery = failToDeliver();
        collect();
        vm.expectEmit(address(l2Gateway));
        emit IL2Gateway.SentBack(delivery.id(), 0);
        vm.prank(address(receiver));
        l2Gateway.sendBack(delivery);
        claimLast();
        assertEq(token.balanceOf(ALICE), 1000);
        assertEq(token.balanceOf(address(l1Gateway)), 0);

        receiver.setRefusal("");
        vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, delivery.id()));
        l2Gateway.redeliver(delivery);
    }

    function test_SenderSendsBackByItsOwnKey() public {
        Delivery memory delivery = failToDeliver();
        vm.prank(ALICE, ALICE);
        l2Gateway.sendBack(delivery);
        claimLast();
        assertEq(token.balanceOf(ALICE), 1000);
    }

    function test_SenderDelegatedByEip7702SendsBack() public {
        Delivery memory delivery = failToDeliver();
        vm.etch(ALICE, abi.encodePacked(hex"ef0100", address(new Puppet())));
        vm.prank(ALICE, STRANGER);
        l2Gateway.sendBack(delivery);
        claimLast();
        assertEq(token.balanceOf(ALICE), 1000);
    }

    /// The recipient has a week for itself: the contract may be one that does what anyone says.
    function test_ContractSendsBackByItsAliasAfterDelay() public {
        Puppet puppet = new Puppet();
        Delivery memory delivery = failToDeliverFor(puppet);
        assertEq(l2Gateway.failedAt(delivery.id()), vm.getBlockTimestamp());
        uint256 earliest = vm.getBlockTimestamp() + 7 days;
        address alias_ = AddressAlias.alias_(address(puppet));
        vm.warp(earliest - 1);
        vm.expectRevert(abi.encodeWithSelector(IL2Gateway.SentBackTooEarly.selector, earliest - 1, earliest));
        vm.prank(alias_, alias_);
        l2Gateway.sendBack(delivery);

        vm.warp(earliest);
        uint64 gasLimit = 1_000_000;
        uint256 fee = bridge.quote(gasLimit);
        vm.deal(address(puppet), fee);
        bytes memory sendBack = abi.encodeCall(l2Gateway.sendBack, (delivery));
        bytes memory message = abi.encodeCall(bridge.sendToL2, (address(l2Gateway), 0, gasLimit, fee, sendBack));
        puppet.act(address(bridge), fee, message);
        deliver();
        claimLast();
        assertEq(token.balanceOf(address(puppet)), 100);
    }

    /// Another contract may stand there on L2, or the same one that does what anyone says.
    function test_RevertWhen_ContractAtSendersAddressSendsBack() public {
        Puppet puppet = new Puppet();
        Delivery memory delivery = failToDeliverFor(puppet);
        vm.warp(vm.getBlockTimestamp() + 30 days);
        vm.expectRevert(abi.encodeWithSelector(IL2Gateway.NotParty.selector, puppet));
        vm.prank(address(puppet), STRANGER);
        l2Gateway.sendBack(delivery);
    }

    /// A token of L2 that could not be released there is minted again on L1.
    function test_NativeTokenIsSentBack() public {
        withdrawTokens(address(nativeToken), ALICE, BOB, 100, "");
        claim(0);
        claim(1);
        receiver.setRefusal("closed");
        depositTokens(address(nativeTwin), BOB, address(receiver), 60, "hello");
        assertEq(deliver(), 1);
        assertEq(nativeTwin.balanceOf(BOB), 40);
        vm.prank(BOB, BOB);
        l2Gateway.sendBack(lastFailure());
        claimLast();
        assertEq(nativeTwin.balanceOf(BOB), 100);
        assertEq(nativeToken.balanceOf(address(l2Gateway)), 100);
    }

    function test_RevertWhen_StrangerSendsBack() public {
        Delivery memory delivery = failToDeliver();
        vm.expectRevert(abi.encodeWithSelector(IL2Gateway.NotParty.selector, STRANGER));
        vm.prank(STRANGER);
        l2Gateway.sendBack(delivery);
        assertEq(l2Gateway.undelivered(delivery.id()), 1);
    }

    function test_RevertWhen_NothingFailed() public {
        Delivery memory delivery =
            Delivery(0, 0, abi.encodeCall(IGateway.mint, (address(token), STRANGER, STRANGER, 100, "")));
        bytes memory reason = abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, delivery.id());
        vm.startPrank(STRANGER);
        vm.expectRevert(reason);
        l2Gateway.sendBack(delivery);
        vm.expectRevert(reason);
        l2Gateway.redeliver(delivery);
    }

    /// A delivery differs from what failed in its ETH, its gas, or its call.
    function test_RevertWhen_DeliveryIsAltered() public {
        Delivery memory delivery = failToDeliver();
        receiver.setRefusal("");
        vm.deal(address(l2Gateway), 1);
        Delivery[3] memory altered =
            [Delivery(1, delivery.gasLimit, delivery.call), Delivery(0, 0, delivery.call), failToDeliver()];
        altered[2].call[200] = 0x01;
        for (uint256 i; i < altered.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, altered[i].id()));
            l2Gateway.redeliver(altered[i]);
        }
    }

    /// A registration that failed is no tokens. Here for lack of gas, as if names were dearer to store.
    function test_RevertWhen_RegistrationIsSentBack() public {
        depositTokens(address(token), ALICE, BOB, 100, "");
        collect();
        queued[0].gasLimit = 200_000;
        assertEq(deliver(), 2, "no twin, so no tokens either");
        vm.expectRevert(abi.encodeWithSelector(IL2Gateway.NotTokens.selector, ITokenGateway.register.selector));
        l2Gateway.sendBack(undelivered[0]);

        vm.expectRevert(
            abi.encodeWithSelector(
                IL2Endpoint.DeliveryFailedAgain.selector,
                undelivered[1].id(),
                abi.encodeWithSelector(IGateway.TwinNotCreated.selector, token)
            )
        );
        l2Gateway.redeliver(undelivered[1]);
        l2Gateway.redeliver(undelivered[0]);
        l2Gateway.redeliver(undelivered[1]);
        assertEq(twin.balanceOf(BOB), 100);
        assertEq(twin.name(), "Plain Token");
    }

    /// The recipient's own address on the far side: it waits there, and goes back.
    function test_TwinsAndGatewaysAreNoRecipients() public {
        depositTokens(address(token), ALICE, BOB, 1, "");
        depositTokens(address(token), ALICE, address(twin), 100, "");
        assertEq(deliver(), 1);
        vm.prank(ALICE, ALICE);
        l2Gateway.sendBack(lastFailure());
        claimLast();
        assertEq(token.balanceOf(ALICE), 999);
    }

    function test_EoaDelegatedByEip7702WithdrawsAsItself() public {
        depositTokens(address(token), ALICE, BOB, 100, "");
        deliver();
        vm.etch(BOB, abi.encodePacked(hex"ef0100", address(new Puppet())));
        withdrawTokens(address(twin), BOB, address(receiver), 100, "hello");
        claimLast();
        assertEq(receiver.from(), BOB);
        assertEq(token.balanceOf(address(receiver)), 100);
    }

    /// @dev A deposit of 100 with a call that the receiver refuses.
    function failToDeliver() private returns (Delivery memory) {
        receiver.setRefusal("closed");
        depositTokens(address(token), ALICE, address(receiver), 100, "hello");
        assertEq(deliver(), 1);
        return lastFailure();
    }

    /// @dev The same by a contract.
    function failToDeliverFor(Puppet puppet) private returns (Delivery memory) {
        token.mint(address(puppet), 100);
        puppet.act(address(token), 0, abi.encodeCall(token.approve, (address(l1Gateway), 100)));
        receiver.setRefusal("closed");
        depositTokens(address(token), address(puppet), address(receiver), 100, "hello");
        assertEq(deliver(), 1);
        return lastFailure();
    }

    function depositWithGas(uint64 gasLimit, bytes memory data) private {
        uint256 fee = bridge.quote(gasLimit);
        vm.prank(ALICE);
        l1Gateway.deposit{value: fee}(address(token), address(receiver), 100, gasLimit, fee, data);
    }
}
