// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A state of the machine as the 296 bytes that are hashed: `memory root 32 | pc 8 | halt status 8 | x1 … x31, 8 each`, all
/// big-endian.
library MachineState {
    /// Bytes of a state.
    uint256 internal constant SIZE = 296;
    /// Bytes of a state without the memory root.
    uint256 internal constant REGISTERS = 264;
    /// The halt status of a program that ended with exit code 0.
    uint64 internal constant SUCCEEDED = 1;
    /// The halt status of a trap.
    uint64 internal constant TRAPPED = type(uint64).max;

    uint256 private constant PC = 32;
    /// Where `x0` would be.
    uint256 private constant STATUS = 40;
    uint256 private constant A0 = STATUS + 80;

    /// @notice The state that a witness begins with: all but the memory root, which is left zero.
    function from(bytes calldata witness) internal pure returns (bytes memory state) {
        // The length, the root and then the rest, in whole words.
        assembly ("memory-safe") {
            state := mload(0x40)
            mstore(0x40, add(state, 0x160))
            mstore(state, add(0x20, REGISTERS))
            mstore(add(state, 0x20), 0)
            calldatacopy(add(state, 0x40), witness.offset, REGISTERS)
        }
    }

    /// @notice Hash of the state in which a program begins.
    /// @param root Of its memory.
    /// @param entry Where it begins.
    /// @param input The 32 bytes in `a0 … a3`.
    function startHash(bytes32 root, uint64 entry, bytes32 input) internal pure returns (bytes32) {
        // The status, x1 … x9; x14 … x31.
        return keccak256(abi.encodePacked(root, entry, new bytes(80), input, new bytes(144)));
    }

    /// @notice How a run ended: halt status, and the 32 bytes in `a0 … a3`.
    /// @param state Of `SIZE` bytes.
    function endOf(bytes calldata state) internal pure returns (uint64 haltStatus, bytes32 output) {
        return (uint64(bytes8(state[STATUS:])), bytes32(state[A0:]));
    }

    function pc(bytes memory state) internal pure returns (uint64) {
        return _read(state, PC);
    }

    function setPc(bytes memory state, uint64 value) internal pure {
        _write(state, PC, value);
    }

    function status(bytes memory state) internal pure returns (uint64) {
        return _read(state, STATUS);
    }

    function setStatus(bytes memory state, uint64 value) internal pure {
        _write(state, STATUS, value);
    }

    /// @notice The value of `x<number>`.
    /// @dev Only of a running state: the halt status stands in the place of `x0`, and reads as zero.
    /// @param number Below 32.
    function register(bytes memory state, uint256 number) internal pure returns (uint64) {
        return _read(state, _offsetOf(number));
    }

    /// @notice Sets `x<number>`; what is written to `x0` is lost.
    /// @param number Below 32.
    function setRegister(bytes memory state, uint256 number, uint64 value) internal pure {
        if (number != 0) _write(state, _offsetOf(number), value);
    }

    /// @notice The value of four registers in a row, the first one's bytes first.
    /// @param number Of the first; at most 28.
    function registers4(bytes memory state, uint256 number) internal pure returns (bytes32 value) {
        uint256 offset = _offsetOf(number);
        // Reads within the state.
        assembly ("memory-safe") {
            value := mload(add(add(state, 0x20), offset))
        }
    }

    function setRoot(bytes memory state, bytes32 root) internal pure {
        // The first 32 bytes of the state.
        assembly ("memory-safe") {
            mstore(add(state, 0x20), root)
        }
    }

    /// @dev Where `x<number>` is.
    function _offsetOf(uint256 number) private pure returns (uint256) {
        // Five bits.
        unchecked {
            return STATUS + 8 * number;
        }
    }

    /// @param offset Of eight bytes within the state.
    function _read(bytes memory state, uint256 offset) private pure returns (uint64 value) {
        // May read beyond the end of the state, and drops what is there.
        assembly ("memory-safe") {
            value := shr(192, mload(add(add(state, 0x20), offset)))
        }
    }

    /// @param offset Of eight bytes within the state, not among the first 24.
    function _write(bytes memory state, uint256 offset, uint64 value) private pure {
        // The word that ends with the eight bytes; what stands before them stays.
        assembly ("memory-safe") {
            let word := add(add(state, 0x08), offset)
            mstore(word, or(and(mload(word), not(0xffffffffffffffff)), value))
        }
    }
}
