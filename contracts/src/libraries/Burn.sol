// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Where forfeited bond goes that rewards nobody. It has no code, so that sending there cannot fail, and exists on every public
/// network.
address constant BURN = 0x000000000000000000000000000000000000dEaD;
