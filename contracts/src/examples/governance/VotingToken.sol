// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC6372Utils} from "@openzeppelin/contracts/utils/ERC6372Utils.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

/// @title The token that votes, on L2
/// @notice A holder counts from the moment it delegates, to itself or to another.
/// @dev Time is measured in seconds (ERC-6372), not in blocks: blocks of L2 come as there are transactions. L2's time never
/// goes back, is never ahead of L1's, and not before that of the batch's L1 origin.
///
/// To change in a copy: how tokens come into being. Here all of them are the first holder's.
contract VotingToken is ERC20Permit, ERC20Votes {
    /// @param name_ Name, also that of the permits' domain.
    /// @param symbol_ Symbol.
    /// @param holder Who gets all of it.
    /// @param supply How much there is, in the smallest unit, of which 10^18 are one.
    constructor(string memory name_, string memory symbol_, address holder, uint256 supply)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        _mint(holder, supply);
    }

    /// @notice Now, in seconds.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice How `clock` counts.
    function CLOCK_MODE() public view override returns (string memory) {
        return ERC6372Utils.timestampClockMode(clock);
    }

    /// @inheritdoc ERC20Permit
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
