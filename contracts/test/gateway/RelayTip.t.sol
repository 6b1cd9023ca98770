// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {IRelayTip} from "../../src/gateway/IRelayTip.sol";
import {RelayTip} from "../../src/gateway/RelayTip.sol";
import {Message} from "../../src/types/Message.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {Gate, Puppet} from "../support/Targets.sol";

contract RelayTipTest is PosternTest {
    /// L1 gas that a tip promises itself: enough in a batch, where it gets no more.
    uint64 private constant TIP_GAS = 60_000;
    uint256 private constant TIP = 0.01 ether;

    address private immutable RELAYER = makeAddr("relayer");

    RelayTip private relayTip;
    /// What the first message calls.
    Gate private gate;

    function setUp() public override {
        super.setUp();
        relayTip = RelayTip(vm.deployCode("RelayTip.sol:RelayTip", abi.encode(bridge)));
        gate = new Gate();
        gate.setOpen(true);
    }

    function test_PaysWhoeverExecutesBothInOneClaim() public {
        (Message[] memory messages, bytes32 commitment) = send(0);
        vm.expectEmit(address(relayTip));
        emit IRelayTip.TipPaid(0, RELAYER, TIP);
        bool[] memory executed = executeBoth(messages, commitment);
        assertTrue(executed[0] && executed[1]);
        assertEq(RELAYER.balance, TIP);
        assertEq(address(relayTip).balance, 0);
    }

    function test_PaysForAMessageThatWasExecutedBefore() public {
        (Message[] memory messages, bytes32 commitment) = send(0);
        bridge.executeMessage(messages[0], commitment, proofOf(messages, 0));
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(messages[1], commitment, proofOf(messages, 1));
        assertEq(RELAYER.balance, TIP);
    }

    function test_PaysTheOriginOfAClaimThroughAContract() public {
        (Message[] memory messages, bytes32 commitment) = send(0);
        bridge.executeMessage(messages[0], commitment, proofOf(messages, 0));
        Puppet puppet = new Puppet();
        bytes memory call = abi.encodeCall(bridge.executeMessage, (messages[1], commitment, proofOf(messages, 1)));
        vm.prank(RELAYER, RELAYER);
        puppet.act(address(bridge), 0, call);
        assertEq(RELAYER.balance, TIP);
        assertEq(address(puppet).balance, 0);
    }

    function test_PaysForItself() public {
        (Message[] memory messages, bytes32 commitment) = send(1);
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(messages[1], commitment, proofOf(messages, 1));
        assertEq(RELAYER.balance, TIP);
    }

    function test_RevertWhen_MessageWasNotExecuted() public {
        (Message[] memory messages, bytes32 commitment) = send(0);
        bytes memory reason = abi.encodeWithSelector(IRelayTip.MessageNotFinalized.selector, 0);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageCallFailed.selector, 1, reason));
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(messages[1], commitment, proofOf(messages, 1));
        assertFalse(bridge.isFinalized(1));
    }

    /// @dev The tip waits for whoever executes the message in the end.
    function test_FailedMessagePaysNoTipYet() public {
        (Message[] memory messages, bytes32 commitment) = send(0);
        gate.setOpen(false);
        bool[] memory executed = executeBoth(messages, commitment);
        assertFalse(executed[0] || executed[1]);
        assertEq(RELAYER.balance, 0);

        gate.setOpen(true);
        executed = executeBoth(messages, commitment);
        assertTrue(executed[0] && executed[1]);
        assertEq(RELAYER.balance, TIP);
    }

    /// @dev Its own balance is not touched: a tip is paid with what its message brought.
    function testFuzz_PaysExactlyWhatCame(uint96 tip, uint96 stray) public {
        vm.deal(address(relayTip), stray);
        vm.deal(address(bridge), tip);
        Message[] memory messages = new Message[](1);
        messages[0] = makeTip(0, 0, tip);
        bytes32 commitment = publish(messages);
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(messages[0], commitment, new bytes32[](0));
        assertEq(RELAYER.balance, tip);
        assertEq(address(relayTip).balance, stray);
    }

    function testFuzz_RevertWhen_CallerIsNotTheBridge(address caller, uint64 index) public {
        vm.assume(caller != address(bridge));
        vm.expectRevert(abi.encodeWithSelector(IRelayTip.NotBridge.selector, caller, bridge));
        hoax(caller, TIP);
        relayTip.payTip{value: TIP}(index);
    }

    function test_RevertWhen_RelayerRefuses() public {
        (Message[] memory messages, bytes32 commitment) = send(0);
        bridge.executeMessage(messages[0], commitment, proofOf(messages, 0));
        bytes memory reason = abi.encodeWithSelector(Gate.Closed.selector);
        // An account that runs a contract's code by a delegation (EIP-7702).
        vm.etch(RELAYER, address(gate).code);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageCallFailed.selector, 1, reason));
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(messages[1], commitment, proofOf(messages, 1));

        address other = makeAddr("other relayer");
        vm.prank(other, other);
        bridge.executeMessage(messages[1], commitment, proofOf(messages, 1));
        assertEq(other.balance, TIP);
    }

    /// @dev A message, and a tip for the one at `index`.
    function send(uint64 index) private returns (Message[] memory messages, bytes32 commitment) {
        messages = new Message[](2);
        messages[0] = makeCall(0, address(gate), 100_000, "knock");
        messages[1] = makeTip(1, index, TIP);
        commitment = publish(messages);
    }

    function makeTip(uint64 own, uint64 index, uint256 value) private view returns (Message memory tip) {
        tip = makeCall(own, address(relayTip), TIP_GAS, abi.encodeCall(relayTip.payTip, (index)));
        tip.value = value;
    }

    function executeBoth(Message[] memory messages, bytes32 commitment) private returns (bool[] memory) {
        vm.prank(RELAYER, RELAYER);
        return bridge.executeMessages(messages, commitment, 1, new bytes32[](0));
    }
}
