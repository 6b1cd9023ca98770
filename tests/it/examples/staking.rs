//! Staking on L2 with rewards on L1.

use alloy::{
    network::ReceiptResponse,
    primitives::{Address, U256, address},
    providers::Provider,
    sol,
};
use eyre::{Result, ensure};
use postern_client::{Status, Withdrawal};
use postern_protocol::message::alias;
use postern_tests::{Actor, Devnet, Mined, PATIENCE, ether, targets::Token};

use super::{act, address_after, finals, message_of, pass};

sol! {
    #[sol(rpc)]
    contract RewardPayer {
        function L2_GAS_LIMIT() external view returns (uint64);
        function funded() external view returns (uint256);
        function paid(address recipient) external view returns (uint256);
        function fund(uint256 amount) external payable returns (uint64 index);
    }

    #[sol(rpc)]
    contract StakingPool {
        event Claimed(
            address indexed staker, address indexed recipient, uint256 amount, uint256 total, uint64 indexed index
        );

        function funded() external view returns (uint256);
        function emitted() external view returns (uint256);
        function claimed(address recipient) external view returns (uint256);
        function earned(address staker) external view returns (uint256);
        function stake(uint256 amount) external;
        function unstake(uint256 amount) external;
        function claim(address recipient) external returns (uint64 index);
    }
}

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// Rewards in a second.
const RATE: u64 = 100;

/// A pool on L2 in which Alice staked 10 and Bob 30, and what pays its rewards on L1, without funds.
struct Setting {
    devnet: Devnet,
    payer: Address,
    pool: Address,
    reward: Address,
}

impl Setting {
    async fn make() -> Result<Self> {
        let devnet = Devnet::start().await?;
        devnet.fund(Actor::Alice, ether(1)).await?;
        devnet.fund(Actor::Bob, ether(1)).await?;
        let (alice, bridge) = (devnet.client(Actor::Alice), devnet.deployment().bridge.address);
        let rewards = devnet.token(alice.l1(), Actor::Alice, U256::from(1_000_000_000)).await?;
        let staked = *devnet.token(alice.l2(), Actor::Alice, U256::from(10)).await?.address();
        // Each side knows the other's address: that of L2 is known before it is there.
        let (reward, pool) = (*rewards.address(), address_after(&devnet, alice.l2(), Actor::Alice, 0).await?);
        let payer = devnet.deploy(alice.l1(), "RewardPayer", (bridge, pool, reward)).await?;
        let deployed = devnet.deploy(alice.l2(), "StakingPool", (staked, U256::from(RATE), payer)).await?;
        ensure!(deployed == pool, "the pool is elsewhere");

        rewards.approve(payer, U256::MAX).send().await?.mined().await?;
        act(Token::new(staked, alice.l2()).mint(devnet.address(Actor::Bob), U256::from(30))).await?;
        for (actor, amount) in [(Actor::Alice, 10), (Actor::Bob, 30)] {
            let (client, amount) = (devnet.client(actor), U256::from(amount));
            act(Token::new(staked, client.l2()).approve(pool, amount)).await?;
            act(StakingPool::new(pool, client.l2()).stake(amount)).await?;
        }
        Ok(Self { devnet, payer, pool, reward })
    }

    /// Alice funds the rewards on L1, and L2 is told.
    async fn fund(&self, amount: u64) -> Result<()> {
        let alice = self.devnet.client(Actor::Alice);
        let payer = RewardPayer::new(self.payer, alice.l1());
        let quote = alice.quote(payer.L2_GAS_LIMIT().call().await?).await?;
        let receipt = payer.fund(U256::from(amount)).value(quote.max_fee).send().await?.mined().await?;
        let deposit = alice.deposits(&receipt).remove(0);
        assert_eq!((deposit.message.sender, deposit.message.mint), (alias(self.payer), U256::ZERO));
        assert!(alice.wait_for_deposit(&deposit, PATIENCE).await?.status());
        Ok(())
    }

    async fn claim(&self, actor: Actor) -> Result<Withdrawal> {
        let client = self.devnet.client(actor);
        message_of(&act(StakingPool::new(self.pool, client.l2()).claim(RECIPIENT)).await?)
    }

    async fn claimed(&self) -> Result<U256> {
        Ok(StakingPool::new(self.pool, self.devnet.l2()).claimed(RECIPIENT).call().await?)
    }

    async fn received(&self) -> Result<U256> {
        Ok(Token::new(self.reward, self.devnet.l1()).balanceOf(RECIPIENT).call().await?)
    }
}

/// Three claims, of two stakers for one recipient, executed in another order than they were sent in: the newest pays for all before
/// it, the others pay no more, and each is done with.
#[tokio::test]
async fn rewards_of_l2_are_paid_on_l1_in_any_order() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    let stranger = devnet.client(Actor::Stranger);
    setting.fund(500_000_000).await?;
    pass(devnet, 100).await?;
    let first = setting.claim(Actor::Alice).await?;
    let total_first = setting.claimed().await?;
    let second = setting.claim(Actor::Bob).await?;
    let total_second = setting.claimed().await?;
    pass(devnet, 100).await?;
    let third = setting.claim(Actor::Alice).await?;
    let total_third = setting.claimed().await?;
    // A quarter of what was given out, three quarters.
    assert!(total_first >= U256::from(100 * RATE / 4), "{total_first}");
    assert!(total_second - total_first >= U256::from(100 * RATE * 3 / 4), "{total_second}");
    assert!(total_third > total_second);

    let [of_first, of_second, of_third] = finals(devnet, [&first, &second, &third]).await?;
    stranger.execute(&of_second).await?;
    assert_eq!(setting.received().await?, total_second);
    stranger.execute(&of_first).await?;
    assert_eq!(setting.received().await?, total_second);
    assert_eq!(stranger.status(&first).await?, Status::Finalized);
    stranger.execute(&of_third).await?;
    assert_eq!(setting.received().await?, total_third);

    let payer = RewardPayer::new(setting.payer, devnet.l1());
    assert_eq!(payer.paid(RECIPIENT).call().await?, total_third);
    let held = Token::new(setting.reward, devnet.l1()).balanceOf(setting.payer).call().await?;
    assert_eq!(held + total_third, payer.funded().call().await?);
    devnet.check_conservation(&[]).await
}

/// L2 promises no more than L1 told it is there, however long it takes; and goes on when L1 tells of more.
#[tokio::test]
async fn no_more_is_promised_than_there_is() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    let pool = StakingPool::new(setting.pool, devnet.l2());
    let earned = async || -> Result<U256> {
        let (alice, bob) = (devnet.address(Actor::Alice), devnet.address(Actor::Bob));
        Ok(pool.earned(alice).call().await? + pool.earned(bob).call().await?)
    };
    pass(devnet, 100).await?;
    assert_eq!(earned().await?, U256::ZERO);
    setting.fund(4000).await?;
    pass(devnet, 1000).await?;
    assert_eq!(earned().await?, U256::from(4000));
    setting.fund(8000).await?;
    pass(devnet, 1000).await?;
    assert_eq!(earned().await?, U256::from(12_000));

    setting.claim(Actor::Alice).await?;
    let last = setting.claim(Actor::Bob).await?;
    // Alice's claim never arrives: Bob's pays for both, all there is.
    let [claim] = finals(devnet, [&last]).await?;
    devnet.client(Actor::Stranger).execute(&claim).await?;
    assert_eq!(setting.received().await?, U256::from(12_000));
    assert_eq!(pool.emitted().call().await?, pool.funded().call().await?);
    // The fee was exact: nothing is left where nobody could use it.
    assert_eq!(devnet.l1().get_balance(setting.payer).await?, U256::ZERO);
    assert_eq!(devnet.l2().get_balance(alias(setting.payer)).await?, U256::ZERO);
    Ok(())
}
