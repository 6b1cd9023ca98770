// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ICreate2Factory} from "./ICreate2Factory.sol";

/// @title Create2Factory (L2 predeploy)
/// @dev Genesis sets the code. It has no state, and keeps no ETH: what comes with a call goes to the constructor.
contract Create2Factory is ICreate2Factory {
    /// @inheritdoc ICreate2Factory
    function deploy(bytes32 salt, bytes calldata initCode) external payable returns (address deployed) {
        // The constructor may call back: nothing here could be disturbed.
        deployed = Create2.deploy(msg.value, salt, initCode);
        emit ContractDeployed(deployed, salt);
    }

    /// @inheritdoc ICreate2Factory
    function addressOf(bytes32 salt, bytes32 initCodeHash) external view returns (address) {
        return Create2.computeAddress(salt, initCodeHash);
    }
}
