//! A random walk across both chains, with tokens of every kind: whatever is done in whatever order, what is locked of a token is
//! what exists of its twin and what is under way.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, Bytes, U256, keccak256},
    providers::{DynProvider, Provider},
    sol,
    sol_types::SolCall,
};
use eyre::{Result, WrapErr, ensure};
use postern_bindings::L2TokenGateway;
use postern_client::{
    DeliveryStatus, Error, Outcome, TOKEN_DEPOSIT_GAS_LIMIT, TOKEN_WITHDRAWAL_GAS_LIMIT, TokenDeposit, TokenTransfer,
    Undelivered, Withdrawal,
};
use postern_tests::{
    Actor, Client, Devnet, Mined, PATIENCE, Roles, ether,
    targets::{Receiver, Token},
};

/// Another one is another walk.
const SEED: u64 = 6;
/// Rounds of the walk. After each everything on its way to L2 has been executed there, and the books are compared.
const ROUNDS: usize = 6;
/// Steps in a round.
const STEPS: usize = 14;
/// What each holder has of a token at first.
const GRANT: u64 = 1_000_000_000_000;
const HOLDERS: [Actor; 2] = [Actor::Alice, Actor::Bob];

sol! {
    /// The moods of some tokens.
    #[sol(rpc)]
    contract Moody {
        function setPaused(bool paused) external;
        function setPercent(uint256 percent) external;
        function setLying(bool lying) external;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    NoReturn,
    Fee,
    Pausable,
    Rebasing,
    Lying,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Plain, Self::NoReturn, Self::Fee, Self::Pausable, Self::Rebasing, Self::Lying];

    const fn contract(self) -> &'static str {
        match self {
            Self::Plain => "PlainToken",
            Self::NoReturn => "NoReturnToken",
            Self::Fee => "FeeToken",
            Self::Pausable => "PausableToken",
            Self::Rebasing => "RebasingToken",
            Self::Lying => "LyingToken",
        }
    }

    /// Whether what it says of balances is true, and changes by transfers alone.
    const fn is_exact(self) -> bool {
        matches!(self, Self::Plain | Self::NoReturn | Self::Fee | Self::Pausable)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    L1,
    L2,
}

impl Chain {
    const fn other(self) -> Self {
        match self {
            Self::L1 => Self::L2,
            Self::L2 => Self::L1,
        }
    }
}

/// A token with its twin, which may not exist yet.
#[derive(Clone, Copy, Debug)]
struct Walked {
    kind: Kind,
    home: Chain,
    token: Address,
    twin: Address,
    /// What the gateway at home counted when it was sent, in all.
    entered: U256,
    /// What it released, in all.
    released: U256,
}

impl Walked {
    fn on(&self, chain: Chain) -> Address {
        if chain == self.home { self.token } else { self.twin }
    }
}

/// Chance that is the same each time.
struct Dice(alloy::primitives::B256);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = keccak256(self.0);
        (U256::from_be_bytes(self.0.0) % U256::from(sides)).to()
    }

    /// A choice.
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

struct Walk {
    devnet: Devnet,
    dice: Dice,
    tokens: Vec<Walked>,
    /// Recipients with a call, one on each chain, at one address or not.
    receivers: [Address; 2],
    refuses: bool,
    /// Messages to L2 that were not seen executed.
    to_l2: Vec<TokenDeposit>,
    /// What waits on L2.
    waiting: Vec<Undelivered>,
    /// Messages to L1 that were not seen executed, in order.
    to_l1: Vec<Withdrawal>,
    /// How often what happened.
    reached: BTreeMap<&'static str, usize>,
}

/// What a message moves: a token's place among those of the walk, how much, and whether it is released.
struct Parcel {
    token: usize,
    amount: U256,
    is_release: bool,
}

impl Walk {
    async fn start() -> Result<Self> {
        let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
        for actor in [Actor::Alice, Actor::Bob, Actor::Stranger] {
            devnet.fund(actor, ether(10)).await?;
        }
        let stranger = devnet.client(Actor::Stranger);
        let receivers =
            [devnet.deploy(stranger.l1(), "Receiver", ()).await?, devnet.deploy(stranger.l2(), "Receiver", ()).await?];
        let mut walk = Self {
            devnet,
            dice: Dice(keccak256(SEED.to_be_bytes())),
            tokens: Vec::new(),
            receivers,
            refuses: false,
            to_l2: Vec::new(),
            waiting: Vec::new(),
            to_l1: Vec::new(),
            reached: BTreeMap::new(),
        };
        for (home, kind) in [Chain::L1, Chain::L2].into_iter().flat_map(|home| Kind::ALL.map(|kind| (home, kind))) {
            let token = walk.deploy(home, kind).await?;
            walk.tokens.push(token);
        }
        Ok(walk)
    }

    async fn deploy(&self, home: Chain, kind: Kind) -> Result<Walked> {
        let provider = self.provider(home, Actor::Stranger);
        let token = match kind {
            Kind::Plain => *self.devnet.token(&provider, Actor::Stranger, U256::ZERO).await?.address(),
            _ => self.devnet.deploy(&provider, kind.contract(), ()).await?,
        };
        for holder in HOLDERS {
            let own = Token::new(token, self.provider(home, holder));
            own.mint(self.devnet.address(holder), U256::from(GRANT)).send().await?.mined().await?;
            own.approve(self.gateway(home), U256::MAX).send().await?.mined().await?;
        }
        let stranger = self.devnet.client(Actor::Stranger);
        let gateways = stranger.erc20()?;
        let twin = match home {
            Chain::L1 => gateways.twin_on_l2(token),
            Chain::L2 => gateways.twin_on_l1(token),
        };
        Ok(Walked { kind, home, token, twin, entered: U256::ZERO, released: U256::ZERO })
    }

    fn provider(&self, chain: Chain, actor: Actor) -> DynProvider {
        let client = self.devnet.client(actor);
        match chain {
            Chain::L1 => client.l1().clone(),
            Chain::L2 => client.l2().clone(),
        }
    }

    fn gateway(&self, chain: Chain) -> Address {
        let gateways = self.devnet.gateways();
        match chain {
            Chain::L1 => gateways.l1_token_gateway.address,
            Chain::L2 => gateways.l2_token_gateway.address,
        }
    }

    fn note(&mut self, what: &'static str) {
        *self.reached.entry(what).or_default() += 1;
    }

    /// A refusal is an ordinary outcome, and anything else but success is none.
    fn settled<T>(
        &mut self,
        outcome: Result<T, Error>,
        done: &'static str,
        refused: &'static str,
    ) -> Result<Option<T>> {
        match outcome {
            Ok(done_) => {
                self.note(done);
                Ok(Some(done_))
            }
            Err(Error::Refused(_) | Error::Reverted { .. }) => {
                self.note(refused);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn step(&mut self) -> Result<()> {
        match self.dice.roll(10) {
            0..=2 => self.deposit().await,
            3..=5 => self.withdraw().await,
            6 => self.transfer().await,
            7 => self.change_mood().await,
            8 => self.redeliver().await,
            _ => self.send_back().await,
        }
    }

    /// Some of what a holder has of a token on a chain, to anyone on the other; with a call or without.
    async fn choose_transfer(&mut self, from: Chain) -> Result<Option<(usize, Client, TokenTransfer)>> {
        let (place, holder) = (self.dice.roll(self.tokens.len()), self.dice.one(&HOLDERS));
        let token = self.tokens[place].on(from);
        let balance = self.balance(from, token, self.devnet.address(holder)).await?;
        if balance.is_zero() {
            return Ok(None);
        }
        // More than there is, now and then.
        let part = U256::from(1 + self.dice.roll(1 << 20));
        let amount_or_id = ((balance * part) >> 19) / U256::from(self.dice.one(&[1, 2, 16])) + part;
        let receiver = self.receivers[from.other() as usize];
        let (to, data) = match self.dice.roll(4) {
            0 => (receiver, Bytes::from_static(b"a call")),
            1 => (receiver, Bytes::new()),
            _ => (self.devnet.address(self.dice.one(&HOLDERS)), Bytes::new()),
        };
        let client = self.devnet.client(holder);
        Ok(Some((place, client, TokenTransfer { token, to, amount_or_id, gas_limit: 0, data })))
    }

    async fn deposit(&mut self) -> Result<()> {
        let Some((place, client, transfer)) = self.choose_transfer(Chain::L1).await? else {
            return Ok(());
        };
        // The least is enough to record a failure, not to deliver.
        let least = client.erc20()?.on_l1().minimumGasLimit(U256::from(transfer.data.len())).call().await?;
        let gas_limit = self.dice.one(&[least, TOKEN_DEPOSIT_GAS_LIMIT, TOKEN_DEPOSIT_GAS_LIMIT]);
        self.send_to_l2(place, &client, TokenTransfer { gas_limit, ..transfer }).await
    }

    async fn send_to_l2(&mut self, place: usize, client: &Client, transfer: TokenTransfer) -> Result<()> {
        let outcome = client.erc20()?.deposit(transfer).await;
        if let Some(sent) = self.settled(outcome, "deposit", "deposit refused")? {
            self.count_entry(place, Chain::L1, sent.state.amount_or_id);
            self.to_l2.push(sent.state);
        }
        Ok(())
    }

    async fn withdraw(&mut self) -> Result<()> {
        let Some((place, client, transfer)) = self.choose_transfer(Chain::L2).await? else {
            return Ok(());
        };
        let tip = U256::from(self.dice.one(&[0, 0, 1_000]));
        self.send_to_l1(place, &client, transfer, tip).await
    }

    async fn send_to_l1(&mut self, place: usize, client: &Client, transfer: TokenTransfer, tip: U256) -> Result<()> {
        let transfer = TokenTransfer { gas_limit: TOKEN_WITHDRAWAL_GAS_LIMIT, ..transfer };
        let outcome = client.erc20()?.withdraw(transfer, tip).await;
        if let Some(sent) = self.settled(outcome, "withdrawal", "withdrawal refused")? {
            self.count_entry(place, Chain::L2, sent.state.amount_or_id);
            self.to_l1.extend(sent.state.messages());
        }
        Ok(())
    }

    /// What was sent from its home was locked there.
    fn count_entry(&mut self, place: usize, from: Chain, amount: U256) {
        let walked = &mut self.tokens[place];
        if walked.home == from {
            walked.entered += amount;
        }
    }

    async fn transfer(&mut self) -> Result<()> {
        let chain = self.dice.one(&[Chain::L1, Chain::L2]);
        let Some((_, client, transfer)) = self.choose_transfer(chain).await? else {
            return Ok(());
        };
        let provider = if chain == Chain::L1 { client.l1() } else { client.l2() };
        let token = Token::new(transfer.token, provider);
        let send = token.transfer(self.devnet.address(self.dice.one(&HOLDERS)), transfer.amount_or_id);
        // Forced, since it may be more than there is.
        let receipt = send.gas(500_000).send().await?.mined().await?;
        self.note(if receipt.status() { "transfer" } else { "transfer refused" });
        Ok(())
    }

    async fn change_mood(&mut self) -> Result<()> {
        let place = self.dice.roll(self.tokens.len() + 2);
        let Some(Walked { kind, home, token, .. }) = self.tokens.get(place).copied() else {
            self.refuses = !self.refuses;
            return self.open_receivers(!self.refuses).await;
        };
        let moody = Moody::new(token, self.provider(home, Actor::Stranger));
        let sent = match kind {
            Kind::Plain | Kind::NoReturn | Kind::Fee => return Ok(()),
            Kind::Pausable => moody.setPaused(self.dice.roll(2) == 0).gas(200_000).send().await?,
            Kind::Rebasing => moody.setPercent(U256::from(50 + self.dice.roll(100))).send().await?,
            Kind::Lying => moody.setLying(self.dice.roll(2) == 0).send().await?,
        };
        sent.mined().await?;
        self.note("change of mood");
        Ok(())
    }

    async fn open_receivers(&self, open: bool) -> Result<()> {
        let refusal = if open { Bytes::new() } else { Bytes::from_static(b"not now") };
        for (chain, receiver) in [Chain::L1, Chain::L2].into_iter().zip(self.receivers) {
            let receiver = Receiver::new(receiver, self.provider(chain, Actor::Stranger));
            receiver.setRefusal(refusal.clone()).send().await?.mined().await?;
        }
        Ok(())
    }

    async fn redeliver(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let place = self.dice.roll(self.waiting.len());
        self.redeliver_at(place).await
    }

    async fn redeliver_at(&mut self, place: usize) -> Result<()> {
        let stranger = self.devnet.client(Actor::Stranger);
        let outcome = stranger.erc20()?.redeliver(&self.waiting[place]).await;
        if self.settled(outcome, "redelivery", "redelivery refused")?.is_some() {
            let call = self.waiting.remove(place).delivery.call;
            self.count_arrival(Chain::L1, &call);
        }
        Ok(())
    }

    async fn send_back(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (place, actor) = (self.dice.roll(self.waiting.len()), self.dice.one(&HOLDERS));
        self.send_back_at(place, actor).await
    }

    /// By who sent it, if that is the one who is asked.
    async fn send_back_at(&mut self, place: usize, actor: Actor) -> Result<()> {
        let client = self.devnet.client(actor);
        let outcome = client.erc20()?.send_back(&self.waiting[place]).await;
        if let Some(sent) = self.settled(outcome, "sending back", "sending back refused")? {
            self.waiting.remove(place);
            self.to_l1.push(sent.state);
        }
        Ok(())
    }

    /// Waits until everything on its way to L2 was executed there.
    async fn arrive_on_l2(&mut self) -> Result<()> {
        let stranger = self.devnet.client(Actor::Stranger);
        for deposit in std::mem::take(&mut self.to_l2) {
            match stranger.erc20()?.wait_for_delivery(&deposit, PATIENCE).await? {
                DeliveryStatus::Undelivered(undelivered) => {
                    self.note("delivery failed");
                    self.waiting.push(undelivered);
                }
                status => {
                    ensure!(status == DeliveryStatus::Delivered, "{status}");
                    self.note("delivery");
                    self.count_arrival(Chain::L1, &deposit.deposit.message.data);
                }
            }
        }
        Ok(())
    }

    /// Makes everything in the outbox final, and claims some of it: with one proof, or one by one in any order.
    async fn claim_some(&mut self) -> Result<()> {
        let Some(last) = self.to_l1.last().cloned() else {
            return Ok(());
        };
        self.devnet.executable(&last).await?;
        let some: Vec<_> = self.to_l1.iter().filter(|_| self.dice.roll(3) != 0).cloned().collect();
        if some.is_empty() {
            return Ok(());
        }
        if self.dice.roll(2) == 0 {
            return self.claim_many(&some).await;
        }
        let mut rest = some;
        while !rest.is_empty() {
            let message = rest.swap_remove(self.dice.roll(rest.len()));
            self.claim(&message).await?;
        }
        Ok(())
    }

    async fn claim(&mut self, message: &Withdrawal) -> Result<()> {
        let stranger = self.devnet.client(Actor::Stranger);
        let executable = stranger.wait_to_execute(message, PATIENCE).await?;
        let outcome = stranger.execute(&executable).await;
        if self.settled(outcome, "claim", "claim refused")?.is_some() {
            self.forget(message);
        }
        Ok(())
    }

    async fn claim_many(&mut self, messages: &[Withdrawal]) -> Result<()> {
        let stranger = self.devnet.client(Actor::Stranger);
        let batch = stranger.wait_to_execute_many(messages, PATIENCE).await?;
        let outcomes = stranger.execute_many(&batch).await?.state;
        for (message, outcome) in messages.iter().zip(outcomes) {
            match outcome {
                Outcome::Executed => {
                    self.note("claim in a batch");
                    self.forget(message);
                }
                Outcome::Failed(_) => self.note("claim failed in a batch"),
                Outcome::Skipped => eyre::bail!("message {} was executed before", message.message.index),
            }
        }
        Ok(())
    }

    /// A message to L1 was executed.
    fn forget(&mut self, message: &Withdrawal) {
        self.to_l1.retain(|other| other.message.index != message.message.index);
        self.count_arrival(Chain::L2, &message.message.data);
    }

    fn count_arrival(&mut self, from: Chain, call: &Bytes) {
        if let Some(Parcel { token, amount, is_release: true }) = self.parcel(from, call) {
            self.tokens[token].released += amount;
        }
    }

    /// What a gateway's call of its peer moves; nothing with registrations and tips. The calls are the same on both chains.
    fn parcel(&self, from: Chain, call: &Bytes) -> Option<Parcel> {
        let (address, amount, is_release) = if let Ok(call) = L2TokenGateway::mintCall::abi_decode(call) {
            (call.homeToken, call.amountOrId, false)
        } else if let Ok(call) = L2TokenGateway::releaseCall::abi_decode(call) {
            (call.token, call.amountOrId, true)
        } else {
            return None;
        };
        // The two chains may have different tokens at one address.
        let home = if is_release { from.other() } else { from };
        let token = self.tokens.iter().position(|walked| (walked.home, walked.token) == (home, address))?;
        Some(Parcel { token, amount, is_release })
    }

    async fn balance(&self, chain: Chain, token: Address, account: Address) -> Result<U256> {
        let provider = self.provider(chain, Actor::Stranger);
        if provider.get_code_at(token).await?.is_empty() {
            return Ok(U256::ZERO);
        }
        Ok(Token::new(token, provider).balanceOf(account).call().await?)
    }

    /// Compares the books, token by token, when nothing is in L1's queue.
    async fn check(&self) -> Result<()> {
        let waiting = self.waiting.iter().map(|undelivered| (Chain::L1, &undelivered.delivery.call));
        let sent = self.to_l1.iter().map(|withdrawal| (Chain::L2, &withdrawal.message.data));
        let parcels: Vec<_> = waiting.chain(sent).filter_map(|(from, call)| self.parcel(from, call)).collect();
        for (place, walked) in self.tokens.iter().enumerate() {
            let Walked { kind, home, token, twin, entered, released } = *walked;
            let of_it = parcels.iter().filter(|parcel| parcel.token == place);
            let in_flight: U256 = of_it.map(|parcel| parcel.amount).sum();
            let away = self.provider(home.other(), Actor::Stranger);
            let minted = match away.get_code_at(twin).await?.is_empty() {
                true => U256::ZERO,
                false => Token::new(twin, &away).totalSupply().call().await?,
            };
            let locked = self.balance(home, token, self.gateway(home)).await?;
            let what = format!("{kind:?} of {home:?}: {locked} locked, {minted} minted, {in_flight} in flight");
            // Nothing from nothing, whatever the token says.
            ensure!(minted + in_flight + released == entered, "{what}, {entered} came in, {released} went out");
            ensure!(!kind.is_exact() || locked == minted + in_flight, "{what}");
        }
        Ok(())
    }

    /// Tokens and recipients let happen what is asked of them; who shrank a token, or lied, fills the gap.
    async fn make_peace(&mut self) -> Result<()> {
        self.open_receivers(true).await?;
        for Walked { kind, home, token, .. } in self.tokens.clone() {
            let provider = self.provider(home, Actor::Stranger);
            let moody = Moody::new(token, &provider);
            match kind {
                Kind::Plain | Kind::NoReturn | Kind::Fee => continue,
                Kind::Pausable => moody.setPaused(false).gas(200_000).send().await?.mined().await?,
                Kind::Rebasing => moody.setPercent(U256::from(100)).send().await?.mined().await?,
                Kind::Lying => moody.setLying(false).send().await?.mined().await?,
            };
            if !kind.is_exact() {
                let gap = U256::from(GRANT) << 64;
                Token::new(token, &provider).mint(self.gateway(home), gap).send().await?.mined().await?;
            }
        }
        Ok(())
    }

    /// Rare by chance: tokens with a call that nobody takes, either way. They come at last, or go back.
    async fn fail_and_return(&mut self) -> Result<()> {
        self.make_peace().await?;
        self.arrive_on_l2().await?;
        let (place, alice) = (0, self.devnet.client(Actor::Alice));
        let walked = self.tokens[place];
        let transfer = |token, to, amount: u64, data: &'static [u8]| TokenTransfer {
            token,
            to,
            amount_or_id: U256::from(amount),
            gas_limit: TOKEN_DEPOSIT_GAS_LIMIT,
            data: Bytes::from_static(data),
        };
        Token::new(walked.token, alice.l1())
            .mint(self.devnet.address(Actor::Alice), U256::from(GRANT))
            .send()
            .await?
            .mined()
            .await?;
        self.open_receivers(false).await?;
        let to_alice = transfer(walked.on(Chain::L1), self.devnet.address(Actor::Alice), 100, b"");
        self.send_to_l2(place, &alice, to_alice).await?;
        for amount in [5, 7] {
            let refused = transfer(walked.on(Chain::L1), self.receivers[1], amount, b"a call");
            self.send_to_l2(place, &alice, refused).await?;
        }
        self.arrive_on_l2().await?;
        let last = self.waiting.len() - 1;
        self.redeliver_at(last).await?;
        self.send_back_at(last, Actor::Bob).await?;
        self.send_back_at(last, Actor::Alice).await?;

        let first = self.to_l1.len();
        self.send_to_l1(place, &alice, transfer(walked.on(Chain::L2), self.receivers[0], 3, b"a call"), U256::ZERO)
            .await?;
        for amount in [4, 6] {
            let accepted = transfer(walked.on(Chain::L2), self.devnet.address(Actor::Bob), amount, b"");
            self.send_to_l1(place, &alice, accepted, U256::ZERO).await?;
        }
        let messages = self.to_l1[first..].to_vec();
        ensure!(messages.len() == 3, "{} messages", messages.len());
        self.devnet.executable(&messages[2]).await?;
        self.claim(&messages[0]).await?;
        self.claim(&messages[1]).await?;
        self.claim_many(&[messages[0].clone(), messages[2].clone()]).await?;

        self.open_receivers(true).await?;
        self.redeliver_at(last - 1).await
    }

    /// Everything that is under way arrives.
    async fn finish(&mut self) -> Result<()> {
        self.make_peace().await?;
        self.arrive_on_l2().await?;
        while let Some(undelivered) = self.waiting.pop() {
            let stranger = self.devnet.client(Actor::Stranger);
            stranger.erc20()?.redeliver(&undelivered).await?;
            self.count_arrival(Chain::L1, &undelivered.delivery.call);
        }
        if let Some(last) = self.to_l1.last().cloned() {
            self.devnet.executable(&last).await?;
            // In their order: registrations first, tips after what they are for.
            for messages in self.to_l1.clone().chunks(16) {
                self.claim_many(messages).await?;
            }
        }
        ensure!(self.to_l1.is_empty(), "{} messages can not be executed", self.to_l1.len());
        self.check().await
    }
}

#[tokio::test]
async fn what_is_locked_is_minted_or_under_way() -> Result<()> {
    let mut walk = Walk::start().await?;
    for round in 0..ROUNDS {
        for step in 0..STEPS {
            walk.step().await.wrap_err_with(|| format!("step {step} of round {round}"))?;
        }
        walk.arrive_on_l2().await?;
        walk.check().await.wrap_err_with(|| format!("after the steps of round {round}"))?;
        walk.claim_some().await?;
        walk.check().await.wrap_err_with(|| format!("after the claims of round {round}"))?;
    }
    walk.fail_and_return().await.wrap_err("in the last round")?;
    walk.check().await.wrap_err("after the last round")?;
    walk.finish().await.wrap_err("in the end")?;
    let interesting = [
        "deposit",
        "delivery failed",
        "redelivery",
        "redelivery refused",
        "sending back",
        "sending back refused",
        "withdrawal",
        "claim",
        "claim refused",
        "claim in a batch",
        "claim failed in a batch",
    ];
    for what in interesting {
        assert!(walk.reached.contains_key(what), "no {what} in {:?}", walk.reached);
    }
    Ok(())
}
