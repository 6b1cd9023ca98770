// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMachineStep} from "../../src/dispute/IMachineStep.sol";

/// @notice The machine's step, which also says what the state after it is, not only its hash.
interface IOpenMachineStep is IMachineStep {
    function next(bytes32 stateHash, bytes calldata witness) external view returns (bytes memory);
}
