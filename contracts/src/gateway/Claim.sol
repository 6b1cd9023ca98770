// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What the sender of a withdrawal wants of this market.
struct Terms {
    /// Who is paid, on L1.
    address recipient;
    /// What the recipient leaves to whoever pays at once, in units of what is withdrawn.
    uint256 fee;
    /// The last L1 second in which somebody may.
    uint64 deadline;
    /// Tells apart withdrawals that are alike.
    bytes32 salt;
}

/// A withdrawal that is on its way here. Withdrawals that are alike to the last field are the same claim.
struct Claim {
    /// Who sent it, on L2.
    address sender;
    /// The token by its address on L1; zero for ETH.
    address token;
    /// What was sent on L2, in wei or in units of the token.
    uint256 amount;
    /// Who is paid, on L1.
    address recipient;
    /// What the recipient leaves to whoever pays at once.
    uint256 fee;
    /// The last L1 second in which somebody may.
    uint64 deadline;
    /// Tells apart withdrawals that are alike.
    bytes32 salt;
}

using {id} for Claim global;

/// Seven words.
function id(Claim memory claim) pure returns (bytes32) {
    return keccak256(abi.encode(claim));
}
