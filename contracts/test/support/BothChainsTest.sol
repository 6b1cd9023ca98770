// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Vm} from "forge-std/Vm.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {IOutbox} from "../../src/l2/IOutbox.sol";
import {Outbox} from "../../src/l2/Outbox.sol";
import {Predeploys} from "../../src/libraries/Predeploys.sol";
import {Message, QueuedMessage} from "../../src/types/Message.sol";
import {PosternTest} from "./PosternTest.sol";

/// @notice L1 and what an L2 has beyond it in one EVM, with the real bridge between them. Messages to L2 are run as derivation runs
/// them; messages to L1 are claimed at the bridge from a final commitment to the outbox.
abstract contract BothChainsTest is PosternTest {
    Outbox internal constant OUTBOX = Outbox(Predeploys.OUTBOX);

    /// All messages to L2, and how many of them were run.
    QueuedMessage[] internal queued;
    uint256 internal ran;
    /// All messages to L1.
    Message[] internal sent;

    function setUp() public virtual override {
        super.setUp();
        vm.etch(Predeploys.OUTBOX, vm.getDeployedCode("Outbox.sol:Outbox"));
        vm.recordLogs();
    }

    /// @notice Runs a message as derivation does: the sender is credited, and the call has the gas that is left of what was bought.
    function run(QueuedMessage memory message) internal returns (bool success) {
        vm.deal(message.sender, message.sender.balance + message.mint);
        uint256 left = message.gasLimit - 21_000;
        for (uint256 i; i < message.data.length; ++i) {
            left -= message.data[i] == 0 ? 4 : 16;
        }
        vm.prank(message.sender, message.sender);
        (success,) = message.target.call{value: message.value, gas: left}(message.data);
    }

    /// @notice Executes the message at this index of the outbox on L1.
    function claim(uint256 index) internal {
        collect();
        bytes32 commitment = publish(sent);
        bridge.executeMessage(sent[index], commitment, proofOf(sent, index));
    }

    /// @notice Executes the last message of the outbox on L1.
    function claimLast() internal {
        collect();
        claim(sent.length - 1);
    }

    /// @notice The claim of a message that fails. Returns the reason that the bridge reports.
    function claimFails(uint256 index) internal returns (bytes memory reason) {
        collect();
        bytes32 commitment = publish(sent);
        (bool success, bytes memory returned) =
            address(bridge).call(abi.encodeCall(bridge.executeMessage, (sent[index], commitment, proofOf(sent, index))));
        assertFalse(success, "the claim succeeded");
        // forge-lint: disable-next-line(unsafe-typecast) the selector is what it begins with
        assertEq(bytes4(returned), IOutboxVerifier.MessageCallFailed.selector);
        assertFalse(bridge.isFinalized(sent[index].index));
        (, reason) = abi.decode(Bytes.slice(returned, 4), (uint64, bytes));
    }

    /// @dev Reads the events since the last look. Those of calls that reverted are among them: what stands of several messages
    /// with one index is the last, unless that was reverted too.
    function collect() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            Vm.Log memory log = logs[i];
            if (log.emitter == address(bridge) && log.topics[0] == IMessageQueue.MessageQueued.selector) {
                while (queued.length > uint256(log.topics[1])) queued.pop();
                (uint256 mint, uint256 value, uint64 gasLimit, uint256 fee, bytes memory data,) =
                    abi.decode(log.data, (uint256, uint256, uint64, uint256, bytes, uint64));
                queued.push(
                    QueuedMessage({
                        index: uint64(uint256(log.topics[1])),
                        sender: toAddress(log.topics[2]),
                        target: toAddress(log.topics[3]),
                        mint: mint,
                        value: value,
                        gasLimit: gasLimit,
                        fee: fee,
                        data: data
                    })
                );
            } else if (log.emitter == Predeploys.OUTBOX && log.topics[0] == IOutbox.MessageSent.selector) {
                while (sent.length > uint256(log.topics[1])) sent.pop();
                (uint256 value, uint64 gasLimit, bytes memory data) = abi.decode(log.data, (uint256, uint64, bytes));
                sent.push(
                    Message({
                        index: uint64(uint256(log.topics[1])),
                        sender: toAddress(log.topics[2]),
                        target: toAddress(log.topics[3]),
                        value: value,
                        gasLimit: gasLimit,
                        data: data
                    })
                );
            } else {
                observe(log);
            }
        }
        (, uint64 queuedCount,) = bridge.queue();
        while (queued.length > queuedCount) queued.pop();
        while (sent.length > OUTBOX.count()) sent.pop();
    }

    /// @dev What a test wants to know of any other event.
    function observe(Vm.Log memory log) internal virtual {}

    function toAddress(bytes32 word) internal pure returns (address) {
        return address(uint160(uint256(word)));
    }
}
