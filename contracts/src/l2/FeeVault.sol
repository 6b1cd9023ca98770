// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Predeploys} from "../libraries/Predeploys.sol";
import {IFeeVault} from "./IFeeVault.sol";
import {IOutbox} from "./IOutbox.sol";

/// @title FeeVault (L2 predeploy)
/// @dev Genesis sets the code and slot 0, the recipient. If that is zero, nothing can be withdrawn: `Outbox` refuses.
contract FeeVault is IFeeVault {
    /// @notice L1 gas that the recipient is promised: enough for a multisig wallet to receive ETH.
    uint64 public constant GAS_LIMIT = 100_000;

    /// @inheritdoc IFeeVault
    address public recipient;

    /// @inheritdoc IFeeVault
    function withdraw() external returns (uint64 index) {
        // A predeploy, trusted.
        return IOutbox(Predeploys.OUTBOX).send{value: address(this).balance}(recipient, GAS_LIMIT, "");
    }
}
