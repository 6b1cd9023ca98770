// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AddressAlias} from "../libraries/AddressAlias.sol";
import {IFromL1} from "./IFromL1.sol";

/// @title An L2 contract that one L1 contract calls
/// @notice Copy this, and put `onlyFromL1` on every function that L1 calls.
/// @dev Trust: the L1 contract, and whoever can upgrade the bridge. An L1 contract calls from its alias, an address to which
/// nobody has a key; an externally owned account calls from its own, and needs no check but `msg.sender`.
///
/// What can be relied on, and what cannot:
/// - Messages arrive in the order in which they were sent, each once, the sequencer willing or not: at the latest when
///   somebody forces them in, two force delays after they were sent.
/// - A message whose call fails, for want of gas or otherwise, is not tried again: it is lost, but for its ETH, which is
///   the alias's. So it must not be able to fail, or a later one must make up for it.
/// - The L2 gas is what was bought on L1, no more.
abstract contract FromL1 is IFromL1 {
    /// @inheritdoc IFromL1
    address public immutable L1_SENDER;

    modifier onlyFromL1() {
        _requireFromL1();
        _;
    }

    /// @param l1Sender The L1 contract; if it is not deployed yet, where it will be.
    constructor(address l1Sender) {
        L1_SENDER = l1Sender;
    }

    function _requireFromL1() private view {
        address expected = AddressAlias.alias_(L1_SENDER);
        if (msg.sender != expected) revert NotAlias(msg.sender, expected);
    }
}
