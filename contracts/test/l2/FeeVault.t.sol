// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {FeeVault} from "../../src/l2/FeeVault.sol";
import {IOutbox} from "../../src/l2/IOutbox.sol";
import {Outbox} from "../../src/l2/Outbox.sol";
import {Predeploys} from "../../src/libraries/Predeploys.sol";

contract FeeVaultTest is Test {
    address private immutable RECIPIENT = makeAddr("recipient on L1");
    FeeVault private constant VAULT = FeeVault(Predeploys.FEE_VAULT);

    function setUp() public {
        // As genesis does.
        vm.etch(Predeploys.FEE_VAULT, type(FeeVault).runtimeCode);
        vm.etch(Predeploys.OUTBOX, type(Outbox).runtimeCode);
        vm.store(Predeploys.FEE_VAULT, 0, bytes32(uint256(uint160(RECIPIENT))));
    }

    function testFuzz_AnyoneSendsTheFeesToTheRecipient(address caller, uint256 fees) public {
        vm.deal(Predeploys.FEE_VAULT, fees);
        vm.expectEmit(Predeploys.OUTBOX);
        emit IOutbox.MessageSent(0, Predeploys.FEE_VAULT, RECIPIENT, fees, VAULT.GAS_LIMIT(), "");
        vm.prank(caller);
        assertEq(VAULT.withdraw(), 0);
        assertEq(Predeploys.FEE_VAULT.balance, 0);
        assertEq(Predeploys.OUTBOX.balance, fees);
    }

    function test_RecipientIsInSlotZero() public view {
        assertEq(VAULT.recipient(), RECIPIENT);
    }

    function test_RevertWhen_GenesisSetNoRecipient() public {
        vm.store(Predeploys.FEE_VAULT, 0, 0);
        vm.deal(Predeploys.FEE_VAULT, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IOutbox.InvalidTarget.selector, address(0)));
        VAULT.withdraw();
        assertEq(Predeploys.FEE_VAULT.balance, 1 ether);
    }
}
