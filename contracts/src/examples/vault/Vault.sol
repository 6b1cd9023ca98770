// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {IBridge} from "../../bridge/IBridge.sol";
import {FromL2} from "../FromL2.sol";
import {IVault} from "./IVault.sol";

/// @title A vault on L1 that L2 unlocks
/// @notice Holds ETH and tokens, sent here by anyone in any way, and pays as the `VaultKey` on L2 says.
/// @dev Each unlock has a number and a deadline, and that is all that keeps messages in their place:
/// - It never comes: nothing is paid. Until the deadline anyone can execute it.
/// - It comes late: after the deadline it never counts, so who decided on L2 can decide anew without fear of both.
/// - They come in another order: no unlock depends on another. What must not overtake something belongs into one message.
/// - It comes twice: the first one of a number counts.
/// - It cannot be paid (the vault has too little, the recipient refuses): it reverts and can be tried again until the deadline.
/// - It is revoked: whichever arrives first counts. A revocation takes as long as an unlock, so it stops only what nobody has
///   executed, as what cannot be paid. To stop anything for sure, let somebody on L1 revoke too: it has all of the challenge
///   window to do so, in which an unlock is known and cannot be executed yet.
///
/// Trust: what `FromL2` says, `L2_SENDER` being the `VaultKey`. A token can only harm itself: nothing is kept about what is here.
///
/// To change in a copy: what `unlock` does. Keep the number and the deadline.
contract Vault is IVault, FromL2 {
    using BitMaps for BitMaps.BitMap;
    using SafeERC20 for IERC20;

    BitMaps.BitMap private _used;

    /// @param bridge The bridge's proxy.
    /// @param key The `VaultKey` on L2.
    constructor(IBridge bridge, address key) FromL2(bridge, key) {}

    receive() external payable {
        emit EtherReceived(msg.sender, msg.value);
    }

    /// @inheritdoc IVault
    function unlock(uint256 id, address token, address to, uint256 amount, uint256 deadline) external onlyFromL2 {
        if (block.timestamp > deadline) revert UnlockExpired(block.timestamp, deadline);
        if (_used.get(id)) revert AlreadyUsed(id);
        _used.set(id);
        emit Unlocked(id, token, to, amount);
        // May call back: whatever comes of that, this number is used.
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IVault
    function revoke(uint256 id) external onlyFromL2 {
        // Too late. To revert would leave relayers with a message that never succeeds.
        if (_used.get(id)) return;
        _used.set(id);
        emit Revoked(id);
    }

    /// @inheritdoc IVault
    function isUsed(uint256 id) external view returns (bool) {
        return _used.get(id);
    }
}
