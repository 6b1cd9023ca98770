// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Bridge} from "../../src/bridge/Bridge.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {MeteringConfig} from "../../src/libraries/Metering.sol";
import {PosternTest} from "../support/PosternTest.sol";

contract BridgeTest is PosternTest {
    function test_KnowsItsPeersAndParameters() public view {
        assertEq(bridge.CANONICAL_TRANSACTION_CHAIN(), address(canonicalTransactionChain));
        assertEq(address(bridge.STATE_COMMITMENT_CHAIN()), address(stateCommitmentChain));
        assertEq(bridge.MINIMUM_PRICE(), MINIMUM_PRICE);
        assertEq(bridge.TARGET_PER_BLOCK(), TARGET_PER_BLOCK);
        assertEq(bridge.MAXIMUM_PER_BLOCK(), MAXIMUM_PER_BLOCK);
        assertEq(bridge.MAX_MESSAGE_DATA(), 65_536);
        assertEq(bridge.MAX_QUEUED_GAS_LIMIT(), 16_777_216);
        assertEq(bridge.MAX_REASON(), 256);
    }

    function test_BeginsWithAnOpenMarketAndAnEmptyQueue() public view {
        (bytes32 hash, uint64 count, uint64 gas) = bridge.queue();
        assertEq(hash, 0);
        assertEq(count, 0);
        assertEq(gas, 0);
        assertEq(bridge.quote(1), MINIMUM_PRICE);
        assertEq(bridge.availableGas(), MAXIMUM_PER_BLOCK);
    }

    function test_RevertWhen_InitializedAgain() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        bridge.initialize();
    }

    function test_RevertWhen_ImplementationIsInitialized() public {
        Bridge implementation = deployBridge(meteringConfig());
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize();
    }

    function test_RevertWhen_EtherComesWithoutMessage() public {
        uint256 custody = address(bridge).balance;
        vm.deal(STRANGER, 1 ether);
        vm.startPrank(STRANGER);
        (bool plain,) = address(bridge).call{value: 1 ether}("");
        (bool unknown,) = address(bridge).call{value: 1 ether}("unknown function");
        assertFalse(plain || unknown);
        assertEq(address(bridge).balance, custody);
    }

    function test_RevertWhen_MarketCouldNotWork() public {
        uint64 largest = bridge.MAX_QUEUED_GAS_LIMIT();
        expectInvalid(MeteringConfig({minimumPrice: 0, targetPerBlock: 10e6, maximumPerBlock: 50e6}));
        expectInvalid(MeteringConfig({minimumPrice: 1e6, targetPerBlock: 0, maximumPerBlock: 50e6}));
        expectInvalid(MeteringConfig({minimumPrice: 1e6, targetPerBlock: 25e6 + 1, maximumPerBlock: 50e6}));
        expectInvalid(MeteringConfig(1, type(uint64).max, type(uint64).max));
        expectInvalid(MeteringConfig(1, 1, uint64(type(uint40).max) + 1));
        expectInvalid(MeteringConfig({minimumPrice: 1e6, targetPerBlock: 1, maximumPerBlock: largest - 1}));
        deployBridge(MeteringConfig(1, 1, largest));
        deployBridge(MeteringConfig(1, 25e6, 50e6));
        deployBridge(MeteringConfig(1, 1, type(uint40).max));
    }

    function expectInvalid(MeteringConfig memory metering) private {
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InvalidMetering.selector, metering));
        deployBridge(metering);
    }

    function deployBridge(MeteringConfig memory metering) private returns (Bridge) {
        bytes memory arguments = abi.encode(canonicalTransactionChain, stateCommitmentChain, metering);
        return Bridge(payable(create("Bridge.sol:Bridge", arguments)));
    }
}
