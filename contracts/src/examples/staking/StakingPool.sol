// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IOutbox} from "../../l2/IOutbox.sol";
import {Predeploys} from "../../libraries/Predeploys.sol";
import {FromL1} from "../FromL1.sol";
import {IRewardPayer} from "./IRewardPayer.sol";
import {IStakingPool} from "./IStakingPool.sol";

/// @title Staking on L2 with rewards on L1
/// @notice Stakes and all arithmetic are here, where gas is cheap; L1 sees one message for each claim. Every second `RATE` is
/// shared among the stakers by what they have staked, as long as `RewardPayer` has funds for it and somebody stakes.
/// @dev Each unit staked earned `_rewardPerUnit` since the beginning; a staker's share is its stake times what that grew by since
/// it was last looked at. Divisions round down, so what is given out is at most what was meant to be.
///
/// Trust: what `FromL1` says, and the staked token: see `RewardPayer`. The sequencer sets L2's time, within that of L1's batches;
/// it can move a reward by so many seconds.
///
/// What a call costs depends on whether another came in the same second. An estimate is of the last block's: add some to it.
///
/// What can go wrong on the way to L1 is listed at `RewardPayer`. While funds are short nothing is earned, so a claim never
/// promises what is not there.
///
/// To change in a copy: `RATE`; who may stake; a recipient that cannot take the reward token (see `claim`) is not looked at.
contract StakingPool is IStakingPool, FromL1 {
    using SafeERC20 for IERC20;

    /// A staker's account.
    struct Account {
        uint256 stake;
        /// What a unit had earned when the account was last looked at, times `PRECISION`.
        uint256 rewardPerUnit;
        /// Earned until then, and not claimed.
        uint256 reward;
    }

    /// Fine enough for a reward token with few decimals and a staked one with many.
    uint256 private constant PRECISION = 1e36;
    /// L1 gas that a payment is promised: enough for any common token.
    uint64 private constant PAY_GAS = 200_000;

    /// @inheritdoc IStakingPool
    IERC20 public immutable TOKEN;
    /// @inheritdoc IStakingPool
    uint256 public immutable RATE;

    /// @inheritdoc IStakingPool
    uint256 public funded;
    /// @inheritdoc IStakingPool
    uint256 public emitted;
    /// @inheritdoc IStakingPool
    uint256 public totalStaked;
    /// @inheritdoc IStakingPool
    mapping(address recipient => uint256) public claimed;

    /// What a unit staked since the beginning would have earned, times `PRECISION`.
    uint256 private _rewardPerUnit;
    /// When that was computed, in L2 seconds. What happened before the first stake does not count.
    uint256 private _updatedAt;
    mapping(address staker => Account) private _accounts;

    /// @param token What is staked.
    /// @param rate What all stakers together earn in a second.
    /// @param rewardPayer The `RewardPayer` on L1.
    constructor(IERC20 token, uint256 rate, address rewardPayer) FromL1(rewardPayer) {
        TOKEN = token;
        RATE = rate;
    }

    /// @inheritdoc IStakingPool
    function stake(uint256 amount) external {
        _account(msg.sender).stake += amount;
        totalStaked += amount;
        emit Staked(msg.sender, amount);
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IStakingPool
    function unstake(uint256 amount) external {
        Account storage account = _account(msg.sender);
        if (amount > account.stake) revert InsufficientStake(amount, account.stake);
        account.stake -= amount;
        totalStaked -= amount;
        emit Unstaked(msg.sender, amount);
        TOKEN.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IStakingPool
    function claim(address recipient) external returns (uint64 index) {
        if (recipient == address(0) || recipient == L1_SENDER) revert InvalidRecipient(recipient);
        Account storage account = _account(msg.sender);
        uint256 amount = account.reward;
        if (amount == 0) revert NothingToClaim();
        account.reward = 0;
        uint256 total = claimed[recipient] + amount;
        claimed[recipient] = total;

        bytes memory message = abi.encodeCall(IRewardPayer.pay, (recipient, total));
        // A predeploy, trusted.
        index = IOutbox(Predeploys.OUTBOX).send(L1_SENDER, PAY_GAS, message);
        emit Claimed(msg.sender, recipient, amount, total, index);
    }

    /// @inheritdoc IStakingPool
    function setFunded(uint256 total) external onlyFromL1 {
        // Or what was given out could become more than there is, and nothing would go on.
        if (total <= funded) return;
        // What was earned until now, of what there was until now.
        _update();
        funded = total;
        emit FundedSet(total);
    }

    /// @inheritdoc IStakingPool
    function stakeOf(address staker) external view returns (uint256) {
        return _accounts[staker].stake;
    }

    /// @inheritdoc IStakingPool
    function earned(address staker) external view returns (uint256) {
        (uint256 rewardPerUnit,) = _accrued();
        return _earned(_accounts[staker], rewardPerUnit);
    }

    /// @dev The account of a staker, everything earned until now being credited.
    function _account(address staker) private returns (Account storage account) {
        uint256 rewardPerUnit = _update();
        account = _accounts[staker];
        account.reward = _earned(account, rewardPerUnit);
        account.rewardPerUnit = rewardPerUnit;
    }

    function _update() private returns (uint256 rewardPerUnit) {
        uint256 amount;
        (rewardPerUnit, amount) = _accrued();
        _rewardPerUnit = rewardPerUnit;
        emitted += amount;
        _updatedAt = block.timestamp;
    }

    /// @dev What a unit has earned until now, and what that gives out since the last update.
    function _accrued() private view returns (uint256 rewardPerUnit, uint256 amount) {
        rewardPerUnit = _rewardPerUnit;
        if (totalStaked == 0) return (rewardPerUnit, 0);
        amount = Math.min(RATE * (block.timestamp - _updatedAt), funded - emitted);
        rewardPerUnit += Math.mulDiv(amount, PRECISION, totalStaked);
    }

    function _earned(Account storage account, uint256 rewardPerUnit) private view returns (uint256) {
        return account.reward + Math.mulDiv(account.stake, rewardPerUnit - account.rewardPerUnit, PRECISION);
    }
}
