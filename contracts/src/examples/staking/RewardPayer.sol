// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IBridge} from "../../bridge/IBridge.sol";
import {IMessageQueue} from "../../bridge/IMessageQueue.sol";
import {FromL2} from "../FromL2.sol";
import {IRewardPayer} from "./IRewardPayer.sol";
import {IStakingPool} from "./IStakingPool.sol";

/// @title Where rewards are paid, on L1
/// @notice Holds the reward token, and pays it out as the `StakingPool` on L2 says.
/// @dev Messages in both directions carry totals, never amounts, so that each makes up for all before it:
/// - One from L2 never comes: the next one to that recipient pays for both. Or anyone executes it, at any time.
/// - They come in another order: the largest total counts, an older one pays nothing and is done with.
/// - One comes twice, or two say the same: the second pays nothing.
/// - One to L2 fails there: the next one, or `fund(0)`, tells the same and more.
///
/// Invariant: paid here ≤ claimed on L2 ≤ given out on L2 ≤ `funded`. So there is always enough for who comes last.
///
/// Trust: what `FromL2` says, `L2_SENDER` being the pool; and the token, which must move exactly what it is told to and must
/// not change balances by itself. One that takes a fee would leave this contract short: measure what arrives if yours does.
/// A recipient that the token refuses is not paid, which touches nobody else.
///
/// To change in a copy: where funds come from, and whether they can be taken back; here they cannot.
contract RewardPayer is IRewardPayer, FromL2 {
    using SafeERC20 for IERC20;

    /// @notice L2 gas bought for telling L2 a total.
    uint64 public constant L2_GAS_LIMIT = 250_000;
    /// @inheritdoc IRewardPayer
    IERC20 public immutable TOKEN;

    /// @inheritdoc IRewardPayer
    uint256 public funded;
    /// @inheritdoc IRewardPayer
    mapping(address recipient => uint256) public paid;

    /// @param bridge The bridge's proxy.
    /// @param pool The `StakingPool` on L2.
    /// @param token What rewards are paid in.
    constructor(IBridge bridge, address pool, IERC20 token) FromL2(bridge, pool) {
        TOKEN = token;
    }

    /// @inheritdoc IRewardPayer
    function fund(uint256 amount) external payable returns (uint64 index) {
        uint256 fee = BRIDGE.quote(L2_GAS_LIMIT);
        if (msg.value < fee) revert IMessageQueue.InsufficientFee(msg.value, fee);
        // A token that calls its sender may fund in the midst of this: then that total is the smaller one, and is sent first.
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 total = funded + amount;
        funded = total;
        // Exactly the fee: anything beyond would be credited on L2 to this contract's alias, for ever.
        index = BRIDGE.sendToL2{value: fee}(
            L2_SENDER, 0, L2_GAS_LIMIT, fee, abi.encodeCall(IStakingPool.setFunded, (total))
        );
        emit Funded(msg.sender, amount, total, index);
        // Last, to the caller, who can do no more than refuse it and so undo all.
        if (msg.value > fee) Address.sendValue(payable(msg.sender), msg.value - fee);
    }

    /// @inheritdoc IRewardPayer
    function pay(address recipient, uint256 total) external onlyFromL2 {
        uint256 before = paid[recipient];
        // A later total came before this one. To revert would leave relayers with a message that never succeeds.
        if (total <= before) return;
        paid[recipient] = total;
        emit RewardPaid(recipient, total - before, total);
        TOKEN.safeTransfer(recipient, total - before);
    }
}
