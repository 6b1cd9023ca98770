// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {IVault} from "../../src/examples/vault/IVault.sol";
import {IVaultKey} from "../../src/examples/vault/IVaultKey.sol";
import {Vault} from "../../src/examples/vault/Vault.sol";
import {VaultKey} from "../../src/examples/vault/VaultKey.sol";
import {Gate, Reentrant} from "../support/Targets.sol";
import {PlainToken} from "../support/Tokens.sol";
import {ExampleTest} from "./ExampleTest.sol";

contract VaultTest is ExampleTest {
    uint256 private constant VALIDITY = 30 days;
    address private constant ETH = address(0);
    address private immutable OWNER = makeAddr("owner");

    Vault private vault;
    VaultKey private key;
    PlainToken private token;

    function setUp() public override {
        super.setUp();
        vault = Vault(payable(vm.deployCode("Vault.sol:Vault", abi.encode(bridge, addressAfter(1)))));
        key = VaultKey(vm.deployCode("VaultKey.sol:VaultKey", abi.encode(vault, OWNER, VALIDITY)));
        assertEq(vault.L2_SENDER(), address(key));
        token = new PlainToken("Token", "TOK", 18);

        vm.deal(address(vault), 10 ether);
        token.mint(address(vault), 1000);
        vm.startPrank(OWNER);
        key.setAllowance(ALICE, ETH, 10 ether);
        key.setAllowance(ALICE, address(token), 1000);
        vm.stopPrank();
    }

    function test_UnlocksEtherAndTokensInAnyOrder() public {
        unlock(ETH, BOB, 3 ether);
        unlock(address(token), BOB, 400);
        bytes32 commitment = publishSent();
        vm.expectEmit(address(vault));
        emit IVault.Unlocked(1, address(token), BOB, 400);
        execute(1, commitment);
        assertEq(token.balanceOf(BOB), 400);
        assertEq(BOB.balance, 0);
        assertFalse(vault.isUsed(0));
        vm.expectEmit(address(vault));
        emit IVault.Unlocked(0, ETH, BOB, 3 ether);
        execute(0, commitment);
        assertEq(BOB.balance, 3 ether);
        assertEq(address(vault).balance, 7 ether);
        assertEq(token.balanceOf(address(vault)), 600);
    }

    function test_RevertWhen_AnotherUnlocksOrRevokes() public {
        assertOnlyFromL2(vault, abi.encodeCall(vault.unlock, (0, ETH, STRANGER, 1 ether, type(uint256).max)));
        assertOnlyFromL2(vault, abi.encodeCall(vault.revoke, (0)));
    }

    function test_PromisedGasSuffices() public {
        unlock(ETH, BOB, 1 ether);
        unlock(address(token), BOB, 1);
        revoke(1);
        for (uint256 i; i < 3; ++i) {
            assertTrue(executeWithPromisedGas(2 - i) == (i != 1));
        }
        unlock(address(token), BOB, 2);
        assertTrue(executeWithPromisedGas(3));
        assertEq(token.balanceOf(BOB), 2);
    }

    function test_CountsUntilItsDeadline() public {
        unlock(ETH, BOB, 1 ether);
        unlock(ETH, BOB, 2 ether);
        uint256 deadline = vm.getBlockTimestamp() + VALIDITY;
        bytes32 commitment = publishSent();
        vm.warp(deadline);
        execute(0, commitment);
        assertEq(BOB.balance, 1 ether);
        vm.warp(deadline + 1);
        bytes memory reason = abi.encodeWithSelector(IVault.UnlockExpired.selector, deadline + 1, deadline);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageCallFailed.selector, 1, reason));
        execute(1, commitment);
        assertEq(BOB.balance, 1 ether);
    }

    /// The key would not do that: the vault does not depend on it.
    function test_RevertWhen_SentTwice() public {
        unlock(ETH, BOB, 3 ether);
        sendAs(address(key), address(vault), unlockCall(0, BOB, 3 ether));
        claim(1);
        assertEq(claimFails(0), abi.encodeWithSelector(IVault.AlreadyUsed.selector, 0));
        assertEq(BOB.balance, 3 ether);
    }

    /// The recipient has the second message executed while it is being paid for the first.
    function test_RevertWhen_SentTwiceAndTheRecipientReenters() public {
        Reentrant recipient = new Reentrant(bridge);
        unlock(ETH, address(recipient), 3 ether);
        sendAs(address(key), address(vault), unlockCall(0, address(recipient), 3 ether));
        bytes32 commitment = publishSent();
        recipient.setCallback(abi.encodeCall(bridge.executeMessage, (sent[1], commitment, proofOf(sent, 1))));
        execute(0, commitment);

        assertFalse(recipient.succeeded());
        assertEq(bytes4(recipient.returned()), IOutboxVerifier.MessageCallFailed.selector);
        (, bytes memory reason) = abi.decode(Bytes.slice(recipient.returned(), 4), (uint64, bytes));
        assertEq(reason, abi.encodeWithSelector(IVault.AlreadyUsed.selector, 0));
        assertEq(address(recipient).balance, 3 ether);
    }

    function test_RevocationThatArrivesFirstCounts() public {
        unlock(ETH, BOB, 3 ether);
        revoke(0);
        bytes32 commitment = publishSent();
        vm.expectEmit(address(vault));
        emit IVault.Revoked(0);
        execute(1, commitment);
        assertEq(claimFails(0), abi.encodeWithSelector(IVault.AlreadyUsed.selector, 0));
        assertEq(BOB.balance, 0);
    }

    function test_RevocationThatArrivesLastDoesNothing() public {
        unlock(ETH, BOB, 3 ether);
        revoke(0);
        claim(0);
        claim(1);
        assertEq(BOB.balance, 3 ether);
        assertTrue(bridge.isFinalized(1));
    }

    function test_WaitsUntilTheVaultHasEnough() public {
        vm.prank(OWNER);
        key.setAllowance(ALICE, ETH, 11 ether);
        unlock(ETH, BOB, 11 ether);
        assertEq(claimFails(0), abi.encodeWithSelector(Errors.InsufficientBalance.selector, 10 ether, 11 ether));
        assertFalse(vault.isUsed(0));
        hoax(STRANGER, 1 ether);
        vm.expectEmit(address(vault));
        emit IVault.EtherReceived(STRANGER, 1 ether);
        payable(vault).transfer(1 ether);
        claim(0);
        assertEq(BOB.balance, 11 ether);
    }

    function test_WaitsUntilTheRecipientTakesIt() public {
        Gate gate = new Gate();
        unlock(ETH, address(gate), 1 ether);
        assertEq(claimFails(0), abi.encodeWithSelector(Gate.Closed.selector));
        gate.setOpen(true);
        claim(0);
        assertEq(address(gate).balance, 1 ether);
    }

    /// What cannot be paid is stopped, so that it does not happen when nobody expects it any more.
    function test_RevocationStopsWhatCanNotBePaid() public {
        Gate gate = new Gate();
        unlock(ETH, address(gate), 1 ether);
        claimFails(0);
        revoke(0);
        claim(1);
        gate.setOpen(true);
        assertEq(claimFails(0), abi.encodeWithSelector(IVault.AlreadyUsed.selector, 0));
    }

    function test_RevertWhen_AllowanceIsExceeded() public {
        unlock(ETH, BOB, 7 ether);
        vm.expectRevert(abi.encodeWithSelector(IVaultKey.AllowanceExceeded.selector, 3 ether + 1, 3 ether));
        unlock(ETH, BOB, 3 ether + 1);
        unlock(ETH, BOB, 3 ether);
        assertEq(key.allowance(ALICE, ETH), 0);
        vm.expectRevert(abi.encodeWithSelector(IVaultKey.AllowanceExceeded.selector, 1, 0));
        vm.prank(BOB);
        key.unlock(ETH, BOB, 1);
    }

    /// It needs no allowance: anyone could have the vault call `transfer(to, 0)` of anything.
    function test_RevertWhen_NothingIsUnlocked() public {
        vm.expectRevert(IVaultKey.NothingToUnlock.selector);
        unlock(ETH, BOB, 0);
    }

    function test_RevertWhen_RecipientWouldLoseIt() public {
        vm.expectRevert(abi.encodeWithSelector(IVaultKey.InvalidRecipient.selector, address(0)));
        unlock(ETH, address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IVaultKey.InvalidRecipient.selector, vault));
        unlock(ETH, address(vault), 1);
    }

    /// It replaces what was left, and is that account's for that token alone.
    function test_OwnerSetsAllowances() public {
        unlock(ETH, BOB, 3 ether);
        vm.expectEmit(address(key));
        emit IVaultKey.AllowanceSet(ALICE, ETH, 4 ether);
        vm.prank(OWNER);
        key.setAllowance(ALICE, ETH, 4 ether);
        assertEq(key.allowance(ALICE, ETH), 4 ether);
        assertEq(key.allowance(ALICE, address(token)), 1000);
        assertEq(key.allowance(BOB, ETH), 0);
    }

    /// The number of the unlock, and the position of the message that revokes it.
    function test_SaysWhichMessageRevokes() public {
        unlock(ETH, BOB, 1 ether);
        unlock(ETH, BOB, 2 ether);
        vm.expectEmit(address(key));
        emit IVaultKey.RevocationSent(1, 2);
        revoke(1);
        vm.expectEmit(address(key));
        emit IVaultKey.RevocationSent(0, 3);
        revoke(0);
        claim(3);
        assertTrue(vault.isUsed(0));
        assertFalse(vault.isUsed(1));
    }

    function test_RevertWhen_RevokedBeforeItIsDecided() public {
        vm.expectRevert(abi.encodeWithSelector(IVaultKey.UnknownUnlock.selector, 0, 0));
        revoke(0);
    }

    function test_RevertWhen_CallerIsNotTheOwner() public {
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, ALICE));
        key.setAllowance(ALICE, ETH, 1);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, ALICE));
        key.revoke(0);
    }

    function unlock(address what, address to, uint256 amount) private {
        vm.prank(ALICE);
        key.unlock(what, to, amount);
    }

    function revoke(uint256 id) private {
        vm.prank(OWNER);
        key.revoke(id);
    }

    function unlockCall(uint256 id, address to, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(vault.unlock, (id, ETH, to, amount, vm.getBlockTimestamp() + VALIDITY));
    }
}
