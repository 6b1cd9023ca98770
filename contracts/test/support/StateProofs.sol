// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

/// @notice Verifies answers of `eth_getProof` with OpenZeppelin's library, on either chain.
contract StateProofs {
    using RLP for Memory.Slice;

    /// @notice The fields of an account under a state root.
    function accountAt(bytes32 stateRoot, address account, bytes[] memory proof)
        external
        pure
        returns (uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash)
    {
        bytes memory leaf = TrieProof.traverse(stateRoot, _key(abi.encodePacked(account)), proof);
        Memory.Slice[] memory fields = RLP.decodeList(leaf);
        return (fields[0].readUint256(), fields[1].readUint256(), fields[2].readBytes32(), fields[3].readBytes32());
    }

    /// @notice The value of a slot, not zero, under a storage root.
    function storageAt(bytes32 storageRoot, bytes32 slot, bytes[] memory proof) external pure returns (uint256) {
        return RLP.decodeUint256(TrieProof.traverse(storageRoot, _key(abi.encode(slot)), proof));
    }

    /// @notice Whether a proof ends at a node whose path leads elsewhere: then there is nothing under the key.
    /// @dev The library proves presence. Of absence it tells this form apart; a branch without the child it refuses.
    function isAbsent(bytes32 root, bytes memory key, bytes[] memory proof) external pure returns (bool) {
        (, TrieProof.ProofError err) = TrieProof.tryTraverse(root, _key(key), proof);
        return err == TrieProof.ProofError.INVALID_PATH_REMAINDER;
    }

    function _key(bytes memory key) private pure returns (bytes memory) {
        return abi.encodePacked(keccak256(key));
    }
}
