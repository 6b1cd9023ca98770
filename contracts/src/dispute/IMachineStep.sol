// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title One step of the machine
/// @notice `docs/machine.md` in Solidity: the state hash after a state, shown by a witness. No storage, no owner.
/// @dev Every error says that the witness is bad. A state that the machine can be in has a witness that does not revert, if the
/// program asks for nothing that nobody knows.
interface IMachineStep {
    /// The witness has not as many bytes as this step needs. `expected` is the least number if an attachment of any length
    /// follows, or if the witness ends before the step knows more.
    error WrongLength(uint256 received, uint256 expected);
    /// There is a sibling where this step has none. Code mask in the upper 32 bits, data mask in the lower ones.
    error WrongMask(uint64 received, uint64 allowed);
    /// The registers, leaves and siblings are those of another state.
    error WrongState(bytes32 received, bytes32 expected);
    /// The attachment is not what the key is the hash of.
    error WrongPreimage(bytes32 received, bytes32 expected);
    /// The element is not proven to be in the blob.
    error WrongBlobProof(bytes32 versionedHash, uint64 index);
    /// The precompile failed, as those that are allowed do only if gas is short.
    error PrecompileFailed(address precompile);

    /// @notice Executes one step.
    /// @param stateHash Hash of the state before.
    /// @param witness What the step reads, in the form of `docs/machine.md`.
    /// @return Hash of the state after: the same for every witness of this state hash.
    function step(bytes32 stateHash, bytes calldata witness) external view returns (bytes32);
}
