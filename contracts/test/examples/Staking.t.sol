// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {IFromL1} from "../../src/examples/IFromL1.sol";
import {IRewardPayer} from "../../src/examples/staking/IRewardPayer.sol";
import {IStakingPool} from "../../src/examples/staking/IStakingPool.sol";
import {RewardPayer} from "../../src/examples/staking/RewardPayer.sol";
import {StakingPool} from "../../src/examples/staking/StakingPool.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {CallbackToken, PlainToken, TokenHolder} from "../support/Tokens.sol";
import {ExampleTest} from "./ExampleTest.sol";

contract StakingTest is ExampleTest {
    /// What is given out in a second.
    uint256 private constant RATE = 100;
    address private immutable FUNDER = makeAddr("funder");
    address private immutable RECIPIENT = makeAddr("recipient on L1");

    RewardPayer private payer;
    StakingPool private pool;
    PlainToken private reward;
    PlainToken private staked;

    function setUp() public override {
        super.setUp();
        reward = new PlainToken("Reward", "REW", 6);
        staked = new PlainToken("Staked", "STK", 18);
        bytes memory arguments = abi.encode(bridge, addressAfter(1), reward);
        payer = RewardPayer(vm.deployCode("RewardPayer.sol:RewardPayer", arguments));
        pool = StakingPool(vm.deployCode("StakingPool.sol:StakingPool", abi.encode(staked, RATE, payer)));
        assertEq(payer.L2_SENDER(), address(pool));

        reward.mint(FUNDER, 1e24);
        vm.deal(FUNDER, 100 ether);
        vm.prank(FUNDER);
        reward.approve(address(payer), type(uint256).max);
        address[2] memory stakers = [ALICE, BOB];
        for (uint256 i; i < stakers.length; ++i) {
            staked.mint(stakers[i], 1000 ether);
            vm.prank(stakers[i]);
            staked.approve(address(pool), type(uint256).max);
        }
    }

    function test_SharesByStakeAndPaysOnL1() public {
        fund(1e9);
        stake(ALICE, 10 ether);
        pass(10);
        stake(BOB, 30 ether);
        pass(20);
        assertEq(pool.earned(ALICE), 10 * RATE + 20 * RATE / 4);
        assertEq(pool.earned(BOB), 20 * RATE * 3 / 4);
        assertEq(pool.stakeOf(BOB), 30 ether);

        vm.expectEmit(address(pool));
        emit IStakingPool.Claimed(BOB, RECIPIENT, 1500, 1500, 0);
        claimRewards(BOB, RECIPIENT);
        claimRewards(ALICE, ALICE);
        bytes32 commitment = publishSent();
        vm.expectEmit(address(payer));
        emit IRewardPayer.RewardPaid(RECIPIENT, 1500, 1500);
        execute(0, commitment);
        execute(1, commitment);
        assertEq(reward.balanceOf(RECIPIENT), 1500);
        assertEq(reward.balanceOf(ALICE), 1500);
        assertEq(reward.balanceOf(address(payer)), 1e9 - 3000);
    }

    function test_UnstakingEndsRewardsAndKeepsThem() public {
        fund(1e9);
        stake(ALICE, 10 ether);
        stake(BOB, 10 ether);
        assertEq(pool.totalStaked(), 20 ether);
        pass(10);
        vm.expectEmit(address(pool));
        emit IStakingPool.Unstaked(ALICE, 4 ether);
        vm.prank(ALICE);
        pool.unstake(4 ether);
        assertEq(pool.totalStaked(), 16 ether);
        assertEq(pool.stakeOf(ALICE), 6 ether);
        vm.prank(ALICE);
        pool.unstake(6 ether);
        assertEq(pool.totalStaked(), 10 ether);
        assertEq(staked.balanceOf(ALICE), 1000 ether);
        pass(10);
        assertEq(pool.earned(ALICE), 500);
        assertEq(pool.earned(BOB), 1500);
    }

    function test_PromisedGasSuffices() public {
        fund(1e9);
        stake(ALICE, 1 ether);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        assertTrue(executeWithPromisedGas(0));
        assertTrue(executeWithPromisedGas(1));
        assertEq(reward.balanceOf(RECIPIENT), 2000);
    }

    function test_SaysWhatATotalAdds() public {
        fund(1e9);
        stake(ALICE, 1 ether);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        pass(5);
        claimRewards(ALICE, RECIPIENT);
        bytes32 commitment = publishSent();
        execute(0, commitment);
        vm.expectEmit(address(payer));
        emit IRewardPayer.RewardPaid(RECIPIENT, 500, 1500);
        execute(1, commitment);
    }

    /// The largest total that arrived is what was paid, whatever the order; at the end everything is.
    function testFuzz_PaysTheSameInAnyOrder(uint256 seed, uint256 count) public {
        count = bound(count, 2, 6);
        fund(1e9);
        stake(ALICE, 1 ether);
        uint256[] memory totals = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            pass(1 + uint256(keccak256(abi.encode(seed, i))) % 1000);
            claimRewards(ALICE, RECIPIENT);
            totals[i] = pool.claimed(RECIPIENT);
        }
        bytes32 commitment = publishSent();
        uint256[] memory order = shuffled(count, seed);
        uint256 largest;
        for (uint256 i; i < count; ++i) {
            execute(order[i], commitment);
            if (totals[order[i]] > largest) largest = totals[order[i]];
            assertEq(reward.balanceOf(RECIPIENT), largest);
            assertEq(payer.paid(RECIPIENT), largest);
        }
        assertEq(reward.balanceOf(RECIPIENT), totals[count - 1]);
    }

    function test_AClaimMakesUpForOneThatNeverArrives() public {
        fund(1e9);
        stake(ALICE, 1 ether);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        claim(1);
        assertEq(reward.balanceOf(RECIPIENT), 2000);
    }

    /// The pool would not do that: the payer does not depend on it.
    function test_PaysOnceWhatIsSentTwice() public {
        fund(1e9);
        stake(ALICE, 1 ether);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        collect();
        sendAs(address(pool), address(payer), sent[0].data);
        claim(1);
        claim(0);
        assertEq(reward.balanceOf(RECIPIENT), 1000);
    }

    /// Two stakers with one recipient take nothing from each other.
    function test_PaysARecipientOfTwoStakersBoth() public {
        fund(1e9);
        stake(ALICE, 1 ether);
        stake(BOB, 1 ether);
        pass(10);
        claimRewards(ALICE, RECIPIENT);
        claimRewards(BOB, RECIPIENT);
        claim(1);
        claim(0);
        assertEq(reward.balanceOf(RECIPIENT), 1000);
    }

    function test_GivesOutNoMoreThanItHas() public {
        stake(ALICE, 1 ether);
        pass(1000);
        assertEq(pool.earned(ALICE), 0, "before there are funds nothing is earned");
        fund(250);
        pass(2);
        assertEq(pool.earned(ALICE), 200);
        pass(1000);
        assertEq(pool.earned(ALICE), 250);
        fund(1000);
        assertEq(pool.earned(ALICE), 250, "nor later for the time without");
        pass(3);
        assertEq(pool.earned(ALICE), 550);
        assertEq(pool.funded(), 1250);
    }

    function test_GivesOutNothingWhileNobodyStakes() public {
        fund(1000);
        pass(1000);
        stake(ALICE, 1 ether);
        assertEq(pool.earned(ALICE), 0);
        pass(4);
        assertEq(pool.earned(ALICE), 400);
        assertEq(pool.emitted(), 0);
    }

    /// What L2 was told and did not understand, it is told again with the next.
    function test_ALaterTotalMakesUpForAMessageThatFailedOnL2() public {
        fundOnL1(500);
        collect();
        // As a call that fails: nothing of it is left.
        ++ran;
        assertEq(pool.funded(), 0);
        vm.expectEmit(address(payer));
        emit IRewardPayer.Funded(FUNDER, 0, 500, 1);
        fundOnL1(0);
        deliver();
        assertEq(pool.funded(), 500);
    }

    /// With the total, not with what was added.
    function test_FundingIsTold() public {
        fund(500);
        fundOnL1(250);
        vm.expectEmit(address(pool));
        emit IStakingPool.FundedSet(750);
        deliver();
        assertEq(pool.funded(), 750);
    }

    /// Else what was given out would be more than there is, and nobody could take out a stake again.
    function test_FundingNeverFalls() public {
        fund(1000);
        stake(ALICE, 10 ether);
        pass(20);
        vm.startPrank(AddressAlias.alias_(address(payer)));
        pool.setFunded(400);
        vm.stopPrank();
        assertEq(pool.funded(), 1000);
        assertEq(pool.earned(ALICE), 1000);
        vm.prank(ALICE);
        pool.unstake(10 ether);
    }

    /// A token that calls its sender: the totals come to L2 in the order in which they grew.
    function test_NestedFundingTellsRisingTotals() public {
        CallbackToken callback = new CallbackToken();
        RewardPayer other =
            RewardPayer(vm.deployCode("RewardPayer.sol:RewardPayer", abi.encode(bridge, address(pool), callback)));
        TokenHolder funder = new TokenHolder();
        vm.deal(address(funder), 10 ether);
        callback.mint(address(funder), 1000);
        funder.act(address(callback), 0, abi.encodeCall(callback.approve, (address(other), 1000)));
        funder.act(address(callback), 0, abi.encodeCall(callback.listen, ()));
        funder.setValue(1 ether);
        funder.setCall(address(other), abi.encodeCall(other.fund, (400)), false);
        funder.act(address(other), 1 ether, abi.encodeCall(other.fund, (600)));
        assertTrue(funder.succeeded());
        collect();
        uint256 last = queued.length - 1;
        assertEq(queued[last - 1].data, abi.encodeCall(IStakingPool.setFunded, (400)));
        assertEq(queued[last].data, abi.encodeCall(IStakingPool.setFunded, (1000)));
        assertEq(other.funded(), 1000);
    }

    function test_FundingReturnsWhatTheMessageDoesNotCost() public {
        uint256 fee = bridge.quote(payer.L2_GAS_LIMIT());
        vm.prank(FUNDER);
        payer.fund{value: fee + 1 ether}(7);
        assertEq(FUNDER.balance, 100 ether - fee);
        assertEq(address(payer).balance, 0);
        deliver();
        assertEq(pool.funded(), 7);
        assertEq(AddressAlias.alias_(address(payer)).balance, 0);
    }

    function test_RevertWhen_FundingDoesNotPayForItsMessage() public {
        uint256 fee = bridge.quote(payer.L2_GAS_LIMIT());
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, fee - 1, fee));
        vm.prank(FUNDER);
        payer.fund{value: fee - 1}(7);
    }

    function test_RevertWhen_FundingIsNotApproved() public {
        uint256 fee = bridge.quote(payer.L2_GAS_LIMIT());
        hoax(STRANGER, fee);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, payer, 0, 7));
        payer.fund{value: fee}(7);
    }

    function test_RevertWhen_AnotherHasRewardsPaid() public {
        assertOnlyFromL2(payer, abi.encodeCall(payer.pay, (STRANGER, 1)));
    }

    function test_RevertWhen_AnotherTellsTheTotal() public {
        address expected = AddressAlias.alias_(address(payer));
        vm.expectRevert(abi.encodeWithSelector(IFromL1.NotAlias.selector, payer, expected));
        vm.prank(address(payer));
        pool.setFunded(1);
    }

    function test_RevertWhen_MoreIsTakenOutThanWasPutIn() public {
        stake(ALICE, 5);
        stake(BOB, 5);
        vm.expectRevert(abi.encodeWithSelector(IStakingPool.InsufficientStake.selector, 6, 5));
        vm.prank(ALICE);
        pool.unstake(6);
    }

    function test_RevertWhen_ThereIsNothingToClaim() public {
        stake(ALICE, 5);
        pass(5);
        vm.expectRevert(IStakingPool.NothingToClaim.selector);
        claimRewards(ALICE, ALICE);
    }

    function test_RevertWhen_RecipientWouldLoseIt() public {
        vm.expectRevert(abi.encodeWithSelector(IStakingPool.InvalidRecipient.selector, address(0)));
        claimRewards(ALICE, address(0));
        vm.expectRevert(abi.encodeWithSelector(IStakingPool.InvalidRecipient.selector, payer));
        claimRewards(ALICE, address(payer));
    }

    /// Paid ≤ claimed ≤ given out ≤ funded on L2 ≤ funded on L1, whatever anybody does; and at the end everyone is paid, and has
    /// the stake back.
    function testFuzz_PromisesNoMoreThanThereIs(uint256[32] memory seeds) public {
        for (uint256 i; i < seeds.length; ++i) {
            uint256 seed = seeds[i];
            address staker = seed & 1 == 0 ? ALICE : BOB;
            uint256 amount = seed >> 128;
            uint256 action = (seed >> 8) % 5;
            if (action == 0) stake(staker, bound(amount, 0, staked.balanceOf(staker)));
            if (action == 1) {
                amount = bound(amount, 0, pool.stakeOf(staker));
                vm.prank(staker);
                pool.unstake(amount);
            }
            if (action == 2 && pool.earned(staker) != 0) claimRewards(staker, seed & 2 == 0 ? staker : RECIPIENT);
            if (action == 3) fundOnL1(bound(amount, 0, 1e6));
            if (action == 4) deliver();
            pass(amount % 1000);
        }
        uint256 promised =
            pool.earned(ALICE) + pool.earned(BOB) + pool.claimed(ALICE) + pool.claimed(BOB) + pool.claimed(RECIPIENT);
        assertLe(pool.emitted(), pool.funded());
        assertLe(promised, pool.funded());
        assertEq(pool.totalStaked(), pool.stakeOf(ALICE) + pool.stakeOf(BOB));
        assertEq(pool.totalStaked(), staked.balanceOf(address(pool)));
        assertLe(pool.funded(), payer.funded());
        assertEq(reward.balanceOf(address(payer)), payer.funded());

        takeAllOut(ALICE);
        takeAllOut(BOB);
        assertEq(staked.balanceOf(address(pool)), 0);
        collect();
        if (sent.length == 0) return;
        bytes32 commitment = publishSent();
        uint256[] memory order = shuffled(sent.length, seeds[0]);
        for (uint256 i; i < order.length; ++i) {
            execute(order[i], commitment);
        }
        assertEq(reward.balanceOf(ALICE), pool.claimed(ALICE));
        assertEq(reward.balanceOf(BOB), pool.claimed(BOB));
        assertEq(reward.balanceOf(RECIPIENT), pool.claimed(RECIPIENT));
        uint256 paid = pool.claimed(ALICE) + pool.claimed(BOB) + pool.claimed(RECIPIENT);
        assertEq(reward.balanceOf(address(payer)), payer.funded() - paid);
    }

    function takeAllOut(address staker) private {
        if (pool.earned(staker) != 0) claimRewards(staker, staker);
        uint256 amount = pool.stakeOf(staker);
        vm.prank(staker);
        pool.unstake(amount);
    }

    function pass(uint256 duration) private {
        vm.warp(vm.getBlockTimestamp() + duration);
    }

    function stake(address staker, uint256 amount) private {
        vm.prank(staker);
        pool.stake(amount);
    }

    function claimRewards(address staker, address recipient) private {
        vm.prank(staker);
        pool.claim(recipient);
    }

    function fundOnL1(uint256 amount) private {
        // Each in a block of its own, which has gas for it.
        vm.roll(vm.getBlockNumber() + 1);
        vm.prank(FUNDER);
        payer.fund{value: 1 ether}(amount);
    }

    function fund(uint256 amount) private {
        fundOnL1(amount);
        deliver();
    }

    function deliver() private {
        collect();
        for (; ran < queued.length; ++ran) {
            assertTrue(run(queued[ran]), "the gas that was bought does not suffice");
        }
    }
}
