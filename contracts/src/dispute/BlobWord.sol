// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Words of a blob, by the point evaluation precompile (EIP-4844).
library BlobWord {
    /// Field elements of a blob.
    uint64 internal constant COUNT = 4096;
    /// What proves one: `element 32 | KZG commitment 48 | KZG proof 48`, in bytes.
    uint256 internal constant PROOF = 128;

    /// Order of the scalar field of BLS12-381.
    uint256 private constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// 7^((ORDER - 1) / 4096): a root of unity of order 4096.
    uint256 private constant OMEGA = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;
    address private constant POINT_EVALUATION = address(0x0a);

    /// @notice Whether `proof` shows that its element is word `index` of the blob.
    /// @dev False as well if the precompile ran out of gas: only true decides something.
    function isProven(bytes32 versionedHash, uint64 index, bytes calldata proof) internal view returns (bool) {
        // Asks a precompile of L1, which has no state. It answers with two constants if the proof holds, and fails otherwise;
        // nobody would be there on a chain without blobs.
        (bool success, bytes memory answer) =
            POINT_EVALUATION.staticcall(bytes.concat(versionedHash, bytes32(pointOf(index)), proof));
        return success && answer.length == 64;
    }

    /// @notice The point at which the blob's polynomial has its word `index`: `OMEGA` to the power of `index`, its twelve bits
    /// reversed. Below `ORDER`.
    function pointOf(uint64 index) internal pure returns (uint256 point) {
        point = 1;
        // The exponent's highest bit comes first, and that is the index's lowest.
        for (uint256 bit = 1; bit < COUNT; bit <<= 1) {
            point = mulmod(point, point, ORDER);
            if (index & bit != 0) point = mulmod(point, OMEGA, ORDER);
        }
    }
}
