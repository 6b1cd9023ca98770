// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MachineStep} from "../../src/dispute/MachineStep.sol";
import {IOpenMachineStep} from "./IOpenMachineStep.sol";

contract OpenMachineStep is MachineStep, IOpenMachineStep {
    /// @inheritdoc IOpenMachineStep
    function next(bytes32 stateHash, bytes calldata witness) external view returns (bytes memory) {
        return _next(stateHash, witness);
    }
}
