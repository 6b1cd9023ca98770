// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {IERC7786GatewaySource, IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {Delivery} from "../../src/gateway/Delivery.sol";
import {IERC7786Attributes, IERC7786Gateway} from "../../src/gateway/IERC7786Gateway.sol";
import {IEndpoint} from "../../src/gateway/IEndpoint.sol";
import {IL1ERC7786Gateway, PendingMessage} from "../../src/gateway/IL1ERC7786Gateway.sol";
import {IL1Endpoint} from "../../src/gateway/IL1Endpoint.sol";
import {IL2Endpoint} from "../../src/gateway/IL2Endpoint.sol";
import {L1ERC7786Gateway} from "../../src/gateway/L1ERC7786Gateway.sol";
import {L2ERC7786Gateway} from "../../src/gateway/L2ERC7786Gateway.sol";
import {IOutbox} from "../../src/l2/IOutbox.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {Message} from "../../src/types/Message.sol";
import {CrosschainToken, Inbox, LockingBridge, MintingBridge, RemoteExecutor} from "../support/Crosschain.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Gate} from "../support/Targets.sol";
import {PlainToken} from "../support/Tokens.sol";
import {Words} from "../support/Words.sol";

/// @notice Answers what it was told to, and notes the gas with which it was called.
contract Answerer {
    bytes public answer = abi.encode(IERC7786Recipient.receiveMessage.selector);
    uint256 public gasGiven;
    uint256 public calls;

    fallback() external payable {
        gasGiven = gasleft();
        ++calls;
        bytes memory data = answer;
        assembly ("memory-safe") {
            return(add(data, 0x20), mload(data))
        }
    }

    function setAnswer(bytes calldata answer_) external {
        answer = answer_;
    }
}

contract ERC7786GatewayTest is GatewayTest {
    using Words for bytes;

    uint256 private constant L1_CHAIN_ID = 31_337;
    bytes private constant PAYLOAD = "payload";

    L1ERC7786Gateway private l1;
    L2ERC7786Gateway private l2;
    Inbox private l1Inbox;
    Inbox private l2Inbox;

    function setUp() public override {
        super.setUp();
        vm.chainId(L1_CHAIN_ID);
        address peer = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        l1 = L1ERC7786Gateway(
            vm.deployCode("L1ERC7786Gateway.sol:L1ERC7786Gateway", abi.encode(bridge, peer, L2_CHAIN_ID))
        );
        l2 = L2ERC7786Gateway(vm.deployCode("L2ERC7786Gateway.sol:L2ERC7786Gateway", abi.encode(l1, L1_CHAIN_ID)));
        assertEq(address(l2), peer);
        l1Inbox = new Inbox(address(l1));
        l2Inbox = new Inbox(address(l2));
    }

    // From L1 to L2

    function test_MessageWaitsOnL1UntilAnyonePays() public {
        bytes32 sendId = bytes32(uint256(1));
        vm.expectEmit(address(l1));
        emit IERC7786GatewaySource.MessageSent(sendId, onL1(ALICE), onL2(address(l2Inbox)), PAYLOAD, 0, new bytes[](0));
        vm.prank(ALICE);
        assertEq(l1.sendMessage(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0)), sendId);
        assertTrue(l1.isPending(sendId));
        assertEq(deliver(), 0);
        assertEq(l2Inbox.count(), 0);

        relay(sendId, ALICE, address(l2Inbox), 0, PAYLOAD);
        assertFalse(l1.isPending(sendId));
        vm.expectEmit(address(l2));
        emit IERC7786Gateway.MessageReceived(sendId, ALICE, address(l2Inbox));
        assertEq(deliver(), 0);
        expectReceived(l2Inbox, sendId, onL1(ALICE), 0);
    }

    function test_ValueWaitsWithTheMessage() public {
        vm.prank(ALICE);
        bytes32 sendId = l1.sendMessage{value: 1 ether}(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0));
        assertEq(address(l1).balance, 1 ether);
        uint256 before = ALICE.balance;
        relay(sendId, ALICE, address(l2Inbox), 1 ether, PAYLOAD);
        assertEq(address(l1).balance, 0);
        assertEq(deliver(), 0);
        expectReceived(l2Inbox, sendId, onL1(ALICE), 1 ether);
        assertEq(address(l2Inbox).balance, 1 ether);
        assertEq(ALICE.balance, before);
    }

    function test_MessageWithRelayGoesAtOnce() public {
        uint256 fee = l1.quote(PAYLOAD.length, 200_000);
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        bytes32 sendId =
            l1.sendMessage{value: 2 ether}(onL2(address(l2Inbox)), PAYLOAD, relayAttribute(1 ether, 200_000, BOB));
        assertEq(sendId, 0);
        assertEq(ALICE.balance, before - 2 ether);
        assertEq(BOB.balance, 1 ether - fee);
        assertEq(address(l1).balance, 0);
        assertEq(deliver(), 0);
        expectReceived(l2Inbox, bytes32(uint256(1)), onL1(ALICE), 1 ether);
    }

    function test_RestGoesBackToTheCallerIfNobodyIsNamed() public {
        uint256 fee = l1.quote(PAYLOAD.length, 200_000);
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        l1.sendMessage{value: 2 ether}(onL2(address(l2Inbox)), PAYLOAD, relayAttribute(1 ether, 200_000, address(0)));
        assertEq(ALICE.balance, before - 1 ether - fee);
    }

    function test_RevertWhen_RelayedTwice() public {
        vm.prank(ALICE);
        bytes32 sendId = l1.sendMessage{value: 1 ether}(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0));
        relay(sendId, ALICE, address(l2Inbox), 1 ether, PAYLOAD);
        expectNotPending(sendId, PendingMessage(ALICE, address(l2Inbox), 1 ether, PAYLOAD));
    }

    function testFuzz_RevertWhen_RelayedMessageIsAnother(PendingMessage memory other, uint256 sendId) public {
        PendingMessage memory message = PendingMessage(ALICE, address(l2Inbox), 0, PAYLOAD);
        vm.prank(ALICE);
        bytes32 expected = l1.sendMessage(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0));
        if (keccak256(abi.encode(other)) != keccak256(abi.encode(message))) expectNotPending(expected, other);
        other = message;
        ++other.value;
        expectNotPending(expected, other);
        if (bytes32(sendId) != expected) expectNotPending(bytes32(sendId), message);
    }

    /// @dev Fees come from who pays, never from what waits.
    function test_RevertWhen_FeeIsMissing() public {
        vm.prank(ALICE);
        bytes32 sendId = l1.sendMessage{value: 1 ether}(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0));
        PendingMessage memory message = PendingMessage(ALICE, address(l2Inbox), 1 ether, PAYLOAD);
        uint64 gasLimit = l1.DEFAULT_GAS_LIMIT();
        uint256 fee = l1.quote(PAYLOAD.length, gasLimit);
        vm.deal(BOB, fee);
        vm.startPrank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, fee - 1, fee));
        l1.requestRelay{value: fee - 1}(sendId, message, gasLimit, fee);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.FeeAboveMaximum.selector, fee, fee - 1));
        l1.requestRelay{value: fee}(sendId, message, gasLimit, fee - 1);
        vm.expectRevert(abi.encodeWithSelector(IL1ERC7786Gateway.GasLimitBelowDefault.selector, gasLimit - 1, gasLimit));
        l1.requestRelay{value: fee}(sendId, message, gasLimit - 1, fee);
        vm.stopPrank();

        fee = l1.quote(PAYLOAD.length, 200_000);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, 1 ether, 1 ether + fee));
        vm.prank(ALICE);
        l1.sendMessage{value: 1 ether}(onL2(address(l2Inbox)), PAYLOAD, relayAttribute(1 ether, 200_000, address(0)));
    }

    /// @dev A message that could never be sent is not taken.
    function test_RevertWhen_PayloadIsTooLong() public {
        vm.expectRevert();
        l1.sendMessage(onL2(address(l2Inbox)), new bytes(65_536), new bytes[](0));
        vm.expectRevert();
        l2.sendMessage(onL1(address(l1Inbox)), new bytes(65_536), new bytes[](0));
    }

    /// @dev A whole number of words, which is how calldata has it.
    function test_LongestPayloadIsDelivered() public {
        bytes memory payload = new bytes(65_312);
        for (uint256 i; i < payload.length; ++i) {
            payload[i] = 0xff;
        }
        Answerer answerer = new Answerer();
        vm.prank(ALICE);
        bytes32 sendId = l1.sendMessage(onL2(address(answerer)), payload, new bytes[](0));
        relay(sendId, ALICE, address(answerer), 0, payload);
        assertEq(deliver(), 0);
        assertGe(answerer.gasGiven(), l2.DEFAULT_GAS_LIMIT() - 5000);

        vm.prank(ALICE);
        l2.sendMessage(onL1(address(answerer)), payload, new bytes[](0));
        collect();
        assertTrue(executeWithPromise(0));
        assertGe(answerer.gasGiven(), l1.DEFAULT_GAS_LIMIT() - 5000);
    }

    // From L2 to L1

    function test_MessageGoesAtOnceFromL2() public {
        vm.expectEmit(address(l2));
        emit IERC7786GatewaySource.MessageSent(0, onL2(ALICE), onL1(address(l1Inbox)), PAYLOAD, 1 ether, new bytes[](0));
        sendFromL2(address(l1Inbox), 1 ether);
        collect();
        bytes32 commitment = publish(sent);
        vm.expectEmit(address(l1));
        emit IERC7786Gateway.MessageReceived(bytes32(uint256(1)), ALICE, address(l1Inbox));
        bridge.executeMessage(sent[0], commitment, new bytes32[](0));
        expectReceived(l1Inbox, bytes32(uint256(1)), onL2(ALICE), 1 ether);
        assertEq(address(l1).balance, 0);
    }

    function test_RelayAttributeOnL2NamesGasAndValue() public {
        Answerer answerer = new Answerer();
        vm.prank(ALICE);
        l2.sendMessage{value: 3 ether}(onL1(address(answerer)), PAYLOAD, relayAttribute(1 ether, 2_000_000, BOB));
        assertEq(BOB.balance, 2 ether);
        collect();
        assertTrue(executeWithPromise(0));
        assertGe(answerer.gasGiven(), 2_000_000 - 5000);
        assertEq(address(answerer).balance, 1 ether);
    }

    // What a recipient is promised

    /// @dev The gas that was bought suffices for what the sender asked, whatever the length; with a byte's worth less at the bridge
    /// the gateway would refuse, not the recipient run short.
    function testFuzz_RecipientIsGivenWhatWasAskedFor(uint256 length, uint64 gasLimit, bool carries) public {
        length = bound(length, 0, 8000);
        gasLimit = uint64(bound(gasLimit, 60_000, 7_000_000));
        uint256 value = carries ? 1 ether : 0;
        Answerer answerer = new Answerer();
        bytes[] memory attributes = relayAttribute(value, gasLimit, address(0));
        bytes memory payload = new bytes(length);
        vm.deal(ALICE, 10 ether);
        vm.startPrank(ALICE);
        l1.sendMessage{value: 2 ether}(onL2(address(answerer)), payload, attributes);
        l2.sendMessage{value: 2 ether}(onL1(address(answerer)), payload, attributes);
        vm.stopPrank();
        assertEq(deliver(), 0);
        assertEq(answerer.calls(), 1);
        assertGe(answerer.gasGiven(), gasLimit - 1000);

        assertTrue(executeWithPromise(0));
        assertEq(answerer.calls(), 2);
        assertGe(answerer.gasGiven(), gasLimit - 1000);
    }

    /// @dev Whoever executes, or redelivers, with little gas cannot make a recipient start with less than it was promised.
    function testFuzz_CallWithLessGasThanPromisedIsRefused(uint256 gas) public {
        Answerer answerer = new Answerer();
        uint64 promised = l1.DEFAULT_GAS_LIMIT();
        vm.prank(ALICE);
        l2.sendMessage(onL1(address(answerer)), PAYLOAD, new bytes[](0));
        collect();
        bytes32 commitment = publish(sent);
        bytes memory call = abi.encodeCall(bridge.executeMessage, (sent[0], commitment, proofOf(sent, 0)));
        (bool success,) = address(bridge).call{gas: bound(gas, 50_000, 2 * promised)}(call);
        assertEq(success, answerer.calls() == 1);
        if (success) assertGe(answerer.gasGiven(), promised - 1000);
    }

    /// @dev The peer's message brings less than its own promise: it fails before the recipient is called, and waits.
    function test_UnderfundedDeliveryIsRecorded() public {
        Answerer answerer = new Answerer();
        bytes memory call = abi.encodeCall(l2.deliver, (1, ALICE, address(answerer), 3_000_000, PAYLOAD));
        vm.prank(AddressAlias.alias_(address(l1)));
        (bool success,) = address(l2).call{gas: 1_000_000}(call);
        assertTrue(success);
        collect();
        assertEq(answerer.calls(), 0);
        l2.redeliver(lastFailure());
        assertEq(answerer.calls(), 1);
        assertGe(answerer.gasGiven(), 3_000_000 - 1000);
    }

    // Failures

    function test_UndeliverableRecipientStaysClaimableOnL1() public {
        l1Inbox.setOpen(false);
        uint64 index = sendFromL2(address(l1Inbox), 1 ether);
        assertEq(claimFails(index), abi.encodeWithSelector(Inbox.Closed.selector));
        l1Inbox.setOpen(true);
        claim(index);
        expectReceived(l1Inbox, bytes32(uint256(1)), onL2(ALICE), 1 ether);
    }

    function test_UndeliverableRecipientWaitsOnL2() public {
        l2Inbox.setOpen(false);
        vm.prank(ALICE);
        bytes32 sendId = l1.sendMessage{value: 1 ether}(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0));
        relay(sendId, ALICE, address(l2Inbox), 1 ether, PAYLOAD);
        assertEq(deliver(), 1);
        Delivery memory failed = lastFailure();
        vm.expectRevert(
            abi.encodeWithSelector(
                IL2Endpoint.DeliveryFailedAgain.selector, failed.id(), abi.encodeWithSelector(Inbox.Closed.selector)
            )
        );
        l2.redeliver(failed);

        l2Inbox.setOpen(true);
        l2.redeliver(failed);
        // Of the same id as if it had not failed.
        expectReceived(l2Inbox, sendId, onL1(ALICE), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IL2Endpoint.NotUndelivered.selector, failed.id()));
        l2.redeliver(failed);
    }

    function test_MessagesAlikeAreDeliveredEach() public {
        for (uint256 i = 1; i <= 3; ++i) {
            vm.prank(ALICE);
            bytes32 sendId = l1.sendMessage(onL2(address(l2Inbox)), PAYLOAD, new bytes[](0));
            assertEq(sendId, bytes32(i));
            relay(sendId, ALICE, address(l2Inbox), 0, PAYLOAD);
        }
        assertEq(deliver(), 0);
        assertEq(l2Inbox.count(), 3);
        assertEq(l2Inbox.lastId(), bytes32(uint256(3)));
    }

    function test_RecipientWithoutCodeIsNotDelivered() public {
        uint64 index = sendFromL2(BOB, 0);
        assertEq(claimFails(index), abi.encodeWithSelector(IERC7786Gateway.MessageNotAccepted.selector, BOB, bytes4(0)));
    }

    function test_GatewayIsNoRecipient() public {
        vm.startPrank(ALICE);
        uint64 index = OUTBOX.count();
        l2.sendMessage(onL1(address(l1)), PAYLOAD, new bytes[](0));
        l2.sendMessage(onL1(address(bridge)), PAYLOAD, new bytes[](0));
        bytes32 sendId = l1.sendMessage(onL2(address(l2)), PAYLOAD, new bytes[](0));
        vm.stopPrank();
        claimFails(index);
        claimFails(index + 1);
        relay(sendId, ALICE, address(l2), 0, PAYLOAD);
        assertEq(deliver(), 1);
    }

    /// @dev Only the one answer that the standard knows is an acceptance.
    function testFuzz_RevertWhen_AnswerIsWrong(bytes memory answer) public {
        Answerer answerer = new Answerer();
        answerer.setAnswer(answer);
        uint64 index = sendFromL2(address(answerer), 0);
        bytes4 expected = answer.length < 32 ? bytes4(0) : answer.selectorOf();
        vm.assume(expected != IERC7786Recipient.receiveMessage.selector);
        assertEq(
            claimFails(index), abi.encodeWithSelector(IERC7786Gateway.MessageNotAccepted.selector, answerer, expected)
        );
    }

    function test_LongAnswerCostsOnlyWhoGivesIt() public {
        Answerer answerer = new Answerer();
        bytes memory bomb = new bytes(4096);
        bytes4 selector = IERC7786Recipient.receiveMessage.selector;
        assembly ("memory-safe") {
            mstore(add(bomb, 0x20), selector)
        }
        answerer.setAnswer(bomb);
        uint64 index = sendFromL2(address(answerer), 0);
        claim(index);
        assertEq(answerer.calls(), 1);
    }

    // Who may call

    function testFuzz_RevertWhen_AnyoneElseDelivers(address caller) public {
        vm.assume(caller != address(bridge));
        vm.expectRevert(abi.encodeWithSelector(IL1Endpoint.NotBridge.selector, caller, bridge));
        vm.prank(caller);
        l1.deliver(1, ALICE, address(l1Inbox), 0, PAYLOAD);

        address alias_ = AddressAlias.alias_(address(l1));
        vm.assume(caller != alias_ && caller != address(l2));
        vm.expectRevert(abi.encodeWithSelector(IEndpoint.NotPeer.selector, caller, alias_));
        vm.prank(caller);
        l2.deliver(1, ALICE, address(l2Inbox), 0, PAYLOAD);
    }

    /// @dev Whatever an account on L2 sends to the L1 gateway by itself, it is not the peer; also from inside of the peer's message.
    function test_RevertWhen_AnotherL2AccountDelivers() public {
        bytes memory call = abi.encodeCall(l1.deliver, (1, ALICE, address(l1Inbox), 0, PAYLOAD));
        vm.prank(L2_USER);
        uint64 index = OUTBOX.send(address(l1), L1_GAS, call);
        assertEq(claimFails(index), abi.encodeWithSelector(IEndpoint.NotPeer.selector, L2_USER, address(l2)));
        assertEq(l1Inbox.count(), 0);
    }

    function testFuzz_RevertWhen_RecipientIsNotOnTheOtherChain(uint256 chainId, address recipient) public {
        vm.assume(chainId != L2_CHAIN_ID);
        expectInvalidRecipient(InteroperableAddress.formatEvmV1(chainId, recipient));
        expectInvalidRecipient(InteroperableAddress.formatEvmV1(recipient));
        expectInvalidRecipient(InteroperableAddress.formatEvmV1(L2_CHAIN_ID));
        expectInvalidRecipient(onL2(address(0)));
        expectInvalidRecipient("");
        expectInvalidRecipient(abi.encodePacked(recipient));
    }

    // Attributes

    function test_SupportsOneAttribute() public view {
        assertTrue(l1.supportsAttribute(bytes4(keccak256("requestRelay(uint256,uint256,address)"))));
        assertTrue(l2.supportsAttribute(IERC7786Attributes.requestRelay.selector));
        assertFalse(l1.supportsAttribute(0) || l2.supportsAttribute(0));
    }

    function testFuzz_RevertWhen_AttributeIsUnsupported(bytes4 selector, bytes memory rest) public {
        vm.assume(selector != IERC7786Attributes.requestRelay.selector);
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = bytes.concat(selector, rest);
        expectUnsupported(attributes, selector);
        // After one that is supported, too.
        bytes[] memory two = new bytes[](2);
        (two[0], two[1]) = (relayAttribute(0, 100_000, BOB)[0], attributes[0]);
        expectUnsupported(two, selector);
        attributes[0] = hex"abcdef";
        expectUnsupported(attributes, 0);
    }

    function test_RevertWhen_AttributeIsRepeated() public {
        bytes[] memory attributes = new bytes[](2);
        attributes[0] = relayAttribute(0, 100_000, BOB)[0];
        attributes[1] = attributes[0];
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC7786Gateway.DuplicateAttribute.selector, IERC7786Attributes.requestRelay.selector
            )
        );
        l2.sendMessage(onL1(BOB), PAYLOAD, attributes);
    }

    function testFuzz_RevertWhen_AttributeIsMalformed(bytes memory rest) public {
        vm.assume(rest.length != 96);
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = bytes.concat(IERC7786Attributes.requestRelay.selector, rest);
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.InvalidAttribute.selector, attributes[0]));
        l2.sendMessage(onL1(BOB), PAYLOAD, attributes);
    }

    function test_RevertWhen_ValueIsMissing() public {
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.InsufficientValue.selector, 1 ether - 1, 1 ether));
        l2.sendMessage{value: 1 ether - 1}(onL1(BOB), PAYLOAD, relayAttribute(1 ether, 100_000, BOB));
    }

    function test_RevertWhen_GasLimitIsMoreThanThereIs() public {
        vm.startPrank(ALICE);
        vm.expectPartialRevert(IMessageQueue.GasLimitOutOfRange.selector);
        l1.sendMessage{value: 1 ether}(onL2(BOB), PAYLOAD, relayAttribute(0, 17_000_000, BOB));
        vm.expectPartialRevert(IOutbox.GasLimitTooHigh.selector);
        l2.sendMessage(onL1(BOB), PAYLOAD, relayAttribute(0, 8_000_000, BOB));
        vm.stopPrank();
    }

    // OpenZeppelin's applications, as they are

    function test_BridgeERC20AndBridgeERC7802BothWays() public {
        PlainToken token = new PlainToken("Plain", "PLAIN", 18);
        uint256 nonce = vm.getNonce(address(this));
        address minting = vm.computeCreateAddress(address(this), nonce + 2);
        CrosschainToken twin = new CrosschainToken(minting);
        LockingBridge locking = new LockingBridge(token, address(l1), L2_CHAIN_ID, minting);
        assertEq(
            address(new MintingBridge(IERC7802(address(twin)), address(l2), L1_CHAIN_ID, address(locking))), minting
        );

        token.mint(ALICE, 100);
        vm.startPrank(ALICE);
        token.approve(address(locking), 100);
        bytes32 sendId = locking.crosschainTransfer(onL2(BOB), 100);
        vm.stopPrank();
        bytes memory payload = abi.encode(onL1(ALICE), abi.encodePacked(BOB), 100);
        relay(sendId, address(locking), minting, 0, payload);
        assertEq(deliver(), 0);
        assertEq(token.balanceOf(address(locking)), 100);
        assertEq(twin.balanceOf(BOB), 100);

        vm.chainId(L2_CHAIN_ID);
        vm.prank(BOB);
        MintingBridge(minting).crosschainTransfer(onL1(ALICE), 40);
        vm.chainId(L1_CHAIN_ID);
        assertEq(twin.balanceOf(BOB), 60);
        claimLast();
        assertEq(token.balanceOf(ALICE), 40);
        assertEq(token.balanceOf(address(locking)), 60);
    }

    /// @dev A controller on L2 acts on L1, and one on L1 on L2. Nobody else does.
    function test_CrosschainRemoteExecutorBothWays() public {
        Gate gate = new Gate();
        bytes memory open =
            bytes.concat(bytes32(0), abi.encodePacked(gate, uint256(0), abi.encodeCall(gate.setOpen, (true))));
        bytes memory shut =
            bytes.concat(bytes32(0), abi.encodePacked(gate, uint256(0), abi.encodeCall(gate.setOpen, (false))));
        RemoteExecutor executor = new RemoteExecutor(address(l1), L2_CHAIN_ID, ALICE);
        vm.prank(ALICE);
        l2.sendMessage(onL1(address(executor)), open, new bytes[](0));
        claimLast();
        assertTrue(gate.open());
        vm.prank(BOB);
        l2.sendMessage(onL1(address(executor)), shut, new bytes[](0));
        assertEq(claimFails(sent.length).selectorOf(), ERC7786Recipient.ERC7786RecipientUnauthorizedGateway.selector);

        executor = new RemoteExecutor(address(l2), L1_CHAIN_ID, ALICE);
        vm.prank(ALICE);
        bytes32 sendId = l1.sendMessage(onL2(address(executor)), shut, new bytes[](0));
        relay(sendId, ALICE, address(executor), 0, shut);
        assertEq(deliver(), 0);
        assertFalse(gate.open());
    }

    function relay(bytes32 sendId, address sender, address recipient, uint256 value, bytes memory payload) private {
        uint64 gasLimit = l1.DEFAULT_GAS_LIMIT();
        uint256 fee = l1.quote(payload.length, gasLimit);
        vm.deal(STRANGER, fee + 7);
        (, uint64 index,) = bridge.queue();
        vm.expectEmit(address(l1));
        emit IL1ERC7786Gateway.MessageRelayed(sendId, index);
        vm.prank(STRANGER, STRANGER);
        l1.requestRelay{value: fee + 7}(sendId, PendingMessage(sender, recipient, value, payload), gasLimit, fee);
        assertEq(STRANGER.balance, 7);
    }

    function sendFromL2(address recipient, uint256 value) private returns (uint64 index) {
        index = OUTBOX.count();
        vm.chainId(L2_CHAIN_ID);
        vm.prank(ALICE);
        assertEq(l2.sendMessage{value: value}(onL1(recipient), PAYLOAD, new bytes[](0)), 0);
        vm.chainId(L1_CHAIN_ID);
    }

    /// @dev Executes a message in a batch, where it gets what it promised itself and no more.
    function executeWithPromise(uint256 index) private returns (bool) {
        collect();
        bytes32 commitment = publish(sent);
        uint256[] memory indices = new uint256[](1);
        indices[0] = index;
        (Message[] memory chosen, bytes32[] memory proof) = choose(sent, indices);
        return bridge.executeMessages(chosen, commitment, proof.length, proof)[0];
    }

    function relayAttribute(uint256 value, uint256 gasLimit, address refundRecipient)
        private
        pure
        returns (bytes[] memory attributes)
    {
        attributes = new bytes[](1);
        attributes[0] = abi.encodeCall(IERC7786Attributes.requestRelay, (value, gasLimit, refundRecipient));
    }

    function expectReceived(Inbox inbox, bytes32 id, bytes memory sender, uint256 value) private view {
        assertEq(inbox.count(), 1);
        assertEq(inbox.lastId(), id);
        assertEq(inbox.lastSender(), sender);
        assertEq(inbox.lastPayload(), PAYLOAD);
        assertEq(inbox.lastValue(), value);
    }

    function expectNotPending(bytes32 sendId, PendingMessage memory message) private {
        vm.expectRevert(abi.encodeWithSelector(IL1ERC7786Gateway.MessageNotPending.selector, sendId));
        l1.requestRelay(sendId, message, 500_000, type(uint256).max);
    }

    function expectInvalidRecipient(bytes memory recipient) private {
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.InvalidRecipient.selector, recipient));
        l1.sendMessage(recipient, PAYLOAD, new bytes[](0));
    }

    function expectUnsupported(bytes[] memory attributes, bytes4 selector) private {
        vm.expectRevert(abi.encodeWithSelector(IERC7786GatewaySource.UnsupportedAttribute.selector, selector));
        l2.sendMessage(onL1(BOB), PAYLOAD, attributes);
    }

    function onL1(address account) private pure returns (bytes memory) {
        return InteroperableAddress.formatEvmV1(L1_CHAIN_ID, account);
    }

    function onL2(address account) private pure returns (bytes memory) {
        return InteroperableAddress.formatEvmV1(L2_CHAIN_ID, account);
    }
}
