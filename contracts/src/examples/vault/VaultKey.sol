// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IOutbox} from "../../l2/IOutbox.sol";
import {Predeploys} from "../../libraries/Predeploys.sol";
import {IVault} from "./IVault.sol";
import {IVaultKey} from "./IVaultKey.sol";

/// @title What unlocks a vault of L1, on L2
/// @notice An owner says who may unlock how much. What the vault holds, and whether an unlock happened, is not known here.
/// @dev Trust: the owner, in everything; a spender, in its allowance. The sequencer can delay both, not those who go through L1.
///
/// An allowance is used up by sending. If the unlock expires or is revoked without having happened, which shows on L1, the owner
/// may allow the same again: after the deadline it cannot happen any more.
///
/// To change in a copy: who may unlock what. Keep the numbers and the deadline, and make that longer than the challenge window and
/// the time until somebody relays, together; leave time for a commitment that is rejected and proposed anew.
contract VaultKey is IVaultKey, Ownable {
    /// L1 gas that an unlock is promised: enough for a multisig wallet to receive ETH, and for any common token.
    uint64 private constant UNLOCK_GAS = 200_000;
    /// L1 gas that a revocation is promised.
    uint64 private constant REVOKE_GAS = 50_000;

    /// @inheritdoc IVaultKey
    address public immutable VAULT;
    /// @inheritdoc IVaultKey
    uint256 public immutable VALIDITY;

    /// @inheritdoc IVaultKey
    uint256 public count;
    /// @inheritdoc IVaultKey
    mapping(address spender => mapping(address token => uint256)) public allowance;

    /// @param vault The `Vault` on L1.
    /// @param owner Who says who may unlock.
    /// @param validity How long an unlock counts, in seconds.
    constructor(address vault, address owner, uint256 validity) Ownable(owner) {
        VAULT = vault;
        VALIDITY = validity;
    }

    /// @inheritdoc IVaultKey
    function setAllowance(address spender, address token, uint256 amount) external onlyOwner {
        allowance[spender][token] = amount;
        emit AllowanceSet(spender, token, amount);
    }

    /// @inheritdoc IVaultKey
    function unlock(address token, address to, uint256 amount) external returns (uint256 id) {
        if (to == address(0) || to == VAULT) revert InvalidRecipient(to);
        // It would need no allowance, and be a call of anything by the vault.
        if (amount == 0) revert NothingToUnlock();
        uint256 left = allowance[msg.sender][token];
        if (amount > left) revert AllowanceExceeded(amount, left);
        allowance[msg.sender][token] = left - amount;
        id = count++;
        // L2's time is never ahead of L1's.
        uint256 deadline = block.timestamp + VALIDITY;
        uint64 index = _send(UNLOCK_GAS, abi.encodeCall(IVault.unlock, (id, token, to, amount, deadline)));
        emit UnlockSent(id, msg.sender, token, to, amount, deadline, index);
    }

    /// @inheritdoc IVaultKey
    function revoke(uint256 id) external onlyOwner {
        // Or a number could be used up before its unlock is decided.
        if (id >= count) revert UnknownUnlock(id, count);
        emit RevocationSent(id, _send(REVOKE_GAS, abi.encodeCall(IVault.revoke, (id))));
    }

    function _send(uint64 gasLimit, bytes memory message) private returns (uint64 index) {
        // A predeploy, trusted.
        return IOutbox(Predeploys.OUTBOX).send(VAULT, gasLimit, message);
    }
}
