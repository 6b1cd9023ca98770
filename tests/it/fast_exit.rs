//! Withdrawals that are paid before they are final, by whoever has verified the L2.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Bytes, U256, address, keccak256},
    providers::{DynProvider, Provider},
    sol_types::{SolCall, SolValue},
};
use eyre::Result;
use postern_bindings::FastExit::{self, Claim, FastExitInstance, Terms};
use postern_client::{TOKEN_DEPOSIT_GAS_LIMIT, TokenTransfer, Withdrawal};
use postern_tests::{Actor, Devnet, MarketMaker, Mined, PATIENCE, Roles, ether, expect_revert, targets::Token};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
const AN_HOUR: Duration = Duration::from_secs(3600);
/// What a recipient leaves to who pays at once, in wei or units of a token.
const FEE: u64 = 1_000_000_000;
/// L1 gas with which a claim pays who is owed.
const SETTLE_GAS: u64 = 300_000;

fn id(claim: &Claim) -> B256 {
    keccak256(claim.abi_encode())
}

/// Terms that hold for an hour of L1's time.
async fn terms(devnet: &Devnet, salt: u8) -> Result<Terms> {
    let deadline = devnet.l1_head().await?.time + 3600;
    Ok(Terms { recipient: RECIPIENT, fee: U256::from(FEE), deadline, salt: B256::with_last_byte(salt) })
}

/// A devnet on which Alice has ETH on L2.
async fn start() -> Result<(Devnet, FastExitInstance<DynProvider>)> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    devnet.fund(Actor::Alice, ether(4)).await?;
    let market = FastExit::new(devnet.gateways().fast_exit.address, devnet.client(Actor::Bob).l1().clone());
    Ok((devnet, market))
}

/// Alice's withdrawal of one ETH to the market, and its transaction.
async fn exit(devnet: &Devnet, terms: Terms) -> Result<(Withdrawal, B256)> {
    let alice = devnet.client(Actor::Alice);
    let settle = FastExit::settleCall { terms }.abi_encode();
    let target = devnet.gateways().fast_exit.address;
    let sent = alice.initiate_withdrawal(target, ether(1), SETTLE_GAS, settle.into()).await?;
    Ok((sent.state, sent.receipt.transaction_hash))
}

/// Executes a withdrawal once it is final, by a stranger, and returns what was paid to an account by that, in wei.
async fn settle(devnet: &Devnet, withdrawal: &Withdrawal, payee: Address) -> Result<U256> {
    let executable = devnet.executable(withdrawal).await?;
    let before = devnet.l1().get_balance(payee).await?;
    devnet.client(Actor::Stranger).execute(&executable).await?;
    Ok(devnet.l1().get_balance(payee).await? - before)
}

#[tokio::test]
async fn eth_paid_at_once_by_who_has_an_own_node() -> Result<()> {
    let (devnet, market) = start().await?;
    let bob = MarketMaker::start(&devnet, Actor::Bob).await?;
    let (withdrawal, transaction) = exit(&devnet, terms(&devnet, 1).await?).await?;

    let (claim, index) = bob.verify(&devnet, transaction).await?;
    assert_eq!((claim.sender, claim.amount), (devnet.address(Actor::Alice), ether(1)));
    assert_eq!(index, withdrawal.message.index);
    let payment = ether(1) - U256::from(FEE);
    let fill = market.fill(claim.clone(), index).value(payment);
    assert!(fill.send().await?.mined().await?.status());
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, payment, "at once");
    assert_eq!(market.ownerOf(id(&claim)).call().await?, devnet.address(Actor::Bob));

    // Once it is final, all of it is his who paid.
    assert_eq!(settle(&devnet, &withdrawal, devnet.address(Actor::Bob)).await?, ether(1));
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, payment, "and no second time");
    assert_eq!(market.ownerOf(id(&claim)).call().await?, Address::ZERO);
    assert_eq!(devnet.l1().get_balance(*market.address()).await?, U256::ZERO);
    devnet.check_conservation(&[]).await
}

/// What the sequencer tells and what is on L1 are two things until a batch is there: who asks an own node pays for nothing else.
#[tokio::test]
async fn what_is_not_on_l1_is_not_verified() -> Result<()> {
    let (mut devnet, _) = start().await?;
    let bob = MarketMaker::start(&devnet, Actor::Bob).await?;
    // Blocks come, but no batch.
    devnet
        .retune(|config| config.sequencer.iter_mut().for_each(|sequencer| sequencer.batch_interval = AN_HOUR))
        .await?;
    let (_, transaction) = exit(&devnet, terms(&devnet, 1).await?).await?;
    devnet.has_synced(&bob.node).await?;
    assert!(bob.client.l2().get_transaction_receipt(transaction).await?.is_none());

    devnet.retune(|_| ()).await?;
    let (claim, _) = bob.verify(&devnet, transaction).await?;
    assert_eq!(claim.sender, devnet.address(Actor::Alice));
    Ok(())
}

#[tokio::test]
async fn nobody_pays_in_time() -> Result<()> {
    let (devnet, market) = start().await?;
    let (withdrawal, _) = exit(&devnet, terms(&devnet, 1).await?).await?;
    let terms = FastExit::settleCall::abi_decode(&withdrawal.message.data)?.terms;
    let Terms { recipient, fee, deadline, salt } = terms.clone();
    let sender = devnet.address(Actor::Alice);
    let claim = Claim { sender, token: Address::ZERO, amount: ether(1), recipient, fee, deadline, salt };

    devnet.warp_to(terms.deadline + 1).await?;
    let fill = market.fill(claim, withdrawal.message.index).value(ether(1) - U256::from(FEE));
    let error = expect_revert::<FastExit::DeadlinePassed>(fill.call().await);
    assert_eq!(error.deadline, terms.deadline);

    // All of it is the recipient's, the fee too.
    assert_eq!(settle(&devnet, &withdrawal, RECIPIENT).await?, ether(1));
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_claim_changes_hands() -> Result<()> {
    let (devnet, market) = start().await?;
    let bob = MarketMaker::start(&devnet, Actor::Bob).await?;
    let (withdrawal, transaction) = exit(&devnet, terms(&devnet, 1).await?).await?;
    let (claim, index) = bob.verify(&devnet, transaction).await?;
    market.fill(claim.clone(), index).value(ether(1) - U256::from(FEE)).send().await?.mined().await?;

    let id = id(&claim);
    let mallory = FastExit::new(*market.address(), devnet.client(Actor::Mallory).l1().clone());
    let thief = devnet.address(Actor::Mallory);
    let error = expect_revert::<FastExit::NotClaimOwner>(mallory.transferClaim(id, thief).call().await);
    assert_eq!((error.received, error.owner), (thief, devnet.address(Actor::Bob)));
    let buyer = Address::repeat_byte(0xb0);
    market.transferClaim(id, buyer).send().await?.mined().await?;
    expect_revert::<FastExit::NotClaimOwner>(market.transferClaim(id, thief).call().await);

    assert_eq!(settle(&devnet, &withdrawal, buyer).await?, ether(1));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn one_withdrawal_is_paid_for_once() -> Result<()> {
    let (devnet, market) = start().await?;
    let bob = MarketMaker::start(&devnet, Actor::Bob).await?;
    let (first, transaction) = exit(&devnet, terms(&devnet, 1).await?).await?;
    let (claim, index) = bob.verify(&devnet, transaction).await?;
    let payment = ether(1) - U256::from(FEE);
    market.fill(claim.clone(), index).value(payment).send().await?.mined().await?;

    let mallory = FastExit::new(*market.address(), devnet.client(Actor::Mallory).l1().clone());
    let error =
        expect_revert::<FastExit::ClaimAlreadyFilled>(mallory.fill(claim.clone(), index).value(payment).call().await);
    assert_eq!((error.id, error.owner), (id(&claim), devnet.address(Actor::Bob)));
    let less = mallory.fill(Claim { fee: claim.fee + U256::ONE, ..claim.clone() }, index).value(payment);
    expect_revert::<FastExit::WrongValue>(less.call().await);

    // Settled, it is gone: a fill that comes after that is refused, however long the terms still hold.
    let far = Terms { deadline: u64::MAX, ..terms(&devnet, 2).await? };
    let (second, transaction) = exit(&devnet, far).await?;
    let (late, index) = bob.verify(&devnet, transaction).await?;
    assert_eq!(settle(&devnet, &second, RECIPIENT).await?, ether(1));
    let error =
        expect_revert::<FastExit::MessageAlreadyFinalized>(market.fill(late, index).value(payment).call().await);
    assert_eq!(error.index, index);
    assert_eq!(settle(&devnet, &first, devnet.address(Actor::Bob)).await?, ether(1));
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, payment + ether(1));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn tokens_filled_or_not() -> Result<()> {
    let (devnet, market) = start().await?;
    let bob = MarketMaker::start(&devnet, Actor::Bob).await?;
    let alice = devnet.client(Actor::Alice);
    let gateways = devnet.gateways();
    let amount = U256::from(1_000_000_000_000_u64);
    let token = devnet.token(alice.l1(), Actor::Alice, amount * U256::from(2)).await?;
    token.mint(devnet.address(Actor::Bob), amount).send().await?.mined().await?;
    token.approve(gateways.l1_token_gateway.address, U256::MAX).send().await?.mined().await?;
    let deposit = TokenTransfer {
        token: *token.address(),
        to: devnet.address(Actor::Alice),
        amount_or_id: amount * U256::from(2),
        gas_limit: TOKEN_DEPOSIT_GAS_LIMIT,
        data: Bytes::new(),
    };
    let deposit = alice.erc20()?.deposit(deposit).await?.state;
    alice.erc20()?.wait_for_delivery(&deposit, PATIENCE).await?;

    let mut exits = Vec::new();
    for salt in 1..=2 {
        let transfer = TokenTransfer {
            token: alice.erc20()?.twin_on_l2(*token.address()),
            to: gateways.fast_exit.address,
            amount_or_id: amount,
            gas_limit: SETTLE_GAS,
            data: terms(&devnet, salt).await?.abi_encode().into(),
        };
        exits.push(alice.erc20()?.withdraw(transfer, U256::ZERO).await?);
    }

    let (claim, index) = bob.verify(&devnet, exits[0].receipt.transaction_hash).await?;
    assert_eq!((claim.sender, claim.token), (devnet.address(Actor::Alice), *token.address()));
    let bobs = Token::new(*token.address(), bob.client.l1());
    bobs.approve(*market.address(), U256::MAX).send().await?.mined().await?;
    assert!(market.fill(claim.clone(), index).send().await?.mined().await?.status());
    let payment = amount - U256::from(FEE);
    assert_eq!(token.balanceOf(RECIPIENT).call().await?, payment, "at once");
    assert_eq!(token.balanceOf(devnet.address(Actor::Bob)).call().await?, U256::from(FEE));

    devnet.release(&exits[0].state).await?;
    assert_eq!(token.balanceOf(devnet.address(Actor::Bob)).call().await?, amount + U256::from(FEE));
    assert_eq!(token.balanceOf(RECIPIENT).call().await?, payment);

    // Nobody filled the other.
    devnet.release(&exits[1].state).await?;
    assert_eq!(token.balanceOf(RECIPIENT).call().await?, payment + amount);
    assert_eq!(token.balanceOf(*market.address()).call().await?, U256::ZERO);
    devnet.check_token(*token.address()).await
}
