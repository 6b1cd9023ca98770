// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStateCommitmentChain} from "../chain/IStateCommitmentChain.sol";
import {Commitment} from "../types/Commitment.sol";
import {Output} from "../types/Output.sol";

/// @title The state of the L2, read on L1
/// @notice Any contract on L1 can read an account or a slot of the L2 at a final output, with the answer of `eth_getProof`.
/// @dev It trusts the `StateCommitmentChain` to say what is final. How old an output may be is for the reader to say: its
/// `blockNumber` and `batchCount` are those of the L2, and final outputs stay readable for ever.
///
/// Proves what is there, not what is absent: an account that does not exist, and a slot that is zero, cannot be read. A contract
/// that is to be read so keeps no zeros, by storing a value plus one, for example.
interface IL2StateReader {
    /// The commitment is not final: unknown, in its challenge window, or rejected.
    error CommitmentNotFinal(bytes32 commitment);
    /// The output is not the one that the commitment names.
    error OutputRootMismatch(bytes32 received, bytes32 expected);

    /// @notice Reads an account. Reverts with OpenZeppelin's `TrieProofTraversalError`, or with an error of its `RLP`, if the proof
    /// does not show it.
    /// @param commitment A final commitment.
    /// @param output The output that it names.
    /// @param account Its address on L2.
    /// @param proof The nodes from the state root to the account.
    /// @return nonce Transactions that it sent, or contracts that it created.
    /// @return balance In wei.
    /// @return storageRoot Root of its storage.
    /// @return codeHash Hash of its code.
    function accountAt(Commitment calldata commitment, Output calldata output, address account, bytes[] calldata proof)
        external
        view
        returns (uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash);

    /// @notice Reads a slot that is not zero. Reverts likewise.
    /// @param commitment A final commitment.
    /// @param output The output that it names.
    /// @param account Whose storage it is in.
    /// @param slot The slot.
    /// @param accountProof The nodes from the state root to the account.
    /// @param storageProof The nodes from the account's storage root to the slot.
    /// @return value What is in the slot.
    function storageAt(
        Commitment calldata commitment,
        Output calldata output,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external view returns (bytes32 value);

    /// @notice The chain of commitments, at its proxy.
    function STATE_COMMITMENT_CHAIN() external view returns (IStateCommitmentChain);
}
