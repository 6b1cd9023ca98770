//! A feed on L1 of a value that is computed on L2.

use alloy::{
    primitives::{Address, I256, U256, aliases::U80},
    providers::DynProvider,
    sol,
};
use eyre::{Result, ensure};
use postern_client::Withdrawal;
use postern_tests::{Actor, Devnet, ether, expect_revert};

use self::OracleFeed::OracleFeedInstance;
use super::{act, address_after, finals, message_of, pass};

sol! {
    #[derive(Debug)]
    #[sol(rpc)]
    contract OracleFeed {
        #[derive(PartialEq, Eq)]
        error UnknownRound(uint80 received);
        #[derive(PartialEq, Eq)]
        error StaleRound(uint80 roundId, uint256 age, uint256 maximum);

        function latestRoundData() external view returns (
            uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound
        );
        function getRoundData(uint80 round) external view returns (
            uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound
        );
    }

    #[sol(rpc)]
    contract MedianOracle {
        #[derive(Debug, PartialEq, Eq)]
        error NotEnoughReports(uint256 received, uint256 expected);

        function report(uint192 value) external;
        function publish() external returns (uint64 index);
    }
}

/// Longer than the devnet's challenge window, which is an hour.
const MAX_AGE: u64 = 10_000;
const MAX_REPORT_AGE: u64 = 300;
const REPORTERS: [Actor; 3] = [Actor::Alice, Actor::Bob, Actor::Mallory];

/// An oracle on L2 and its feed on L1.
struct Setting {
    devnet: Devnet,
    oracle: Address,
    feed: OracleFeedInstance<DynProvider>,
}

impl Setting {
    async fn make() -> Result<Self> {
        let devnet = Devnet::start().await?;
        for reporter in REPORTERS {
            devnet.fund(reporter, ether(1)).await?;
        }
        let alice = devnet.client(Actor::Alice);
        let oracle = address_after(&devnet, alice.l2(), Actor::Alice, 0).await?;
        let arguments = (devnet.deployment().bridge.address, oracle, U256::from(MAX_AGE), 8_u16, "RATE".to_owned());
        let feed = devnet.deploy(alice.l1(), "OracleFeed", arguments).await?;
        let reporters = REPORTERS.map(|reporter| devnet.address(reporter)).to_vec();
        let arguments = (feed, reporters, U256::from(3), U256::from(MAX_REPORT_AGE));
        ensure!(devnet.deploy(alice.l2(), "MedianOracle", arguments).await? == oracle, "the oracle is elsewhere");
        let feed = OracleFeed::new(feed, devnet.l1().clone());
        Ok(Self { devnet, oracle, feed })
    }

    /// All report, and Alice publishes.
    async fn round(&self, values: [u64; 3]) -> Result<Withdrawal> {
        for (reporter, value) in REPORTERS.into_iter().zip(values) {
            let client = self.devnet.client(reporter);
            act(MedianOracle::new(self.oracle, client.l2()).report(value.try_into()?)).await?;
        }
        let alice = self.devnet.client(Actor::Alice);
        message_of(&act(MedianOracle::new(self.oracle, alice.l2()).publish()).await?)
    }

    /// The latest round, its answer, and from when it is.
    async fn latest(&self) -> Result<(u64, u64, u64)> {
        let latest = self.feed.latestRoundData().call().await?;
        assert_eq!(latest.answeredInRound, latest.roundId);
        Ok((latest.roundId.to(), latest.answer.try_into()?, latest.updatedAt.to()))
    }
}

/// The median of L2 is read on L1; a round that comes after a newer one only fills its place in the history.
#[tokio::test]
async fn an_older_round_never_replaces_a_newer_one() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    let stranger = devnet.client(Actor::Stranger);
    let none = expect_revert::<OracleFeed::UnknownRound>(setting.feed.latestRoundData().call().await);
    assert_eq!(none.received, U80::ZERO);

    // One of them lies, in vain.
    let first = setting.round([100, 102, 999_999]).await?;
    pass(devnet, 10).await?;
    let second = setting.round([200, 204, 0]).await?;
    let [first, second] = finals(devnet, [&first, &second]).await?;

    stranger.execute(&second).await?;
    let (round, answer, observed_at) = setting.latest().await?;
    assert_eq!((round, answer), (2, 200));
    stranger.execute(&first).await?;
    assert_eq!(setting.latest().await?, (2, 200, observed_at));
    let history = setting.feed.getRoundData(U80::ONE).call().await?;
    assert_eq!(history.answer, I256::unchecked_from(102));
    assert!(history.updatedAt.to::<u64>() + 10 <= observed_at);
    Ok(())
}

/// Reads revert when the latest round is too old, also if it has only just arrived, until a younger one does.
#[tokio::test]
async fn a_stale_round_is_not_served() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    let stranger = devnet.client(Actor::Stranger);
    let stale = async || expect_revert::<OracleFeed::StaleRound>(setting.feed.latestRoundData().call().await);

    let [first] = finals(devnet, [&setting.round([1, 2, 3]).await?]).await?;
    stranger.execute(&first).await?;
    let (_, _, observed_at) = setting.latest().await?;
    let late = setting.round([4, 5, 6]).await?;
    let [late] = finals(devnet, [&late]).await?;
    devnet.warp_to(observed_at + MAX_AGE + 1).await?;
    assert!(stale().await.age > U256::from(MAX_AGE));

    devnet.warp_to(devnet.l1_head().await?.time + MAX_AGE).await?;
    stranger.execute(&late).await?;
    let error = stale().await;
    assert_eq!((error.roundId.to::<u64>(), error.maximum), (2, U256::from(MAX_AGE)));

    // On L2 that time has passed as well: what was reported counts no more.
    pass(devnet, MAX_AGE).await?;
    let alice = devnet.client(Actor::Alice);
    let oracle = MedianOracle::new(setting.oracle, alice.l2());
    let error = expect_revert::<MedianOracle::NotEnoughReports>(oracle.publish().call().await);
    assert_eq!((error.received, error.expected), (U256::ZERO, U256::from(3)));

    let [fresh] = finals(devnet, [&setting.round([7, 8, 9]).await?]).await?;
    stranger.execute(&fresh).await?;
    let (round, answer, _) = setting.latest().await?;
    assert_eq!((round, answer), (3, 8));
    Ok(())
}
