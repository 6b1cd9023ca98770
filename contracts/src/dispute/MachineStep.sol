// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Arithmetic} from "./Arithmetic.sol";
import {BlobWord} from "./BlobWord.sol";
import {IMachineStep} from "./IMachineStep.sol";
import {Instruction} from "./Instruction.sol";
import {Leaf} from "./Leaf.sol";
import {MachineState} from "./MachineState.sol";
import {MemoryTree, MemoryView} from "./MemoryTree.sol";

/// @title One step of the machine
contract MachineStep is IMachineStep {
    using MachineState for bytes;
    using MemoryTree for MemoryView;

    // Opcodes; `Arithmetic` has more.
    uint256 private constant LOAD = 0x03;
    uint256 private constant MISC_MEM = 0x0f;
    uint256 private constant AUIPC = 0x17;
    uint256 private constant STORE = 0x23;
    uint256 private constant LUI = 0x37;
    uint256 private constant BRANCH = 0x63;
    uint256 private constant JALR = 0x67;
    uint256 private constant JAL = 0x6f;
    /// Of SYSTEM this one instruction exists.
    uint256 private constant ECALL = 0x73;

    // System calls.
    uint64 private constant READ_PREIMAGE = 1;
    uint64 private constant READ_BLOB_WORD = 2;
    uint64 private constant CALL_PRECOMPILE = 3;
    uint64 private constant EXIT = 93;

    uint256 private constant A0 = 10;
    uint256 private constant A1 = 11;
    /// The first of the four registers with a key.
    uint256 private constant A2 = 12;
    uint256 private constant A4 = 14;
    uint256 private constant A6 = 16;
    uint256 private constant A7 = 17;

    /// The one precompile that can be called. It fails only for want of gas, whatever its input.
    uint160 private constant ECRECOVER = 1;

    /// Bytes of the shortest witness: a whole state.
    uint256 private constant MINIMUM = 296;

    /// @inheritdoc IMachineStep
    function step(bytes32 stateHash, bytes calldata witness) external view returns (bytes32) {
        return keccak256(_next(stateHash, witness));
    }

    /// @dev The state after a state.
    function _next(bytes32 stateHash, bytes calldata witness) internal view returns (bytes memory state) {
        _checkLength(witness, MINIMUM, true);
        state = MachineState.from(witness);
        uint64 pc = state.pc();
        bool running = state.status() == 0;
        if (!running || pc & 3 != 0 || pc >= MemoryTree.SIZE) {
            _checkLength(witness, MINIMUM, false);
            state.setRoot(MemoryTree.wordAt(witness, MachineState.REGISTERS));
            _checkState(state, stateHash);
            if (running) state.setStatus(MachineState.TRAPPED);
            return state;
        }

        _checkLength(witness, MemoryTree.CODE_SIBLINGS, true);
        // forge-lint: disable-next-line(unsafe-typecast) four bytes
        Instruction instruction = Instruction.wrap(uint32(Leaf.load(MemoryTree.codeLeafOf(witness), pc, 4, false)));
        (bool accesses, uint64 where, uint256 attachment, bool open) = _accessOf(state, instruction);
        MemoryView memory seen = MemoryTree.open(witness, pc, accesses, where);
        // Nothing near 2^256.
        unchecked {
            _checkLength(witness, seen.end + attachment, open);
        }
        state.setRoot(seen.rootOf(witness));
        _checkState(state, stateHash);
        if (!_execute(state, instruction, accesses, where, seen, witness)) state.setStatus(MachineState.TRAPPED);
    }

    /// @dev What the instruction accesses. Nothing of the state is known to be true yet.
    /// @return accesses Whether it reads or writes a leaf. If it should but cannot, it traps.
    /// @return where The address.
    /// @return attachment How many bytes follow in the witness, at least.
    /// @return open Whether more may follow.
    function _accessOf(bytes memory state, Instruction instruction)
        private
        pure
        returns (bool accesses, uint64 where, uint256 attachment, bool open)
    {
        uint256 opcode = instruction.opcode();
        uint256 funct3 = instruction.funct3();
        uint256 size = _sizeOf(funct3);
        // Addresses wrap around.
        unchecked {
            if (opcode == LOAD) {
                accesses = funct3 != 7;
                where = state.register(instruction.source1()) + instruction.immediateI();
            } else if (opcode == STORE) {
                accesses = funct3 < 4;
                where = state.register(instruction.source1()) + instruction.immediateS();
            } else if (Instruction.unwrap(instruction) == ECALL) {
                uint64 number = state.register(A7);
                if (number == READ_BLOB_WORD) {
                    accesses = state.register(A1) < BlobWord.COUNT;
                    attachment = BlobWord.PROOF;
                } else {
                    accesses = number == READ_PREIMAGE || (number == CALL_PRECOMPILE && state.register(A6) == ECRECOVER);
                    open = true;
                }
                where = state.register(A0);
                size = 32;
            }
            if (!accesses || where & (size - 1) != 0 || where >= MemoryTree.SIZE) return (false, 0, 0, false);
        }
    }

    /// @dev Executes the instruction.
    /// @return Whether it did. If not, it traps, and nothing is changed.
    function _execute(
        bytes memory state,
        Instruction instruction,
        bool accesses,
        uint64 where,
        MemoryView memory seen,
        bytes calldata witness
    ) private view returns (bool) {
        uint256 opcode = instruction.opcode();
        uint256 funct3 = instruction.funct3();
        uint64 a = state.register(instruction.source1());
        uint64 b = state.register(instruction.source2());
        uint256 destination = instruction.destination();
        uint64 result;
        bytes32 leaf = seen.accessed();
        // Addresses wrap around. That a target is no place for an instruction is found when it is fetched.
        unchecked {
            uint64 pc = state.pc();
            uint64 next = pc + 4;
            if (Arithmetic.has(opcode)) {
                bool exists;
                (exists, result) = Arithmetic.execute(instruction, a, b);
                if (!exists) return false;
            } else if (opcode == LOAD) {
                if (!accesses) return false;
                // From `funct3` 4 on without sign.
                result = Leaf.load(leaf, where, _sizeOf(funct3), funct3 < 4);
            } else if (opcode == STORE) {
                if (!accesses) return false;
                leaf = Leaf.store(leaf, where, _sizeOf(funct3), b);
                destination = 0;
            } else if (opcode == BRANCH) {
                if (funct3 == 2 || funct3 == 3) return false;
                if (_isTaken(funct3, a, b)) next = pc + instruction.immediateB();
                destination = 0;
            } else if (opcode == LUI) {
                result = instruction.immediateU();
            } else if (opcode == AUIPC) {
                result = pc + instruction.immediateU();
            } else if (opcode == JAL) {
                result = next;
                next = pc + instruction.immediateJ();
            } else if (opcode == JALR) {
                if (funct3 != 0) return false;
                result = next;
                next = (a + instruction.immediateI()) & ~uint64(1);
            } else if (Instruction.unwrap(instruction) == ECALL) {
                if (state.register(A7) == EXIT) {
                    state.setStatus((state.register(A4) & 255) + 1);
                    return true;
                }
                if (!accesses) return false;
                (result, leaf) = _answer(state, witness[seen.end:]);
                destination = A0;
            } else {
                if (opcode != MISC_MEM || funct3 != 0) return false;
                destination = 0;
            }

            if (leaf != seen.accessed()) {
                seen.setAccessed(leaf);
                state.setRoot(seen.rootOf(witness));
            }
            state.setRegister(destination, result);
            state.setPc(next);
            return true;
        }
    }

    /// @dev What a system call that writes a leaf gives for these arguments.
    /// @return length Bytes of the whole answer.
    /// @return leaf 32 of them.
    function _answer(bytes memory state, bytes calldata attachment) private view returns (uint64 length, bytes32 leaf) {
        uint64 number = state.register(A7);
        uint64 index = state.register(A1);
        bytes32 key = state.registers4(A2);
        if (number == READ_BLOB_WORD) {
            if (!BlobWord.isProven(key, index, attachment)) revert WrongBlobProof(key, index);
            return (32, MemoryTree.wordAt(attachment, 0));
        }
        bytes memory answer = attachment;
        bytes32 received = keccak256(answer);
        if (received != key) revert WrongPreimage(received, key);
        if (number == CALL_PRECOMPILE) {
            address precompile = address(ECRECOVER);
            bool success;
            // Asks a precompile of L1, which has no state, with all the gas there is.
            (success, answer) = precompile.staticcall(answer);
            if (!success) revert PrecompileFailed(precompile);
        }
        // forge-lint: disable-next-line(unsafe-typecast) nothing has 2^64 bytes
        length = uint64(answer.length);
        if (index < length) {
            // May read beyond the end of the answer.
            assembly ("memory-safe") {
                leaf := mload(add(add(answer, 0x20), index))
            }
            // Drops what was read there.
            unchecked {
                if (length - index < 32) leaf &= ~(bytes32(type(uint256).max) >> (8 * (length - index)));
            }
        }
    }

    /// @dev Whether a branch is taken. The lowest bit of `funct3` negates.
    function _isTaken(uint256 funct3, uint64 a, uint64 b) private pure returns (bool) {
        bool condition;
        if (funct3 < 4) condition = a == b;
        // forge-lint: disable-next-line(unsafe-typecast) the same 64 bits, whose highest is the sign
        else if (funct3 < 6) condition = int64(a) < int64(b);
        else condition = a < b;
        return condition != (funct3 & 1 == 1);
    }

    /// @dev The number of bytes that a load or store is about.
    function _sizeOf(uint256 funct3) private pure returns (uint256) {
        return 1 << (funct3 & 3);
    }

    /// @param open Whether there may be more bytes.
    function _checkLength(bytes calldata witness, uint256 expected, bool open) private pure {
        if (witness.length == expected || (open && witness.length > expected)) return;
        revert WrongLength(witness.length, expected);
    }

    /// @dev This one comparison binds all of the witness but the attachment.
    function _checkState(bytes memory state, bytes32 stateHash) private pure {
        bytes32 received = keccak256(state);
        if (received != stateHash) revert WrongState(received, stateHash);
    }
}
