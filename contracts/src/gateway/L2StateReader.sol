// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {IStateCommitmentChain} from "../chain/IStateCommitmentChain.sol";
import {Commitment, CommitmentStatus} from "../types/Commitment.sol";
import {Output} from "../types/Output.sol";
import {IL2StateReader} from "./IL2StateReader.sol";

/// @title The state of the L2, read on L1
contract L2StateReader is IL2StateReader {
    using RLP for Memory.Slice;

    /// @inheritdoc IL2StateReader
    IStateCommitmentChain public immutable STATE_COMMITMENT_CHAIN;

    constructor(IStateCommitmentChain stateCommitmentChain) {
        STATE_COMMITMENT_CHAIN = stateCommitmentChain;
    }

    /// @inheritdoc IL2StateReader
    function accountAt(Commitment memory commitment, Output memory output, address account, bytes[] memory proof)
        public
        view
        returns (uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash)
    {
        bytes32 id = commitment.id();
        if (STATE_COMMITMENT_CHAIN.commitmentStatus(id) != CommitmentStatus.Final) revert CommitmentNotFinal(id);
        bytes32 outputRoot = output.root();
        if (outputRoot != commitment.outputRoot) revert OutputRootMismatch(outputRoot, commitment.outputRoot);

        bytes memory leaf = _traverse(output.stateRoot, abi.encodePacked(account), proof);
        Memory.Slice[] memory fields = RLP.decodeList(leaf);
        return (fields[0].readUint256(), fields[1].readUint256(), fields[2].readBytes32(), fields[3].readBytes32());
    }

    /// @inheritdoc IL2StateReader
    function storageAt(
        Commitment memory commitment,
        Output memory output,
        address account,
        bytes32 slot,
        bytes[] memory accountProof,
        bytes[] memory storageProof
    ) external view returns (bytes32 value) {
        (,, bytes32 storageRoot,) = accountAt(commitment, output, account, accountProof);
        return bytes32(RLP.decodeUint256(_traverse(storageRoot, abi.encodePacked(slot), storageProof)));
    }

    /// @dev What the trie with this root has under the hash of `key`.
    function _traverse(bytes32 root, bytes memory key, bytes[] memory proof) private pure returns (bytes memory) {
        return TrieProof.traverse(root, abi.encodePacked(keccak256(key)), proof);
    }
}
