// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Where rewards are paid, on L1
interface IRewardPayer {
    /// More may be given out, and L2 is told so by this message of the queue.
    event Funded(address indexed funder, uint256 amount, uint256 total, uint64 indexed index);
    /// A recipient got what it had coming.
    event RewardPaid(address indexed recipient, uint256 amount, uint256 total);

    /// @notice The token in which rewards are paid.
    function TOKEN() external view returns (IERC20);

    /// @notice All that ever came in, in the token's smallest unit.
    function funded() external view returns (uint256);

    /// @notice All that a recipient ever got, in the token's smallest unit.
    function paid(address recipient) external view returns (uint256);

    /// @notice Adds to what the pool on L2 may give out, and tells it the new total. By anyone.
    /// @dev The sent ETH pays for the message's L2 gas; what is over is returned. Amount zero only tells the total again.
    /// @param amount How much of the token to take from the caller, which has approved it.
    /// @return index Position of the message in the queue.
    function fund(uint256 amount) external payable returns (uint64 index);

    /// @notice Pays what is missing until `recipient` has got `total` in all. Only by a message of the pool.
    function pay(address recipient, uint256 total) external;
}
