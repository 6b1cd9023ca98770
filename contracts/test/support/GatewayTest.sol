// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";
import {Delivery} from "../../src/gateway/Delivery.sol";
import {IL2Endpoint} from "../../src/gateway/IL2Endpoint.sol";
import {L1NFTGateway} from "../../src/gateway/L1NFTGateway.sol";
import {L1TokenGateway} from "../../src/gateway/L1TokenGateway.sol";
import {L2NFTGateway} from "../../src/gateway/L2NFTGateway.sol";
import {L2TokenGateway} from "../../src/gateway/L2TokenGateway.sol";
import {RelayTip} from "../../src/gateway/RelayTip.sol";
import {BothChainsTest} from "./BothChainsTest.sol";

/// @notice Both sides of the gateways in one EVM, with the real bridge between them.
abstract contract GatewayTest is BothChainsTest {
    /// L2 gas of a deposit in a test.
    uint64 internal constant L2_GAS = 500_000;
    /// L1 gas that a withdrawal is promised in a test.
    uint64 internal constant L1_GAS = 300_000;

    address internal immutable ALICE = makeAddr("alice");
    address internal immutable BOB = makeAddr("bob");

    L1TokenGateway internal l1Gateway;
    L2TokenGateway internal l2Gateway;
    L1NFTGateway internal l1NFTGateway;
    L2NFTGateway internal l2NFTGateway;
    RelayTip internal relayTip;

    /// All deliveries that failed.
    Delivery[] internal undelivered;

    function setUp() public virtual override {
        super.setUp();
        relayTip = RelayTip(vm.deployCode("RelayTip.sol:RelayTip", abi.encode(bridge)));
        (address l1, address l2) = deployPair("TokenGateway");
        (l1Gateway, l2Gateway) = (L1TokenGateway(l1), L2TokenGateway(l2));
        (l1, l2) = deployPair("NFTGateway");
        (l1NFTGateway, l2NFTGateway) = (L1NFTGateway(l1), L2NFTGateway(l2));
        vm.deal(ALICE, 10 ether);
    }

    function deployPair(string memory kind) private returns (address l1, address l2) {
        l2 = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        l1 = vm.deployCode(string.concat("L1", kind, ".sol:L1", kind), abi.encode(bridge, l2));
        assertEq(vm.deployCode(string.concat("L2", kind, ".sol:L2", kind), abi.encode(l1, relayTip)), l2);
    }

    /// @notice A deposit of ERC-20s that pays exactly its price.
    function depositTokens(address token, address from, address to, uint256 amount, bytes memory data)
        internal
        returns (uint64 index)
    {
        uint256 fee = l1Gateway.quote(token, L2_GAS);
        vm.deal(from, from.balance + fee);
        vm.prank(from, from);
        return l1Gateway.deposit{value: fee}(token, to, amount, L2_GAS, fee, data);
    }

    /// @notice The same, and that it reverts for this reason.
    function expectDepositRevert(bytes memory reason, address token, address from, address to, uint256 amount)
        internal
    {
        uint256 fee = l1Gateway.quote(token, L2_GAS);
        vm.deal(from, from.balance + fee);
        vm.expectRevert(reason);
        vm.prank(from, from);
        l1Gateway.deposit{value: fee}(token, to, amount, L2_GAS, fee, "");
    }

    /// @notice A withdrawal of ERC-20s without a tip.
    function withdrawTokens(address token, address from, address to, uint256 amount, bytes memory data)
        internal
        returns (uint64 index)
    {
        vm.prank(from, from);
        return l2Gateway.withdraw(token, to, amount, L1_GAS, data);
    }

    /// @notice Runs all messages that wait for L2. Returns how many of them could not be delivered.
    function deliver() internal returns (uint256 failures) {
        collect();
        uint256 before = undelivered.length;
        for (; ran < queued.length; ++ran) {
            assertTrue(run(queued[ran]), "a message failed, unrecorded");
        }
        collect();
        return undelivered.length - before;
    }

    /// @notice The last delivery that failed.
    function lastFailure() internal view returns (Delivery memory) {
        return undelivered[undelivered.length - 1];
    }

    /// @inheritdoc BothChainsTest
    function observe(Vm.Log memory log) internal override {
        if (log.topics[0] != IL2Endpoint.DeliveryFailed.selector) return;
        (Delivery memory delivery,) = abi.decode(log.data, (Delivery, bytes));
        undelivered.push(delivery);
    }
}
