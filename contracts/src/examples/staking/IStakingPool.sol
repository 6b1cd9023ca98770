// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Staking on L2 with rewards on L1
/// @notice Amounts are in the smallest unit of the token they are of.
interface IStakingPool {
    /// A staker put in so much.
    event Staked(address indexed staker, uint256 amount);
    /// A staker took out so much.
    event Unstaked(address indexed staker, uint256 amount);
    /// So much, since the beginning, may be given out.
    event FundedSet(uint256 total);
    /// A staker's rewards are on their way to L1, as this message of the outbox: `total` is all that the recipient was ever
    /// due.
    event Claimed(
        address indexed staker, address indexed recipient, uint256 amount, uint256 total, uint64 indexed index
    );

    /// Rewards would be lost at this address.
    error InvalidRecipient(address received);
    /// More than the staker has in the pool.
    error InsufficientStake(uint256 received, uint256 maximum);
    /// The staker has no rewards.
    error NothingToClaim();

    /// @notice What is staked: a token on L2.
    function TOKEN() external view returns (IERC20);

    /// @notice What all stakers together earn in a second, as long as there are funds, in the reward token's smallest unit.
    function RATE() external view returns (uint256);

    /// @notice All that the `RewardPayer` on L1 said it got.
    function funded() external view returns (uint256);

    /// @notice All that was given out to stakers, claimed or not.
    function emitted() external view returns (uint256);

    /// @notice All that is staked.
    function totalStaked() external view returns (uint256);

    /// @notice What a staker has in the pool.
    function stakeOf(address staker) external view returns (uint256);

    /// @notice What a staker could claim now.
    function earned(address staker) external view returns (uint256);

    /// @notice All that stakers ever claimed for this recipient.
    function claimed(address recipient) external view returns (uint256);

    /// @notice Puts in `amount`, which the caller has approved.
    function stake(uint256 amount) external;

    /// @notice Takes out `amount`; rewards stay to be claimed.
    function unstake(uint256 amount) external;

    /// @notice Sends the caller's rewards to `recipient` on L1.
    /// @dev By name, since whoever acts for the caller may have another address there: a contract of L2 has.
    /// @return index Position of the message in the outbox.
    function claim(address recipient) external returns (uint64 index);

    /// @notice Tells how much, since the beginning, may be given out. Only by the `RewardPayer` on L1.
    function setFunded(uint256 total) external;
}
