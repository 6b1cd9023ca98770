// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFromL2} from "../../src/examples/IFromL2.sol";
import {Message} from "../../src/types/Message.sol";
import {BothChainsTest} from "../support/BothChainsTest.sol";

/// @notice Both sides of an example, with the real bridge between them.
abstract contract ExampleTest is BothChainsTest {
    address internal immutable ALICE = makeAddr("alice");
    address internal immutable BOB = makeAddr("bob");

    /// @notice Where the contract will be that is deployed after so many others.
    function addressAfter(uint256 others) internal view returns (address) {
        return vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + others);
    }

    /// @notice Makes all messages sent so far final.
    function publishSent() internal returns (bytes32 commitment) {
        collect();
        return publish(sent);
    }

    /// @notice Executes the message at this index of an outbox that is final.
    function execute(uint256 index, bytes32 commitment) internal {
        bridge.executeMessage(sent[index], commitment, proofOf(sent, index));
    }

    /// @notice Executes the message at this index with no more gas than it was promised; whether it succeeded.
    function executeWithPromisedGas(uint256 index) internal returns (bool) {
        bytes32 commitment = publishSent();
        uint256[] memory indices = new uint256[](1);
        indices[0] = index;
        (Message[] memory chosen, bytes32[] memory proof) = choose(sent, indices);
        uint256 depth = proofOf(sent, index).length;
        return bridge.executeMessages(chosen, commitment, depth, proof)[0];
    }

    /// @notice A message that an L2 contract would not send, or not now.
    function sendAs(address l2Sender, address target, bytes memory data) internal {
        vm.prank(l2Sender);
        OUTBOX.send(target, 500_000, data);
    }

    /// @notice That this call is refused unless `target`'s own L2 contract sends it through the bridge.
    function assertOnlyFromL2(IFromL2 target, bytes memory call) internal {
        vm.prank(STRANGER);
        (bool success, bytes memory reason) = address(target).call(call);
        assertFalse(success, "anyone can call it");
        assertEq(reason, abi.encodeWithSelector(IFromL2.NotBridge.selector, STRANGER, bridge));
        sendAs(STRANGER, address(target), call);
        collect();
        reason = abi.encodeWithSelector(IFromL2.NotL2Sender.selector, STRANGER, target.L2_SENDER());
        assertEq(claimFails(sent.length - 1), reason, "anyone on L2 can send it");
    }

    /// @notice The numbers below `count`, in an order that `seed` chooses.
    function shuffled(uint256 count, uint256 seed) internal pure returns (uint256[] memory order) {
        order = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            order[i] = order[j];
            order[j] = i;
        }
    }
}
