// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// The proof of a slot.
struct SlotVector {
    uint256 slot;
    uint256 value;
    bytes[] proof;
}

/// The proof of an account and of some of its slots.
struct AccountVector {
    address account;
    uint256 nonce;
    uint256 balance;
    bytes32 storageRoot;
    bytes32 codeHash;
    bytes[] proof;
    SlotVector[] slots;
}

/// @notice Reads the vectors that are proofs of L2 state.
library StateVectors {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    string private constant ACCOUNT = "Vector(address account,uint256 nonce,uint256 balance,bytes32 storageRoot,"
        "bytes32 codeHash,bytes[] proof,Slot[] slots)Slot(uint256 slot,uint256 value,bytes[] proof)";

    /// @notice The proofs of a file, and the state root that they are under.
    function read(string memory name) internal view returns (bytes32 stateRoot, AccountVector[] memory vectors) {
        // forge-lint: disable-next-line(unsafe-cheatcode) reads files of this repository
        string memory json = VM.readFile(string.concat("contracts/test/vectors/", name, ".json"));
        stateRoot = VM.parseJsonBytes32(json, "$.stateRoot");
        vectors = abi.decode(VM.parseJsonTypeArray(json, "$.proofs", ACCOUNT), (AccountVector[]));
    }
}
