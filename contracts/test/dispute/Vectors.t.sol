// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {IMachineStep} from "../../src/dispute/IMachineStep.sol";

/// @notice The Solidity side of `contracts/test/vectors/machine/`, which `crates/machine` writes and holds itself to: steps that were
/// written once, with their witnesses, and witnesses that are refused.
contract MachineVectorsTest is Test {
    string private constant STEP = "Step(string name,bytes32 nextStateHash,bytes32 stateHash,bytes witness)";
    string private constant REFUSED = "Refused(string name,bytes32 stateHash,bytes witness)";

    struct Step {
        string name;
        bytes32 nextStateHash;
        bytes32 stateHash;
        bytes witness;
    }

    struct Refused {
        string name;
        bytes32 stateHash;
        bytes witness;
    }

    IMachineStep private machine;

    function setUp() public {
        machine = IMachineStep(vm.deployCode("MachineStep.sol:MachineStep"));
    }

    function test_Calls() public {
        checkSteps("calls");
    }

    function test_Immediates() public {
        checkSteps("immediates");
    }

    function test_Jumps() public {
        checkSteps("jumps");
    }

    function test_Memory() public {
        checkSteps("memory");
    }

    function test_Registers() public {
        checkSteps("registers");
    }

    function test_Traps() public {
        checkSteps("traps");
    }

    /// Both sides name the fault alike.
    function test_RevertWhen_WitnessIsRefused() public {
        vm.pauseGasMetering();
        string memory json = read("refused");
        Refused[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, "$", REFUSED), (Refused[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            // No member of a struct can be called that.
            string memory expected = vm.parseJsonString(json, string.concat("$[", vm.toString(i), "].error"));
            try machine.step(vectors[i].stateHash, vectors[i].witness) {
                assertTrue(false, vectors[i].name);
            } catch (bytes memory reason) {
                // forge-lint: disable-next-line(unsafe-typecast) the selector
                assertEq(bytes4(reason), selectorOf(expected), vectors[i].name);
            }
        }
    }

    function checkSteps(string memory file) private {
        vm.pauseGasMetering();
        Step[] memory vectors = abi.decode(vm.parseJsonTypeArray(read(file), "$", STEP), (Step[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            assertEq(machine.step(vectors[i].stateHash, vectors[i].witness), vectors[i].nextStateHash, vectors[i].name);
        }
    }

    function selectorOf(string memory fault) private pure returns (bytes4 selector) {
        bytes4[6] memory selectors = [
            IMachineStep.WrongLength.selector,
            IMachineStep.WrongMask.selector,
            IMachineStep.WrongState.selector,
            IMachineStep.WrongPreimage.selector,
            IMachineStep.WrongBlobProof.selector,
            IMachineStep.PrecompileFailed.selector
        ];
        string[6] memory names =
            ["WrongLength", "WrongMask", "WrongState", "WrongPreimage", "WrongBlobProof", "PrecompileFailed"];
        for (uint256 i; i < names.length; ++i) {
            if (keccak256(bytes(names[i])) == keccak256(bytes(fault))) selector = selectors[i];
        }
        assertTrue(selector != 0, fault);
    }

    function read(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("contracts/test/vectors/machine/", name, ".json"));
    }
}
